//===- ProfileTest.cpp - segments are timed and counted, nothing else changes -===//

#include "encdec/runtime.h"
#include "tests/runtime/ApiFixture.h"

#include <chrono>
#include <cstddef>

using namespace encdec;
using namespace encdec::tests;

namespace {

int codeOf(encdec_status *status) {
  int code = encdec_status_code(status);
  encdec_status_free(status);
  return code;
}

struct Profiled {
  FakeImage image;
  encdec_model *model = nullptr;
  encdec_state *state = nullptr;
  Sources sources{{1, 2, 3}, {4}};
  std::vector<Ids> fed;
  std::vector<int32_t> first;

  explicit Profiled(uint32_t threads, const Json &manifest = fakeManifest())
      : image(manifest) {
    EXPECT_EQ(codeOf(encdec_model_from_memory(&image.image, &model)), ENCDEC_OK);
    auto options = encdec_state_options_default();
    options.threads = threads;
    EXPECT_EQ(codeOf(encdec_state_create(model, &options, &state)), ENCDEC_OK);
  }
  ~Profiled() {
    encdec_state_destroy(state);
    encdec_model_close(model);
  }
  void start() { ASSERT_EQ(codeOf(encdec_state_profile_start(state)), ENCDEC_OK); }
  void encode() {
    ASSERT_EQ(codeOf(encdec_encode(state, sources.ids.data(), sources.offsets.data(),
                                   sources.count())),
              ENCDEC_OK);
    fed.assign(sources.count(), {});
    first = {sources.first(0), sources.first(1)};
  }
  /// Feeds `token` to all rows; the answers must be right.
  void step(int32_t token) {
    Ids tokens(fed.size(), token);
    auto input = encdec_step_input_default();
    input.tokens = tokens.data();
    input.rows = tokens.size();
    encdec_step_output output = {};
    output.size = sizeof(output);
    ASSERT_EQ(codeOf(encdec_step(state, &input, &output)), ENCDEC_OK);
    for (size_t row = 0; row < fed.size(); ++row) {
      fed[row].push_back(token);
      EXPECT_EQ(output.tokens[row], fakeNext(fed[row], first[row]).first);
    }
  }
  /// The first source's row twice.
  void fork() {
    const uint32_t parents[] = {0, 0, 1};
    ASSERT_EQ(codeOf(encdec_reorder(state, parents, 3)), ENCDEC_OK);
    fed = {fed[0], fed[0], fed[1]};
    first = {first[0], first[0], first[1]};
  }
  encdec_segment_profile get(uint32_t entry, uint64_t index) {
    encdec_segment_profile profile = {};
    profile.size = sizeof(profile);
    EXPECT_EQ(codeOf(encdec_state_get_profile(state, entry, index, &profile)),
              ENCDEC_OK);
    return profile;
  }
};

TEST(Profile, CountsAndTimes) {
  for (uint32_t threads : {1, 2, 3}) {
    SCOPED_TRACE(threads);
    Profiled run(threads);
    run.encode(); // not measured
    run.start();
    auto begin = std::chrono::steady_clock::now();
    run.encode();
    run.step(40);
    run.fork();
    run.step(3);
    run.step(5);
    uint64_t wall = uint64_t(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                 std::chrono::steady_clock::now() - begin)
                                 .count());
    ASSERT_EQ(codeOf(encdec_state_profile_stop(run.state)), ENCDEC_OK);
    run.step(7); // not measured

    uint64_t time = 0, waited = 0;
    for (uint32_t entry : {ENCDEC_PROFILE_ENCODE, ENCDEC_PROFILE_STEP}) {
      ASSERT_EQ(encdec_state_profile_count(run.state, entry), 2u);
      for (uint64_t i = 0; i < 2; ++i) {
        auto segment = run.get(entry, i);
        EXPECT_GT(segment.nanoseconds, 0u);
        time += segment.nanoseconds;
        waited += segment.wait_nanoseconds;
      }
    }
    EXPECT_LE(time, wall);
    EXPECT_LE(waited, time);

    auto read = run.get(ENCDEC_PROFILE_ENCODE, 0), put = run.get(ENCDEC_PROFILE_ENCODE, 1);
    EXPECT_STREQ(read.ops, "read");
    EXPECT_STREQ(read.side, "encoder");
    EXPECT_EQ(read.layer, 0);
    EXPECT_EQ(read.calls, 1u);
    EXPECT_EQ(read.rows, 4u);
    EXPECT_EQ(read.key_multiply_adds, 2u * (3 * 3 + 1 * 1));
    EXPECT_STREQ(put.side, "decoder");
    EXPECT_EQ(put.layer, -1);

    // Steps of 2, 3 and 3 rows; positions 0, 1, 2.
    auto append = run.get(ENCDEC_PROFILE_STEP, 0), predict = run.get(ENCDEC_PROFILE_STEP, 1);
    EXPECT_STREQ(append.ops, "append+mix");
    EXPECT_EQ(append.layer, 1);
    EXPECT_EQ(append.calls, 3u);
    EXPECT_EQ(append.rows, 8u);
    EXPECT_EQ(append.weight_bytes, 0u);
    EXPECT_EQ(append.key_bytes, 10u * (2 * 1 + 3 * 2 + 3 * 3));
    EXPECT_EQ(append.key_multiply_adds, 3u * (2 * 1 + 3 * 2 + 3 * 3));
    EXPECT_EQ(predict.weight_bytes, 3u * 64);
    EXPECT_EQ(predict.weight_multiply_adds, 7u * 8);
    // Rows of one source read its memory once, each multiplying for itself.
    EXPECT_EQ(predict.key_bytes, 100u * 3 * (3 + 1));
    EXPECT_EQ(predict.key_multiply_adds, 5u * ((3 + 1) + 2 * (3 + 3 + 1)));

    run.start(); // from zero
    EXPECT_EQ(run.get(ENCDEC_PROFILE_STEP, 0).calls, 0u);
    EXPECT_EQ(run.get(ENCDEC_PROFILE_STEP, 0).nanoseconds, 0u);
  }
}

TEST(Profile, OfEachRangeOfRows) {
  Json manifest = fakeManifest();
  Json &step = manifest["segments"]["step"];
  for (size_t i : {0, 1}) { // the same segments again, for three rows and more
    Json segment = step[i];
    segment["ops"] = "many";
    segment["least_rows"] = 3;
    step.push_back(segment);
  }
  Profiled run(2, manifest);
  run.encode();
  run.start();
  run.step(40); // two rows
  run.fork();
  run.step(3); // three
  run.step(5);
  ASSERT_EQ(encdec_state_profile_count(run.state, ENCDEC_PROFILE_STEP), 4u);
  EXPECT_EQ(run.get(ENCDEC_PROFILE_STEP, 1).calls, 1u);
  EXPECT_EQ(run.get(ENCDEC_PROFILE_STEP, 1).rows, 2u);
  EXPECT_EQ(run.get(ENCDEC_PROFILE_STEP, 1).least_rows, 0u);
  auto many = run.get(ENCDEC_PROFILE_STEP, 2);
  EXPECT_STREQ(many.ops, "many");
  EXPECT_EQ(many.calls, 2u);
  EXPECT_EQ(many.rows, 6u);
  EXPECT_EQ(many.least_rows, 3u);
  EXPECT_GT(many.nanoseconds, 0u);
}

TEST(Profile, OfGeneration) {
  Profiled run(2);
  run.start();
  encdec_result *result = nullptr;
  Options options;
  options.set("max_new_tokens", 6);
  ASSERT_EQ(codeOf(encdec_generate(run.state, run.sources.ids.data(),
                                   run.sources.offsets.data(), 2, options, &result)),
            ENCDEC_OK);
  encdec_result_free(result);
  encdec_state_info info = {};
  info.size = sizeof(info);
  ASSERT_EQ(codeOf(encdec_state_get_info(run.state, &info)), ENCDEC_OK);
  EXPECT_GT(info.steps, 0u);
  EXPECT_EQ(run.get(ENCDEC_PROFILE_STEP, 1).calls, info.steps);
  EXPECT_EQ(run.get(ENCDEC_PROFILE_STEP, 1).rows, info.step_rows);
  EXPECT_EQ(run.get(ENCDEC_PROFILE_ENCODE, 0).rows, info.encoded_tokens);
}

TEST(Profile, Refusals) {
  Profiled run(2);
  encdec_segment_profile profile = {};
  profile.size = sizeof(profile);
  auto get = [&](uint32_t entry, uint64_t index) {
    return codeOf(encdec_state_get_profile(run.state, entry, index, &profile));
  };
  EXPECT_EQ(get(ENCDEC_PROFILE_STEP, 0), ENCDEC_ERROR_USAGE) << "nothing started";
  EXPECT_EQ(encdec_state_profile_count(run.state, ENCDEC_PROFILE_STEP), 0u);
  EXPECT_EQ(codeOf(encdec_state_profile_stop(run.state)), ENCDEC_OK);
  run.start();
  EXPECT_EQ(get(ENCDEC_PROFILE_STEP, 0), ENCDEC_OK);
  EXPECT_EQ(get(ENCDEC_PROFILE_STEP, 2), ENCDEC_ERROR_USAGE);
  EXPECT_EQ(get(ENCDEC_PROFILE_STEP, UINT64_MAX), ENCDEC_ERROR_USAGE);
  EXPECT_EQ(get(2, 0), ENCDEC_ERROR_USAGE);
  EXPECT_EQ(encdec_state_profile_count(run.state, 2), 0u);
  EXPECT_EQ(encdec_state_profile_count(nullptr, 0), 0u);
  profile.size = 0;
  EXPECT_EQ(get(ENCDEC_PROFILE_STEP, 0), ENCDEC_ERROR_USAGE);
  // An older caller's struct is not written beyond its size.
  memset(static_cast<void *>(&profile), 0xee, sizeof(profile));
  profile.size = offsetof(encdec_segment_profile, rows);
  EXPECT_EQ(get(ENCDEC_PROFILE_STEP, 0), ENCDEC_OK);
  EXPECT_EQ(profile.calls, 0u);
  EXPECT_EQ(profile.rows, 0xeeeeeeeeeeeeeeeeu);
  EXPECT_EQ(codeOf(encdec_state_profile_start(nullptr)), ENCDEC_ERROR_USAGE);
  EXPECT_EQ(codeOf(encdec_state_profile_stop(nullptr)), ENCDEC_ERROR_USAGE);
  EXPECT_EQ(codeOf(encdec_state_get_profile(nullptr, 1, 0, &profile)),
            ENCDEC_ERROR_USAGE);
  EXPECT_EQ(codeOf(encdec_state_get_profile(run.state, 1, 0, nullptr)),
            ENCDEC_ERROR_USAGE);
}

TEST(Profile, ManifestWithoutSegments) {
  Json manifest = fakeManifest();
  manifest.erase("segments");
  Profiled run(2, manifest);
  EXPECT_EQ(codeOf(encdec_state_profile_start(run.state)), ENCDEC_ERROR_BAD_MODEL);
  run.encode();
  run.step(40);
}

/// A manifest with other segments does not change the code's results, but the profile is
/// refused.
TEST(Profile, ManifestWithOtherSegments) {
  for (uint32_t threads : {1, 3})
    for (size_t count : {1, 3}) {
      SCOPED_TRACE(testing::Message() << threads << " threads, " << count);
      Json manifest = fakeManifest();
      Json &segments = manifest["segments"]["step"];
      count == 1 ? segments.erase(1) : segments.push_back(segments[0]);
      Profiled run(threads, manifest);
      run.start();
      run.encode();
      run.step(40);
      encdec_segment_profile profile = {};
      profile.size = sizeof(profile);
      EXPECT_EQ(codeOf(encdec_state_get_profile(run.state, ENCDEC_PROFILE_STEP, 0,
                                                &profile)),
                ENCDEC_ERROR_BAD_MODEL);
      EXPECT_EQ(run.get(ENCDEC_PROFILE_ENCODE, 0).calls, 1u);
    }
}

} // namespace
