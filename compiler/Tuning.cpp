// Tuning.cpp: checks a file against the target's table, so that a typing error is none of speed.
#include "compiler/Tuning.h"
#include "compiler/lower/Target.h"
#include "runtime/base/Json.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"

namespace encdec {

std::vector<std::string> Tuning::texts() const {
  std::vector<std::string> texts;
  for (const auto &[name, value] : choices)
    texts.push_back(name + "=" + std::to_string(value));
  return texts;
}

std::string Tuning::toJson() const {
  llvm::json::Object chosen{{"groups", groups}};
  for (const auto &[name, value] : choices)
    chosen[name] = value;
  return llvm::formatv("{0:2}\n", llvm::json::Value(llvm::json::Object{
                                      {"cpu", cpu},
                                      {"versions", versions},
                                      {"choices", std::move(chosen)}}))
      .str();
}

Tuning defaultTuning(llvm::StringRef target) {
  Tuning tuning;
  if (const Target *found = findTarget(target))
    for (const Choice &choice : found->choices())
      tuning.choices.emplace_back(choice.name.str(), choice.value);
  return tuning;
}

static Status setGroups(Tuning &tuning, const JsonValue &value) {
  const std::string *text = value.asText();
  if (!text || !llvm::is_contained(kGroupChoices, *text))
    return usageError("\"groups\": expected none, encode, step or all, found " + value.show());
  tuning.groups = *text;
  return Status::success();
}

static Status setChoice(Tuning &tuning, const Target &target, const std::string &name,
                        const JsonValue &value) {
  if (name == "groups")
    return setGroups(tuning, value);
  auto choice = llvm::find_if(target.choices(), [&](const Choice &c) { return c.name == name; });
  if (choice == target.choices().end()) {
    std::string known = "groups";
    for (const Choice &each : target.choices())
      known += ", " + each.name.str();
    return usageError("unknown choice \"" + name + "\": target " + target.name().str() + " has " +
                      known);
  }
  auto number = value.asUnsigned();
  if (!number || *number < uint64_t(choice->least) || *number > uint64_t(choice->most))
    return usageError("\"" + name + "\": expected a number from " + std::to_string(choice->least) +
                      " to " + std::to_string(choice->most) + ", found " + value.show());
  llvm::find_if(tuning.choices, [&](const auto &c) { return c.first == name; })->second =
      int64_t(*number);
  return Status::success();
}

Result<Tuning> readTuning(const std::string &file, llvm::StringRef targetName) {
  const Target *target = findTarget(targetName);
  if (!target)
    return usageError("unknown target '" + targetName.str() + "'");
  auto buffer = llvm::MemoryBuffer::getFile(file);
  if (!buffer)
    return usageError(file + ": cannot read it: " + buffer.getError().message());
  auto json = parseJson((*buffer)->getBuffer());
  if (!json.ok())
    return usageError(file + ": " + json.status().message());
  const JsonValue *cpu = json->find("cpu"), *versions = json->find("versions"),
                  *choices = json->find("choices");
  if (!cpu || !cpu->asText() || !versions || !versions->asText() || !choices ||
      choices->kind != JsonValue::Object)
    return usageError(file + ": expected a file of encdec tune, with \"cpu\", \"versions\" and "
                             "\"choices\"; `encdec tune MODEL -o FILE` makes one");
  Tuning tuning = defaultTuning(targetName);
  tuning.cpu = *cpu->asText();
  tuning.versions = *versions->asText();
  for (const auto &[name, value] : llvm::zip(choices->keys, choices->items))
    ENCDEC_RETURN_IF_ERROR(setChoice(tuning, *target, name, value).withContext(file));
  return tuning;
}

} // namespace encdec
