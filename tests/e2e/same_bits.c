/* Prints a sum over the bits of every logit that a bundle gives: of a batch of sources
 * encoded together, and of greedy steps of all of them and then of fewer.
 *   same_bits BUNDLE LEVEL THREADS
 * Compiled against each of two builds by same_bits.sh; uses only what both have. */
#include "encdec/runtime.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { sources = 3, steps = 12, longest = 9 };

static void check(encdec_status *status) {
  if (status) {
    fprintf(stderr, "%s\n", encdec_status_message(status));
    exit(1);
  }
}

/* FNV-1a over 32-bit words (Fowler, Noll, Vo). */
static uint64_t sum = UINT64_C(14695981039346656037);
static void add(const float *values, uint64_t count) {
  for (uint64_t i = 0; i < count; ++i) {
    uint32_t bits;
    memcpy(&bits, values + i, sizeof bits);
    sum = (sum ^ bits) * UINT64_C(1099511628211);
  }
}

int main(int argc, char **argv) {
  if (argc != 4)
    return 2;
  encdec_model_options how = encdec_model_options_default();
  how.cpu_level = argv[2];
  encdec_model *model;
  check(encdec_model_open(argv[1], &how, &model));
  encdec_model_info info = {0};
  info.size = sizeof info;
  check(encdec_model_get_info(model, &info));
  encdec_state_options options = encdec_state_options_default();
  options.max_rows = sources;
  options.threads = (uint32_t)atoi(argv[3]);
  encdec_state *state;
  check(encdec_state_create(model, &options, &state));

  int32_t ids[sources * longest];
  uint64_t offsets[sources + 1] = {0}, length[sources] = {longest, 1, 5};
  for (uint64_t b = 0, at = 0; b < sources; ++b) {
    if (length[b] > info.max_positions)
      length[b] = info.max_positions;
    for (uint64_t i = 0; i < length[b]; ++i, ++at)
      ids[at] = (int32_t)((at * 37 + 11) % info.source_vocab_size);
    offsets[b + 1] = at;
  }
  check(encdec_encode(state, ids, offsets, sources));
  int32_t tokens[sources];
  uint64_t rows = sources;
  for (uint64_t r = 0; r < rows; ++r)
    tokens[r] = info.decoder_start_token_id;
  for (uint64_t step = 0; step < steps && step < info.max_positions; ++step) {
    encdec_step_input in = encdec_step_input_default();
    in.tokens = tokens;
    in.rows = rows;
    in.logits = 1;
    encdec_step_output out = {0};
    out.size = sizeof out;
    check(encdec_step(state, &in, &out));
    for (uint64_t r = 0; r < rows; ++r)
      add(out.logits + r * out.logits_stride, info.vocab_size);
    memcpy(tokens, out.tokens, rows * sizeof *tokens);
    uint32_t parents[sources] = {0, 2, 1};
    if (step == steps / 2) { /* the first two go on, changed over */
      rows = 2;
      parents[0] = 1, parents[1] = 0;
      int32_t first = tokens[0];
      tokens[0] = tokens[1], tokens[1] = first;
      check(encdec_reorder(state, parents, rows));
    }
  }
  printf("%016llx\n", (unsigned long long)sum);
  encdec_state_destroy(state);
  encdec_model_close(model);
  return 0;
}
