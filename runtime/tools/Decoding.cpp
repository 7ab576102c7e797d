//===- Decoding.cpp - a command's sources, decoded together ---------------===//

#include "runtime/tools/Decoding.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace encdec::tools {

namespace {

/// The most sources that are decoded together: more gain little on a few cores.
constexpr uint64_t mostTogether = 32;
/// The least number of sources that are added ahead where rows are few.
constexpr uint64_t leastAhead = 64;

} // namespace

Decoding::Decoding(encdec_model *model, const OptionArguments &arguments, uint32_t threads,
                   uint64_t sources)
    : arguments(arguments),
      firstId(arguments.resolve(model, "generation_id").get<uint64_t>()) {
  const auto beams = arguments.resolve(model, "num_beams").get<uint64_t>();
  const auto returned = arguments.resolve(model, "num_return_sequences").get<uint64_t>();
  const bool alternatives = arguments.resolve(model, "return_alternatives").get<bool>();
  // Of a source; each alternative is a search of its own.
  const uint64_t rows = alternatives ? beams * returned : std::max(beams, returned);
  auto limits = encdec_state_options_default();
  limits.threads = threadsToUse(threads);
  limits.probs = arguments.resolve(model, "probs").get<bool>() ||
                 arguments.resolve(model, "coverage_penalty").get<double>() != 0;
  sources = sources ? std::min(sources, mostTogether) : mostTogether;
  try {
    state = createState(model, limits, sources, rows);
  } catch (const Failure &failure) {
    throw Failure(failure.code, fmt::format("a source of num_beams {} and num_return_sequences "
                                            "{} finds no room: {}",
                                            beams, returned, failure.what()));
  }
  encdec_generation *created = nullptr;
  check(encdec_generation_create(state.get(), &created));
  generation.reset(created);
  check(encdec_generation_check(created, arguments.options.get()));
  arguments.warnOfIdle(model);
  // The time of a source counts from its addition, so it should not wait for room.
  ahead = arguments.resolve(model, "max_time").is_null()
              ? std::max(leastAhead, 2 * sources * rows)
              : sources;
}

/// The options with the source's own id.
const encdec_options *Decoding::optionsFor(uint64_t id) {
  encdec_options *options = arguments.options.get();
  check(encdec_options_set_integer(options, "generation_id", int64_t(firstId + id)));
  return options;
}

uint64_t Decoding::addText(std::string_view text, uint64_t id, const Prefix &prefix) {
  uint64_t source = 0;
  check(encdec_generation_add_text(generation.get(), text.data(), text.size(),
                                   prefix.text.data(), prefix.text.size(), optionsFor(id),
                                   &source));
  return source;
}

uint64_t Decoding::addIds(std::span<const int32_t> ids, uint64_t id,
                          const Prefix &prefix) {
  uint64_t source = 0;
  check(encdec_generation_add(generation.get(), ids.data(), ids.size(), prefix.ids.data(),
                              prefix.ids.size(), optionsFor(id), &source));
  return source;
}

bool Decoding::nextEvent(encdec_event &event) {
  event = sized<encdec_event>();
  check(encdec_generation_next_event(generation.get(), &event));
  return event.kind != ENCDEC_EVENT_NONE;
}

Generated Decoding::take(uint64_t source) {
  encdec_result *result = nullptr;
  check(encdec_generation_take(generation.get(), source, &result));
  return Generated(result);
}

} // namespace encdec::tools
