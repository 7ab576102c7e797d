//===- Translate.cpp - encdec translate: a line in, a line out ------------===//

#include "runtime/tools/Decoding.h"
#include "runtime/tools/Input.h"
#include "runtime/tools/ModelFile.h"
#include "runtime/tools/Sentences.h"
#include "runtime/tools/Terminal.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <deque>
#include <optional>
#include <sstream>
#include <unistd.h>

namespace encdec::tools {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char *footer = R"(Examples:
  encdec translate en-fr.encdec < english.txt > french.txt
  encdec translate en-fr.encdec --split letter.txt notes.txt
  encdec translate many.encdec --from en --to fr < english.txt
  encdec translate many.encdec --languages
  encdec translate en-fr.encdec --json --beams 8 < english.txt

Each line is translated by itself, and blank lines stay blank, so that line n of the output
belongs to line n of the input. --split cuts lines into sentences, translates each and puts
the white space between them back; a sentence too long for the model is cut behind commas and
the like, where that helps. Sentences are told by their marks alone: "Dr. Smith" is cut. A
line that cannot be translated gets a blank line, or a JSON object with "error"; a message
says which it is, and the exit code is that of the first one.)";

struct TranslateArguments {
  std::string model, weights;
  std::vector<std::string> files;
  OptionArguments generation;
  uint32_t threads = 0;
  bool json = false, split = false, languages = false, failFast = false;
};

/// A part of a line that is translated by itself.
struct Piece {
  TextPart part;
  uint64_t number; ///< In the generation.
  bool finished = false;
  std::string translation;
};

struct Line {
  Source source;
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
  void translateLines(const std::string &file, int descriptor);
  void begin(Source source);
  std::vector<TextPart> partsOf(const std::string &text) const;
  std::vector<TextPart> clausesThatFit(const TextPart &sentence) const;
  bool fits(std::string_view text) const;
  void advance();
  void take(Piece &piece, Line &line);
  void answer(const Line &line);

  const TranslateArguments &arguments;
  Model model;
  std::optional<Decoding> decoding;
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
  uint64_t ids = 0;
  if (wishes.has("source_language"))
    check(encdec_tokenize(model.get(), "", 0, wishes.options.get(), nullptr, 0, &ids));
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
    translateLines("", STDIN_FILENO);
  }
  for (const std::string &path : arguments.files) {
    const InputFile file(path, "encdec translate");
    translateLines(path, file.descriptor());
  }
  return exitCode;
}

void Translator::listLanguages() const {
  for (uint64_t i = 0; i < encdec_language_count(model.get()); ++i) {
    uint64_t size = 0;
    check(encdec_language_code(model.get(), i, nullptr, 0, &size));
    std::string code(size, 0);
    check(encdec_language_code(model.get(), i, code.data(), size, &size));
    print(code + "\n");
  }
}

/// Lines are read and decoded ahead of the first one that is not ready, and written in order.
void Translator::translateLines(const std::string &file, int descriptor) {
  LineReader lines(descriptor);
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
  if (line.source.refusal || line.source.text.find_first_not_of(" \t\v\f\r") == std::string::npos) {
    ended |= line.source.refusal && arguments.failFast;
    return;
  }
  try {
    for (TextPart &part : partsOf(line.source.text)) {
      const uint64_t number = decoding->addText(part.text, count++);
      line.pieces.push_back({std::move(part), number, false, ""});
    }
  } catch (const Failure &failure) {
    for (const Piece &piece : line.pieces)
      decoding->remove(piece.number);
    line.pieces.clear();
    line.source.refusal = failure;
    ended |= arguments.failFast;
  }
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
  piece.finished = true;
  const Generated result = decoding->take(piece.number);
  auto read = sized<encdec_source>();
  check(encdec_result_source(result.get(), 0, &read));
  std::istringstream warnings(read.warnings);
  for (std::string warning; std::getline(warnings, warning);) {
    if (read.sequence_count > 0)
      printWarning(line.source.where + ": " + warning);
    else
      line.source.refusal = Failure(ENCDEC_ERROR_FAILURE, warning);
  }
  if (read.sequence_count == 0)
    return;
  auto sequence = sized<encdec_sequence>();
  check(encdec_result_get(result.get(), 0, 0, &sequence));
  piece.translation.assign(sequence.text, sequence.text_size);
}

void Translator::answer(const Line &line) {
  std::string text;
  for (const Piece &piece : line.pieces)
    text += piece.translation + piece.part.gap;
  std::ranges::replace(text, '\n', ' '); // a line stays one
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
      object["sentences"].push_back(
          {{"source", piece.part.text}, {"text", piece.translation}});
  }
  print((arguments.json ? object.dump(-1, ' ', false, Json::error_handler_t::replace) : text) +
        "\n");
}

/// --from and --to, other names of --source-language and --target-language.
void addPair(CLI::App *command, OptionArguments &arguments) {
  const auto add = [&](const char *name, const char *option, const char *help) {
    command
        ->add_option(
            name,
            [&arguments, option](const CLI::results_t &values) {
              const std::string &value = values.back();
              check(encdec_options_set_text(arguments.options.get(), option, value.data(),
                                            value.size()));
              arguments.given.insert(option);
              return true;
            },
            help)
        ->type_name("CODE")
        ->check(notEmpty());
  };
  add("--from", "source_language", "Language of the lines, for models of several");
  add("--to", "target_language", "Language to write, for models of several");
}

} // namespace

void addTranslate(CLI::App &root, Action &action) {
  auto arguments = std::make_shared<TranslateArguments>();
  CLI::App *command = root.add_subcommand(
      "translate", "Translate lines of files or of standard input, one line for each");
  command->footer(footer);
  command
      ->add_option("MODEL", arguments->model,
                   "A bundle made by `encdec compile`, or a checkpoint folder")
      ->type_name("")
      ->required();
  command->add_option("FILES", arguments->files, "Files to read instead of standard input")
      ->type_name("");
  command->add_flag("--split", arguments->split,
                    "Translate each sentence of a line by itself");
  command->add_flag("--languages", arguments->languages,
                    "List the languages that the model can be told, and end");
  command->add_flag("--json", arguments->json,
                    "One JSON object a line: text, and with --split the sentences");
  command->add_flag("--fail-fast", arguments->failFast,
                    "End at the first line that cannot be translated");
  addThreads(command, arguments->threads);
  addWeights(command, arguments->weights);
  addGenerationOptions(command, arguments->generation);
  addPair(command, arguments->generation);
  command->callback([arguments, &action] {
    action = [arguments] { return Translator(*arguments).run(); };
  });
}

} // namespace encdec::tools
