// Families.h: the architecture files that are compiled in, and the families that are
// refused by name. Free of MLIR.
#pragma once
#include "compiler/import/FamilyFile.h"

namespace encdec::checkpoint {

/// The built-in architecture files, by name of their files; parsed once. An error is a
/// mistake in a file of families/.
Result<std::vector<FamilyFile>> builtInFamilies();

/// A family that no description can say yet, with the reason.
struct RefusedFamily {
  std::vector<std::string> modelTypes;
  std::string name, reason;
};
Result<std::vector<RefusedFamily>> refusedFamilies();

/// The family for a config.json: that of the file at `path` if it is not empty, which must
/// list the configuration's model_type; else the built-in one.
Result<FamilyFile> familyFor(const JsonValue &config, const std::string &path);

} // namespace encdec::checkpoint
