/* bundle.h: the sections of a file, verified and never run. Part of runtime.h, which has
 * the rules. */
#ifndef ENCDEC_BUNDLE_H
#define ENCDEC_BUNDLE_H

#include "encdec/model.h"

#ifdef __cplusplus
extern "C" {
#endif

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

#endif /* ENCDEC_BUNDLE_H */
