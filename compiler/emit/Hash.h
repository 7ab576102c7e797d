// XXH3-128 in its canonical (big-endian) form, as bundle and manifest store it.
#pragma once
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringExtras.h"
#include <cstring>
#include <string>
#include <xxhash.h>

namespace encdec {

/// A running checksum. Not copyable, as the library's state is not.
class Xxh3 {
public:
  Xxh3() : state(XXH3_createState()) { reset(); }
  Xxh3(const Xxh3 &) = delete;
  Xxh3 &operator=(const Xxh3 &) = delete;
  ~Xxh3() { XXH3_freeState(state); }

  void reset() { XXH3_128bits_reset(state); }
  void update(llvm::ArrayRef<uint8_t> bytes) {
    // The library must not be given null, not even with size 0.
    if (!bytes.empty())
      XXH3_128bits_update(state, bytes.data(), bytes.size());
  }
  void update(llvm::StringRef text) {
    update(llvm::arrayRefFromStringRef(text));
  }
  /// out: 16 bytes.
  void digest(uint8_t *out) const {
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(state));
    std::memcpy(out, canonical.digest, sizeof(canonical.digest));
  }
  /// 32 lower-case hexadecimal digits.
  std::string hex() const {
    uint8_t bytes[16];
    digest(bytes);
    return llvm::toHex(bytes, /*LowerCase=*/true);
  }

private:
  XXH3_state_t *state;
};

} // namespace encdec
