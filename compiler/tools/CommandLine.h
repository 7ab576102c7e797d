// CommandLine.h: what the programs that read their options with CLI11 share: exit codes
// and messages. CLI11 throws, so includers are compiled with exceptions and without MLIR.
#pragma once
#include "runtime/base/Suggest.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

namespace encdec {

/// Prints `text`. Returns the exit code.
inline int printResult(const std::string &program, const std::string &text) {
  std::cout << text << std::flush;
  if (std::cout)
    return 0;
  std::cerr << program << ": error: cannot write to standard output\n";
  return 1;
}

/// Says what is wrong with the command line, and which option is nearest to an unknown
/// option.
inline std::string explain(const CLI::App &app, const CLI::ParseError &error) {
  std::vector<std::string> extras = app.remaining();
  std::erase(extras, "--");
  for (const std::string &extra : extras) {
    const std::string word = extra.substr(0, extra.find('='));
    if (!word.starts_with("-"))
      continue;
    if (app.get_option_no_throw(word))
      return "did not expect '" + word + "' after '--' and the operand";
    std::vector<std::string> options;
    for (const CLI::Option *option : app.get_options())
      for (const std::string &name : option->get_lnames())
        options.push_back("--" + name);
    return "no option '" + word + "'" + didYouMean(word, options);
  }
  if (!extras.empty())
    return "did not expect '" + extras.front() + "'";
  return error.what();
}

/// Parses the words behind argv[0]. No value: go on. Otherwise the exit code, help,
/// version or an error being printed.
inline std::optional<int> parseWords(CLI::App &app, int argc, char **argv) {
  const std::string program = app.get_name();
  std::vector<std::string> words(argv + 1, argv + argc);
  // There is at most one operand, so "--" says that the next word is the operand,
  // whatever it begins with. CLI11 takes all words behind "--" for operands: the two go
  // to the end.
  auto mark = std::find(words.begin(), words.end(), "--");
  std::rotate(mark, mark + std::min<ptrdiff_t>(2, words.end() - mark), words.end());
  std::reverse(words.begin(), words.end()); // CLI11 takes them from the back
  try {
    app.parse(words);
  } catch (const CLI::CallForHelp &) {
    return printResult(program, app.help());
  } catch (const CLI::CallForVersion &version) {
    return printResult(program, std::string(version.what()) + "\n");
  } catch (const CLI::ParseError &error) {
    std::cerr << program << ": error: " << explain(app, error) << " (" << program
              << " --help shows the options)\n";
    return 2; // Code::Usage
  }
  return std::nullopt;
}

} // namespace encdec
