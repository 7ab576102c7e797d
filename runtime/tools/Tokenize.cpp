//===- Tokenize.cpp - encdec tokenize: text to ids and back ---------------===//

#include "runtime/base/Utf8.h"
#include "runtime/tools/Input.h"
#include "runtime/tools/ModelFile.h"
#include "runtime/tools/Support.h"
#include "runtime/tools/Terminal.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <memory>
#include <unistd.h>

namespace encdec::tools {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t batchLimit = 1024;

constexpr const char *footer = R"(Examples:
  encdec tokenize en-fr.encdec < english.txt
  encdec tokenize en-fr.encdec --json < english.txt
  encdec tokenize en-fr.encdec --target-side < french.txt | encdec tokenize en-fr.encdec --detokenize
  encdec tokenize many.encdec --source-lang en --target-lang fr < english.txt

Each line of standard input is one text; with --detokenize, one line of ids. Results come
in input order, one line each. In JSON, "offsets" has the first byte of the text and the
one behind the last for each id; ids that stand for no text have equal ones. A line that
cannot be read gets a blank line, or a JSON object with "error"; a message says which it
is, and the exit code is that of the first one.)";

struct TokenizeArguments {
  std::string model, sourceLanguage, targetLanguage;
  bool json = false, detokenize = false, targetSide = false, specialTokens = false,
       bare = false;
};

class Tokenizer {
public:
  explicit Tokenizer(const TokenizeArguments &arguments);
  int run();

private:
  void answer(const Source &line);
  void tokenize(const Source &line);
  void detokenize(const Source &line);
  std::string pieceOf(int32_t id) const;
  std::string textOf(const std::vector<int32_t> &ids) const;
  void printJson(const Json &object) const {
    print(object.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
  }

  const TokenizeArguments &arguments;
  Model model;
  encdec_tokenize_options options = encdec_tokenize_options_default();
  int exitCode = 0;
};

Tokenizer::Tokenizer(const TokenizeArguments &arguments) : arguments(arguments) {
  if (arguments.detokenize && (arguments.targetSide || arguments.specialTokens ||
                               arguments.bare || !arguments.sourceLanguage.empty() ||
                               !arguments.targetLanguage.empty()))
    throw usageFailure("--detokenize reads ids of the target: --target-side, "
                       "--special-tokens, --bare and languages say how to read text");
  model = openModel(arguments.model, {});
  if (!modelInfo(model.get()).has_tokenizer)
    throw usageFailure(fmt::format("{}: this model has no tokenizer", arguments.model));
  options.target_side = arguments.targetSide;
  options.special_tokens = arguments.specialTokens;
  options.bare = arguments.bare;
  uint64_t language = 0;
  if (!arguments.sourceLanguage.empty()) {
    options.source_language = arguments.sourceLanguage.c_str();
    check(encdec_find_language(model.get(), options.source_language, &language));
  }
  if (!arguments.targetLanguage.empty()) {
    options.target_language = arguments.targetLanguage.c_str();
    check(encdec_find_language(model.get(), options.target_language, &language));
  }
}

int Tokenizer::run() {
  if (isatty(STDIN_FILENO))
    printHint("reading one line after the other; end with Ctrl-D");
  LineReader lines;
  for (std::vector<Source> batch; !(batch = lines.batch(batchLimit)).empty();) {
    for (const Source &line : batch)
      answer(line);
    flushResults();
  }
  return exitCode;
}

void Tokenizer::answer(const Source &line) {
  try {
    if (line.refusal)
      throw *line.refusal;
    if (arguments.detokenize)
      detokenize(line);
    else
      tokenize(line);
  } catch (const Failure &failure) {
    printError(line.where + ": " + failure.what());
    if (arguments.json)
      printJson({{"error", failure.what()}});
    else
      print("\n");
    if (!exitCode)
      exitCode = failure.code;
  }
}

std::string Tokenizer::pieceOf(int32_t id) const {
  return written(encdec_piece, model.get(), arguments.targetSide, id);
}

void Tokenizer::tokenize(const Source &line) {
  const std::string &text = line.text;
  warnOfBrokenText(line.where, text);
  // An id stands for at least one byte, but for the few around a text.
  std::vector<int32_t> ids(text.size() + 16);
  std::vector<encdec_text_range> ranges(arguments.json ? ids.size() : 0);
  uint64_t count = 0;
  for (;;) {
    check(encdec_tokenize_text(model.get(), text.data(), text.size(), &options, ids.data(),
                               arguments.json ? ranges.data() : nullptr, ids.size(),
                               &count));
    if (count <= ids.size())
      break;
    ids.resize(count);
    ranges.resize(arguments.json ? count : 0);
  }
  ids.resize(count);
  if (!arguments.json)
    return print(fmt::format("{}\n", fmt::join(ids, " ")));
  Json pieces = Json::array(), offsets = Json::array();
  for (uint64_t i = 0; i < count; ++i) {
    pieces.push_back(pieceOf(ids[i]));
    offsets.push_back({ranges[i].begin, ranges[i].end});
  }
  printJson({{"ids", ids}, {"pieces", pieces}, {"offsets", offsets}});
}

std::string Tokenizer::textOf(const std::vector<int32_t> &ids) const {
  return written(encdec_detokenize, model.get(), ids.data(), ids.size());
}

void Tokenizer::detokenize(const Source &line) {
  std::vector<int32_t> ids;
  if (line.text.find_first_not_of(" \t\v\f\r") != std::string::npos)
    ids = parseIds(line.text);
  std::string text = textOf(ids);
  if (arguments.json)
    return printJson({{"text", text}});
  std::replace(text.begin(), text.end(), '\n', ' '); // one line each
  print(text + "\n");
}

} // namespace

void addTokenize(CLI::App &root, Action &action) {
  auto arguments = std::make_shared<TokenizeArguments>();
  CLI::App *command = root.add_subcommand(
      "tokenize", "Show the token ids of texts, or the texts of token ids");
  command->footer(footer);
  command
      ->add_option("MODEL", arguments->model,
                   "A bundle made by `encdec compile`, or a checkpoint folder")
      ->type_name("")
      ->required();
  command->add_flag("--detokenize", arguments->detokenize,
                    "Read ids and print the text that they are, special tokens left out");
  command->add_flag("--json", arguments->json,
                    "One JSON object a line: ids, pieces, offsets in bytes");
  command->add_flag("--target-side", arguments->targetSide,
                    "Read the texts as targets (translations), not as sources");
  addLanguages(command, arguments->sourceLanguage, arguments->targetLanguage);
  addSpecialTokens(command, arguments->specialTokens);
  command->add_flag("--bare", arguments->bare,
                    "Leave out what the model expects around a text, as its end token");
  command->callback([arguments, &action] {
    action = [arguments] { return Tokenizer(*arguments).run(); };
  });
}

} // namespace encdec::tools
