//===- GenerationOptions.cpp - what each row of the table becomes ---------===//

#include "runtime/base/GenerationOptions.h"

#include "runtime/base/OptionTypes.h"
#include "runtime/base/Suggest.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <variant>

namespace encdec {

namespace {

// The words of the table's third and fourth column.
constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr std::nullopt_t unset = std::nullopt;
constexpr EarlyStopping no = EarlyStopping::no;
constexpr OptionRange any = {};
constexpr OptionRange atLeast(double least) { return {least, infinity, true, false}; }
constexpr OptionRange above(double least) { return {least, infinity, false, false}; }
constexpr OptionRange within(double least, double most) { return {least, most, true, true}; }
constexpr OptionRange upTo(double least, double most) { return {least, most, false, true}; }

constexpr RefusedOption refused[] = {
    {"constraints", "null", "it names objects of Python; give the words as force_words_ids"},
    {"forced_decoder_ids", "null",
     "Transformers 5 refuses it too; give the tokens as a prefix, or the first one as "
     "forced_bos_token_id"},
    {"guidance_scale", "1",
     "Transformers' guidance has no meaning where an encoder reads the source; leave it out"},
    {"watermarking_config", "null",
     "outputs are not watermarked; leave it out, or mark texts after their generation"},
    {"token_healing", "false",
     "it mends the end of a decoder's prompt, and sources are read by an encoder here; leave it "
     "out"},
    {"penalty_alpha", "0",
     "contrastive search is not there, nor in Transformers 5 itself; use num_beams, or do_sample "
     "with top_k"},
    {"dola_layers", "null",
     "decoding by contrasting layers is not there, nor in Transformers 5 itself; leave it out"},
    {"low_memory", "false",
     "memory is set by the state's size; make a state of fewer rows, or ask for fewer beams"}};

/// The field of a row, and by its type what can be done with it.
using Field =
    std::variant<std::optional<option::Flag> GenerationOptions::*,
                 std::optional<option::Count> GenerationOptions::*,
                 std::optional<option::Number> GenerationOptions::*,
                 std::optional<option::Token> GenerationOptions::*,
                 std::optional<option::Tokens> GenerationOptions::*,
                 std::optional<option::TokenLists> GenerationOptions::*,
                 std::optional<option::Words> GenerationOptions::*,
                 std::optional<option::TokenBiases> GenerationOptions::*,
                 std::optional<option::Decay> GenerationOptions::*,
                 std::optional<option::Stopping> GenerationOptions::*,
                 std::optional<option::Text> GenerationOptions::*,
                 std::optional<option::Texts> GenerationOptions::*>;

constexpr Field fields[] = {
#define ENCDEC_OPTION(key, type, initial, range, origin, processor, meaning)               \
  &GenerationOptions::key,
#include "runtime/base/GenerationOptions.def"
};

Field fieldOf(const OptionInfo &row) { return fields[&row - optionTable().data()]; }

/// The table's defaults.
const GenerationOptions &initialOptions() {
  static const GenerationOptions options = {
#define ENCDEC_OPTION(key, type, initial, range, origin, processor, meaning) initial,
#include "runtime/base/GenerationOptions.def"
      {}};
  return options;
}

/// Whether text may stand for the option itself, without JSON's quotes.
bool takesText(std::string_view type) { return type == "Text" || type == "Texts"; }

Status unknownOption(std::string_view key) {
  if (const RefusedOption *option = findRefusedOption(key))
    return usageError(fmt::format("{} is not supported: {}", key, option->why));
  std::vector<std::string> keys;
  for (const OptionInfo &row : optionTable())
    keys.push_back(row.key);
  return usageError(fmt::format("there is no option {}{}", quote(key, 60, '\''),
                                didYouMean(key, keys)));
}

/// The error of a value of which `wrong`, the value itself or a part, does not fit.
Status misfit(const OptionInfo &row, const JsonValue &value, const JsonValue &wrong) {
  const bool tooLarge = row.type == std::string_view("Count") &&
                        (wrong.integer > uint64_t(option::greatestCount) ||
                         std::abs(wrong.asNumber().value_or(0)) > option::greatestCount);
  return usageError(fmt::format("{}: expected {}{}, found {}{}", row.key, row.values(),
                                tooLarge ? " (counts end at 2^53)" : "", wrong.show(),
                                &wrong == &value ? "" : " in it"));
}

/// Reads a value that is not null into a field; an empty list makes it absent.
template <typename T>
Status assign(const OptionInfo &row, const JsonValue &value, std::optional<T> &field) {
  T read{};
  if (const JsonValue *wrong = option::read(value, row.range, read))
    return misfit(row, value, *wrong);
  field = std::move(read);
  if constexpr (requires { field->empty(); })
    if (field->empty())
      field.reset();
  return {};
}

/// The value that a whole text is; nothing where it is no JSON.
std::optional<JsonValue> parseValue(std::string_view text) {
  auto object = parseJson(fmt::format("{{\"\": {}}}", text));
  if (!object.ok() || object->items.size() != 1)
    return std::nullopt;
  return std::move(object->items[0]);
}

/// A finite number in a spelling that JSON does not have: ".5", "1.".
std::optional<double> plainNumber(std::string_view text) {
  double number = 0;
  const char *end = text.data() + text.size();
  auto [stop, error] = std::from_chars(text.data(), end, number);
  return error == std::errc() && stop == end && std::isfinite(number) ? std::optional(number)
                                                                      : std::nullopt;
}

} // namespace

std::string OptionRange::show(bool whole) const {
  const char *number = whole ? "a whole number" : "a number";
  if (std::isinf(least))
    return number;
  if (std::isinf(most))
    return fmt::format("{} {} {}", number, leastIncluded ? "of at least" : "above", least);
  return leastIncluded ? fmt::format("{} from {} to {}", number, least, most)
                       : fmt::format("{} above {} and at most {}", number, least, most);
}

std::string OptionInfo::values() const { return option::words(type, range); }

std::span<const OptionInfo> optionTable() {
  static constexpr auto table = [] {
    std::array<OptionInfo, std::size(fields)> rows{};
    size_t count = 0;
    const char *section = "";
#define ENCDEC_OPTION_SECTION(title) section = title;
#define ENCDEC_OPTION(key, type, initial, range, origin, processor, meaning)               \
  rows[count++] = {section, #key, #type, #initial, range, #origin, meaning};
#include "runtime/base/GenerationOptions.def"
    return rows;
  }();
  return table;
}

const OptionInfo *findOption(std::string_view key) {
  for (const OptionInfo &row : optionTable())
    if (key == row.key)
      return &row;
  return nullptr;
}

std::span<const RefusedOption> refusedOptions() { return refused; }

const RefusedOption *findRefusedOption(std::string_view key) {
  for (const RefusedOption &option : refused)
    if (key == option.key)
      return &option;
  return nullptr;
}

Status GenerationOptions::set(std::string_view key, const JsonValue &value) {
  const OptionInfo *row = findOption(key);
  if (!row)
    return unknownOption(key);
  bool given = false;
  ENCDEC_RETURN_IF_ERROR(std::visit(
      [&](auto member) -> Status {
        auto &field = this->*member;
        if (value.isNull())
          field.reset();
        else
          ENCDEC_RETURN_IF_ERROR(assign(*row, value, field));
        given = field.has_value();
        return {};
      },
      fieldOf(*row)));
  std::erase(cleared, key);
  if (!given)
    cleared.emplace_back(key);
  return {};
}

Status GenerationOptions::setText(std::string_view key, std::string_view text) {
  const OptionInfo *row = findOption(key);
  if (!row)
    return unknownOption(key);
  if (text == "none")
    return set(key, {});
  const bool isText = takesText(row->type);
  std::optional<JsonValue> value = parseValue(text);
  if (value && isText && value->isScalar() && !value->asText() && !value->isNull())
    value.reset(); // the text "12"
  if (value)
    return set(key, *value);
  JsonValue plain{.kind = JsonValue::String, .text = std::string(text)};
  if (auto number = plainNumber(text); number && !isText)
    plain = {.kind = JsonValue::Real, .real = *number};
  // The text of an option may begin like a list; one that takes lists is more likely cut.
  const bool begun = !text.empty() && (text[0] == '"' || text[0] == '[' || text[0] == '{');
  if (begun && std::string_view(row->type) != "Text")
    return usageError(fmt::format("{}: expected {}, found {}, which is not valid JSON", key,
                                  row->values(), quote(text, 60)));
  return set(key, plain);
}

Status GenerationOptions::forget(std::string_view key) {
  const OptionInfo *row = findOption(key);
  if (!row)
    return unknownOption(key);
  std::visit([&](auto member) { (this->*member).reset(); }, fieldOf(*row));
  std::erase(cleared, key);
  return {};
}

std::string GenerationOptions::show(std::string_view key) const {
  const OptionInfo *row = findOption(key);
  if (!row)
    return "null";
  return std::visit(
      [&](auto member) {
        const auto &field = this->*member;
        return field ? option::show(*field) : "null";
      },
      fieldOf(*row));
}

GenerationOptions GenerationOptions::over(const GenerationOptions &model) const {
  GenerationOptions merged = *this;
  merged.cleared.clear();
  for (const OptionInfo &row : optionTable())
    std::visit(
        [&](auto member) {
          auto &field = merged.*member;
          if (!field && !std::ranges::count(cleared, row.key))
            field = model.*member;
          if (!field)
            field = initialOptions().*member;
        },
        fieldOf(row));
  return merged;
}

std::vector<std::string> GenerationOptions::idle(const GenerationOptions &given) const {
  std::vector<std::string> lines;
#define ENCDEC_OPTION(key, type, initial, range, origin, processor, meaning)
#define ENCDEC_OPTION_NEEDS(key, condition, text)                                          \
  if (given.key && given.key != initialOptions().key && !(condition))                      \
    lines.push_back(#key ": has no effect here; it acts where " text);
#include "runtime/base/GenerationOptions.def"
  return lines;
}

Status GenerationOptions::checkIds(uint64_t vocabulary) const {
  if (!decoder_start_token_id && std::ranges::count(cleared, "decoder_start_token_id"))
    return usageError("decoder_start_token_id: expected a token that sequences begin with, "
                      "found none; leave the option out for the model's own");
  for (const OptionInfo &row : optionTable()) {
    const std::optional<int32_t> id = std::visit(
        [&](auto member) -> std::optional<int32_t> {
          const auto &field = this->*member;
          return field ? option::idOutside(*field, vocabulary) : std::nullopt;
        },
        fieldOf(row));
    if (id)
      return usageError(fmt::format("{}: {} is outside the vocabulary 0 ... {}", row.key, *id,
                                    int64_t(vocabulary) - 1));
  }
  return {};
}

} // namespace encdec
