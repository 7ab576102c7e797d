//===- Npy.cpp - rows of floats as a file of NumPy's ----------------------===//
//
// The format: numpy.org/doc/stable/reference/generated/numpy.lib.format.html

#include "runtime/tools/Npy.h"
#include "runtime/tools/Support.h"

#include <fmt/format.h>

#include <bit>
#include <cerrno>
#include <cstring>
#include <functional>
#include <sys/mman.h>

namespace encdec::tools {
namespace {

constexpr size_t headerBytes = 128; // enough for any two numbers of 64 bits
static_assert(std::endian::native == std::endian::little, "'<f4' below");

Failure temporaryFailure() {
  return Failure(ENCDEC_ERROR_FAILURE,
                 fmt::format("cannot write a temporary file: {}", std::strerror(errno)));
}

} // namespace

std::string npyHeader(uint64_t rows, uint64_t width) {
  // Magic, version 1.0, and the bytes that follow, a number of 16 bits.
  constexpr size_t prefixBytes = 10, rest = headerBytes - prefixBytes;
  std::string header("\x93NUMPY\x01\x00", 8);
  header += char(rest & 0xff);
  header += char(rest >> 8);
  header += fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}), }}",
                        rows, width);
  header.resize(headerBytes - 1, ' ');
  return header + '\n';
}

NpyTable::NpyTable(uint64_t width) : file(std::tmpfile()), width(width) {
  if (!file)
    throw temporaryFailure();
  const std::string room(headerBytes, ' ');
  if (std::fwrite(room.data(), 1, room.size(), file.get()) != room.size())
    throw temporaryFailure();
}

void NpyTable::append(std::span<const float> rows) {
  if (std::fwrite(rows.data(), sizeof(float), rows.size(), file.get()) != rows.size())
    throw temporaryFailure();
  rowCount += rows.size() / width;
}

void NpyTable::write(const std::string &path, const std::string &option) {
  const std::string header = npyHeader(rowCount, width);
  if (std::fseek(file.get(), 0, SEEK_SET) != 0 ||
      std::fwrite(header.data(), 1, header.size(), file.get()) != header.size() ||
      std::fflush(file.get()) != 0)
    throw temporaryFailure();
  const size_t size = headerBytes + rowCount * width * sizeof(float);
  void *bytes = mmap(nullptr, size, PROT_READ, MAP_SHARED, fileno(file.get()), 0);
  if (bytes == MAP_FAILED)
    throw temporaryFailure();
  std::unique_ptr<void, std::function<void(void *)>> unmap(
      bytes, [size](void *mapped) { munmap(mapped, size); });
  replaceFile(path, {static_cast<const char *>(bytes), size}, option);
}

} // namespace encdec::tools
