// FamilyValue.cpp: evaluates the values of an architecture file.
#include "compiler/import/FamilyValue.h"

#include "compiler/import/FamilyReader.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace encdec::checkpoint {

namespace {

using Number = std::optional<uint64_t>;

JsonValue whole(uint64_t value) {
  JsonValue json;
  json.kind = JsonValue::Unsigned;
  json.integer = value;
  return json;
}
JsonValue real(double value) {
  JsonValue json;
  json.kind = JsonValue::Real;
  json.real = value;
  return json;
}

/// A derivation is a number that is known already (`of`), as it is or by a formula.
struct Derivation {
  const char *name;
  Number (*of)(const KnownNumbers &, Side);
  JsonValue (*by)(uint64_t);
};

constexpr Derivation derivations[] = {
    {"d_model", [](auto &known, Side) { return known.dModel; }, whole},
    {"sqrt_d_model", [](auto &known, Side) { return known.dModel; },
     [](uint64_t n) { return real(std::sqrt(double(n))); }},
    {"inverse_sqrt_d_model", [](auto &known, Side) { return known.dModel; },
     [](uint64_t n) { return real(1 / std::sqrt(double(n))); }},
    {"inverse_sqrt_head_size",
     [](auto &known, Side side) { return known.headSize[unsigned(side)]; },
     [](uint64_t n) { return real(1 / std::sqrt(double(n))); }},
    {"layers", [](auto &known, Side side) { return known.layers[unsigned(side)]; }, whole},
    {"heads", [](auto &known, Side side) { return known.heads[unsigned(side)]; }, whole},
    {"head_size", [](auto &known, Side side) { return known.headSize[unsigned(side)]; },
     whole},
    {"ffn_size", [](auto &known, Side side) { return known.ffnSize[unsigned(side)]; },
     whole},
    {"vocabulary",
     [](auto &known, Side side) { return known.vocabulary[unsigned(side)]; }, whole},
    {"max_positions", [](auto &known, Side) { return known.maxPositions; }, whole},
    {"pad_token_id", [](auto &known, Side) { return known.padToken; }, whole},
    {"pad_token_id_plus_1", [](auto &known, Side) { return known.padToken; },
     [](uint64_t n) { return whole(n + 1); }}};

// These two are no formula over one number.
constexpr const char *otherSide = "other_side", *dModelPerHead = "d_model_per_head";

/// As the texts of a table print: a string without quotes.
std::string plainText(const JsonValue &value) {
  return value.asText() ? *value.asText() : value.show();
}

} // namespace

std::vector<std::string> derivationNames() {
  std::vector<std::string> names = {otherSide, dModelPerHead};
  for (const Derivation &row : derivations)
    names.emplace_back(row.name);
  return names;
}

void Evaluator::fail(const Found &found, const std::string &expected) {
  config.failWith(badModel(
      fmt::format("{}: expected {}, found {}", found.from, expected, found.value.show())));
}

std::optional<Evaluator::Found> Evaluator::derive(const Sided &sided) {
  const FamilyValue &value = sided.value;
  std::string from = fmt::format("{}: {}", family.fileName, value.path);
  auto notKnown = [&](const char *what) -> std::optional<Found> {
    config.failWith(badModel(fmt::format("{}: {} is of no use here: {}", from, value.name,
                                         what)));
    return std::nullopt;
  };
  if (value.name == otherSide) {
    if (!sided.other)
      return notKnown("the other side asks for this one, or there are no sides");
    Sided other(*sided.other);
    other.side = otherOf(sided.side);
    return find(other);
  }
  if (value.name == dModelPerHead) {
    Number heads = known.heads[unsigned(sided.side)];
    if (!heads || !known.dModel)
      return notKnown("d_model or the number of heads has no value yet");
    if (*known.dModel % *heads != 0) {
      config.failWith(badModel(fmt::format("{}: expected a divisor of d_model {}, found {}",
                                           known.headsFrom[unsigned(sided.side)],
                                           *known.dModel, *heads)));
      return std::nullopt;
    }
    return Found{whole(*known.dModel / *heads), from};
  }
  const Derivation *row = std::ranges::find_if(
      derivations, [&](const Derivation &each) { return value.name == each.name; });
  Number of = row->of(known, sided.side);
  if (!of)
    return notKnown("the number that it needs has no value yet");
  return Found{row->by(*of), from};
}

void Evaluator::useKeys(const FamilyValue &value) {
  if (value.kind == FamilyValue::Key || value.kind == FamilyValue::Table)
    config.use(value.name);
  for (const FamilyValue &entry : value.entries)
    useKeys(entry);
}

std::optional<Evaluator::Found> Evaluator::find(const Sided &sided) {
  const FamilyValue &value = sided.value;
  auto part = [&](const FamilyValue &entry) {
    Sided inner(entry);
    inner.side = sided.side;
    inner.other = sided.other;
    return find(inner);
  };
  switch (value.kind) {
  case FamilyValue::None:
    return std::nullopt;
  case FamilyValue::Literal:
    return Found{value.literal, fmt::format("{}: {}", family.fileName, value.path)};
  case FamilyValue::Derived:
    return derive(sided);
  case FamilyValue::Fallbacks:
    useKeys(value);
    for (const FamilyValue &entry : value.entries)
      if (std::optional<Found> found = part(entry))
        return found;
    return std::nullopt;
  case FamilyValue::Key:
  case FamilyValue::Table:
    break;
  }
  const JsonValue *json = config.get(value.name);
  if (!json)
    return std::nullopt;
  Found found{*json, fmt::format("{}: key \"{}\"", config.fileName(), value.name)};
  if (value.kind == FamilyValue::Key)
    return found;
  auto row = std::ranges::find(value.texts, plainText(*json));
  if (row != value.texts.end())
    return part(value.entries[size_t(row - value.texts.begin())]);
  if (value.entries.size() > value.texts.size())
    return part(value.entries.back());
  fail(found, oneOf(value.texts));
  return std::nullopt;
}

Evaluator::Found Evaluator::need(const Sided &sided, const std::string &expected) {
  if (std::optional<Found> found = find(sided))
    return *found;
  // Where no fallback has a value, the message names the first key: config.json lacks it.
  const FamilyValue *value = &sided.value;
  while (value->kind == FamilyValue::Fallbacks)
    value = &value->entries.front();
  std::string from = value->kind == FamilyValue::Key || value->kind == FamilyValue::Table
                         ? fmt::format("{}: key \"{}\"", config.fileName(), value->name)
                         : fmt::format("{}: {}", family.fileName, sided.value.path);
  config.failWith(badModel(fmt::format("{}: expected {}, found nothing", from, expected)));
  return {JsonValue(), from};
}

uint64_t Evaluator::count(const Sided &value, uint64_t least, uint64_t most,
                          std::string *from) {
  std::string expected = fmt::format("a whole number from {} to {}", least, most);
  Found found = need(value, expected);
  if (from)
    *from = found.from;
  Number number = found.value.asUnsigned();
  if (number && *number >= least && *number <= most)
    return *number;
  fail(found, expected);
  return std::max<uint64_t>(least, 1);
}

double Evaluator::positive(const Sided &value) {
  const char *expected = "a positive number";
  Found found = need(value, expected);
  std::optional<double> number = found.value.asNumber();
  if (number && *number > 0 && std::isfinite(float(*number)) && float(*number) > 0)
    return *number;
  fail(found, expected);
  return 1;
}

bool Evaluator::flag(const Sided &value, std::string *from) {
  Found found = need(value, "true or false");
  if (from)
    *from = found.from;
  if (found.value.kind != JsonValue::Bool)
    fail(found, "true or false");
  return found.value.boolean;
}

std::string Evaluator::word(const Sided &value, const std::vector<std::string> &words,
                            const std::string &expected) {
  Found found = need(value, expected);
  const std::string *text = found.value.asText();
  if (text && std::ranges::find(words, *text) != words.end())
    return *text;
  fail(found, expected);
  return {};
}

std::string Evaluator::show(const Sided &value) {
  std::optional<Found> found = find(value);
  return found ? found->value.show() : "null";
}

bool Evaluator::equals(const Sided &value, const JsonValue &json) {
  std::optional<Found> found = find(value);
  return found && found->value.show() == json.show();
}

} // namespace encdec::checkpoint
