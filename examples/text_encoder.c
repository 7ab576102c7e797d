/* text_encoder.c: what an encoder makes of texts, as vectors. Prints how similar each
 * text is to the first one, the cosine of their vectors:
 *   text_encoder en-fr.encdec "The house is small." "The house is little." "I like tea."
 */
#include "encdec/runtime.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Ends the program with the error's own exit code, if there is one. */
static void check(encdec_status *status) {
  if (!status)
    return;
  fprintf(stderr, "text_encoder: %s\n", encdec_status_message(status));
  exit(encdec_status_code(status));
}

/* The mean of a text's states, d_model floats of the caller's. */
static void encode(const encdec_model *model, encdec_state *state, const char *text,
                   float *vector, uint64_t width) {
  int32_t ids[512];
  uint64_t count = 0, limit = sizeof ids / sizeof *ids;
  check(encdec_tokenize(model, text, strlen(text), NULL, ids, limit, &count));
  uint64_t offsets[2] = {0, count < limit ? count : limit};
  check(encdec_encode(state, ids, offsets, 1));
  check(encdec_pool_encoder_states(state, ENCDEC_POOL_MEAN, vector, width));
}

static double dot(const float *a, const float *b, uint64_t width) {
  double sum = 0;
  for (uint64_t i = 0; i < width; ++i)
    sum += (double)a[i] * b[i];
  return sum;
}

int main(int argc, char **argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: %s BUNDLE TEXT...\n", argv[0]);
    return ENCDEC_ERROR_USAGE;
  }
  encdec_model *model;
  check(encdec_model_open(argv[1], NULL, &model));
  encdec_model_info info = {.size = sizeof info};
  check(encdec_model_get_info(model, &info));
  encdec_state_options options = encdec_state_options_default();
  options.max_sources = options.max_rows = 1;
  options.encoder_states = 1;
  encdec_state *state;
  check(encdec_state_create(model, &options, &state));

  float *first = calloc(2 * info.d_model, sizeof(float)), *other = first + info.d_model;
  if (!first)
    return ENCDEC_ERROR_FAILURE;
  encode(model, state, argv[2], first, info.d_model);
  for (int i = 3; i < argc; ++i) {
    encode(model, state, argv[i], other, info.d_model);
    double cosine = dot(first, other, info.d_model) /
                    sqrt(dot(first, first, info.d_model) * dot(other, other, info.d_model));
    printf("%.4f  %s\n", cosine, argv[i]);
  }
  free(first);
  encdec_state_destroy(state);
  encdec_model_close(model);
  return fflush(stdout) ? ENCDEC_ERROR_FAILURE : ENCDEC_OK;
}
