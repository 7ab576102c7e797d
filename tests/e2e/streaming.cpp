// streaming.cpp: whether a generation streams each token at the step at which it is certain.
//
//   encdec_streaming BUNDLE BEAMS < LINES
//
// The judge is a plain beam search over the step API (Transformers' rules, whole sequences, no
// shared beginnings). After each step it computes what is certain from its own beams: what all
// live ones, and every finished one that may still be the best, begin with. The generation
// must have told exactly that after the same step, on every line, and at the end the best
// sequence. Prints one line of JSON: tokens that the best sequence had and were not told yet,
// after each of the steps that made it.
#include "encdec/runtime.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

namespace {

using Ids = std::vector<int32_t>;

void check(encdec_status *status) {
  if (!status)
    return;
  std::cerr << "encdec_streaming: " << encdec_status_message(status) << '\n';
  std::exit(encdec_status_code(status));
}

/// What is certain after each step; of the last one, the best sequence.
using Told = std::vector<Ids>;

struct Beam {
  Ids ids;
  double sum = 0;
  uint32_t parent = 0; ///< Its rank before this step, which is its row.
};

struct Ended {
  Ids ids;
  double score = 0;
};

class PlainSearch {
public:
  PlainSearch(encdec_state *state, const encdec_model_info &info, size_t beams)
      : state(state), info(info), K(beams), bias((size_t(info.vocab_size) + 15) / 16 * 16 + 16) {
    float *aligned = bias.data();
    while (reinterpret_cast<uintptr_t>(aligned) % 64)
      ++aligned;
    aligned[info.pad_token_id] = -INFINITY; // bad_words_ids of the example
    logitBias = aligned;
  }

  Told run(const Ids &source) {
    live.assign(1, {});
    ended.clear();
    const uint64_t offsets[] = {0, source.size()};
    check(encdec_encode(state, source.data(), offsets, 1));
    Told told;
    do {
      if (told.size() + 2 == size_t(info.max_length)) {
        std::cerr << "encdec_streaming: a line needs the last token that may be generated, "
                     "which is forced; shorten it\n";
        std::exit(ENCDEC_ERROR_USAGE);
      }
      advance();
      told.push_back(certain());
    } while (goesOn());
    told.back() = ended.front().ids;
    return told;
  }

private:
  bool isEnd(int32_t token) const {
    return std::count(info.eos_token_ids, info.eos_token_ids + info.eos_token_count, token);
  }

  void advance() {
    Ids tokens;
    for (const Beam &beam : live)
      tokens.push_back(beam.ids.empty() ? info.decoder_start_token_id : beam.ids.back());
    auto input = encdec_step_input_default();
    input.tokens = tokens.data();
    input.rows = tokens.size();
    input.top_k = K == 1 ? 1 : K * (1 + std::max<size_t>(1, info.eos_token_count));
    input.logit_bias = logitBias;
    input.bias_rows = 1;
    encdec_step_output output = {sizeof output, nullptr, nullptr, nullptr, 0, nullptr, 0};
    check(encdec_step(state, &input, &output));
    std::vector<Beam> all;
    for (uint32_t row = 0; row < live.size(); ++row)
      for (size_t i = row * input.top_k; i < (row + 1) * input.top_k; ++i) {
        all.push_back({live[row].ids, live[row].sum + double(output.log_probs[i]), row});
        all.back().ids.push_back(output.tokens[i]);
      }
    std::ranges::sort(all, [](const Beam &a, const Beam &b) {
      if (a.sum != b.sum)
        return a.sum > b.sum;
      return std::pair(a.ids.back(), a.parent) < std::pair(b.ids.back(), b.parent);
    });
    all.resize(input.top_k);
    live.clear();
    for (size_t rank = 0; rank < all.size(); ++rank) {
      if (!isEnd(all[rank].ids.back()))
        live.push_back(all[rank]);
      else if (rank < K)
        end({all[rank].ids, all[rank].sum / double(all[rank].ids.size())});
    }
    live.resize(std::min(live.size(), K));
    ended.resize(std::min(ended.size(), K));
  }

  /// Of equal ones the first to end is better.
  void end(Ended one) {
    auto place = ended.begin();
    while (place != ended.end() && place->score >= one.score)
      ++place;
    ended.insert(place, std::move(one));
  }

  /// Scores of ended ones stay as they are, so the best of them alone may still be the best.
  Ids certain() const {
    std::vector<Ids> possible;
    for (const Beam &beam : live)
      possible.push_back(beam.ids);
    if (!ended.empty())
      possible.push_back(ended.front().ids);
    Ids common = possible.front();
    for (const Ids &ids : possible)
      common.resize(size_t(std::ranges::mismatch(common, ids).in1 - common.begin()));
    return common;
  }

  bool goesOn() {
    if (live.empty() || (K == 1 && !ended.empty()))
      return false;
    if (ended.size() == K &&
        live.front().sum / double(live.front().ids.size()) <= ended.back().score)
      return false;
    std::vector<uint32_t> parents;
    for (const Beam &beam : live)
      parents.push_back(beam.parent);
    check(encdec_reorder(state, parents.data(), parents.size()));
    return true;
  }

  encdec_state *state;
  const encdec_model_info &info;
  const size_t K;
  std::vector<float> bias;
  const float *logitBias = nullptr;
  std::vector<Beam> live;   ///< Best first.
  std::vector<Ended> ended; ///< Best first.
};

/// What a generation has told after each step.
Told stream(encdec_state *state, const Ids &source, const encdec_options *options) {
  encdec_generation *generation = nullptr;
  uint64_t number = 0;
  check(encdec_generation_create(state, &generation));
  check(encdec_generation_add(generation, source.data(), source.size(), nullptr, 0, options,
                              &number));
  Told told;
  for (uint64_t unfinished = 1; unfinished;) {
    check(encdec_generation_advance(generation, &unfinished));
    told.push_back(told.empty() ? Ids() : told.back());
    for (encdec_event event{};;) {
      event.size = sizeof event;
      check(encdec_generation_next_event(generation, &event));
      if (event.kind == ENCDEC_EVENT_NONE)
        break;
      told.back().insert(told.back().end(), event.ids, event.ids + event.id_count);
    }
  }
  encdec_generation_destroy(generation);
  return told;
}

std::string shown(const Ids &ids) {
  std::string text;
  for (int32_t id : ids)
    text += " " + std::to_string(id);
  return text;
}

} // namespace

int main(int argc, char **argv) {
  const int beams = argc == 3 ? std::atoi(argv[2]) : 0;
  if (beams < 1) {
    std::cerr << "usage: encdec_streaming BUNDLE BEAMS < LINES\n";
    return ENCDEC_ERROR_USAGE;
  }
  encdec_model *model = nullptr;
  check(encdec_model_open(argv[1], nullptr, &model));
  encdec_model_info info = {};
  info.size = sizeof info;
  check(encdec_model_get_info(model, &info));
  encdec_state *state = nullptr;
  auto limits = encdec_state_options_default();
  limits.max_rows = uint64_t(beams);
  limits.threads = 1; // small steps, beside other tests
  check(encdec_state_create(model, &limits, &state));
  encdec_options *options = nullptr;
  check(encdec_options_create(&options));
  check(encdec_options_set_integer(options, "num_beams", beams));

  PlainSearch plain(state, info, size_t(beams));
  size_t lines = 0, steps = 0, lag = 0, worst = 0, late = 0;
  for (std::string text; std::getline(std::cin, text); ++lines) {
    Ids source(text.size() + 8);
    uint64_t count = 0;
    check(encdec_tokenize(model, text.data(), text.size(), nullptr, source.data(),
                          source.size(), &count));
    source.resize(count);
    const Told expected = plain.run(source), told = stream(state, source, options);
    for (size_t t = 0; t < std::max(expected.size(), told.size()); ++t) {
      if (t < std::min(expected.size(), told.size()) && expected[t] == told[t])
        continue;
      std::cerr << "line " << lines + 1 << ", step " << t + 1 << ": expected"
                << (t < expected.size() ? shown(expected[t]) : " no step") << ", told"
                << (t < told.size() ? shown(told[t]) : " nothing, having ended") << '\n';
      return 1;
    }
    late += told.front().empty();
    for (size_t t = 0; t < told.back().size(); ++t, ++steps) {
      lag += t + 1 - std::min(t + 1, told[t].size());
      worst = std::max(worst, t + 1 - std::min(t + 1, told[t].size()));
    }
  }
  std::printf("{\"lines\": %zu, \"steps\": %zu, \"mean_lag\": %.3f, \"worst_lag\": %zu, "
              "\"without_token_at_first_step\": %zu}\n",
              lines, steps, double(lag) / double(std::max<size_t>(steps, 1)), worst, late);
  encdec_options_destroy(options);
  encdec_state_destroy(state);
  encdec_model_close(model);
}
