//===- CodeAuditTest.cpp - code sections that ask for too much ------------===//
//
// Each test edits one field of the good shared object, laid out by the System V ABI,
// and expects the audit to name the field.

#include "tests/bundle/Refusal.h"

#include "runtime/base/CpuLevels.h"
#include "runtime/bundle/Elf.h"

#include <elf.h>
#include <functional>

using namespace encdec;
using namespace encdec::tests;

namespace {

template <typename T> T read(const std::string &bytes, uint64_t at) {
  T value;
  memcpy(&value, bytes.data() + at, sizeof(T));
  return value;
}

template <typename T> void write(std::string &bytes, uint64_t at, const T &value) {
  memcpy(bytes.data() + at, &value, sizeof(T));
}

/// The good object and the places of its parts.
struct Object {
  std::string bytes = fakeCode();

  Elf64_Ehdr header() const { return read<Elf64_Ehdr>(bytes, 0); }
  uint64_t programAt(unsigned index) const {
    return header().e_phoff + index * sizeof(Elf64_Phdr);
  }
  /// Place of the first program header with this type and flags.
  uint64_t program(uint32_t type, uint32_t flags = 0) const {
    for (unsigned i = 0; i < header().e_phnum; ++i) {
      auto entry = read<Elf64_Phdr>(bytes, programAt(i));
      if (entry.p_type == type && (entry.p_flags & flags) == flags)
        return programAt(i);
    }
    ADD_FAILURE() << "no program header of type " << type;
    return programAt(0);
  }
  /// File offset of an address.
  uint64_t offset(uint64_t address) const {
    for (unsigned i = 0; i < header().e_phnum; ++i) {
      auto entry = read<Elf64_Phdr>(bytes, programAt(i));
      if (entry.p_type == PT_LOAD && address >= entry.p_vaddr &&
          address < entry.p_vaddr + entry.p_filesz)
        return entry.p_offset + (address - entry.p_vaddr);
    }
    ADD_FAILURE() << "address " << address << " is not loaded";
    return 0;
  }
  /// Place of the dynamic entry with this tag.
  uint64_t dynamic(int64_t tag) const {
    auto segment = read<Elf64_Phdr>(bytes, program(PT_DYNAMIC));
    for (uint64_t at = segment.p_offset; at < segment.p_offset + segment.p_filesz;
         at += sizeof(Elf64_Dyn))
      if (read<Elf64_Dyn>(bytes, at).d_tag == tag)
        return at;
    ADD_FAILURE() << "no dynamic entry " << tag;
    return segment.p_offset;
  }
  uint64_t dynamicValue(int64_t tag) const {
    return read<Elf64_Dyn>(bytes, dynamic(tag)).d_un.d_val;
  }
  uint64_t symbol(unsigned index) const {
    return offset(dynamicValue(DT_SYMTAB)) + index * sizeof(Elf64_Sym);
  }
  uint64_t symbolNamed(const std::string &name) const {
    for (unsigned i = 1; i < 4; ++i) {
      auto entry = read<Elf64_Sym>(bytes, symbol(i));
      if (name == bytes.c_str() + offset(dynamicValue(DT_STRTAB)) + entry.st_name)
        return symbol(i);
    }
    ADD_FAILURE() << "no symbol " << name;
    return symbol(1);
  }
  uint64_t relocation() const { return offset(dynamicValue(DT_RELA)); }

  template <typename T>
  void edit(uint64_t at, const std::function<void(T &)> &change) {
    T value = read<T>(bytes, at);
    change(value);
    write(bytes, at, value);
  }
};

Status audit(const std::string &bytes, std::string_view level = fakeLevel()) {
  std::unique_ptr<uint8_t[]> copy(new uint8_t[bytes.size()]);
  memcpy(copy.get(), bytes.data(), bytes.size());
  auto plan = runtime::auditCode({copy.get(), bytes.size()}, level);
  return plan.ok() ? Status() : std::move(plan).status();
}

template <typename T>
void refuses(const std::function<uint64_t(const Object &)> &place,
             const std::function<void(T &)> &change, const std::string &part) {
  Object object;
  object.edit<T>(place(object), change);
  SCOPED_TRACE(part);
  expectRefused(audit(object.bytes), part);
  // The same through a whole bundle with right checksums.
  expectRefused(
      readStatus(buildBundle(fakeParts(fakeManifest().dump(), object.bytes))), part);
}

TEST(CodeAudit, GoodObject) {
  Status status = audit(fakeCode());
  EXPECT_TRUE(status.ok()) << status.message();
}

TEST(CodeAudit, Header) {
  auto start = [](const Object &) { return uint64_t(0); };
  using E = Elf64_Ehdr;
  refuses<E>(start, [](E &e) { e.e_ident[0] = 0; }, "not an ELF file");
  refuses<E>(start, [](E &e) { e.e_ident[EI_CLASS] = ELFCLASS32; }, "64-bit");
  refuses<E>(start, [](E &e) { e.e_ident[EI_DATA] = ELFDATA2MSB; }, "little-endian");
  refuses<E>(start, [](E &e) { e.e_type = ET_EXEC; }, "shared object");
  refuses<E>(start, [](E &e) { e.e_type = ET_REL; }, "shared object");
  refuses<E>(start, [](E &e) { e.e_machine = EM_RISCV; }, "ELF machine");
  refuses<E>(start, [](E &e) { e.e_phnum = 0; }, "program header");
  refuses<E>(start, [](E &e) { e.e_phnum = 0xffff; }, "program header");
  refuses<E>(start, [](E &e) { e.e_phentsize = 32; }, "program header");
  refuses<E>(start, [](E &e) { e.e_phoff = UINT64_MAX - 8; }, "program header");
}

TEST(CodeAudit, MachineAndLevelAgree) {
  const char *other = std::string_view(fakeLevel()) == "neon" ? "v3" : "neon";
  expectRefused(audit(fakeCode(), other), "ELF machine");
}

TEST(CodeAudit, Segments) {
  auto stack = [](const Object &o) { return o.program(PT_GNU_STACK); };
  auto code = [](const Object &o) { return o.program(PT_LOAD, PF_X); };
  auto data = [](const Object &o) { return o.program(PT_LOAD, PF_W); };
  auto dynamic = [](const Object &o) { return o.program(PT_DYNAMIC); };
  using P = Elf64_Phdr;
  refuses<P>(stack, [](P &p) { p.p_type = PT_INTERP; }, "dynamic linker");
  refuses<P>(stack, [](P &p) { p.p_type = PT_TLS; }, "thread-local");
  refuses<P>(stack, [](P &p) { p.p_type = 0x12345; }, "unknown type");
  refuses<P>(stack, [](P &p) { p.p_flags |= PF_X; }, "executable stack");
  refuses<P>(code, [](P &p) { p.p_flags |= PF_W; }, "writable and executable");
  refuses<P>(data, [](P &p) { p.p_flags |= PF_X; }, "writable and executable");
  refuses<P>(code, [](P &p) { p.p_flags = PF_R; }, "executable code");
  refuses<P>(code, [](P &p) { p.p_offset = 1 << 30; }, "not inside the file");
  refuses<P>(code, [](P &p) { p.p_filesz = p.p_memsz = UINT64_MAX - 1; }, "not inside");
  refuses<P>(code, [](P &p) { p.p_memsz = p.p_filesz - 1; }, "not inside");
  refuses<P>(data, [](P &p) { p.p_memsz = uint64_t(1) << 40; }, "beyond the limit");
  refuses<P>(data, [](P &p) { p.p_vaddr = UINT64_MAX - 64; }, "beyond the limit");
  refuses<P>(code, [](P &p) { p.p_vaddr = 0x10; }, "shares a page");
  refuses<P>(dynamic, [](P &p) { p.p_type = PT_NULL; }, "no dynamic segment");
  refuses<P>(dynamic, [](P &p) { p.p_vaddr = 1 << 27; }, "dynamic segment is not");
  refuses<P>(dynamic, [](P &p) { p.p_filesz = 32; }, "no end");
}

TEST(CodeAudit, DynamicEntries) {
  using D = Elf64_Dyn;
  // An entry that loading does not need becomes one that asks for something.
  auto spare = [](const Object &o) { return o.dynamic(DT_RELACOUNT); };
  auto asks = [&](int64_t tag, const char *part) {
    refuses<D>(spare, [tag](D &d) { d.d_tag = tag; }, part);
  };
  asks(DT_NEEDED, "another library");
  asks(DT_INIT, "a constructor");
  asks(DT_INIT_ARRAY, "a constructor");
  asks(DT_PREINIT_ARRAY, "a constructor");
  asks(DT_FINI_ARRAY, "a destructor");
  asks(DT_TEXTREL, "relocations in code");
  asks(DT_JMPREL, "imported functions");
  asks(DT_REL, "dynamic entry");
  asks(0x6ffffef5 /* DT_GNU_HASH */ + 0x1000, "dynamic entry");
  asks(DT_STRSZ, "stands twice");
  auto flags = [](const Object &o) { return o.dynamic(DT_FLAGS); };
  refuses<D>(flags, [](D &d) { d.d_un.d_val |= DF_TEXTREL; }, "relocations in code");
  refuses<D>(flags, [](D &d) { d.d_un.d_val |= DF_STATIC_TLS; }, "relocations in code");
  auto hash = [](const Object &o) { return o.dynamic(DT_HASH); };
  refuses<D>(hash, [](D &d) { d.d_tag = DT_GNU_HASH; }, "hash-style=sysv");
  refuses<D>(hash, [](D &d) { d.d_un.d_val = UINT64_MAX; }, "symbol table");
  auto symbols = [](const Object &o) { return o.dynamic(DT_SYMTAB); };
  refuses<D>(symbols, [](D &d) { d.d_un.d_val = UINT64_MAX - 8; }, "symbol table");
  auto strings = [](const Object &o) { return o.dynamic(DT_STRSZ); };
  refuses<D>(strings, [](D &d) { d.d_un.d_val = 3; }, "string table");
  refuses<D>(strings, [](D &d) { d.d_un.d_val = UINT64_MAX; }, "string table");
}

TEST(CodeAudit, Relocations) {
  using R = Elf64_Rela;
  auto first = [](const Object &o) { return o.relocation(); };
  refuses<R>(first, [](R &r) { r.r_info = ELF64_R_INFO(0, R_X86_64_64); }, "relocation 0");
  refuses<R>(first, [](R &r) { r.r_info = ELF64_R_INFO(0, R_X86_64_IRELATIVE); },
             "only relative");
  refuses<R>(first, [](R &r) { r.r_info |= ELF64_R_INFO(1, 0); }, "only relative");
  refuses<R>(first, [](R &r) { r.r_offset = 1 << 27; }, "not loaded data");
  refuses<R>(first, [](R &r) { r.r_offset = UINT64_MAX - 3; }, "not loaded data");
  refuses<R>(first, [](R &r) { r.r_addend = -8; }, "outside of the image");
  refuses<R>(first, [](R &r) { r.r_addend = 1 << 28; }, "outside of the image");
  Object object;
  auto last = read<Elf64_Phdr>(object.bytes, object.program(PT_LOAD, PF_W));
  const uint64_t end = (last.p_vaddr + last.p_memsz + 4095) / 4096 * 4096;
  refuses<R>(first, [&](R &r) { r.r_addend = int64_t(end + 1); }, "outside of the image");
  auto code = read<Elf64_Phdr>(object.bytes, object.program(PT_LOAD, PF_X));
  refuses<R>(first, [&](R &r) { r.r_offset = code.p_vaddr; }, "not loaded data");
  using D = Elf64_Dyn;
  auto size = [](const Object &o) { return o.dynamic(DT_RELASZ); };
  refuses<D>(size, [](D &d) { d.d_un.d_val = 25; }, "relocation table");
  refuses<D>(size, [](D &d) { d.d_un.d_val = uint64_t(24) << 40; }, "relocation table");
  auto each = [](const Object &o) { return o.dynamic(DT_RELAENT); };
  refuses<D>(each, [](D &d) { d.d_un.d_val = 0; }, "relocation table");
}

TEST(CodeAudit, Symbols) {
  using S = Elf64_Sym;
  auto step = [](const Object &o) { return o.symbolNamed(ENCDEC_ABI_STEP_SYMBOL); };
  auto version = [](const Object &o) {
    return o.symbolNamed(ENCDEC_ABI_VERSION_SYMBOL);
  };
  refuses<S>(step, [](S &s) { s.st_shndx = SHN_UNDEF; }, "imports 'encdec_step'");
  refuses<S>(step, [](S &s) { s.st_info = ELF64_ST_INFO(STB_GLOBAL, STT_GNU_IFUNC); },
             "need a dynamic linker");
  refuses<S>(step, [](S &s) { s.st_info = ELF64_ST_INFO(STB_GLOBAL, STT_TLS); },
             "need a dynamic linker");
  auto encode = [](const Object &o) { return o.symbolNamed(ENCDEC_ABI_ENCODE_SYMBOL); };
  refuses<S>(encode, [](S &s) { s.st_name += 1; }, "does not define");
  refuses<S>(step, [](S &s) { s.st_name = 1 << 20; }, "string table");
  refuses<S>(step, [](S &s) { s.st_value = 1 << 27; }, "executable code");
  refuses<S>(step, [](S &s) { s.st_value = 0x40; }, "executable code");
  refuses<S>(version, [](S &s) { s.st_name += 1; }, "does not define");
  refuses<S>(version, [](S &s) { s.st_value = UINT64_MAX - 2; }, "not in loaded data");
  // Without a step the code is an encoder's, which the manifest contradicts.
  Object lost;
  lost.edit<S>(step(lost), [](S &s) { s.st_name += 1; });
  EXPECT_TRUE(audit(lost.bytes).ok());
  expectRefused(readStatus(buildBundle(fakeParts(fakeManifest().dump(), lost.bytes))),
                "has no encdec_step");
  // The hash table counts many more symbols than there are.
  refuses<uint32_t>(
      [](const Object &o) { return o.offset(o.dynamicValue(DT_HASH)) + 4; },
      [](uint32_t &count) { count = UINT32_MAX; }, "symbol table");
}

/// Names go into messages, so they are escaped; none is read without end.
TEST(CodeAudit, NamesOfSymbols) {
  Object object;
  const uint64_t symbol = object.symbolNamed(ENCDEC_ABI_STEP_SYMBOL);
  const uint64_t name = object.offset(object.dynamicValue(DT_STRTAB)) +
                        read<Elf64_Sym>(object.bytes, symbol).st_name;
  object.edit<Elf64_Sym>(symbol, [](Elf64_Sym &s) { s.st_shndx = SHN_UNDEF; });
  object.bytes.replace(name, 4, "\n\x1b[m");
  expectRefused(audit(object.bytes), "imports '\\x0A\\x1B[m");
  // A string table without a zero: the code itself.
  const auto code = read<Elf64_Phdr>(object.bytes, object.program(PT_LOAD, PF_X));
  std::fill_n(object.bytes.begin() + int64_t(code.p_offset), code.p_filesz, 'a');
  write<uint64_t>(object.bytes, object.dynamic(DT_STRTAB) + 8, code.p_vaddr);
  write<uint64_t>(object.bytes, object.dynamic(DT_STRSZ) + 8, code.p_filesz);
  expectRefused(audit(object.bytes), "has no end within 256 bytes");
}

TEST(CodeAudit, OtherAbiIsAMisfit) {
  Object object;
  auto symbol = read<Elf64_Sym>(object.bytes,
                                object.symbolNamed(ENCDEC_ABI_VERSION_SYMBOL));
  write<uint64_t>(object.bytes, object.offset(symbol.st_value), 77);
  Status status = audit(object.bytes);
  EXPECT_EQ(status.code(), Code::DoesNotFit);
  expectRefused(status, "ABI 77");
}

TEST(CodeAudit, CutAnywhere) {
  const std::string bytes = fakeCode();
  for (size_t size = 0; size < bytes.size(); size += size < 1024 ? 1 : 97) {
    SCOPED_TRACE(size);
    Status status = audit(bytes.substr(0, size));
    if (!status.ok()) // section headers at the end are not needed
      expectRefused(status);
    else
      EXPECT_GT(size, 8000u);
  }
}

TEST(CodeAudit, LevelsOfThisMachine) {
  auto unknown = runtime::chooseLevel({"v3"}, "v9");
  EXPECT_EQ(unknown.status().code(), Code::Usage);
  std::string other = std::string_view(fakeLevel()) == "neon" ? "v3" : "neon";
  expectRefused(runtime::chooseLevel({other}, "").status(), "no code for this machine");
  // The code is there, but for other machines: the caller's wish is at fault.
  expectRefused(runtime::chooseLevel({other}, other).status(), "was asked for");
  if ((*findCpuLevel("v4"))->runsHere()) {
    EXPECT_EQ(*runtime::chooseLevel({"v3", "v4"}, ""), "v4");
    EXPECT_EQ(*runtime::chooseLevel({"v3", "v4"}, "v3"), "v3");
  }
}

} // namespace
