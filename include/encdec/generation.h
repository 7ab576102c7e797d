/* generation.h: decoding that a program drives: sources that come and go, tokens as they
 * become certain, cancelling. Part of runtime.h, which has the rules and the letters.
 *
 *   encdec_generation_create(state, &generation);
 *   encdec_generation_add_text(generation, "Hello.", 6, NULL, &source);
 *   while (unfinished) {
 *     encdec_generation_advance(generation, &unfinished);   // one step of all rows
 *     while (encdec_generation_next_event(generation, &event) && event.kind) ...
 *   }
 *   encdec_generation_take(generation, source, &result);
 *
 * Who owns what:
 *   - A generation owns its state's rows from creation to destruction; until then the state
 *     refuses encode, step, reorder and generate. Destroy the generation first.
 *   - Each source that was added is a number, never given twice, and belongs to the
 *     generation until the caller takes its result or removes it.
 *   - One thread at a time calls a generation and gets its events; only cancel may be
 *     called by any thread at any time. All work is done inside of add and advance, on that
 *     thread and the state's team. Generations of one model in several threads need a state
 *     each.
 *   - Nobody has to read events. What is new waits in its source, at most as much as the
 *     source's greatest length; results wait until they are taken or removed.
 *   - What a source gets depends on its ids, prefix and options alone: not on when it
 *     joins, on its neighbours, or on threads. Sources that wait for room join in the
 *     order in which they were added. */
#ifndef ENCDEC_GENERATION_H
#define ENCDEC_GENERATION_H

#include "encdec/generate.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct encdec_generation encdec_generation;

/* Ends all rows of the state, which the generation then owns. Errors: USAGE (a model that
 * is an encoder only, a state that another generation owns). */
ENCDEC_API encdec_status *encdec_generation_create(encdec_state *state,
                                                   encdec_generation **out_generation);

/* Ends and forgets all sources. NULL does nothing. */
ENCDEC_API void encdec_generation_destroy(encdec_generation *generation);

/* Whether sources may be added with these options, before there is one. Errors: USAGE and
 * LIMIT as encdec_generate, about the options alone. */
ENCDEC_API encdec_status *encdec_generation_check(encdec_generation *generation,
                                                  const encdec_options *options);

/* Adds a source by its ids; `prefix` (may be NULL when prefix_count is 0) holds ids that
 * its sequences begin with, after the start token, and that results leave out. `options`
 * may be NULL. Runs nothing. Errors: as encdec_generate, about this source alone; and USAGE
 * (an id of the prefix outside the vocabulary). Then nothing was added. */
ENCDEC_API encdec_status *
encdec_generation_add(encdec_generation *generation, const int32_t *ids, uint64_t id_count,
                      const int32_t *prefix, uint64_t prefix_count,
                      const encdec_options *options, uint64_t *out_source);

/* The same from text; `prefix` is text (or NULL) that translations begin with, behind a
 * forced first token (the target language, where it stands there). Events and results leave it
 * out, and their text may begin within its last word: the text of all is that of the prefix's ids
 * (encdec_tokenize_text, target_side and bare) and the sequence's, end to end
 * (encdec_detokenize). Errors: also USAGE where the target vocabulary cannot spell all of the
 * prefix. */
ENCDEC_API encdec_status *
encdec_generation_add_text(encdec_generation *generation, const char *text,
                           uint64_t text_size, const char *prefix, uint64_t prefix_size,
                           const encdec_options *options, uint64_t *out_source);

/* Lets sources that wait join, as far as there is room, and runs one step of all rows.
 * *out_unfinished (may be NULL) is how many sources have not ended; with none the call does
 * nothing. Errors: FAILURE where the hook fails. After an error, the next call goes on where this one
 * stopped. */
ENCDEC_API encdec_status *encdec_generation_advance(encdec_generation *generation,
                                                    uint64_t *out_unfinished);

enum {
  ENCDEC_EVENT_NONE = 0,     /* nothing is new */
  ENCDEC_EVENT_TOKENS = 1,   /* the source's best sequence goes on with these tokens */
  ENCDEC_EVENT_FINISHED = 2, /* the source has ended: encdec_generation_take */
  ENCDEC_EVENT_WARNING = 3   /* what its caller should know of how the source was read; what
                                there is to say of its sequences stands in the result */
};

/* Pointers are valid until the next call on the generation. */
typedef struct encdec_event {
  uint64_t size;
  uint32_t kind;         /* ENCDEC_EVENT_* */
  uint32_t reserved;     /* 0 */
  uint64_t source;
  /* Tokens that are certain: no later one takes them back. With beams these are the ones
   * that all live beams and the best finished hypothesis have in common. */
  const int32_t *ids;
  uint64_t id_count;
  /* Of TOKENS, for a source from text: the text that is certain with them, often none;
   * what the events of a source give, joined, is the text of its best sequence. Of WARNING:
   * a sentence. Zero-terminated UTF-8; NULL where there is no text. */
  const char *text;
  uint64_t text_size;
} encdec_event;

/* The next thing that is new, in the order in which sources had news; kind NONE where there
 * is nothing (set out_event->size). */
ENCDEC_API encdec_status *encdec_generation_next_event(encdec_generation *generation,
                                                       encdec_event *out_event);

/* The result of a source that has ended (one source: index 0), which the generation then
 * forgets. Errors: USAGE (no such source, one that has not ended). */
ENCDEC_API encdec_status *encdec_generation_take(encdec_generation *generation,
                                                 uint64_t source,
                                                 encdec_result **out_result);

/* Ends a source, waiting, live or ended, and forgets it. Errors: USAGE (no such source). */
ENCDEC_API encdec_status *encdec_generation_remove(encdec_generation *generation,
                                                   uint64_t source);

/* Ends all unfinished sources that have been added: live ones with the step that runs or comes
 * next, as if each had reached its greatest length; waiting ones without a sequence. Their
 * results have a warning. Sources that are added later are not affected. May be called from any thread while another one
 * advances; does nothing for NULL. */
ENCDEC_API void encdec_generation_cancel(encdec_generation *generation);

/* One row of a step, for a hook. Pointers are valid during the call. */
typedef struct encdec_hook_row {
  uint64_t source;
  const int32_t *tokens; /* of the row: start token and prefix first */
  uint64_t token_count;
  uint64_t prompt_count; /* start token and prefix */
  const int32_t *ids;    /* of the source */
  uint64_t id_count;
  float *scores;         /* [V]: logits, or log-probabilities with beams; the hook changes
                            them in place, -inf bans a token. With a shortlist, tokens
                            outside of it have -inf, and a hook that lifts one chooses a
                            token without a probability */
} encdec_hook_row;

/* Returns 0 to go on; anything else fails the advance (FAILURE, with the number). Must not
 * throw, nor call the generation. */
typedef int (*encdec_hook_fn)(void *data, const encdec_hook_row *rows, uint64_t row_count,
                              uint64_t vocab_size);

/* Calls `hook` once a step, for all rows together, on the thread that advances: after all
 * processors but those that draw. NULL: no hook. Sources that were added before keep what
 * they were added with. */
ENCDEC_API encdec_status *encdec_generation_set_hook(encdec_generation *generation,
                                                     encdec_hook_fn hook, void *data);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* ENCDEC_GENERATION_H */
