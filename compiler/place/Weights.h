// From a weight's origin to the bytes that kernels read.
#pragma once
#include "compiler/place/Layout.h"
#include "dialect/Derived.h"
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace encdec {

/// Reads the values of weights, wherever they come from, and lays them out.
/// Files of the checkpoint are opened on first use and read piece by piece: no
/// weight is ever in RAM whole unless its values are asked for, but for what DerivedWeight
/// holds. One thread at a time.
class WeightStore {
public:
  /// `folder` holds the files that #encdec.file names; "" where none is named.
  explicit WeightStore(std::string folder);
  ~WeightStore();

  /// The f32 of each of the checkpoint's numbers, row after row, or a derived weight's
  /// values; before the weight's format takes them. Diagnostics on failure.
  mlir::FailureOr<std::vector<float>> stored(WeightOp weight);

  /// Logical values, row after row: what the weight's format keeps of the f32 of each
  /// stored value. Diagnostics on failure.
  mlir::FailureOr<std::vector<float>> values(WeightOp weight);

  /// Receives consecutive pieces of a weight's bytes; failure stops the stream.
  using Sink = llvm::function_ref<mlir::LogicalResult(llvm::ArrayRef<uint8_t>)>;
  /// The bytes of `weight` in the weights section, from its offset to its end: packed
  /// values and, for a format with scales, the gap and the scales.
  mlir::LogicalResult stream(WeightOp weight, Sink sink);

  /// Writes these bytes to their place in `section` (of weightsSectionBytes).
  mlir::LogicalResult write(WeightOp weight,
                            llvm::MutableArrayRef<uint8_t> section);

private:
  class Rows; // reads stored rows of one weight
  struct Files;
  mlir::FailureOr<std::unique_ptr<Rows>> open(WeightOp weight);
  ElementReader elementReader(); // of the weights that a derived one names
  mlir::LogicalResult streamRows(Rows &rows, Sink sink);
  mlir::LogicalResult streamPacked(WeightOp weight, Rows &rows, Sink sink);

  std::string folder;
  std::unique_ptr<Files> files;
};

} // namespace encdec
