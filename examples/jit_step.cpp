// jit_step.cpp: a checkpoint becomes machine code inside this process, and a greedy loop
// in this file drives the decoder. All texts are one batch; a row that ends leaves the
// batch, and the other rows keep their caches in place.
//   jit_step examples/models/en-fr "I love machine learning" "Hello."
#include "encdec/compiler.h"
#include "encdec/runtime.h"
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <numeric>
#include <vector>

static void end(int code, const char *message) {
  std::fprintf(stderr, "jit_step: %s\n", message);
  std::exit(code);
}
static void check(encdec_status *status) {
  if (status)
    end(encdec_status_code(status), encdec_status_message(status));
}
int main(int argc, char **argv) {
  if (argc < 3)
    end(ENCDEC_ERROR_USAGE, "usage: jit_step CHECKPOINT TEXT...");
  encdec_jit_model *jit;
  encdec_compile_report *report; // its warnings are not shown here
  if (int code = encdec_jit(argv[1], nullptr, &jit, &report))
    end(code, encdec_compile_report_message(report));
  encdec_compile_report_free(report);
  encdec_model *model; // points into *jit, which outlives it
  check(encdec_model_from_memory(encdec_jit_image(jit), &model));
  encdec_model_info info = {};
  info.size = sizeof info;
  check(encdec_model_get_info(model, &info));

  // Sources end to end: source b is ids[offsets[b] .. offsets[b + 1]).
  const size_t B = argc - 2;
  std::vector<int32_t> ids(B * info.max_positions);
  std::vector<uint64_t> offsets(B + 1);
  for (size_t b = 0; b < B; ++b) {
    uint64_t count, limit = info.max_positions;
    check(encdec_tokenize(model, argv[b + 2], std::strlen(argv[b + 2]), nullptr,
                          &ids[offsets[b]], limit, &count));
    offsets[b + 1] = offsets[b] + count;
  }
  encdec_state *state;
  auto options = encdec_state_options_default();
  options.max_rows = B;
  check(encdec_state_create(model, &options, &state));
  check(encdec_encode(state, ids.data(), offsets.data(), B));

  const int32_t *ends = info.eos_token_ids, *behind = ends + info.eos_token_count;
  std::vector<std::vector<int32_t>> made(B);
  std::vector<uint32_t> kept, sources(B); // [next R]; [R] what each row reads
  std::iota(sources.begin(), sources.end(), 0);
  std::vector<int32_t> tokens(B, info.decoder_start_token_id); // [R]
  for (int64_t t = 1; t < info.max_length && !tokens.empty(); ++t) {
    auto input = encdec_step_input_default();
    input.tokens = tokens.data();
    input.rows = tokens.size();
    encdec_step_output output = {sizeof output, 0, 0, 0, 0, 0, 0};
    check(encdec_step(state, &input, &output));
    kept.clear();
    for (uint32_t row = 0; row < tokens.size(); ++row) {
      made[sources[row]].push_back(output.tokens[row]);
      if (std::find(ends, behind, output.tokens[row]) != behind)
        continue; // this row ends
      sources[kept.size()] = sources[row];
      tokens[kept.size()] = output.tokens[row];
      kept.push_back(row);
    }
    tokens.resize(kept.size());
    check(encdec_reorder(state, kept.data(), kept.size()));
  }
  for (const std::vector<int32_t> &row : made) {
    for (int32_t id : row)
      std::printf("%d ", id);
    char text[1 << 16] = {}; // its last byte stays zero
    uint64_t n = sizeof text - 1;
    check(encdec_detokenize(model, row.data(), row.size(), text, n, &n));
    std::printf("\n%s\n", text);
  }
  encdec_state_destroy(state);
  encdec_model_close(model);
  encdec_jit_free(jit);
}
