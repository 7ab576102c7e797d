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

/// --weights, --weights-for, --sketch.
void describeFormats(CLI::App &app, PipelineOptions &options);

/// --tuning, --groups, --tune, --patterns, --pass-pipeline, --at, --load-pass-plugin. An --at
/// speaks of the --patterns or --pass-pipeline before it.
void describeExtensions(CLI::App &app, PipelineOptions &options);

/// Arguments of encdec-compile that say the same as `options`.
std::vector<std::string> wordsOf(const PipelineOptions &options);

/// What arguments of encdec-compile say of the pipelines; all others are left out. Error: Usage.
Result<PipelineOptions> pipelineOf(const std::vector<std::string> &words);

/// Whether these are options of encdec-compile that say how a bundle is made, and their values.
/// Error: Usage, with the first word that is not.
Status checkCompileWords(const std::vector<std::string> &words);

} // namespace encdec::tools
