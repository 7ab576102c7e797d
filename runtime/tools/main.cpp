//===- main.cpp - encdec: one command, a file for each subcommand ---------===//
//
// Built-in subcommands are parsed by CLI11; any other name becomes a program of
// its own (External.h). Exit codes are those of encdec/runtime.h.

#include "runtime/base/GenerationOptions.h"
#include "runtime/base/Suggest.h"
#include "runtime/tools/External.h"
#include "runtime/tools/Support.h"
#include "runtime/tools/Terminal.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <new>

using namespace encdec::tools;

namespace {

constexpr const char *footer =
    R"(Programs of their own, found beside encdec, in ../libexec/encdec or on PATH:
  compile                     Make a bundle of a checkpoint folder
  explain                     Say what became of each op of a model, and why
  families                    List the families of models that compile reads
  import                      Print the IR of a checkpoint folder
  lab                         Say whether an idea makes a model faster, and still right
  run                         Run IR on token ids
  synth                       Make a checkpoint folder of random weights
  NAME                        Run encdec-NAME

Exit codes: 0 fine, 1 failure, 2 wrong usage, 3 bad model or bundle, 4 does not
fit this machine or version, 5 a limit was reached.

Examples:
  encdec compile path/to/checkpoint -o model.encdec --weights int8
  encdec generate model.encdec --text "I love machine learning"
  encdec generate --help)";

std::string version() {
  auto machine = machineInfo();
  return fmt::format("encdec {} (ABI {}, {} {})", encdec_version(),
                     ENCDEC_ABI_VERSION, machine.architecture,
                     machine.cpu_level);
}

std::vector<std::string> namesOf(const CLI::App &app) {
  std::vector<std::string> names;
  for (const CLI::App *command : app.get_subcommands({}))
    names.push_back(command->get_name());
  return names;
}

/// The subcommand being parsed, or the root.
const CLI::App &active(const CLI::App &app) {
  auto commands = app.get_subcommands();
  return commands.empty() ? app : *commands.front();
}

std::string nameOf(const CLI::App &command) {
  return command.get_parent() ? "encdec " + command.get_name() : "encdec";
}

std::string pointToHelp(const CLI::App &command) {
  return fmt::format("`{} --help` shows the options", nameOf(command));
}

std::vector<std::string> optionsOf(const CLI::App &command) {
  std::vector<std::string> options;
  for (const CLI::Option *option : command.get_options())
    for (const std::string &longName : option->get_lnames())
      options.push_back("--" + longName);
  return options;
}

/// The message about a word that is no argument of `command` and no option there.
std::string unexpected(const CLI::App &command, const std::string &word) {
  auto options = optionsOf(command);
  if (std::find(options.begin(), options.end(), word.substr(0, word.find('='))) !=
      options.end())
    return fmt::format("{}: did not expect '{}' after '--', where nothing is an "
                       "option; leave out the '--'",
                       nameOf(command), word.substr(0, word.find('=')));
  if (word == "true" || word == "false")
    return fmt::format("{}: did not expect '{}'; the value of a flag follows an equals sign, as "
                       "in --FLAG={}",
                       nameOf(command), word, word);
  return fmt::format("{}: did not expect '{}'; {}", nameOf(command), word,
                     pointToHelp(command));
}

/// The words of a subcommand by kind, without the "--" that ends the options.
struct Parts {
  std::vector<std::string> options; ///< With their values.
  std::vector<std::string> names;   ///< Of the options, "--threads" or "--threads=2".
  std::vector<std::string> operands;
  bool marked = false; ///< Whether a "--" ends the options.
};

Parts partsOf(const CLI::App &command, const std::vector<std::string> &words) {
  Parts parts;
  for (auto word = words.begin(); word != words.end(); ++word) {
    if (*word == "--") {
      parts.marked = true;
      parts.operands.insert(parts.operands.end(), word + 1, words.end());
      break;
    }
    if (word->size() < 2 || !word->starts_with('-')) {
      parts.operands.push_back(*word);
      continue;
    }
    parts.options.push_back(*word);
    parts.names.push_back(*word);
    const CLI::Option *option = command.get_option_no_throw(*word);
    if (option && option->get_items_expected_min() > 0 && word + 1 != words.end())
      parts.options.push_back(*++word); // even if it is "--"
  }
  return parts;
}

/// The words for CLI11 to parse: where there is a "--", all operands stand behind it.
/// CLI11 would otherwise hand the words behind the "--" to the root once the subcommand
/// has its operands, and the root would look for options there.
std::vector<std::string> arrange(const CLI::App &command,
                                 const std::vector<std::string> &words) {
  Parts parts = partsOf(command, {words.begin() + 1, words.end()});
  if (!parts.marked)
    return words;
  std::vector<std::string> arranged = {words[0]};
  arranged.insert(arranged.end(), parts.options.begin(), parts.options.end());
  auto options = command.get_options();
  if (std::any_of(options.begin(), options.end(),
                  [](const CLI::Option *option) { return option->get_positional(); })) {
    arranged.push_back("--");
    arranged.insert(arranged.end(), parts.operands.begin(), parts.operands.end());
  } else if (!parts.operands.empty()) {
    throw usageFailure(unexpected(command, parts.operands.front()));
  }
  return arranged;
}

/// The error's text, with the variable's name where the value at fault is not
/// on the command line but in the environment.
std::string whatIsWrong(const CLI::App &command, const CLI::ParseError &error,
                        const std::vector<std::string> &words) {
  std::string text = error.what();
  const std::vector<std::string> given = partsOf(command, words).names;
  for (const CLI::Option *option : command.get_options()) {
    std::string name = option->get_name(), variable = option->get_envname();
    bool isGiven = std::any_of(given.begin(), given.end(), [&](const std::string &word) {
      return word.starts_with(name);
    });
    if (!variable.empty() && !isGiven && text.starts_with(name + ":"))
      text.replace(0, name.size(), "the environment variable " + variable);
  }
  return text;
}

/// "guidance_scale" of "--guidance-scale".
std::string keyOf(std::string_view option) {
  std::string key(option.substr(std::min(option.find_first_not_of('-'), option.size())));
  std::ranges::replace(key, '-', '_');
  return key;
}

/// The message for a wrong command line, with the most similar right word.
std::string explain(const CLI::App &app, const CLI::ParseError &error,
                    const std::vector<std::string> &words) {
  const CLI::App &command = active(app);
  // CLI11 may report a mistyped option as another error, such as a missing value; our
  // message names the option. CLI11 keeps the "--" among the remaining words.
  auto extras = app.remaining(true);
  auto mark = std::find(extras.begin(), extras.end(), "--");
  for (auto extra = extras.begin(); extra != mark; ++extra)
    if (extra->size() > 1 && extra->front() == '-') {
      std::string word = extra->substr(0, extra->find('='));
      const std::vector<std::string> options = optionsOf(command);
      if (std::find(options.begin(), options.end(), word) != options.end())
        return fmt::format("option '{}' stands behind '{}', not before", word, nameOf(command));
      const bool generates = std::ranges::count(options, "--num-beams");
      if (const auto *refused = encdec::findRefusedOption(keyOf(word)); refused && generates)
        return fmt::format("{} is not supported: {}", word, refused->why);
      return fmt::format(
          "{} has no option '{}'{}", nameOf(command), word,
          encdec::didYouMean(word, options, pointToHelp(command)));
    }
  if (mark != extras.end())
    extras.erase(mark);
  if (!extras.empty() && error.get_exit_code() == int(CLI::ExitCodes::ExtrasError))
    return unexpected(command, extras.front());
  return fmt::format("{}: {}; {}", nameOf(command), whatIsWrong(command, error, words),
                     pointToHelp(command));
}

int parseAndRun(const std::vector<std::string> &words) {
  CLI::App app("encdec compiles encoder-decoder transformers ahead of time and "
               "runs them.",
               "encdec");
  Action action;
  app.footer(footer);
  app.get_formatter()->column_width(30);
  app.set_version_flag("--version", version, "Version, ABI and CPU level");
  app.require_subcommand(0, 1);
  addGenerate(app, action);
  addEmbed(app, action);
  addTranslate(app, action);
  addScore(app, action);
  addTokenize(app, action);
  addInspect(app, action);
  addVerify(app, action);
  addBench(app, action);
  addDoctor(app, action);

  // CLI11 reads the environment for all subcommands. A bad value there must
  // only be an error of the subcommand that runs, so the others get no
  // variable.
  for (CLI::App *command : app.get_subcommands({}))
    if (words.empty() || command->get_name() != words[0])
      for (CLI::Option *option : command->get_options())
        option->envname("");

  std::vector<std::string> arranged = words;
  auto builtins = namesOf(app);
  if (!words.empty() && !words[0].starts_with('-')) {
    if (std::find(builtins.begin(), builtins.end(), words[0]) == builtins.end())
      runExternal(words[0], {words.begin() + 1, words.end()}, builtins);
    arranged = arrange(*app.get_subcommand(words[0]), words);
  }
  try {
    // CLI11 expects the words in reverse order.
    app.parse(std::vector<std::string>(arranged.rbegin(), arranged.rend()));
  } catch (const CLI::CallForHelp &) {
    print(app.help());
    return 0;
  } catch (const CLI::CallForVersion &) {
    print(version() + "\n");
    return 0;
  } catch (const CLI::ParseError &error) {
    throw usageFailure(explain(app, error, words));
  }
  if (!action) {
    fmt::print(stderr, "{}", app.help());
    return ENCDEC_ERROR_USAGE;
  }
  return action();
}

} // namespace

int main(int argc, char **argv) {
  // If a standard stream is closed, a file opened here would get its number,
  // and messages would be written into that file. /dev/null takes the number
  // instead; it is opened for reading, so that writing stays an error.
  for (int stream = 0; stream < 3; ++stream)
    if (fcntl(stream, F_GETFD) < 0)
      open("/dev/null", O_RDONLY);
  std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
  // `encdec help NAME` is `encdec NAME --help`.
  if (!words.empty() && words[0] == "help") {
    words.erase(words.begin());
    words.insert(words.begin() + (words.empty() ? 0 : 1), "--help");
  }
  try {
    int code = parseAndRun(words);
    flushResults();
    return code;
  } catch (const Failure &failure) {
    printError(failure.what());
    return failure.code;
  } catch (const std::bad_alloc &) {
    printError("out of memory");
  } catch (const std::exception &error) {
    printError(error.what());
  }
  return ENCDEC_ERROR_FAILURE;
}
