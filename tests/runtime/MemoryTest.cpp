//===- MemoryTest.cpp - what a loaded model takes, as the kernel counts it --===//
//
// Each measurement runs in a process of its own: the kernel's peak is per process.

#include "tests/runtime/FakeModel.h"

#include <fcntl.h>
#include <fstream>
#include <sys/wait.h>
#include <unistd.h>

using namespace encdec;
using namespace encdec::runtime;
using namespace encdec::tests;

// gcc says it with macros, clang with features.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define ENCDEC_SANITIZED
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ENCDEC_SANITIZED
#endif

namespace {

constexpr int64_t megabyte = 1 << 20, weights = 64 * megabyte;

/// A line "Name:   123 kB" of a file under /proc/self, in bytes; -1 without one.
int64_t bytesOf(const char *file, const std::string &name) {
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with(name + ":"))
      return std::stoll(line.substr(name.size() + 1)) * 1024;
  return -1;
}

/// What opening and a step have added to this process.
struct Usage {
  int64_t peak, anonymous, proportional;
};

/// Opens the bundle, runs a step and measures the memory of both. Keeps the model.
bool use(const std::string &path, Usage &usage,
         std::shared_ptr<const Model> &model) {
  const char *status = "/proc/self/status", *maps = "/proc/self/smaps_rollup";
  const int64_t resident = bytesOf(status, "VmRSS"),
                anonymous = bytesOf(maps, "Anonymous"),
                proportional = bytesOf(maps, "Pss");
  auto opened = Model::open(path, "");
  if (!opened.ok())
    return false;
  model = *opened;
  StateLimits limits;
  limits.threads = 2;
  limits.maxRows = 4;
  auto state = State::create(model, limits);
  if (!state.ok())
    return false;
  const Sources sources{{1, 2, 3}};
  const Ids tokens{40};
  StepInput input;
  input.tokens = tokens;
  if (!(*state)->encode(sources.ids, sources.offsets).ok() ||
      !(*state)->step(input).ok())
    return false;
  // The fake step reads one weight, a real step all weights.
  volatile uint8_t sum = 0;
  for (int64_t i = 0; i < weights; i += 4096)
    sum = uint8_t(sum + model->weights[i]);
  usage = {bytesOf(status, "VmHWM") - resident,
           bytesOf(maps, "Anonymous") - anonymous,
           bytesOf(maps, "Pss") - proportional};
  return resident > 0 && anonymous >= 0 && proportional > 0;
}

struct LargeBundle {
  LargeBundle() {
    auto manifest = fakeManifest();
    manifest["weights"]["bytes"] = weights;
    auto parts = fakeParts(manifest.dump(), fakeCode());
    parts[2].data.resize(weights, '\x5a');
    std::ofstream(path, std::ios::binary) << buildBundle(parts);
  }
  ~LargeBundle() { unlink(path.c_str()); }
  const std::string path = testing::TempDir() + "encdec-memory-" +
                           std::to_string(getpid()) + ".encdec";
};

/// Starts a process that uses the bundle, writes its Usage to `out` and stays
/// until `in` is closed.
pid_t start(const std::string &path, int out, int in, int otherEnd) {
  pid_t child = fork();
  if (child != 0)
    return child;
  close(otherEnd);
  Usage usage{};
  std::shared_ptr<const Model> model;
  bool good = use(path, usage, model) &&
              write(out, &usage, sizeof(usage)) == ssize_t(sizeof(usage));
  char byte;
  good = good && read(in, &byte, 1) == 0;
  _exit(good ? 0 : 1);
}

TEST(Memory, WeightsAreMappedOnceForAllProcesses) {
#if defined(ENCDEC_SANITIZED)
  GTEST_SKIP() << "sanitizers keep books of their own";
#endif
  const LargeBundle bundle;
  int results[2], stay[2];
  ASSERT_EQ(pipe(results), 0);
  ASSERT_EQ(pipe(stay), 0);
  Usage usage[2] = {};
  pid_t children[2];
  // The second starts when the first has all its pages.
  for (int i = 0; i < 2; ++i) {
    children[i] = start(bundle.path, results[1], stay[0], stay[1]);
    ASSERT_GT(children[i], 0);
    ASSERT_EQ(read(results[0], &usage[i], sizeof(Usage)), ssize_t(sizeof(Usage)));
  }
  close(stay[1]);
  for (pid_t child : children) {
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  for (int end : {results[0], results[1], stay[0]})
    close(end);
  for (const Usage &one : usage) {
    EXPECT_GT(one.peak, weights * 9 / 10) << "mapped pages count, too";
    EXPECT_LT(one.peak, weights * 105 / 100 + 2 * megabyte);
    EXPECT_LT(one.anonymous, 4 * megabyte) << "no copy of the weights";
  }
  EXPECT_LT(usage[1].proportional, weights * 3 / 4) << "pages are shared";
}

} // namespace
