//===- CountAllocations.cpp - how often any thread asked for memory -------===//
//
// Replaces operator new (as the C++ standard allows), and glibc's malloc (as its
// manual's "Replacing malloc" allows) unless a sanitizer has done so already.

#include "tests/runtime/CountAllocations.h"

#include <atomic>
#include <cstdlib>
#include <new>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ENCDEC_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||           \
    __has_feature(memory_sanitizer)
#define ENCDEC_SANITIZED 1
#endif
#endif

namespace {
std::atomic<uint64_t> count{0};
} // namespace

uint64_t encdec::tests::allocations() { return count.load(); }

#if defined(__GLIBC__) && !defined(ENCDEC_SANITIZED)

extern "C" {
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t number, size_t size);
void *__libc_realloc(void *old, size_t size);

void *malloc(size_t size) {
  ++count;
  return __libc_malloc(size);
}
void *calloc(size_t number, size_t size) {
  ++count;
  return __libc_calloc(number, size);
}
void *realloc(void *old, size_t size) {
  ++count;
  return __libc_realloc(old, size);
}
}

#else

void *operator new(size_t size) {
  ++count;
  if (void *memory = malloc(size ? size : 1))
    return memory;
  throw std::bad_alloc();
}
void operator delete(void *memory) noexcept { free(memory); }
void operator delete(void *memory, size_t) noexcept { free(memory); }

#endif
