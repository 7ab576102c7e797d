// What encdec-explain lets other programs find out: encdec-compile makes a bundle of the
// checkpoint, `encdec bench` times it, `encdec generate` draws its alignments.
#pragma once
#include "compiler/explain/Print.h"
#include "runtime/base/Status.h"

namespace encdec::tools {

/// A bundle of a checkpoint in a temporary file, which is removed with this object, and by
/// a signal that ends the program.
class TemporaryBundle {
public:
  /// `options`: of encdec-compile. Fails where a program is missing or does not succeed.
  static Result<std::unique_ptr<TemporaryBundle>>
  make(const std::string &checkpoint, const std::vector<std::string> &options);
  ~TemporaryBundle();

  /// Fills in the measured times of the report's phases, and the limits that are not known.
  Status measure(explain::Report &report, explain::View &view) const;

  /// Translates `text` and draws each decoder layer's cross-attention, as SVG.
  Status align(const std::string &text, int64_t layers, explain::View &view) const;

private:
  TemporaryBundle() = default;
  Status run(std::vector<std::string> words, std::string &output) const;

  std::string encdec, path;
};

} // namespace encdec::tools
