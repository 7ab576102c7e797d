//===- HotWords.cpp - phrases that are favoured ---------------------------===//
//
// Contextual biasing by shallow fusion: each token of a phrase adds a boost to a row's
// score, so that beams reach the phrase, and a phrase that breaks off gives back what its
// tokens added, so that its beginning alone is not favoured (He et al. 2019, "Streaming
// end-to-end speech recognition for mobile devices", arXiv 1811.06621, section 4: failure
// arcs). The phrases are an automaton (Aho and Corasick 1975, doi 10.1145/360825.360855): its
// state is the longest end of the row that begins a phrase.

#include "runtime/search/processors/Rule.h"

#include <algorithm>
#include <map>

namespace encdec::runtime {

namespace {

struct PhraseState {
  std::map<int32_t, size_t> next; ///< State in which a token goes on.
  size_t parent = 0, fail = 0;    ///< Fail: the longest proper end that is a state too.
  float boost = 0;                ///< Of the last token: the greatest of its phrases'.
  float score = 0;                ///< What all its tokens add, or whole phrases at its end.
  float kept = 0;                 ///< Of that, what stays if no phrase goes on: whole phrases.
  bool ends = false;              ///< A phrase ends here.
};

class Phrases {
public:
  Phrases(const std::vector<TokenBias> &phrases, uint64_t vocabulary) : seen(vocabulary) {
    std::vector<size_t> order; // parents and failures come before a state
    for (const TokenBias &phrase : phrases)
      add(phrase);
    for (const auto &[token, child] : states[root].next)
      order.push_back(child);
    for (size_t i = 0; i < order.size(); ++i)
      for (const auto &[token, child] : states[order[i]].next) {
        states[child].fail = step(states[order[i]].fail, token);
        order.push_back(child);
      }
    for (size_t at : order) {
      PhraseState &state = states[at];
      const float inside = states[state.fail].kept;
      state.score = std::max(states[state.parent].score + state.boost, inside);
      state.kept = state.ends ? state.score : std::max(states[state.parent].kept, inside);
    }
  }

  /// s_t += score(state behind t) - score(state), or, where t breaks a phrase off,
  /// s_t += score(state behind t) - (score(state) - kept(state)).
  void operator()(std::span<const int32_t> tokens, std::span<float> values) {
    size_t state = root;
    for (int32_t token : tokens.last(std::min(tokens.size(), longest)))
      state = step(state, token);
    const float pending = states[state].score - states[state].kept;
    if (pending != 0)
      for (float &value : values)
        value -= pending;
    if (++call == 0) { // numbers of calls begin again
      std::ranges::fill(seen, 0);
      call = 1;
    }
    for (size_t from = state;; from = states[from].fail) {
      for (const auto &[token, to] : states[from].next) {
        uint32_t &last = seen[size_t(token)];
        if (last != call) // a longer end of the row did not go on with it
          values[size_t(token)] +=
              from == state ? pending + states[to].score - states[from].score : states[to].score;
        last = call;
      }
      if (from == root)
        break;
    }
  }

private:
  static constexpr size_t root = 0;

  void add(const TokenBias &phrase) {
    size_t at = root;
    for (int32_t token : phrase.tokens) {
      const auto [place, isNew] = states[at].next.try_emplace(token, states.size());
      const size_t child = place->second;
      if (isNew)
        states.emplace_back().parent = at;
      states[child].boost = std::max(states[child].boost, float(phrase.bias));
      at = child;
    }
    states[at].ends = at != root;
    longest = std::max(longest, phrase.tokens.size());
  }

  size_t step(size_t state, int32_t token) const {
    for (;; state = states[state].fail) {
      const auto found = states[state].next.find(token);
      if (found != states[state].next.end())
        return found->second;
      if (state == root)
        return root;
    }
  }

  std::vector<PhraseState> states{1};
  size_t longest = 0;
  std::vector<uint32_t> seen; ///< [V] The last call that met the token.
  uint32_t call = 0;
};

} // namespace

/// Each phrase's bias is the boost of each of its tokens. A whole phrase keeps its boosts,
/// once each time it stands in the row. Ends of phrases inside others count where the longer
/// one breaks off.
std::unique_ptr<Processor> makeHotWords(const ProcessorContext &context) {
  if (!context.options.hot_words)
    return nullptr;
  return makeRule([phrases = Phrases(*context.options.hot_words, context.vocabulary)](
                      const LiveRow &row, std::span<float> values) mutable {
    phrases(row.tokens, values);
  });
}

} // namespace encdec::runtime
