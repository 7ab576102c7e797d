/* probs.c: the cross-attention of one text by the C API, for tests of pictures.
 *   encdec_probs MODEL.encdec TEXT
 * Three lines: layers and heads; source ids; generated ids. Then a line for each
 * layer, head and generated id: a probability for each source id. */
#include <encdec/runtime.h>

#include <inttypes.h>
#include <stdio.h>

static int failed(encdec_status *status) {
  if (!status)
    return 0;
  fprintf(stderr, "encdec_probs: %s\n", encdec_status_message(status));
  return 1;
}

static void print_ids(const int32_t *ids, uint64_t count) {
  for (uint64_t i = 0; i < count; ++i)
    printf("%" PRId32 "%c", ids[i], i + 1 < count ? ' ' : '\n');
}

int main(int argc, char **argv) {
  encdec_model *model;
  encdec_state *state;
  encdec_result *result;
  encdec_sequence sequence;
  encdec_source source;
  source.size = sizeof(source);
  sequence.size = sizeof(sequence);
  if (argc != 3 || failed(encdec_model_open(argv[1], NULL, &model)))
    return 2;
  encdec_state_options limits = encdec_state_options_default();
  limits.probs = 1;
  encdec_options *options;
  const char *text = argv[2];
  if (failed(encdec_state_create(model, &limits, &state)) ||
      failed(encdec_options_create(&options)) ||
      failed(encdec_options_set_flag(options, "probs", 1)) ||
      failed(encdec_generate_text(state, &text, NULL, 1, options, &result)) ||
      failed(encdec_result_source(result, 0, &source)) ||
      failed(encdec_result_get(result, 0, 0, &sequence)))
    return 1;
  printf("%" PRIu64 " %" PRIu64 "\n", sequence.layers, sequence.heads);
  print_ids(source.ids, source.id_count);
  print_ids(sequence.ids, sequence.id_count);
  const uint64_t rows = sequence.layers * sequence.heads * sequence.id_count;
  for (uint64_t row = 0; row < rows; ++row)
    for (uint64_t s = 0; s < source.id_count; ++s)
      printf("%.9g%c", (double)sequence.probs[row * source.id_count + s],
             s + 1 < source.id_count ? ' ' : '\n');
  encdec_result_free(result);
  encdec_options_destroy(options);
  encdec_state_destroy(state);
  encdec_model_close(model);
  return 0;
}
