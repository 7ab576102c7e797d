//===- Score.cpp - encdec score: how probable given translations are ------===//

#include "runtime/tools/Input.h"
#include "runtime/tools/ModelFile.h"
#include "runtime/tools/Support.h"
#include "runtime/tools/Terminal.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <span>
#include <unistd.h>

namespace encdec::tools {
namespace {

using Json = nlohmann::ordered_json;

/// The most pairs that are read together: a reader at the other end of a pipe waits for the
/// whole batch.
constexpr size_t batchLimit = 32;

constexpr const char *footer = R"(Examples:
  cut -f1,2 pairs.tsv | encdec score en-fr.encdec
  encdec score en-fr.encdec --source test.en --target test.fr --summary
  encdec score en-fr.encdec --json < pairs.tsv
  printf '5 17 0\t282 5 0\n' | encdec score random.encdec --ids

Each line of standard input is a pair: the source, a tab, its target. Further columns are left
out. An answer is a line with the target's log-probability, the sum over its tokens and end
token; in JSON also ids, tokens and log_probs of each. --summary gives one line for all pairs:
perplexity is exp(-log_prob / tokens). A pair that cannot be read gets a blank line, or a JSON
object with "error", and counts in no sum; a message says which it is, and the exit code is
that of the first one.)";

struct ScoreArguments {
  std::string model, weights, source, target, sourceLanguage, targetLanguage, shortlist;
  uint32_t threads = 0;
  bool json = false, ids = false, summary = false, truncate = false, specialTokens = false,
       failFast = false;
};

/// A source and its target, as ids.
struct Pair {
  Source source;
  std::vector<int32_t> target;
};

class Scorer {
public:
  explicit Scorer(const ScoreArguments &arguments);
  /// The exit code: that of the first pair that could not be read.
  int run();

private:
  std::vector<Pair> read();
  std::optional<Pair> readFromFiles();
  void split(Pair &pair) const;
  void tokenize(Pair &pair, const std::string &target) const;
  std::vector<double> score(std::vector<Pair *> &pairs);
  void answer(const Pair &pair, std::span<const double> logProbs);
  void refuse(const Pair &pair);
  void summarize() const;

  const ScoreArguments &arguments;
  std::optional<InputFile> sourceFile, targetFile;
  LineReader lines, targetLines;
  Model model;
  Options options = makeOptions();
  State state;
  uint64_t pairCount = 0, tokenCount = 0;
  double sum = 0; ///< Of the log-probabilities of all pairs.
  int exitCode = 0;
};

Scorer::Scorer(const ScoreArguments &arguments) : arguments(arguments) {
  if (!arguments.source.empty()) {
    sourceFile.emplace(arguments.source, "--source");
    targetFile.emplace(arguments.target, "--target");
    lines = LineReader(*sourceFile);
    targetLines = LineReader(*targetFile);
  }
  model = openModel(arguments.model, arguments.weights);
  const encdec_model_info info = modelInfo(model.get());
  if (!arguments.ids && !info.has_tokenizer)
    throw usageFailure(fmt::format("{}: this model has no tokenizer, so it reads no text; give "
                                   "token ids, with --ids",
                                   arguments.model));
  check(encdec_options_set_flag(options.get(), "truncate", arguments.truncate));
  check(encdec_options_set_flag(options.get(), "special_tokens", arguments.specialTokens));
  if (!arguments.shortlist.empty())
    check(encdec_options_set_text(options.get(), "shortlist", arguments.shortlist.data(),
                                  arguments.shortlist.size()));
  const std::pair<const char *, const std::string &> languages[] = {
      {"source_language", arguments.sourceLanguage},
      {"target_language", arguments.targetLanguage}};
  for (const auto &[name, value] : languages)
    if (!value.empty()) {
      check(encdec_options_set_text(options.get(), name, value.data(), value.size()));
      uint64_t language = 0;
      check(encdec_find_language(model.get(), value.c_str(), &language));
    }
  auto limits = encdec_state_options_default();
  limits.threads = threadsToUse(arguments.threads);
  state = createState(model.get(), limits, batchLimit, /*rowsOfSource=*/1);
  const uint64_t end = 0; // of no pairs: options that do not fit are refused before any input
  check(encdec_score(state.get(), nullptr, &end, nullptr, &end, 0, options.get(), nullptr));
}

int Scorer::run() {
  if (!sourceFile && isatty(STDIN_FILENO))
    printHint("reading a source, a tab and its target a line; end with Ctrl-D");
  Progress progress("pair");
  for (std::vector<Pair> batch; !(batch = read()).empty();) {
    std::vector<Pair *> open;
    for (Pair &pair : batch) {
      if (!pair.source.refusal)
        open.push_back(&pair);
      else if (arguments.failFast)
        break;
    }
    const std::vector<double> logProbs = score(open);
    std::span<const double> rest = logProbs;
    for (const Pair &pair : batch) {
      if (pair.source.refusal) {
        refuse(pair);
        continue;
      }
      answer(pair, rest.first(pair.target.size()));
      rest = rest.subspan(pair.target.size());
    }
    flushResults();
    progress.add(batch.size());
  }
  summarize();
  return exitCode;
}

/// The next pairs, read as far as they can be; none at the end.
std::vector<Pair> Scorer::read() {
  std::vector<Pair> pairs;
  if (!sourceFile) {
    for (Source &line : lines.batch(batchLimit))
      if (pairs.push_back({std::move(line), {}}); !pairs.back().source.refusal)
        split(pairs.back());
    return pairs;
  }
  while (pairs.size() < batchLimit) {
    std::optional<Pair> pair = readFromFiles();
    if (!pair)
      break;
    pairs.push_back(std::move(*pair));
  }
  return pairs;
}

std::optional<Pair> Scorer::readFromFiles() {
  std::optional<Source> source = lines.next(/*wait=*/true);
  std::optional<Source> target = targetLines.next(/*wait=*/true);
  if (source.has_value() != target.has_value()) {
    const auto &[longer, shorter] = source ? std::pair(arguments.source, arguments.target)
                                           : std::pair(arguments.target, arguments.source);
    throw usageFailure(fmt::format("{} ends before {} of {}, but each source needs its target; "
                                   "give files of as many lines",
                                   shorter, (source ? source : target)->where, longer));
  }
  if (!source)
    return std::nullopt;
  Pair pair{std::move(*source), {}};
  if (!pair.source.refusal)
    pair.source.refusal = target->refusal;
  if (!pair.source.refusal)
    tokenize(pair, target->text);
  return pair;
}

/// Makes a pair of a line with a tab.
void Scorer::split(Pair &pair) const {
  std::string &text = pair.source.text;
  const size_t tab = text.find('\t');
  if (tab == std::string::npos) {
    pair.source.refusal =
        usageFailure("expected a source, a tab and its target, found no tab");
    return;
  }
  const std::string target = text.substr(tab + 1, text.find('\t', tab + 1) - tab - 1);
  text.resize(tab);
  tokenize(pair, target);
}

/// Sets the pair's ids, or why it cannot be read.
void Scorer::tokenize(Pair &pair, const std::string &target) const {
  Source &source = pair.source;
  try {
    if (arguments.ids) {
      source.ids = parseIds(source.text);
      pair.target = parseIds(target);
      return;
    }
    uint64_t count = 0;
    auto sourceIds = [&] {
      check(encdec_tokenize(model.get(), source.text.data(), source.text.size(), options.get(),
                            source.ids.data(), source.ids.size(), &count));
      source.ids.resize(count);
    };
    auto how = encdec_tokenize_options_default();
    how.target_side = 1;
    how.special_tokens = arguments.specialTokens;
    if (!arguments.sourceLanguage.empty())
      how.source_language = arguments.sourceLanguage.c_str();
    if (!arguments.targetLanguage.empty())
      how.target_language = arguments.targetLanguage.c_str();
    auto targetIds = [&] {
      check(encdec_tokenize_text(model.get(), target.data(), target.size(), &how,
                                 pair.target.data(), nullptr, pair.target.size(), &count));
      pair.target.resize(count);
    };
    warnOfBrokenText(source.where, source.text);
    warnOfBrokenText(source.where + ", target", target);
    for (int pass = 0; pass < 2; ++pass) { // the first says how many there are
      sourceIds();
      targetIds();
    }
  } catch (const Failure &failure) {
    source.refusal = failure;
  }
}

/// Log-probabilities of the targets, end to end. A pair that cannot be scored gets its
/// refusal and is taken out of `pairs`; with --fail-fast so are all after it.
std::vector<double> Scorer::score(std::vector<Pair *> &pairs) {
  while (!pairs.empty()) {
    std::vector<int32_t> ids, targets; // of all pairs, end to end
    std::vector<uint64_t> offsets = {0}, targetOffsets = {0};
    for (const Pair *pair : pairs) {
      ids.insert(ids.end(), pair->source.ids.begin(), pair->source.ids.end());
      targets.insert(targets.end(), pair->target.begin(), pair->target.end());
      offsets.push_back(ids.size());
      targetOffsets.push_back(targets.size());
    }
    std::vector<double> logProbs(targets.size());
    encdec_status *status =
        encdec_score(state.get(), ids.data(), offsets.data(), targets.data(),
                     targetOffsets.data(), pairs.size(), options.get(), logProbs.data());
    if (!status)
      return logProbs;
    const int64_t input = encdec_status_input(status);
    Failure failure = failureOf(status);
    if (input < 0)
      throw failure;
    pairs[size_t(input)]->source.refusal = failure;
    if (arguments.failFast)
      pairs.resize(size_t(input));
    else
      pairs.erase(pairs.begin() + input);
  }
  return {};
}

void Scorer::answer(const Pair &pair, std::span<const double> logProbs) {
  const double logProb = std::accumulate(logProbs.begin(), logProbs.end(), 0.0);
  ++pairCount;
  tokenCount += logProbs.size();
  sum += logProb;
  if (const auto none = std::ranges::find(logProbs, -std::numeric_limits<double>::infinity());
      none != logProbs.end())
    printWarning(fmt::format("{}: the target's token {} has probability 0{}", pair.source.where,
                             pair.target[size_t(none - logProbs.begin())],
                             arguments.shortlist.empty()
                                 ? ""
                                 : "; scores count the tokens of --shortlist alone"));
  if (arguments.summary)
    return;
  if (!arguments.json)
    return print(fmt::format("{}\n", logProb));
  Json object = {{"log_prob", logProb}, {"source_ids", pair.source.ids}, {"ids", pair.target}};
  if (!arguments.ids)
    for (int32_t id : pair.target)
      object["tokens"].push_back(written(encdec_piece, model.get(), /*target_side=*/1, id));
  object["log_probs"] = std::vector<double>(logProbs.begin(), logProbs.end());
  print(object.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
}

/// Reports why a pair has no score; what stands in for it keeps the lines those of the input.
void Scorer::refuse(const Pair &pair) {
  const Failure &failure = *pair.source.refusal;
  const std::string message = pair.source.where + ": " + failure.what();
  if (arguments.failFast)
    throw Failure(failure.code, message);
  printError(message);
  if (!exitCode)
    exitCode = failure.code;
  if (arguments.summary)
    return;
  if (!arguments.json)
    return print("\n");
  const Json object = {{"log_prob", nullptr}, {"error", failure.what()}};
  print(object.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
}

/// Perplexity is exp(-Σ log p / tokens), over all tokens of all targets.
void Scorer::summarize() const {
  const double perplexity = std::exp(-sum / double(tokenCount)); // NaN without a token
  if (arguments.summary && arguments.json)
    return print(Json{{"pairs", pairCount},
                      {"tokens", tokenCount},
                      {"log_prob", sum},
                      {"perplexity", perplexity}}
                     .dump() +
                 "\n");
  const std::string line =
      tokenCount ? fmt::format("{}, {}, log-probability {:.4f}, perplexity {:.4f}",
                               counted(pairCount, "pair"), counted(tokenCount, "token"), sum,
                               perplexity)
                 : std::string("no pairs");
  arguments.summary ? print(line + "\n") : printHint(line);
}

void addInputs(CLI::App *command, ScoreArguments &arguments) {
  command
      ->add_option("MODEL", arguments.model,
                   "A bundle made by `encdec compile`, or a checkpoint folder")
      ->type_name("")
      ->required();
  auto *source = command->add_option("--source", arguments.source, "Sources, one a line");
  auto *target = command->add_option("--target", arguments.target, "Their targets, one a line");
  source->type_name("FILE")->check(notEmpty())->needs(target);
  target->type_name("FILE")->check(notEmpty())->needs(source);
  command->add_flag("--ids", arguments.ids,
                    "Sources and targets are token ids, nothing added to them");
  command
      ->add_option("--shortlist", arguments.shortlist,
                   "Probabilities among the tokens of this list alone (encdec compile "
                   "--shortlist); language: the list named as the target language")
      ->type_name("NAME");
  addLanguages(command, arguments.sourceLanguage, arguments.targetLanguage);
  addSpecialTokens(command, arguments.specialTokens);
  command->add_flag("--truncate", arguments.truncate,
                    "Cut a source that is longer than the model's positions at the end of its "
                    "text instead of refusing it");
}

} // namespace

void addScore(CLI::App &root, Action &action) {
  auto arguments = std::make_shared<ScoreArguments>();
  CLI::App *command = root.add_subcommand(
      "score", "Say how probable given translations are: log-probability, perplexity");
  command->footer(footer);
  addInputs(command, *arguments);
  command->add_flag("--json", arguments->json,
                    "One JSON object a pair: log_prob, source_ids, ids, tokens, log_probs");
  command->add_flag("--summary", arguments->summary,
                    "One line for all pairs instead of one for each: perplexity");
  command->add_flag("--fail-fast", arguments->failFast,
                    "End at the first pair that cannot be read");
  addThreads(command, arguments->threads);
  addWeights(command, arguments->weights);
  command->callback([arguments, &action] {
    action = [arguments] { return Scorer(*arguments).run(); };
  });
}

} // namespace encdec::tools
