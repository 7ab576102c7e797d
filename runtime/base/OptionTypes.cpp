//===- OptionTypes.cpp - the types of options: from JSON, to JSON, in words -===//

#include "runtime/base/OptionTypes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace encdec::option {

namespace {

/// Reads an array, or one value where `alone` allows that, into a list.
template <typename T>
const JsonValue *readList(const JsonValue &value, bool alone, std::vector<T> &out) {
  out.clear();
  if (value.kind != JsonValue::Array) {
    T one{};
    if (alone && !read(value, {}, one)) {
      out.push_back(std::move(one));
      return nullptr;
    }
    return &value;
  }
  for (const JsonValue &item : value.items)
    if (const JsonValue *wrong = read(item, {}, out.emplace_back()))
      return wrong;
  return nullptr;
}

template <typename T> std::string showList(const std::vector<T> &values) {
  std::vector<std::string> texts;
  for (const T &value : values)
    texts.push_back(show(value));
  return fmt::format("[{}]", fmt::join(texts, ", "));
}

/// A list of ids that are at least one and stand in an array.
const JsonValue *readSequence(const JsonValue &value, Tokens &out) {
  if (value.kind != JsonValue::Array || value.items.empty())
    return &value;
  return readList(value, false, out);
}

} // namespace

const JsonValue *read(const JsonValue &value, const OptionRange &, Flag &out) {
  out = value.boolean;
  return value.kind == JsonValue::Bool ? nullptr : &value;
}

const JsonValue *read(const JsonValue &value, const OptionRange &range, Count &out) {
  const std::optional<uint64_t> whole = value.asUnsigned();
  if (whole ? *whole > uint64_t(greatestCount)
            : value.kind != JsonValue::Negative || value.negative < -greatestCount)
    return &value;
  out = whole ? int64_t(*whole) : value.negative;
  return range.holds(double(out)) ? nullptr : &value;
}

const JsonValue *read(const JsonValue &value, const OptionRange &range, Number &out) {
  const std::optional<double> number = value.asNumber();
  out = number.value_or(0);
  return number && range.holds(out) ? nullptr : &value;
}

const JsonValue *read(const JsonValue &value, const OptionRange &range, Token &out) {
  // Old configurations write a list of the one token.
  if (value.kind == JsonValue::Array && value.items.size() == 1 && value.items[0].isScalar())
    return read(value.items[0], range, out);
  const std::optional<uint64_t> id = value.asUnsigned();
  if (!id || *id > uint64_t(std::numeric_limits<int32_t>::max()))
    return &value;
  out = int32_t(*id);
  return nullptr;
}

const JsonValue *read(const JsonValue &value, const OptionRange &, Tokens &out) {
  return readList(value, /*alone=*/true, out);
}

const JsonValue *read(const JsonValue &value, const OptionRange &, TokenLists &out) {
  out.clear();
  if (value.kind != JsonValue::Array)
    return &value;
  for (const JsonValue &item : value.items)
    if (const JsonValue *wrong = readSequence(item, out.emplace_back()))
      return wrong;
  return nullptr;
}

const JsonValue *read(const JsonValue &value, const OptionRange &, Words &out) {
  out.clear();
  if (value.kind != JsonValue::Array)
    return &value;
  for (const JsonValue &item : value.items) {
    TokenLists &phrases = out.emplace_back();
    const bool several = item.kind == JsonValue::Array && !item.items.empty() &&
                         item.items[0].kind == JsonValue::Array;
    if (const JsonValue *wrong = several ? read(item, {}, phrases)
                                         : readSequence(item, phrases.emplace_back()))
      return wrong;
  }
  return nullptr;
}

const JsonValue *read(const JsonValue &value, const OptionRange &range, TokenBiases &out) {
  out.clear();
  if (value.kind != JsonValue::Array)
    return &value;
  for (const JsonValue &item : value.items) {
    if (item.kind != JsonValue::Array || item.items.size() != 2)
      return &item;
    TokenBias &bias = out.emplace_back();
    if (const JsonValue *wrong = readSequence(item.items[0], bias.tokens))
      return wrong;
    if (const JsonValue *wrong = read(item.items[1], range, bias.bias))
      return wrong;
  }
  return nullptr;
}

const JsonValue *read(const JsonValue &value, const OptionRange &, Decay &out) {
  if (value.kind != JsonValue::Array || value.items.size() != 2)
    return &value;
  if (const JsonValue *wrong = read(value.items[0], {}, out.start))
    return wrong;
  return read(value.items[1], {}, out.factor);
}

const JsonValue *read(const JsonValue &value, const OptionRange &, Stopping &out) {
  const std::string *text = value.asText();
  const bool never = text && *text == "never";
  out = never ? EarlyStopping::never : value.boolean ? EarlyStopping::yes : EarlyStopping::no;
  return never || value.kind == JsonValue::Bool ? nullptr : &value;
}

const JsonValue *read(const JsonValue &value, const OptionRange &, Text &out) {
  const std::string *text = value.asText();
  if (!text || text->empty() || !isValidUtf8(*text))
    return &value;
  out = *text;
  return nullptr;
}

const JsonValue *read(const JsonValue &value, const OptionRange &, Texts &out) {
  return readList(value, /*alone=*/true, out);
}

std::string show(const Flag &value) { return value ? "true" : "false"; }
std::string show(const Count &value) { return fmt::format("{}", value); }
std::string show(const Number &value) { return fmt::format("{}", value); }
std::string show(const Token &value) { return fmt::format("{}", value); }
std::string show(const Tokens &value) { return showList(value); }
std::string show(const TokenLists &value) { return showList(value); }

std::string show(const Words &value) {
  std::vector<std::string> texts;
  for (const TokenLists &phrases : value)
    texts.push_back(phrases.size() == 1 ? show(phrases[0]) : show(phrases));
  return fmt::format("[{}]", fmt::join(texts, ", "));
}

std::string show(const TokenBiases &value) {
  std::vector<std::string> texts;
  for (const TokenBias &bias : value)
    texts.push_back(fmt::format("[{}, {}]", show(bias.tokens), show(bias.bias)));
  return fmt::format("[{}]", fmt::join(texts, ", "));
}

std::string show(const Decay &value) {
  return fmt::format("[{}, {}]", value.start, value.factor);
}

std::string show(const Stopping &value) {
  return value == EarlyStopping::never ? "\"never\"" : show(value == EarlyStopping::yes);
}

std::string show(const Text &value) { return jsonString(value); }
std::string show(const Texts &value) { return showList(value); }

std::string words(std::string_view type, const OptionRange &range) {
  static constexpr std::pair<std::string_view, const char *> others[] = {
      {"Flag", "true or false"},
      {"Token", "a token id"},
      {"Tokens", "a list of token ids, or one, as [3, 5]"},
      {"TokenLists", "a list of lists of token ids, each of at least one, as [[5, 7], [9]]"},
      {"Words", "a list of token ids, or of lists of them to choose from, for each word, none "
                "empty, as [[5, 7], [[8], [9, 2]]]"},
      {"Decay", "[whole number, number], as [20, 1.1]"},
      {"Stopping", "true, false or \"never\""},
      {"Text", "a text in UTF-8, not empty"},
      {"Texts", "a list of texts in UTF-8, none empty, or one"}};
  for (const auto &[name, text] : others)
    if (name == type)
      return text;
  if (type == "TokenBiases")
    return fmt::format("a list of [token ids, {}], each of at least one id, as [[[5, 7], 1.5]]",
                       range.show(false));
  return range.show(type == "Count");
}

std::optional<int32_t> idOutside(const Token &id, uint64_t vocabulary) {
  return id < 0 || uint64_t(id) >= vocabulary ? std::optional(id) : std::nullopt;
}

std::optional<int32_t> idOutside(const Tokens &ids, uint64_t vocabulary) {
  for (int32_t id : ids)
    if (auto wrong = idOutside(id, vocabulary))
      return wrong;
  return {};
}

std::optional<int32_t> idOutside(const TokenLists &lists, uint64_t vocabulary) {
  for (const Tokens &ids : lists)
    if (auto wrong = idOutside(ids, vocabulary))
      return wrong;
  return {};
}

std::optional<int32_t> idOutside(const Words &words, uint64_t vocabulary) {
  for (const TokenLists &phrases : words)
    if (auto wrong = idOutside(phrases, vocabulary))
      return wrong;
  return {};
}

std::optional<int32_t> idOutside(const TokenBiases &biases, uint64_t vocabulary) {
  for (const TokenBias &bias : biases)
    if (auto wrong = idOutside(bias.tokens, vocabulary))
      return wrong;
  return {};
}

} // namespace encdec::option
