//===- AlignmentPage.h - cross-attention to look through ------------------===//

#pragma once

#include <nlohmann/json.hpp>

#include <string>

namespace encdec::tools {

/// A self-contained page (its script and style inside, nothing loaded) over sentences. Each is
/// an object: source and target (pieces), source_words and target_words (text, begin, end),
/// probs [L][H][T][S], text. A reader hovers over words to see what they attend to, picks
/// layers and heads, and steps through the decoding.
std::string alignmentPage(const nlohmann::ordered_json &sentences);

} // namespace encdec::tools
