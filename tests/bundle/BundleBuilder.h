//===- BundleBuilder.h - bundles made by hand, sound and otherwise --------===//
//
// Written from abi.h alone, without the project's own writer: a mistake that
// writer and reader share would otherwise go unseen.

#pragma once

#include "encdec/abi.h"
#include "tests/bundle/fake_model.h"

#include <nlohmann/json.hpp>
#include <xxhash.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace encdec::tests {

using Json = nlohmann::ordered_json;

struct Part {
  uint32_t kind;
  std::string name;
  std::string data;
};

inline encdec_bundle_header headerOf(const std::string &bytes) {
  encdec_bundle_header header;
  memcpy(&header, bytes.data(), sizeof(header));
  return header;
}

inline void setHeader(std::string &bytes, const encdec_bundle_header &header) {
  memcpy(bytes.data(), &header, sizeof(header));
}

inline encdec_bundle_section entryOf(const std::string &bytes, size_t index) {
  encdec_bundle_section entry;
  memcpy(&entry, bytes.data() + sizeof(encdec_bundle_header) + index * sizeof(entry),
         sizeof(entry));
  return entry;
}

inline void setEntry(std::string &bytes, size_t index,
                     const encdec_bundle_section &entry) {
  memcpy(bytes.data() + sizeof(encdec_bundle_header) + index * sizeof(entry), &entry,
         sizeof(entry));
}

inline void hashInto(uint8_t *out, const void *data, size_t size) {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits(data, size));
  memcpy(out, canonical.digest, sizeof(canonical.digest));
}

/// The checksum of a section; of a large one, that of its chunks' checksums.
inline void sectionHashInto(uint8_t *out, const char *data, size_t size) {
  if (size <= ENCDEC_BUNDLE_CHUNK)
    return hashInto(out, data, size);
  std::string sums;
  for (size_t at = 0; at < size; at += ENCDEC_BUNDLE_CHUNK) {
    uint8_t sum[16];
    hashInto(sum, data + at, std::min<size_t>(ENCDEC_BUNDLE_CHUNK, size - at));
    sums.append(reinterpret_cast<char *>(sum), sizeof(sum));
  }
  hashInto(out, sums.data(), sums.size());
}

/// Makes all checksums right again after edits, so that what lies behind the
/// checksums is reached. Sections that are not inside the file are left alone.
inline void reseal(std::string &bytes) {
  encdec_bundle_header header = headerOf(bytes);
  size_t tableEnd =
      sizeof(header) + header.section_count * sizeof(encdec_bundle_section);
  if (tableEnd > bytes.size())
    return;
  for (uint32_t i = 0; i < header.section_count; ++i) {
    encdec_bundle_section entry = entryOf(bytes, i);
    if (entry.offset <= bytes.size() && entry.size <= bytes.size() - entry.offset)
      sectionHashInto(entry.checksum, bytes.data() + entry.offset, entry.size);
    setEntry(bytes, i, entry);
  }
  memset(header.checksum, 0, sizeof(header.checksum));
  setHeader(bytes, header);
  hashInto(header.checksum, bytes.data(), tableEnd);
  setHeader(bytes, header);
}

inline std::string buildBundle(const std::vector<Part> &parts) {
  encdec_bundle_header header = {};
  memcpy(header.magic, ENCDEC_BUNDLE_MAGIC, sizeof(header.magic));
  header.version = ENCDEC_BUNDLE_VERSION;
  header.abi_version = ENCDEC_ABI_VERSION;
  header.section_count = uint32_t(parts.size());
  std::string bytes(sizeof(header) + parts.size() * sizeof(encdec_bundle_section), '\0');
  for (size_t i = 0; i < parts.size(); ++i) {
    bytes.resize((bytes.size() + ENCDEC_BUNDLE_ALIGN - 1) / ENCDEC_BUNDLE_ALIGN *
                 ENCDEC_BUNDLE_ALIGN);
    encdec_bundle_section entry = {};
    entry.kind = parts[i].kind;
    entry.offset = bytes.size();
    entry.size = parts[i].data.size();
    memcpy(entry.name, parts[i].name.data(),
           std::min(parts[i].name.size(), sizeof(entry.name)));
    setEntry(bytes, i, entry);
    bytes += parts[i].data;
  }
  header.file_size = bytes.size();
  setHeader(bytes, header);
  reseal(bytes);
  return bytes;
}

inline const char *fakeLevel() {
#if defined(__aarch64__)
  return "neon";
#else
  return "v3";
#endif
}

inline Json fakeKeys(const char *from, int bytes, int madds) {
  return Json::array({{{"from", from}, {"bytes", bytes}, {"madds", madds}}});
}

inline Json fakeSegment(const char *ops, const char *side, Json layer,
                        int weightBytes, int rowMadds, Json keys) {
  return {{"ops", ops},
          {"side", side},
          {"layer", layer},
          {"weight_bytes", weightBytes},
          {"row_madds", rowMadds},
          {"keys", keys}};
}

/// The fake model looks nothing up, so its weights may share their bytes.
inline Json fakeWeight(const char *name, int rows) {
  const int columns = FAKE_HEADS * FAKE_HEAD_SIZE;
  return {{"name", name},     {"rows", rows}, {"columns", columns},
          {"format", "f32"}, {"offset", 0},  {"bytes", rows * columns * 4}};
}

/// The tokens of a shortlist, by its number.
inline std::vector<int> fakeList(int number) {
  std::vector<int> tokens;
  for (int token = 0; token < FAKE_VOCABULARY; token += number + 1)
    tokens.push_back(token);
  return tokens;
}

/// The manifest that goes with fake_model.c.
inline Json fakeManifest() {
  return {
      {"format", ENCDEC_BUNDLE_VERSION},
      {"abi", ENCDEC_ABI_VERSION},
      {"producer", "by hand"},
      {"model",
       {{"family", "fake"},
        {"d_model", FAKE_HEADS * FAKE_HEAD_SIZE},
        {"encoder_layers", 1},
        {"decoder_layers", int(FAKE_LAYERS)},
        {"encoder_heads", 1},
        {"decoder_heads", int(FAKE_HEADS)},
        {"encoder_ffn", 8},
        {"decoder_ffn", 8},
        {"vocab_size", int(FAKE_VOCABULARY)},
        {"source_vocab_size", int(FAKE_SOURCE_VOCABULARY)},
        {"max_positions", int(FAKE_POSITIONS)}}},
      {"weights",
       {{"type", "f32"}, {"bytes", int(FAKE_WEIGHTS)}, {"step_bytes", 64},
        {"sketch_bytes", 0}, {"sketched_bytes", 0},
        {"list", Json::array({fakeWeight("source", FAKE_SOURCE_VOCABULARY),
                              fakeWeight("target", FAKE_VOCABULARY),
                              fakeWeight("positions", FAKE_POSITIONS),
                              fakeWeight("even", int(fakeList(1).size())),
                              fakeWeight("thirds", int(fakeList(2).size()))})},
        {"tables",
         Json::array({{{"role", "source_tokens"}, {"weight", "source"}},
                      {{"role", "target_tokens"}, {"weight", "target"}},
                      {{"role", "vocabulary"}, {"weight", "target"}},
                      {{"role", "source_positions"}, {"weight", "positions"}},
                      {{"role", "target_positions"}, {"weight", "positions"}}})}}},
      {"memory",
       {{"encode_arena_per_row", int(FAKE_ENCODE_ARENA_PER_ROW)},
        {"encode_arena_per_key", int(FAKE_ARENA_PER_KEY)},
        {"step_arena_per_row", int(FAKE_STEP_ARENA_PER_ROW)},
        {"step_arena_per_key", int(FAKE_ARENA_PER_KEY)},
        {"scratch_fixed", int(FAKE_SCRATCH_FIXED)},
        {"scratch_per_key", int(FAKE_SCRATCH_PER_KEY)},
        {"scratch_per_row", int(FAKE_SCRATCH_PER_ROW)},
        {"memory_per_key", int(FAKE_BYTES_PER_KEY)},
        {"cache_per_key", int(FAKE_BYTES_PER_KEY)},
        {"states_per_row", int(FAKE_STATES_PER_ROW)},
        {"key_type", "f32"}}},
      {"shortlists",
       {{{"name", "even"}, {"weight", "even"}, {"step_bytes", 64}, {"tokens", fakeList(1)}},
        {{"name", "thirds"}, {"weight", "thirds"}, {"step_bytes", 64}, {"tokens", fakeList(2)}}}},
      {"passes", Json::array({"none"})},
      {"checkpoint_hash", "00"},
      {"generation",
       {{"decoder_start_token_id", 40},
        {"eos_token_id", Json::array({0})},
        {"pad_token_id", 40},
        {"max_length", 30},
        {"bad_words_ids", Json::array({Json::array({40})})}}},
      {"tokenizer", nullptr},
      {"levels", Json::array({fakeLevel()})},
      {"segments",
       {{"encode",
         Json::array({fakeSegment("read", "encoder", 0, 0, 0, fakeKeys("source", 0, 2)),
                      fakeSegment("put", "decoder", nullptr, 0, 0, Json::array())})},
        {"step",
         Json::array(
             {fakeSegment("append+mix", "decoder", 1, 0, 0, fakeKeys("cache", 10, 3)),
              fakeSegment("predict", "decoder", nullptr, 64, 7,
                          fakeKeys("memory", 100, 5))})}}},
  };
}

/// The manifest of fake_model.c without its step.
inline Json fakeEncoderManifest() {
  Json json = fakeManifest();
  for (const char *key : {"decoder_layers", "decoder_heads", "decoder_ffn", "vocab_size"})
    json["model"][key] = nullptr;
  Json &weights = json["weights"];
  weights["step_bytes"] = 0;
  weights["list"].erase(1);
  weights["tables"] = Json::array({{{"role", "source_tokens"}, {"weight", "source"}},
                                   {{"role", "source_positions"}, {"weight", "positions"}}});
  for (const char *key :
       {"step_arena_per_row", "step_arena_per_key", "memory_per_key", "cache_per_key"})
    json["memory"][key] = 0;
  json["generation"] = nullptr;
  json.erase("shortlists");
  json["segments"]["encode"].erase(1);
  json["segments"]["step"] = Json::array();
  return json;
}

/// fake_model.c as the shared object that the build made of it.
inline std::string fakeCode(const char *path = ENCDEC_FAKE_MODEL) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline std::string fakeWeights() {
  std::string weights(FAKE_WEIGHTS, '\x5a');
  weights[0] = 3;
  return weights;
}

inline std::vector<Part> fakeParts(const std::string &manifest,
                                   const std::string &code) {
  return {{ENCDEC_SECTION_MANIFEST, "manifest.json", manifest},
          {ENCDEC_SECTION_CODE, fakeLevel(), code},
          {ENCDEC_SECTION_WEIGHTS, "weights", fakeWeights()}};
}

inline std::string fakeBundle() {
  return buildBundle(fakeParts(fakeManifest().dump(1), fakeCode()));
}

} // namespace encdec::tests
