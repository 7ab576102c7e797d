//===- Manifest.cpp - reading the manifest strictly -----------------------===//
//
// The schema, as a list of keys and ranges; compiler/emit/Manifest.cpp writes it.

#include "runtime/bundle/Manifest.h"

#include "encdec/abi.h"
#include "runtime/base/Checked.h"
#include "runtime/base/Suggest.h"
#include "runtime/base/WeightTypes.h"
#include "runtime/bundle/ObjectReader.h"

#include <functional>

namespace encdec::runtime {

namespace {

constexpr uint64_t maxManifestBytes = 16u << 20;
constexpr uint64_t maxLayers = 1024;
constexpr uint64_t maxWidth = 1u << 20;
constexpr uint64_t maxVocabulary = 4u << 20;
constexpr uint64_t maxPositionCount = 1u << 20;
constexpr uint64_t maxBytesPerUnit = uint64_t(1) << 40;
constexpr uint64_t maxShortlists = 1u << 16;
constexpr uint64_t maxSegments = 64 * maxLayers, maxWeights = 64 * maxLayers;

ModelInfo readModel(ObjectReader reader, Status &status) {
  ModelInfo model;
  // Of a decoder: null, or at least 1.
  auto ofDecoder = [&](const char *key, uint64_t most) {
    return reader.numberOrNull(key, 1, most).value_or(0);
  };
  model.family = reader.text("family");
  model.dModel = reader.number("d_model", 1, maxWidth);
  model.encoderLayers = reader.number("encoder_layers", 1, maxLayers);
  model.decoderLayers = ofDecoder("decoder_layers", maxLayers);
  model.encoderHeads = reader.number("encoder_heads", 1, maxWidth);
  model.decoderHeads = ofDecoder("decoder_heads", maxWidth);
  model.encoderFfn = reader.number("encoder_ffn", 1, maxWidth);
  model.decoderFfn = ofDecoder("decoder_ffn", maxWidth);
  model.vocabSize = ofDecoder("vocab_size", maxVocabulary);
  model.sourceVocabSize = reader.number("source_vocab_size", 1, maxVocabulary);
  model.maxPositions = reader.number("max_positions", 1, maxPositionCount);
  if (const JsonValue *token = reader.takeIfThere("uncounted_token_id");
      token && !token->isNull())
    model.uncountedToken = reader.id("uncounted_token_id", model.sourceVocabSize);
  reader.finish();
  const bool none = !model.decoderLayers;
  if (status.ok() && (!model.decoderHeads != none || !model.decoderFfn != none ||
                      !model.vocabSize != none))
    status = badModel("manifest: keys 'model.decoder_layers', 'decoder_heads', 'decoder_ffn' "
                      "and 'vocab_size' are partly null, expected all of them to be null (an "
                      "encoder only) or none");
  return model;
}

/// The head size D with layers * heads * (D + round_up(D, 16)) elements per key,
/// or 0 when there is none: a cache formula that contradicts the sizes.
uint64_t solveHeadSize(uint64_t bytesPerKey, uint64_t layers, uint64_t heads,
                       uint64_t elementBytes) {
  uint64_t unit = layers * heads * elementBytes;
  if (bytesPerKey % unit != 0)
    return 0;
  uint64_t sum = bytesPerKey / unit; // D + Dp, Dp = 16 m, 16 (m-1) < D <= 16 m
  uint64_t panels = (sum + 31) / 32;
  uint64_t padded = panels * ENCDEC_ABI_LANES;
  if (sum <= padded)
    return 0;
  uint64_t size = sum - padded;
  return size <= padded && size + ENCDEC_ABI_LANES > padded ? size : 0;
}

MemoryPlan readMemory(ObjectReader reader, const ModelInfo &model, Status &status) {
  MemoryPlan plan;
  plan.encodeArenaPerRow = reader.number("encode_arena_per_row", 0, maxBytesPerUnit);
  plan.encodeArenaPerKey = reader.number("encode_arena_per_key", 0, maxBytesPerUnit);
  const uint64_t ofDecoder = model.hasDecoder() ? maxBytesPerUnit : 0; // at most
  plan.stepArenaPerRow = reader.number("step_arena_per_row", 0, ofDecoder);
  plan.stepArenaPerKey = reader.number("step_arena_per_key", 0, ofDecoder);
  plan.scratchFixed = reader.number("scratch_fixed", 0, maxBytesPerUnit);
  plan.scratchPerKey = reader.number("scratch_per_key", 0, maxBytesPerUnit);
  plan.scratchPerRow = reader.number("scratch_per_row", 0, maxBytesPerUnit);
  plan.memoryPerKey = reader.number("memory_per_key", 0, ofDecoder);
  plan.cachePerKey = reader.number("cache_per_key", 0, ofDecoder);
  plan.statesPerRow = reader.number("states_per_row", 0, maxBytesPerUnit);
  plan.keyType = reader.oneOf("key_type", {"f32", "bf16"});
  reader.finish();
  if (!status.ok())
    return plan;
  const uint64_t states = roundUp16(model.dModel) * sizeof(float);
  if (plan.statesPerRow != states && (plan.statesPerRow || !model.hasDecoder()))
    status = badModel(fmt::format("manifest: key 'memory.states_per_row' is {}, expected {} for "
                                  "d_model {}{}",
                                  plan.statesPerRow, states, model.dModel,
                                  model.hasDecoder() ? ", or 0" : ""));
  if (!model.hasDecoder())
    return plan;
  auto headSize = [&](uint64_t bytesPerKey) {
    return solveHeadSize(bytesPerKey, model.decoderLayers, model.decoderHeads,
                         plan.keyType == "bf16" ? 2 : 4);
  };
  plan.cacheHeadSize = headSize(plan.cachePerKey);
  bool memoryFits = headSize(plan.memoryPerKey) != 0;
  if (!plan.cacheHeadSize || !memoryFits)
    status = badModel(
        fmt::format("manifest: key 'memory.{}' is {}, which no head size gives with {} "
                    "decoder layers of {} heads of {}",
                    plan.cacheHeadSize ? "memory_per_key" : "cache_per_key",
                    plan.cacheHeadSize ? plan.memoryPerKey : plan.cachePerKey,
                    model.decoderLayers, model.decoderHeads, plan.keyType));
  return plan;
}

/// Keys and values are those of the options' table; whatever the table does not know or take
/// is refused.
Result<GenerationOptions> readGeneration(const JsonValue &object, uint64_t vocabulary) {
  auto refused = [](const Status &status) {
    return badModel("manifest: generation." + status.message());
  };
  if (object.kind != JsonValue::Object)
    return badModel("manifest: key 'generation' must be an object, but is " + object.show());
  GenerationOptions options;
  for (size_t i = 0; i < object.keys.size(); ++i) {
    if (!findOption(object.keys[i]))
      return badModel("manifest: unknown key " +
                      quote("generation." + object.keys[i], 60, '\''));
    if (Status status = options.set(object.keys[i], object.items[i]); !status.ok())
      return refused(status);
  }
  if (!options.decoder_start_token_id)
    return badModel("manifest: key 'generation.decoder_start_token_id' is missing");
  if (Status status = options.checkIds(vocabulary); !status.ok())
    return refused(status);
  return options;
}

SegmentInfo readSegment(ObjectReader reader, const Manifest &manifest) {
  const ModelInfo &model = manifest.model;
  using Keys = SegmentInfo::Keys;
  constexpr uint64_t mostMadds = uint64_t(1) << 48;
  SegmentInfo segment;
  segment.ops = reader.text("ops");
  segment.decoder = reader.oneOf("side", model.hasDecoder()
                                             ? std::vector<std::string_view>{"encoder", "decoder"}
                                             : std::vector<std::string_view>{"encoder"}) ==
                    "decoder";
  const uint64_t layers = segment.decoder ? model.decoderLayers : model.encoderLayers;
  segment.layer = reader.numberOrNull("layer", 0, std::max<uint64_t>(layers, 1) - 1);
  segment.weightBytes = reader.number("weight_bytes", 0, manifest.weightsBytes);
  segment.rowMadds = reader.number("row_madds", 0, mostMadds);
  constexpr uint64_t mostRows = uint64_t(1) << 31;
  segment.leastRows = reader.numberIfThere("least_rows", 1, mostRows).value_or(0);
  segment.workerRows = reader.numberIfThere("worker_rows", 1, mostRows).value_or(0);
  segment.shortlist =
      reader.numberIfThere("shortlist", 1, manifest.shortlists.size()).value_or(0);
  reader.objects("keys", 3, [&](ObjectReader one) {
    std::string from = one.oneOf("from", {"cache", "memory", "source"});
    segment.keys.push_back({from == "cache"    ? Keys::From::Cache
                            : from == "memory" ? Keys::From::Memory
                                               : Keys::From::Source,
                            one.number("bytes", 0, maxBytesPerUnit),
                            one.number("madds", 0, mostMadds)});
    one.finish();
  });
  reader.finish();
  return segment;
}

/// Lists of ascending ids.
void readShortlists(ObjectReader &top, Manifest &manifest, Status &status) {
  if (!top.takeIfThere("shortlists"))
    return;
  top.objects("shortlists", manifest.model.hasDecoder() ? maxShortlists : 0, [&](ObjectReader reader) {
    ShortlistInfo &list = manifest.shortlists.emplace_back();
    list.name = reader.text("name");
    const std::string weight = reader.text("weight");
    list.stepBytes = reader.number("step_bytes", 0, manifest.weightsBytes);
    list.tokens = reader.ids("tokens", manifest.model.vocabSize);
    reader.finish();
    const bool ascends = std::ranges::adjacent_find(list.tokens, std::greater_equal()) ==
                        list.tokens.end();
    const auto isNamesake = [&](const ShortlistInfo &other) {
      return &other != &list && other.name == list.name;
    };
    if (status.ok() && (list.tokens.empty() || !ascends))
      status = badModel(fmt::format("manifest: the shortlist {} has {}, expected ascending ids",
                                    quote(list.name, 60, '\''),
                                    list.tokens.empty() ? "no token" : "ids in another order"));
    const auto isItsWeight = [&](const WeightInfo &one) {
      return one.name == weight && one.rows == list.tokens.size();
    };
    if (status.ok() && std::ranges::none_of(manifest.weights, isItsWeight))
      status = badModel(fmt::format("manifest: the shortlist {} has {} tokens, but there is no "
                                    "weight '{}' of so many rows",
                                    quote(list.name, 60, '\''), list.tokens.size(), weight));
    if (status.ok() && std::ranges::any_of(manifest.shortlists, isNamesake))
      status = badModel(fmt::format("manifest: two shortlists are called {}",
                                    quote(list.name, 60, '\'')));
  });
}

void readSegments(ObjectReader reader, Manifest &manifest) {
  auto read = [&](const char *key, size_t most, std::vector<SegmentInfo> &into) {
    reader.objects(key, most, [&](ObjectReader one) {
      into.push_back(readSegment(std::move(one), manifest));
    });
  };
  read("encode", maxSegments, manifest.encodeSegments);
  read("step", manifest.model.hasDecoder() ? maxSegments : 0, manifest.stepSegments);
  reader.finish();
}

/// A weight's bytes are those of its rows and columns, which may be rounded up to
/// panels of 16, and of a scale for each row where the format has scales.
WeightInfo readWeight(ObjectReader reader, uint64_t sectionBytes, Status &status) {
  WeightInfo weight;
  weight.name = reader.text("name");
  weight.format = reader.oneOf("format", weightTypeNames());
  const uint64_t element = weight.format == "f32" ? 4 : weight.format == "bf16" ? 2 : 1;
  const uint64_t scale = element == 1 ? 4 : 0;
  weight.rows = reader.number("rows", 1, maxVocabulary);
  weight.columns = reader.number("columns", 1, maxVocabulary);
  weight.offset = reader.number("offset", 0, sectionBytes);
  weight.bytes = reader.number("bytes", weight.rows * weight.columns * element,
                               roundUp16(weight.rows) *
                                   (roundUp16(weight.columns) * element + scale));
  reader.finish();
  if (status.ok() && !spanFits(weight.offset, weight.bytes, sectionBytes))
    status =
        badModel(fmt::format("manifest: the weight '{}' has {} bytes from byte {} "
                             "on, but all weights have {}",
                             weight.name, weight.bytes, weight.offset, sectionBytes));
  return weight;
}

/// Which weights tokens and positions choose rows of: the sizes of the model that
/// they are held to are the rows of these.
void readTables(ObjectReader &weights, const Manifest &manifest, Status &status) {
  const ModelInfo &model = manifest.model;
  struct Role {
    const char *name, *size;
    uint64_t rows;
    bool isThere;
    uint64_t extraRows = 0; ///< Rows of the table beyond the key `size`.
  } roles[] = {{"source_tokens", "source_vocab_size", model.sourceVocabSize, false},
               {"target_tokens", "vocab_size", model.vocabSize, !model.hasDecoder()},
               {"vocabulary", "vocab_size", model.vocabSize, !model.hasDecoder()},
               // Positions may be computed instead.
               {"source_positions", "max_positions", model.positionRows(), true,
                model.positionRows() - model.maxPositions},
               {"target_positions", "max_positions", model.positionRows(), true,
                model.positionRows() - model.maxPositions}};
  weights.objects("tables", 64, [&](ObjectReader reader) {
    std::string role = reader.oneOf("role", {roles[0].name, roles[1].name, roles[2].name,
                                             roles[3].name, roles[4].name});
    std::string name = reader.text("weight");
    reader.finish();
    auto table = std::find_if(manifest.weights.begin(), manifest.weights.end(),
                              [&](const WeightInfo &one) { return one.name == name; });
    if (status.ok() && table == manifest.weights.end())
      status = badModel(fmt::format("manifest: 'weights.tables' names '{}', which "
                                    "'weights.list' does not have",
                                    name));
    for (Role &one : roles) {
      if (!status.ok() || role != one.name)
        continue;
      one.isThere = true;
      if (table->rows != one.rows || table->columns != model.dModel)
        status = badModel(fmt::format(
            "manifest: keys 'model.{}' and 'model.d_model' are {} and {}, but the table "
            "'{}' ({}) has {} rows of {}{}",
            one.size, one.rows - one.extraRows, model.dModel, name, role, table->rows,
            table->columns,
            one.extraRows ? ", expected one row more for 'model.uncounted_token_id'" : ""));
    }
  });
  for (const Role &one : roles)
    if (status.ok() && !one.isThere)
      status = badModel(
          fmt::format("manifest: key 'weights.tables' names no {}", one.name));
}

Status checkVersions(ObjectReader &top) {
  uint64_t format = top.number("format", 0, UINT64_MAX);
  uint64_t abi = top.number("abi", 0, UINT64_MAX);
  if (format == ENCDEC_BUNDLE_VERSION && abi == ENCDEC_ABI_VERSION)
    return Status::success();
  return Status(
      Code::DoesNotFit,
      fmt::format("manifest: made for format {} and ABI {}, this runtime has "
                  "format {} and ABI {}; compile the checkpoint again with "
                  "this version of encdec",
                  format, abi, ENCDEC_BUNDLE_VERSION, ENCDEC_ABI_VERSION));
}

} // namespace

Result<uint64_t> findShortlist(const Manifest &manifest, std::string_view name) {
  std::vector<std::string> names;
  for (size_t i = 0; i < manifest.shortlists.size(); ++i) {
    if (manifest.shortlists[i].name == name)
      return i + 1;
    names.push_back(manifest.shortlists[i].name);
  }
  if (names.empty())
    return usageError(fmt::format("shortlist: the model was compiled without lists of tokens; "
                                  "compile it with --shortlist {}=FILE, or leave the option out",
                                  name));
  return usageError(fmt::format("shortlist: expected one of {}, found {}{}",
                                fmt::join(names, ", "), quote(name, 60, '\''),
                                didYouMean(std::string(name), names)));
}

Result<Manifest> parseManifest(std::string_view text) {
  if (text.size() > maxManifestBytes)
    return badModel(fmt::format("manifest: {} bytes, more than the limit {}",
                                text.size(), maxManifestBytes));
  ENCDEC_ASSIGN_OR_RETURN(
      JsonValue tree, parseJson(text, {.depth = 8, .values = 32 * maxSegments})
                          .withContext("manifest"));
  Status status;
  ObjectReader top(&tree, "", status);
  Status versions = status.ok() ? checkVersions(top) : Status();
  ENCDEC_RETURN_IF_ERROR(status);
  ENCDEC_RETURN_IF_ERROR(versions);

  Manifest manifest;
  manifest.producer = top.text("producer");
  auto object = [&](const char *key) {
    return ObjectReader(top.take(key), fmt::format("{}.", key), status);
  };
  manifest.model = readModel(object("model"), status);
  ObjectReader weights = object("weights");
  std::vector<std::string> types = weightTypeNames();
  types.push_back("mixed");
  manifest.weightType = weights.oneOf("type", types);
  manifest.weightsBytes = weights.number("bytes", 1, UINT64_MAX);
  manifest.stepBytes = weights.number("step_bytes", 0, manifest.weightsBytes);
  manifest.sketchBytes = weights.number("sketch_bytes", 0, manifest.weightsBytes);
  manifest.sketchedBytes = weights.number("sketched_bytes", 0, manifest.stepBytes);
  weights.objects("list", maxWeights, [&](ObjectReader one) {
    manifest.weights.push_back(readWeight(std::move(one), manifest.weightsBytes, status));
  });
  readTables(weights, manifest, status);
  weights.finish();
  manifest.memory = readMemory(object("memory"), manifest.model, status);
  readShortlists(top, manifest, status);
  top.texts("passes");
  top.text("checkpoint_hash");
  const JsonValue *generation = top.take("generation");
  ENCDEC_RETURN_IF_ERROR(status);
  if (manifest.model.hasDecoder()) {
    ENCDEC_ASSIGN_OR_RETURN(manifest.generation,
                            readGeneration(*generation, manifest.model.vocabSize));
  } else if (!generation->isNull())
    status = badModel("manifest: key 'generation' is not null, but the model has no decoder");
  if (const JsonValue *tokenizer = top.take("tokenizer");
      tokenizer && !tokenizer->isNull()) {
    ObjectReader reader(tokenizer, "tokenizer.", status);
    manifest.tokenizerKind = reader.text("kind");
    reader.finish();
  }
  manifest.levels = top.texts("levels");
  // For profiles only: a model made by hand, or before there were any, has none.
  if (const JsonValue *segments = top.takeIfThere("segments"))
    readSegments(ObjectReader(segments, "segments.", status), manifest);
  top.finish();
  ENCDEC_RETURN_IF_ERROR(status);
  return manifest;
}

} // namespace encdec::runtime
