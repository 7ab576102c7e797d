//===- Processors.h - all processors that the options ask for -------------===//

#pragma once

#include "runtime/search/processors/Processor.h"

namespace encdec::runtime {

/// What no range of a single option says. Errors: Usage, with the options, where they ask
/// for what cannot be.
Status checkProcessors(const GenerationOptions &options);

/// The processors of the table's rows, in the table's order. Empty where no option asks for
/// one. Ids in the options are in the vocabulary (GenerationOptions::checkIds).
std::vector<std::unique_ptr<Processor>> makeProcessors(const ProcessorContext &context);

} // namespace encdec::runtime
