// Json.cpp: nlohmann's SAX parser behind strict rules. Its DOM would keep the
// last of two equal keys without a word, so the DOM is never used.
#include "compiler/import/Json.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <iterator>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>
#include <unordered_set>

namespace encdec::checkpoint {

JsonEvents::~JsonEvents() = default;

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
  TrackingIterator operator++(int) {
    TrackingIterator before = *this;
    ++*this;
    return before;
  }
  bool operator==(const TrackingIterator &other) const {
    return at == other.at;
  }
  bool operator!=(const TrackingIterator &other) const {
    return at != other.at;
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
    return emit({.kind = JsonScalar::Bool, .boolean = value, .text = {}});
  }
  bool number_integer(int64_t value) {
    return emit({.kind = JsonScalar::Negative, .negative = value, .text = {}});
  }
  bool number_unsigned(uint64_t value) {
    return emit({.kind = JsonScalar::Unsigned, .integer = value, .text = {}});
  }
  bool number_float(double value, const std::string &) {
    return emit({.kind = JsonScalar::Real, .real = value, .text = {}});
  }
  bool string(std::string &value) {
    return emit({.kind = JsonScalar::String, .text = std::move(value)});
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
  bool start_array(size_t) { return enter() && step(events.beginArray()); }
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
  bool emit(JsonScalar value) {
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

/// Collects the events into a tree.
class TreeBuilder : public JsonEvents {
public:
  std::string beginObject() override { return push(JsonValue::Object); }
  std::string beginArray() override { return push(JsonValue::Array); }
  std::string endObject() override { return pop(); }
  std::string endArray() override { return pop(); }
  std::string key(std::string_view name) override {
    stack.back().keys.emplace_back(name);
    return {};
  }
  std::string scalar(JsonScalar value) override {
    JsonValue leaf;
    leaf.scalar = std::move(value);
    return place(std::move(leaf));
  }
  JsonValue root;

private:
  std::string push(JsonValue::Kind kind) {
    stack.emplace_back().kind = kind;
    return {};
  }
  std::string pop() {
    JsonValue done = std::move(stack.back());
    stack.pop_back();
    return place(std::move(done));
  }
  std::string place(JsonValue value) {
    if (stack.empty())
      root = std::move(value);
    else
      stack.back().items.push_back(std::move(value));
    return {};
  }
  std::vector<JsonValue> stack;
};

} // namespace

Failure scanJson(std::string_view text, const std::string &file,
                 JsonEvents &events, const JsonLimits &limits) {
  // The parser takes a zero byte for the end, whatever follows.
  if (auto zero = text.find('\0'); zero != text.npos)
    return Error{Code::BadModel,
                 fmt::format("{}: byte {}: not valid JSON", file, zero)};
  const char *seen = text.data();
  Scanner scanner(events, limits);
  TrackingIterator first(text.data(), &seen);
  TrackingIterator last(text.data() + text.size(), &seen);
  if (nlohmann::json::sax_parse(first, last, &scanner))
    return std::nullopt;
  Code code = scanner.limitHit ? Code::Limit : Code::BadModel;
  return Error{code, fmt::format("{}: byte {}: {}", file, seen - text.data(),
                                 scanner.message)};
}

Result<JsonValue> parseJson(std::string_view text, const std::string &file,
                            const JsonLimits &limits) {
  TreeBuilder builder;
  if (Failure failure = scanJson(text, file, builder, limits))
    return *failure;
  return std::move(builder.root);
}

const JsonValue *JsonValue::find(std::string_view key) const {
  for (size_t i = 0; i < keys.size(); ++i)
    if (keys[i] == key)
      return &items[i];
  return nullptr;
}

std::optional<double> JsonValue::asNumber() const {
  if (kind != Scalar)
    return std::nullopt;
  switch (scalar.kind) {
  case JsonScalar::Unsigned:
    return double(scalar.integer);
  case JsonScalar::Negative:
    return double(scalar.negative);
  case JsonScalar::Real:
    return scalar.real;
  default:
    return std::nullopt;
  }
}

std::string JsonValue::show() const {
  if (kind != Scalar)
    return kind == Array ? fmt::format("an array of {}", items.size())
                         : fmt::format("an object of {} keys", items.size());
  switch (scalar.kind) {
  case JsonScalar::Null:
    return "null";
  case JsonScalar::Bool:
    return scalar.boolean ? "true" : "false";
  case JsonScalar::Unsigned:
    return fmt::format("{}", scalar.integer);
  case JsonScalar::Negative:
    return fmt::format("{}", scalar.negative);
  case JsonScalar::Real:
    return fmt::format("{}", scalar.real);
  case JsonScalar::String:
    return quote(scalar.text);
  }
  return {};
}

std::string quote(std::string_view text, size_t most) {
  std::string out = "\"";
  for (unsigned char c : text.substr(0, most)) {
    if (c < 0x20 || c == 0x7f || c == '"' || c == '\\')
      out += fmt::format("\\x{:02x}", c);
    else
      out += char(c);
  }
  return out + (text.size() > most ? "…\"" : "\"");
}

Result<std::string> readFile(const std::string &path, const std::string &name,
                             uint64_t most) {
  int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0)
    return badModel(
        fmt::format("{}: cannot be opened: {}", name, std::strerror(errno)));
  struct Closer {
    int file;
    ~Closer() { ::close(file); }
  } closer{file};
  struct stat info;
  // A pipe or device has no size to hold the reads against.
  if (::fstat(file, &info) != 0 || !S_ISREG(info.st_mode))
    return badModel(fmt::format("{}: not a regular file", name));
  if (uint64_t(info.st_size) > most)
    return overLimit(
        fmt::format("{}: {} bytes, the limit is {}", name, info.st_size, most));
  std::string bytes(size_t(info.st_size), '\0');
  size_t done = 0;
  while (done < bytes.size()) {
    ssize_t got = ::read(file, bytes.data() + done, bytes.size() - done);
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      return badModel(fmt::format("{}: byte {}: reading failed: {}", name, done,
                                  got < 0 ? std::strerror(errno)
                                          : "the file became shorter"));
    done += size_t(got);
  }
  return bytes;
}

} // namespace encdec::checkpoint
