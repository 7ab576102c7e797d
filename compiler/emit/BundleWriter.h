// Writes the one-file bundle that include/encdec/abi.h describes.
#pragma once
#include "encdec/abi.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <memory>
#include <string>
#include <vector>

namespace encdec {

/// Streams sections into a temporary file beside `path` and puts it in place of
/// `path` only when everything is on the disk: whatever happens before, an
/// older bundle at `path` stays whole. The bytes depend on the sections alone.
///
/// Use: create, announce, then per section begin / append… (in the order the
/// table shall have), then commit. Not thread-safe; one thread writes one bundle.
class BundleWriter {
public:
  /// The file that a bundle at `path` replaces or makes. Links are followed, so that a
  /// link stays one. Fails where something other than a regular file is there.
  static llvm::Expected<std::string> resolve(llvm::StringRef path);

  /// Makes the temporary file beside the file that `path` resolves to. Fails if no
  /// file can be made in that folder.
  static llvm::Expected<std::unique_ptr<BundleWriter>>
  create(llvm::StringRef path);

  /// The temporary name that process `pid` writes the resolved `path` under: the
  /// process that started it can remove the file after a crash.
  static std::string temporaryPath(llvm::StringRef path, int pid);

  /// `sectionCount` sections will follow (1 … 64).
  llvm::Error announce(unsigned sectionCount);

  /// Starts the next section. `name` has at most 23 bytes.
  llvm::Error begin(uint32_t kind, llvm::StringRef name);
  llvm::Error append(llvm::ArrayRef<uint8_t> bytes);
  /// `count` zero bytes.
  llvm::Error appendZeros(uint64_t count);
  /// One whole section.
  llvm::Error add(uint32_t kind, llvm::StringRef name,
                  llvm::ArrayRef<uint8_t> bytes);

  /// Writes header and table and syncs: the temporary file is whole.
  llvm::Error finish();
  const std::string &temporaryName() const { return temporary; }

  /// Calls finish() unless that was done, renames the file, syncs the folder.
  llvm::Error commit();

  /// Removes the temporary file if commit did not succeed.
  ~BundleWriter();

private:
  struct Hash;
  BundleWriter();
  llvm::Error finishSection();
  llvm::Error write(llvm::ArrayRef<uint8_t> bytes);
  llvm::Error fail(llvm::StringRef what) const;

  std::string path, temporary;
  int file = -1;
  uint64_t position = 0; // bytes of the file laid out so far
  unsigned sectionCount = 0;
  std::vector<encdec_bundle_section> table;
  std::unique_ptr<Hash> hash;
};

} // namespace encdec
