// Conclusion.cpp: findings, counted.
#include "compiler/lab/Conclusion.h"

#include <algorithm>
#include <fmt/format.h>
#include <limits>

namespace encdec::lab {

/// Most figures that a verdict names.
constexpr ptrdiff_t mostNamed = 3;

std::string nameOf(const Timed &timed, const std::vector<Timed> &all) {
  const Cell &cell = timed.cell;
  auto several = [&](auto Cell::*member) {
    return std::ranges::any_of(
        all, [&](const Timed &other) { return other.cell.*member != cell.*member; });
  };
  std::string name =
      fmt::format("{} of {} {}", timed.figure, cell.rows, cell.rows == 1 ? "row" : "rows");
  if (several(&Cell::sourceLength))
    name += fmt::format(" × {} tokens", cell.sourceLength);
  if (several(&Cell::weights))
    name += ", " + cell.weights;
  return name;
}

/// "faster: 5 of 8 figures (1.03–1.20 ×)".
static std::string counted(Finding finding, const std::vector<Timed> &timed, double margin) {
  size_t count = 0, unknown = 0;
  double least = std::numeric_limits<double>::infinity(), most = 0;
  for (const Timed &each : timed) {
    if (each.finding != finding)
      continue;
    const double times =
        finding == Finding::Slower ? 1 / each.ratio.middle : each.ratio.middle;
    least = std::min(least, times);
    most = std::max(most, times);
    unknown += each.ratio.low <= 0;
    ++count;
  }
  const std::string of = fmt::format("{} of {} figures", count, timed.size());
  switch (finding) {
  case Finding::Faster:
    return fmt::format("faster: {} ({:.2f}–{:.2f} ×)", of, least, most);
  case Finding::Slower:
    return fmt::format("slower: {} ({:.2f}–{:.2f} ×)", of, least, most);
  case Finding::NoDifference:
    return fmt::format("no difference beyond {:g} %: {}", 100 * margin, of);
  case Finding::NotDecided:
    break;
  }
  return fmt::format("not decided: {}{}", of, unknown == count ? " (too few rounds)" : "");
}

Conclusion conclude(const std::vector<Timed> &timed, const std::string &wrong, double margin) {
  auto count = [&](Finding finding) {
    return std::ranges::count(timed, finding, &Timed::finding);
  };
  if (!wrong.empty())
    return {"wrong-numbers", "wrong numbers: " + wrong};
  if (timed.empty())
    return {"no-difference", "the idea makes the same code: nothing to time"};
  const auto faster = count(Finding::Faster), slower = count(Finding::Slower);
  Conclusion all;
  all.finding = faster && slower                                             ? "mixed"
                : faster                                                     ? "faster"
                : slower                                                     ? "slower"
                : count(Finding::NoDifference) == ptrdiff_t(timed.size()) ? "no-difference"
                                                                             : "not-decided";
  auto add = [&](const std::string &text) {
    all.verdict += (all.verdict.empty() ? "" : "; ") + text;
  };
  const bool names = timed.size() == 1 || faster + slower <= mostNamed;
  for (Finding finding :
       {Finding::Faster, Finding::Slower, Finding::NoDifference, Finding::NotDecided}) {
    const bool differs = finding == Finding::Faster || finding == Finding::Slower;
    if (names && (differs || timed.size() == 1)) {
      for (const Timed &each : timed)
        if (each.finding == finding)
          add(nameOf(each, timed) + ": " + describe(finding, each.ratio, margin));
    } else if (count(finding)) {
      add(counted(finding, timed, margin));
    }
  }
  return all;
}

} // namespace encdec::lab
