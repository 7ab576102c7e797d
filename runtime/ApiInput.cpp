//===- ApiInput.cpp - the C API: what is read of a source -----------------===//

#include "runtime/ApiInput.h"

#include "runtime/text/Utf8.h"

#include <fmt/format.h>

namespace encdec::runtime::api {

namespace {

Status languagesOf(const Tokenizer &tokenizer, const GenerationOptions &options,
                   EncodeOptions &how) {
  auto text = [](const std::optional<std::string> &name) {
    return name ? name->c_str() : nullptr;
  };
  return chooseLanguages(tokenizer, text(options.source_language),
                         text(options.target_language), how);
}

/// How many ids at the end of a source follow its text: an end token, and the language
/// code that some families put behind it ("x </s> lang").
size_t closingIds(const Model &model, std::span<const int32_t> ids) {
  const auto &ends = model.manifest.generation.eos_token_id;
  for (size_t count = 1; count <= std::min<size_t>(ids.size(), 2); ++count) {
    const int32_t id = ids[ids.size() - count];
    if ((model.tokenizer && id == model.tokenizer->eosId()) ||
        (ends && std::find(ends->begin(), ends->end(), id) != ends->end()))
      return count;
  }
  return 0;
}

} // namespace

Result<Input> readText(const Model &model, std::string_view text,
                       const GenerationOptions &options) {
  ENCDEC_ASSIGN_OR_RETURN(const Tokenizer *tokenizer, tokenizerOf(model));
  EncodeOptions how;
  how.parseSpecialTokens = options.special_tokens.value_or(false);
  ENCDEC_RETURN_IF_ERROR(languagesOf(*tokenizer, options, how));
  Input input;
  ENCDEC_ASSIGN_OR_RETURN(Encoding encoding, tokenizer->encode(text, how));
  input.ids = std::move(encoding.ids);
  for (const std::string &warning : encoding.warnings)
    input.warn(warning);
  if (!isValidUtf8(text))
    input.warn("the text is not all UTF-8; a byte that is not is read as U+FFFD");
  return input;
}

Status fit(const Model &model, bool truncate, Input &input) {
  const uint64_t most = model.manifest.model.maxPositions;
  std::vector<int32_t> &ids = input.ids;
  if (ids.size() <= most)
    return {};
  if (!truncate)
    return overLimit(
        fmt::format("the source has {} tokens, more than the model's {} "
                    "positions; shorten it or have it cut (truncate); a model whose "
                    "family has no limit can be compiled for more (--max-source-tokens)",
                    ids.size(), most));
  input.cut = ids.size() - most;
  const auto closing = int64_t(std::min(closingIds(model, ids), most));
  ids.erase(ids.end() - closing - int64_t(input.cut), ids.end() - closing);
  input.warn(fmt::format("the source has {} tokens, more than the model's {} positions: "
                         "{} were cut off",
                         most + input.cut, most, input.cut));
  return {};
}

Status forceLanguage(const Model &model, GenerationOptions &options) {
  const bool listOfLanguage = options.shortlist == "language";
  if (!options.target_language)
    return listOfLanguage ? usageError("shortlist: language is the list that is named as "
                                       "target_language, which is missing; give it, or the "
                                       "list's own name")
                          : Status();
  ENCDEC_ASSIGN_OR_RETURN(const Tokenizer *tokenizer, tokenizerOf(model));
  EncodeOptions how;
  ENCDEC_RETURN_IF_ERROR(languagesOf(*tokenizer, options, how));
  if (listOfLanguage)
    options.shortlist = std::string(tokenizer->languageCode(size_t(how.targetLanguage)));
  const auto tokens = tokenizer->decoderTokens(
      how.targetLanguage, *model.manifest.generation.decoder_start_token_id);
  for (const auto &token : {tokens.forcedFirst, tokens.start})
    if (token && uint64_t(*token) >= model.manifest.model.vocabSize)
      return badModel(fmt::format("the target language has id {}, the model's target "
                                  "vocabulary ends at {}",
                                  *token, model.manifest.model.vocabSize - 1));
  if (tokens.forcedFirst)
    options.forced_bos_token_id = tokens.forcedFirst;
  if (tokens.start)
    options.decoder_start_token_id = tokens.start;
  return {};
}

} // namespace encdec::runtime::api
