//===- Processors.cpp - all processors that the options ask for -----------===//

#include "runtime/search/processors/Processors.h"

#include <algorithm>

namespace encdec::runtime {

namespace {

Status checkForced(const char *key, const std::vector<int32_t> &forced,
                   const std::vector<int32_t> &suppressed, const char *instead = "") {
  const auto isSuppressed = [&](int32_t token) {
    return std::ranges::find(suppressed, token) != suppressed.end();
  };
  if (!std::ranges::all_of(forced, isSuppressed))
    return Status::success();
  return usageError(std::string(key) + ": expected a token that suppress_tokens lets be "
                    "chosen, found " + std::to_string(forced.front()) +
                    "; take it out of suppress_tokens" + instead);
}

} // namespace

Status checkProcessors(const GenerationOptions &options) {
  if (options.exponential_decay_length_penalty && !options.eos_token_id)
    return usageError("exponential_decay_length_penalty: expected end tokens to favour, found "
                      "none; set eos_token_id");
  const option::Tokens suppressed = options.suppress_tokens.value_or(option::Tokens());
  if (options.forced_bos_token_id)
    ENCDEC_RETURN_IF_ERROR(checkForced("forced_bos_token_id", {*options.forced_bos_token_id},
                                       suppressed));
  if (options.forced_eos_token_id)
    ENCDEC_RETURN_IF_ERROR(checkForced("forced_eos_token_id", *options.forced_eos_token_id,
                                       suppressed,
                                       " (min_new_tokens keeps a sequence from ending early)"));
  return Status::success();
}

/// For options that the engine or the search reads.
std::unique_ptr<Processor> makeNothing(const ProcessorContext &) { return nullptr; }

std::vector<std::unique_ptr<Processor>> makeProcessors(const ProcessorContext &context) {
  std::vector<std::unique_ptr<Processor>> made;
#define ENCDEC_OPTION(key, type, initial, range, origin, processor, meaning)               \
  if (auto one = make##processor(context))                                                 \
    made.push_back(std::move(one));
#include "runtime/base/GenerationOptions.def"
  return made;
}

} // namespace encdec::runtime
