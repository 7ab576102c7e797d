// The manifest's keys, in order. runtime/bundle/Manifest.cpp reads them back and refuses
// any other.
#include "compiler/emit/Manifest.h"
#include "compiler/schedule/Kernel.h"
#include "encdec/abi.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace encdec {
namespace {

/// Writes entries of one of the module's dictionaries under their own names; an entry
/// that the dictionary lacks is written as null.
class Section {
public:
  Section(llvm::json::OStream &json, DictionaryAttr from)
      : json(json), from(from) {}

  void text(StringRef key) {
    auto value = from.getAs<StringAttr>(key);
    json.attribute(key, value ? llvm::json::Value(value.getValue()) : nullptr);
  }
  void numbers(ArrayRef<StringRef> keys) {
    for (StringRef key : keys) {
      auto value = from.getAs<IntegerAttr>(key);
      json.attribute(key, value ? llvm::json::Value(value.getInt()) : nullptr);
    }
  }
  void list(StringRef key) {
    auto values = from.getAs<DenseI64ArrayAttr>(key);
    json.attributeArray(key, [&] {
      if (values)
        for (int64_t value : values.asArrayRef())
          json.value(value);
    });
  }
  void real(StringRef key) {
    auto value = from.getAs<FloatAttr>(key);
    json.attribute(key, value ? value.getValueAsDouble() : 1.0);
  }
  void text(StringRef key, StringRef fallback) {
    auto value = from.getAs<StringAttr>(key);
    json.attribute(key, value ? value.getValue() : fallback);
  }

private:
  llvm::json::OStream &json;
  DictionaryAttr from;
};

void texts(llvm::json::OStream &json, StringRef key,
           const std::vector<std::string> &values) {
  json.attributeArray(key, [&] {
    for (const std::string &value : values)
      json.value(value);
  });
}

void generation(Section section) {
  section.numbers({"decoder_start_token_id"});
  section.list("eos_token_ids");
  section.numbers({"pad_token_id", "max_length", "max_new_tokens", "min_length",
                   "min_new_tokens", "forced_bos_token_id"});
  section.list("forced_eos_token_ids");
  section.list("bad_token_ids");
  section.numbers({"num_beams"});
  section.real("length_penalty");
  section.text("early_stopping", "false");
}

/// Writes an entry of a long list on a line of its own.
void line(llvm::json::OStream &json, llvm::json::Object object) {
  json.rawValue([&](llvm::raw_ostream &out) {
    out << llvm::json::Value(std::move(object));
  });
}

void segment(llvm::json::OStream &json, DictionaryAttr from) {
  llvm::json::Object object;
  auto number = [&](StringRef key, llvm::json::Value fallback) {
    auto value = from.getAs<IntegerAttr>(key);
    object[key] = value ? llvm::json::Value(value.getInt()) : fallback;
  };
  auto text = [&](StringRef key) {
    auto value = from.getAs<StringAttr>(key);
    object[key] =
        value ? llvm::json::Value(value.getValue()) : llvm::json::Value(nullptr);
  };
  text("ops");
  text("side");
  number("layer", nullptr);
  number("weight_bytes", 0);
  number("row_madds", 0);
  llvm::json::Array keys;
  for (auto read : from.getAs<ArrayAttr>("keys").getAsRange<DictionaryAttr>())
    keys.push_back(llvm::json::Object{{"from", read.getAs<StringAttr>("from").getValue()},
                                      {"bytes", read.getAs<IntegerAttr>("bytes").getInt()},
                                      {"madds", read.getAs<IntegerAttr>("madds").getInt()}});
  object["keys"] = std::move(keys);
  line(json, std::move(object));
}

llvm::json::Object weightEntry(WeightOp weight) {
  RankedTensorType type = weight.getTensorType();
  bool isVector = type.getRank() == 1;
  WeightBytes bytes = weightBytes(weight);
  return llvm::json::Object{{"name", weight.getSymName()},
                            {"rows", isVector ? 1 : type.getDimSize(0)},
                            {"columns", type.getDimSize(isVector ? 0 : 1)},
                            {"format", weight.getStored().name},
                            {"offset", int64_t(*weight.getOffset())},
                            {"bytes", bytes.values + bytes.scales}};
}

} // namespace

FailureOr<std::string> manifestText(ModuleOp module,
                                    const ManifestInfo &info) {
  DictionaryAttr found[2];
  constexpr StringRef names[2] = {"encdec.model", "encdec.generation"};
  for (auto [attribute, name] : llvm::zip(found, names))
    if (!(attribute = module->getAttrOfType<DictionaryAttr>(name)))
      return module.emitError("expected attribute ")
             << name << ", but found none";

  FailureOr<kernel::MemoryPlan> plan = kernel::memoryPlanOf(module);
  if (failed(plan))
    return failure();

  std::string text;
  llvm::raw_string_ostream out(text);
  llvm::json::OStream json(out, /*IndentSize=*/1);
  json.object([&] {
    json.attribute("format", ENCDEC_BUNDLE_VERSION);
    json.attribute("abi", ENCDEC_ABI_VERSION);
    json.attribute("producer",
                   "encdec " ENCDEC_VERSION ", LLVM " LLVM_VERSION_STRING);
    json.attributeObject("model", [&] {
      Section model(json, found[0]);
      model.text("family");
      model.numbers({"d_model", "encoder_layers", "decoder_layers",
                     "encoder_heads", "decoder_heads", "encoder_ffn",
                     "decoder_ffn", "vocab_size", "source_vocab_size",
                     "max_positions"});
    });
    json.attributeObject("weights", [&] {
      json.attribute("type",
                     info.formats.size() > 1 ? "mixed" : info.formats.front()->name);
      json.attribute("bytes", weightsSectionBytes(module));
      json.attribute("step_bytes", info.stepBytes);
      json.attribute("sketch_bytes", info.sketch.sketch);
      json.attribute("sketched_bytes", info.sketch.sketched);
      json.attributeArray("list", [&] {
        for (WeightOp weight : placedWeights(module))
          line(json, weightEntry(weight));
      });
    });
    json.attributeObject("memory", [&] {
      json.attribute("encode_arena_per_row", plan->encodeArena.getPerRow());
      json.attribute("step_arena_fixed", plan->stepArena.getFixed());
      json.attribute("step_arena_per_row", plan->stepArena.getPerRow());
      json.attribute("scratch_fixed", plan->scratch.getFixed());
      json.attribute("scratch_per_key", plan->scratch.getPerKey());
      json.attribute("scratch_per_row", plan->scratch.getPerRow());
      json.attribute("memory_per_key", plan->memoryPerKey);
      json.attribute("cache_per_key", plan->cachePerKey);
      json.attribute("key_type", keyTypeOf(module));
    });
    texts(json, "passes", info.passes);
    json.attribute("checkpoint_hash", info.checkpointHash);
    json.attributeObject("generation",
                         [&] { generation(Section(json, found[1])); });
    if (info.tokenizerKind.empty())
      json.attribute("tokenizer", nullptr);
    else
      json.attributeObject(
          "tokenizer", [&] { json.attribute("kind", info.tokenizerKind); });
    texts(json, "levels", info.levels);
    if (info.segments)
      json.attributeObject("segments", [&] {
        for (StringRef entry : {"encode", "step"})
          json.attributeArray(entry, [&] {
            if (auto list = info.segments.getAs<ArrayAttr>(entry))
              for (auto from : list.getAsRange<DictionaryAttr>())
                segment(json, from);
          });
      });
  });
  return text;
}

} // namespace encdec
