//===- ApiTokenizer.cpp - the C API: text to ids, streams, languages ------===//

#include "runtime/ApiSupport.h"
#include "runtime/text/Detokenizer.h"

#include <fmt/format.h>

using namespace encdec;
using namespace encdec::runtime;
using namespace encdec::runtime::api;

struct encdec_detokenizer {
  std::shared_ptr<const Model> model;
  std::unique_ptr<Detokenizer> stream;
  std::string text; ///< What the last call gave.

  void start() { stream = std::make_unique<Detokenizer>(*model->tokenizer); }
};

extern "C" {

encdec_status *encdec_tokenize_text(const encdec_model *model, const char *text,
                                    uint64_t text_size,
                                    const encdec_tokenize_options *options,
                                    int32_t *ids, encdec_text_range *ranges,
                                    uint64_t capacity, uint64_t *out_count) {
  return guarded([&]() -> Status {
    ENCDEC_RETURN_IF_ERROR(checkGiven({{"model", model}, {"text", text, text_size},
                                       {"ids", ids, capacity},
                                       {"out_count", out_count}}));
    ENCDEC_RETURN_IF_ERROR(checkCount("text_size", text_size));
    ENCDEC_ASSIGN_OR_RETURN(
        auto chosen, readSized(options, encdec_tokenize_options_default(), "options"));
    ENCDEC_ASSIGN_OR_RETURN(const Tokenizer *tokenizer, tokenizerOf(*model->model));
    EncodeOptions how;
    how.parseSpecialTokens = chosen.special_tokens;
    how.targetSide = chosen.target_side;
    how.affixes = !chosen.bare;
    how.offsets = ranges != nullptr;
    ENCDEC_RETURN_IF_ERROR(
        chooseLanguages(*tokenizer, chosen.source_language, chosen.target_language, how));
    ENCDEC_ASSIGN_OR_RETURN(Encoding encoding, tokenizer->encode({text, text_size}, how));
    *out_count = encoding.ids.size();
    const size_t count = std::min<uint64_t>(capacity, encoding.ids.size());
    std::copy_n(encoding.ids.begin(), count, ids);
    for (size_t i = 0; ranges && i < count; ++i)
      ranges[i] = {encoding.offsets[i].begin, encoding.offsets[i].end};
    return {};
  });
}

encdec_status *encdec_detokenizer_create(const encdec_model *model,
                                         encdec_detokenizer **out_detokenizer) {
  if (out_detokenizer)
    *out_detokenizer = nullptr;
  return guarded([&]() -> Status {
    ENCDEC_RETURN_IF_ERROR(
        checkGiven({{"model", model}, {"out_detokenizer", out_detokenizer}}));
    ENCDEC_RETURN_IF_ERROR(tokenizerOf(*model->model).status());
    auto made = std::make_unique<encdec_detokenizer>();
    made->model = model->model;
    made->start();
    *out_detokenizer = made.release();
    return {};
  });
}

encdec_status *encdec_detokenizer_push(encdec_detokenizer *detokenizer, int32_t id,
                                       const char **out_text, uint64_t *out_size) {
  return guarded([&]() -> Status {
    ENCDEC_RETURN_IF_ERROR(checkGiven({{"detokenizer", detokenizer},
                                       {"out_text", out_text},
                                       {"out_size", out_size}}));
    const uint64_t count = detokenizer->model->manifest.model.vocabSize;
    if (id < 0 || uint64_t(id) >= count)
      return usageError(
          fmt::format("id is {}, expected 0 to {}, an id of the vocabulary", id, count - 1));
    detokenizer->text.clear();
    ENCDEC_RETURN_IF_ERROR(detokenizer->stream->push(id, detokenizer->text));
    *out_text = detokenizer->text.c_str();
    *out_size = detokenizer->text.size();
    return {};
  });
}

encdec_status *encdec_detokenizer_finish(encdec_detokenizer *detokenizer,
                                         const char **out_text, uint64_t *out_size) {
  return guarded([&]() -> Status {
    ENCDEC_RETURN_IF_ERROR(checkGiven({{"detokenizer", detokenizer},
                                       {"out_text", out_text},
                                       {"out_size", out_size}}));
    detokenizer->text.clear();
    detokenizer->stream->finish(detokenizer->text);
    detokenizer->start();
    *out_text = detokenizer->text.c_str();
    *out_size = detokenizer->text.size();
    return {};
  });
}

void encdec_detokenizer_destroy(encdec_detokenizer *detokenizer) { delete detokenizer; }

uint64_t encdec_language_count(const encdec_model *model) {
  return model && model->model->tokenizer ? model->model->tokenizer->languageCount() : 0;
}

encdec_status *encdec_language_code(const encdec_model *model, uint64_t language,
                                    char *text, uint64_t capacity, uint64_t *out_size) {
  return guarded([&]() -> Status {
    ENCDEC_RETURN_IF_ERROR(checkGiven(
        {{"model", model}, {"text", text, capacity}, {"out_size", out_size}}));
    const uint64_t count = encdec_language_count(model);
    if (language >= count)
      return usageError(fmt::format("language {} is asked for, but the model has {}",
                                    language, count));
    copyOut(model->model->tokenizer->languageCode(language), text, capacity, out_size);
    return {};
  });
}

encdec_status *encdec_find_language(const encdec_model *model, const char *name,
                                    uint64_t *out_language) {
  return guarded([&]() -> Status {
    ENCDEC_RETURN_IF_ERROR(checkGiven(
        {{"model", model}, {"name", name}, {"out_language", out_language}}));
    ENCDEC_ASSIGN_OR_RETURN(const Tokenizer *tokenizer, tokenizerOf(*model->model));
    ENCDEC_ASSIGN_OR_RETURN(*out_language, tokenizer->findLanguage(name));
    return {};
  });
}

} // extern "C"
