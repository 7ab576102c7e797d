//===- Answers.h - what `encdec generate` writes for each source ----------===//

#pragma once

#include "runtime/tools/Generate.h"
#include "runtime/tools/Input.h"

#include <nlohmann/json.hpp>

#include <span>

namespace encdec::tools {

/// Writes one answer for each source, in input order: --nbest lines, or one JSON
/// object. A source without a translation gets blank lines, so that line n of
/// the output (or lines of its --nbest) belongs to line n of the input.
class Answers {
public:
  /// Both must outlive the answers.
  Answers(const GenerateArguments &arguments, const encdec_model *model);

  /// Writes the hypotheses of the result's one source, which has at least one; each stands
  /// behind `prefix`.
  void found(const encdec_result *result, std::span<const int32_t> prefix);
  /// With --stream: writes and flushes what is certain of the next source: the tokens that
  /// its best hypothesis goes on with.
  void certain(std::span<const int32_t> tokens);
  /// Writes the answer to a blank line: a blank line, or an object with no
  /// text.
  void blank();
  /// Writes what stands in for the answer of a source that has none. JSON
  /// contains `error`; text is blank.
  void missing(const std::string &error);

private:
  std::string textOfMore(std::span<const int32_t> tokens);
  void piece(std::span<const int32_t> tokens, std::string text);
  void endStream();
  /// The ids of a sequence, the prefix included, and their text.
  struct Answer {
    std::vector<int32_t> ids;
    std::string text; ///< Without a tokenizer, empty.
    double score, logProb;
  };
  Answer answerOf(const encdec_sequence &sequence, std::span<const int32_t> prefix) const;
  nlohmann::ordered_json toJson(const Answer &answer) const;
  void lines(std::vector<std::string> texts);

  const GenerateArguments &arguments;
  const encdec_model *model;
  encdec_model_info info;
  uint64_t returned; ///< Hypotheses of each source.
  using Detokenizer = std::unique_ptr<encdec_detokenizer, Release<encdec_detokenizer_destroy>>;
  Detokenizer detokenizer; ///< Of the next source; none: tokens are shown as numbers.
  bool begun = false;      ///< Something of the next source was written.
  uint64_t count = 0; ///< Of answers so far; numbers the pictures.
};

} // namespace encdec::tools
