// Generation.cpp: the decoding defaults of a checkpoint.
//
// The options' table (runtime/base/GenerationOptions.def) says which keys there are and which
// values they take. Rules as in Transformers' generation utilities (generation/utils.py,
// generation/configuration_utils.py): an unset max_length means 20 *new* tokens, within the
// model's positions; max_new_tokens overrides max_length; decoder_start_token_id falls back
// to bos_token_id, pad to eos. Overridden lengths are kept: a caller may ask for them.
#include "compiler/import/Config.h"

#include <algorithm>
#include <fmt/format.h>

namespace encdec::checkpoint {

namespace {

/// Keys of Transformers that change no result here: what is computed faster, kept or
/// returned besides, and names of versions.
constexpr std::string_view silentKeys[] = {"_from_model_config",
                                           "transformers_version",
                                           "_commit_hash",
                                           "use_cache",
                                           "output_attentions",
                                           "output_hidden_states",
                                           "output_scores",
                                           "output_logits",
                                           "return_dict_in_generate",
                                           "cache_implementation",
                                           "cache_config",
                                           "max_cache_len",
                                           "return_legacy_cache",
                                           "disable_compile",
                                           "compile_config",
                                           "continuous_batching_config",
                                           "low_memory",
                                           "prefill_chunk_size",
                                           "use_mtp",
                                           "assistant_early_exit",
                                           "assistant_confidence_threshold",
                                           "assistant_ensemble_weight",
                                           "assistant_lookbehind",
                                           "target_lookbehind",
                                           "num_assistant_tokens",
                                           "num_assistant_tokens_schedule",
                                           "speculation_type",
                                           "is_assistant"};

/// Keys that only this file reads: they become values of options.
constexpr std::string_view importedKeys[] = {"bos_token_id", "force_bos_token_to_be_generated"};

bool isOption(std::string_view key) {
  const OptionInfo *row = findOption(key);
  return row && std::string_view(row->origin).starts_with("Transformers");
}

bool isQuiet(std::string_view key) {
  return std::ranges::count(silentKeys, key) || std::ranges::count(importedKeys, key);
}

/// Whether `value` turns a key off. An empty list does, and so does 1.0 where 1 does.
bool isOff(const JsonValue &value, std::string_view off) {
  return value.show() == off || (!value.isScalar() && value.items.empty());
}

/// Sets what the object gives of the table's options. One warning names the keys that change
/// the reference's result and not ours, another the unknown ones.
Status readOptions(const ConfigFiles &files, GenerationOptions &options,
                   std::vector<std::string> &warnings) {
  const JsonValue &object = files.generation();
  const std::string file = files.generationName();
  std::vector<std::string> ignored, unknown;
  for (size_t i = 0; i < object.keys.size(); ++i) {
    const std::string &key = object.keys[i];
    const JsonValue &value = object.items[i];
    if (value.isNull() || isQuiet(key))
      continue;
    if (isOption(key)) {
      // The message begins with the key.
      if (Status status = options.set(key, value); !status.ok())
        return badModel(
            fmt::format("{}: key \"{}\"{}", file, key, status.message().substr(key.size())));
    } else if (const RefusedOption *refused = findRefusedOption(key)) {
      if (!isOff(value, refused->off))
        ignored.push_back(fmt::format("{} = {}", key, value.show()));
    } else if (files.hasGenerationFile) { // the other keys of config.json describe the model
      unknown.push_back(quote(key));
    }
  }
  if (!ignored.empty())
    warnings.push_back(
        fmt::format("{}: not supported, ignored: {}", file, listNames(ignored)));
  if (!unknown.empty())
    warnings.push_back(
        fmt::format("{}: unknown keys, ignored: {}", file, listNames(unknown)));
  return {};
}

/// The start token and the pad, which others stand for, and a first token that old
/// configurations force without naming it: they are from before forced_bos_token_id, and the
/// reference reads their key in config.json alone.
void resolveTokens(Fields &fields, uint64_t vocabulary, bool inConfig,
                   GenerationOptions &options) {
  const std::vector<uint64_t> begins = fields.counts("bos_token_id", vocabulary - 1);
  if (begins.size() > 1)
    fields.fail("bos_token_id", "one token id");
  if (begins.size() == 1 && !options.decoder_start_token_id)
    options.decoder_start_token_id = int32_t(begins[0]);
  if (!options.decoder_start_token_id)
    fields.fail("decoder_start_token_id",
                "a token id (or a bos_token_id to fall back on): decoding "
                "cannot start without one");
  if (!options.pad_token_id && options.eos_token_id)
    options.pad_token_id = options.eos_token_id->front();
  if (inConfig && fields.flag("force_bos_token_to_be_generated", false) && begins.size() == 1)
    options.forced_bos_token_id = int32_t(begins[0]);
}

/// The greatest lengths, cut to the model's positions. The decoder never reads the last
/// token, so n positions are enough for n + 1 tokens, the start token included.
void resolveLengths(const std::string &file, uint64_t maxPositions, bool positionsGrow,
                    GenerationConfig &config, std::vector<std::string> &warnings) {
  GenerationOptions &options = config.options;
  const auto newTokens = uint64_t(options.max_new_tokens.value_or(0));
  const auto length =
      uint64_t(options.max_length.value_or(int64_t(std::min<uint64_t>(21, maxPositions))));
  if (positionsGrow)
    maxPositions = std::clamp(std::max(length - 1, newTokens), maxPositions,
                              std::max(maxPositions, maxWidth));
  config.positions = maxPositions;
  options.max_length = int64_t(std::min(length, maxPositions + 1));
  if (length > maxPositions + 1)
    warnings.push_back(fmt::format("{}: key \"max_length\": {} is more than the model's {} "
                                   "positions allow, cut to {}",
                                   file, length, maxPositions, maxPositions + 1));
  if (newTokens <= maxPositions)
    return;
  options.max_new_tokens = int64_t(maxPositions);
  warnings.push_back(fmt::format("{}: key \"max_new_tokens\": {} is more than the model's {} "
                                 "positions, cut",
                                 file, newTokens, maxPositions));
}

} // namespace

bool isGenerationKey(std::string_view name) {
  return isOption(name) || isQuiet(name) || findRefusedOption(name);
}

Result<GenerationConfig> readGeneration(const ConfigFiles &files,
                                        uint64_t vocabulary,
                                        uint64_t maxPositions, bool positionsGrow,
                                        std::vector<std::string> &warnings) {
  Fields fields(files.generation(), files.generationName());
  GenerationConfig config;
  ENCDEC_RETURN_IF_ERROR(readOptions(files, config.options, warnings));
  resolveTokens(fields, vocabulary, !files.hasGenerationFile, config.options);
  ENCDEC_RETURN_IF_ERROR(fields.status());
  if (Status ids = config.options.checkIds(vocabulary); !ids.ok())
    return badModel(files.generationName() + ": " + ids.message());
  resolveLengths(files.generationName(), maxPositions, positionsGrow, config, warnings);
  return config;
}

} // namespace encdec::checkpoint
