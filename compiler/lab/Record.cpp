// Record.cpp: the keys of a record, as README.md has them.
#include "compiler/lab/Record.h"

#include <fmt/format.h>
#include <span>
#include <string>

using llvm::json::Object;
using llvm::json::Value;

namespace encdec::lab {

namespace {

enum class Kind { text, number, object, list };

struct Field {
  const char *key;
  Kind kind;
  std::span<const Field> inside = {}; ///< Of the object, or of each object of the list.
  bool optional = false;              ///< May be null or absent.
};

constexpr Field load[] = {{"load", Kind::number, {}, true}, {"mhz", Kind::number, {}, true}};
constexpr Field time[] = {
    {"rows", Kind::number},    {"source_length", Kind::number}, {"weights", Kind::text},
    {"figure", Kind::text},    {"finding", Kind::text},         {"verdict", Kind::text},
    {"ratio", Kind::number},   {"low", Kind::number},           {"high", Kind::number},
    {"rounds", Kind::number},  {"base_ms", Kind::number},       {"idea_ms", Kind::number}};
constexpr Field difference[] = {{"count", Kind::number},
                                {"most", Kind::number},
                                {"rms", Kind::number},
                                {"ulps", Kind::number},
                                {"relative", Kind::number}};
constexpr Field numbers[] = {{"weights", Kind::text},
                             {"logits", Kind::object, difference},
                             {"log_probs", Kind::object, difference},
                             {"idea_from_interpreter", Kind::object, difference},
                             {"base_from_interpreter", Kind::object, difference},
                             {"allowed", Kind::number},
                             {"decisions", Kind::number},
                             {"decisions_changed", Kind::number},
                             {"outputs", Kind::number},
                             {"outputs_changed", Kind::number},
                             {"base_tokens", Kind::number},
                             {"idea_tokens", Kind::number}};
constexpr Field bundle[] = {{"bytes", Kind::number},         {"code_bytes", Kind::number},
                            {"weights_bytes", Kind::number}, {"step_bytes", Kind::number},
                            {"encode_segments", Kind::number}, {"step_segments", Kind::number}};
constexpr Field pass[] = {{"after", Kind::text, {}, true},       {"without", Kind::text, {}, true},
                          {"code", Kind::text, {}, true},        {"ops", Kind::number},
                          {"error", Kind::number},               {"calls", Kind::number, {}, true},
                          {"barriers", Kind::number, {}, true},  {"step_bytes", Kind::number, {}, true},
                          {"code_bytes", Kind::number, {}, true}, {"arena", Kind::number, {}, true}};
constexpr Field whole[] = {{"verdict", Kind::text},
                           {"idea", Kind::text},
                           {"against", Kind::text},
                           {"model", Kind::text},
                           {"producer", Kind::text},
                           {"cpu", Kind::text},
                           {"seed", Kind::number},
                           {"before", Kind::object, load},
                           {"after", Kind::object, load},
                           {"times", Kind::list, time},
                           {"numbers", Kind::list, numbers},
                           {"base_bundle", Kind::object, bundle},
                           {"idea_bundle", Kind::object, bundle},
                           {"passes", Kind::list, pass}};

const char *nameOf(Kind kind) {
  switch (kind) {
  case Kind::text:
    return "a text";
  case Kind::number:
    return "a number";
  case Kind::object:
    return "an object";
  case Kind::list:
    break;
  }
  return "an array";
}

bool isOf(const Value &value, Kind kind) {
  switch (kind) {
  case Kind::text:
    return value.kind() == Value::String;
  case Kind::number:
    return value.kind() == Value::Number;
  case Kind::object:
    return value.kind() == Value::Object;
  case Kind::list:
    break;
  }
  return value.kind() == Value::Array;
}

const char *nameOf(const Value *value) {
  if (!value)
    return "nothing";
  for (Kind kind : {Kind::text, Kind::number, Kind::object, Kind::list})
    if (isOf(*value, kind))
      return nameOf(kind);
  return value->kind() == Value::Null ? "null" : "true or false";
}

Status wrong(const std::string &place, const char *expected, const Value *found) {
  return badModel(fmt::format("\"{}\": expected {}, found {}", place, expected, nameOf(found)));
}

Status check(const Object &object, std::span<const Field> fields, const std::string &place) {
  for (const Field &field : fields) {
    const std::string here = place + field.key;
    const Value *value = object.get(field.key);
    if (field.optional && (!value || value->kind() == Value::Null))
      continue;
    if (!value || !isOf(*value, field.kind))
      return wrong(here, nameOf(field.kind), value);
    if (field.kind == Kind::object)
      ENCDEC_RETURN_IF_ERROR(check(*value->getAsObject(), field.inside, here + "."));
    if (field.kind != Kind::list)
      continue;
    size_t i = 0;
    for (const Value &item : *value->getAsArray()) {
      const std::string at = fmt::format("{}[{}]", here, i++);
      if (!item.getAsObject())
        return wrong(at, nameOf(Kind::object), &item);
      ENCDEC_RETURN_IF_ERROR(check(*item.getAsObject(), field.inside, at + "."));
    }
  }
  return Status::success();
}

} // namespace

Status checkForm(const Object &record) { return check(record, whole, ""); }

} // namespace encdec::lab
