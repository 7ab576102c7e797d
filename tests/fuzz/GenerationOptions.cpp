//===- GenerationOptions.cpp - options from JSON and from command lines ---===//

#include "runtime/base/GenerationOptions.h"
#include "tests/fuzz/Fuzz.h"

#include <algorithm>
#include <cmath>

namespace encdec::fuzz {
namespace {

/// What must hold of options, whoever set them.
void requireOptions(const GenerationOptions &options) {
  for (const OptionInfo &row : optionTable()) {
    const std::string shown = options.show(row.key);
    GenerationOptions again;
    require(again.setText(row.key, shown).ok() && again.show(row.key) == shown,
            "a value that is taken as it is shown");
  }
  require(options.num_beams.value_or(1) >= 1 && options.max_length.value_or(1) >= 1 &&
              options.max_new_tokens.value_or(1) >= 1 &&
              options.no_repeat_ngram_size.value_or(0) >= 0,
          "counts within their ranges");
  require(options.temperature.value_or(1) > 0 && options.top_p.value_or(0) >= 0 &&
              std::isfinite(options.length_penalty.value_or(1)),
          "numbers within their ranges");
  for (const auto &words : options.bad_words_ids.value_or(option::TokenLists()))
    require(!words.empty() && std::ranges::min(words) >= 0, "lists of ids");
  for (const TokenBias &bias : options.sequence_bias.value_or(option::TokenBiases()))
    require(!bias.tokens.empty() && std::isfinite(bias.bias), "biases of lists of ids");
}

std::vector<std::string> seeds() {
  return {"-num_beams\n4",
          "-length_penalty\n.6",
          "-early_stopping\nnever",
          "-target_language\nfr",
          "-stop_strings\n[\"a\", \"\\u00e9\"]",
          "-sequence_bias\n[[[5, 7], -1.5]]",
          "-top_k\nnone",
          R"({"eos_token_id": [0, 5], "bad_words_ids": [[4], [2, 3]], "do_sample": true,)"
          R"( "temperature": 0.7, "exponential_decay_length_penalty": [3, 1.5],)"
          R"( "forced_bos_token_id": null, "stop_strings": "end"})"};
}

/// "-", a key, a line's end and a text; or an object of keys and values.
bool run(std::string_view bytes) {
  GenerationOptions options;
  Status status;
  if (bytes.starts_with('-')) {
    const size_t end = std::min(bytes.find('\n'), bytes.size());
    status = options.setText(bytes.substr(1, end - 1), bytes.substr(std::min(end + 1, bytes.size())));
  } else if (auto object = parseJson(bytes); !object.ok()) {
    status = object.status();
  } else {
    for (size_t i = 0; i < object->keys.size() && status.ok(); ++i)
      status = options.set(object->keys[i], object->items[i]);
  }
  if (!status.ok())
    requireSentence(status.message());
  requireOptions(options);
  const GenerationOptions merged = options.over(options);
  requireOptions(merged);
  require(merged.num_beams && merged.temperature && merged.early_stopping,
          "defaults where nobody gives a value");
  if (Status ids = options.checkIds(6002); !ids.ok())
    requireSentence(ids.message());
  return status.ok();
}

} // namespace

extern const Target generationOptions = {"generation_options", 1024, seeds, run};

} // namespace encdec::fuzz
