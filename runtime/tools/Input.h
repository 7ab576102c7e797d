//===- Input.h - what `encdec generate` and `encdec embed` are asked to read ===//

#pragma once

#include "runtime/tools/Support.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace encdec::tools {

/// One source: a text or, with --ids, token ids.
struct Source {
  std::string text;
  std::vector<int32_t> ids;
  std::string where; ///< "line 3", "--text 2": for messages
  std::optional<Failure>
      refusal; ///< Why it cannot be read, once that is known.
};

/// The model and the sources of a command line; with neither texts nor ids, standard input
/// has one text a line.
struct SourceArguments {
  std::string model, weights;
  uint32_t threads = 0;
  CLI::Option *texts = nullptr, *ids = nullptr;

  bool areIds() const { return ids->count() > 0; }
};
/// Adds MODEL, --text and --ids.
void addSources(CLI::App *command, SourceArguments &arguments);
/// Adds --threads and --weights.
void addExecution(CLI::App *command, SourceArguments &arguments);
/// Throws a usage Failure where texts are to be read and the model has no tokenizer.
void requireTokenizer(const SourceArguments &arguments, const encdec_model_info &info);
/// The sources of --text or --ids, in their order. Throws a usage Failure where both kinds
/// are given, or words that are no ids.
std::vector<Source> givenSources(const SourceArguments &arguments);

/// Reads ids such as "5 17 2", separated by spaces or commas. Throws a usage
/// Failure that names the word that is no id, not where the text stands.
std::vector<int32_t> parseIds(std::string_view text);

/// A file that a command line names, open for reading.
class InputFile {
public:
  /// Throws Failure (code 1), which begins with `option`, where it cannot be read.
  InputFile(const std::string &path, const std::string &option);
  ~InputFile();
  InputFile(const InputFile &) = delete;
  InputFile &operator=(const InputFile &) = delete;

  int descriptor() const { return opened; }
  const std::string &path() const { return name; }

private:
  std::string name;
  int opened;
};

/// Warns where a text is not all UTF-8.
void warnOfBrokenText(const std::string &where, std::string_view text);

/// Reads lines as they arrive.
class LineReader {
public:
  LineReader(); ///< Of standard input.
  /// Of a file, which stays open as long.
  explicit LineReader(const InputFile &file)
      : name(file.path()), descriptor(file.descriptor()) {}

  /// The next line, without its end ("\n" or "\r\n"); none at the end of input, or where
  /// none has arrived as a whole and `wait` is false. A line longer than 16 MB comes as a
  /// refusal (code 5) as soon as it is that long; the rest of it is skipped. Throws Failure
  /// when reading fails (code 1).
  std::optional<Source> next(bool wait);
  /// Between 1 and `limit` lines: those that have arrived, so that no line waits for later
  /// ones; none at the end of input.
  std::vector<Source> batch(size_t limit);

private:
  bool takeLine(Source &line);
  bool skipLine();
  bool fill(bool wait);

  std::string name; ///< For messages.
  int descriptor;
  bool ended = false;
  /// The line that begins at `begin` was too long and has been handed out as a
  /// refusal; the rest of it is to be dropped.
  bool skipping = false;
  uint64_t lineNumber = 0;
  std::string buffer;
  size_t begin = 0;    ///< Start of the first line not handed out, in `buffer`.
  size_t searched = 0; ///< From `begin` to here there is no newline.
};

} // namespace encdec::tools
