//===- Json.cpp - nlohmann's events behind strict rules -------------------===//
//
// Its tree would keep the last of two equal keys without a word, so the tree is
// never used.

#include "runtime/base/Json.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <iterator>
#include <unordered_set>

namespace encdec {

JsonEvents::~JsonEvents() = default;

const char *JsonValue::kindName() const {
  static constexpr const char *names[] = {"null",       "true or false", "an integer",
                                          "an integer", "a fraction",    "a string",
                                          "an array",   "an object"};
  return names[kind];
}

namespace {

/// Walks the text and leaves its place where the handler can see it, since the
/// SAX interface itself tells no offsets.
class TrackingIterator {
public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char *;
  using reference = const char &;

  TrackingIterator(const char *at, const char **seen) : at(at), seen(seen) {}
  reference operator*() const { return *at; }
  TrackingIterator &operator++() {
    *seen = ++at;
    return *this;
  }
  bool operator==(const TrackingIterator &other) const {
    return at == other.at;
  }

private:
  const char *at;
  const char **seen;
};

class Scanner {
public:
  Scanner(JsonEvents &events, const JsonLimits &limits)
      : events(events), limits(limits) {}

  // nlohmann's SAX interface, by its names.
  bool null() { return emit({}); }
  bool boolean(bool value) {
    return emit({.kind = JsonValue::Bool, .boolean = value});
  }
  bool number_integer(int64_t value) {
    return emit({.kind = JsonValue::Negative, .negative = value});
  }
  bool number_unsigned(uint64_t value) {
    return emit({.kind = JsonValue::Unsigned, .integer = value});
  }
  bool number_float(double value, const std::string &) {
    return emit({.kind = JsonValue::Real, .real = value});
  }
  bool string(std::string &value) {
    return emit({.kind = JsonValue::String, .text = std::move(value)});
  }
  bool binary(std::vector<uint8_t> &) { return stop("binary value"); }
  bool start_object(size_t) {
    if (!enter())
      return false;
    open.emplace_back();
    return step(events.beginObject());
  }
  bool key(std::string &name) {
    if (!open.back().insert(name).second)
      return stop(fmt::format("key {} appears twice in one object; each key "
                              "may appear once",
                              quote(name)));
    return step(events.key(name));
  }
  bool end_object() {
    open.pop_back();
    --depth;
    return step(events.endObject());
  }
  bool start_array(size_t) {
    if (depth == 0)
      return stop("expected an object, found an array");
    return enter() && step(events.beginArray());
  }
  bool end_array() {
    --depth;
    return step(events.endArray());
  }
  template <typename Exception>
  bool parse_error(size_t, const std::string &, const Exception &error) {
    // Without the parser's tag "[json.exception.…] " and the text that it
    // echoes, which may hold any bytes.
    std::string_view what = error.what();
    if (size_t end = what.find("] "); end != std::string_view::npos)
      what.remove_prefix(end + 2);
    what = what.substr(0, what.find("; last read: "));
    return stop("not valid JSON: " + std::string(what.substr(0, 160)));
  }

  std::string message;
  bool limitHit = false;

private:
  bool stop(std::string text) {
    message = std::move(text);
    return false;
  }
  bool step(std::string text) { return text.empty() || stop(std::move(text)); }
  bool count() {
    if (++values <= limits.values)
      return true;
    limitHit = true;
    return stop(fmt::format("more than {} values", limits.values));
  }
  bool emit(JsonValue value) {
    if (depth == 0)
      return stop(
          fmt::format("expected an object, found {}", value.kindName()));
    return count() && step(events.scalar(std::move(value)));
  }
  bool enter() {
    if (++depth > limits.depth)
      return stop(fmt::format("nested deeper than {} levels", limits.depth));
    return count();
  }

  JsonEvents &events;
  const JsonLimits &limits;
  unsigned depth = 0;
  uint64_t values = 0;
  std::vector<std::unordered_set<std::string>> open; // keys of open objects
};

} // namespace

std::string JsonTree::push(JsonValue::Kind kind) {
  stack.emplace_back().kind = kind;
  return {};
}

std::string JsonTree::pop() {
  JsonValue done = std::move(stack.back());
  stack.pop_back();
  return place(std::move(done));
}

std::string JsonTree::place(JsonValue value) {
  if (stack.empty())
    root = std::move(value);
  else
    stack.back().items.push_back(std::move(value));
  return {};
}

Status scanJson(std::string_view text, JsonEvents &events,
                const JsonLimits &limits) {
  auto failed = [](Code code, size_t byte, std::string_view message) {
    return Status(code, fmt::format("byte {}: {}", byte, message));
  };
  // The parser takes a byte order mark for white space and a zero byte for the
  // end, whatever follows.
  if (text.starts_with("\xEF\xBB\xBF"))
    return failed(Code::BadModel, 0,
                  "a byte order mark, which JSON does not allow");
  if (auto zero = text.find('\0'); zero != text.npos)
    return failed(Code::BadModel, zero, "not valid JSON: a zero byte");
  const char *seen = text.data();
  Scanner scanner(events, limits);
  TrackingIterator first(text.data(), &seen);
  TrackingIterator last(text.data() + text.size(), &seen);
  if (nlohmann::json::sax_parse(first, last, &scanner))
    return Status::success();
  return failed(scanner.limitHit ? Code::Limit : Code::BadModel,
                seen - text.data(), scanner.message);
}

std::string jsonString(std::string_view utf8) {
  using nlohmann::json;
  return json(utf8).dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<JsonValue> parseJson(std::string_view text, const JsonLimits &limits) {
  JsonTree tree;
  ENCDEC_RETURN_IF_ERROR(scanJson(text, tree, limits));
  return std::move(tree.root);
}

const JsonValue *JsonValue::find(std::string_view key) const {
  for (size_t i = 0; i < keys.size(); ++i)
    if (keys[i] == key)
      return &items[i];
  return nullptr;
}

std::optional<double> JsonValue::asNumber() const {
  switch (kind) {
  case Unsigned:
    return double(integer);
  case Negative:
    return double(negative);
  case Real:
    return real;
  default:
    return std::nullopt;
  }
}

std::string JsonValue::show() const {
  switch (kind) {
  case Null:
    return "null";
  case Bool:
    return boolean ? "true" : "false";
  case Unsigned:
    return fmt::format("{}", integer);
  case Negative:
    return fmt::format("{}", negative);
  case Real:
    return fmt::format("{}", real);
  case String:
    return quote(text);
  case Array:
    return fmt::format("an array of {}", items.size());
  case Object:
    return fmt::format("an object of {} keys", items.size());
  }
  return {};
}

} // namespace encdec
