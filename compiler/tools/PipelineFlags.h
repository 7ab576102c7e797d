// PipelineFlags.h: one set of flags for what a user chooses of the pipelines and adds to them,
// for every program that runs them.
#pragma once
#include "compiler/PipelineOptions.h"
#include "runtime/base/Status.h"

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace encdec::tools {

/// A check of CLI11: what is wrong with a name.
std::string notEmpty(const std::string &name);

/// --weights, --weights-for, --sketch.
void describeFormats(CLI::App &app, PipelineOptions &options);

/// --tuning, --groups, --tune, --patterns, --pass-pipeline, --at, --load-pass-plugin. An --at
/// speaks of the --patterns or --pass-pipeline before it. Warnings go to `warnings`, or to
/// standard error without it, unless --quiet comes before.
void describeExtensions(CLI::App &app, PipelineOptions &options,
                        std::vector<std::string> *warnings = nullptr);

/// Arguments of encdec-compile that say the same as `options`.
std::vector<std::string> wordsOf(const PipelineOptions &options);

/// What arguments of encdec-compile say of the pipelines; all others are left out. Error: Usage.
Result<PipelineOptions> pipelineOf(const std::vector<std::string> &words);

} // namespace encdec::tools
