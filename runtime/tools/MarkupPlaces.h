//===- MarkupPlaces.h - where tags and placeholders go in a translation ---===//

#pragma once

#include "runtime/tools/Markup.h"

namespace encdec::tools {

/// The translation with all marks, those that it has kept where they are. Its text has
/// nothing else that reads as one of them.
std::string placeMarks(const MarkedText &marked, Translation translation);

} // namespace encdec::tools
