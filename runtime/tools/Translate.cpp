//===- Translate.cpp - encdec translate: a line in, a line out ------------===//

#include "runtime/tools/Translate.h"

#include "runtime/tools/Decoding.h"
#include "runtime/tools/Input.h"
#include "runtime/tools/MarkedPart.h"
#include "runtime/tools/ModelFile.h"
#include "runtime/tools/Sentences.h"
#include "runtime/tools/Terminal.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <deque>
#include <optional>
#include <sstream>
#include <utility>
#include <unistd.h>

namespace encdec::tools {
namespace {

using Json = nlohmann::ordered_json;

/// A part of a line that is translated by itself.
struct Piece {
  TextPart part;
  uint64_t id = 0;     ///< Of its draws.
  uint64_t number = UINT64_MAX; ///< In the generation; none where it stays as it is.
  bool finished = false;
  std::string translation;
  Prefix prefix;

  // With --markup:
  Range within; ///< Of the line's plain text.
  std::optional<Shortened> bare; ///< What was translated, where placeholders got lost before.
  Attention attention;
  std::vector<std::pair<size_t, Range>> kept; ///< Placeholders of the translation.
};

struct Line {
  Source source;
  std::optional<MarkedText> marked; ///< Where the line has markup.
  bool isTranslated = false;        ///< Whether any piece is.
  std::deque<Piece> pieces;
  bool isReady() const {
    return std::ranges::all_of(pieces, &Piece::finished);
  }
};

class Translator {
public:
  explicit Translator(const TranslateArguments &arguments);
  /// The exit code: that of the first line that has no translation.
  int run();

private:
  void listLanguages() const;
  void translateLines(const std::string &file, LineReader &lines);
  void begin(Source source);
  void addPiece(Line &line, TextPart part, size_t begin, Prefix &prefix);
  std::vector<TextPart> partsOf(const std::string &text) const;
  std::vector<TextPart> clausesThatFit(const TextPart &sentence) const;
  bool fits(std::string_view text) const;
  Failure explained(const Failure &tooLong) const;
  void advance();
  void take(Piece &piece, Line &line);
  bool keepMarkup(Piece &piece, const Line &line, const encdec_result *result);
  std::string textOf(const Line &line) const;
  void answer(const Line &line);

  const TranslateArguments &arguments;
  Model model;
  std::optional<Decoding> decoding;
  std::optional<Prefixes> prefixes;
  std::optional<AttentionReader> attentions; ///< With --markup.
  std::deque<Line> pending;
  bool ended = false; ///< No further line is read.
  uint64_t count = 0; ///< Of pieces so far.
  int exitCode = 0;
};

Translator::Translator(const TranslateArguments &arguments) : arguments(arguments) {
  model = openModel(arguments.model, arguments.weights);
  const encdec_model_info info = modelInfo(model.get());
  if (info.decoder_layers == 0 || !info.has_tokenizer)
    throw usageFailure(fmt::format("{}: this model {}, so it translates no text",
                                   arguments.model,
                                   info.decoder_layers ? "has no tokenizer"
                                                       : "is an encoder only"));
  if (arguments.languages)
    return;
  const OptionArguments &wishes = arguments.generation;
  if (wishes.has("num_return_sequences"))
    throw usageFailure("--num-return-sequences: a line has one translation; `encdec generate` "
                       "gives more");
  check(encdec_options_set_integer(wishes.options.get(), "num_return_sequences", 1));
  if (info.sketch_bytes > 0 && !wishes.has("scores")) // a sketch is faster without them
    check(encdec_options_set_flag(wishes.options.get(), "scores", 0));
  if (arguments.markup)
    check(encdec_options_set_flag(wishes.options.get(), "probs", 1));
  if (arguments.markup && wishes.has("prompt_lookup_num_tokens")) {
    printWarning("--prompt-lookup-num-tokens: has no effect beside --markup, which reads "
                 "probabilities that prompt lookup does not give");
    check(encdec_options_unset(wishes.options.get(), "prompt_lookup_num_tokens"));
  }
  uint64_t ids = 0;
  if (wishes.has("source_language"))
    check(encdec_tokenize(model.get(), "", 0, wishes.options.get(), nullptr, 0, &ids));
  if (arguments.markup)
    attentions.emplace(model.get(), wishes);
  prefixes.emplace(arguments.prefixes, model.get(), wishes, /*fromIds=*/false);
  decoding.emplace(model.get(), wishes, arguments.threads, /*sources=*/0);
}

int Translator::run() {
  if (arguments.languages) {
    listLanguages();
    return 0;
  }
  if (arguments.files.empty()) {
    if (isatty(STDIN_FILENO))
      printHint("reading one text a line; end with Ctrl-D");
    LineReader lines;
    translateLines("", lines);
  }
  for (const std::string &path : arguments.files) {
    const InputFile file(path, "encdec translate");
    LineReader lines(file);
    translateLines(path, lines);
  }
  prefixes->finish();
  return exitCode;
}

void Translator::listLanguages() const {
  for (uint64_t i = 0; i < encdec_language_count(model.get()); ++i)
    print(written(encdec_language_code, model.get(), i) + "\n");
  if (!encdec_language_count(model.get()))
    printHint("this model has no languages to choose");
}

/// Lines are read and decoded ahead of the first one that is not ready, and written in order.
void Translator::translateLines(const std::string &file, LineReader &lines) {
  Progress progress("line");
  for (bool atEnd = false;;) {
    while (!atEnd && !ended && pending.size() < decoding->window()) {
      const bool wait = pending.empty();
      std::optional<Source> source = lines.next(wait);
      atEnd = !source && wait;
      if (!source)
        break;
      if (!file.empty())
        source->where = fmt::format("{}: {}", file, source->where);
      begin(std::move(*source));
    }
    if (pending.empty())
      return;
    advance();
    for (; !pending.empty() && pending.front().isReady(); progress.add(1)) {
      const Line line = std::move(pending.front());
      pending.pop_front();
      answer(line);
      flushResults();
    }
  }
}

/// Adds the pieces of a line; where one cannot be read, none is translated.
void Translator::begin(Source source) {
  Line &line = pending.emplace_back();
  line.source = std::move(source);
  Prefix prefix;
  std::optional<Failure> noPrefix; // a blank line has its line of prefixes, too
  try {
    prefix = prefixes->next();
  } catch (const Failure &failure) {
    noPrefix = failure;
  }
  if (line.source.refusal || line.source.text.find_first_not_of(" \t\v\f\r") == std::string::npos) {
    ended |= line.source.refusal && arguments.failFast;
    return;
  }
  const auto plain = [&line] { return line.marked ? line.marked->plain : line.source.text; };
  try {
    if (noPrefix)
      throw *noPrefix;
    if (arguments.markup)
      line.marked = takeTagsOut(line.source.text, arguments.standIn);
    if (line.marked && line.marked->marks.empty())
      line.marked.reset();
    size_t begin = 0;
    for (TextPart &part : partsOf(plain())) {
      const size_t size = part.text.size() + part.gap.size();
      addPiece(line, std::move(part), begin, prefix);
      begin += size;
    }
  } catch (const Failure &failure) {
    for (const Piece &piece : line.pieces)
      if (!piece.finished)
        decoding->remove(piece.number);
    const bool tooLong = failure.code == ENCDEC_ERROR_LIMIT &&
                         !std::ranges::all_of(partsOf(plain()), [this](auto &part) {
                           return fits(part.text);
                         });
    line.pieces.clear();
    line.source.refusal = tooLong ? explained(failure) : failure;
    ended |= arguments.failFast;
  }
}

/// Adds a piece; the first one that is translated gets the line's prefix. One that is markup
/// and marks alone stays as it is.
void Translator::addPiece(Line &line, TextPart part, size_t begin, Prefix &prefix) {
  Piece piece;
  piece.within = {begin, begin + part.text.size()};
  piece.id = count++;
  piece.part = std::move(part);
  if (piece.part.text.empty()) {
    piece.finished = true;
  } else if (line.marked && !hasWords(withoutPlaceholders(*line.marked, piece.within).text)) {
    piece.translation = piece.part.text;
    piece.finished = true;
    for (size_t i = 0; i < line.marked->marks.size(); ++i)
      if (const Range place = line.marked->marks[i].place; place.overlaps(piece.within))
        piece.kept.emplace_back(i, Range{place.begin - begin, place.end - begin});
    piece.attention = {{piece.within}, {{0, piece.within.size()}}, {1}};
  } else {
    piece.prefix = std::exchange(prefix, {});
    piece.number = decoding->addText(piece.part.text, piece.id, piece.prefix);
    line.isTranslated = true;
  }
  line.pieces.push_back(std::move(piece));
}

/// The refusal of a line that is too long, with the ways out that this command has.
Failure Translator::explained(const Failure &tooLong) const {
  const std::string message = tooLong.what(); // what is wrong; then what other callers can do
  return Failure(tooLong.code,
                 message.substr(0, message.find(';')) +
                     (arguments.split ? "; this part of the line has no mark to cut it at, but "
                                      : "; --split translates a line sentence by sentence, ") +
                     "--truncate cuts off what does not fit");
}

std::vector<TextPart> Translator::partsOf(const std::string &text) const {
  if (!arguments.split)
    return {{text, ""}};
  std::vector<TextPart> parts;
  for (TextPart &sentence : splitSentences(text)) {
    if (fits(sentence.text)) {
      parts.push_back(std::move(sentence));
      continue;
    }
    for (TextPart &clauses : clausesThatFit(sentence))
      parts.push_back(std::move(clauses));
  }
  return parts;
}

/// Clauses of a sentence, as many together as fit. One that alone does not fit is refused
/// later, as any text that is too long.
std::vector<TextPart> Translator::clausesThatFit(const TextPart &sentence) const {
  std::vector<TextPart> parts;
  for (const TextPart &clause : splitClauses(sentence.text)) {
    if (!parts.empty()) {
      const std::string together = parts.back().text + parts.back().gap + clause.text;
      if (fits(together)) {
        parts.back() = {together, clause.gap};
        continue;
      }
    }
    parts.push_back(clause);
  }
  parts.back().gap += sentence.gap;
  return parts;
}

bool Translator::fits(std::string_view text) const {
  uint64_t ids = 0;
  encdec_status *status =
      encdec_tokenize(model.get(), text.data(), text.size(),
                      arguments.generation.options.get(), nullptr, 0, &ids);
  const bool tooLong = encdec_status_code(status) == ENCDEC_ERROR_LIMIT;
  encdec_status_free(status);
  return !tooLong;
}

void Translator::advance() {
  decoding->advance();
  for (encdec_event event; decoding->nextEvent(event);) {
    if (event.kind != ENCDEC_EVENT_FINISHED)
      continue;
    const uint64_t number = event.source;
    for (Line &line : pending)
      if (auto piece = std::ranges::find(line.pieces, number, &Piece::number);
          piece != line.pieces.end())
        take(*piece, line);
  }
}

void Translator::take(Piece &piece, Line &line) {
  const Generated result = decoding->take(piece.number);
  auto read = sized<encdec_source>();
  check(encdec_result_source(result.get(), 0, &read));
  if (read.sequence_count > 0) {
    auto sequence = sized<encdec_sequence>();
    check(encdec_result_get(result.get(), 0, 0, &sequence));
    piece.translation = {sequence.text, sequence.text_size};
    if (const auto begins = prefixes->whole(piece.prefix, {}); !begins.empty())
      piece.translation = detokenized(
          model.get(), prefixes->whole(piece.prefix, {sequence.ids, sequence.id_count}));
    if (line.marked && !keepMarkup(piece, line, result.get()))
      return; // it is translated again
  }
  piece.finished = true;
  std::istringstream warnings(read.warnings);
  for (std::string warning; std::getline(warnings, warning);) {
    if (read.sequence_count > 0)
      printWarning(line.source.where + ": " + warning);
    else
      line.source.refusal = Failure(ENCDEC_ERROR_FAILURE, warning);
  }
}

/// Takes what is needed to put the line's markup back. Where the translation has not kept the
/// placeholders, it begins one without them and returns false.
bool Translator::keepMarkup(Piece &piece, const Line &line, const encdec_result *result) {
  const MarkedText &marked = *line.marked;
  const std::string &source = piece.bare ? piece.bare->text : piece.part.text;
  piece.attention = attentions->read(source, result, prefixes->whole(piece.prefix, {}));
  for (Range &range : piece.attention.source)
    range = piece.bare ? Range{piece.bare->origin[range.begin], piece.bare->origin[range.end]}
                       : Range{range.begin + piece.within.begin, range.end + piece.within.begin};
  if (piece.bare)
    return true;
  if (auto found = findPlaceholders(marked, piece.within, piece.translation, arguments.standIn,
                                    piece.attention)) {
    piece.kept = std::move(*found);
    return true;
  }
  piece.bare = withoutPlaceholders(marked, piece.within);
  piece.number = decoding->addText(piece.bare->text, piece.id, piece.prefix);
  return false;
}

std::string Translator::textOf(const Line &line) const {
  if (line.marked && !line.isTranslated)
    return line.source.text;
  Translation made;
  for (const Piece &piece : line.pieces) {
    const size_t begin = made.text.size();
    made.text += piece.translation + piece.part.gap;
    if (!line.marked)
      continue;
    made.parts.push_back(piece.attention);
    for (Range &range : made.parts.back().target)
      range = {range.begin + begin, range.end + begin};
    for (const auto &[mark, range] : piece.kept)
      made.kept.emplace_back(mark, Range{range.begin + begin, range.end + begin});
  }
  std::string text = line.marked ? putBack(*line.marked, made) : made.text;
  std::ranges::replace(text, '\n', ' '); // a line stays one
  return text;
}

void Translator::answer(const Line &line) {
  std::string text = textOf(line);
  Json object = {{"text", text}};
  if (line.source.refusal) {
    const Failure &failure = *line.source.refusal;
    const std::string message = line.source.where + ": " + failure.what();
    if (arguments.failFast)
      throw Failure(failure.code, message);
    printError(message);
    if (!exitCode)
      exitCode = failure.code;
    text.clear();
    object = {{"text", nullptr}, {"error", failure.what()}};
  } else if (arguments.split) {
    object["sentences"] = Json::array();
    for (const Piece &piece : line.pieces)
      if (!piece.part.text.empty())
        object["sentences"].push_back(
            {{"source", piece.part.text}, {"text", piece.translation}});
  }
  print((arguments.json ? object.dump(-1, ' ', false, Json::error_handler_t::replace) : text) +
        "\n");
}

} // namespace

int translate(const TranslateArguments &arguments) { return Translator(arguments).run(); }

} // namespace encdec::tools
