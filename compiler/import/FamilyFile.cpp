// FamilyFile.cpp: the fields of an architecture file.
#include "compiler/import/FamilyFile.h"

#include "compiler/import/FamilyReader.h"

#include <algorithm>
#include <fmt/format.h>

namespace encdec::checkpoint {

namespace {

constexpr size_t maxNameBytes = 64;
constexpr size_t maxTextBytes = 128;
constexpr JsonLimits limits = {.depth = 12};

bool isPlain(std::string_view text) {
  return text.size() <= maxTextBytes && std::ranges::none_of(text, [](char c) {
           return uint8_t(c) < 0x20 || c == 0x7F;
         });
}

/// Keys and texts of an architecture file stand in messages, manifests and tables as
/// they are, so the whole file is held to short ones without control characters.
void checkTexts(FamilyError &error, const JsonValue &json, const std::string &path) {
  auto expected = [](const char *what) {
    return fmt::format("a {} of at most {} bytes without control characters", what,
                       maxTextBytes);
  };
  if (json.asText() && !isPlain(*json.asText()))
    error.fail(path, expected("text"), &json);
  for (size_t i = 0; i < json.items.size(); ++i) {
    const bool named = json.kind == JsonValue::Object;
    const std::string name = named ? json.keys[i] : std::to_string(i);
    if (!isPlain(name)) {
      JsonValue key;
      key.kind = JsonValue::String;
      key.text = name;
      error.fail(path.empty() ? "the outermost object" : path, expected("key"), &key);
      return;
    }
    checkTexts(error, json.items[i], path.empty() ? name : path + "." + name);
  }
}

LinearNames readLinear(FamilyReader &group, const char *field,
                       const std::vector<std::string> &biases, bool needed = true) {
  return {group.tensor(field, /*ofLayer=*/true, needed),
          std::ranges::find(biases, field) != biases.end()};
}

/// The names in `biases`, each of which must be one of `fields`.
std::vector<std::string> readBiases(FamilyReader &group,
                                    const std::vector<std::string> &fields) {
  std::vector<std::string> biases = group.texts("biases", /*needed=*/false);
  for (const std::string &each : biases)
    if (std::ranges::find(fields, each) == fields.end())
      group.fail("biases", "a list of " + oneOf(fields));
  return biases;
}

AttentionFile readAttention(FamilyReader group) {
  std::vector<std::string> biases = readBiases(group, {"q", "k", "v", "o"});
  AttentionFile file;
  file.query = readLinear(group, "q", biases);
  file.key = readLinear(group, "k", biases);
  file.value = readLinear(group, "v", biases);
  file.output = readLinear(group, "o", biases);
  file.norm = group.tensor("norm", true);
  group.finish();
  return file;
}

FfnFile readFfn(FamilyReader group) {
  std::vector<std::string> biases = readBiases(group, {"up", "gated_up", "gate", "down"});
  FfnFile file;
  bool gated = group.has("gated_up") || group.has("gate");
  file.up = readLinear(group, "up", biases, /*needed=*/!gated);
  file.gatedUp = readLinear(group, "gated_up", biases, gated);
  file.gate = readLinear(group, "gate", biases, gated);
  file.down = readLinear(group, "down", biases);
  file.norm = group.tensor("norm", true);
  group.finish();
  return file;
}

NormFile readNorm(FamilyReader group) {
  NormFile file;
  file.rms = group.word("kind", {"layer", "rms"}) == "rms";
  file.before = group.word("order", {"after", "before"}) == "before";
  file.bias = group.flag("bias", true);
  file.eps = group.value("eps");
  group.finish();
  return file;
}

PositionsFile readPositions(FamilyReader group) {
  const std::vector<std::string> kinds = {"none", "learned", "sinusoidal", "relative"};
  PositionsFile file;
  std::string kind = group.word("kind", kinds);
  file.kind = PositionsFile::Kind(std::ranges::find(kinds, kind) - kinds.begin());
  if (file.kind == PositionsFile::Learned) {
    file.table = group.tensor("table", false);
    file.firstRow = group.value("first_row", false);
  } else if (file.kind == PositionsFile::Sinusoidal) {
    file.table = group.tensor("table", false, false);
    file.formula = group.word("formula", {"paper", "tensor2tensor"});
    file.firstPosition = group.value("first_position", false);
    file.uncountedToken = group.value("uncounted_token", false);
  } else if (file.kind == PositionsFile::Relative) {
    file.perLayer = group.word("tables", {"first_layer", "each_layer"}) == "each_layer";
    file.table = group.tensor("table", file.perLayer);
    file.buckets = group.value("buckets");
    file.maxDistance = group.value("max_distance");
  }
  group.finish();
  return file;
}

SideFile readSide(FamilyReader fields, Side which) {
  SideFile side;
  side.layers = fields.value("layers");
  side.heads = fields.value("heads");
  side.headSize = fields.value("head_size");
  side.ffnSize = fields.value("ffn_size");
  side.vocabulary = fields.value("vocabulary");
  side.activation = fields.value("activation");
  side.gated = fields.value("gated", false);
  side.scoresScale = fields.value("scores_scale");
  side.embeddingScale = fields.value("embedding_scale");
  side.embedding = fields.tensor("embedding", false);
  side.embeddingNorm = fields.tensor("embedding_norm", false, false);
  side.embeddingNormBefore =
      fields.word("embedding_norm_order", {"after", "before"}, false) == "before";
  side.finalNorm = fields.tensor("final_norm", false, false);
  side.norm = readNorm(fields.object("norm"));
  side.positions = readPositions(fields.object("positions"));
  const bool addsPositions = side.positions.kind == PositionsFile::Learned ||
                             side.positions.kind == PositionsFile::Sinusoidal;
  if (side.embeddingNormBefore && (side.embeddingNorm.empty() || !addsPositions))
    fields.fail("embedding_norm_order",
                "after, since the side lacks an embedding_norm or positions that are added");
  side.self = readAttention(fields.object("self"));
  if (FamilyReader cross = fields.object("cross"); which == Side::decoder)
    side.cross = readAttention(std::move(cross));
  side.ffn = readFfn(fields.object("ffn"));
  if (bool(side.gated) == side.ffn.gate.module.empty())
    fields.fail("gated", "a value exactly where ffn has a gate");
  fields.finish();
  return side;
}

void readTies(FamilyReader &top, std::vector<TieFile> &ties) {
  std::string place;
  const JsonValue *list = top.find("ties", &place);
  if (!list)
    return;
  if (list->kind != JsonValue::Array)
    return top.fail("ties", "a list of objects");
  for (size_t i = 0; i < list->items.size(); ++i) {
    FamilyReader each(top.error, &list->items[i], fmt::format("{}.{}", place, i));
    TieFile tie;
    tie.when = each.value("when", false);
    tie.members = each.texts("members");
    if (tie.members.size() < 2)
      each.fail("members", "a list of at least two tensors");
    each.finish();
    ties.push_back(std::move(tie));
  }
}

void readNeutral(FamilyReader &top, std::vector<NeutralFile> &neutral) {
  std::string place;
  const JsonValue *object = top.find("neutral", &place);
  if (!object)
    return;
  if (object->kind != JsonValue::Object)
    return top.fail("neutral", "an object");
  for (size_t i = 0; i < object->keys.size(); ++i) {
    NeutralFile row;
    row.key = object->keys[i];
    const std::string path = fmt::format("{}.{}", place, row.key);
    const JsonValue &values = object->items[i];
    row.any = values.asText() && *values.asText() == "any";
    if (!row.any && (values.kind != JsonValue::Array || values.items.empty()))
      top.error.fail(path, "\"any\" or a list of values", &values);
    else if (!row.any)
      for (size_t j = 0; j < values.items.size(); ++j)
        row.values.push_back(
            top.parseValue(values.items[j], fmt::format("{}.{}", path, j)));
    neutral.push_back(std::move(row));
  }
}

} // namespace

Result<FamilyFile> parseFamily(std::string_view text, const std::string &fileName) {
  ENCDEC_ASSIGN_OR_RETURN(JsonValue json, parseJson(text, limits).withContext(fileName));
  FamilyFile file;
  file.fileName = fileName;
  FamilyError error{fileName, {}};
  checkTexts(error, json, "");
  ENCDEC_RETURN_IF_ERROR(error.first);
  FamilyReader top(error, &json, "");
  file.name = top.text("family");
  if (file.name.size() > maxNameBytes)
    top.fail("family", fmt::format("a name of at most {} bytes", maxNameBytes));
  file.about = top.text("about");
  file.modelTypes = top.texts("model_types");
  file.architectures = top.texts("architectures");
  file.encoderArchitectures = top.texts("encoder_architectures", false);
  file.dModel = top.value("d_model");
  file.maxPositions = top.value("max_positions");
  file.positionsAdjustable = top.flag("max_positions_adjustable", false);
  file.padToken = top.value("pad_token_id", false);
  const JsonValue *both = top.find("both");
  for (Side side : {Side::encoder, Side::decoder})
    file.sides[unsigned(side)] = readSide(
        FamilyReader(error, top.find(nameOf(side)), nameOf(side), both, side), side);
  FamilyReader head = top.object("head");
  file.head = head.tensor("table", false);
  file.headBias = head.tensor("bias", false, false);
  file.headScale = head.value("scale", false);
  head.finish();
  file.tied = top.value("tied");
  file.tiesMissing = top.flag("ties_missing", false);
  readTies(top, file.ties);
  file.ignoredTensors = top.texts("ignore", false);
  readNeutral(top, file.neutral);
  top.finish();
  ENCDEC_RETURN_IF_ERROR(error.first);
  if (file.headScale && file.side(Side::decoder).finalNorm.empty())
    return badModel(fmt::format("{}: head.scale: expected a decoder with final_norm, whose "
                                "weights take the scale, found none",
                                fileName));
  return file;
}

bool isIgnored(const FamilyFile &family, std::string_view name) {
  return std::ranges::any_of(family.ignoredTensors, [&](std::string_view pattern) {
    size_t star = pattern.find('*');
    if (star == pattern.npos)
      return name == pattern;
    std::string_view end = pattern.substr(star + 1);
    return name.size() >= star + end.size() && name.starts_with(pattern.substr(0, star)) &&
           name.ends_with(end);
  });
}

} // namespace encdec::checkpoint
