//===- GenerateOptions.cpp - the command line of encdec generate ----------===//

#include "runtime/tools/Generate.h"

namespace encdec::tools {
namespace {

constexpr const char *footer = R"(Examples:
  encdec generate en-fr.encdec --text "I love machine learning"
  encdec generate en-fr.encdec --json < english.txt > french.jsonl
  encdec generate en-fr.encdec --text "Hello." --alignments hello.svg
  encdec generate en-fr.encdec --alignments links.txt < english.txt > french.txt
  encdec generate en-fr.encdec --beams 4 --nbest 2 --text "Hello."
  encdec generate en-fr.encdec --beams 1 --stream < english.txt
  encdec generate many.encdec --source-lang en --target-lang fr --text "Hello."
  encdec generate random.encdec --ids "5 17 2" --ids "9 2" --max-new-tokens 20
  encdec generate en-fr.encdec --prefix "J'adore" --text "I love machine learning"
  encdec generate path/to/checkpoint --weights int8 --text "Hello."

With neither --text nor --ids, each line of standard input is one text. Results
come in input order, one line each (with --nbest N, N lines each, best first; in
JSON they stand under "alternatives" of a translated source). A source that cannot be
translated gets blank lines, or a JSON object with "error"; a message says which it is,
and the exit code is that of the first one. "truncated" in JSON counts the tokens that
--truncate has cut. A prefix is part of what is printed: of the text, and of "ids".)";

void addOutputs(CLI::App *command, GenerateArguments &arguments) {
  command
      ->add_option("--alignments", arguments.alignments,
                   "Write the cross-attention into FILE: .svg (a picture; FILE-2 and so "
                   "on for further texts), .html (a page to look through all), .json (a line "
                   "for each text) or .txt (links of words, counted from 0, which white "
                   "space separates: \"0-0 1-2\")")
      ->type_name("FILE")
      ->check(notEmpty());
  command
      ->add_option("--alignment-layer", arguments.alignmentLayer,
                   "Decoder layer of pictures and links, from 1; default: the last")
      ->type_name("N")
      ->check(between(1, 1024))
      ->needs("--alignments");
  command->add_flag("--json", arguments.json,
                    "One JSON object a line: ids, text, score, log_prob");
  command->add_flag("--stream", arguments.stream,
                    "Write each text as it becomes certain, in input order; with --json an "
                    "object for each piece (line, tokens, text) before the one of the whole");
}

/// What becomes of a source that is blank or refused.
void addSourceRules(CLI::App *command, GenerateArguments &arguments) {
  command->add_flag(
      "--keep-empty", arguments.keepEmpty,
      "Translate a blank line as the empty sentence, as Transformers "
      "does, instead of leaving it blank");
  command->add_flag(
      "--fail-fast", arguments.failFast,
      "End at the first source that cannot be translated; default: "
      "an error in its place, and on with the next");
}

} // namespace

void addGenerate(CLI::App &root, Action &action) {
  auto arguments = std::make_shared<GenerateArguments>();
  CLI::App *command = root.add_subcommand(
      "generate", "Run a model: text (or token ids) in, text (or ids) out");
  command->footer(footer);
  addSources(command, *arguments); // --help shows them in this order
  addExecution(command, *arguments);
  addOutputs(command, *arguments);
  addSourceRules(command, *arguments);
  addPrefixes(command, arguments->prefixes, /*idSources=*/true);
  addGenerationOptions(command, arguments->generation);
  command->callback([arguments, &action] {
    action = [arguments] { return generate(*arguments); };
  });
}

} // namespace encdec::tools
