/* score.h: how probable given targets are. Part of runtime.h, which has the rules and the
 * letters of the shapes. */
#ifndef ENCDEC_SCORE_H
#define ENCDEC_SCORE_H

#include "encdec/options.h"
#include "encdec/state.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Log-probabilities of given targets, token by token. Sources lie as for encdec_encode, any
 * number of them; the target of source b is targets[target_offsets[b] ..
 * target_offsets[b+1]), at least one token: the end token included where it counts, the start
 * token not. `out_log_probs` gets target_offsets[count] numbers: the natural logarithm of
 * each token's probability after the source and the tokens before it, by the model alone (no
 * option changes scores). Softmax is summed in f64; nothing depends on the neighbours or the
 * thread count. The state's rows are used up. Of the options (may be NULL) only
 * decoder_start_token_id and target_language matter. A pair that cannot be read fails the
 * call before anything is run: encdec_status_input says which. Errors: USAGE (a model that is
 * an encoder only, an empty source or target, an id outside a vocabulary, a state that a
 * generation owns, no such language), LIMIT (a source or target beyond the model's or the
 * state's positions). */
ENCDEC_API encdec_status *
encdec_score(encdec_state *state, const int32_t *ids, const uint64_t *offsets,
             const int32_t *targets, const uint64_t *target_offsets, uint64_t count,
             const encdec_options *options, double *out_log_probs);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* ENCDEC_SCORE_H */
