//===- Elf.h - auditing and loading a code section ------------------------===//
//
// A code section is an ELF shared object that needs nothing: no libraries, no
// imports, no constructors, no writable state. Such a file needs no dynamic
// linker either, so the runtime has its own small loader; it can then be
// stricter than the system's, which runs whatever the file asks for.
//
// The audit finds damage and misfits. It does not make hostile code harmless.

#pragma once

#include "encdec/abi.h"
#include "runtime/base/Status.h"

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace encdec::runtime {

/// What the audit of an ELF file found out; offsets are checked.
struct CodePlan {
  struct Segment {
    uint64_t address, fileOffset, fileSize, memorySize;
    bool executable;
  };
  struct Relocation {
    uint64_t address; ///< 8 bytes inside a segment that is not executable.
    uint64_t value;   ///< Relative to the load address; inside the image.
  };
  uint64_t span = 0; ///< Bytes of address space, from address 0.
  std::vector<Segment> segments;
  std::vector<Relocation> relocations;
  uint64_t encode = 0, step = 0; ///< Addresses of the entry points; step 0: there is none.
};

/// Checks everything about a code section of a level without mapping any of it
/// executable. Errors: BadModel; DoesNotFit for another ABI version.
Result<CodePlan> auditCode(std::span<const uint8_t> file,
                           std::string_view level);

/// Code to call: executable pages are not writable, all others are read-only.
class LoadedCode {
public:
  /// Copies the segments of an audited file to anonymous pages, relocates and
  /// protects them. The file is not needed afterwards.
  static Result<LoadedCode> load(std::span<const uint8_t> file,
                                 const CodePlan &plan);

  LoadedCode() = default;
  LoadedCode(LoadedCode &&other) noexcept;
  LoadedCode &operator=(LoadedCode &&other) noexcept;
  ~LoadedCode();

  encdec_abi_entry_fn encode = nullptr;
  encdec_abi_entry_fn step = nullptr;

private:
  uint8_t *base = nullptr;
  uint64_t size = 0;
};

} // namespace encdec::runtime
