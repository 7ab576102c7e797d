// Report.h: a record as text and as a page. Free of MLIR.
#pragma once
#include "llvm/Support/JSON.h"

#include <string>

namespace encdec::lab {

/// A table for a terminal.
std::string reportText(const llvm::json::Object &record);
/// One HTML file with charts in SVG, which needs nothing else.
std::string reportHtml(const llvm::json::Object &record);

/// What both say: what is beside the idea; the ulps of a difference, or nothing where there are
/// none, as between numbers in float64.
std::string againstText(const llvm::json::Object &record);
std::string ulpsText(const llvm::json::Object &difference);

} // namespace encdec::lab
