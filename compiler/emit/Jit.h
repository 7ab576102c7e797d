// A compiled model in this process: the contents of a bundle without a file.
#pragma once
#include "encdec/abi.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"
#include <cstddef>
#include <memory>
#include <string>

namespace llvm::orc {
class LLJIT;
}

namespace encdec {

/// Zeroed bytes at the 64-byte alignment that generated code relies on; none where there is
/// no memory for them.
class WeightBuffer {
public:
  explicit WeightBuffer(uint64_t size = 0);
  llvm::MutableArrayRef<uint8_t> bytes() {
    return {static_cast<uint8_t *>(storage.get()), size};
  }

private:
  struct Free {
    void operator()(void *pointer) const;
  };
  uint64_t size;
  std::unique_ptr<void, Free> storage;
};

/// Owns code, weights, manifest and tokenizer; image() points into them and
/// stays valid as long as the object lives. Read-only after creation, so any number
/// of threads may use one.
class JitModel {
public:
  struct Parts {
    std::string manifest;
    WeightBuffer weights;
    bool hasStep = true; // false: an encoder only
    std::string tokenizer; ///< The table of encdec/tokenizer.h; empty: none.
    bool perfMap = false; ///< Whether perf gets the names of the code's functions (PerfMap.h).
  };

  /// Links `object` (of emitObject, for a level this machine runs) in process.
  /// Only for IR that the user trusts: wrong code would crash this process.
  static llvm::Expected<std::unique_ptr<JitModel>>
  create(llvm::ArrayRef<char> object, Parts parts);

  ~JitModel();
  const encdec_model_image &image() const { return view; }

private:
  JitModel(Parts parts);
  Parts parts;
  std::unique_ptr<llvm::orc::LLJIT> jit;
  encdec_model_image view = {};
};

} // namespace encdec
