//===- TranslateOptions.cpp - the command line of encdec translate --------===//

#include "runtime/tools/Translate.h"

namespace encdec::tools {
namespace {

constexpr const char *footer = R"(Examples:
  encdec translate en-fr.encdec < english.txt > french.txt
  encdec translate en-fr.encdec --split letter.txt notes.txt
  encdec translate many.encdec --from en --to fr < english.txt
  encdec translate many.encdec --languages
  encdec translate en-fr.encdec --json --beams 8 < english.txt
  encdec translate en-fr.encdec --prefixes openings.txt < english.txt
  echo "Click <b>here</b>, {name}." | encdec translate en-fr.encdec --markup --stand-in Tom

Each line is translated by itself, and blank lines stay blank, so that line n of the output
belongs to line n of the input. --split cuts lines into sentences, translates each and puts
the white space between them back; a sentence too long for the model is cut behind commas and
the like, where that helps. Sentences are told by their marks alone: "Dr. Smith" is cut. A
line that cannot be translated gets a blank line, or a JSON object with "error"; a message
says which it is, and the exit code is that of the first one.

--markup keeps what is not to be translated: tags such as <b>, </b> and <br/>, and
placeholders such as {name}, {{name}}, ${x}, %s, %1$s, %(count)d and &amp;. Tags are taken out,
and put around the words that attended most to the words that they surrounded. A placeholder
that the translation does not hold is taken out, too, and the text is translated again. A
model that copies names but no placeholders translates better with --stand-in NAME. With
--json, "sentences" show what was translated, without tags.)";

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
  command->add_flag("--markup", arguments->markup,
                    "Keep tags and placeholders of lines, each once and as it stands");
  command
      ->add_option("--stand-in", arguments->standIn,
                   "A word that the model copies, such as a name, which stands for each "
                   "placeholder while a line is translated, and that lines do not hold themselves; "
                   "default: the placeholder itself")
      ->type_name("WORD")
      ->check(notEmpty())
      ->needs("--markup");
  command->add_flag("--languages", arguments->languages,
                    "List the languages that the model can be told, and end");
  command->add_flag("--json", arguments->json,
                    "One JSON object a line: text, and with --split the sentences");
  command->add_flag("--fail-fast", arguments->failFast,
                    "End at the first line that cannot be translated");
  addThreads(command, arguments->threads);
  addWeights(command, arguments->weights);
  addPrefixes(command, arguments->prefixes, /*idSources=*/false);
  addGenerationOptions(command, arguments->generation);
  addPair(command, arguments->generation);
  command->callback([arguments, &action] {
    action = [arguments] { return translate(*arguments); };
  });
}

} // namespace encdec::tools
