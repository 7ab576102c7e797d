//===- Bundle.cpp - the header and section table of a bundle --------------===//
//
// An input lies over the front of a sound bundle, whose sections have targets of
// their own; one shorter than header and table is a whole file. All checksums are
// made right again, as no mutation would.

#include "runtime/bundle/Bundle.h"
#include "tests/bundle/BundleBuilder.h"
#include "tests/fuzz/Fuzz.h"

#include <algorithm>

using namespace encdec::runtime;

namespace encdec::fuzz {

static constexpr size_t tableEnd =
    sizeof(encdec_bundle_header) + 3 * sizeof(encdec_bundle_section);

static std::vector<std::string> seeds() {
  return {tests::fakeBundle().substr(0, tableEnd)};
}

static bool run(std::string_view front) {
  static const std::string sound = tests::fakeBundle();
  std::string bytes(front);
  if (front.size() >= tableEnd)
    bytes += std::string_view(sound).substr(std::min(front.size(), sound.size()));
  if (bytes.size() >= sizeof(encdec_bundle_header))
    tests::reseal(bytes);
  const std::span file(reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size());
  auto contents = readBundle(file);
  if (!contents.ok()) {
    requireSentence(contents.status().message());
    return false;
  }
  uint64_t end = 0;
  std::vector<std::string> levels;
  for (const Section &section : contents->sections) {
    require(section.offset >= end && section.offset % ENCDEC_BUNDLE_ALIGN == 0 &&
                section.data.data() == file.data() + section.offset &&
                section.data.size() <= file.size() - section.offset,
            "sections one after the other, inside the file");
    end = section.offset + section.data.size();
    if (section.kind == ENCDEC_SECTION_CODE)
      levels.push_back(section.name);
    if (!section.name.empty())
      requireSentence(section.name);
  }
  require(end == file.size(), "the file ends with its last section");
  require(levels == contents->manifest.levels && levels.size() == contents->code.size(),
          "audited code for each level");
  require(contents->weights.size() == contents->manifest.weightsBytes,
          "as many weights as the manifest says");
  return true;
}

extern const Target bundle = {"bundle", 512, seeds, run};

} // namespace encdec::fuzz
