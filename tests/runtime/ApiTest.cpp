//===- ApiTest.cpp - the C border: nulls, sizes, statuses, bundles --------===//

#include "encdec/runtime.h"
#include "runtime/base/CpuLevels.h"
#include "tests/runtime/ApiFixture.h"

#include <cmath>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <thread>
#include <unistd.h>

using namespace encdec;
using namespace encdec::tests;

extern "C" const char *use_api_from_c(const encdec_model_image *image, int32_t *ids,
                                      uint64_t *count);

namespace {

TEST(ApiC, HeaderAndLoopInC11) {
  FakeImage image(fakeManifest());
  int32_t ids[20];
  uint64_t count = 0;
  EXPECT_EQ(use_api_from_c(&image.image, ids, &count), nullptr);
  ASSERT_EQ(count, 20u);
  Ids fed{40};
  for (int32_t id : ids) {
    EXPECT_EQ(id, fakeNext(fed, 11).first);
    fed.push_back(id);
  }
}

TEST_F(Api, NullsAreUsageErrors) {
  encdec_model *noModel = nullptr;
  encdec_state *noState = nullptr;
  encdec_bundle *noBundle = nullptr;
  encdec_result *noResult = nullptr;
  encdec_model_info modelInfo = {};
  encdec_state_info stateInfo = {};
  encdec_source source = {};
  encdec_sequence sequence = {};
  encdec_bundle_section_info section = {};
  auto input = encdec_step_input_default();
  encdec_step_output output = {};
  output.size = sizeof(output);
  encdec_encoder_states states = {};
  states.size = sizeof(states);
  float number = 0;
  const int32_t *ids = sources.ids.data();
  const uint64_t *offsets = sources.offsets.data();
  uint64_t count = 0;
  const char *texts[] = {nullptr};
  encdec_status *statuses[] = {
      encdec_machine_get_info(nullptr),
      encdec_model_open(nullptr, nullptr, &noModel),
      encdec_model_open("x", nullptr, nullptr),
      encdec_model_from_memory(nullptr, &noModel),
      encdec_model_from_memory(&image.image, nullptr),
      encdec_model_get_info(nullptr, &modelInfo),
      encdec_model_get_info(model, nullptr),
      encdec_state_create(nullptr, nullptr, &noState),
      encdec_state_create(model, nullptr, nullptr),
      encdec_state_get_info(nullptr, &stateInfo),
      encdec_state_get_info(state, nullptr),
      encdec_state_run(
          nullptr, [](void *, uint32_t, uint32_t) {}, nullptr),
      encdec_state_run(state, nullptr, nullptr),
      encdec_encode(nullptr, ids, offsets, 2),
      encdec_encode(state, nullptr, offsets, 2),
      encdec_encode(state, ids, nullptr, 2),
      encdec_get_encoder_states(nullptr, &states),
      encdec_get_encoder_states(state, nullptr),
      encdec_get_encoder_states(state, &states), // made without room for them
      encdec_pool_encoder_states(nullptr, ENCDEC_POOL_MEAN, &number, 1),
      encdec_pool_encoder_states(state, ENCDEC_POOL_MEAN, nullptr, 1),
      encdec_pool_encoder_states(state, ENCDEC_POOL_MEAN, &number, 1),
      encdec_step(nullptr, &input, &output),
      encdec_step(state, nullptr, &output),
      encdec_step(state, &input, nullptr),
      encdec_step(state, &input, &output), // no tokens
      encdec_reorder(nullptr, nullptr, 0),
      encdec_reorder(state, nullptr, 1),
      encdec_generate(nullptr, ids, offsets, 2, nullptr, &noResult),
      encdec_generate(state, nullptr, offsets, 2, nullptr, &noResult),
      encdec_generate(state, ids, nullptr, 2, nullptr, &noResult),
      encdec_generate(state, ids, offsets, 2, nullptr, nullptr),
      encdec_generate_text(nullptr, texts, nullptr, 1, nullptr, &noResult),
      encdec_generate_text(state, nullptr, nullptr, 1, nullptr, &noResult),
      encdec_generate_text(state, texts, nullptr, 1, nullptr, nullptr),
      encdec_result_get(nullptr, 0, 0, &sequence),
      encdec_result_source(nullptr, 0, &source),
      encdec_tokenize(nullptr, "a", 1, nullptr, nullptr, 0, &count),
      encdec_tokenize(model, nullptr, 1, nullptr, nullptr, 0, &count),
      encdec_tokenize(model, "a", 1, nullptr, nullptr, 0, nullptr),
      encdec_detokenize(nullptr, ids, 1, nullptr, 0, &count),
      encdec_detokenize(model, nullptr, 1, nullptr, 0, &count),
      encdec_detokenize(model, ids, 1, nullptr, 0, nullptr),
      encdec_piece(nullptr, 0, 0, nullptr, 0, &count),
      encdec_piece(model, 0, 0, nullptr, 0, nullptr),
      encdec_bundle_open(nullptr, &noBundle),
      encdec_bundle_open("x", nullptr),
      encdec_bundle_get_section(nullptr, 0, &section),
  };
  int index = 0;
  for (encdec_status *status : statuses)
    EXPECT_EQ(codeOf(status), ENCDEC_ERROR_USAGE) << "call " << index++;
  EXPECT_EQ(encdec_status_code(nullptr), ENCDEC_OK);
  EXPECT_STREQ(encdec_status_message(nullptr), "");
  EXPECT_EQ(encdec_model_manifest(nullptr, &count), nullptr);
  EXPECT_EQ(encdec_result_count(nullptr), 0u);
  EXPECT_EQ(encdec_bundle_section_count(nullptr), 0u);
  encdec_status_free(nullptr);
  encdec_model_close(nullptr);
  encdec_state_destroy(nullptr);
  encdec_result_free(nullptr);
  encdec_bundle_close(nullptr);
}

TEST_F(Api, EncoderStatesAsRowsAndAsVectors) {
  auto options = encdec_state_options_default();
  options.encoder_states = 1;
  encdec_state *own = nullptr;
  ASSERT_EQ(codeOf(encdec_state_create(model, &options, &own)), ENCDEC_OK);
  encdec_encoder_states states = {};
  states.size = sizeof(states);
  float vectors[2 * 40];
  EXPECT_EQ(codeOf(encdec_get_encoder_states(own, &states)), ENCDEC_ERROR_USAGE);
  EXPECT_EQ(codeOf(encdec_pool_encoder_states(own, ENCDEC_POOL_FIRST, vectors, 80)),
            ENCDEC_ERROR_USAGE); // nothing is encoded
  const int32_t ids[] = {5, 8, 3};
  const uint64_t offsets[] = {0, 2, 3};
  ASSERT_EQ(codeOf(encdec_encode(own, ids, offsets, 2)), ENCDEC_OK);
  ASSERT_EQ(codeOf(encdec_get_encoder_states(own, &states)), ENCDEC_OK);
  EXPECT_EQ(states.row_count, 3u);
  EXPECT_EQ(states.width, 40u);
  EXPECT_EQ(states.stride, 48u);
  EXPECT_EQ(states.states[48 + 1], 8 + 64 + 0.5f);
  ASSERT_EQ(codeOf(encdec_pool_encoder_states(own, ENCDEC_POOL_MEAN, vectors, 80)),
            ENCDEC_OK);
  EXPECT_EQ(vectors[0], (5 + 8 + 64) / 2.0f);
  EXPECT_EQ(vectors[41], 3.5f);
  for (auto [pooling, capacity] : {std::pair(0u, 80u), {3u, 80u}, {1u, 79u}})
    EXPECT_EQ(codeOf(encdec_pool_encoder_states(own, pooling, vectors, capacity)),
              ENCDEC_ERROR_USAGE);
  encdec_state_destroy(own);
}

TEST_F(Api, TextNeedsATokenizer) {
  const char *texts[] = {"hello"};
  encdec_result *result = reinterpret_cast<encdec_result *>(1);
  EXPECT_EQ(codeOf(encdec_generate_text(state, texts, nullptr, 1, nullptr, &result)),
            ENCDEC_ERROR_USAGE);
  EXPECT_EQ(result, nullptr);
}

TEST_F(Api, ModelInfoAndManifest) {
  encdec_model_info info = {};
  info.size = sizeof(info);
  ASSERT_EQ(codeOf(encdec_model_get_info(model, &info)), ENCDEC_OK);
  EXPECT_EQ(info.vocab_size, uint64_t(FAKE_VOCABULARY));
  EXPECT_EQ(info.decoder_start_token_id, 40);
  EXPECT_STREQ(info.cpu_level, "memory");
  EXPECT_EQ(info.eos_token_count, 1u);
  EXPECT_EQ(info.has_tokenizer, 0u);
  uint64_t size = 0;
  EXPECT_EQ(encdec_model_manifest(model, &size), image.manifest);
  EXPECT_EQ(size, image.manifest.size());
  int major = 0, minor = 0, patch = 0;
  ASSERT_EQ(std::sscanf(encdec_version(), "%d.%d.%d", &major, &minor, &patch), 3);
  EXPECT_EQ(encdec_version_number(), 1000000 * major + 1000 * minor + patch);
  EXPECT_EQ(encdec_version_number(), ENCDEC_VERSION_NUMBER);
}

TEST_F(Api, StartsNoMoreThreadsThanCanRun) {
  encdec_machine_info machine = {};
  machine.size = sizeof(machine);
  ASSERT_EQ(codeOf(encdec_machine_get_info(&machine)), ENCDEC_OK);
  auto options = encdec_state_options_default();
  for (uint32_t threads : {1u, machine.threads, machine.threads + 1, 256u, 257u}) {
    options.threads = threads;
    encdec_state *some = nullptr;
    ASSERT_EQ(codeOf(encdec_state_create(model, &options, &some)),
              threads > 256 ? ENCDEC_ERROR_LIMIT : ENCDEC_OK);
    if (!some)
      continue;
    encdec_state_info info = {};
    info.size = sizeof(info);
    ASSERT_EQ(codeOf(encdec_state_get_info(some, &info)), ENCDEC_OK);
    EXPECT_EQ(info.threads, std::min(threads, machine.threads));
    encdec_state_destroy(some);
  }
}

TEST_F(Api, SourcesOfAStateAreThoseAskedFor) {
  auto options = encdec_state_options_default();
  options.max_rows = 4;
  options.max_sources = 1;
  encdec_state *narrow = nullptr;
  ASSERT_EQ(codeOf(encdec_state_create(model, &options, &narrow)), ENCDEC_OK);
  auto encode = [&](uint64_t count) {
    return codeOf(encdec_encode(narrow, sources.ids.data(), sources.offsets.data(), count));
  };
  EXPECT_EQ(encode(1), ENCDEC_OK);
  EXPECT_EQ(encode(2), ENCDEC_ERROR_LIMIT);
  encdec_state_destroy(narrow);
}

TEST_F(Api, OlderCallersGetAndGiveWhatTheyKnow) {
  // Out: bytes beyond the caller's size stay as they are.
  encdec_state_info info;
  memset(static_cast<void *>(&info), 0xee, sizeof(info));
  info.size = offsetof(encdec_state_info, threads);
  ASSERT_EQ(codeOf(encdec_state_get_info(state, &info)), ENCDEC_OK);
  EXPECT_EQ(info.rows, 0u);
  EXPECT_EQ(info.threads, 0xeeeeeeeeu);
  // In: what the caller does not know keeps its default, garbage or not.
  encdec_state_options options;
  memset(static_cast<void *>(&options), 0xee, sizeof(options));
  options.size = offsetof(encdec_state_options, max_source_tokens);
  options.max_rows = 3;
  encdec_state *older = nullptr;
  ASSERT_EQ(codeOf(encdec_state_create(model, &options, &older)), ENCDEC_OK);
  encdec_state_destroy(older);
  // No size at all is a mistake, found before anything is done.
  ASSERT_EQ(codeOf(encdec_encode(state, sources.ids.data(), sources.offsets.data(), 2)),
            ENCDEC_OK);
  const int32_t start[] = {40, 40};
  auto input = encdec_step_input_default();
  input.tokens = start;
  input.rows = 2;
  encdec_step_output output = {};
  EXPECT_EQ(codeOf(encdec_step(state, &input, &output)), ENCDEC_ERROR_USAGE);
  info.size = sizeof(info);
  ASSERT_EQ(codeOf(encdec_state_get_info(state, &info)), ENCDEC_OK);
  EXPECT_EQ(info.steps, 0u);
  info.size = 0;
  EXPECT_EQ(codeOf(encdec_state_get_info(state, &info)), ENCDEC_ERROR_USAGE);
  image.image.size -= 8;
  encdec_model *short_image = nullptr;
  EXPECT_EQ(codeOf(encdec_model_from_memory(&image.image, &short_image)),
            ENCDEC_ERROR_USAGE);
}

TEST_F(Api, ExceptionsStayInside) {
  encdec_status *status = encdec_state_run(
      state,
      [](void *, uint32_t worker, uint32_t) {
        if (worker == 1)
          throw std::runtime_error("thrown");
      },
      nullptr);
  EXPECT_NE(strstr(encdec_status_message(status), "thrown"), nullptr);
  EXPECT_EQ(codeOf(status), ENCDEC_ERROR_FAILURE);
}

TEST_F(Api, StatesOfOneModelAreIndependent) {
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int32_t t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      auto options = encdec_state_options_default();
      options.threads = 2;
      encdec_state *own = nullptr;
      wrong += codeOf(encdec_state_create(model, &options, &own));
      const int32_t id[] = {t};
      const uint64_t offsets[] = {0, 1};
      for (int i = 0; i < 20; ++i) {
        encdec_result *result = nullptr;
        wrong += codeOf(encdec_generate(own, id, offsets, 1, nullptr, &result));
        encdec_sequence sequence = {};
        sequence.size = sizeof(sequence);
        wrong += codeOf(encdec_result_get(result, 0, 0, &sequence));
        wrong += sequence.ids[0] != fakeNext({40}, t, {40}).first;
        encdec_result_free(result);
      }
      encdec_state_destroy(own);
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(wrong, 0);
}

/// A file of its own in the temporary folder, gone with this object.
struct BundleFile {
  explicit BundleFile(const std::string &bytes) {
    int file = mkstemp(path);
    EXPECT_GE(file, 0);
    EXPECT_EQ(write(file, bytes.data(), bytes.size()), ssize_t(bytes.size()));
    close(file);
  }
  ~BundleFile() { unlink(path); }
  char path[32] = "/tmp/encdec-bundle-XXXXXX";
};

/// A bundle file from opening to a step: code loaded, relocated and run.
TEST(ApiBundle, OpensAndRuns) {
  if (!(*findCpuLevel(fakeLevel()))->runsHere())
    GTEST_SKIP() << "this machine does not run level " << fakeLevel();
  auto options = encdec_model_options_default();
  options.cpu_level = fakeLevel();
  encdec_model *model = nullptr;
  encdec_status *opened =
      encdec_model_open(BundleFile(fakeBundle()).path, &options, &model);
  ASSERT_EQ(opened, nullptr) << encdec_status_message(opened);
  encdec_model_info info = {};
  info.size = sizeof(info);
  ASSERT_EQ(codeOf(encdec_model_get_info(model, &info)), ENCDEC_OK);
  EXPECT_STREQ(info.cpu_level, fakeLevel());
  encdec_state *state = nullptr;
  ASSERT_EQ(codeOf(encdec_state_create(model, nullptr, &state)), ENCDEC_OK);
  encdec_model_close(model);
  Sources sources = manySources(40);
  encdec_result *result = nullptr;
  ASSERT_EQ(codeOf(encdec_generate(state, sources.ids.data(), sources.offsets.data(),
                                   sources.count(), nullptr, &result)),
            ENCDEC_OK);
  for (uint64_t b = 0; b < sources.count(); ++b) {
    encdec_sequence sequence = {};
    sequence.size = sizeof(sequence);
    ASSERT_EQ(codeOf(encdec_result_get(result, b, 0, &sequence)), ENCDEC_OK);
    Ids fed{40};
    for (uint64_t t = 0; t < sequence.id_count; ++t) {
      EXPECT_EQ(sequence.ids[t], fakeNext(fed, sources.first(b), {40}).first);
      fed.push_back(sequence.ids[t]);
    }
    EXPECT_FALSE(std::isnan(sequence.log_prob));
  }
  encdec_result_free(result);
  encdec_state_destroy(state);
}

TEST(ApiBundle, UnknownLevelIsUsage) {
  auto options = encdec_model_options_default();
  options.cpu_level = "v9";
  encdec_model *model = nullptr;
  EXPECT_EQ(
      codeOf(encdec_model_open(BundleFile(fakeBundle()).path, &options, &model)),
      ENCDEC_ERROR_USAGE);
  EXPECT_EQ(model, nullptr);
}

/// Checksums are right, the tokenizer's table is not: every way of opening finds it.
TEST(ApiBundle, BadTokenizerIsFoundByInspectionToo) {
  Json manifest = fakeManifest();
  manifest["tokenizer"] = {{"kind", "marian"}};
  auto parts = fakeParts(manifest.dump(1), fakeCode());
  parts.push_back({ENCDEC_SECTION_TOKENIZER, "marian", "no such thing"});
  BundleFile file(buildBundle(parts));
  encdec_bundle *bundle = nullptr;
  EXPECT_EQ(codeOf(encdec_bundle_open(file.path, &bundle)), ENCDEC_ERROR_BAD_MODEL);
  EXPECT_EQ(bundle, nullptr);
}

} // namespace
