//===- ApiText.cpp - the C API: ids and pieces as text --------------------===//

#include "runtime/ApiSupport.h"

#include <fmt/format.h>

using namespace encdec;
using namespace encdec::runtime;
using namespace encdec::runtime::api;

extern "C" {

encdec_status *encdec_detokenize(const encdec_model *model, const int32_t *ids,
                                 uint64_t id_count, char *text,
                                 uint64_t capacity, uint64_t *out_size) {
  return guarded([&]() -> Status {
    ENCDEC_RETURN_IF_ERROR(checkGiven({{"model", model}, {"ids", ids, id_count},
                                       {"text", text, capacity},
                                       {"out_size", out_size}}));
    ENCDEC_RETURN_IF_ERROR(checkCount("id_count", id_count));
    ENCDEC_ASSIGN_OR_RETURN(const Tokenizer *tokenizer,
                            tokenizerOf(*model->model));
    // An encoder alone has the ids of its source.
    const ModelInfo &sizes = model->model->manifest.model;
    const uint64_t count = sizes.hasDecoder() ? sizes.vocabSize : sizes.sourceVocabSize;
    for (uint64_t i = 0; i < id_count; ++i)
      if (ids[i] < 0 || uint64_t(ids[i]) >= count)
        return usageError(
            fmt::format("id {} at place {} is outside the vocabulary "
                        "0 ... {}",
                        ids[i], i, count - 1));
    ENCDEC_ASSIGN_OR_RETURN(std::string made,
                            tokenizer->decode({ids, id_count}));
    copyOut(made, text, capacity, out_size);
    return {};
  });
}

encdec_status *encdec_piece(const encdec_model *model, uint32_t target_side,
                            int32_t id, char *text, uint64_t capacity,
                            uint64_t *out_size) {
  return guarded([&]() -> Status {
    ENCDEC_RETURN_IF_ERROR(checkGiven({{"model", model}, {"text", text, capacity},
                                       {"out_size", out_size}}));
    if (target_side > 1)
      return usageError(fmt::format(
          "target_side is {}, expected 0 (source) or 1", target_side));
    const ModelInfo &sizes = model->model->manifest.model;
    const uint64_t count =
        target_side ? sizes.vocabSize : sizes.sourceVocabSize;
    if (id < 0 || uint64_t(id) >= count)
      return usageError(fmt::format("id is {}, expected 0 to {}, an id of that "
                                    "side's vocabulary",
                                    id, count - 1));
    ENCDEC_ASSIGN_OR_RETURN(const Tokenizer *tokenizer,
                            tokenizerOf(*model->model));
    auto pieces = target_side ? tokenizer->targetPieces({&id, 1})
                              : tokenizer->sourcePieces({&id, 1});
    copyOut(pieces.front(), text, capacity, out_size);
    return {};
  });
}

} // extern "C"
