//===- Elf.cpp - the audit of a code section ------------------------------===//

#include "runtime/bundle/Elf.h"
#include "tests/bundle/BundleBuilder.h"
#include "tests/fuzz/Fuzz.h"

#include <elf.h>

using namespace encdec::runtime;

namespace encdec::fuzz {

/// The object without the gaps between its segments in the file: they are nine tenths of
/// it, and no mutation there changes anything.
static std::string compact(const std::string &object) {
  Elf64_Ehdr header;
  memcpy(&header, object.data(), sizeof(header));
  std::vector<Elf64_Phdr> programs(header.e_phnum);
  const size_t size = programs.size() * sizeof(Elf64_Phdr);
  memcpy(programs.data(), object.data() + header.e_phoff, size);
  std::string out;
  for (Elf64_Phdr &program : programs)
    if (program.p_type == PT_LOAD) {
      const std::string bytes = object.substr(program.p_offset, program.p_filesz);
      program.p_offset = out.size(); // of the first, which holds the headers: 0
      out += bytes;
    }
  memcpy(out.data() + header.e_phoff, programs.data(), size);
  return out;
}

static std::vector<std::string> seeds() {
  return {compact(tests::fakeCode())};
}

/// Whether [address, address + size) are file bytes of a segment with these rights.
static bool holds(const CodePlan &plan, uint64_t address, uint64_t size, bool executable) {
  for (const CodePlan::Segment &segment : plan.segments)
    if (segment.executable == executable && address >= segment.address &&
        address - segment.address <= segment.fileSize &&
        size <= segment.fileSize - (address - segment.address))
      return true;
  return false;
}

static bool run(std::string_view bytes) {
  const std::span file(reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size());
  auto plan = auditCode(file, tests::fakeLevel());
  if (!plan.ok()) {
    requireSentence(plan.status().message());
    return false;
  }
  uint64_t end = 0;
  for (const CodePlan::Segment &segment : plan->segments) {
    require(segment.address >= end && segment.address <= plan->span &&
                segment.memorySize <= plan->span - segment.address &&
                segment.fileSize <= segment.memorySize &&
                segment.fileOffset <= file.size() &&
                segment.fileSize <= file.size() - segment.fileOffset,
            "segments one after the other, inside the image and the file");
    end = segment.address + segment.memorySize;
  }
  for (const CodePlan::Relocation &relocation : plan->relocations)
    require(holds(*plan, relocation.address, 8, false) && relocation.value <= plan->span,
            "relocations of data, to inside the image");
  // An encoder alone defines no step; the manifest decides whether one is needed.
  require(holds(*plan, plan->encode, 1, true) &&
              (!plan->step || holds(*plan, plan->step, 1, true)),
          "entry points in code");
  auto code = LoadedCode::load(file, *plan);
  require(code.ok() && code->encode && !code->step == !plan->step,
          "audited code can be loaded");
  return true;
}

extern const Target elf = {"elf", 8192, seeds, run};

} // namespace encdec::fuzz
