//===- Loader.cpp - an audited code section becomes callable --------------===//

#include "runtime/bundle/Elf.h"

#include "runtime/base/Checked.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>

namespace encdec::runtime {

Result<LoadedCode> LoadedCode::load(std::span<const uint8_t> file,
                                    const CodePlan &plan) {
  auto failure = [](const char *doing) {
    return Status(Code::Failure, fmt::format("code section: cannot {}: {}",
                                             doing, strerror(errno)));
  };
  auto page = uint64_t(sysconf(_SC_PAGESIZE));
  auto pageFloor = [&](uint64_t address) { return address & ~(page - 1); };
  LoadedCode code;
  code.size = *checkedAlignUp(plan.span, page);
  void *pages = mmap(nullptr, code.size, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED)
    return failure("reserve memory");
  code.base = static_cast<uint8_t *>(pages);

  for (const auto &segment : plan.segments)
    memcpy(code.base + segment.address, file.data() + segment.fileOffset,
           segment.fileSize);
  for (const auto &relocation : plan.relocations) {
    auto value = reinterpret_cast<uint64_t>(code.base) + relocation.value;
    memcpy(code.base + relocation.address, &value, sizeof(value));
  }

  // Compiled code holds no state between calls, so nothing stays writable.
  if (mprotect(code.base, code.size, PROT_READ) != 0)
    return failure("protect memory");
  for (const auto &segment : plan.segments) {
    if (!segment.executable)
      continue;
    uint64_t begin = pageFloor(segment.address);
    uint64_t end = *checkedAlignUp(segment.address + segment.memorySize, page);
    // The audit keeps segments apart by 4096 bytes. On larger pages data could become
    // executable.
    for (const auto &other : plan.segments)
      if (!other.executable && other.address < end &&
          other.address + other.memorySize > begin)
        return Status(Code::DoesNotFit,
                      fmt::format("code section: its segments share a page of "
                                  "{} bytes; link with max-page-size={}",
                                  page, page));
    if (mprotect(code.base + begin, end - begin, PROT_READ | PROT_EXEC) != 0)
      return failure("make memory executable (does a security policy forbid "
                     "it?)");
    __builtin___clear_cache(reinterpret_cast<char *>(code.base + begin),
                            reinterpret_cast<char *>(code.base + end));
  }
  code.encode = reinterpret_cast<encdec_abi_entry_fn>(code.base + plan.encode);
  if (plan.step)
    code.step = reinterpret_cast<encdec_abi_entry_fn>(code.base + plan.step);
  return code;
}

LoadedCode::LoadedCode(LoadedCode &&other) noexcept { *this = std::move(other); }

LoadedCode &LoadedCode::operator=(LoadedCode &&other) noexcept {
  std::swap(encode, other.encode);
  std::swap(step, other.step);
  std::swap(base, other.base);
  std::swap(size, other.size);
  return *this;
}

LoadedCode::~LoadedCode() {
  if (base)
    munmap(base, size);
}

} // namespace encdec::runtime
