//===- Manifest.cpp - reading the manifest strictly -----------------------===//
//
// Two passes: JSON to a tree (repeated keys and deep nesting are refused on the
// way), then the tree to numbers by one reader per object. The reader keeps the
// first error, so that the schema below reads as a list of keys and ranges.

#include "runtime/bundle/Manifest.h"

#include "encdec/abi.h"
#include "runtime/base/Checked.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <set>

namespace encdec::runtime {

namespace {

using Json = nlohmann::json;

constexpr uint64_t maxManifestBytes = 16u << 20;
constexpr int maxDepth = 8;
constexpr uint64_t maxLayers = 1024;
constexpr uint64_t maxWidth = 1u << 20;
constexpr uint64_t maxVocabulary = 4u << 20;
constexpr uint64_t maxPositionCount = 1u << 20;
constexpr uint64_t maxBytesPerUnit = uint64_t(1) << 40;

struct Refused {
  std::string reason;
};

/// Text of the file as it may stand in a message: escaped, so that it stays one
/// line of ASCII, and cut.
std::string shown(const Json &value) {
  std::string text = value.dump(-1, ' ', true, Json::error_handler_t::replace);
  return text.size() > 60 ? text.substr(0, 57) + "..." : text;
}

/// A key as it may stand in a message.
std::string shownKey(const std::string &key) {
  std::string text = shown(Json(key));
  return "'" + text.substr(1, text.ends_with("...") ? text.npos : text.size() - 2) +
         "'";
}

Result<Json> parseTree(std::string_view text) {
  // nlohmann's tree keeps the last of repeated keys, so repeats are caught
  // while it parses.
  std::vector<std::set<std::string>> keys;
  auto watch = [&](int depth, Json::parse_event_t event, Json &parsed) {
    if (depth > maxDepth)
      throw Refused{fmt::format("nested deeper than {}", maxDepth)};
    if (event == Json::parse_event_t::object_start)
      keys.emplace_back();
    else if (event == Json::parse_event_t::object_end)
      keys.pop_back();
    else if (event == Json::parse_event_t::key &&
             !keys.back().insert(parsed.get<std::string>()).second)
      throw Refused{
          fmt::format("key {} stands twice", shownKey(parsed.get<std::string>()))};
    return true;
  };
  // The parser takes a zero byte for the end of its input.
  if (auto zero = text.find('\0'); zero != text.npos)
    return badModel(fmt::format("manifest: not valid JSON at byte {}", zero));
  try {
    return Json::parse(text.begin(), text.end(), watch);
  } catch (const Refused &refused) {
    return badModel("manifest: " + refused.reason);
  } catch (const Json::parse_error &error) {
    return badModel(
        fmt::format("manifest: not valid JSON at byte {}", error.byte));
  } catch (const Json::exception &) { // a number beyond double
    return badModel("manifest: it has a number that is too large");
  }
}

/// Takes keys out of one object; the first error stays.
class ObjectReader {
public:
  ObjectReader(const Json *object, std::string path, Status &status)
      : object(object), path(std::move(path)), status(status) {
    if (!object || !object->is_object())
      fail("", "an object", object);
  }

  const Json *take(const char *key) {
    if (!status.ok())
      return nullptr;
    taken.insert(key);
    auto found = object->find(key);
    if (found == object->end()) {
      status = badModel(fmt::format("manifest: key '{}{}' is missing", path,
                                    key));
      return nullptr;
    }
    return &*found;
  }

  uint64_t number(const char *key, uint64_t least, uint64_t most) {
    return toNumber(key, take(key), least, most);
  }

  std::optional<uint64_t> numberOrNull(const char *key, uint64_t least,
                                       uint64_t most) {
    const Json *value = take(key);
    if (!value || value->is_null())
      return std::nullopt;
    return toNumber(key, value, least, most);
  }

  std::string text(const char *key) {
    const Json *value = take(key);
    if (!value)
      return {};
    if (!isPlainText(*value)) {
      fail(key, plainText, value);
      return {};
    }
    return value->get<std::string>();
  }

  /// One of `words`.
  std::string oneOf(const char *key,
                    std::initializer_list<std::string_view> words) {
    const Json *value = take(key);
    for (std::string_view word : words)
      if (value && *value == word)
        return std::string(word);
    if (value)
      fail(key, fmt::format("one of {}", fmt::join(words, ", ")), value);
    return {};
  }

  double real(const char *key) {
    const Json *value = take(key);
    if (!value)
      return 0;
    double result = value->is_number() ? value->get<double>() : NAN;
    if (!std::isfinite(result))
      fail(key, "a finite number", value);
    return result;
  }

  /// A token id below `vocabulary`.
  int32_t id(const char *key, uint64_t vocabulary) {
    return int32_t(number(key, 0, vocabulary - 1));
  }

  std::optional<int32_t> idOrNull(const char *key, uint64_t vocabulary) {
    auto value = numberOrNull(key, 0, vocabulary - 1);
    return value ? std::optional(int32_t(*value)) : std::nullopt;
  }

  std::vector<int32_t> ids(const char *key, uint64_t vocabulary) {
    std::vector<int32_t> result;
    const Json *value = take(key);
    if (!value)
      return result;
    if (!value->is_array()) {
      fail(key, "a list of token ids", value);
      return result;
    }
    for (const Json &entry : *value)
      result.push_back(int32_t(toNumber(key, &entry, 0, vocabulary - 1)));
    return result;
  }

  std::vector<std::string> texts(const char *key) {
    std::vector<std::string> result;
    const Json *value = take(key);
    if (!value)
      return result;
    bool good = value->is_array();
    for (size_t i = 0; good && i < value->size(); ++i) {
      good = isPlainText((*value)[i]);
      if (good)
        result.push_back((*value)[i].get<std::string>());
    }
    if (!good)
      fail(key, std::string("a list, each entry ") + plainText, value);
    return result;
  }

  /// Complains about keys that nobody took.
  void finish() {
    if (!status.ok())
      return;
    for (const auto &entry : object->items())
      if (!taken.count(entry.key())) {
        status = badModel(
            fmt::format("manifest: unknown key {}", shownKey(path + entry.key())));
        return;
      }
  }

private:
  /// What goes on to messages and terminals holds nothing that steers them.
  static constexpr const char *plainText =
      "a string of at most 200 bytes without control characters";
  static bool isPlainText(const Json &value) {
    if (!value.is_string())
      return false;
    const auto &text = value.get_ref<const std::string &>();
    return text.size() <= 200 && std::all_of(text.begin(), text.end(), [](char c) {
             return static_cast<unsigned char>(c) >= ' ' && c != 0x7f;
           });
  }

  uint64_t toNumber(const char *key, const Json *value, uint64_t least,
                    uint64_t most) {
    if (!value)
      return least;
    uint64_t number = 0;
    bool good = value->is_number_unsigned();
    if (good) {
      number = value->get<uint64_t>();
      good = number >= least && number <= most;
    }
    if (!good)
      fail(key, fmt::format("an integer from {} to {}", least, most), value);
    return good ? number : least;
  }

  void fail(const char *key, const std::string &expected, const Json *found) {
    if (!status.ok())
      return;
    status = badModel(fmt::format("manifest: key '{}{}' must be {}, but is {}",
                                  path, key, expected,
                                  found ? shown(*found) : "nothing"));
  }

  const Json *object;
  std::string path;
  Status &status;
  std::set<std::string> taken;
};

ModelFacts readModel(ObjectReader reader) {
  ModelFacts facts;
  facts.family = reader.text("family");
  facts.dModel = reader.number("d_model", 1, maxWidth);
  facts.encoderLayers = reader.number("encoder_layers", 1, maxLayers);
  facts.decoderLayers = reader.number("decoder_layers", 1, maxLayers);
  facts.encoderHeads = reader.number("encoder_heads", 1, maxWidth);
  facts.decoderHeads = reader.number("decoder_heads", 1, maxWidth);
  facts.encoderFfn = reader.number("encoder_ffn", 1, maxWidth);
  facts.decoderFfn = reader.number("decoder_ffn", 1, maxWidth);
  facts.vocabSize = reader.number("vocab_size", 1, maxVocabulary);
  facts.sourceVocabSize = reader.number("source_vocab_size", 1, maxVocabulary);
  facts.maxPositions = reader.number("max_positions", 1, maxPositionCount);
  reader.finish();
  return facts;
}

/// The head size D with layers * heads * (D + round_up(D, 16)) floats per key,
/// or 0 when there is none: a cache formula that contradicts the sizes.
uint64_t solveHeadSize(uint64_t bytesPerKey, uint64_t layers, uint64_t heads) {
  uint64_t unit = layers * heads * sizeof(float);
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

MemoryFacts readMemory(ObjectReader reader, const ModelFacts &model,
                       Status &status) {
  MemoryFacts facts;
  facts.encodeArenaPerRow =
      reader.number("encode_arena_per_row", 0, maxBytesPerUnit);
  facts.stepArenaFixed = reader.number("step_arena_fixed", 0, maxBytesPerUnit);
  facts.stepArenaPerRow =
      reader.number("step_arena_per_row", 0, maxBytesPerUnit);
  facts.scratchFixed = reader.number("scratch_fixed", 0, maxBytesPerUnit);
  facts.scratchPerKey = reader.number("scratch_per_key", 0, maxBytesPerUnit);
  facts.scratchPerRow = reader.number("scratch_per_row", 0, maxBytesPerUnit);
  facts.memoryPerKey = reader.number("memory_per_key", 0, maxBytesPerUnit);
  facts.cachePerKey = reader.number("cache_per_key", 0, maxBytesPerUnit);
  reader.finish();
  if (!status.ok())
    return facts;
  facts.cacheHeadSize = solveHeadSize(facts.cachePerKey, model.decoderLayers,
                                      model.decoderHeads);
  bool memoryFits = solveHeadSize(facts.memoryPerKey, model.decoderLayers,
                                  model.decoderHeads) != 0;
  if (!facts.cacheHeadSize || !memoryFits)
    status = badModel(fmt::format(
        "manifest: key 'memory.{}' is {}, which no head size gives with {} "
        "decoder layers of {} heads",
        facts.cacheHeadSize ? "memory_per_key" : "cache_per_key",
        facts.cacheHeadSize ? facts.memoryPerKey : facts.cachePerKey,
        model.decoderLayers, model.decoderHeads));
  return facts;
}

GenerationFacts readGeneration(ObjectReader reader, uint64_t vocabulary) {
  constexpr uint64_t longest = INT32_MAX;
  GenerationFacts facts;
  facts.decoderStart = reader.id("decoder_start_token_id", vocabulary);
  facts.eos = reader.ids("eos_token_ids", vocabulary);
  facts.pad = reader.idOrNull("pad_token_id", vocabulary);
  facts.maxLength = reader.number("max_length", 1, longest);
  facts.maxNewTokens = reader.numberOrNull("max_new_tokens", 1, longest);
  facts.minLength = reader.number("min_length", 0, longest);
  facts.minNewTokens = reader.numberOrNull("min_new_tokens", 0, longest);
  facts.forcedBos = reader.idOrNull("forced_bos_token_id", vocabulary);
  facts.forcedEos = reader.ids("forced_eos_token_ids", vocabulary);
  facts.badTokens = reader.ids("bad_token_ids", vocabulary);
  facts.numBeams = reader.number("num_beams", 1, maxVocabulary);
  facts.lengthPenalty = reader.real("length_penalty");
  facts.earlyStopping =
      reader.oneOf("early_stopping", {"true", "false", "never"});
  reader.finish();
  return facts;
}

Status checkVersions(ObjectReader &top) {
  uint64_t format = top.number("format", 0, UINT64_MAX);
  uint64_t abi = top.number("abi", 0, UINT64_MAX);
  if (format == 1 && abi == ENCDEC_ABI_VERSION)
    return Status::success();
  return Status(
      Code::DoesNotFit,
      fmt::format("manifest: made for format {} and ABI {}, this runtime has "
                  "format 1 and ABI {}; compile the checkpoint again with "
                  "this version of encdec",
                  format, abi, ENCDEC_ABI_VERSION));
}

} // namespace

Result<Manifest> parseManifest(std::string_view text) {
  if (text.size() > maxManifestBytes)
    return badModel(fmt::format("manifest: {} bytes, more than the limit {}",
                                text.size(), maxManifestBytes));
  ENCDEC_ASSIGN_OR_RETURN(Json tree, parseTree(text));
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
  manifest.model = readModel(object("model"));
  ObjectReader weights = object("weights");
  manifest.weightType = weights.oneOf("type", {"f32", "bf16", "int8", "int8-dynamic"});
  manifest.weightsBytes = weights.number("bytes", 1, UINT64_MAX);
  manifest.stepBytes = weights.number("step_bytes", 0, manifest.weightsBytes);
  weights.finish();
  manifest.memory = readMemory(object("memory"), manifest.model, status);
  top.texts("passes");
  top.text("checkpoint_hash");
  manifest.generation =
      readGeneration(object("generation"), manifest.model.vocabSize);
  if (const Json *tokenizer = top.take("tokenizer");
      tokenizer && !tokenizer->is_null()) {
    ObjectReader reader(tokenizer, "tokenizer.", status);
    manifest.tokenizerKind = reader.text("kind");
    reader.finish();
  }
  manifest.levels = top.texts("levels");
  top.finish();
  ENCDEC_RETURN_IF_ERROR(status);
  return manifest;
}

} // namespace encdec::runtime
