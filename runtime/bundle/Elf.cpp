//===- Elf.cpp - auditing a code section ----------------------------------===//
//
// Source of the formats: System V ABI, chapters 4 and 5 (ELF header, program
// header, dynamic section, hash table), and its x86-64 and AArch64 supplements
// (relocation types). Section headers are never read: a loader needs none.

#include "runtime/bundle/Elf.h"

#include "runtime/base/Checked.h"
#include "runtime/base/CpuLevels.h"
#include "runtime/text/Utf8.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <elf.h>
#include <map>
#include <optional>

namespace encdec::runtime {

namespace {

constexpr uint64_t maxImage = 256u << 20;
/// No two segments share a page of this size, the least of the supported systems.
/// The loader refuses code whose segments share a larger page.
constexpr uint64_t pageSize = 4096;
/// The most bytes of a symbol's name: many symbols that share one long name would
/// otherwise take quadratic time.
constexpr uint64_t maxName = 256;

class Auditor {
public:
  Auditor(std::span<const uint8_t> file, std::string_view level)
      : file(file), level(level) {}

  Result<CodePlan> run() {
    ENCDEC_RETURN_IF_ERROR(readHeader());
    ENCDEC_RETURN_IF_ERROR(readSegments());
    ENCDEC_RETURN_IF_ERROR(readDynamic());
    ENCDEC_RETURN_IF_ERROR(readRelocations());
    ENCDEC_RETURN_IF_ERROR(readSymbols());
    return std::move(plan);
  }

private:
  template <typename... T>
  Status bad(fmt::format_string<T...> text, T &&...values) const {
    return badModel(
        fmt::format("code section '{}': {}", level,
                    fmt::format(text, std::forward<T>(values)...)));
  }

  /// A structure at a file offset, copied because it need not be aligned.
  template <typename T> std::optional<T> at(uint64_t offset) const {
    if (!spanFits(offset, sizeof(T), file.size()))
      return std::nullopt;
    T value;
    memcpy(&value, file.data() + offset, sizeof(T));
    return value;
  }

  /// The segment whose file bytes hold [address, address + size).
  const CodePlan::Segment *find(uint64_t address, uint64_t size) const {
    for (const auto &segment : plan.segments)
      if (address >= segment.address &&
          spanFits(address - segment.address, size, segment.fileSize))
        return &segment;
    return nullptr;
  }

  /// A structure at a virtual address.
  template <typename T> std::optional<T> load(uint64_t address) const {
    const auto *segment = find(address, sizeof(T));
    if (!segment)
      return std::nullopt;
    return at<T>(segment->fileOffset + (address - segment->address));
  }

  Status readHeader();
  Status readSegments();
  Status addSegment(const Elf64_Phdr &program, unsigned index);
  Status readDynamic();
  Status readRelocations();
  Status readSymbols();
  Status symbolName(const Elf64_Sym &symbol, uint32_t index,
                    std::string &name) const;
  Status checkSymbol(const Elf64_Sym &symbol, const std::string &name);

  std::span<const uint8_t> file;
  std::string_view level;
  CodePlan plan;
  Elf64_Ehdr header{};
  uint64_t dynamicAddress = 0, dynamicSize = 0;
  std::map<int64_t, uint64_t> dynamic;
  bool versionSeen = false;
};

Status Auditor::readHeader() {
  auto found = at<Elf64_Ehdr>(0);
  if (!found || memcmp(found->e_ident, ELFMAG, SELFMAG) != 0)
    return bad("not an ELF file");
  header = *found;
  if (header.e_ident[EI_CLASS] != ELFCLASS64 ||
      header.e_ident[EI_DATA] != ELFDATA2LSB ||
      header.e_ident[EI_VERSION] != EV_CURRENT ||
      header.e_version != EV_CURRENT)
    return bad("expected a 64-bit little-endian ELF file of version 1");
  if (header.e_type != ET_DYN)
    return bad("expected a shared object (ELF type {}), found type {}",
               int(ET_DYN), header.e_type);
  auto known = findCpuLevel(level);
  if (known.ok()
          ? header.e_machine != (*known)->elfMachine
          : header.e_machine != EM_X86_64 && header.e_machine != EM_AARCH64)
    return bad("made for ELF machine {}, which level '{}' is not",
               header.e_machine, level);
  if (header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phnum == 0 ||
      header.e_phnum > 32 ||
      !spanFits(header.e_phoff, header.e_phnum * sizeof(Elf64_Phdr),
                file.size()))
    return bad("its program header table ({} entries at byte {}) is not inside "
               "the file",
               header.e_phnum, header.e_phoff);
  return Status::success();
}

Status Auditor::readSegments() {
  for (unsigned i = 0; i < header.e_phnum; ++i) {
    auto program = *at<Elf64_Phdr>(header.e_phoff + i * sizeof(Elf64_Phdr));
    switch (program.p_type) {
    case PT_LOAD:
      ENCDEC_RETURN_IF_ERROR(addSegment(program, i));
      break;
    case PT_DYNAMIC:
      if (dynamicSize)
        return bad("two dynamic segments");
      dynamicAddress = program.p_vaddr;
      dynamicSize = program.p_filesz;
      break;
    case PT_GNU_STACK:
      if (program.p_flags & PF_X)
        return bad("it asks for an executable stack");
      break;
    case PT_NULL:
    case PT_NOTE:
    case PT_PHDR:
    case PT_GNU_RELRO:
    case PT_GNU_EH_FRAME:
    case PT_GNU_PROPERTY:
      break; // These describe bytes that are loaded anyway; the loader ignores them.
    case PT_INTERP:
      return bad("it asks for a dynamic linker");
    case PT_TLS:
      return bad("it has thread-local state; compiled code must be stateless");
    default:
      return bad("program header {} has unknown type {:#x}", i, program.p_type);
    }
  }
  if (plan.segments.empty() || !dynamicSize)
    return bad("it has nothing to load or no dynamic segment");
  return Status::success();
}

Status Auditor::addSegment(const Elf64_Phdr &program, unsigned index) {
  if ((program.p_flags & PF_W) && (program.p_flags & PF_X))
    return bad("segment {} is both writable and executable", index);
  if (!spanFits(program.p_offset, program.p_filesz, file.size()) ||
      program.p_filesz > program.p_memsz)
    return bad("segment {} ({} bytes at byte {}) is not inside the file of {} "
               "bytes",
               index, program.p_filesz, program.p_offset, file.size());
  auto end = checkedAdd<uint64_t>(program.p_vaddr, program.p_memsz);
  auto pageEnd = end ? checkedAlignUp(*end, pageSize) : std::nullopt;
  if (!pageEnd || *pageEnd > maxImage)
    return bad("segment {} ends beyond the limit of {} bytes", index, maxImage);
  if (program.p_vaddr < plan.span)
    return bad("segment {} at {:#x} shares a page with the one before it",
               index, program.p_vaddr);
  plan.segments.push_back({program.p_vaddr, program.p_offset, program.p_filesz,
                           program.p_memsz, (program.p_flags & PF_X) != 0});
  plan.span = *pageEnd;
  return Status::success();
}

/// Dynamic entries that a loader of this kind may see. All others ask for
/// something that compiled code must not need.
bool isAllowed(const Elf64_Dyn &entry) {
  switch (entry.d_tag) {
  case DT_HASH:
  case DT_GNU_HASH:
  case DT_STRTAB:
  case DT_SYMTAB:
  case DT_STRSZ:
  case DT_SYMENT:
  case DT_SONAME:
  case DT_RELA:
  case DT_RELASZ:
  case DT_RELAENT:
  case DT_RELACOUNT:
    return true;
  case DT_FLAGS: // not DF_TEXTREL, DF_STATIC_TLS
    return (entry.d_un.d_val & ~uint64_t(DF_BIND_NOW | DF_SYMBOLIC)) == 0;
  case DT_FLAGS_1:
    return (entry.d_un.d_val & ~uint64_t(DF_1_NOW | DF_1_NODELETE)) == 0;
  default:
    return false;
  }
}

std::string dynamicName(const Elf64_Dyn &entry) {
  switch (entry.d_tag) {
  case DT_NEEDED:
    return "another library (DT_NEEDED)";
  case DT_INIT:
  case DT_INIT_ARRAY:
  case DT_INIT_ARRAYSZ:
  case DT_PREINIT_ARRAY:
    return "a constructor";
  case DT_FINI:
  case DT_FINI_ARRAY:
  case DT_FINI_ARRAYSZ:
    return "a destructor";
  case DT_TEXTREL:
  case DT_FLAGS:
    return "relocations in code or thread-local storage (DT_FLAGS)";
  case DT_JMPREL:
  case DT_PLTREL:
  case DT_PLTRELSZ:
  case DT_PLTGOT:
    return "imported functions";
  default:
    return fmt::format("dynamic entry {:#x}", entry.d_tag);
  }
}

Status Auditor::readDynamic() {
  for (uint64_t i = 0;; ++i) {
    if (i >= dynamicSize / sizeof(Elf64_Dyn))
      return bad("its dynamic segment has no end");
    auto entry = load<Elf64_Dyn>(dynamicAddress + i * sizeof(Elf64_Dyn));
    if (!entry)
      return bad("its dynamic segment is not inside a loaded one");
    if (entry->d_tag == DT_NULL)
      return Status::success();
    if (!isAllowed(*entry))
      return bad("it needs {}; compiled code must need nothing",
                 dynamicName(*entry));
    if (!dynamic.emplace(entry->d_tag, entry->d_un.d_val).second)
      return bad("dynamic entry {:#x} stands twice", entry->d_tag);
  }
}

Status Auditor::readRelocations() {
  uint64_t table = dynamic.count(DT_RELA) ? dynamic[DT_RELA] : 0;
  uint64_t size = dynamic.count(DT_RELASZ) ? dynamic[DT_RELASZ] : 0;
  if (size == 0)
    return Status::success();
  if (dynamic[DT_RELAENT] != sizeof(Elf64_Rela) ||
      size % sizeof(Elf64_Rela) != 0 || !find(table, size))
    return bad("its relocation table ({} bytes at {:#x}) is not inside a "
               "loaded segment",
               size, table);
  uint32_t relative = header.e_machine == EM_X86_64
                          ? uint32_t(R_X86_64_RELATIVE)
                          : uint32_t(R_AARCH64_RELATIVE);
  for (uint64_t i = 0; i < size / sizeof(Elf64_Rela); ++i) {
    auto entry = *load<Elf64_Rela>(table + i * sizeof(Elf64_Rela));
    if (entry.r_info != ELF64_R_INFO(0, relative))
      return bad("relocation {} has info {:#x}; only relative ones are allowed",
                 i, entry.r_info);
    const auto *target = find(entry.r_offset, sizeof(uint64_t));
    if (!target || target->executable)
      return bad("relocation {} changes {:#x}, which is not loaded data", i,
                 entry.r_offset);
    auto value = uint64_t(entry.r_addend);
    if (value > plan.span)
      return bad("relocation {} points outside of the image", i);
    plan.relocations.push_back({entry.r_offset, value});
  }
  return Status::success();
}

Status Auditor::symbolName(const Elf64_Sym &symbol, uint32_t index,
                           std::string &name) const {
  uint64_t strings = dynamic.at(DT_STRTAB), size = dynamic.at(DT_STRSZ);
  const auto *segment = find(strings, size);
  if (!segment || symbol.st_name >= size)
    return bad("symbol {} has its name outside of the string table", index);
  const auto *text =
      reinterpret_cast<const char *>(file.data()) + segment->fileOffset +
      (strings - segment->address) + symbol.st_name;
  size_t most = std::min<uint64_t>(size - symbol.st_name, maxName);
  size_t length = strnlen(text, most);
  if (length == most)
    return bad("the name of symbol {} has no end within {} bytes", index, most);
  name.assign(text, length);
  return Status::success();
}

Status Auditor::checkSymbol(const Elf64_Sym &symbol, const std::string &name) {
  unsigned type = ELF64_ST_TYPE(symbol.st_info);
  if (symbol.st_shndx == SHN_UNDEF)
    return bad("it imports {}; compiled code must import nothing", inQuotes(name));
  if (type != STT_FUNC && type != STT_OBJECT && type != STT_NOTYPE)
    return bad("symbol {} has type {}, which would need a dynamic linker",
               inQuotes(name), type);
  bool isEncode = name == ENCDEC_ABI_ENCODE_SYMBOL;
  if (isEncode || name == ENCDEC_ABI_STEP_SYMBOL) {
    const auto *segment = find(symbol.st_value, 1);
    if (!segment || !segment->executable)
      return bad("'{}' is not in executable code", name);
    (isEncode ? plan.encode : plan.step) = symbol.st_value;
  } else if (name == ENCDEC_ABI_VERSION_SYMBOL) {
    auto version = load<uint64_t>(symbol.st_value);
    if (!version)
      return bad("'{}' is not in loaded data", name);
    if (*version != ENCDEC_ABI_VERSION)
      return Status(Code::DoesNotFit,
                    fmt::format("code section '{}': made for ABI {}, this "
                                "runtime has ABI {}; compile the checkpoint "
                                "again with this version of encdec",
                                level, *version, ENCDEC_ABI_VERSION));
    versionSeen = true;
  }
  return Status::success();
}

Status Auditor::readSymbols() {
  for (int64_t tag : {DT_HASH, DT_SYMTAB, DT_STRTAB, DT_STRSZ})
    if (!dynamic.count(tag))
      return bad("dynamic entry {} is missing (link with --hash-style=sysv or "
                 "both)",
                 tag);
  if (dynamic.count(DT_SYMENT) && dynamic[DT_SYMENT] != sizeof(Elf64_Sym))
    return bad("its symbols have {} bytes each", dynamic[DT_SYMENT]);
  // The second word of the hash table is the number of symbols.
  auto count = load<uint32_t>(dynamic[DT_HASH] + sizeof(uint32_t));
  if (!count || !find(dynamic[DT_SYMTAB], *count * sizeof(Elf64_Sym)))
    return bad("its symbol table is not inside a loaded segment");
  for (uint32_t i = 1; i < *count; ++i) {
    auto symbol =
        *load<Elf64_Sym>(dynamic[DT_SYMTAB] + i * sizeof(Elf64_Sym));
    std::string name;
    ENCDEC_RETURN_IF_ERROR(symbolName(symbol, i, name));
    ENCDEC_RETURN_IF_ERROR(checkSymbol(symbol, name));
  }
  if (!plan.encode || !versionSeen)
    return bad("it does not define {} and {}", ENCDEC_ABI_ENCODE_SYMBOL,
               ENCDEC_ABI_VERSION_SYMBOL);
  return Status::success();
}

} // namespace

Result<CodePlan> auditCode(std::span<const uint8_t> file,
                           std::string_view level) {
  return Auditor(file, level).run();
}

} // namespace encdec::runtime
