//===- Stage.cpp - walks the stages of a sequence -------------------------===//

#include "compiler/tokenizer/Stage.h"

namespace encdec::tokenizer {

Status forEachStage(const JsonPlace &place, const char *list, const StageReader &read) {
  if (place.value->isNull())
    return Status::success();
  // Sequences may nest, but no file needs more than a few stages.
  std::vector<JsonPlace> open{place};
  for (size_t done = 0; !open.empty(); ++done) {
    if (done == maxStages)
      return badModel(
          fmt::format("{}: more than {} stages", place.where, maxStages));
    const JsonPlace next = std::move(open.back());
    open.pop_back();
    ENCDEC_ASSIGN_OR_RETURN(Stage stage, Stage::read(next));
    if (stage.type != "Sequence") {
      ENCDEC_RETURN_IF_ERROR(read(next, stage));
      continue;
    }
    const JsonValue *stages = stage.get(list);
    if (!stages || stages->kind != JsonValue::Array)
      stage.fail(list, "an array of stages");
    ENCDEC_RETURN_IF_ERROR(stage.finish());
    if (stages->items.size() > maxStages)
      return badModel(fmt::format("{}.{}: {} stages; the limit is {}",
                                  next.where, list, stages->items.size(),
                                  maxStages));
    for (size_t i = stages->items.size(); i-- > 0;)
      open.push_back(
          {&stages->items[i], fmt::format("{}.{}[{}]", next.where, list, i)});
  }
  return Status::success();
}

} // namespace encdec::tokenizer
