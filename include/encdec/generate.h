/* generate.h: whole outputs of any number of sources, in one call. Part of runtime.h, which has the
 * rules and the letters of the shapes. */
#ifndef ENCDEC_GENERATE_H
#define ENCDEC_GENERATE_H

#include "encdec/options.h"
#include "encdec/state.h"

#ifdef __cplusplus
extern "C" {
#endif

/* --- Generation ------------------------------------------------------------ */

/* What generation made. The caller owns it (encdec_result_free); immutable, so any
 * thread may read it; independent of state and model. */
typedef struct encdec_result encdec_result;

/* One source of a result. Pointers live with the result. */
typedef struct encdec_source {
  uint64_t size;
  const int32_t *ids; /* S ids that were read */
  uint64_t id_count;  /* S */
  uint64_t cut_count; /* ids beyond these that truncate has cut off */
  /* num_return_sequences; or fewer, even 0, where the search found no more tokens
   * whose log-probability is a number above -inf. With no_scores a search cannot
   * see that. */
  uint64_t sequence_count;
  /* Warnings about this source, one a line, zero-terminated; "" when there are
   * none. A warning says why sequences are missing. */
  const char *warnings;
} encdec_source;

/* One generated sequence. Pointers live with the result. */
typedef struct encdec_sequence {
  uint64_t size;
  const int32_t *ids; /* all generated ones, end token included, start token not */
  uint64_t id_count;  /* T */
  double log_prob;    /* sum over ids, natural logarithm; forced ones count 0. With beams
                         of what processors have made of the log-probabilities, by which
                         hypotheses are ranked; otherwise of the model's own */
  double score;       /* log_prob / id_count ^ length_penalty; NaN where the
                         penalty makes the quotient 0 or infinite. Of return_alternatives
                         the first id's log-probability and this quotient of the others;
                         coverage_penalty adds its weight times the coverage */
  const char *text;   /* zero-terminated UTF-8, special tokens left out; NULL
                         when generated from ids */
  uint64_t text_size; /* bytes, without the final zero */
  const float *probs; /* [L][H][T][S], row t made while predicting ids[t] (zeros for
                         a forced last token, which no step predicts); NULL unless
                         asked */
  uint64_t layers;    /* L */
  uint64_t heads;     /* H */
} encdec_sequence;

/* Generates from any number of sources, laid out as for encdec_encode; sources join as
 * others end. The result for a source does not depend on the neighbours or the thread
 * count.
 * Nothing is added to the ids. The state's rows are used up. `options` may be NULL. A
 * source that cannot be read fails the call before anything is run:
 * encdec_status_input says which. Errors: USAGE (a model that is an encoder only, an
 * empty source, an id outside the vocabulary, options that contradict each other, a
 * state that a generation owns), LIMIT (a source or length beyond the model's or the
 * state's positions, more beams than max_rows). */
ENCDEC_API encdec_status *
encdec_generate(encdec_state *state, const int32_t *ids,
                const uint64_t *offsets, uint64_t source_count,
                const encdec_options *options,
                encdec_result **out_result);

/* The same from text (UTF-8, text_sizes in bytes or NULL for zero-terminated
 * texts) to text, with the bundle's tokenizer. Further errors: USAGE (no tokenizer),
 * LIMIT (a text longer than 16 MB). */
ENCDEC_API encdec_status *
encdec_generate_text(encdec_state *state, const char *const *texts,
                     const uint64_t *text_sizes, uint64_t text_count,
                     const encdec_options *options,
                     encdec_result **out_result);

/* Number of sources in the result: that of the call that made it. 0 for NULL. */
ENCDEC_API uint64_t encdec_result_count(const encdec_result *result);

/* Source `source` of the result, in the order given (set out_source->size). Errors:
 * USAGE from encdec_result_count on. */
ENCDEC_API encdec_status *encdec_result_source(const encdec_result *result,
                                               uint64_t source,
                                               encdec_source *out_source);

/* Sequence `rank` of source `source`, 0 the best (set out_sequence->size). Errors:
 * USAGE from encdec_result_count or sequence_count on. */
ENCDEC_API encdec_status *encdec_result_get(const encdec_result *result,
                                            uint64_t source, uint64_t rank,
                                            encdec_sequence *out_sequence);

/* Releases a result; NULL does nothing. */
ENCDEC_API void encdec_result_free(encdec_result *result);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* ENCDEC_GENERATE_H */
