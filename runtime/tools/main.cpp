//===- main.cpp - encdec: one command, a file for each subcommand ---------===//
//
// Built-in subcommands are parsed by CLI11; any other name becomes a program of
// its own (External.h). Exit codes are those of encdec/runtime.h.

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
  import                      Print the IR of a checkpoint folder
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

/// The error's text, with the variable's name where the value at fault is not
/// on the command line but in the environment.
std::string whatIsWrong(const CLI::App &command, const CLI::ParseError &error,
                        const std::vector<std::string> &words) {
  std::string text = error.what();
  for (const CLI::Option *option : command.get_options()) {
    std::string name = option->get_name(), variable = option->get_envname();
    bool given = std::any_of(
        words.begin(), words.end(),
        [&](const std::string &word) { return word.starts_with(name); });
    if (!variable.empty() && !given && text.starts_with(name + ":"))
      text.replace(0, name.size(), "the environment variable " + variable);
  }
  return text;
}

/// The message for a wrong command line, with the most similar right word.
std::string explain(const CLI::App &app, const CLI::ParseError &error,
                    const std::vector<std::string> &words) {
  const CLI::App &command = active(app);
  std::string name =
      &command == &app ? "encdec" : "encdec " + command.get_name();
  std::string help = fmt::format("`{} --help` shows the options", name);
  std::vector<std::string> options;
  for (const CLI::Option *option : command.get_options())
    for (const std::string &longName : option->get_lnames())
      options.push_back("--" + longName);
  // CLI11 may report a mistyped option as another error, such as a missing
  // value; the message names the option.
  auto extras = app.remaining(true);
  for (const std::string &extra : extras)
    if (extra.size() > 1 && extra.front() == '-') {
      std::string word = extra.substr(0, extra.find('='));
      if (std::find(options.begin(), options.end(), word) != options.end())
        return fmt::format("{}: did not expect '{}' after '--', where nothing is "
                           "an option; leave out the '--'",
                           name, word);
      return fmt::format("{} has no option '{}'{}", name, word,
                         encdec::didYouMean(word, options, help));
    }
  if (!extras.empty() && error.get_name() == "ExtrasError")
    return fmt::format("{}: did not expect '{}'; {}", name, extras.front(),
                       help);
  return fmt::format("{}: {}; {}", name, whatIsWrong(command, error, words),
                     help);
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

  bool named = !words.empty() && !words[0].starts_with('-');
  auto builtins = namesOf(app);
  if (named &&
      std::find(builtins.begin(), builtins.end(), words[0]) == builtins.end())
    runExternal(words[0], {words.begin() + 1, words.end()}, builtins);
  try {
    // CLI11 expects the words in reverse order.
    app.parse(std::vector<std::string>(words.rbegin(), words.rend()));
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
