//===- Stage.h - one stage of tokenizer.json ------------------------------===//

#pragma once

#include "compiler/import/Fields.h"
#include "compiler/tokenizer/Stages.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <functional>
#include <span>

namespace encdec::tokenizer {

/// The most stages of a sequence, and the most tokens that a template adds.
constexpr size_t maxStages = 32;

/// The JSON object of one stage. Its keys are read by their types; finish() refuses keys
/// that nobody has read.
class Stage : public checkpoint::Fields {
public:
  explicit Stage(const JsonPlace &place) : Fields(*place.value, place.where) {}

  static Result<Stage> read(const JsonPlace &place) {
    if (place.value->kind != JsonValue::Object)
      return badModel(
          fmt::format("{}: expected an object with a type, found {}",
                      place.where, place.value->show()));
    Stage stage(place);
    stage.type = stage.text("type", "");
    ENCDEC_RETURN_IF_ERROR(stage.status());
    return stage;
  }

  /// A string that the stage cannot do without.
  std::string needText(std::string_view key) {
    if (!get(key))
      fail(key, "a string");
    return text(key, "");
  }

  /// Ends the reading of the stage: the first error, or keys that nobody read.
  Status finish() const {
    ENCDEC_RETURN_IF_ERROR(status());
    if (const std::vector<std::string> left = unused(); !left.empty())
      return badModel(fmt::format("{}: key {} of {} is not supported",
                                  fileName(), quote(left[0]), quote(type)));
    return Status::success();
  }

  Status unknown(std::span<const std::string_view> known) const {
    return badModel(fmt::format(
        "{}: key \"type\": {} is not supported; known: {}", fileName(),
        type.empty() ? "nothing" : quote(type), fmt::join(known, ", ")));
  }

  std::string type;
};

/// Reads one stage, of the object at the place.
using StageReader = std::function<Status(const JsonPlace &, Stage &)>;

/// Calls read for a stage, or for each stage of a Sequence under `list`, in order.
Status forEachStage(const JsonPlace &place, const char *list, const StageReader &read);

} // namespace encdec::tokenizer
