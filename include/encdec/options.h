/* options.h: the options of generation, by name. Part of runtime.h, which has the rules. */
#ifndef ENCDEC_OPTIONS_H
#define ENCDEC_OPTIONS_H

#include "encdec/model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* --- Options ---------------------------------------------------------------- */

/* What a caller asks of generation. An option that is not set is the model's default, else
 * the library's. Names, types and defaults come from one table, which encdec_option_get_info
 * reads out; most are Transformers' (generation_config.json). Whoever sets an option must be
 * alone; otherwise calls and threads may share options. */
typedef struct encdec_options encdec_options;

/* Makes options of which none is set. */
ENCDEC_API encdec_status *encdec_options_create(encdec_options **out_options);

/* Makes options as `options` are now. */
ENCDEC_API encdec_status *encdec_options_copy(const encdec_options *options,
                                              encdec_options **out_options);

/* NULL does nothing. */
ENCDEC_API void encdec_options_destroy(encdec_options *options);

/* Sets an option from text: JSON ("0.6", "[[5, 7], [9]]", "\"fr\""), or where the option is
 * a text, a choice, a number or an id, the bare word ("fr", "never"). "none", "null" and
 * "[]" clear it. Errors of this and of the functions below: USAGE, with the name, what is
 * expected and what was found, for a name that no option has (with the nearest), another
 * type, and a number out of range; the option stays as it was. Whether ids are in the
 * model's vocabulary is seen when the model is given the options. */
ENCDEC_API encdec_status *encdec_options_set(encdec_options *options, const char *name,
                                             const char *text);

/* Typed ways to say the same. What lies behind pointers is copied. */
ENCDEC_API encdec_status *encdec_options_set_flag(encdec_options *options, const char *name,
                                                  uint32_t value); /* 0 or 1 */
ENCDEC_API encdec_status *encdec_options_set_integer(encdec_options *options, /* or an id */
                                                     const char *name, int64_t value);
ENCDEC_API encdec_status *encdec_options_set_number(encdec_options *options,
                                                    const char *name, double value);
ENCDEC_API encdec_status *encdec_options_set_ids(encdec_options *options, const char *name,
                                                 const int32_t *ids, uint64_t id_count);
/* Texts and choices as they are, whatever they spell; text_size in bytes. */
ENCDEC_API encdec_status *encdec_options_set_text(encdec_options *options, const char *name,
                                                  const char *text, uint64_t text_size);

/* Leaves an option to the model again, as if it had never been set. */
ENCDEC_API encdec_status *encdec_options_unset(encdec_options *options, const char *name);

/* Sets an option to none: the model's default does not count, the library's does. */
ENCDEC_API encdec_status *encdec_options_clear(encdec_options *options, const char *name);

/* An option's value as JSON; "null" where it is not set, or none. Up to `capacity` bytes are
 * written to `text` (may be NULL when capacity is 0), without a final zero; *out_size is how
 * many bytes the JSON has. */
ENCDEC_API encdec_status *encdec_options_get(const encdec_options *options, const char *name,
                                             char *text, uint64_t capacity,
                                             uint64_t *out_size);

/* Names the options that are set and change nothing in a generation with this model, such as
 * top_k without do_sample. Each line of the text is "name: has no effect here; ..." with the
 * condition under which the option acts. An idle option is no error: show the lines to whoever
 * chose the options. `text`, `capacity` and *out_size are as in encdec_options_get; the size is
 * 0 where every option acts. */
ENCDEC_API encdec_status *encdec_options_idle(const encdec_options *options,
                                              const encdec_model *model, char *text,
                                              uint64_t capacity, uint64_t *out_size);

/* --- The table of options ----------------------------------------------------- */

/* A row. Pointers live as long as the library. */
typedef struct encdec_option_info {
  uint64_t size;
  const char *name;          /* "length_penalty" */
  const char *section;       /* a title, for lists: "Search" */
  const char *type;          /* "Flag" (true, false), "Count" (a whole number), "Number",
                                "Token" (an id), "Tokens", "TokenLists", "TokenBiases", "Words",
                                "Decay", "Stopping" (a choice), "Text", "Texts"; a later
                                version may have more */
  const char *values;        /* in words, range included: "a number above 0" */
  const char *default_value; /* the library's, as JSON; "null": none */
  const char *origin;        /* who spells it so: "Transformers", "Transformers4",
                                "CTranslate2", "Own" */
  const char *meaning;       /* a sentence, without a full stop */
} encdec_option_info;

/* Number of options. */
ENCDEC_API uint64_t encdec_option_count(void);

/* Option `index` in the table's order, in which those of a section stand together (set
 * info->size). Errors: USAGE from encdec_option_count on. */
ENCDEC_API encdec_status *encdec_option_get_info(uint64_t index, encdec_option_info *info);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* ENCDEC_OPTIONS_H */
