//===- Fuzz.cpp - the table of targets, and what they share ---------------===//

#include "tests/fuzz/Fuzz.h"

#include "runtime/base/Utf8.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>

namespace encdec::fuzz {

extern const Target api, safetensors, shardIndex, config, family, generationConfig,
    generationOptions, bundle, manifest, elf, sentencePiece, charsMap, vocabulary,
    tokenizerConfig, normalizer, tokenizer, tokenizerTime, tokenizerTable, tokenizerJson,
    merges, tokenizerSettings;

std::span<const Target *const> allTargets() {
  static constexpr const Target *targets[] = {
      &api,
      &safetensors,       &shardIndex,    &config,     &family,          &generationConfig,
      &generationOptions, &bundle,        &manifest,   &elf,             &sentencePiece,
      &charsMap,          &vocabulary,    &tokenizerConfig, &normalizer, &tokenizer,
      &tokenizerTime,     &tokenizerTable, &tokenizerJson, &merges,      &tokenizerSettings};
  return targets;
}

void require(bool held, const char *what, std::source_location at) {
  if (held)
    return;
  std::fprintf(stderr, "%s:%u: expected: %s\n", at.file_name(), unsigned(at.line()),
               what);
  std::abort();
}

void requireSentence(std::string_view message, std::source_location at) {
  const bool plain = std::ranges::all_of(
      message, [](unsigned char c) { return c >= ' ' && c != 0x7f; });
  if (!plain || !isValidUtf8(message) || message.empty() || message.size() > 2000)
    std::fprintf(stderr, "message of %zu bytes: %.4000s\n", message.size(),
                 std::string(message).c_str());
  require(!message.empty(), "a message", at);
  require(message.size() <= 2000, "a message of at most 2000 bytes", at);
  require(plain, "a message without control characters", at);
  require(isValidUtf8(message), "a message in UTF-8", at);
}

std::string repositoryFile(const std::string &path) {
  std::ifstream file(std::string(ENCDEC_SOURCE_DIR) + "/" + path, std::ios::binary);
  std::string bytes(std::istreambuf_iterator<char>(file), {});
  require(!bytes.empty(), "the file is there and not empty");
  return bytes;
}

uint8_t takeByte(std::string_view &bytes) {
  if (bytes.empty())
    return 0;
  const auto byte = uint8_t(bytes.front());
  bytes.remove_prefix(1);
  return byte;
}

} // namespace encdec::fuzz
