//===- ApiScore.cpp - the C API: how probable given targets are -----------===//

#include "runtime/ApiInput.h"
#include "runtime/ApiOptions.h"
#include "runtime/search/Score.h"

using namespace encdec;
using namespace encdec::runtime;
using namespace encdec::runtime::api;

extern "C" {

encdec_status *encdec_score(encdec_state *state, const int32_t *ids,
                            const uint64_t *offsets, const int32_t *targets,
                            const uint64_t *target_offsets, uint64_t count,
                            const encdec_options *options, double *out_log_probs) {
  return guarded([&]() -> Status {
    ENCDEC_RETURN_IF_ERROR(checkGiven({{"state", state},
                                       {"ids", ids, count},
                                       {"offsets", offsets},
                                       {"targets", targets, count},
                                       {"target_offsets", target_offsets},
                                       {"out_log_probs", out_log_probs, count}}));
    ENCDEC_RETURN_IF_ERROR(checkCount("count", count));
    const Sequences sources{{ids, offsets[count]}, {offsets, count + 1}};
    const Sequences wanted{{targets, target_offsets[count]}, {target_offsets, count + 1}};
    ENCDEC_RETURN_IF_ERROR(checkOffsets(sources.ids.size(), sources.offsets));
    ENCDEC_RETURN_IF_ERROR(checkOffsets(wanted.ids.size(), wanted.offsets, "target"));
    ENCDEC_RETURN_IF_ERROR(checkFree(*state));
    const Model &model = *state->state->model;
    ENCDEC_RETURN_IF_ERROR(checkDecoder(model));
    GenerationOptions resolved = optionsOf(options);
    ENCDEC_RETURN_IF_ERROR(forceLanguage(model, resolved));
    ENCDEC_RETURN_IF_ERROR(resolved.checkIds(model.manifest.model.vocabSize));
    const int32_t start = *resolved.over(model.manifest.generation).decoder_start_token_id;
    if (resolved.shortlist) {
      ENCDEC_ASSIGN_OR_RETURN(const uint64_t list,
                              findShortlist(model.manifest, *resolved.shortlist));
      state->state->useShortlist(list);
    }
    const Status status = score(*state->state, sources, wanted, start,
                                {out_log_probs, wanted.ids.size()});
    state->state->useShortlist(0);
    return status;
  });
}

} // extern "C"
