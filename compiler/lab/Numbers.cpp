// Numbers.cpp: questions drawn at random, answers held against each other.
#include "compiler/lab/Numbers.h"

#include "compiler/lab/Child.h"
#include "runtime/base/Json.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <filesystem>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <fstream>
#include <random>

namespace encdec::lab {

namespace {

constexpr unsigned deadline = 900;
/// Rows that the interpreter is asked about: it is slow, and rows do not depend on each other.
constexpr size_t judgedRows = 4;

/// Floats as whole numbers in the order of their values, so that neighbours differ by 1.
double ordinal(float value) {
  const auto bits = std::bit_cast<int32_t>(value);
  return bits < 0 ? -double(bits & 0x7fffffff) : double(bits);
}
double ulpsBetween(float a, float b) { return std::abs(ordinal(a) - ordinal(b)); }
double ulpsBetween(double, double) { return 0; }

template <typename T> Difference difference(const std::vector<T> &a, const std::vector<T> &b) {
  Difference result{.count = a.size()};
  if (a.size() != b.size())
    result.most = std::numeric_limits<double>::infinity();
  double squares = 0, size = 0;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    double apart = std::abs(double(a[i]) - double(b[i]));
    if (std::isnan(apart)) // a number beside none, or infinities
      apart = a[i] == b[i] ? 0 : std::numeric_limits<double>::infinity();
    result.most = std::max(result.most, apart);
    result.ulps = std::max(result.ulps, ulpsBetween(a[i], b[i]));
    squares += apart * apart;
    size += double(a[i]) * double(a[i]);
  }
  result.rms = std::sqrt(squares / double(std::max<size_t>(a.size(), 1)));
  result.relative = size > 0 ? std::sqrt(squares / size) : 0;
  return result;
}

/// Adds what was compared in another question.
void merge(Difference &into, const Difference &more) {
  const double both = double(into.count + more.count);
  auto mean = [&](double a, double b) {
    return both > 0 ? std::sqrt((a * a * double(into.count) + b * b * double(more.count)) / both)
                    : 0;
  };
  into = {into.count + more.count, std::max(into.most, more.most), mean(into.rms, more.rms),
          std::max(into.ulps, more.ulps), mean(into.relative, more.relative)};
}

struct Question {
  std::vector<std::vector<int64_t>> sources, forced;
};

struct Answer {
  std::vector<std::vector<int64_t>> tokens;  // [step][row]
  std::vector<std::vector<double>> logProbs; // the same
  std::vector<float> logits;                 // [step][row][vocabulary]
};

class Examiner {
public:
  Examiner(const std::string &base, const std::string &idea, const NumbersOptions &options)
      : base(base), idea(idea), options(options), random(options.seed) {}
  Result<Numbers> run();

private:
  Question draw(unsigned rows);
  Result<Answer> ask(const std::string &file, const Question &question, bool logits,
                     const std::vector<std::string> &more = {});
  Status compare(unsigned rows);
  Status judge(const Question &question, const Answer &ofBase, const Answer &ofIdea);
  Status decodeWhole();
  void decide();
  std::vector<int64_t> tokens(uint64_t count, uint64_t vocabulary) {
    std::vector<int64_t> result;
    for (uint64_t i = 0; i < count; ++i)
      result.push_back(int64_t(random() % vocabulary));
    return result;
  }

  const std::string &base, &idea;
  const NumbersOptions &options;
  std::mt19937_64 random;
  Numbers numbers;
};

/// Sources of all lengths, and prefixes that do not depend on what a model answers: a
/// difference at one step does not hide behind another at the next.
Question Examiner::draw(unsigned rows) {
  Question question;
  for (unsigned row = 0; row < rows; ++row) {
    question.sources.push_back(
        tokens(row ? 1 + random() % options.sourceLength : options.sourceLength,
               options.sourceVocabulary));
    question.forced.push_back(tokens(options.steps, options.vocabulary));
  }
  return question;
}

template <typename T, typename Get>
std::vector<std::vector<T>> table(const JsonValue *json, Get get) {
  std::vector<std::vector<T>> rows;
  for (size_t i = 0; json && i < json->items.size(); ++i) {
    rows.emplace_back();
    for (const JsonValue &item : json->items[i].items)
      rows.back().push_back(get(item));
  }
  return rows;
}

Result<Answer> Examiner::ask(const std::string &file, const Question &question, bool logits,
                             const std::vector<std::string> &more) {
  std::vector<std::string> words = options.run;
  words.insert(words.end(), {file, "--json", "--steps", std::to_string(options.steps)});
  for (const std::vector<int64_t> &source : question.sources)
    words.insert(words.end(), {"--ids", fmt::format("{}", fmt::join(source, " "))});
  for (const std::vector<int64_t> &forced : question.forced)
    words.insert(words.end(), {"--force", fmt::format("{}", fmt::join(forced, " "))});
  words.insert(words.end(), more.begin(), more.end());
  const std::string path = options.folder + "/logits";
  if (logits)
    words.insert(words.end(), {"--logits", path});
  ENCDEC_ASSIGN_OR_RETURN(std::string text, outputOf(words, deadline));
  ENCDEC_ASSIGN_OR_RETURN(JsonValue json, parseJson(text).withContext("an answer"));
  Answer answer;
  answer.tokens = table<int64_t>(json.find("tokens"), [](const JsonValue &item) {
    return int64_t(item.asUnsigned().value_or(0));
  });
  answer.logProbs = table<double>(json.find("log_probs"), [](const JsonValue &item) {
    return item.asNumber().value_or(std::nan(""));
  });
  if (logits) {
    std::error_code error;
    answer.logits.resize(std::filesystem::file_size(path, error) / sizeof(float));
    std::ifstream(path, std::ios::binary)
        .read(reinterpret_cast<char *>(answer.logits.data()),
              std::streamsize(answer.logits.size() * sizeof(float)));
    std::filesystem::remove(path, error);
  }
  return answer;
}

template <typename T>
std::vector<T> flat(const std::vector<std::vector<T>> &table, size_t rows = SIZE_MAX) {
  std::vector<T> all;
  for (const std::vector<T> &row : table)
    all.insert(all.end(), row.begin(), row.begin() + ptrdiff_t(std::min(rows, row.size())));
  return all;
}

Status Examiner::judge(const Question &question, const Answer &ofBase, const Answer &ofIdea) {
  Question few = question;
  const size_t rows = std::min(judgedRows, question.sources.size());
  few.sources.resize(rows);
  few.forced.resize(rows);
  ENCDEC_ASSIGN_OR_RETURN(Answer truth, ask(options.reference, few, false,
                                            {"--interpret", "--checkpoint", options.checkpoint}));
  const std::vector<double> judged = flat(truth.logProbs);
  merge(numbers.baseFromTruth, differenceOf(judged, flat(ofBase.logProbs, rows)));
  merge(numbers.ideaFromTruth, differenceOf(judged, flat(ofIdea.logProbs, rows)));
  return Status::success();
}

Status Examiner::compare(unsigned rows) {
  const Question question = draw(rows);
  // Without logits, as was timed, and with them: code may differ.
  ENCDEC_ASSIGN_OR_RETURN(Answer ofBase, ask(base, question, false));
  ENCDEC_ASSIGN_OR_RETURN(Answer baseLogits, ask(base, question, true));
  Result<Answer> ofIdea = ask(idea, question, false);
  Result<Answer> ideaLogits = ask(idea, question, true);
  for (const Result<Answer> *each : {&ofIdea, &ideaLogits})
    if (!each->ok()) {
      numbers.wrong = each->status().message();
      return Status::success();
    }
  merge(numbers.logProbs, differenceOf(flat(ofBase.logProbs), flat(ofIdea->logProbs)));
  merge(numbers.logits, differenceOf(baseLogits.logits, ideaLogits->logits));
  const std::vector<int64_t> best = flat(ofBase.tokens), others = flat(ofIdea->tokens);
  numbers.decisions += best.size();
  for (size_t i = 0; i < best.size(); ++i)
    numbers.decisionsChanged += i >= others.size() || best[i] != others[i];
  return options.reference.empty() ? Status::success() : judge(question, ofBase, *ofIdea);
}

/// The ids of each output.
Result<std::vector<std::vector<int64_t>>> idsOf(const std::string &lines) {
  std::vector<std::vector<int64_t>> outputs;
  std::istringstream stream(lines);
  for (std::string line; std::getline(stream, line);) {
    ENCDEC_ASSIGN_OR_RETURN(JsonValue json, parseJson(line).withContext("an output"));
    outputs.emplace_back();
    if (const JsonValue *ids = json.find("ids"))
      for (const JsonValue &id : ids->items)
        outputs.back().push_back(int64_t(id.asUnsigned().value_or(0)));
  }
  return outputs;
}

/// Sentences of their own choice, ends included: the given ones, or random ids.
Status Examiner::decodeWhole() {
  std::string text;
  std::vector<std::string> words = {"--json", "--beams", "1"};
  if (!options.sentences.empty()) {
    std::ifstream file(options.sentences);
    text.assign(std::istreambuf_iterator<char>(file), {});
    if (!file)
      return usageError(fmt::format("--sentences: cannot read '{}'", options.sentences));
  } else {
    for (const std::vector<int64_t> &source : draw(16).sources)
      words.insert(words.end(), {"--ids", fmt::format("{}", fmt::join(source, " "))});
  }
  std::vector<std::vector<int64_t>> outputs[2];
  for (int side = 0; side < 2; ++side) {
    std::vector<std::string> command = options.generate;
    command.push_back(side ? idea : base);
    command.insert(command.end(), words.begin(), words.end());
    Result<std::string> said = outputOf(command, deadline, text);
    if (!said.ok() && side == 1) {
      numbers.wrong = said.status().message();
      return Status::success();
    }
    ENCDEC_RETURN_IF_ERROR(said.status());
    ENCDEC_ASSIGN_OR_RETURN(outputs[side], idsOf(*said));
  }
  numbers.outputs = outputs[0].size();
  for (size_t i = 0; i < outputs[0].size(); ++i) {
    const bool there = i < outputs[1].size();
    numbers.outputsChanged += !there || outputs[0][i] != outputs[1][i];
    numbers.baseTokens += outputs[0][i].size();
    numbers.ideaTokens += there ? outputs[1][i].size() : 0;
  }
  return Status::success();
}

/// Where logits are nearly the same and no decision changed, an output may still turn at a tie;
/// more than an eighth of them (and one) were ended or chosen by another rule.
bool outputsDiffer(const Numbers &numbers) {
  constexpr double nearly = 1e-3;
  return numbers.decisionsChanged == 0 && numbers.logits.most <= nearly &&
         numbers.outputsChanged > 1 + numbers.outputs / 8;
}

void Examiner::decide() {
  // Rounding is the base's own, as is what dynamic formats make of it; four times that is
  // beyond chance.
  numbers.allowed = std::max(options.tolerance, 4 * numbers.baseFromTruth.most);
  const std::pair<const char *, const Difference *> all[] = {
      {"log-probabilities differ from the interpreter's by", &numbers.ideaFromTruth},
      {"log-probabilities differ by", &numbers.logProbs},
      {"logits differ by", &numbers.logits}};
  for (const auto &[what, found] : all)
    if (numbers.wrong.empty() && !(found->most <= numbers.allowed))
      numbers.wrong = fmt::format("{} {:.2g}, more than {:.2g}", what, found->most,
                                  numbers.allowed);
  if (numbers.wrong.empty() && outputsDiffer(numbers))
    numbers.wrong = fmt::format("{} of {} outputs changed ({} tokens instead of {}), though logits "
                                "did not",
                                numbers.outputsChanged, numbers.outputs, numbers.ideaTokens,
                                numbers.baseTokens);
}

Result<Numbers> Examiner::run() {
  for (unsigned rows : options.rows)
    if (numbers.wrong.empty())
      ENCDEC_RETURN_IF_ERROR(compare(rows));
  if (numbers.wrong.empty())
    ENCDEC_RETURN_IF_ERROR(decodeWhole());
  if (numbers.wrong.empty())
    decide();
  return std::move(numbers);
}

} // namespace

Difference differenceOf(const std::vector<float> &a, const std::vector<float> &b) {
  return difference(a, b);
}
Difference differenceOf(const std::vector<double> &a, const std::vector<double> &b) {
  return difference(a, b);
}

Result<Numbers> compareNumbers(const std::string &base, const std::string &idea,
                               const NumbersOptions &options) {
  return Examiner(base, idea, options).run();
}

} // namespace encdec::lab
