// Linking and the audit of its result.
#include "compiler/emit/Link.h"
#include "compiler/Program.h"
#include "encdec/abi.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/BinaryFormat/ELF.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/raw_ostream.h"
#include <cstdlib>

using namespace llvm;
using object::ELF64LEObjectFile;

namespace encdec {
namespace {

constexpr unsigned linkDeadline = 60; // seconds; linking takes a tenth of a second

Error writeFile(StringRef path, ArrayRef<char> bytes) {
  std::error_code error;
  raw_fd_ostream out(path, error);
  if (!error) {
    out.write(bytes.data(), bytes.size());
    out.close();
    error = out.error();
    out.clear_error();
  }
  if (error)
    return createStringError(error, "%s: cannot write: %s", path.str().c_str(),
                             error.message().c_str());
  return Error::success();
}

bool isArm(ArrayRef<char> object) {
  constexpr size_t machineAt = 18; // Elf64_Ehdr::e_machine
  return object.size() > machineAt + 1 &&
         uint8_t(object[machineAt]) == (ELF::EM_AARCH64 & 0xff);
}

} // namespace

Expected<std::string> findLinker() {
  if (const char *chosen = std::getenv("ENCDEC_LLD"); chosen && *chosen) {
    if (sys::fs::can_execute(chosen))
      return std::string(chosen);
    return createStringError(
        "ENCDEC_LLD names '%s', which is no program; set it "
        "to the path of ld.lld 22 or unset it",
        chosen);
  }
  if (auto found = sys::findProgramByName("ld.lld-22"))
    return *found;
  if (auto found = sys::findProgramByName("ld.lld", {"/usr/lib/llvm-22/bin"}))
    return *found;
  return createStringError(
      "the linker ld.lld-22 was not found; install LLVM 22's linker (Debian: "
      "apt install lld-22) or set ENCDEC_LLD to its path");
}

Expected<SmallVector<char, 0>> linkShared(ArrayRef<char> object) {
  Expected<std::string> linker = findLinker();
  if (!linker)
    return linker.takeError();
  SmallString<128> folder;
  if (std::error_code error = sys::fs::createUniqueDirectory("encdec", folder))
    return createStringError(error,
                             "cannot make a temporary folder (TMPDIR): %s",
                             error.message().c_str());
  llvm::scope_exit cleanup([&] { sys::fs::remove_directories(folder); });
  auto in = [&](StringRef name) {
    SmallString<128> path(folder);
    sys::path::append(path, name);
    return std::string(path);
  };
  std::string input = in("code.o"), output = in("code.so");
  auto unlessFull = [&](Error error) -> Error {
    auto space = sys::fs::disk_space(folder);
    if (!space || space->available >= object.size())
      return error;
    consumeError(std::move(error));
    return createStringError("no space is left for linking in %s; make some, or let "
                             "TMPDIR name another folder for temporary files",
                             sys::path::parent_path(folder).str().c_str());
  };
  if (Error error = writeFile(input, object))
    return unlessFull(std::move(error));

  SmallVector<StringRef> arguments = {*linker,
                                      "-shared",
                                      "--no-undefined",
                                      "-z",
                                      "now",
                                      "--hash-style=sysv",
                                      "--build-id=none",
                                      "-o",
                                      output,
                                      input};
  // aarch64 systems have pages of 4, 16 or 64 KB: lay segments out for all of them.
  if (isArm(object))
    arguments.append({"-z", "max-page-size=65536"});
  ProgramEnd end = runProgram(arguments, linkDeadline);
  if (end.code != 0)
    return unlessFull(createStringError("%s failed (%d): %s", linker->c_str(), end.code,
                                        end.said.c_str()));
  auto buffer = MemoryBuffer::getFile(output, false, false);
  if (!buffer)
    return createStringError(
        buffer.getError(),
        "the linker %s ended well but left no shared object (%s); it must be "
        "ld.lld 22 (ENCDEC_LLD names another, or unset it)",
        linker->c_str(), buffer.getError().message().c_str());
  StringRef bytes = (*buffer)->getBuffer();
  SmallVector<char, 0> shared(bytes.begin(), bytes.end());
  if (Error error = checkCode(shared))
    return error;
  return shared;
}

Error checkCode(ArrayRef<char> shared) {
  auto bad = [](const Twine &what) {
    return createStringError("generated code is not loadable: " + what);
  };
  auto file = object::ObjectFile::createELFObjectFile(
      MemoryBufferRef(StringRef(shared.data(), shared.size()), "code"));
  if (!file)
    return file.takeError();
  auto *elf = dyn_cast<ELF64LEObjectFile>(file->get());
  if (!elf || elf->getELFFile().getHeader().e_type != ELF::ET_DYN)
    return bad("expected a 64-bit little-endian shared object");

  StringSet<> exported;
  for (const object::ELFSymbolRef &symbol : elf->getDynamicSymbolIterators()) {
    Expected<StringRef> name = symbol.getName();
    if (!name)
      return name.takeError();
    Expected<uint32_t> flags = symbol.getFlags();
    if (!flags)
      return flags.takeError();
    if (*flags & object::SymbolRef::SF_Undefined)
      return bad("it imports " + *name);
    exported.insert(*name);
  }
  for (StringRef name : {ENCDEC_ABI_ENCODE_SYMBOL, ENCDEC_ABI_VERSION_SYMBOL})
    if (!exported.erase(name))
      return bad("it does not export " + name);
  exported.erase(ENCDEC_ABI_STEP_SYMBOL); // an encoder alone has none
  if (!exported.empty())
    return bad("it exports " + exported.begin()->first());

  uint32_t relative = isArm(shared) ? uint32_t(ELF::R_AARCH64_RELATIVE)
                                    : uint32_t(ELF::R_X86_64_RELATIVE);
  for (const object::SectionRef &section :
       (*file)->dynamic_relocation_sections())
    for (const object::RelocationRef &relocation : section.relocations())
      if (relocation.getType() != relative)
        return bad("relocation of type " + Twine(relocation.getType()));

  auto entries = elf->getELFFile().dynamicEntries();
  if (!entries)
    return entries.takeError();
  for (const auto &entry : *entries)
    switch (entry.getTag()) {
    case ELF::DT_NEEDED:
      return bad("it needs another library");
    case ELF::DT_INIT:
    case ELF::DT_FINI:
    case ELF::DT_INIT_ARRAY:
    case ELF::DT_FINI_ARRAY:
      return bad("it has constructors or destructors");
    case ELF::DT_TEXTREL:
      return bad("it has relocations in its text");
    }
  return Error::success();
}

} // namespace encdec
