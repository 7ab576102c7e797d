//===- Fuzz.h - one reader of foreign bytes, as fuzzers and tests see it ---===//

#pragma once

#include <cstddef>
#include <cstdint>
#include <source_location>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace encdec::fuzz {

/// A reader under test. Main.cpp feeds it what libFuzzer makes, SeedsTest.cpp its
/// seeds and simple damage of them in every build.
struct Target {
  const char *name;
  size_t longest; ///< Bytes of an input; longer ones only slow a fuzzer down.
  /// The inputs that a fuzzer starts from. The reader accepts every one.
  std::vector<std::string> (*seeds)();
  /// Feeds `bytes` to the reader and requires of its answer what must hold for any
  /// bytes. Returns whether the reader accepted them.
  bool (*run)(std::string_view bytes);
};

std::span<const Target *const> allTargets();

/// Unless `held`, prints `what` and `at` and aborts, which is a finding.
void require(bool held, const char *what,
             std::source_location at = std::source_location::current());

/// Requires what every error and warning must be: one line of UTF-8 without
/// control characters, of bounded length, whatever the file holds.
void requireSentence(std::string_view message,
                     std::source_location at = std::source_location::current());

/// The bytes of a file of this repository, by its path from the root.
std::string repositoryFile(const std::string &path);

/// Takes the first byte off an input, for choices; 0 from an empty input.
uint8_t takeByte(std::string_view &bytes);

} // namespace encdec::fuzz
