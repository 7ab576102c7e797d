// FamilyValue.h: what a value of an architecture file is for one checkpoint.
#pragma once
#include "compiler/import/FamilyFile.h"
#include "compiler/import/Fields.h"

#include <optional>

namespace encdec::checkpoint {

/// The closed list of what a value may be derived by.
std::vector<std::string> derivationNames();

/// The model's numbers that derivations use, arrays by side. describeModel() sets each
/// number as soon as its value has been evaluated, so that later values may derive from it.
struct KnownNumbers {
  std::optional<uint64_t> dModel, maxPositions, padToken;
  std::optional<uint64_t> layers[2], heads[2], headSize[2], ffnSize[2], vocabulary[2];
  std::string headsFrom[2]; ///< Where the number of heads stands, for messages.
};

/// Evaluates values against config.json. The first mistake is noted in the fields; after
/// it, every value is 1, false or empty.
class Evaluator {
public:
  Evaluator(const FamilyFile &family, Fields &config) : family(family), config(config) {}

  /// A value of one side, with the same value of the other side for `other_side`; a value
  /// of the whole model has neither.
  struct Sided {
    const FamilyValue &value;
    Side side = Side::encoder;
    const FamilyValue *other = nullptr;
    Sided(const FamilyValue &value) : value(value) {}
    Sided(const FamilyFile &family, Side side, FamilyValue SideFile::*field)
        : value(family.side(side).*field), side(side),
          other(&(family.side(otherOf(side)).*field)) {}
  };

  /// A whole number within [least, most]. `from` gets the place that it came from.
  uint64_t count(const Sided &value, uint64_t least, uint64_t most,
                 std::string *from = nullptr);
  /// A positive number.
  double positive(const Sided &value);
  bool flag(const Sided &value, std::string *from = nullptr);
  std::string word(const Sided &value, const std::vector<std::string> &words,
                   const std::string &expected);
  /// Whether `json` is the value; absent values are nothing's.
  bool equals(const Sided &value, const JsonValue &json);
  /// How a message shows the value.
  std::string show(const Sided &value);

  KnownNumbers known;

private:
  struct Found {
    JsonValue value;
    std::string from; ///< What messages call its place: config.json: key "d_model"
  };
  /// A key that an earlier fallback makes needless is no unknown key.
  void useKeys(const FamilyValue &value);
  std::optional<Found> find(const Sided &value);
  std::optional<Found> derive(const Sided &value);
  Found need(const Sided &value, const std::string &expected);
  void fail(const Found &found, const std::string &expected);
  const FamilyFile &family;
  Fields &config;
};

} // namespace encdec::checkpoint
