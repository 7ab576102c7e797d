//===- ModelFile.h - a model from a bundle or a checkpoint folder ---------===//

#pragma once

#include "runtime/tools/Support.h"

#include <string>
#include <vector>

namespace encdec::tools {

/// Throws a Failure when nothing is at `path` (code 3), or when it is empty.
void requireModel(const std::string &path);

/// Throws a usage Failure when writing `path`, named by `option`, would write
/// over the file `model` or over a file of the folder `model`.
void keepModel(const std::string &model, const std::string &path,
               const std::string &option);

/// Opens `path`. A folder is compiled into a temporary bundle first (by the
/// compiler program, below TMPDIR) with `weights` ("" for the default) and the
/// further `arguments` of encdec-compile; the temporary files are gone when this
/// returns, also after a signal. A bundle must hold `weights`, if given.
Model openModel(const std::string &path, const std::string &weights,
                const std::vector<std::string> &arguments = {});

} // namespace encdec::tools
