//===- Input.cpp - ids from words, lines from a descriptor ----------------===//

#include "runtime/tools/Input.h"
#include "runtime/base/Number.h"
#include "runtime/base/Utf8.h"
#include "runtime/tools/Support.h"
#include "runtime/tools/Terminal.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

namespace encdec::tools {

void addSources(CLI::App *command, SourceArguments &arguments) {
  command
      ->add_option("MODEL", arguments.model,
                   "A bundle made by `encdec compile`, or a checkpoint folder")
      ->type_name("")
      ->required();
  // These options are bound to no variable, so that CLI11 leaves the text as it
  // is: it would read "{}" and "[a,b]" as lists.
  auto repeatable = [&](const char *name, const char *type, const char *help) {
    return command
        ->add_option(
            name, [](const CLI::results_t &) { return true; }, help)
        ->type_name(type)
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->allow_extra_args(false);
  };
  arguments.texts =
      repeatable("--text", "TEXT", "A text to read; may be given again");
  arguments.ids = repeatable(
      "--ids", "IDS",
      "A source as token ids, nothing added to them; may be given again");
}

void addExecution(CLI::App *command, SourceArguments &arguments) {
  addThreads(command, arguments.threads);
  addWeights(command, arguments.weights);
}

void requireTokenizer(const SourceArguments &arguments, const encdec_model_info &info) {
  if (!arguments.areIds() && !info.has_tokenizer)
    throw usageFailure(fmt::format(
        "{}: this model has no tokenizer, so it reads no text; give token ids, "
        "as in --ids \"5 17 2\"",
        arguments.model));
}

std::vector<Source> givenSources(const SourceArguments &arguments) {
  if (arguments.areIds() && arguments.texts->count() > 0)
    throw usageFailure("--text and --ids exclude each other; give one kind");
  std::vector<Source> given;
  for (const std::string &text : arguments.ids->results()) {
    Source source;
    source.where = fmt::format("--ids {}", given.size() + 1);
    try {
      source.ids = parseIds(text);
    } catch (const Failure &failure) {
      throw Failure(failure.code, source.where + ": " + failure.what());
    }
    given.push_back(std::move(source));
  }
  for (const std::string &text : arguments.texts->results())
    given.push_back({text, {}, fmt::format("--text {}", given.size() + 1), {}});
  return given;
}

std::vector<int32_t> parseIds(std::string_view text) {
  constexpr std::string_view separators = " \t\n\r,";
  std::vector<int32_t> ids;
  for (size_t at = text.find_first_not_of(separators);
       at != std::string_view::npos;) {
    size_t end = std::min(text.find_first_of(separators, at), text.size());
    std::string_view word = text.substr(at, end - at);
    std::optional<int32_t> id = parseNumber<int32_t>(word);
    if (!id || *id < 0)
      throw usageFailure(fmt::format(
          "expected token ids (whole numbers from 0), got '{}'", word));
    ids.push_back(*id);
    at = text.find_first_not_of(separators, end);
  }
  if (ids.empty())
    throw usageFailure(
        "expected at least one token id, as in \"5 17 2\", got none");
  return ids;
}

InputFile::InputFile(const std::string &path, const std::string &option)
    : name(path), opened(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
  struct stat status;
  int error = opened < 0 || fstat(opened, &status) < 0 ? errno
              : S_ISDIR(status.st_mode)                ? EISDIR
                                                       : 0;
  if (!error)
    return;
  if (opened >= 0)
    close(opened);
  throw Failure(ENCDEC_ERROR_FAILURE,
                fmt::format("{}: cannot read {}: {}", option, path, std::strerror(error)));
}

InputFile::~InputFile() { close(opened); }

void warnOfBrokenText(const std::string &where, std::string_view text) {
  if (!isValidUtf8(text))
    printWarning(where + ": the text is not all UTF-8; a byte that is not is read as U+FFFD");
}

LineReader::LineReader() : name("standard input"), descriptor(STDIN_FILENO) {}

/// The most bytes of a line. No tokenizer reads a longer text.
constexpr size_t lineLimit = size_t(16) << 20;

std::optional<Source> LineReader::next(bool wait) {
  for (;;) {
    Source line;
    if (takeLine(line))
      return line;
    if (buffer.size() - begin > lineLimit + 1) { // one more: a '\r' is no text
      line.where = fmt::format("line {}", ++lineNumber);
      line.refusal = Failure(
          ENCDEC_ERROR_LIMIT,
          fmt::format("the text has more than {} bytes; the limit is 16 MB",
                      lineLimit));
      skipping = true;
      return line;
    }
    if (!fill(wait))
      return std::nullopt;
    if (skipping && !wait && !skipLine())
      return std::nullopt; // the rest of such a line may never end
  }
}

std::vector<Source> LineReader::batch(size_t limit) {
  std::vector<Source> lines;
  while (lines.size() < limit) {
    std::optional<Source> line = next(/*wait=*/lines.empty());
    if (!line)
      break;
    lines.push_back(std::move(*line));
  }
  return lines;
}

/// Drops the bytes that have arrived of a line that was too long. Returns whether the
/// line's end was among them.
bool LineReader::skipLine() {
  size_t end = buffer.find('\n', begin);
  skipping = end == std::string::npos;
  begin = searched = skipping ? buffer.size() : end + 1;
  return !skipping;
}

bool LineReader::takeLine(Source &line) {
  if (skipping && !skipLine())
    return false;
  size_t end = buffer.find('\n', searched);
  bool whole = end != std::string::npos;
  searched = whole ? end + 1 : buffer.size();
  // The last line may lack its newline.
  if (!whole && !(ended && begin < buffer.size()))
    return false;
  end = whole ? end : buffer.size();
  line.text = buffer.substr(begin, end - begin);
  if (line.text.ends_with('\r'))
    line.text.pop_back();
  line.where = fmt::format("line {}", ++lineNumber);
  begin = std::min(end + 1, buffer.size());
  return true;
}

/// Reads more; false when nothing has arrived (and `wait` is false) or the
/// input has ended.
bool LineReader::fill(bool wait) {
  if (ended)
    return false;
  buffer.erase(0, begin);
  searched -= begin;
  begin = 0;
  pollfd ready = {descriptor, POLLIN, 0};
  if (!wait && poll(&ready, 1, 0) <= 0)
    return false;
  size_t size = buffer.size();
  constexpr size_t piece = 1 << 16;
  buffer.resize(size + piece);
  ssize_t got;
  do
    got = read(descriptor, buffer.data() + size, piece);
  while (got < 0 && errno == EINTR);
  buffer.resize(size + (got > 0 ? got : 0));
  if (got < 0)
    throw Failure(ENCDEC_ERROR_FAILURE,
                  fmt::format("cannot read {}: {}", name, std::strerror(errno)));
  ended = got == 0;
  // At the end of the input, a last line without a newline may remain.
  return got > 0 || begin < buffer.size();
}

} // namespace encdec::tools
