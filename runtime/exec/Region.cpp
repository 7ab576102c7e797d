//===- Region.cpp - pages set aside for a limit, touched when used --------===//

#include "runtime/exec/Region.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <sys/mman.h>
#include <utility>

namespace encdec::runtime {

Result<Region> Region::reserve(uint64_t size) {
  Region region;
  if (size == 0)
    return region;
  void *pages = mmap(nullptr, size, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (pages == MAP_FAILED)
    return Status(Code::Failure,
                  fmt::format("cannot set aside {} bytes of memory: {}", size,
                              strerror(errno)));
  region.base = static_cast<uint8_t *>(pages);
  region.length = size;
  return region;
}

Region::Region(Region &&other) noexcept { *this = std::move(other); }

Region &Region::operator=(Region &&other) noexcept {
  std::swap(base, other.base);
  std::swap(length, other.length);
  return *this;
}

Region::~Region() {
  if (base)
    munmap(base, length);
}

} // namespace encdec::runtime
