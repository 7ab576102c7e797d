// Timing.cpp: rounds of fresh processes.
#include "compiler/lab/Timing.h"

#include "compiler/lab/Child.h"
#include "runtime/base/Json.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <fmt/format.h>
#include <random>

namespace fs = std::filesystem;

namespace encdec::lab {

namespace {

using Clock = std::chrono::steady_clock;
constexpr unsigned mostRounds = 1000, warmUps = 1, benchDeadline = 300;
constexpr const char *figures[] = {"step", "encode"};
enum Side { base, idea };

/// Processes differ more than the steps of one, so each is short, and there are many.
constexpr unsigned repeats = 2, newTokens = 16;

struct Times {
  double ms[std::size(figures)];
};

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values.empty() ? 0 : (values[(values.size() - 1) / 2] + values[values.size() / 2]) / 2;
}

/// The comparisons of a cell, by figure, and what was measured.
struct CellState {
  Cell cell;
  std::vector<Comparison> comparisons;
  std::vector<double> times[2][std::size(figures)]; // by side
  bool done() const {
    return std::ranges::all_of(comparisons, [](const Comparison &each) { return each.done(); });
  }
};

class Timer {
public:
  Timer(const std::vector<Cell> &cells, const TimingOptions &options)
      : options(options), random(options.seed) {
    for (const Cell &cell : cells)
      states.push_back({cell, {}, {}});
  }
  Result<std::vector<Timed>> run();

private:
  Status round(unsigned number, bool record);
  Result<Times> measure(const Cell &cell, Side side, uint64_t sources);
  std::vector<Timed> results();
  double secondsLeft() const {
    return options.seconds - std::chrono::duration<double>(Clock::now() - start).count();
  }
  /// In [0, below); the same with every standard library.
  uint64_t draw(uint64_t below) { return random() % below; }

  const TimingOptions &options;
  std::mt19937_64 random;
  std::vector<CellState> states;
  Clock::time_point start = Clock::now();
};

/// A figure of the child's answer. What it did must be what was asked.
Result<Times> readAnswer(const std::string &text, const Cell &cell) {
  ENCDEC_ASSIGN_OR_RETURN(JsonValue answer, parseJson(text).withContext("the timing's answer"));
  const std::pair<const char *, uint64_t> asked[] = {{"batch", cell.rows},
                                                     {"source_length", cell.sourceLength},
                                                     {"new_tokens", newTokens},
                                                     {"repeat", repeats}};
  for (const auto &[key, value] : asked) {
    const JsonValue *found = answer.find(key);
    if (!found || found->asUnsigned() != value)
      return Status(Code::Failure,
                    fmt::format("the timing did other work than asked: \"{}\": expected {}, "
                                "found {}",
                                key, value, found ? found->show() : "nothing"));
  }
  Times times;
  for (unsigned f = 0; f < std::size(figures); ++f) {
    // Neighbours on the machine only add to times.
    const std::string key = std::string(figures[f]) + "_ms_quartile";
    const JsonValue *found = answer.find(key);
    std::optional<double> ms = found ? found->asNumber() : std::nullopt;
    if (!ms || !std::isfinite(*ms) || *ms <= 0)
      return Status(Code::Failure, fmt::format("the timing's answer: \"{}\": expected a time, "
                                               "found {}",
                                               key, found ? found->show() : "nothing"));
    times.ms[f] = *ms;
  }
  return times;
}

Result<Times> Timer::measure(const Cell &cell, Side side, uint64_t sources) {
  // Paths of both sides are equally long, as the words and the environment of a process
  // shift its stack.
  const fs::path copy = fs::path(options.folder) / (side == base ? "0" : "1") / "model.encdec";
  std::error_code error;
  fs::create_directories(copy.parent_path(), error);
  fs::remove(copy, error); // a new file, in other pages
  fs::copy_file(side == base ? cell.base : cell.idea, copy, error);
  if (error)
    return Status(Code::Failure, fmt::format("{}: cannot copy the bundle: {}", copy.string(),
                                             error.message()));
  std::vector<std::string> words = options.bench;
  for (const std::string &word :
       {copy.string(), std::string("--json"), std::string("--no-bandwidth")})
    words.push_back(word);
  auto number = [&](const char *name, uint64_t value) {
    words.insert(words.end(), {name, std::to_string(value)});
  };
  number("--batch", cell.rows);
  number("--source-length", cell.sourceLength);
  number("--new-tokens", newTokens);
  number("--repeat", repeats);
  number("--seed", 1 + (options.seed + sources) % 1'000'000);
  if (options.threads)
    number("--threads", options.threads);
  ENCDEC_ASSIGN_OR_RETURN(std::string text, outputOf(words, benchDeadline));
  fs::remove(copy, error);
  return readAnswer(text, cell);
}

Status Timer::round(unsigned number, bool record) {
  std::vector<CellState *> open;
  for (CellState &state : states)
    if (!record || !state.done())
      open.push_back(&state);
  for (size_t i = open.size(); i > 1; --i)
    std::swap(open[i - 1], open[draw(i)]);
  for (CellState *state : open) {
    Times times[2]; // of the faster process
    for (Times &side : times)
      std::ranges::fill(side.ms, INFINITY);
    const Side first = draw(2) ? idea : base, second = first == base ? idea : base;
    const Side order[] = {first, second, second, first};
    for (unsigned i = 0; i < std::size(order); ++i) {
      // A bundle never sees sources twice: an answer that it kept would be timed.
      const Side side = order[i];
      ENCDEC_ASSIGN_OR_RETURN(Times measured, measure(state->cell, side, 2 * number + i / 2));
      for (unsigned f = 0; f < std::size(figures); ++f)
        times[side].ms[f] = std::min(times[side].ms[f], measured.ms[f]);
    }
    for (unsigned f = 0; record && f < std::size(figures); ++f) {
      for (Side side : {base, idea})
        state->times[side][f].push_back(times[side].ms[f]);
      if (!state->comparisons[f].done())
        state->comparisons[f].add(times[base].ms[f], times[idea].ms[f]);
    }
  }
  return Status::success();
}

std::vector<Timed> Timer::results() {
  std::vector<Timed> results;
  for (CellState &state : states)
    for (unsigned f = 0; f < std::size(figures); ++f) {
      Comparison &comparison = state.comparisons[f];
      comparison.finish();
      results.push_back({state.cell, figures[f], comparison.finding(), comparison.ratio(),
                         comparison.rounds(), median(state.times[base][f]),
                         median(state.times[idea][f])});
    }
  return results;
}

Result<std::vector<Timed>> Timer::run() {
  // The first round warms files and clocks up, and tells how many rounds there is time for.
  const auto before = Clock::now();
  for (unsigned i = 0; i < warmUps; ++i)
    ENCDEC_RETURN_IF_ERROR(round(0, /*record=*/false));
  const double each =
      std::chrono::duration<double>(Clock::now() - before).count() / double(warmUps);
  const unsigned rounds = unsigned(std::clamp(secondsLeft() / each, 1.0, double(mostRounds)));
  VerdictOptions share = options.verdict;
  share.error /= double(states.size() * std::size(figures));
  if (const unsigned needed = fewestRounds(share); rounds < needed && options.shortage) {
    constexpr double reserve = 1.2; // for rounds that take longer than the first
    options.shortage({rounds, needed, std::ceil(each * (warmUps + reserve * needed))});
  }
  for (CellState &state : states)
    state.comparisons.assign(std::size(figures), Comparison(rounds, share));
  for (unsigned i = 1; i <= rounds && (i == 1 || secondsLeft() > 0); ++i) {
    if (std::ranges::all_of(states, &CellState::done))
      break;
    ENCDEC_RETURN_IF_ERROR(round(i, /*record=*/true));
    if (options.progress)
      options.progress(fmt::format("round {} of at most {}", i, rounds));
  }
  return results();
}

} // namespace

Result<std::vector<Timed>> timeBundles(const std::vector<Cell> &cells,
                                       const TimingOptions &options) {
  return Timer(cells, options).run();
}

} // namespace encdec::lab
