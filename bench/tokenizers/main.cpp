//===- main.cpp - times a folder's tokenizer ------------------------------===//
//
// usage: encdec_bench_tokenizers FOLDER [TEXT] [ROUNDS]
// Describes the folder's tokenizer, writes its table and opens it, then encodes
// and decodes each line of the file TEXT, ROUNDS times. Prints JSON:
// milliseconds of this thread's processor time (the least of the rounds), the
// table's size, the memory at its highest, and the ids of each line, by which a
// caller sees that two programs did the same.
//
//===----------------------------------------------------------------------===//

#include "compiler/tokenizer/Describe.h"
#include "compiler/tokenizer/Table.h"
#include "runtime/text/Tokenizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <sys/resource.h>

using namespace encdec;

namespace {

double nowMs() {
  timespec time;
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return double(time.tv_sec) * 1e3 + double(time.tv_nsec) * 1e-6;
}

/// The least time of `rounds` calls, in milliseconds.
template <typename Work> double leastMs(int rounds, Work work) {
  double least = 1e300;
  for (int i = 0; i < rounds; ++i) {
    const double begin = nowMs();
    work();
    least = std::min(least, nowMs() - begin);
  }
  return least;
}

int fail(const Status &status) {
  std::fprintf(stderr, "%s\n", status.message().c_str());
  return 1;
}

std::vector<std::string> linesOf(const char *path) {
  std::vector<std::string> lines;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);)
    lines.push_back(line);
  return lines;
}

} // namespace

int main(int count, char **arguments) {
  if (count < 2) {
    std::fprintf(stderr, "usage: %s FOLDER [TEXT] [ROUNDS]\n", arguments[0]);
    return 2;
  }
  const int rounds = count > 3 ? std::max(1, std::atoi(arguments[3])) : 5;
  const double start = nowMs();
  auto described =
      tokenizer::describeTokenizer(tokenizer::folderAt(arguments[1]), {});
  if (!described.ok())
    return fail(described.status());
  if (!described->description)
    return fail(badModel("the folder has no tokenizer"));
  const double read = nowMs();
  auto table = tokenizer::writeTable(*described->description);
  if (!table.ok())
    return fail(table.status());
  const double written = nowMs();
  const std::span<const uint8_t> bytes(
      reinterpret_cast<const uint8_t *>(table->data()), table->size());
  auto tokenizer = Tokenizer::open(bytes);
  if (!tokenizer.ok())
    return fail(tokenizer.status());
  const double openMs =
      leastMs(rounds, [&] { tokenizer = Tokenizer::open(bytes); });

  std::vector<std::string> lines;
  if (count > 2)
    lines = linesOf(arguments[2]);
  std::vector<Encoding> encodings(lines.size());
  std::vector<std::string> texts(lines.size());
  Status status = Status::success();
  const double encodeMs = leastMs(rounds, [&] {
    for (size_t i = 0; i < lines.size(); ++i)
      if (auto encoding = tokenizer->encode(lines[i]); encoding.ok())
        encodings[i] = std::move(*encoding);
      else
        status = std::move(encoding).status();
  });
  const double decodeMs = leastMs(rounds, [&] {
    for (size_t i = 0; i < lines.size(); ++i)
      if (auto text = tokenizer->decode(encodings[i].ids); text.ok())
        texts[i] = std::move(*text);
      else
        status = std::move(text).status();
  });
  if (!status.ok())
    return fail(status);
  rusage usage;
  ::getrusage(RUSAGE_SELF, &usage);
  fmt::print(
      "{{\"read_ms\": {:.3f}, \"write_ms\": {:.3f}, \"open_ms\": {:.3f}, "
      "\"table_bytes\": {}, \"peak_bytes\": {}, \"encode_ms\": {:.3f}, "
      "\"decode_ms\": {:.3f}, \"ids\": [",
      read - start, written - read, openMs, table->size(),
      uint64_t(usage.ru_maxrss) * 1024, encodeMs, decodeMs);
  for (size_t i = 0; i < encodings.size(); ++i)
    fmt::print("{}[{}]", i ? "," : "", fmt::join(encodings[i].ids, ","));
  fmt::print("]}}\n");
  return 0;
}
