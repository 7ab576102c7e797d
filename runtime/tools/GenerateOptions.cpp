//===- GenerateOptions.cpp - the command line of encdec generate ----------===//

#include "runtime/tools/Generate.h"

namespace encdec::tools {
namespace {

constexpr const char *footer = R"(Examples:
  encdec generate en-fr.encdec --text "I love machine learning"
  encdec generate en-fr.encdec --json < english.txt > french.jsonl
  encdec generate en-fr.encdec --text "Hello." --alignments hello.svg
  encdec generate en-fr.encdec --beams 4 --nbest 2 --text "Hello."
  encdec generate en-fr.encdec --beams 1 < english.txt
  encdec generate many.encdec --source-lang en --target-lang fr --text "Hello."
  encdec generate random.encdec --ids "5 17 2" --ids "9 2" --max-new-tokens 20
  encdec generate path/to/checkpoint --weights int8 --text "Hello."

With neither --text nor --ids, each line of standard input is one text. Results
come in input order, one line each (with --nbest N, N lines each, best first; in
JSON they stand under "alternatives" of a translated source). A source that cannot be
translated gets blank lines, or a JSON object with "error"; a message says which it is,
and the exit code is that of the first one. "truncated" in JSON counts the tokens that
--truncate has cut.)";

void addSearch(CLI::App *command, GenerateArguments &arguments) {
  command
      ->add_option("--max-new-tokens", arguments.maxNewTokens,
                   "Stop a text after N tokens; default: as the model says")
      ->type_name("N")
      ->check(between(int64_t(1), int64_t(INT32_MAX)));
  command
      ->add_option("--min-new-tokens", arguments.minNewTokens,
                   "Let no text end before N tokens")
      ->type_name("N")
      ->check(between(int64_t(0), int64_t(INT32_MAX)));
  command
      ->add_option("--no-repeat-ngram-size", arguments.noRepeatNgramSize,
                   "Let no N tokens stand twice in an output in the same order; 0: "
                   "off; default: as the model says")
      ->type_name("N")
      ->check(between(int64_t(0), int64_t(INT32_MAX)));
  command
      ->add_option("--encoder-no-repeat-ngram-size",
                   arguments.encoderNoRepeatNgramSize,
                   "Let no N tokens of the source, special ones included, stand in an "
                   "output in the same order; 0: off; default: as the model says")
      ->type_name("N")
      ->check(between(int64_t(0), int64_t(INT32_MAX)));
  command
      ->add_option(
          "--beams,--num-beams", arguments.beams,
          "Keep the K best hypotheses of each source; 1: greedy; default: "
          "as the model says")
      ->type_name("K")
      ->check(wholeNumber()); // Generator::checkBeams knows the model's limits
  command
      ->add_option("--nbest,--num-return-sequences", arguments.returned,
                   "Print the N best hypotheses of each source, at most K")
      ->type_name("N")
      ->check(between(1, 1 << 20));
  command
      ->add_option("--length-penalty", arguments.lengthPenalty,
                   "Exponent of the length that a score is divided by; default: "
                   "as the model says")
      ->type_name("X")
      ->check(CLI::Number);
  command
      ->add_option("--early-stopping", arguments.earlyStopping,
                   "End a beam search as soon as K hypotheses are finished "
                   "(true), when no other is likely to do better (false), or "
                   "when none can (never); default: as the model says")
      ->type_name("WHEN")
      ->check(CLI::IsMember({"false", "true", "never"}));
}

void addOutputs(CLI::App *command, GenerateArguments &arguments) {
  command
      ->add_option("--alignments", arguments.alignments,
                   "Draw the cross-attention into FILE, an SVG (FILE-2 and so "
                   "on for further texts)")
      ->type_name("FILE")
      ->check(notEmpty());
  command
      ->add_option("--alignment-layer", arguments.alignmentLayer,
                   "Decoder layer to draw, from 1; default: the last")
      ->type_name("N")
      ->check(between(1, 1024))
      ->needs("--alignments");
  command->add_flag("--json", arguments.json,
                    "One JSON object a line: ids, text, score, log_prob");
}

/// What becomes of a source that is too long, blank or refused, and how text is read.
void addSourceRules(CLI::App *command, GenerateArguments &arguments) {
  command->add_flag("--truncate", arguments.truncate,
                    "Cut a source that is longer than the model's positions at the "
                    "end of its text, with a warning, instead of refusing it");
  command->add_flag(
      "--keep-empty", arguments.keepEmpty,
      "Translate a blank line as the empty sentence, as Transformers "
      "does, instead of leaving it blank");
  command->add_flag(
      "--fail-fast", arguments.failFast,
      "End at the first source that cannot be translated; default: "
      "an error in its place, and on with the next");
  addSpecialTokens(command, arguments.specialTokens);
}

} // namespace

void addGenerate(CLI::App &root, Action &action) {
  auto arguments = std::make_shared<GenerateArguments>();
  CLI::App *command = root.add_subcommand(
      "generate", "Run a model: text (or token ids) in, text (or ids) out");
  command->footer(footer);
  addSources(command, *arguments); // --help shows them in this order
  addLanguages(command, arguments->sourceLanguage, arguments->targetLanguage);
  addSearch(command, *arguments);
  addExecution(command, *arguments);
  addOutputs(command, *arguments);
  addSourceRules(command, *arguments);
  command->callback([arguments, &action] {
    action = [arguments] { return generate(*arguments); };
  });
}

} // namespace encdec::tools
