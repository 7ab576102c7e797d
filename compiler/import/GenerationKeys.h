// GenerationKeys.h: which keys belong to decoding rather than to the model.
#pragma once
#include <string_view>

namespace encdec::checkpoint {

/// Whether Transformers' GenerationConfig knows `key`. In config.json such keys
/// count only when there is no generation_config.json.
bool isGenerationKey(std::string_view key);

} // namespace encdec::checkpoint
