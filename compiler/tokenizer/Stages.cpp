//===- Stages.cpp - reads normalizers, pre-tokenizers, decoders -----------===//

#include "compiler/tokenizer/Stage.h"

#include "compiler/tokenizer/CharsMap.h"
#include "compiler/tokenizer/Pattern.h"
#include "encdec/tokenizer.h"
#include "runtime/base/Utf8.h"

#include <algorithm>

namespace encdec::tokenizer {

namespace {

constexpr std::string_view metaspaceSymbol = "\xE2\x96\x81"; // U+2581

/// Decodes base64 (RFC 4648) with its padding.
std::optional<std::string> decodeBase64(std::string_view text) {
  if (text.size() % 4)
    return std::nullopt;
  auto digit = [](char c) {
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '+'             ? 62
           : c == '/'             ? 63
                                  : -1;
  };
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  for (size_t i = 0; i < text.size(); i += 4) {
    const bool last = i + 4 == text.size();
    const int padding = last ? (text[i + 3] == '=') + (text[i + 2] == '=') : 0;
    int32_t value = 0;
    for (int j = 0; j < 4; ++j) {
      const int six = j >= 4 - padding && text[i + size_t(j)] == '='
                          ? 0
                          : digit(text[i + size_t(j)]);
      if (six < 0)
        return std::nullopt;
      value = value << 6 | six;
    }
    for (int j = 0; j < 3 - padding; ++j)
      bytes += char(value >> (16 - 8 * j));
  }
  return bytes;
}

CharsMap precompiledMap(Stage &stage) {
  const JsonValue *value = stage.get("precompiled_charsmap");
  if (!value)
    return {};
  const std::string *text = value->asText();
  std::optional<std::string> bytes =
      text ? decodeBase64(*text) : std::optional<std::string>();
  if (!bytes) {
    stage.fail("precompiled_charsmap", "base64");
    return {};
  }
  auto map = readCharsMap(*bytes, 0).withContext(stage.fileName() +
                                                 ": precompiled_charsmap");
  if (map.ok())
    return std::move(*map);
  stage.failWith(std::move(map).status());
  return {};
}

/// The alternatives of {"String": literal} or {"Regex": regex}, never of both.
std::vector<Alternative> readPattern(Stage &stage) {
  const JsonValue *pattern = stage.get("pattern");
  const bool isOne = pattern && pattern->kind == JsonValue::Object &&
                     pattern->items.size() == 1;
  const std::string *text = isOne ? pattern->items[0].asText() : nullptr;
  const bool isRegex = text && pattern->keys[0] == "Regex";
  if (!text || (!isRegex && (pattern->keys[0] != "String" || text->empty()))) {
    stage.fail("pattern", "either {\"String\": ...} or {\"Regex\": ...}");
    return {};
  }
  if (!isRegex)
    return {{.what = {.text = *text}}};
  auto parsed = parsePattern(*text)
                    .withContext(stage.fileName() + ": pattern");
  if (parsed.ok())
    return std::move(*parsed);
  stage.failWith(std::move(parsed).status());
  return {};
}

LiteralSplit readSplit(Stage &stage) {
  LiteralSplit split;
  for (Alternative &each : readPattern(stage)) {
    if (each.what.kind != ReplacePattern::Kind::Literal || each.atStart || each.atEnd)
      stage.fail("pattern", "literals and no anchors, as \"<x>|<y>\"");
    split.literals.push_back(std::move(each.what.text));
  }
  if (stage.needText("behavior") != "Isolated")
    stage.fail("behavior", "\"Isolated\"");
  if (stage.flag("invert", false))
    stage.fail("invert", "false");
  return split;
}

PrependScheme readPrepend(Stage &stage) {
  const std::string symbol = stage.text("replacement", metaspaceSymbol);
  if (symbol != metaspaceSymbol)
    stage.fail("replacement", "\"\u2581\"");
  if (stage.text("str_rep", metaspaceSymbol) != metaspaceSymbol)
    stage.fail("str_rep", "\"\u2581\"");
  const bool addsSpace = stage.flag("add_prefix_space", true);
  const std::string scheme =
      stage.text("prepend_scheme", addsSpace ? "always" : "never");
  if (scheme == "always")
    return PrependScheme::Always;
  if (scheme == "first")
    return PrependScheme::First;
  if (scheme != "never")
    stage.fail("prepend_scheme", "\"always\", \"first\" or \"never\"");
  return PrependScheme::Never;
}

} // namespace

Result<std::vector<NormalizerStage>> readNormalizer(const JsonPlace &place,
                                                    const CharsMap &charsMap) {
  static constexpr std::string_view known[] = {
      "Sequence", "Precompiled", "NFC",     "NFD",   "NFKC",
      "NFKD",     "Lowercase",   "Replace", "Strip", "Prepend"};
  std::vector<NormalizerStage> stages;
  auto read = [&](const JsonPlace &, Stage &stage) -> Status {
    static constexpr std::string_view forms[] = {"NFC", "NFD", "NFKC", "NFKD"};
    const auto form = std::ranges::find(forms, stage.type);
    if (form != std::end(forms)) {
      stages.push_back(UnicodeNormalizer{UnicodeForm(form - forms)});
    } else if (stage.type == "Precompiled") {
      CharsMap map = precompiledMap(stage);
      if (map.units.empty())
        map = charsMap;
      if (!map.units.empty())
        stages.push_back(PrecompiledNormalizer{std::move(map)});
    } else if (stage.type == "Lowercase") {
      stages.push_back(LowercaseNormalizer{});
    } else if (stage.type == "Replace") {
      const std::vector<Alternative> alternatives = readPattern(stage);
      auto made = replaceStage(alternatives, stage.needText("content"));
      if (!made)
        stage.fail("pattern",
                   "\\A in front of all alternatives, or runs at the ends with "
                   "content \"\", as \"\\A +| +\\z\"");
      else
        stages.push_back(std::move(*made));
    } else if (stage.type == "Strip") {
      const bool left = stage.flag("strip_left", true);
      stages.push_back(
          StripNormalizer{left, stage.flag("strip_right", true), {}});
    } else if (stage.type == "Prepend") {
      stages.push_back(PrependNormalizer{stage.needText("prepend")});
    } else {
      return stage.unknown(known);
    }
    return stage.finish();
  };
  ENCDEC_RETURN_IF_ERROR(forEachStage(place, "normalizers", read));
  return stages;
}

Result<CharsMap> findCharsMap(const JsonPlace &normalizer) {
  CharsMap found;
  auto read = [&](const JsonPlace &, Stage &stage) -> Status {
    if (stage.type == "Precompiled" && found.units.empty())
      found = precompiledMap(stage);
    return stage.status();
  };
  ENCDEC_RETURN_IF_ERROR(forEachStage(normalizer, "normalizers", read));
  return found;
}

Result<std::vector<PreTokenizerStage>>
readPreTokenizer(const JsonPlace &place) {
  static constexpr std::string_view known[] = {"Sequence", "WhitespaceSplit",
                                               "Metaspace", "ByteLevel",
                                               "Split"};
  std::vector<PreTokenizerStage> stages;
  auto read = [&](const JsonPlace &, Stage &stage) -> Status {
    if (stage.type == "WhitespaceSplit") {
      stages.push_back(WhitespaceSplit{});
    } else if (stage.type == "Metaspace") {
      const PrependScheme prepend = readPrepend(stage);
      stages.push_back(Metaspace{prepend, stage.flag("split", true)});
    } else if (stage.type == "ByteLevel") {
      const bool addPrefixSpace = stage.flag("add_prefix_space", true);
      stages.push_back(
          ByteLevelSplit{addPrefixSpace, stage.flag("use_regex", true)});
      stage.flag("trim_offsets", true); // means something in a post-processor only
    } else if (stage.type == "Split") {
      stages.push_back(readSplit(stage));
    } else {
      return stage.unknown(known);
    }
    return stage.finish();
  };
  ENCDEC_RETURN_IF_ERROR(forEachStage(place, "pretokenizers", read));
  return stages;
}

static StripDecoder readStripDecoder(Stage &stage) {
  StripDecoder strip{.from = stage.needText("content")};
  if (strip.from.empty() || validCharLength(strip.from) != strip.from.size())
    stage.fail("content", "one character");
  strip.start = uint32_t(stage.count("start", 0, 0, 1000));
  strip.stop = uint32_t(stage.count("stop", 0, 0, 1000));
  return strip;
}

static ReplaceDecoder readReplaceDecoder(Stage &stage) {
  const std::vector<Alternative> alternatives = readPattern(stage);
  ReplaceDecoder replace;
  replace.to = stage.needText("content");
  if (alternatives.size() == 1 && !alternatives[0].atStart && !alternatives[0].atEnd &&
      alternatives[0].what.kind == ReplacePattern::Kind::Literal)
    replace.from = alternatives[0].what.text;
  else
    stage.fail("pattern", "{\"String\": ...}");
  return replace;
}

Result<std::vector<DecoderStage>> readDecoder(const JsonPlace &place) {
  if (place.value->isNull())
    return badModel(place.where +
                    ": null, which joins pieces by spaces, is not supported");
  static constexpr std::string_view known[] = {
      "Sequence",     "Metaspace", "ByteLevel", "Replace",
      "ByteFallback", "Fuse",      "Strip"};
  std::vector<DecoderStage> stages;
  bool fused = false;
  auto read = [&](const JsonPlace &where, Stage &stage) -> Status {
    if (stage.type == "Fuse") {
      fused = true;
    } else if (stage.type == "Metaspace") {
      stages.push_back(MetaspaceDecoder{readPrepend(stage)});
      stage.flag("split", true); // of the pre-tokenizer alone
    } else if (stage.type == "ByteLevel") {
      stages.push_back(ByteLevelDecoder{});
      for (const char *key : {"add_prefix_space", "trim_offsets", "use_regex"})
        stage.flag(key, true); // of the pre-tokenizer and the post-processor
    } else if (stage.type == "Replace") {
      stages.push_back(readReplaceDecoder(stage));
    } else if (stage.type == "ByteFallback") {
      stages.push_back(ByteFallbackDecoder{});
    } else if (stage.type == "Strip") {
      stages.push_back(readStripDecoder(stage));
      if (!fused) // it would strip each name
        return badModel(where.where + ": Strip is supported behind Fuse only");
    } else {
      return stage.unknown(known);
    }
    return stage.finish();
  };
  ENCDEC_RETURN_IF_ERROR(forEachStage(place, "decoders", read));
  return stages;
}

} // namespace encdec::tokenizer
