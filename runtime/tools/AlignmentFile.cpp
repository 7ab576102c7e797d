//===- AlignmentFile.cpp - where --alignments goes ------------------------===//

#include "runtime/tools/AlignmentFile.h"
#include "runtime/tools/AlignmentPage.h"
#include "runtime/tools/ModelFile.h"
#include "runtime/tools/Prefix.h"
#include "runtime/tools/WordAlignment.h"

#include <fmt/format.h>

namespace encdec::tools {

using Json = nlohmann::ordered_json;

/// One source and its best sequence.
struct AlignmentFile::Sentence {
  std::string sourceText, targetText;
  std::vector<std::string> source, target; ///< Pieces.
  std::vector<Word> sourceWords, targetWords;
  uint64_t layers, heads;
  std::vector<float> probs; ///< [L][H][T][S]; zeros for the tokens of a prefix.

  size_t S() const { return source.size(); }
  size_t T() const { return target.size(); }
  /// [H][T][S] of a layer, from 1.
  std::span<const float> layer(uint64_t number) const {
    const size_t size = heads * T() * S();
    return std::span(probs).subspan((number - 1) * size, size);
  }
};

AlignmentFile::Form AlignmentFile::formOf(const std::string &path) {
  constexpr std::pair<std::string_view, Form> endings[] = {{".svg", Form::Picture},
                                                           {".html", Form::Page},
                                                           {".json", Form::Json},
                                                           {".txt", Form::Pharaoh}};
  for (const auto &[ending, form] : endings)
    if (path.ends_with(ending))
      return form;
  throw usageFailure(fmt::format(
      "--alignments: expected a name that ends in .svg (a picture), .html (a page), .json or "
      ".txt (Pharaoh's links of words), got '{}'",
      path));
}

AlignmentFile::AlignmentFile(const GenerateArguments &arguments, const encdec_model *model)
    : arguments(arguments), model(model), info(modelInfo(model)),
      form(formOf(arguments.alignments)), reader(model, arguments.generation) {
  for (uint64_t i = 0; i < encdec_language_count(model); ++i)
    languages.insert(written(encdec_language_code, model, i));
}

/// Labels of ids: the tokenizer's pieces, or the numbers.
std::vector<std::string> AlignmentFile::pieces(bool target, const int32_t *ids,
                                               uint64_t count) const {
  std::vector<std::string> labels;
  for (uint64_t i = 0; i < count; ++i) {
    if (!info.has_tokenizer) {
      labels.push_back(std::to_string(ids[i]));
      continue;
    }
    labels.push_back(written(encdec_piece, model, target, ids[i]));
  }
  return labels;
}

/// Which pieces are no part of a word: those that no text shows, such as the end, and
/// languages. A source's ids need not be in the target's vocabulary, so their names decide.
std::vector<bool> AlignmentFile::specialOf(bool target, const int32_t *ids,
                                           const std::vector<std::string> &pieces) const {
  std::vector<bool> all(pieces.size());
  for (size_t i = 0; i < pieces.size() && info.has_tokenizer; ++i) {
    uint64_t size = 0;
    if (target)
      check(encdec_detokenize(model, ids + i, 1, nullptr, 0, &size));
    const std::string &piece = pieces[i];
    // A SentencePiece mark alone shows no text of its own either, but begins a word.
    const bool mark = piece == "\u2581" || piece == "\u0120";
    const bool isName = piece.starts_with('<') && piece.ends_with('>') && piece != "<unk>" &&
                        !piece.starts_with("<0x");
    all[i] = languages.contains(piece) || isName || (target && size == 0 && !mark);
  }
  return all;
}

void AlignmentFile::add(const Source &source, const encdec_result *result,
                        std::span<const int32_t> prefix) {
  ++count;
  Sentence sentence;
  auto read = sized<encdec_source>();
  check(encdec_result_source(result, 0, &read));
  auto sequence = sized<encdec_sequence>();
  check(encdec_result_get(result, 0, /*rank=*/0, &sequence));
  sentence.source = pieces(false, read.ids, read.id_count);
  const std::vector<int32_t> ids = behind(prefix, {sequence.ids, sequence.id_count});
  sentence.target = pieces(true, ids.data(), ids.size());
  const std::vector<bool> special = specialOf(false, read.ids, sentence.source);
  if (source.ids.empty()) {
    std::vector<Range> bytes = reader.sourceRanges(source.text, read.id_count);
    for (size_t i = 0; i < bytes.size(); ++i)
      if (special[i])
        bytes[i] = {};
    sentence.sourceWords = wordsIn(source.text, bytes);
  } else {
    sentence.sourceWords = wordsOf(sentence.source, special);
  }
  sentence.targetWords = wordsOf(sentence.target, specialOf(true, ids.data(), sentence.target));
  sentence.layers = sequence.layers;
  sentence.heads = sequence.heads;
  const float *made = sequence.probs; // [L][H][T - prefix][S]
  for (uint64_t head = 0; head < sequence.layers * sequence.heads; ++head) {
    sentence.probs.resize(sentence.probs.size() + prefix.size() * sentence.S());
    const size_t size = sequence.id_count * sentence.S();
    sentence.probs.insert(sentence.probs.end(), made, made + size);
    made += size;
  }
  sentence.sourceText =
      source.ids.empty() ? source.text : fmt::format("{}", fmt::join(source.ids, " "));
  if (sequence.text)
    sentence.targetText =
        prefix.empty() ? std::string(sequence.text, sequence.text_size) : detokenized(model, ids);
  switch (form) {
  case Form::Picture:
    return draw(sentence);
  case Form::Page:
    sentences.push_back(describe(sentence));
    return;
  case Form::Json:
  case Form::Pharaoh:
    lines += addWords(sentence) + "\n";
  }
}

void AlignmentFile::addNothing() {
  ++count;
  if (form == Form::Json || form == Form::Pharaoh)
    lines += form == Form::Json ? "null\n" : "\n";
}

// FILE.svg for the first source, FILE-2.svg for the second, and so on.
void AlignmentFile::draw(const Sentence &sentence) const {
  AlignmentPicture picture;
  picture.sourcePieces = sentence.source;
  picture.targetPieces = sentence.target;
  picture.sourceText = sentence.sourceText;
  picture.targetText = sentence.targetText;
  picture.heads = sentence.heads;
  picture.layers = sentence.layers;
  picture.layer = arguments.alignmentLayer ? arguments.alignmentLayer : picture.layers;
  const auto layer = sentence.layer(picture.layer);
  picture.probs.assign(layer.begin(), layer.end());
  std::string path = arguments.alignments;
  if (count > 1)
    path.insert(path.find_last_of('.'), fmt::format("-{}", count));
  keepModel(arguments.model, path, "--alignments");
  replaceFile(path, drawAlignments(picture), "--alignments:");
}

/// The links of words in the form of the file; the layer's heads are averaged.
std::string AlignmentFile::addWords(const Sentence &sentence) const {
  const uint64_t layer =
      arguments.alignmentLayer ? arguments.alignmentLayer : sentence.layers;
  const WordAlignment words =
      alignWords(sentence.sourceWords, sentence.targetWords, sentence.layer(layer),
                 sentence.heads, sentence.S());
  if (form == Form::Pharaoh)
    return pharaoh(words);
  Json object = {{"text", sentence.sourceText}, {"translation", sentence.targetText}};
  for (const auto &[key, side] : {std::pair("source", &words.source), {"target", &words.target}})
    for (const Word &word : *side)
      object[key].push_back(word.text);
  object["links"] = words.links;
  const size_t width = words.source.size();
  for (size_t t = 0; t < words.target.size(); ++t)
    object["probs"].push_back(std::vector<float>(words.probs.begin() + int64_t(t * width),
                                                 words.probs.begin() + int64_t((t + 1) * width)));
  object["source_pieces"] = sentence.source;
  object["target_pieces"] = sentence.target;
  object["layer"] = layer;
  return object.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// What the page knows of a sentence. Three digits of each probability are as many as it
/// shows.
Json AlignmentFile::describe(const Sentence &sentence) const {
  Json object = {{"text", sentence.sourceText},
                 {"source", sentence.source},
                 {"target", sentence.target}};
  auto listed = [](const std::vector<Word> &words) {
    Json all = Json::array();
    for (const Word &word : words)
      all.push_back({{"text", word.text}, {"begin", word.begin}, {"end", word.end}});
    return all;
  };
  object["source_words"] = listed(sentence.sourceWords);
  object["target_words"] = listed(sentence.targetWords);
  const size_t S = sentence.S(), T = sentence.T();
  for (uint64_t number = 1; number <= sentence.layers; ++number) {
    const auto layer = sentence.layer(number);
    Json heads = Json::array();
    for (uint64_t head = 0; head < sentence.heads; ++head) {
      Json rows = Json::array();
      for (size_t t = 0; t < T; ++t) {
        Json row = Json::array();
        for (size_t s = 0; s < S; ++s)
          row.push_back(int(layer[(head * T + t) * S + s] * 1000 + 0.5f) / 1000.0);
        rows.push_back(std::move(row));
      }
      heads.push_back(std::move(rows));
    }
    object["probs"].push_back(std::move(heads));
  }
  return object;
}

void AlignmentFile::finish() const {
  if (form == Form::Picture)
    return;
  replaceFile(arguments.alignments, form == Form::Page ? alignmentPage(sentences) : lines,
              "--alignments:");
}

} // namespace encdec::tools
