/* state.h: what one decoding needs, driven step by step, and where its time goes. Part
 * of runtime.h, which has the rules and the letters of the shapes. */
#ifndef ENCDEC_STATE_H
#define ENCDEC_STATE_H

#include "encdec/model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* --- State ----------------------------------------------------------------- */

typedef struct encdec_state encdec_state;

/* Limits of a state; 0 means the default. Memory is reserved for all of them at
 * once and touched only as it is used. */
typedef struct encdec_state_options {
  uint64_t size;
  uint64_t max_rows;             /* R; default 32 */
  uint64_t max_source_tokens;    /* of all sources at a time together, each
                                    counted rounded up to 16; default: max_sources
                                    times the model's longest source */
  uint64_t max_target_positions; /* tokens fed to one row; default: the model's
                                    max_positions */
  uint32_t threads;              /* workers, the caller included; default:
                                    encdec_machine_info.threads. No more than that
                                    are started: they would take turns. At most
                                    256 */
  uint64_t max_memory;           /* bytes that may be reserved; default: the
                                    physical memory of the machine */
  uint32_t probs;          /* 1: make room for cross-attention probabilities */
  uint32_t encoder_states; /* 1: make room for the encoder's output, which each
                              encode then gives */
  uint64_t max_sources; /* at a time; each has at least one row, so at most
                           max_rows, the default. With K beams, max_rows / K are
                           enough */
} encdec_state_options;

static inline encdec_state_options encdec_state_options_default(void) {
  encdec_state_options options = {sizeof(encdec_state_options), 0, 0, 0, 0,
                                  0, 0, 0, 0};
  return options;
}

/* Makes a state with its thread team. Keeps the model alive. `options` may be
 * NULL. Errors: LIMIT (max_memory, named with the bytes needed; limits beyond the
 * model's or beyond each other), USAGE (encoder_states of a model whose code does not
 * give them), FAILURE (memory, threads). */
ENCDEC_API encdec_status *encdec_state_create(encdec_model *model,
                                              const encdec_state_options *options,
                                              encdec_state **out_state);

/* Joins the threads and frees the state. NULL does nothing. Not while another
 * function runs on it. */
ENCDEC_API void encdec_state_destroy(encdec_state *state);

typedef struct encdec_state_info {
  uint64_t size;
  uint64_t rows;    /* rows of the next step */
  uint64_t sources; /* of the last encode or join */
  uint32_t threads;
  uint64_t reserved_bytes;  /* address space set aside, touched on use */
  uint64_t encode_calls;    /* since creation */
  uint64_t encoded_sources; /* each source counts once however long it decodes */
  uint64_t encoded_tokens;
  uint64_t steps;
  uint64_t step_rows; /* rows of all steps together */
  uint64_t prefills;
  uint64_t prefill_tokens; /* of all prefills together */
  uint64_t sketched_steps;   /* steps whose tokens a sketch of the vocabulary settled */
  uint64_t candidate_blocks; /* blocks of 128 columns that the sketch left as
                                candidates in these steps, together */
} encdec_state_info;

/* Fills `info` (set info->size). */
ENCDEC_API encdec_status *encdec_state_get_info(const encdec_state *state,
                                                encdec_state_info *info);

/* Runs function(data, worker, workers) on every worker of the state's team at
 * once, the caller being worker 0; returns when all have returned. For work and
 * measurements on the very threads that a step uses. `data` is passed on as it is.
 * The function must not throw, nor use the state. */
ENCDEC_API encdec_status *
encdec_state_run(encdec_state *state,
                 void (*function)(void *data, uint32_t worker,
                                  uint32_t workers),
                 void *data);

/* --- Driving a model step by step ------------------------------------------ */

/* Reads B = source_count sources laid end to end: source b is
 * ids[offsets[b] .. offsets[b+1]), so offsets has B + 1 entries and offsets[0] = 0.
 * B is 1 ... max_sources, and every source has 1 ... max_positions tokens. Projects
 * the cross keys and values once, forgets all earlier rows, and leaves B rows at
 * position 0, row b reading source b. Errors: USAGE (ids outside the vocabulary,
 * offsets that do not ascend, no or an empty source), LIMIT (names the option to
 * raise); where one source is at fault, encdec_status_input says which. */
ENCDEC_API encdec_status *encdec_encode(encdec_state *state, const int32_t *ids,
                                        const uint64_t *offsets,
                                        uint64_t source_count);

/* Reads further sources beside the live rows, which stay as they are: source b gets one
 * row at position 0, behind all other rows, from which up to rows[b] (at least 1) rows may go
 * on by encdec_reorder. A source ends, and its room is free again, once a reorder leaves it
 * no row. Errors: as encdec_encode; LIMIT where there is no room now (max_sources,
 * max_source_tokens and max_rows less what live sources hold; after encdec_encode, whose
 * sources share all rows, until those have ended). */
ENCDEC_API encdec_status *encdec_join(encdec_state *state, const int32_t *ids,
                                      const uint64_t *offsets, uint64_t source_count,
                                      const uint64_t *rows);

/* What the encoder made of the sources of the last encode or join. The pointer is a view into
 * the state, valid until its next encode. */
typedef struct encdec_encoder_states {
  uint64_t size;
  const float *states; /* [S][stride]: the encoder's output, after its last norm, for
                          each token of all sources, end to end as the ids were; the
                          first `width` floats of a row in use */
  uint64_t row_count;  /* S, of all sources together */
  uint64_t width;      /* d_model */
  uint64_t stride;     /* in floats */
} encdec_encoder_states;

/* The encoder's output (set out_states->size). Steps leave it as it is. Errors: USAGE (a
 * state made without encoder_states, nothing encoded). */
ENCDEC_API encdec_status *
encdec_get_encoder_states(const encdec_state *state, encdec_encoder_states *out_states);

/* How the states of a source's tokens become one vector: their mean, end token and
 * prefixes included, or the first one. */
enum { ENCDEC_POOL_MEAN = 1, ENCDEC_POOL_FIRST = 2 };

/* One vector for each source of the last encode: writes [B][d_model] floats to `vectors`,
 * which has room for `capacity` floats. Means are summed in f64, so they do not depend on
 * neighbours or threads. Errors: USAGE (as above, another pooling, capacity). */
ENCDEC_API encdec_status *encdec_pool_encoder_states(const encdec_state *state,
                                                     uint32_t pooling, float *vectors,
                                                     uint64_t capacity);

typedef struct encdec_step_input {
  uint64_t size;
  const int32_t *tokens; /* R tokens, one a row, 0 ... V - 1: the decoder's start
                            token first, then the chosen ones */
  uint64_t rows;         /* R, must be the number of live rows */
  const float *logit_bias; /* NULL, or bias_rows rows of round_up(V, 16) floats,
                              0 or -inf, 64-byte aligned: keeps tokens from being
                              chosen without changing log-probabilities */
  uint64_t bias_rows;
  const int32_t *row_bias; /* R indices into logit_bias; NULL: row 0 for all */
  uint32_t logits;       /* 1: also give logits */
  uint32_t probs;        /* 1: also give probs (state made with probs) */
  uint64_t top_k;        /* best tokens to find for each row, 1 ... 64; 0 means 1 */
  uint32_t no_log_probs; /* 1: tokens alone. With top_k 1 and few rows, a model
                            compiled with a sketch then reads a quarter of its
                            vocabulary, for the same tokens */
} encdec_step_input;

static inline encdec_step_input encdec_step_input_default(void) {
  encdec_step_input input = {sizeof(encdec_step_input), 0, 0, 0, 0, 0, 0, 0, 0, 0};
  return input;
}

/* Views into the state, valid until its next call. */
typedef struct encdec_step_output {
  uint64_t size;
  const int32_t *tokens;  /* [R][top_k]: best tokens of each row, best first;
                             lower ids first on ties; 0 where no further token
                             may be chosen */
  const float *log_probs; /* [R][top_k]: their log-probabilities, natural
                             logarithm; -inf where no further token may be
                             chosen; NULL with no_log_probs */
  const float *logits;    /* [R][logits_stride] without logit_bias, the first V of a
                             row in use, or NULL */
  uint64_t logits_stride; /* in floats */
  const float *probs;     /* [L][H][R][probs_stride], or NULL; entries
                             0 ... S - 1 of a row are its source's tokens */
  uint64_t probs_stride;  /* in floats */
} encdec_step_output;

/* One decoder step over all rows: appends each row's token to its cache and
 * predicts the next (set output->size). Allocates nothing. Errors: USAGE (a model
 * that is an encoder only, no rows,
 * another number of rows, a token outside the vocabulary, top_k, biases, or
 * probs that the state has no room for), LIMIT (a row has no position left:
 * max_target_positions). */
ENCDEC_API encdec_status *encdec_step(encdec_state *state,
                                      const encdec_step_input *input,
                                      encdec_step_output *output);

/* The most tokens of one encdec_prefill. */
#define ENCDEC_MAX_PREFILL 64

/* Feeds token_count (1 ... ENCDEC_MAX_PREFILL) tokens to one row in one call, with the same
 * bits as so many steps of this row alone would have, and predicts nothing; the other rows
 * stay as they are. The row came by encdec_join and is its source's only one. `out_logits`
 * (may be NULL) gets a view of the tokens' logits, [token_count][*out_stride], the first V of
 * a row in use, valid until the next call. Errors: as encdec_step; USAGE (no such row, a row
 * of encdec_encode or with siblings). */
ENCDEC_API encdec_status *encdec_prefill(encdec_state *state, uint64_t row,
                                         const int32_t *tokens, uint64_t token_count,
                                         const float **out_logits, uint64_t *out_stride);

/* Confines the tokens that later steps and prefills of this state predict to a list that the
 * model was compiled with (encdec compile --shortlist); NULL ends that. They then multiply by
 * the list's rows of the vocabulary alone. Everything is by id as before: tokens outside of the
 * list have logits of -inf, and probabilities are of the list. A generation chooses by its
 * option shortlist; its start and its end set NULL. Errors: USAGE (no such list; the message
 * names the model's lists). */
ENCDEC_API encdec_status *encdec_use_shortlist(encdec_state *state, const char *name);

/* Chooses the rows of the next step: new row i goes on from old row parents[i].
 * Rows not named disappear; rows that go on from one row share its past, which is
 * never copied. Keep rows of one source beside each other: they then read its
 * keys and values together. row_count up to max_rows; 0 ends all rows. Allocates
 * nothing. Errors: USAGE (a parent that is no live row), LIMIT (max_rows). */
ENCDEC_API encdec_status *encdec_reorder(encdec_state *state,
                                         const uint32_t *parents,
                                         uint64_t row_count);

/* --- Profiling -------------------------------------------------------------- */

/* Compiled code is a fixed sequence of segments with barriers between them, one
 * sequence for encode and one for a step. A profile measures each segment at the
 * barriers: it costs some tens of nanoseconds a segment and worker while it is on,
 * nothing while it is off. */
enum { ENCDEC_PROFILE_ENCODE = 0, ENCDEC_PROFILE_STEP = 1 };

/* Sets all sums to zero and starts measuring: every later encode and step of the
 * state counts, also inside of encdec_generate. Errors: BAD_MODEL (the manifest does not name the segments). */
ENCDEC_API encdec_status *encdec_state_profile_start(encdec_state *state);

/* Ends measuring; what was measured stays until the next start. Does nothing
 * where nothing was started. */
ENCDEC_API encdec_status *encdec_state_profile_stop(encdec_state *state);

/* Number of segments of an entry (ENCDEC_PROFILE_*); 0 for NULL, for another
 * entry and before the first start. */
ENCDEC_API uint64_t encdec_state_profile_count(const encdec_state *state,
                                               uint32_t entry);

/* Sums over all calls since the start; a multiply-add is one multiplication and
 * one addition. Sums too large for 64 bits are the largest number. */
typedef struct encdec_segment_profile {
  uint64_t size;
  const char *ops;  /* ops of the IR, joined by '+'; lives with the model */
  const char *side; /* "encoder" or "decoder"; static */
  int64_t layer;    /* -1: in no layer, or in several */
  uint64_t calls;
  uint64_t rows;             /* of all calls; source tokens for encode */
  uint64_t nanoseconds;      /* from the barrier before to the one after */
  uint64_t wait_nanoseconds; /* part of nanoseconds: how long the average worker
                                waited at the barrier after */
  uint64_t weight_bytes;     /* each weight read once a call */
  uint64_t key_bytes; /* keys and values read: a source's memory counts once for
                         all its rows, each row's self-attention cache by itself */
  uint64_t weight_multiply_adds;
  uint64_t key_multiply_adds; /* with keys and values, always f32 */
  /* Code may run other segments from some number of rows on: the least rows of
   * the calls that run this one, and the least for each worker. Segments of one
   * such range follow each other; those of a range that no call was in have no
   * calls. */
  uint64_t least_rows;
  uint64_t worker_rows;
} encdec_segment_profile;

/* Segment `index`, in the order they run (set out_profile->size). Errors: USAGE
 * (no such entry or segment, nothing started), BAD_MODEL (the code turned out to
 * have other segments than the manifest names). */
ENCDEC_API encdec_status *
encdec_state_get_profile(const encdec_state *state, uint32_t entry,
                         uint64_t index, encdec_segment_profile *out_profile);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* ENCDEC_STATE_H */
