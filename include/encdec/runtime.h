/* runtime.h: the C API of the encdec runtime (plain C11, also C++20).
 *
 * Objects:
 *   encdec_model      an opened bundle; immutable, may be shared by threads
 *   encdec_state      what one decoding needs: memory, caches, arena, thread team;
 *                     one caller at a time, any number of states per model
 *   encdec_options    what a caller asks of generation, by name
 *   encdec_generation sources at work on a state, driven step by step
 *   encdec_bundle     the verified sections of a file, never run (for inspection)
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
 *     crash; freeing NULL does nothing. Freeing a handle twice stays undefined, and
 *     so does a generation whose state was destroyed before it.
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

#include "encdec/bundle.h"
#include "encdec/generate.h"
#include "encdec/generation.h"
#include "encdec/model.h"
#include "encdec/options.h"
#include "encdec/score.h"
#include "encdec/state.h"
#include "encdec/text.h"

#endif /* ENCDEC_RUNTIME_H */
