//===- Generate.cpp - encdec generate: text or ids in, text or ids out ----===//

#include "runtime/tools/Generate.h"
#include "runtime/tools/AlignmentFile.h"
#include "runtime/tools/Answers.h"
#include "runtime/tools/Decoding.h"
#include "runtime/tools/Input.h"
#include "runtime/tools/ModelFile.h"
#include "runtime/tools/Support.h"
#include "runtime/tools/Terminal.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <optional>
#include <sstream>
#include <utility>
#include <unistd.h>

namespace encdec::tools {
namespace {

/// A source that was read and has no answer yet.
struct Pending {
  Source source;
  Prefix prefix;
  std::optional<uint64_t> number; ///< In the generation; none: it is not generated from.
  bool finished = true;
  std::vector<int32_t> certain; ///< With --stream: tokens that nobody has written yet.
};

/// Sources are read and decoded ahead of the first one that has no answer, so that each
/// takes the room of one that has ended; answers are written in the order of the sources.
class Generator {
public:
  explicit Generator(const GenerateArguments &arguments);
  /// The exit code: that of the first source that has no answer.
  int run();

private:
  void checkSourceLanguage() const;
  std::optional<Source> read(bool wait);
  void readAhead();
  void begin(Source source);
  void advance();
  void answerFinished();
  bool staysBlank(const Source &source) const;
  void leaveBlank();
  void answer(const Pending &source, const encdec_result *result);
  void refuse(const Source &source, const Failure &failure);

  const GenerateArguments &arguments;
  std::vector<Source> given;
  const bool fromIds, fromLines;
  Model model;
  LineReader lines;
  std::optional<Decoding> decoding;
  std::optional<Prefixes> prefixes;
  std::optional<Answers> answers;
  std::optional<AlignmentFile> alignments;
  bool ended = false; ///< No further source is read.
  uint64_t count = 0; ///< Of sources so far.
  std::deque<Pending> pending;
  int exitCode = 0;
};

Generator::Generator(const GenerateArguments &arguments)
    : arguments(arguments), given(givenSources(arguments)), fromIds(arguments.areIds()),
      fromLines(given.empty()) {
  if (!arguments.alignments.empty()) {
    keepModel(arguments.model, arguments.alignments, "--alignments");
    AlignmentFile::checkName(arguments.alignments);
    checkReplaceable(arguments.alignments, "--alignments:");
  }
  model = openModel(arguments.model, arguments.weights);
  const encdec_model_info info = modelInfo(model.get());
  if (info.decoder_layers == 0)
    throw usageFailure(fmt::format("{}: this model is an encoder only, so it generates "
                                   "nothing; `encdec embed {}` gives what it makes of a text",
                                   arguments.model, arguments.model));
  requireTokenizer(arguments, info);
  if (arguments.alignmentLayer > info.decoder_layers)
    throw usageFailure(fmt::format(
        "--alignment-layer: expected 1 to {}, the decoder layers of "
        "this model, got {}",
        info.decoder_layers, arguments.alignmentLayer));
  encdec_options *options = arguments.generation.options.get();
  if (!arguments.alignments.empty()) {
    check(encdec_options_set_flag(options, "probs", 1));
  } else if (arguments.generation.has("probs")) {
    printWarning("--probs: has no effect here; it acts where there are --alignments");
    check(encdec_options_unset(options, "probs"));
  }
  // Text shows no scores, and a sketch is faster without them. Without a sketch scores
  // cost next to nothing, and they show where a model's numbers overflow.
  if (!arguments.json && info.sketch_bytes > 0 && !arguments.generation.has("scores"))
    check(encdec_options_set_flag(options, "scores", 0));
  checkSourceLanguage();
  prefixes.emplace(arguments.prefixes, model.get(), arguments.generation, fromIds);
  decoding.emplace(model.get(), arguments.generation, arguments.threads, given.size());
  answers.emplace(arguments, model.get());
  if (!arguments.alignments.empty())
    alignments.emplace(arguments, model.get());
}

/// A language that the model does not know is wrong for all texts, so it is refused first.
void Generator::checkSourceLanguage() const {
  if (!arguments.generation.has("source_language"))
    return;
  if (fromIds)
    throw usageFailure("--source-language says how to read text; with --ids, the ids say it");
  uint64_t count = 0;
  check(encdec_tokenize(model.get(), "", 0, arguments.generation.options.get(), nullptr, 0,
                        &count));
}

int Generator::run() {
  if (fromLines && isatty(STDIN_FILENO))
    printHint("reading one sentence a line; end with Ctrl-D");
  Progress progress("sentence");
  for (;;) {
    readAhead();
    if (pending.empty())
      break;
    advance();
    const size_t before = pending.size();
    answerFinished();
    progress.add(before - pending.size());
  }
  if (alignments)
    alignments->finish();
  prefixes->finish();
  return exitCode;
}

/// The next source; none at the end, and where none has arrived and `wait` is false.
std::optional<Source> Generator::read(bool wait) {
  if (fromLines)
    return lines.next(wait);
  if (count == given.size())
    return std::nullopt;
  return std::move(given[count]);
}

void Generator::readAhead() {
  while (!ended && pending.size() < decoding->window()) {
    const bool wait = pending.empty();
    std::optional<Source> source = read(wait);
    ended = !source && wait;
    if (!source)
      return;
    begin(std::move(*source));
  }
}

/// With --fail-fast nothing is read after a source that cannot be.
void Generator::begin(Source source) {
  Pending &next = pending.emplace_back();
  Source &kept = next.source = std::move(source);
  const uint64_t id = count++;
  try { // a blank source has its line of prefixes, too
    next.prefix = prefixes->next();
  } catch (const Failure &failure) {
    if (!kept.refusal && !staysBlank(kept))
      kept.refusal = failure;
  }
  if (!kept.refusal && !staysBlank(kept)) {
    try {
      next.number = fromIds ? decoding->addIds(kept.ids, id, next.prefix)
                            : decoding->addText(kept.text, id, next.prefix);
      next.finished = false;
      if (arguments.stream)
        next.certain = prefixes->whole(next.prefix, {});
    } catch (const Failure &failure) {
      kept.refusal = failure;
    }
  }
  ended |= kept.refusal && arguments.failFast;
}

void Generator::advance() {
  decoding->advance();
  for (encdec_event event; decoding->nextEvent(event);) {
    if (event.kind == ENCDEC_EVENT_TOKENS && !arguments.stream)
      continue;
    Pending &source = *std::ranges::find(pending, event.source, &Pending::number);
    if (event.kind == ENCDEC_EVENT_FINISHED)
      source.finished = true;
    else if (event.kind == ENCDEC_EVENT_TOKENS)
      source.certain.insert(source.certain.end(), event.ids, event.ids + event.id_count);
  }
}

/// Writes the answers of sources up to the first one that has not ended; of that one, with
/// --stream, what is certain.
void Generator::answerFinished() {
  while (!pending.empty()) {
    answers->certain(std::exchange(pending.front().certain, {}));
    if (!pending.front().finished)
      return;
    const Pending next = std::move(pending.front());
    pending.pop_front();
    if (next.source.refusal)
      refuse(next.source, *next.source.refusal);
    else if (!next.number)
      leaveBlank();
    else
      answer(next, decoding->take(*next.number).get());
    flushResults();
  }
}

/// Whether a source is a blank line, which stays blank. The reference would
/// translate it as the empty sentence.
bool Generator::staysBlank(const Source &source) const {
  return !fromIds && !arguments.keepEmpty &&
         source.text.find_first_not_of(" \t\v\f\r") == std::string::npos;
}

void Generator::leaveBlank() {
  answers->blank();
  if (alignments)
    alignments->addNothing();
}

void Generator::answer(const Pending &pending, const encdec_result *result) {
  const Source &source = pending.source;
  auto read = sized<encdec_source>();
  check(encdec_result_source(result, 0, &read));
  if (read.sequence_count == 0) {
    std::string why = read.warnings;
    std::replace(why.begin(), why.end(), '\n', ';');
    return refuse(source, Failure(ENCDEC_ERROR_FAILURE, why));
  }
  std::istringstream warnings(read.warnings);
  for (std::string line; std::getline(warnings, line);)
    printWarning(source.where + ": " + line);
  const std::vector<int32_t> prefix = prefixes->whole(pending.prefix, {});
  answers->found(result, prefix);
  if (!alignments)
    return;
  try {
    alignments->add(source, result, prefix);
  } catch (const Failure &failure) { // the text has its answer, and so have those after it
    if (arguments.failFast)
      throw;
    printError(source.where + ": " + failure.what());
    if (!exitCode)
      exitCode = failure.code;
  }
}

/// Reports why a source has no answer. The sources before it have been
/// answered.
void Generator::refuse(const Source &source, const Failure &failure) {
  if (arguments.failFast)
    throw Failure(failure.code, source.where + ": " + failure.what());
  printError(source.where + ": " + failure.what());
  answers->missing(failure.what());
  if (alignments)
    alignments->addNothing();
  if (!exitCode)
    exitCode = failure.code;
}

} // namespace

int generate(const GenerateArguments &arguments) {
  return Generator(arguments).run();
}

} // namespace encdec::tools
