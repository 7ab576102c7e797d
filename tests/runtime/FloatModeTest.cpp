//===- FloatModeTest.cpp - the host's floating-point mode changes nothing --===//
//
// Code whose numbers depend on rounding and on denormals runs under hosts that
// have set other modes, on all workers and in the search: every bit must stay,
// and the host must find its mode as it was, after errors too.

#include "encdec/runtime.h"
#include "tests/runtime/ApiFixture.h"

#include <bit>
#include <stdexcept>

using namespace encdec;
using namespace encdec::tests;

#if defined(__x86_64__)
#include <xmmintrin.h>

namespace {

constexpr unsigned standard = 0x1f80; // to nearest, denormals, all masked
constexpr unsigned flush = 0x8000, denormalsAreZero = 0x40;
constexpr unsigned down = 0x2000, up = 0x4000, toZero = 0x6000;
constexpr unsigned invalid = 0x80; // masked when set
const unsigned modes[] = {
    standard,        standard | flush,
    standard | down, standard | flush | denormalsAreZero,
    standard | up,   standard | flush | denormalsAreZero | toZero,
    standard & ~invalid};

/// Depends on every part of the mode: a quotient and a sum that are not exact, and
/// half of a denormal.
float dependent(int64_t n) {
  volatile float one = 1, tiny = 1e-9f, denormal = 1e-40f, half = 0.5f;
  volatile float divisor = float(n % 50 + 3);
  volatile float product = denormal * half; // 0 where denormals are flushed
  volatile float more = one + tiny;         // 1 unless rounded up
  return one / divisor + (product > 0 ? 0.25f : 0.0f) + (more - one) * 1024;
}

void encode(const encdec_abi_context *c, int64_t worker, int64_t workers) {
  // In another mode the source differs, too.
  const bool wrong = dependent(0) != 1.0f / 3 + 0.25f;
  fake_encode(c, worker, workers);
  if (wrong)
    std::fill_n(c->memory, 64, uint8_t(0x7f));
}

void step(const encdec_abi_context *c, int64_t worker, int64_t workers) {
  fake_step(c, worker, workers);
  // The rows that fake_step gave this worker.
  for (int64_t r = workers - 1 - worker; r < c->rows; r += workers)
    for (int64_t i = 0; i < c->top_k; ++i)
      c->out_log_probs[r * c->top_k + i] -= dependent(c->positions[r] + i);
}

/// Sets a mode for its lifetime.
struct HostMode {
  explicit HostMode(unsigned mode) : saved(_mm_getcsr()) { _mm_setcsr(mode); }
  ~HostMode() { _mm_setcsr(saved); }
  unsigned saved;
};

class FloatModes : public testing::Test {
protected:
  FloatModes() : image(fakeManifest()) {
    image.image.encode = encode;
    image.image.step = step;
  }

  /// Calls the API under `mode` and notes whether it comes back with it.
  template <typename Call> int under(unsigned mode, Call call) {
    unsigned after;
    encdec_status *status;
    {
      HostMode host(mode);
      status = call();
      after = _mm_getcsr();
    }
    EXPECT_EQ(after, mode);
    int code = encdec_status_code(status);
    encdec_status_free(status);
    return code;
  }

  /// All numbers that encode, steps and a beam search give, as bits.
  std::vector<uint32_t> everything(unsigned mode, uint32_t threads) {
    std::vector<uint32_t> all;
    encdec_model *model = nullptr;
    encdec_state *state = nullptr;
    EXPECT_EQ(under(mode, [&] {
                return encdec_model_from_memory(&image.image, &model);
              }), ENCDEC_OK);
    auto options = encdec_state_options_default();
    options.max_rows = 8;
    options.threads = threads;
    EXPECT_EQ(under(mode, [&] {
                return encdec_state_create(model, &options, &state);
              }), ENCDEC_OK);
    Sources sources{{1, 2, 3}, {4, 5}};
    EXPECT_EQ(under(mode, [&] {
                return encdec_encode(state, sources.ids.data(),
                                     sources.offsets.data(), 2);
              }), ENCDEC_OK);
    Ids tokens(2, 40);
    auto input = encdec_step_input_default();
    input.tokens = tokens.data();
    input.rows = 2;
    input.top_k = 3;
    encdec_step_output output = {};
    output.size = sizeof(output);
    for (int i = 0; i < 6; ++i) {
      EXPECT_EQ(under(mode, [&] { return encdec_step(state, &input, &output); }),
                ENCDEC_OK);
      for (int j = 0; j < 6; ++j) {
        all.push_back(uint32_t(output.tokens[j]));
        all.push_back(std::bit_cast<uint32_t>(output.log_probs[j]));
      }
      tokens = {output.tokens[0], output.tokens[3]};
    }
    refuse(mode, state, input, output, sources);
    generate(mode, state, sources, all);
    encdec_state_destroy(state);
    encdec_model_close(model);
    return all;
  }

  /// Errors of all kinds leave the mode alone as well.
  void refuse(unsigned mode, encdec_state *state, encdec_step_input input,
              encdec_step_output output, const Sources &sources) {
    const int32_t bad[] = {-1, 1000000};
    input.tokens = bad;
    EXPECT_EQ(under(mode, [&] { return encdec_step(state, &input, &output); }),
              ENCDEC_ERROR_USAGE);
    const uint64_t offsets[] = {0, 1, 2};
    EXPECT_EQ(under(mode, [&] { return encdec_encode(state, bad, offsets, 2); }),
              ENCDEC_ERROR_USAGE);
    encdec_result *result = nullptr;
    EXPECT_EQ(under(mode, [&] {
                return encdec_generate(state, sources.ids.data(),
                                       sources.offsets.data(), 2, nullptr, nullptr);
              }), ENCDEC_ERROR_USAGE);
    EXPECT_EQ(under(mode, [&] {
                return encdec_generate(state, bad, offsets, 2, nullptr, &result);
              }), ENCDEC_ERROR_USAGE);
    auto fail = [](void *, uint32_t, uint32_t) {
      _mm_setcsr(standard | up); // the runtime must reset this
      throw std::runtime_error("thrown");
    };
    EXPECT_EQ(under(mode, [&] { return encdec_state_run(state, fail, nullptr); }),
              ENCDEC_ERROR_FAILURE);
  }

  void generate(unsigned mode, encdec_state *state, const Sources &sources,
                std::vector<uint32_t> &all) {
    for (uint32_t beams : {1u, 3u}) {
      Options options;
      options.set("num_beams", beams);
      options.set("max_new_tokens", 9);
      options.set("length_penalty", 0.7f);
      encdec_result *result = nullptr;
      ASSERT_EQ(under(mode, [&] {
                  return encdec_generate(state, sources.ids.data(),
                                         sources.offsets.data(), 2, options,
                                         &result);
                }), ENCDEC_OK);
      for (uint64_t i = 0; i < encdec_result_count(result); ++i) {
        encdec_sequence sequence = {};
        sequence.size = sizeof(sequence);
        EXPECT_EQ(
            under(mode,
                  [&] { return encdec_result_get(result, i, 0, &sequence); }),
            ENCDEC_OK);
        all.insert(all.end(), sequence.ids, sequence.ids + sequence.id_count);
        for (double number : {sequence.log_prob, sequence.score}) {
          all.push_back(uint32_t(std::bit_cast<uint64_t>(number)));
          all.push_back(uint32_t(std::bit_cast<uint64_t>(number) >> 32));
        }
      }
      encdec_result_free(result);
    }
  }

  FakeImage image;
};

TEST_F(FloatModes, TheProbeSeesThem) {
  const uint32_t expected = std::bit_cast<uint32_t>(dependent(0));
  for (unsigned mode : modes) {
    if (mode == modes[0] || mode == (standard & ~invalid))
      continue;
    float number;
    {
      HostMode host(mode);
      number = dependent(0);
    }
    EXPECT_NE(std::bit_cast<uint32_t>(number), expected) << std::hex << mode;
  }
}

TEST_F(FloatModes, BitsAndTheHostsModeStay) {
  const std::vector<uint32_t> expected = everything(standard, 1);
  ASSERT_GT(expected.size(), 50u);
  for (uint32_t threads : {1u, 3u})
    for (unsigned mode : modes) {
      SCOPED_TRACE(testing::Message() << threads << " threads, MXCSR " << std::hex
                                      << mode);
      EXPECT_EQ(everything(mode, threads), expected);
    }
}

} // namespace
#endif
