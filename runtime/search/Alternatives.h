//===- Alternatives.h - what else may stand behind a prefix ---------------===//

#pragma once

#include "runtime/search/Search.h"

namespace encdec::runtime {

/// return_alternatives, as CTranslate2 defines it (src/decoding.cc, decode_alternatives): the
/// N most probable tokens behind the prompt, none of which ends the sequence, begin a search
/// each, which goes on as if its token were the prompt's last. A result's score is the
/// log-probability of its first token and the score of what follows; results stand in the
/// order of their first tokens.
class Alternatives final : public Search {
public:
  explicit Alternatives(SearchOptions options);

  size_t candidates() const override;
  NextRows start(int32_t token) override;
  NextRows advance(const Predictions &predictions, bool last, bool stepped) override;
  void appendCertain(size_t known, std::vector<int32_t> &tokens) const override;
  std::vector<Hypothesis> take() override;

private:
  struct Branch {
    int32_t token;
    double logProb;
    std::unique_ptr<Search> search; ///< Null where the token is the last.
    size_t row = 0, count = 0;      ///< Its rows among all.
    std::vector<uint32_t> rows;     ///< `row` in each step of the search.
  };

  NextRows begin(const Predictions &predictions, bool last, bool stepped);
  void append(Branch &branch, const NextRows &next, size_t parent);

  const SearchOptions options;
  SearchOptions inner; ///< Of the searches behind the first token.
  std::vector<Branch> branches;
  bool begun = false, stepped = true; ///< Whether there are branches; whether by a step.
  std::vector<uint32_t> parents;
  std::vector<int32_t> tokens;
};

} // namespace encdec::runtime
