/* forced.c: what a model would choose along given targets, by the C API.
 *   encdec_forced MODEL.encdec < LINES
 * A line holds two rows of token ids, with a bar between: a source, and a target. For each
 * token of the target a line is printed: the best token after those before it, and by how
 * much its log-probability is above the second's. */
#include "lines.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Feeds one target after its source, and prints what would have been chosen. */
static int force(encdec_state *state, int32_t start, const int32_t *source,
                 uint64_t source_count, const int32_t *target, uint64_t count) {
  const uint64_t offsets[2] = {0, source_count};
  if (failed(encdec_encode(state, source, offsets, 1)))
    return 1;
  for (uint64_t t = 0; t < count; ++t) {
    const int32_t token = t ? target[t - 1] : start;
    encdec_step_input input = encdec_step_input_default();
    input.tokens = &token;
    input.rows = 1;
    input.top_k = 2;
    encdec_step_output output;
    memset(&output, 0, sizeof(output));
    output.size = sizeof(output);
    if (failed(encdec_step(state, &input, &output)))
      return 1;
    printf("%" PRId32 " %.9g\n", output.tokens[0],
           (double)output.log_probs[0] - (double)output.log_probs[1]);
  }
  return 0;
}

int main(int argc, char **argv) {
  static char line[longest_line];
  static int32_t source[most_ids], target[most_ids];
  encdec_model *model;
  encdec_state *state;
  encdec_model_info info = {0};
  info.size = sizeof(info);
  encdec_state_options limits = encdec_state_options_default();
  limits.max_rows = 1;
  if (argc != 2 || failed(encdec_model_open(argv[1], NULL, &model)) ||
      failed(encdec_model_get_info(model, &info)) ||
      failed(encdec_state_create(model, &limits, &state)))
    return 2;
  while (fgets(line, sizeof(line), stdin)) {
    uint64_t source_count, count;
    read_ids(read_ids(line, source, &source_count), target, &count);
    if (force(state, info.decoder_start_token_id, source, source_count, target, count))
      return 1;
  }
  encdec_state_destroy(state);
  encdec_model_close(model);
  return 0;
}
