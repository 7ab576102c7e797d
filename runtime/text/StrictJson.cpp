//===- StrictJson.cpp - JSON in which nothing is said twice ---------------===//
//
// Built on the event interface of nlohmann's parser: its document keeps the
// last of two equal keys, so two readers of one file could see two models.

#include "runtime/text/StrictJson.h"

#include "runtime/base/Checked.h"
#include "runtime/text/Utf8.h"

#include <nlohmann/json.hpp>

#include <unordered_set>

namespace encdec {

const char *describe(const JsonScalar &scalar) {
  static constexpr const char *names[] = {"null", "true or false", "an integer",
                                          "a fraction", "a string"};
  return names[scalar.index()];
}

namespace {
/// The parser's listener; returning false ends the parse, `status` says why.
class Listener {
public:
  Listener(size_t maxDepth, const JsonVisitor &visit, Twins twins)
      : maxDepth(maxDepth), visit(visit), twins(twins) {}

  Status status;

  bool null() { return scalar({}); }
  bool boolean(bool value) { return scalar(value); }
  bool number_integer(int64_t value) { return scalar(value); }
  bool number_unsigned(uint64_t value) {
    if (auto number = checkedCast<int64_t>(value))
      return scalar(*number);
    return fail("an integer beyond 64 bits" + place());
  }
  bool number_float(double value, const std::string &) { return scalar(value); }
  bool string(std::string &value) { return scalar(std::move(value)); }
  bool binary(std::vector<uint8_t> &) { return fail("binary data"); }

  bool start_object(size_t) { return open(Level{false, {}}); }
  bool start_array(size_t) {
    if (levels.empty())
      return fail("expected an object, found an array");
    path.push_back("[]");
    return open(Level{true, {}});
  }
  bool end_object() { return close(); }
  bool end_array() {
    path.pop_back();
    return close();
  }
  bool key(std::string &name) {
    if (twins == Twins::Refuse && !levels.back().keys.insert(name).second)
      return fail("key " + inQuotes(name) + " stands there twice");
    path.push_back(std::move(name));
    return true;
  }
  bool parse_error(size_t position, const std::string &,
                   const nlohmann::json::exception &) {
    return fail("at byte " + std::to_string(position) + ": this is not JSON");
  }

private:
  struct Level {
    bool isArray = false;
    std::unordered_set<std::string> keys;
  };

  bool scalar(JsonScalar &&value) {
    if (levels.empty())
      return fail(std::string("expected an object, found ") + describe(value));
    status = visit(path, std::move(value));
    leave();
    return status.ok();
  }
  bool open(Level level) {
    if (levels.size() == maxDepth)
      return fail("nested deeper than " + std::to_string(maxDepth) + place());
    levels.push_back(std::move(level));
    return true;
  }
  bool close() {
    levels.pop_back();
    leave();
    return true;
  }
  /// A value has ended: if it was an object's member, so has its key.
  void leave() {
    if (!levels.empty() && !levels.back().isArray)
      path.pop_back();
  }
  bool fail(std::string message) {
    status = badModel(std::move(message));
    return false;
  }
  std::string place() const {
    return path.empty() ? "" : " under key " + inQuotes(path.front());
  }

  size_t maxDepth;
  const JsonVisitor &visit;
  Twins twins;
  std::vector<Level> levels;
  JsonPath path;
};
} // namespace

Status visitJson(std::string_view text, size_t maxDepth,
                 const JsonVisitor &visit, Twins twins) {
  Listener listener(maxDepth, visit, twins);
  // The parser takes a byte order mark for part of the white space; RFC 8259
  // says that a writer must not put one there.
  if (text.starts_with("\xEF\xBB\xBF"))
    return badModel("at byte 0: a byte order mark, which JSON does not allow");
  // It takes a zero byte for the end, whatever follows.
  if (auto zero = text.find('\0'); zero != text.npos)
    return badModel("at byte " + std::to_string(zero) + ": this is not JSON");
  nlohmann::json::sax_parse(text, &listener);
  return listener.status;
}

} // namespace encdec
