// Description.cpp: an architecture file and a config.json become numbers.
#include "compiler/import/Description.h"

#include "compiler/import/FamilyReader.h"
#include "compiler/import/FamilyValue.h"

#include <algorithm>
#include <fmt/format.h>

namespace encdec::checkpoint {

namespace {

constexpr std::pair<const char *, Activation> activations[] = {
    {"relu", Activation::relu},
    {"gelu", Activation::gelu},
    {"gelu_python", Activation::gelu},
    {"gelu_new", Activation::geluTanh},
    {"gelu_pytorch_tanh", Activation::geluTanh},
    {"gelu_python_tanh", Activation::geluTanh},
    {"gelu_fast", Activation::geluTanh},
    {"silu", Activation::silu},
    {"swish", Activation::silu}};

/// Transformers' names of activations (activations.py, ACT2FN).
Activation readActivation(Evaluator &values, const Evaluator::Sided &value) {
  std::vector<std::string> names;
  for (const auto &row : activations)
    names.emplace_back(row.first);
  std::string name = values.word(value, names, oneOf(names));
  for (const auto &row : activations)
    if (name == row.first)
      return row.second;
  return Activation::relu; // the evaluator holds the error
}

class Describer {
public:
  Describer(const FamilyFile &family, Fields &config)
      : family(family), values(family, config), config(config) {}

  ModelDescription read();
  void checkNeutral();

private:
  void readSizes(SideDescription &side, Side which);
  void readDetails(SideDescription &side, Side which);
  Evaluator::Sided at(Side side, FamilyValue SideFile::*field) const {
    return {family, side, field};
  }
  double optional(const Evaluator::Sided &value) {
    return value.value ? values.positive(value) : 1.0;
  }

  const FamilyFile &family;
  Evaluator values;
  Fields &config;
};

void Describer::readSizes(SideDescription &side, Side which) {
  KnownNumbers &known = values.known;
  unsigned i = unsigned(which);
  side.file = &family.side(which);
  known.layers[i] = side.layers = values.count(at(which, &SideFile::layers), 1, maxLayers);
  known.heads[i] = side.heads =
      values.count(at(which, &SideFile::heads), 1, maxWidth, &known.headsFrom[i]);
  known.headSize[i] = side.headSize =
      values.count(at(which, &SideFile::headSize), 1, maxWidth);
  known.ffnSize[i] = side.ffnSize =
      values.count(at(which, &SideFile::ffnSize), 1, maxWidth);
  known.vocabulary[i] = side.vocabulary =
      values.count(at(which, &SideFile::vocabulary), 1, maxVocabulary);
  if (side.innerWidth() > maxWidth)
    config.failWith(overLimit(fmt::format(
        "{}: {} heads of size {} are wider than the limit of {}", known.headsFrom[i],
        side.heads, side.headSize, maxWidth)));
}

void Describer::readDetails(SideDescription &side, Side which) {
  const SideFile &file = *side.file;
  side.activation = readActivation(values, at(which, &SideFile::activation));
  Evaluator::Sided gated = at(which, &SideFile::gated);
  side.gated = gated.value && values.flag(gated);
  if (!side.gated && file.ffn.up.module.empty())
    config.failWith(badModel(fmt::format(
        "{}: {}.ffn.up: expected a name, since this model has no gate, found nothing",
        family.fileName, nameOf(which))));
  side.scoresScale = values.positive(at(which, &SideFile::scoresScale));
  side.embeddingScale = values.positive(at(which, &SideFile::embeddingScale));
  auto sided = [&](const FamilyValue &value) {
    Evaluator::Sided result(value);
    result.side = which;
    return result;
  };
  side.eps = values.positive(sided(file.norm.eps));
  const PositionsFile &positions = file.positions;
  if (positions.firstRow)
    side.firstRow = values.count(sided(positions.firstRow), 0, maxWidth);
  if (positions.firstPosition)
    side.firstPosition = values.count(sided(positions.firstPosition), 0, maxVocabulary);
  if (positions.uncountedToken)
    side.uncountedToken =
        values.count(sided(positions.uncountedToken), 0, side.vocabulary - 1);
  if (positions.kind == PositionsFile::Relative) {
    // Half of the buckets are exact, in the encoder half of each direction's.
    std::string from;
    side.buckets = values.count(sided(positions.buckets), 4, maxWidth, &from);
    if (side.buckets % 2)
      config.failWith(badModel(fmt::format(
          "{}: expected an even number of buckets, found {}", from, side.buckets)));
    side.maxDistance = values.count(sided(positions.maxDistance), 1, 1u << 30);
    if (side.maxDistance <= side.buckets / 2)
      config.failWith(badModel(fmt::format(
          "{}: relative positions need a greatest distance beyond half of their {} "
          "buckets, found {}",
          config.fileName(), side.buckets, side.maxDistance)));
  }
}

ModelDescription Describer::read() {
  ModelDescription model;
  model.family = &family;
  values.known.dModel = model.dModel = values.count(family.dModel, 1, maxWidth);
  values.known.maxPositions = model.maxPositions =
      values.count(family.maxPositions, 1, maxWidth);
  if (family.padToken)
    values.known.padToken = values.count(family.padToken, 0, maxVocabulary);
  readSizes(model.encoder, Side::encoder);
  readSizes(model.decoder, Side::decoder);
  readDetails(model.encoder, Side::encoder);
  readDetails(model.decoder, Side::decoder);
  model.headScale = optional(family.headScale);
  model.tied = values.flag(family.tied, &model.tiedFrom);
  for (const TieFile &tie : family.ties)
    if (!tie.when || values.flag(tie.when))
      model.ties.push_back(tie.members);
  return model;
}

void Describer::checkNeutral() {
  for (const NeutralFile &row : family.neutral) {
    const JsonValue *value = config.get(row.key);
    if (!value || row.any)
      continue;
    std::string expected;
    bool good = false;
    for (const FamilyValue &each : row.values) {
      good = good || values.equals(each, *value);
      expected += (expected.empty() ? "" : " or ") + values.show(each);
    }
    if (!good)
      config.fail(row.key, expected + " (this variant is not supported)");
  }
}

} // namespace

/// Whether one of the classes that config.json names is among `known`.
static bool isOneOf(const JsonValue *classes, const std::vector<std::string> &known) {
  return classes &&
         std::ranges::any_of(classes->items, [&](const JsonValue &each) {
           return each.asText() && std::ranges::find(known, *each.asText()) != known.end();
         });
}

/// A checkpoint of another class of the family, a classifier perhaps, may lack the head or
/// hold more.
static void warnOfArchitecture(const FamilyFile &family, Fields &config,
                               std::vector<std::string> &warnings) {
  const JsonValue *classes = config.get("architectures");
  if (!classes || classes->items.empty() ||
      isOneOf(classes, family.architectures) ||
      isOneOf(classes, family.encoderArchitectures))
    return;
  warnings.push_back(fmt::format(
      "{}: key \"architectures\": expected {}, found {}; read as a model that generates",
      config.fileName(), listNames(family.architectures), classes->items[0].show()));
}

Status checkPositions(const ModelDescription &model) {
  if (model.maxPositions * model.dModel <= uint64_t(1) << 30)
    return Status::success();
  return overLimit(fmt::format("config.json: {} positions of width {} make a table beyond "
                               "the limit of 2^30 numbers",
                               model.maxPositions, model.dModel));
}

Result<ModelDescription> describeModel(const FamilyFile &family, const ConfigFiles &files,
                                       uint64_t maxSourceTokens,
                                       std::vector<std::string> &warnings) {
  Fields config(files.config, "config.json");
  config.use("model_type");
  const JsonValue *classes = config.get("architectures");
  if (classes && (classes->kind != JsonValue::Array ||
                  !std::ranges::all_of(classes->items, &JsonValue::asText)))
    config.fail("architectures", "a list of names of classes");
  const bool encoderOnly = isOneOf(classes, family.encoderArchitectures) &&
                           !isOneOf(classes, family.architectures);
  if (!config.flag("is_encoder_decoder", true) && !encoderOnly)
    config.fail("is_encoder_decoder", "true");
  Describer describer(family, config);
  ModelDescription model = describer.read();
  model.encoderOnly = encoderOnly;
  if (maxSourceTokens != 0 && !family.positionsAdjustable)
    config.failWith(usageError(fmt::format(
        "--max-source-tokens is for families without a limit of their own; {} models have "
        "{} positions",
        family.name, model.maxPositions)));
  if (maxSourceTokens > maxWidth)
    config.failWith(usageError(fmt::format(
        "--max-source-tokens: expected at most {}, found {}", maxWidth, maxSourceTokens)));
  if (maxSourceTokens != 0)
    model.maxPositions = maxSourceTokens;
  // An error of a key makes warnings about its fallback useless.
  ENCDEC_RETURN_IF_ERROR(config.status());
  ENCDEC_RETURN_IF_ERROR(checkPositions(model));
  describer.checkNeutral();
  ENCDEC_RETURN_IF_ERROR(config.status());
  warnOfArchitecture(family, config, warnings);
  ENCDEC_RETURN_IF_ERROR(checkLeftovers(config, warnings));
  return model;
}

} // namespace encdec::checkpoint
