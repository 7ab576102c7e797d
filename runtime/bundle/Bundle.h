//===- Bundle.h - reading and verifying model.encdec ----------------------===//
//
// abi.h fixes the format. Everything is verified before anything is used:
// structure, bounds, checksums, then meaning (manifest and code audit). There
// is no fast mode: all threads sum the weights as fast as RAM gives them.

#pragma once

#include "runtime/base/Status.h"
#include "runtime/bundle/Elf.h"
#include "runtime/bundle/File.h"
#include "runtime/bundle/Manifest.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace encdec::runtime {

struct Section {
  uint32_t kind;
  std::string name;
  uint64_t offset;
  std::span<const uint8_t> data;
  uint8_t checksum[16];
};

/// A verified bundle. Immutable; its spans point into `bytes` of the file.
struct BundleContents {
  Manifest manifest;
  std::string_view manifestText;
  std::span<const uint8_t> weights;
  std::vector<Section> sections;
  /// The audit of each code section, in the order of manifest.levels.
  std::vector<CodePlan> code;

  const Section *findCode(std::string_view level) const;
};

/// Work for the caller's thread while other threads still sum the weights. It is
/// called once all else has been verified, and must not use the weights. The caller
/// drops what it made if opening fails.
using Meanwhile = std::function<void(const BundleContents &)>;

/// Verifies a whole bundle, `bytes`; the result points into them.
/// Starts up to `threads` - 1 threads, which end before it returns. Errors:
/// BadModel or DoesNotFit, one sentence with section and offset.
Result<BundleContents> readBundle(std::span<const uint8_t> bytes,
                                  unsigned threads = 1,
                                  const Meanwhile &meanwhile = {});

/// A bundle file, mapped and verified.
struct Bundle {
  /// Errors: those of readBundle, and Failure where the file cannot be read.
  static Result<std::shared_ptr<const Bundle>>
  open(const std::string &path, unsigned threads = 1,
       const Meanwhile &meanwhile = {});

  std::string path;
  MappedFile file;
  BundleContents contents;
};

/// Picks the level to run: `wanted` if not empty, else the best one that is
/// there and runs here. Errors: DoesNotFit, saying what is there and what this
/// machine has; Usage for a level name nobody knows.
Result<std::string> chooseLevel(const std::vector<std::string> &available,
                                std::string_view wanted);

} // namespace encdec::runtime
