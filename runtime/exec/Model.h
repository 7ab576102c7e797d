//===- Model.h - an immutable, shared model -------------------------------===//

#pragma once

#include "encdec/abi.h"
#include "runtime/base/Status.h"
#include "runtime/bundle/Bundle.h"
#include "runtime/text/Tokenizer.h"

#include <memory>
#include <string>

namespace encdec::runtime {

/// What a bundle or a JIT gives: code, weights, sizes, defaults, tokenizer.
/// Immutable, so any number of threads and states share one.
struct Model {
  /// Opens a bundle file and loads the code of one level. `level`: empty for
  /// the environment's ENCDEC_CPU, or the best that runs here.
  static Result<std::shared_ptr<const Model>> open(const std::string &path,
                                                   std::string level);

  /// A model from code and data in this process, which must outlive it.
  static Result<std::shared_ptr<const Model>>
  fromMemory(const encdec_model_image &image);

  Manifest manifest;
  std::string manifestText;
  std::string level; ///< "memory" for an image.
  const uint8_t *weights = nullptr;
  encdec_abi_entry_fn encode = nullptr;
  encdec_abi_entry_fn step = nullptr; ///< Null: an encoder only.
  std::unique_ptr<Tokenizer> tokenizer; ///< Null if there is none; views the bundle.

private:
  std::shared_ptr<const Bundle> bundle; ///< Holds the weights; may be null.
  LoadedCode code;
};

/// Whether the model can step and generate; a usage error where it is an encoder only.
Status checkDecoder(const Model &model);

/// The tokenizer of a bundle, which borrows the bundle's bytes; null if it has none.
Result<std::unique_ptr<Tokenizer>> tokenizerOf(const BundleContents &contents);

} // namespace encdec::runtime
