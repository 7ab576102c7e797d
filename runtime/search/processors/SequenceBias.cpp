//===- SequenceBias.cpp - biases of a sequence's last token ---------------===//

#include "runtime/search/processors/Rule.h"

#include <algorithm>
#include <map>

namespace encdec::runtime {

namespace {

/// The sequences, each once. Of several biases of one sequence the last counts, at the
/// place of the first, as in a Python dictionary.
std::vector<TokenBias> unique(const std::vector<TokenBias> &given) {
  std::vector<TokenBias> sequences;
  std::map<std::vector<int32_t>, size_t> places;
  for (const TokenBias &sequence : given) {
    if (sequence.tokens.empty()) // which biases nothing in Transformers either
      continue;
    const auto [place, isNew] = places.try_emplace(sequence.tokens, sequences.size());
    if (isNew)
      sequences.push_back(sequence);
    else
      sequences[place->second].bias = sequence.bias;
  }
  return sequences;
}

bool endsWith(std::span<const int32_t> tokens, std::span<const int32_t> end) {
  return end.size() <= tokens.size() && std::ranges::equal(tokens.last(end.size()), end);
}

} // namespace

/// s_t += sum of the biases of all sequences (x.., t) whose x.. ends the row
/// (Transformers' SequenceBiasLogitsProcessor). A sum is float32 and begins with the
/// sequence of t alone; longer ones follow by their lengths, in the order in which the
/// lengths first occur in the option.
std::unique_ptr<Processor> makeSequenceBias(const ProcessorContext &context) {
  if (!context.options.sequence_bias)
    return nullptr;
  std::map<size_t, size_t> ranks{{1, 0}}; // of lengths
  std::map<std::pair<int32_t, size_t>, std::vector<TokenBias>> groups;
  for (const TokenBias &sequence : unique(*context.options.sequence_bias)) {
    const size_t rank = ranks.try_emplace(sequence.tokens.size(), ranks.size()).first->second;
    groups[{sequence.tokens.back(), rank}].push_back(sequence);
  }
  std::vector<TokenBias> sequences; // those with the same last token side by side
  for (const auto &[place, group] : groups)
    sequences.insert(sequences.end(), group.begin(), group.end());
  return makeRule([sequences](const LiveRow &row, std::span<float> values) {
    for (size_t i = 0; i < sequences.size();) {
      const int32_t token = sequences[i].tokens.back();
      float sum = 0;
      for (; i < sequences.size() && sequences[i].tokens.back() == token; ++i) {
        const std::span<const int32_t> all(sequences[i].tokens);
        if (endsWith(row.tokens, all.first(all.size() - 1)))
          sum += float(sequences[i].bias);
      }
      values[size_t(token)] += sum;
    }
  });
}

} // namespace encdec::runtime
