//===- Api.cpp - calls of the C API in any order --------------------------===//
//
// The bytes are a program of calls on one state: driven by hand, or by a generation with
// sources that come, go and fail, and a hook that fails now and then. Whatever happened, the
// state translates a source afterwards as a new one does.

#include "encdec/runtime.h"
#include "tests/bundle/BundleBuilder.h"
#include "tests/fuzz/Fuzz.h"

#include <array>
#include <vector>

extern "C" {
void fake_encode(const encdec_abi_context *context, int64_t worker, int64_t workers);
void fake_step(const encdec_abi_context *context, int64_t worker, int64_t workers);
}

namespace encdec::fuzz {
namespace {

/// Frees a status. Whether it was success; the message of any other is a sentence.
bool succeeded(encdec_status *status) {
  if (!status)
    return true;
  requireSentence(encdec_status_message(status));
  require(encdec_status_code(status) != ENCDEC_OK, "an error has a code");
  encdec_status_free(status);
  return false;
}

encdec_model *fakeModel() {
  alignas(64) static std::array<uint8_t, FAKE_WEIGHTS> weights;
  static const std::string manifest = tests::fakeManifest().dump();
  const std::string bytes = tests::fakeWeights();
  std::copy(bytes.begin(), bytes.end(), weights.begin());
  encdec_model_image image = {};
  image.size = sizeof(image);
  image.manifest = manifest.data();
  image.manifest_size = manifest.size();
  image.weights = weights.data();
  image.weights_size = weights.size();
  image.encode = fake_encode;
  image.step = fake_step;
  encdec_model *model = nullptr;
  require(succeeded(encdec_model_from_memory(&image, &model)), "the model opens");
  return model;
}

encdec_state *makeState(encdec_model *model, uint64_t rows) {
  auto limits = encdec_state_options_default();
  limits.threads = 1;
  limits.max_rows = rows;
  limits.max_source_tokens = 16 * rows;
  encdec_state *state = nullptr;
  require(succeeded(encdec_state_create(model, &limits, &state)), "a state is made");
  return state;
}

/// The best ids of a source that the fake model answers.
std::vector<int32_t> bestOf(encdec_state *state) {
  const int32_t ids[] = {3, 5, 7};
  const uint64_t offsets[] = {0, 3};
  encdec_result *result = nullptr;
  require(succeeded(encdec_generate(state, ids, offsets, 1, nullptr, &result)),
          "the state generates");
  encdec_sequence sequence = {};
  sequence.size = sizeof(sequence);
  require(succeeded(encdec_result_get(result, 0, 0, &sequence)), "a sequence");
  std::vector<int32_t> best(sequence.ids, sequence.ids + sequence.id_count);
  encdec_result_free(result);
  return best;
}

class Program {
public:
  explicit Program(std::string_view bytes) : bytes(bytes) {
    static encdec_model *const model = fakeModel(); // for all programs
    state = makeState(model, 1 + byte() % 6);
    succeeded(encdec_options_create(&options));
  }
  ~Program() {
    encdec_generation_destroy(generation);
    require(bestOf(state) == expected(), "the state is as usable as a new one");
    encdec_options_destroy(options);
    encdec_state_destroy(state);
  }

  void run() {
    while (!bytes.empty())
      call(byte() % 16);
  }

private:
  static const std::vector<int32_t> &expected() {
    static const std::vector<int32_t> best = [] {
      encdec_model *model = fakeModel();
      encdec_state *fresh = makeState(model, 2);
      std::vector<int32_t> ids = bestOf(fresh);
      encdec_state_destroy(fresh);
      encdec_model_close(model);
      return ids;
    }();
    return best;
  }

  uint8_t byte() { return takeByte(bytes); }
  std::vector<int32_t> someIds(size_t most) {
    std::vector<int32_t> ids(byte() % (most + 1));
    for (int32_t &id : ids)
      id = int32_t(byte()) % 60 - 2; // some are in no vocabulary
    return ids;
  }

  void setOption() {
    constexpr const char *settings[][2] = {
        {"num_beams", "3"},          {"num_beams", "1"},         {"num_return_sequences", "2"},
        {"do_sample", "true"},       {"do_sample", "none"},      {"top_k", "3"},
        {"max_new_tokens", "5"},     {"max_new_tokens", "none"}, {"min_new_tokens", "3"},
        {"repetition_penalty", "2"}, {"bad_words_ids", "[[5],[6,7]]"},
        {"forced_bos_token_id", "9"}, {"max_time", "0"},         {"repetition_guard", "2"},
        {"no_repeat_ngram_size", "2"}, {"temperature", "-1"},    {"num_beams", "40"},
        {"sequence_bias", "[[[5, 6], 2.5]]"}, {"stop_strings", "a"}, {"probs", "true"},
        {"shortlist", "even"},       {"shortlist", "thirds"},    {"shortlist", "odd"},
        {"prompt_lookup_num_tokens", "3"}};
    const auto &setting = settings[byte() % std::size(settings)];
    succeeded(encdec_options_set(options, setting[0], setting[1]));
  }

  static int hook(void *data, const encdec_hook_row *rows, uint64_t count, uint64_t) {
    auto &program = *static_cast<Program *>(data);
    require(count > 0 && rows[0].token_count >= rows[0].prompt_count, "rows with prompts");
    rows[count - 1].scores[program.byte() % FAKE_VOCABULARY] = -1e30f;
    return program.byte() % 8 == 7;
  }

  void add() {
    const std::vector<int32_t> ids = someIds(20), prefix = someIds(3);
    uint64_t source = 0;
    if (succeeded(encdec_generation_add(generation, ids.data(), ids.size(), prefix.data(),
                                        prefix.size(), options, &source)))
      sources.push_back(source);
  }

  uint64_t someSource() { return sources.empty() ? byte() : sources[byte() % sources.size()]; }

  void driveByHand(uint8_t what) {
    const std::vector<int32_t> ids = someIds(20);
    const uint64_t offsets[] = {0, ids.size()}, rows[] = {uint64_t(byte() % 3)};
    auto info = encdec_state_info();
    info.size = sizeof(info);
    require(succeeded(encdec_state_get_info(state, &info)), "a state tells of itself");
    if (what == 0)
      succeeded(encdec_encode(state, ids.data(), offsets, 1));
    else if (what == 1)
      succeeded(encdec_join(state, ids.data(), offsets, 1, rows));
    else if (what == 2) {
      const float *logits = nullptr;
      uint64_t stride = 0;
      succeeded(encdec_prefill(state, byte() % 4, ids.data(), ids.size(), &logits, &stride));
    } else if (what == 3) {
      const std::vector<uint32_t> parents{byte() % 4u, byte() % 4u, byte() % 4u};
      succeeded(encdec_reorder(state, parents.data(), byte() % 4));
    } else {
      constexpr const char *lists[] = {"even", "thirds", "odd", nullptr};
      if (byte() % 4 == 0)
        succeeded(encdec_use_shortlist(state, lists[byte() % 4]));
      const std::vector<int32_t> tokens(info.rows, int32_t(byte() % 45));
      auto input = encdec_step_input_default();
      input.tokens = tokens.data();
      input.rows = tokens.size();
      input.logits = byte() % 2;
      encdec_step_output output = {};
      output.size = sizeof(output);
      succeeded(encdec_step(state, &input, &output));
    }
  }

  void call(uint8_t what) {
    if (what < 5)
      return driveByHand(what);
    if (what == 5)
      return setOption();
    if (!generation) {
      succeeded(encdec_generation_create(state, &generation));
      sources.clear();
      return;
    }
    encdec_event event = {};
    event.size = sizeof(event);
    encdec_result *result = nullptr;
    switch (what) {
    case 6:
      encdec_generation_destroy(generation);
      generation = nullptr;
      break;
    case 7:
    case 8:
      return add();
    case 9:
      require(succeeded(encdec_generation_next_event(generation, &event)), "an event or none");
      break;
    case 10:
      succeeded(encdec_generation_take(generation, someSource(), &result));
      encdec_result_free(result);
      break;
    case 11:
      succeeded(encdec_generation_remove(generation, someSource()));
      break;
    case 12:
      encdec_generation_cancel(generation);
      break;
    case 13:
      succeeded(encdec_generation_set_hook(generation, byte() % 2 ? hook : nullptr, this));
      break;
    default:
      succeeded(encdec_generation_advance(generation, nullptr));
    }
  }

  std::string_view bytes;
  encdec_state *state = nullptr;
  encdec_options *options = nullptr;
  encdec_generation *generation = nullptr;
  std::vector<uint64_t> sources;
};

std::vector<std::string> seeds() {
  auto program = [](std::initializer_list<int> calls) {
    return std::string(calls.begin(), calls.end());
  };
  return {program({3, 6, 7, 2, 5, 9, 0, 14, 14, 9, 14, 9, 10, 0}),
          program({5, 5, 0, 6, 13, 1, 8, 3, 6, 7, 8, 1, 6, 14, 1, 2, 14, 3, 7, 12, 14, 6}),
          program({2, 1, 2, 5, 6, 1, 2, 0, 3, 8, 9, 7, 4, 3, 0, 3, 0, 0, 2, 4, 5}),
          program({4, 0, 3, 5, 6, 7, 4, 9, 1, 3, 1, 0, 0, 2})};
}

bool run(std::string_view bytes) {
  Program(bytes).run();
  return true;
}

} // namespace

extern const Target api = {"api", 400, seeds, run};

} // namespace encdec::fuzz
