/* generate.h: whole outputs: greedy and beam search. Part of runtime.h, which has the
 * rules and the letters of the shapes. */
#ifndef ENCDEC_GENERATE_H
#define ENCDEC_GENERATE_H

#include "encdec/state.h"

#ifdef __cplusplus
extern "C" {
#endif

/* --- Generation ------------------------------------------------------------ */

/* For the lengths and forced tokens below; early_stopping and the n-gram sizes take
 * FROM_MODEL alone. */
#define ENCDEC_FROM_MODEL (-1) /* what the model's own defaults say */
#define ENCDEC_NONE (-2)       /* none, whatever the model says */

/* When the beam search of a source ends. */
enum {
  ENCDEC_EARLY_STOPPING_NO = 0,  /* no running hypothesis is likely to do better */
  ENCDEC_EARLY_STOPPING_YES = 1, /* num_beams hypotheses are finished */
  ENCDEC_EARLY_STOPPING_NEVER = 2 /* no running hypothesis can do better */
};

typedef struct encdec_generate_options {
  uint64_t size;
  int64_t max_new_tokens; /* without the start token; overrides max_length */
  int64_t max_length;     /* with the start token */
  int64_t min_new_tokens; /* without the start token; overrides min_length */
  int64_t min_length;     /* with the start token */
  int32_t forced_bos_token_id; /* at the first position */
  int32_t forced_eos_token_id; /* at the last position */
  double length_penalty;       /* NaN: the model's */
  const int32_t *bad_token_ids; /* never generated, besides the model's own; end
                                   tokens among them do not count, as in
                                   Transformers */
  uint64_t bad_token_count;
  uint32_t probs; /* 1: keep cross-attention probabilities (state with probs) */
  uint32_t truncate; /* 1: cut a source longer than the model's positions at the end
                        of its text (an end token stays, and one id behind it, a
                        language code) where 0 refuses it */
  uint32_t special_tokens; /* 1: text that spells a special token becomes it */
  int32_t early_stopping; /* ENCDEC_EARLY_STOPPING_*, or ENCDEC_FROM_MODEL */
  uint64_t num_beams;      /* 1: greedy; more: beam search as Transformers 5
                              defines it, that many rows a source; 0: what the
                              model says (encdec_model_info.num_beams) */
  uint64_t num_return_sequences; /* best hypotheses to return for each source, 1
                                    (the default) ... num_beams */
  uint32_t no_scores; /* 1: greedy sequences have no log_prob and score (NaN), and
                         their steps no_log_probs */
  uint32_t reserved;   /* 0 */
  int64_t no_repeat_ngram_size; /* n: no n tokens stand in a sequence twice in the
                                   same order, start token included; 0: off */
  int64_t encoder_no_repeat_ngram_size; /* n: no n ids of the source, special ones
                                           included, stand in a sequence in the same
                                           order; 0: off */
  /* For texts: the languages to read and to write, as encdec_find_language takes them;
   * NULL: the model's defaults. A target language that the model forces or starts with
   * overrides forced_bos_token_id and the start token. From ids, source_language must be
   * NULL. */
  const char *source_language;
  const char *target_language;
} encdec_generate_options;

static inline encdec_generate_options encdec_generate_options_default(void) {
  encdec_generate_options options = {sizeof(encdec_generate_options),
                                     ENCDEC_FROM_MODEL,
                                     ENCDEC_FROM_MODEL,
                                     ENCDEC_FROM_MODEL,
                                     ENCDEC_FROM_MODEL,
                                     ENCDEC_FROM_MODEL,
                                     ENCDEC_FROM_MODEL,
                                     0.0,
                                     0,
                                     0,
                                     0,
                                     0,
                                     0,
                                     ENCDEC_FROM_MODEL,
                                     0,
                                     1,
                                     0,
                                     0,
                                     ENCDEC_FROM_MODEL,
                                     ENCDEC_FROM_MODEL,
                                     0,
                                     0};
  /* a quiet NaN without <math.h>: infinity - infinity */
  double infinity = 1e308 * 10.0;
  options.length_penalty = infinity - infinity;
  return options;
}

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
  double log_prob;    /* sum over ids, natural logarithm; forced ones count 0 */
  double score;       /* log_prob / id_count ^ length_penalty; NaN where the
                         penalty makes the quotient 0 or infinite */
  const char *text;   /* zero-terminated UTF-8, special tokens left out; NULL
                         when generated from ids */
  uint64_t text_size; /* bytes, without the final zero */
  const float *probs; /* [L][H][T][S], row t made while predicting ids[t] (zeros for
                         a forced last token, which no step predicts); NULL unless
                         asked */
  uint64_t layers;    /* L */
  uint64_t heads;     /* H */
} encdec_sequence;

/* Generates from any number of sources (laid out as for encdec_encode; more
 * than max_sources or max_rows / num_beams go in portions). The result for a
 * source does not depend on the portions, the neighbours or the thread count.
 * Nothing is added to the ids. The state's rows are used up. `options` may be NULL. A
 * source that cannot be read fails the call before anything is run:
 * encdec_status_input says which. Errors: USAGE (a model that is an encoder only, an
 * empty source, an id outside the vocabulary, options that contradict each other), LIMIT (a source or length beyond
 * the model's or the state's positions, more beams than max_rows). */
ENCDEC_API encdec_status *
encdec_generate(encdec_state *state, const int32_t *ids,
                const uint64_t *offsets, uint64_t source_count,
                const encdec_generate_options *options,
                encdec_result **out_result);

/* The same from text (UTF-8, text_sizes in bytes or NULL for zero-terminated
 * texts) to text, with the bundle's tokenizer. Further errors: USAGE (no tokenizer),
 * LIMIT (a text longer than 16 MB). */
ENCDEC_API encdec_status *
encdec_generate_text(encdec_state *state, const char *const *texts,
                     const uint64_t *text_sizes, uint64_t text_count,
                     const encdec_generate_options *options,
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
