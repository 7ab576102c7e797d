/* text.h: the tokenizer of a bundle: texts to ids, ids to texts, languages. Part of
 * runtime.h, which has the rules. */
#ifndef ENCDEC_TEXT_H
#define ENCDEC_TEXT_H

#include "encdec/generate.h"

#ifdef __cplusplus
extern "C" {
#endif

/* --- Text ------------------------------------------------------------------ */

/* Source ids of `text` (text_size bytes) with the end token, as
 * encdec_generate_text would read them. Up to `capacity` ids are written to `ids`
 * (may be NULL when capacity is 0); *out_count is how many ids the text has. Of the
 * options only special_tokens, truncate and the languages matter; NULL for the defaults.
 * Errors: USAGE (no tokenizer, no such language), LIMIT (more ids than positions, unless truncate; a text longer
 * than 16 MB). */
ENCDEC_API encdec_status *
encdec_tokenize(const encdec_model *model, const char *text, uint64_t text_size,
                const encdec_options *options, int32_t *ids,
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
 * ("fr"); in capitals, too, where that leaves one. Errors: USAGE (none, with the nearest
 * names; several, with their codes). */
ENCDEC_API encdec_status *encdec_find_language(const encdec_model *model,
                                               const char *name,
                                               uint64_t *out_language);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* ENCDEC_TEXT_H */
