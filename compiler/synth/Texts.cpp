// Texts.cpp: the JSON files of a random checkpoint.
#include "compiler/synth/SynthFiles.h"

#include "runtime/base/Suggest.h"
#include "llvm/Support/JSON.h"

#include <algorithm>
#include <fmt/format.h>

using namespace encdec::checkpoint;
using llvm::json::Array;
using llvm::json::Object;
using llvm::json::Value;

namespace encdec {

namespace {

struct Size {
  const char *name;
  int64_t dModel, layers, heads, ffnSize, vocabulary, positions;
};

constexpr Size sizes[] = {{"tiny", 64, 2, 4, 128, 512, 128},
                          {"small", 512, 6, 8, 2048, 32'000, 512},
                          {"base", 768, 12, 12, 3072, 32'000, 512},
                          {"large", 1024, 12, 16, 4096, 50'000, 1024}};

std::string textOf(const Value &json) {
  return llvm::formatv("{0:2}\n", json).str();
}

/// The first key of config.json that a value is read from; empty where none is.
std::string keyOf(const FamilyValue &value) {
  if (value.kind == FamilyValue::Key)
    return value.name;
  for (const FamilyValue &entry : value.entries)
    if (value.kind == FamilyValue::Fallbacks && entry.kind == FamilyValue::Key)
      return entry.name;
  return {};
}

/// Sets the flag that a value depends on, if it is one.
void turnOn(Object &config, const FamilyValue &value) {
  if (value.kind == FamilyValue::Table && std::ranges::find(value.texts, "true") != value.texts.end())
    config[value.name] = true;
  for (const FamilyValue &entry : value.entries)
    if (value.kind == FamilyValue::Fallbacks)
      turnOn(config, entry);
}

/// Sizes by the names that architecture files give them.
class SizeSetter {
public:
  SizeSetter(const FamilyFile &family, Object &config) : family(family), config(config) {}

  /// Whether `name` is a size, which is then set in all places.
  bool set(llvm::StringRef name, const Value &value) {
    bool known = true;
    if (name == "d_model")
      place(family.dModel, value);
    else if (name == "max_positions")
      place(family.maxPositions, value);
    else if (FamilyValue SideFile::*field = fieldOf(name))
      for (Side side : {Side::encoder, Side::decoder})
        place(family.side(side).*field, value);
    else
      known = false;
    return known;
  }

private:
  static FamilyValue SideFile::*fieldOf(llvm::StringRef name) {
    return name == "layers"       ? &SideFile::layers
           : name == "heads"      ? &SideFile::heads
           : name == "head_size"  ? &SideFile::headSize
           : name == "ffn_size"   ? &SideFile::ffnSize
           : name == "vocabulary" ? &SideFile::vocabulary
                                  : nullptr;
  }
  void place(const FamilyValue &at, const Value &value) {
    if (std::string key = keyOf(at); !key.empty())
      config[key] = value;
  }

  const FamilyFile &family;
  Object &config;
};

} // namespace

std::vector<std::string> synthSizes() {
  std::vector<std::string> names;
  for (const Size &size : sizes)
    names.emplace_back(size.name);
  return names;
}

Result<std::string> configText(const FamilyFile &family, const SynthOptions &options) {
  const Size *size = std::ranges::find_if(
      sizes, [&](const Size &each) { return options.size == each.name; });
  if (size == std::end(sizes))
    return usageError(fmt::format("--size: expected tiny, small, base or large, found {}{}",
                                  quote(options.size), didYouMean(options.size, synthSizes())));
  // Special tokens stand in both files, as Transformers wrote them for years.
  Object config{{"model_type", family.modelTypes.front()},
                {"architectures", Array{family.architectures.front()}},
                {"is_encoder_decoder", true},
                {"bos_token_id", SpecialIds::bos},
                {"pad_token_id", SpecialIds::pad},
                {"eos_token_id", SpecialIds::eos},
                {"decoder_start_token_id", SpecialIds::eos}};
  for (const SideFile &side : family.sides)
    turnOn(config, side.embeddingScale);
  SizeSetter setter(family, config);
  setter.set("d_model", size->dModel);
  setter.set("layers", size->layers);
  setter.set("heads", size->heads);
  setter.set("head_size", size->dModel / size->heads);
  setter.set("ffn_size", size->ffnSize);
  setter.set("vocabulary", size->vocabulary);
  setter.set("max_positions", size->positions);
  for (const auto &[name, text] : options.settings) {
    llvm::Expected<Value> value = llvm::json::parse(text);
    if (!value) // a word without quotes, as gated-gelu
      llvm::consumeError(value.takeError());
    Value given = value ? *value : Value(text);
    if (!setter.set(name, given))
      config[name] = given;
  }
  return textOf(std::move(config));
}

std::string generationText(uint64_t maxPositions) {
  return textOf(Object{{"bos_token_id", SpecialIds::bos},
                       {"pad_token_id", SpecialIds::pad},
                       {"eos_token_id", SpecialIds::eos},
                       {"decoder_start_token_id", SpecialIds::eos},
                       {"max_length", int64_t(std::min<uint64_t>(64, maxPositions))}});
}

static const char *const specialTokens[] = {"<s>", "<pad>", "</s>", "<unk>"};

/// Syllables, from two letters on, each as it begins a word ("▁ba") and inside of one.
static void addSyllables(std::vector<std::string> &pieces, uint64_t size) {
  const std::string consonants = "tnshrdlcmfpgwybvkxjqz", vowels = "eaoiu";
  std::vector<std::string> stems = {""};
  for (unsigned letters = 1; pieces.size() < size; ++letters) {
    std::vector<std::string> longer;
    for (const std::string &stem : stems)
      for (char letter : letters % 2 ? consonants : vowels)
        longer.push_back(stem + letter);
    stems = std::move(longer);
    for (const std::string &stem : stems)
      for (const char *mark : {"▁", ""})
        if (pieces.size() < size && (letters > 1 || *mark))
          pieces.push_back(mark + stem);
  }
}

std::string tokenizerText(uint64_t size) {
  std::vector<std::string> pieces(std::begin(specialTokens), std::end(specialTokens));
  pieces.emplace_back("▁");
  for (char letter = '!'; letter <= '~'; ++letter)
    pieces.emplace_back(1, letter);
  addSyllables(pieces, size);
  Array vocabulary, added;
  // All pieces cost nearly the same, so the fewest are chosen; the difference decides ties.
  for (size_t id = 0; id < pieces.size(); ++id)
    vocabulary.push_back(
        Array{pieces[id], id < std::size(specialTokens) ? 0.0 : -8 - 1e-6 * double(id)});
  for (unsigned id = 0; id < std::size(specialTokens); ++id)
    added.push_back(Object{{"id", id},
                           {"content", specialTokens[id]},
                           {"single_word", false},
                           {"lstrip", false},
                           {"rstrip", false},
                           {"normalized", false},
                           {"special", true}});
  auto metaspace = [] {
    return Object{{"type", "Metaspace"},
                  {"replacement", "▁"},
                  {"prepend_scheme", "always"},
                  {"split", true}};
  };
  auto text = [] { return Object{{"Sequence", Object{{"id", "A"}, {"type_id", 0}}}}; };
  auto end = [] { return Object{{"SpecialToken", Object{{"id", "</s>"}, {"type_id", 0}}}}; };
  Object ending{{"id", "</s>"}, {"ids", Array{SpecialIds::eos}}, {"tokens", Array{"</s>"}}};
  Object json{{"version", "1.0"},
              {"truncation", nullptr},
              {"padding", nullptr},
              {"added_tokens", std::move(added)},
              {"normalizer", nullptr},
              {"pre_tokenizer", metaspace()},
              {"post_processor",
               Object{{"type", "TemplateProcessing"},
                      {"single", Array{text(), end()}},
                      {"pair", Array{text(), end()}},
                      {"special_tokens", Object{{"</s>", std::move(ending)}}}}},
              {"decoder", metaspace()},
              {"model", Object{{"type", "Unigram"},
                               {"unk_id", SpecialIds::unk},
                               {"byte_fallback", false},
                               {"vocab", std::move(vocabulary)}}}};
  return llvm::formatv("{0}\n", Value(std::move(json))).str();
}

std::string tokenizerConfigText() {
  return textOf(Object{{"tokenizer_class", "PreTrainedTokenizerFast"},
                       {"bos_token", "<s>"},
                       {"pad_token", "<pad>"},
                       {"eos_token", "</s>"},
                       {"unk_token", "<unk>"}});
}

} // namespace encdec
