// A report as text, as JSON and as a page.
#pragma once
#include "compiler/explain/Limits.h"
#include "llvm/Support/raw_ostream.h"

namespace encdec::explain {

struct View {
  Limits limits;
  Sizes sizes;
  /// Pictures (SVG) of a sentence's cross-attention, one of each decoder layer; or none.
  std::vector<std::string> alignments;
  bool color = false;
};

/// Tables of at most 100 columns, a row for each op of the fused form. Layers that are
/// equal are printed once.
void printText(const Report &report, const View &view, llvm::raw_ostream &out);

/// One object with all of the report; README.md has its keys.
void printJson(const Report &report, const View &view, llvm::raw_ostream &out);

/// One page that needs nothing else: no network, no fonts, no other files.
void printHtml(const Report &report, const View &view, llvm::raw_ostream &out);

} // namespace encdec::explain
