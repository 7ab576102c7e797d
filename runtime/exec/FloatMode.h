//===- FloatMode.h - the same rounding whatever the host program set ------===//
//
// A host may have turned on flush-to-zero or another rounding; the results of a
// model must not depend on that, so each worker computes in the default mode.

#pragma once

#include <cstdint>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace encdec::runtime {

/// Sets the default floating-point mode (to nearest, denormals kept, exceptions
/// masked) of this thread for its lifetime, then puts the old one back.
class FloatMode {
public:
#if defined(__x86_64__)
  FloatMode() : saved(_mm_getcsr()) { _mm_setcsr(0x1f80); }
  ~FloatMode() { _mm_setcsr(saved); }

private:
  unsigned saved; // MXCSR
#elif defined(__aarch64__)
  FloatMode() {
    __asm__ volatile("mrs %0, fpcr" : "=r"(saved));
    __asm__ volatile("msr fpcr, %0" : : "r"(uint64_t(0)));
  }
  ~FloatMode() { __asm__ volatile("msr fpcr, %0" : : "r"(saved)); }

private:
  uint64_t saved; // FPCR
#else
  FloatMode() {}
#endif
  FloatMode(const FloatMode &) = delete;
  FloatMode &operator=(const FloatMode &) = delete;
};

} // namespace encdec::runtime
