/* model.h: statuses, this machine, and bundles opened to be run. Part of runtime.h,
 * which has the rules. */
#ifndef ENCDEC_MODEL_H
#define ENCDEC_MODEL_H

#include "encdec/abi.h"
#include "encdec/codes.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* --- Status ---------------------------------------------------------------- */

/* Why a call failed. Opaque; immutable, so any thread may read or free it.
 * Running out of memory yields a static status that freeing leaves alone. */
typedef struct encdec_status encdec_status;

/* The code of a status (codes.h); ENCDEC_OK for NULL. */
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

/* Version of these headers: 1,000,000 * major + 1,000 * minor + patch; and that of the library
 * that the program runs with. While the major version is 0, a program needs the library of its
 * own headers' minor version. */
#define ENCDEC_VERSION_NUMBER 1000
ENCDEC_API int32_t encdec_version_number(void);

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
 * states. Manifest and tokenizer are verified as encdec_model_open does. Errors:
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

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* ENCDEC_MODEL_H */
