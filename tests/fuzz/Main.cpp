//===- Main.cpp - one target for libFuzzer --------------------------------===//
//
// One program has all targets: ENCDEC_FUZZ=TARGET chooses. `--targets` lists them,
// each with the bytes of its longest input; `--seeds=FOLDER` writes the target's seeds.

#include "tests/fuzz/Fuzz.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>

using namespace encdec::fuzz;

static const Target *target;

extern "C" int LLVMFuzzerInitialize(int *count, char ***arguments) {
  const char *wanted = std::getenv("ENCDEC_FUZZ");
  const char *first = *count > 1 ? (*arguments)[1] : "";
  for (const Target *one : allTargets()) {
    if (std::strcmp(first, "--targets") == 0)
      std::printf("%s %zu\n", one->name, one->longest);
    if (wanted && std::strcmp(wanted, one->name) == 0)
      target = one;
  }
  if (std::strcmp(first, "--targets") == 0)
    std::exit(0);
  if (!target) {
    std::fprintf(stderr, "set ENCDEC_FUZZ to one of the targets (see --targets)\n");
    std::exit(2);
  }
  constexpr const char *option = "--seeds=";
  if (std::strncmp(first, option, std::strlen(option)) != 0)
    return 0;
  size_t number = 0;
  for (const std::string &seed : target->seeds()) {
    const std::string path =
        std::string(first + std::strlen(option)) + "/seed-" + std::to_string(number++);
    if (!(std::ofstream(path, std::ios::binary) << seed).flush()) {
      std::fprintf(stderr, "%s: cannot be written\n", path.c_str());
      std::exit(1);
    }
  }
  std::exit(0);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  target->run({reinterpret_cast<const char *>(data), size});
  return 0;
}
