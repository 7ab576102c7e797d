/* embed.c: the C API in a program of your own. Translates each argument after the
 * bundle:
 *   embed en-fr.encdec "I love machine learning" "Hello."
 */
#include "encdec/runtime.h"

#include <stdio.h>

/* Prints an error, if there is one; returns its code, which is also an exit code. */
static int failed(encdec_status *status, const char *doing) {
  int code = encdec_status_code(status);
  if (encdec_status_input(status) >= 0)
    fprintf(stderr, "embed: %s: text %lld: %s\n", doing,
            (long long)encdec_status_input(status) + 1,
            encdec_status_message(status));
  else if (code != ENCDEC_OK)
    fprintf(stderr, "embed: %s: %s\n", doing, encdec_status_message(status));
  encdec_status_free(status);
  return code;
}

int main(int argc, char **argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: %s BUNDLE TEXT...\n", argv[0]);
    return ENCDEC_ERROR_USAGE;
  }
  uint64_t count = (uint64_t)(argc - 2);
  encdec_model *model = NULL;   /* may be shared by threads */
  encdec_state *state = NULL;   /* one caller at a time */
  encdec_options *wishes = NULL; /* what is not set is the model's default */
  encdec_result *result = NULL; /* stays valid without the two above */

  int code = failed(encdec_model_open(argv[1], NULL, &model), argv[1]);
  if (!code) {
    encdec_model_info info = {.size = sizeof info};
    code = failed(encdec_model_get_info(model, &info), "asking the model");
    encdec_state_options options = encdec_state_options_default();
    uint64_t together = count < 32 ? count : 32;
    options.max_rows = together * info.num_beams; /* hypotheses of all texts */
    options.max_sources = together;
    if (!code)
      code = failed(encdec_state_create(model, &options, &state), "making a state");
  }
  if (!code) {
    code = failed(encdec_options_create(&wishes), "making options");
    if (!code) /* cut a source that is too long, do not refuse it */
      code = failed(encdec_options_set_flag(wishes, "truncate", 1), "setting truncate");
    if (!code)
      code = failed(encdec_generate_text(state, (const char *const *)(argv + 2), NULL,
                                         count, wishes, &result),
                    "translating");
  }
  for (uint64_t i = 0; !code && i < encdec_result_count(result); ++i) {
    encdec_source source = {.size = sizeof source};
    code = failed(encdec_result_source(result, i, &source), "reading a result");
    if (!code && *source.warnings)
      fprintf(stderr, "embed: text %llu: %s\n", (unsigned long long)i + 1,
              source.warnings);
    encdec_sequence sequence = {.size = sizeof sequence, .text = ""};
    if (!code && source.sequence_count > 0)
      code = failed(encdec_result_get(result, i, 0, &sequence),
                    "reading a result");
    if (!code)
      printf("%s\n", sequence.text);
  }
  if (!code && (fflush(stdout) || ferror(stdout))) {
    perror("embed: cannot write");
    code = ENCDEC_ERROR_FAILURE;
  }
  encdec_result_free(result);
  encdec_options_destroy(wishes);
  encdec_state_destroy(state);
  encdec_model_close(model);
  return code;
}
