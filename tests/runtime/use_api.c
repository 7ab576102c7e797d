/* use_api.c: the public header in strict C11, and a loop through it.
 *
 * Returns NULL, or what went wrong. */
#include "encdec/runtime.h"

#include <stddef.h>

const char *use_api_from_c(const encdec_model_image *image, int32_t *ids,
                           uint64_t *count);

const char *use_api_from_c(const encdec_model_image *image, int32_t *ids,
                           uint64_t *count) {
  const int32_t source[] = {11, 3};
  const uint64_t offsets[] = {0, 2};
  encdec_model *model = NULL;
  encdec_state *state = NULL;
  encdec_state_options options = encdec_state_options_default();
  encdec_step_input input = encdec_step_input_default();
  encdec_step_output output = {sizeof(output), 0, 0, 0, 0, 0, 0};
  int32_t token = 40;
  if (encdec_model_from_memory(image, &model))
    return "model_from_memory";
  options.max_rows = 1;
  options.threads = 2;
  if (encdec_state_create(model, &options, &state))
    return "state_create";
  encdec_model_close(model); /* the state keeps it */
  if (encdec_encode(state, source, offsets, 1))
    return "encode";
  for (*count = 0; *count < 20; ++*count) {
    input.tokens = &token;
    input.rows = 1;
    if (encdec_step(state, &input, &output))
      return "step";
    token = ids[*count] = output.tokens[0];
  }
  encdec_state_destroy(state);
  return NULL;
}
