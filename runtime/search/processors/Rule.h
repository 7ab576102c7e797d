//===- Rule.h - processors from functions ---------------------------------===//
//
// A processor is what one function does with a row. A rule that only bans or forces takes
// the scores' interface, one that computes takes their values. What a function works in
// it captures: memory that the maker has allocated.

#pragma once

#include "runtime/search/processors/Processor.h"

#include <type_traits>

namespace encdec::runtime {

template <typename Act> class Rule final : public Processor {
public:
  explicit Rule(Act theAct) : act(std::move(theAct)) {}
  bool needsValues() const override { return !bansOnly; }
  void process(const LiveRow &row, Scores &scores) override {
    if constexpr (bansOnly)
      act(row, scores);
    else
      act(row, scores.values);
  }

private:
  static constexpr bool bansOnly = std::is_invocable_v<Act &, const LiveRow &, Scores &>;
  Act act;
};

/// A processor of a function of (const LiveRow &, Scores &), which bans or forces, or of
/// (const LiveRow &, std::span<float> values), which changes values.
template <typename Act> std::unique_ptr<Processor> makeRule(Act act) {
  return std::make_unique<Rule<Act>>(std::move(act));
}

} // namespace encdec::runtime
