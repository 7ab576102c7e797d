// The manifest's keys, in order. runtime/bundle/Manifest.cpp reads them back and refuses
// any other.
#include "compiler/emit/Manifest.h"
#include "compiler/schedule/Schedule.h"
#include "dialect/Schema.h"
#include "encdec/abi.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace encdec {
namespace {

/// The JSON of an attribute of the module's dictionaries; of an absent one, null.
llvm::json::Value valueOf(Attribute attribute) {
  if (auto text = dyn_cast_if_present<StringAttr>(attribute))
    return text.getValue();
  if (auto flag = dyn_cast_if_present<BoolAttr>(attribute))
    return flag.getValue();
  if (auto count = dyn_cast_if_present<IntegerAttr>(attribute))
    return count.getInt();
  if (auto number = dyn_cast_if_present<FloatAttr>(attribute))
    return number.getValueAsDouble();
  auto list = dyn_cast_if_present<ArrayAttr>(attribute);
  if (!list)
    return nullptr;
  llvm::json::Array values;
  for (Attribute each : list)
    values.push_back(valueOf(each));
  return values;
}

/// The sizes of the model, with null for each key that is absent.
void writeModel(llvm::json::OStream &json, ModuleOp module) {
  auto from = module->getAttrOfType<DictionaryAttr>(kModelAttr);
  json.attributeObject("model", [&] {
    for (const Key &key : modelKeys())
      json.attribute(key.name, valueOf(from.get(key.name)));
  });
}

/// The defaults of decoding as they are; null where there is no decoder.
void writeGeneration(llvm::json::OStream &json, ModuleOp module) {
  auto from = module->getAttrOfType<DictionaryAttr>(kGenerationAttr);
  if (!from)
    return json.attribute("generation", nullptr);
  json.attributeObject("generation", [&] {
    for (NamedAttribute entry : from)
      json.attribute(entry.getName().getValue(), valueOf(entry.getValue()));
  });
}

void texts(llvm::json::OStream &json, StringRef key,
           const std::vector<std::string> &values) {
  json.attributeArray(key, [&] {
    for (const std::string &value : values)
      json.value(value);
  });
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
  for (StringRef key : {"least_rows", "worker_rows", "shortlist"}) // of a variant
    if (from.contains(key))
      number(key, 0);
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

/// Bytes of a row of the encoder's output; 0 where encode does not return it.
int64_t statesPerRow(func::FuncOp encode) {
  constexpr int64_t floatBytes = 4;
  if (!encode || encode.getNumResults() == 0)
    return 0;
  return rowStride(cast<RankedTensorType>(encode.getResultTypes()[0]).getDimSize(1)) *
         floatBytes;
}

/// Whether the module's dictionaries fit its entries: they speak of decoder and decoding
/// where there is a step, and only there.
LogicalResult checkFacts(ModuleOp module, bool hasStep) {
  auto model = module->getAttrOfType<DictionaryAttr>(kModelAttr);
  if (!model)
    return emitError(module.getLoc(), "expected attribute ") << kModelAttr << ", but found none";
  auto disagree = [&](StringRef what) {
    return emitError(module.getLoc(), "expected ")
           << (hasStep ? "" : "no ") << what << " of a module "
           << (hasStep ? "with a step, but found none" : "without a step, but found it");
  };
  if (module->hasAttr(kGenerationAttr) != hasStep)
    return disagree(("attribute " + kGenerationAttr).str());
  for (StringRef key : {"decoder_layers", "decoder_heads", "decoder_ffn", "vocab_size"})
    if (model.contains(key) != hasStep)
      return disagree(("key '" + key + "' in " + kModelAttr).str());
  return success();
}

} // namespace

FailureOr<std::string> manifestText(ModuleOp module,
                                    const ManifestInfo &info) {
  Entries entries = findEntries(module);
  if (failed(checkFacts(module, bool(entries.step))))
    return failure();

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
    writeModel(json, module);
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
      json.attributeArray("tables", [&] {
        for (IndexedTable table : info.tables)
          line(json, llvm::json::Object{{"role", table.role},
                                        {"weight", table.weight.getSymName()}});
      });
    });
    json.attributeObject("memory", [&] {
      json.attribute("encode_arena_per_row", plan->encodeArena.getPerRow());
      json.attribute("encode_arena_per_key", plan->encodeArena.getPerKey());
      json.attribute("step_arena_per_row", plan->stepArena.getPerRow());
      json.attribute("step_arena_per_key", plan->stepArena.getPerKey());
      json.attribute("scratch_fixed", plan->scratch.getFixed());
      json.attribute("scratch_per_key", plan->scratch.getPerKey());
      json.attribute("scratch_per_row", plan->scratch.getPerRow());
      json.attribute("memory_per_key", plan->memoryPerKey);
      json.attribute("cache_per_key", plan->cachePerKey);
      json.attribute("states_per_row", statesPerRow(entries.encode));
      json.attribute("key_type", keyTypeOf(module));
    });
    json.attributeArray("shortlists", [&] {
      if (auto lists = module->getAttrOfType<DictionaryAttr>(kShortlistsAttr))
        for (auto [list, step] : llvm::zip_equal(lists, info.shortSteps))
          line(json, llvm::json::Object{
                         {"name", list.getName().getValue()},
                         {"weight", WeightOp(step.vocabulary).getSymName()},
                         {"step_bytes", step.bytes},
                         {"tokens", llvm::json::Array(cast<DenseI32ArrayAttr>(list.getValue())
                                                          .asArrayRef())}});
    });
    texts(json, "passes", info.passes);
    json.attribute("checkpoint_hash", info.checkpointHash);
    writeGeneration(json, module);
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
