//===- Bundle.cpp - reading and verifying model.encdec --------------------===//
//
// Checksums come before meaning: a damaged manifest should be reported as
// damage, not as whatever its broken text happens to say. Meaning is checked
// all the same, because a checksum says nothing about who wrote the file.

#include "runtime/bundle/Bundle.h"

#include "encdec/abi.h"
#include "runtime/base/Checked.h"
#include "runtime/base/CpuLevels.h"
#include "runtime/bundle/Checksum.h"
#include "runtime/text/Utf8.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <ranges>

namespace encdec::runtime {

namespace {

constexpr uint32_t maxSections = 64;
constexpr const char *getAgain =
    "the file is damaged; copy or compile it again";

const char *kindName(uint32_t kind) {
  switch (kind) {
  case ENCDEC_SECTION_MANIFEST:
    return "manifest";
  case ENCDEC_SECTION_CODE:
    return "code";
  case ENCDEC_SECTION_WEIGHTS:
    return "weights";
  case ENCDEC_SECTION_TOKENIZER:
    return "tokenizer";
  default:
    return nullptr;
  }
}

std::string describe(uint32_t index, const Section &section) {
  return fmt::format("section {} ({}{}{})", index, kindName(section.kind),
                     section.name.empty() ? "" : " ", section.name);
}

bool same(const Checksum &sum, const uint8_t *expected) {
  return memcmp(sum.bytes, expected, sizeof(sum.bytes)) == 0;
}

bool allZero(const void *data, size_t size) {
  const auto *bytes = static_cast<const uint8_t *>(data);
  return std::all_of(bytes, bytes + size, [](uint8_t b) { return b == 0; });
}

class Reader {
public:
  Reader(std::span<const uint8_t> bytes, unsigned threads,
         const Meanwhile &meanwhile)
      : bytes(bytes), threads(threads), meanwhile(meanwhile) {}

  Result<BundleContents> run() {
    ENCDEC_RETURN_IF_ERROR(readHeader());
    ENCDEC_RETURN_IF_ERROR(readTable());
    ENCDEC_RETURN_IF_ERROR(checkContents());
    return std::move(contents);
  }

private:
  Status readHeader();
  Status readTable();
  Status readEntry(uint32_t index, uint64_t &end);
  Status checkContents();
  Status checkChecksum(uint32_t index, const Checksum &sum) const;
  Status checkRoles();
  Status checkMeaning();

  std::span<const uint8_t> bytes;
  unsigned threads;
  const Meanwhile &meanwhile;
  encdec_bundle_header header;
  uint64_t tableEnd = 0;
  BundleContents contents;
};

Status Reader::readHeader() {
  if (bytes.size() < sizeof(header))
    return badModel(fmt::format("{} bytes, fewer than a bundle's header of {}; "
                                "{}",
                                bytes.size(), sizeof(header), getAgain));
  memcpy(&header, bytes.data(), sizeof(header));
  if (memcmp(header.magic, ENCDEC_BUNDLE_MAGIC, sizeof(header.magic)) != 0)
    return badModel("not a bundle: its first 8 bytes are not the magic of "
                    "model.encdec files; `encdec compile` makes one from a "
                    "checkpoint folder");
  if (header.version != ENCDEC_BUNDLE_VERSION ||
      header.abi_version != ENCDEC_ABI_VERSION)
    return Status(
        Code::DoesNotFit,
        fmt::format("bundle version {} with ABI {} found, this runtime reads "
                    "version {} with ABI {}; compile the checkpoint again with "
                    "this version of encdec",
                    header.version, header.abi_version, ENCDEC_BUNDLE_VERSION,
                    ENCDEC_ABI_VERSION));
  if (header.file_size != bytes.size())
    return badModel(fmt::format("the header says {} bytes, the file has {}; {}",
                                header.file_size, bytes.size(), getAgain));
  if (header.section_count == 0 || header.section_count > maxSections)
    return badModel(fmt::format("{} sections, expected 1 to {}; {}",
                                header.section_count, maxSections, getAgain));
  if (header.reserved != 0 || !allZero(header.padding, sizeof(header.padding)))
    return badModel(fmt::format("reserved bytes of the header are not zero; {}",
                                getAgain));
  tableEnd = sizeof(header) +
             header.section_count * uint64_t(sizeof(encdec_bundle_section));
  if (tableEnd > bytes.size())
    return badModel(fmt::format("the section table ends at byte {}, the file "
                                "at {}; {}",
                                tableEnd, bytes.size(), getAgain));
  // The checksum covers the header with its own field zero, then the table.
  std::vector<uint8_t> covered(bytes.begin(), bytes.begin() + tableEnd);
  memset(covered.data() + offsetof(encdec_bundle_header, checksum), 0,
         sizeof(header.checksum));
  if (!same(checksumOf(covered), header.checksum))
    return badModel(fmt::format("the checksum of the header and section table "
                                "does not match; {}",
                                getAgain));
  return Status::success();
}

Status Reader::readEntry(uint32_t index, uint64_t &end) {
  encdec_bundle_section entry;
  memcpy(&entry, bytes.data() + sizeof(header) + index * sizeof(entry),
         sizeof(entry));
  if (!kindName(entry.kind) || entry.reserved != 0)
    return badModel(fmt::format("section {} has unknown kind {} or reserved "
                                "bytes that are not zero",
                                index, entry.kind));
  size_t length = strnlen(entry.name, sizeof(entry.name));
  if (length == sizeof(entry.name) ||
      !allZero(entry.name + length, sizeof(entry.name) - length))
    return badModel(fmt::format("the name of section {} does not end in zeros",
                                index));
  std::string name(entry.name, length);
  if (!std::all_of(name.begin(), name.end(), [](unsigned char c) {
        return c > ' ' && c < 0x7f && c != '/' && c != '\\';
      }) ||
      name == "." || name == "..")
    return badModel(fmt::format(
        "the name of section {} is not a plain file name", index));
  auto start = checkedAlignUp(end, ENCDEC_BUNDLE_ALIGN);
  if (!start || entry.offset != *start)
    return badModel(fmt::format("section {} starts at byte {}, expected {}",
                                index, entry.offset, start.value_or(0)));
  if (entry.size == 0 || !spanFits(entry.offset, entry.size, bytes.size()))
    return badModel(fmt::format("section {} has {} bytes at byte {}, which is "
                                "empty or beyond the file's {} bytes",
                                index, entry.size, entry.offset, bytes.size()));
  if (!allZero(bytes.data() + end, entry.offset - end))
    return badModel(fmt::format("the gap before section {} (from byte {}) is "
                                "not zero",
                                index, end));
  end = entry.offset + entry.size;
  Section section{entry.kind, std::move(name), entry.offset,
                  bytes.subspan(entry.offset, entry.size), {}};
  memcpy(section.checksum, entry.checksum, sizeof(section.checksum));
  contents.sections.push_back(std::move(section));
  return Status::success();
}

Status Reader::readTable() {
  uint64_t end = tableEnd;
  for (uint32_t i = 0; i < header.section_count; ++i)
    ENCDEC_RETURN_IF_ERROR(readEntry(i, end));
  if (end != bytes.size())
    return badModel(fmt::format("the last section ends at byte {}, the file at "
                                "{}",
                                end, bytes.size()));
  return Status::success();
}

/// Verifies all checksums, then meaning. Other threads sum the largest section (the
/// weights) while this thread verifies the others, then their meaning. Damage of the
/// largest section is reported first all the same: damage comes before meaning.
Status Reader::checkContents() {
  uint32_t largest = 0;
  for (uint32_t i = 1; i < contents.sections.size(); ++i)
    if (contents.sections[i].data.size() >
        contents.sections[largest].data.size())
      largest = i;
  SectionChecksum sum(contents.sections[largest].data, threads - 1);
  Status others = Status::success();
  for (uint32_t i = 0; i < contents.sections.size() && others.ok(); ++i)
    if (i != largest)
      others = checkChecksum(
          i, SectionChecksum(contents.sections[i].data, 0).finish());
  if (others.ok())
    others = checkRoles();
  const bool isWeights =
      contents.sections[largest].kind == ENCDEC_SECTION_WEIGHTS;
  if (others.ok() && isWeights)
    others = checkMeaning();
  if (others.ok() && isWeights && meanwhile)
    meanwhile(contents);
  ENCDEC_RETURN_IF_ERROR(checkChecksum(largest, sum.finish()));
  // The weights are tiny, and the largest section is one that meaning is read from:
  // its checksum had to come first.
  if (others.ok() && !isWeights) {
    others = checkMeaning();
    if (others.ok() && meanwhile)
      meanwhile(contents);
  }
  return others;
}

Status Reader::checkChecksum(uint32_t index, const Checksum &sum) const {
  const Section &section = contents.sections[index];
  if (same(sum, section.checksum))
    return Status::success();
  return badModel(fmt::format("the checksum of {} ({} bytes at byte {}) does "
                              "not match; {}",
                              describe(index, section), section.data.size(),
                              section.offset, getAgain));
}

Status Reader::checkRoles() {
  unsigned manifests = 0, weights = 0, codes = 0, tokenizers = 0;
  for (uint32_t i = 0; i < contents.sections.size(); ++i) {
    const Section &section = contents.sections[i];
    manifests += section.kind == ENCDEC_SECTION_MANIFEST;
    weights += section.kind == ENCDEC_SECTION_WEIGHTS;
    codes += section.kind == ENCDEC_SECTION_CODE;
    if (section.kind == ENCDEC_SECTION_MANIFEST)
      contents.manifestText = {
          reinterpret_cast<const char *>(section.data.data()),
          section.data.size()};
    if (section.kind == ENCDEC_SECTION_WEIGHTS)
      contents.weights = section.data;
    tokenizers += section.kind == ENCDEC_SECTION_TOKENIZER;
    if (section.kind == ENCDEC_SECTION_CODE && section.name.empty())
      return badModel(fmt::format("{} has no name", describe(i, section)));
    for (uint32_t j = 0; j < i; ++j)
      if (contents.sections[j].kind == section.kind &&
          contents.sections[j].name == section.name)
        return badModel(fmt::format("sections {} and {} are both {}", j, i,
                                    describe(i, section)));
  }
  if (manifests != 1 || weights != 1 || codes == 0 || tokenizers > 1)
    return badModel(fmt::format("{} manifest, {} weights, {} code and {} tokenizer "
                                "sections found, expected 1, 1, at least 1 and at most 1",
                                manifests, weights, codes, tokenizers));
  return Status::success();
}

Status Reader::checkMeaning() {
  ENCDEC_ASSIGN_OR_RETURN(contents.manifest,
                          parseManifest(contents.manifestText));
  const Manifest &manifest = contents.manifest;
  if (manifest.weightsBytes != contents.weights.size())
    return badModel(fmt::format("the manifest says {} bytes of weights, the "
                                "section has {}",
                                manifest.weightsBytes,
                                contents.weights.size()));
  std::vector<std::string> levels;
  bool tokenizer = false;
  for (const Section &section : contents.sections) {
    tokenizer |= section.kind == ENCDEC_SECTION_TOKENIZER;
    if (section.kind != ENCDEC_SECTION_CODE)
      continue;
    levels.push_back(section.name);
    ENCDEC_ASSIGN_OR_RETURN(CodePlan plan,
                            auditCode(section.data, section.name));
    if (manifest.model.hasDecoder() != (plan.step != 0))
      return badModel(fmt::format("the manifest says that the model has {} decoder, but the "
                                  "code for '{}' has {} {}",
                                  plan.step ? "no" : "a", section.name, plan.step ? "a" : "no",
                                  ENCDEC_ABI_STEP_SYMBOL));
    contents.code.push_back(std::move(plan));
  }
  if (levels != manifest.levels)
    return badModel(
        fmt::format("the manifest lists code for {}, the sections hold {}",
                    inQuotes(fmt::format("{}", fmt::join(manifest.levels, ", "))),
                    inQuotes(fmt::format("{}", fmt::join(levels, ", ")))));
  if (tokenizer == manifest.tokenizerKind.empty())
    return badModel(tokenizer
                        ? "it has a tokenizer but the manifest names none"
                        : "the manifest names a tokenizer but its section is "
                          "missing");
  return Status::success();
}

} // namespace

const Section *BundleContents::findCode(std::string_view level) const {
  for (const Section &section : sections)
    if (section.kind == ENCDEC_SECTION_CODE && section.name == level)
      return &section;
  return nullptr;
}

Result<BundleContents> readBundle(std::span<const uint8_t> bytes,
                                  unsigned threads,
                                  const Meanwhile &meanwhile) {
  return Reader(bytes, std::max(threads, 1u), meanwhile).run();
}

Result<std::shared_ptr<const Bundle>>
Bundle::open(const std::string &path, unsigned threads,
             const Meanwhile &meanwhile) {
  ENCDEC_ASSIGN_OR_RETURN(MappedFile file, MappedFile::open(path));
  auto contents = readBundle(file.bytes(), threads, meanwhile);
  if (!contents.ok())
    return std::move(contents).status().withContext(path);
  return std::make_shared<const Bundle>(
      Bundle{path, std::move(file), std::move(contents).value()});
}

Result<std::string> chooseLevel(const std::vector<std::string> &available,
                                std::string_view wanted) {
  auto has = [&](std::string_view level) {
    return std::find(available.begin(), available.end(), level) !=
           available.end();
  };
  const CpuLevel *best = bestCpuLevel();
  const std::string_view upTo = best ? best->name : "none";
  if (!wanted.empty()) {
    ENCDEC_ASSIGN_OR_RETURN(const CpuLevel *level, findCpuLevel(wanted));
    if (!level->runsHere())
      return Status(
          Code::DoesNotFit,
          fmt::format("level '{}' was asked for (by the caller or ENCDEC_CPU) "
                      "and needs {}, but this machine runs up to '{}'; ask for "
                      "none to get the best that fits",
                      wanted, level->needs, upTo));
    if (has(wanted))
      return std::string(wanted);
  } else {
    for (const CpuLevel &level : std::views::reverse(cpuLevels()))
      if (has(level.name) && level.runsHere())
        return std::string(level.name);
  }
  return Status(
      Code::DoesNotFit,
      fmt::format("no code for {}: the model has code for {}; this machine is "
                  "{} and runs up to level '{}' ({}); compile the checkpoint "
                  "with `--cpu` for it",
                  wanted.empty() ? "this machine"
                                 : fmt::format("level '{}'", wanted),
                  fmt::join(available, ", "), architecture(), upTo,
                  best ? best->needs : "an unknown CPU"));
}

} // namespace encdec::runtime
