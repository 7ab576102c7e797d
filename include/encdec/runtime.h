/* runtime.h: the C API of the encdec runtime (plain C11, also C++20).
 *
 * Three objects:
 *   encdec_model   an opened bundle; immutable, may be shared by threads
 *   encdec_state   what one decoding needs: memory, caches, arena, thread team;
 *                  one caller at a time, any number of states per model
 *   encdec_bundle  the verified sections of a file, never run (for inspection)
 *
 * Rules that hold for every function unless it says otherwise:
 *   - errors: a function that can fail returns an encdec_status *. NULL is
 *     success; anything else is owned by the caller (encdec_status_free). On an
 *     error the out-parameters that are handles or pointers are NULL and the
 *     object is as usable as before the call. No C++ exception, signal or exit
 *     leaves the library, and it prints nothing.
 *   - ownership: inputs are borrowed for the time of the call. Handles belong
 *     to the caller. Pointers inside returned structs belong to the object
 *     they were asked from.
 *   - threads: functions on a model or bundle may be called from any threads at
 *     once. Functions on one state must not overlap.
 *   - nulls: a NULL handle or required pointer is ENCDEC_ERROR_USAGE, never a
 *     crash; freeing NULL does nothing. Freeing a handle twice is the one thing
 *     that stays undefined.
 *   - structs start with `size`, which the caller sets to sizeof the struct (the
 *     _default functions do): this is how newer libraries know older callers. A
 *     size that is not set is ENCDEC_ERROR_USAGE.
 *
 * "Errors:" lists the codes that a function gives for its own reasons; any function
 * may also give FAILURE when memory runs out. All sizes are in bytes and all counts
 * in tokens unless said otherwise.
 *
 * Letters: R rows (live hypotheses), B sources, S source length in tokens, T
 * target length, L decoder layers, H decoder heads, V target vocabulary.
 */
#ifndef ENCDEC_RUNTIME_H
#define ENCDEC_RUNTIME_H

#include "encdec/abi.h"

#include <stdint.h>

#if defined(__GNUC__)
#define ENCDEC_API __attribute__((visibility("default")))
#else
#define ENCDEC_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* --- Status ---------------------------------------------------------------- */

/* Why a call failed. Opaque; immutable, so any thread may read or free it.
 * Running out of memory yields a static status that freeing leaves alone. */
typedef struct encdec_status encdec_status;

/* The codes are also the exit codes of the `encdec` programs. */
enum {
  ENCDEC_OK = 0,
  ENCDEC_ERROR_FAILURE = 1,      /* the system failed: reading, memory, threads */
  ENCDEC_ERROR_USAGE = 2,        /* arguments that make no sense */
  ENCDEC_ERROR_BAD_MODEL = 3,    /* damaged, hostile or unknown file */
  ENCDEC_ERROR_DOES_NOT_FIT = 4, /* sound, for another machine or version */
  ENCDEC_ERROR_LIMIT = 5         /* a stated limit was reached */
};

/* The code of a status; ENCDEC_OK for NULL. */
ENCDEC_API int encdec_status_code(const encdec_status *status);

/* One sentence (zero-terminated UTF-8): what, where, expected and found, what
 * to do. Lives as long as the status; "" for NULL. */
ENCDEC_API const char *encdec_status_message(const encdec_status *status);

/* Index of the input that the error is about, where a call took several (the
 * sources of encdec_encode and encdec_generate, the texts of
 * encdec_generate_text); the message does not repeat it. -1: the error is about
 * the whole call; also for NULL. */
ENCDEC_API int64_t encdec_status_input(const encdec_status *status);

/* Releases a status; NULL does nothing. */
ENCDEC_API void encdec_status_free(encdec_status *status);

/* --- This library and this machine ----------------------------------------- */

/* Version of the library, "major.minor.patch"; static. */
ENCDEC_API const char *encdec_version(void);

typedef struct encdec_machine_info {
  uint64_t size;
  const char *architecture; /* "x86-64", "aarch64" or "unknown"; static */
  const char *cpu_level;    /* best level this CPU and OS run: "v4-vnni",
                               "v4", "v3-avxvnni", "v3", "neon", or "none";
                               static */
  uint32_t threads;         /* default thread count: CPUs of the affinity mask or
                               the cgroup CPU quota, whichever is less; at least
                               1 */
} encdec_machine_info;

/* What this machine can run (set info->size). */
ENCDEC_API encdec_status *encdec_machine_get_info(encdec_machine_info *info);

/* --- Model ----------------------------------------------------------------- */

typedef struct encdec_model encdec_model;

typedef struct encdec_model_options {
  uint64_t size;
  const char *cpu_level; /* level to use; NULL: environment ENCDEC_CPU if set,
                            else the best one that the file has and this machine
                            runs */
} encdec_model_options;

static inline encdec_model_options encdec_model_options_default(void) {
  encdec_model_options options = {sizeof(encdec_model_options), 0};
  return options;
}

/* Opens the bundle at `path`: maps it, verifies all of it (structure, bounds,
 * meaning, checksums), then loads the code of one CPU level. The file must not
 * be rewritten in place while open (replace it by renaming). `options` may be
 * NULL. The code section is a program: open only bundles you would run.
 * Errors: USAGE (no level has the name asked for), BAD_MODEL (damage),
 * DOES_NOT_FIT (version, CPU), FAILURE (reading). */
ENCDEC_API encdec_status *encdec_model_open(const char *path,
                                            const encdec_model_options *options,
                                            encdec_model **out_model);

/* A model from code and data already in this process (a JIT). `image` itself is
 * borrowed for the call; the data it points to must outlive the model and all its
 * states. The manifest and tokenizer are verified as those of a file are. Errors:
 * USAGE (image->size), BAD_MODEL, DOES_NOT_FIT (version). */
ENCDEC_API encdec_status *
encdec_model_from_memory(const encdec_model_image *image,
                         encdec_model **out_model);

/* Releases the handle. States made from it stay valid, and the model's memory is
 * freed with the last of them. NULL does nothing. Not while another function runs
 * on the handle. */
ENCDEC_API void encdec_model_close(encdec_model *model);

typedef struct encdec_model_info {
  uint64_t size;
  const char *family;      /* of the architecture; strings live with the model */
  const char *weight_type; /* "f32", "bf16", "int8", "int8-dynamic" */
  const char *cpu_level;   /* of the code in use; "memory" for an image */
  const char *producer;
  uint64_t d_model;
  uint64_t encoder_layers;
  uint64_t decoder_layers; /* L; 0: an encoder only, which can encode and no more:
                              what follows about a decoder and about decoding is 0,
                              ids are -1 */
  uint64_t decoder_heads;  /* H */
  uint64_t vocab_size;     /* V, target */
  uint64_t source_vocab_size;
  uint64_t max_positions; /* longest source, and longest target, in tokens */
  uint64_t weights_bytes;
  uint64_t step_bytes; /* weight bytes that one step of one row reads */
  int32_t decoder_start_token_id;
  int32_t pad_token_id;     /* -1 if none */
  const int32_t *eos_token_ids;
  uint64_t eos_token_count;
  int64_t max_length;       /* default, start token included */
  uint64_t num_beams;       /* what the checkpoint asks for */
  double length_penalty;
  uint32_t has_tokenizer; /* 1 if text can go in and out */
  uint32_t reserved;       /* 0 */
  uint64_t sketch_bytes;   /* of an int8 sketch of the vocabulary; 0: none */
  uint64_t sketched_bytes; /* part of step_bytes: the weight that has the sketch; a
                              step that uses the sketch reads only the candidate
                              blocks of it */
} encdec_model_info;

/* Fills `info` (set info->size). Strings and arrays live with the model. */
ENCDEC_API encdec_status *encdec_model_get_info(const encdec_model *model,
                                                encdec_model_info *info);

/* The manifest as JSON text; zero-terminated, lives with the model. `out_size`
 * (may be NULL) gets its length. NULL for a NULL model. */
ENCDEC_API const char *encdec_model_manifest(const encdec_model *model,
                                             uint64_t *out_size);

/* --- State ----------------------------------------------------------------- */

typedef struct encdec_state encdec_state;

/* Limits of a state; 0 means the default. Memory is reserved for all of them at
 * once and touched only as it is used. */
typedef struct encdec_state_options {
  uint64_t size;
  uint64_t max_rows;             /* R; default 32 */
  uint64_t max_source_tokens;    /* of all sources of one encode together, each
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
  uint32_t logits; /* 1: make room for the logits of each step */
  uint32_t probs;  /* 1: make room for cross-attention probabilities */
  uint64_t max_sources; /* of one encode; each has at least one row, so at most
                           max_rows, the default. With K beams, max_rows / K are
                           enough */
  uint32_t encoder_states; /* 1: make room for the encoder's output, which each
                              encode then gives */
} encdec_state_options;

static inline encdec_state_options encdec_state_options_default(void) {
  encdec_state_options options = {sizeof(encdec_state_options), 0, 0, 0, 0,
                                  0, 0, 0, 0, 0};
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
  uint64_t sources; /* of the last encode */
  uint32_t threads;
  uint64_t reserved_bytes;  /* address space set aside, touched on use */
  uint64_t encode_calls;    /* since creation */
  uint64_t encoded_sources; /* each source counts once however long it decodes */
  uint64_t encoded_tokens;
  uint64_t steps;
  uint64_t step_rows; /* rows of all steps together */
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

/* What the encoder made of the sources of the last encode. The pointer is a view into
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
  uint32_t logits;       /* 1: also give logits (state made with logits) */
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
 * another number of rows, a token outside the vocabulary, top_k, biases, logits or
 * probs that the state has no room for), LIMIT (a row has no position left:
 * max_target_positions). */
ENCDEC_API encdec_status *encdec_step(encdec_state *state,
                                      const encdec_step_input *input,
                                      encdec_step_output *output);

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

/* Measures all later encodes and steps of the state, those of encdec_generate
 * too, from zero. Errors: BAD_MODEL (the manifest does not name the segments). */
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
  uint64_t key_bytes; /* cached keys and values read: those of a source once for
                         all its rows, each row's own past for itself */
  uint64_t weight_multiply_adds;
  uint64_t key_multiply_adds; /* with keys and values, always f32 */
} encdec_segment_profile;

/* Segment `index`, in the order they run (set out_profile->size). Errors: USAGE
 * (no such entry or segment, nothing started), BAD_MODEL (the code turned out to
 * have other segments than the manifest names). */
ENCDEC_API encdec_status *
encdec_state_get_profile(const encdec_state *state, uint32_t entry,
                         uint64_t index, encdec_segment_profile *out_profile);

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

/* Number of sources, as many as the call was given; 0 for NULL. */
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

/* --- Text ------------------------------------------------------------------ */

/* Source ids of `text` (text_size bytes) with the end token, as
 * encdec_generate_text would read them. Up to `capacity` ids are written to `ids`
 * (may be NULL when capacity is 0); *out_count is how many ids the text has. Of the
 * options only special_tokens, truncate and the languages matter; NULL for the defaults.
 * Errors: USAGE (no tokenizer, no such language), LIMIT (more ids than positions, unless truncate; a text longer
 * than 16 MB). */
ENCDEC_API encdec_status *
encdec_tokenize(const encdec_model *model, const char *text, uint64_t text_size,
                const encdec_generate_options *options, int32_t *ids,
                uint64_t capacity, uint64_t *out_count);

/* Text of target ids, special tokens left out. Up to `capacity` bytes are
 * written to `text` (may be NULL when capacity is 0), without a final zero;
 * *out_size is how many bytes the text has. Errors: USAGE (no tokenizer, an id outside
 * the vocabulary). */
ENCDEC_API encdec_status *encdec_detokenize(const encdec_model *model,
                                            const int32_t *ids,
                                            uint64_t id_count, char *text,
                                            uint64_t capacity,
                                            uint64_t *out_size);

/* The tokenizer's piece of one id of the source's (target_side 0) or the target's (1)
 * vocabulary, for labels. `text`, `capacity` and *out_size are as for
 * encdec_detokenize. Errors: USAGE (no tokenizer, an id outside that vocabulary). */
ENCDEC_API encdec_status *encdec_piece(const encdec_model *model,
                                       uint32_t target_side, int32_t id,
                                       char *text, uint64_t capacity,
                                       uint64_t *out_size);

typedef struct encdec_tokenize_options {
  uint64_t size;
  uint32_t target_side;    /* 1: as a target (a translation), not as a source */
  uint32_t special_tokens; /* 1: text that spells a special token becomes it */
  uint32_t bare; /* 1: without what the model expects around a text */
  uint32_t reserved;           /* 0 */
  const char *source_language; /* NULL: the model's default */
  const char *target_language;
} encdec_tokenize_options;

static inline encdec_tokenize_options encdec_tokenize_options_default(void) {
  encdec_tokenize_options options = {sizeof(encdec_tokenize_options), 0, 0, 0, 0, 0, 0};
  return options;
}

/* Bytes [begin, end) of a text. */
typedef struct encdec_text_range {
  uint64_t begin, end;
} encdec_text_range;

/* Ids of a text, on either side, however many they are, with the bytes that each id
 * stands for (ids that stand for none have begin = end). Up to `capacity` ids and ranges
 * are written to `ids` and, unless it is NULL, `ranges`; *out_count is how many ids the
 * text has. `options` may be NULL. Errors: USAGE (no tokenizer, no such language), LIMIT
 * (a text longer than 16 MB). */
ENCDEC_API encdec_status *
encdec_tokenize_text(const encdec_model *model, const char *text, uint64_t text_size,
                     const encdec_tokenize_options *options, int32_t *ids,
                     encdec_text_range *ranges, uint64_t capacity, uint64_t *out_count);

/* Ids to text as they come, for showing an answer while it is made. What the calls give,
 * joined, is what encdec_detokenize gives for all ids: text that a later id may still
 * change is held back. One caller at a time. */
typedef struct encdec_detokenizer encdec_detokenizer;

/* Keeps the model alive. Errors: USAGE (no tokenizer). */
ENCDEC_API encdec_status *
encdec_detokenizer_create(const encdec_model *model, encdec_detokenizer **out_detokenizer);

/* The text that is certain after one more id: *out_size bytes, often none, zero-terminated,
 * valid until the next call. Errors: USAGE (an id outside the vocabulary, which changes
 * nothing). */
ENCDEC_API encdec_status *encdec_detokenizer_push(encdec_detokenizer *detokenizer,
                                                  int32_t id, const char **out_text,
                                                  uint64_t *out_size);

/* The rest of the text; the next id begins a new one. */
ENCDEC_API encdec_status *encdec_detokenizer_finish(encdec_detokenizer *detokenizer,
                                                    const char **out_text,
                                                    uint64_t *out_size);

/* NULL does nothing. Not while another function runs on it. */
ENCDEC_API void encdec_detokenizer_destroy(encdec_detokenizer *detokenizer);

/* Number of languages that can be chosen; 0 for NULL and for models of one pair. */
ENCDEC_API uint64_t encdec_language_count(const encdec_model *model);

/* The code of language `language` as the checkpoint names it ("fra_Latn", ">>fra<<").
 * `text`, `capacity` and *out_size are as for encdec_detokenize. Errors: USAGE (no such
 * language). */
ENCDEC_API encdec_status *encdec_language_code(const encdec_model *model,
                                               uint64_t language, char *text,
                                               uint64_t capacity, uint64_t *out_size);

/* The number of the language of a code, or of a short form that one language alone has
 * ("fr"). Errors: USAGE (none, with the nearest names; several, with their codes). */
ENCDEC_API encdec_status *encdec_find_language(const encdec_model *model,
                                               const char *name,
                                               uint64_t *out_language);

/* --- Inspection ------------------------------------------------------------ */

typedef struct encdec_bundle encdec_bundle;

/* Opens and verifies a file as encdec_model_open does, code audit and tokenizer
 * included, for any CPU; nothing is ever mapped executable. Errors: BAD_MODEL
 * (damage), DOES_NOT_FIT (version), FAILURE (reading). */
ENCDEC_API encdec_status *encdec_bundle_open(const char *path,
                                             encdec_bundle **out_bundle);

/* Unmaps the file. NULL does nothing. Not while another function runs on the
 * handle. */
ENCDEC_API void encdec_bundle_close(encdec_bundle *bundle);

typedef struct encdec_bundle_section_info {
  uint64_t size;
  uint32_t kind;    /* ENCDEC_SECTION_* of abi.h */
  const char *name; /* CPU level, file name or ""; lives with the bundle */
  uint64_t offset;  /* in the file */
  uint64_t data_size;
  const uint8_t *data; /* lives with the bundle */
  char checksum[33];   /* XXH3-128 in hex */
} encdec_bundle_section_info;

/* Number of sections; 0 for NULL. */
ENCDEC_API uint64_t encdec_bundle_section_count(const encdec_bundle *bundle);

/* Section `index` in file order (set out_info->size). Errors: USAGE (no such
 * section). */
ENCDEC_API encdec_status *
encdec_bundle_get_section(const encdec_bundle *bundle, uint64_t index,
                          encdec_bundle_section_info *out_info);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* ENCDEC_RUNTIME_H */
