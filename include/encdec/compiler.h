/* compiler.h: the C API of the encdec compiler (plain C11, also C++20): a checkpoint becomes
 * a bundle, or a model in this process.
 *
 *   encdec_compile_options *options = encdec_compile_options_create();
 *   encdec_compile_options_set(options, "weights", "int8-dynamic", NULL);
 *   if (encdec_compile("models/en-fr", options, "en-fr.encdec", &report))
 *     puts(encdec_compile_report_message(report));
 *
 * Its library, encdec_compiler_c, has LLVM and MLIR behind it. Neither the compiler's
 * library nor the runtime's knows of the other: a program that runs what it has compiled uses both, and
 * they meet in encdec_model_image (abi.h).
 *
 * Rules:
 *   - errors: a function that can fail returns a code of codes.h, ENCDEC_OK (0) for
 *     success, and may give a report that says more. encdec_status is the runtime's and
 *     takes no part here. No C++ exception leaves the library, and it prints nothing.
 *   - reports: `out_report` may be NULL. Otherwise it receives a report whatever the code,
 *     since a success may have warnings; the caller owns it.
 *   - ownership: inputs are borrowed for the time of the call; handles belong to the caller.
 *   - threads: functions may be called from any threads at once, but not on options that
 *     another call changes. Of several encdec_jit one runs after the other.
 *   - nulls: a NULL handle or required pointer is ENCDEC_ERROR_USAGE; freeing NULL does
 *     nothing.
 *
 * "Errors:" lists the codes that a function gives for its own reasons; any function may also
 * give FAILURE when memory runs out.
 */
#ifndef ENCDEC_COMPILER_H
#define ENCDEC_COMPILER_H

#include "encdec/abi.h"
#include "encdec/codes.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Version of the library, "major.minor.patch"; static. */
ENCDEC_API const char *encdec_compiler_version(void);

/* --- Reports --------------------------------------------------------------- */

/* What became of a call. Immutable, so any thread may read it. Strings are zero-terminated
 * UTF-8, one line each, and live with the report. */
typedef struct encdec_compile_report encdec_compile_report;

/* The code that the call returned; ENCDEC_OK for NULL. */
ENCDEC_API int encdec_compile_report_code(const encdec_compile_report *report);

/* One sentence: what, where, expected and found, what to do; "" after a success and for
 * NULL. */
ENCDEC_API const char *encdec_compile_report_message(const encdec_compile_report *report);

/* What the caller should know of the checkpoint or the options though the call went on,
 * such as a folder without a tokenizer. */
ENCDEC_API uint64_t
encdec_compile_report_warning_count(const encdec_compile_report *report);
/* Warning `index`, 0 ... count - 1; "" for any other index. */
ENCDEC_API const char *
encdec_compile_report_warning(const encdec_compile_report *report, uint64_t index);

ENCDEC_API void encdec_compile_report_free(encdec_compile_report *report);

/* --- Options --------------------------------------------------------------- */

/* How to compile. Options have the names and values that `encdec compile` gives them and
 * `encdec compile --help` explains, without dashes: weights, weights-for,
 * shortlist, sketch, tuning, groups, tune, patterns, pass-pipeline, at, load-pass-plugin, cpu, tokenizer,
 * tokenizer-as, strict, family, ir, max-source-tokens, deadline. */
typedef struct encdec_compile_options encdec_compile_options;

/* The defaults. NULL when memory runs out. */
ENCDEC_API encdec_compile_options *encdec_compile_options_create(void);

/* Adds an option, as a further word on the command line does: what may be repeated there
 * gets one value more, and "at" speaks of the "patterns" or "pass-pipeline" before it.
 * `value` is NULL for options without a value (sketch, strict). After an error the options
 * are as before. Errors: USAGE (no such option, a wrong value, one that excludes another). */
ENCDEC_API int encdec_compile_options_set(encdec_compile_options *options, const char *name,
                                          const char *value,
                                          encdec_compile_report **out_report);

ENCDEC_API void encdec_compile_options_free(encdec_compile_options *options);

/* --- To a bundle ----------------------------------------------------------- */

/* Compiles the folder `checkpoint` (option "ir": a file of IR, with the weights and the
 * tokenizer of that folder) to the bundle `output`, which is replaced once the new one is
 * whole. `options` may be NULL.
 *
 * The program encdec-compile does the work, in a process of its own that is found beside
 * this library (../bin): a bug of LLVM, or a checkpoint that never ends, cannot harm the
 * caller. Errors: USAGE (options, output), BAD_MODEL (checkpoint), DOES_NOT_FIT, LIMIT
 * ("deadline" has passed), FAILURE (reading, writing, no such program, a crash). */
ENCDEC_API int encdec_compile(const char *checkpoint, const encdec_compile_options *options,
                              const char *output, encdec_compile_report **out_report);

/* --- To a model in this process -------------------------------------------- */

/* Machine code, packed weights, manifest and tokenizer in memory; immutable, so any threads
 * may use it. */
typedef struct encdec_jit_model encdec_jit_model;

/* The same for the best CPU level that this machine runs, linked into this process; it
 * computes the bits of the bundle. "cpu" and "deadline" mean nothing here. On an error
 * *out_model is NULL. Only for checkpoints and IR that the caller trusts: all is done in
 * this process, which a bug of LLVM would end.
 * Errors: USAGE (options), BAD_MODEL (checkpoint), DOES_NOT_FIT (this machine's CPU),
 * FAILURE (reading). */
ENCDEC_API int encdec_jit(const char *checkpoint, const encdec_compile_options *options,
                          encdec_jit_model **out_model, encdec_compile_report **out_report);

/* For encdec_model_from_memory of runtime.h. Points into the model; NULL for NULL. */
ENCDEC_API const encdec_model_image *encdec_jit_image(const encdec_jit_model *model);

/* After all that was made from its image is closed or destroyed. */
ENCDEC_API void encdec_jit_free(encdec_jit_model *model);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* ENCDEC_COMPILER_H */
