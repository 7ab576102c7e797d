// Generation.cpp: the decoding defaults of a checkpoint.
//
// Rules as in Transformers' generation utilities (generation/utils.py,
// generation/configuration_utils.py): an unset max_length means 20 *new*
// tokens, within the model's positions; max_new_tokens overrides max_length,
// min_new_tokens min_length; decoder_start_token_id falls back to bos_token_id, pad to
// eos. Overridden lengths are kept: a caller may ask for them.
#include "compiler/import/Config.h"
#include "encdec/abi.h"

#include <algorithm>
#include <fmt/format.h>

namespace encdec::checkpoint {

namespace {

enum class Use {
  Honoured,  // read by readGeneration
  Silent,    // changes no result
  Sampling,  // matters only when do_sample is true
  Unhonoured // changes the result: gets a warning unless neutral
};

struct Key {
  std::string_view name;
  Use use;
  // The value that turns the key off, as JsonValue::show prints it.
  std::string_view neutral = "null";
};

constexpr Key keys[] = {{"decoder_start_token_id", Use::Honoured},
                        {"bos_token_id", Use::Honoured},
                        {"eos_token_id", Use::Honoured},
                        {"pad_token_id", Use::Honoured},
                        {"max_length", Use::Honoured},
                        {"max_new_tokens", Use::Honoured},
                        {"min_length", Use::Honoured},
                        {"min_new_tokens", Use::Honoured},
                        {"forced_bos_token_id", Use::Honoured},
                        {"forced_eos_token_id", Use::Honoured},
                        {"force_bos_token_to_be_generated", Use::Honoured},
                        {"bad_words_ids", Use::Honoured},
                        {"no_repeat_ngram_size", Use::Honoured},
                        {"encoder_no_repeat_ngram_size", Use::Honoured},
                        {"num_beams", Use::Honoured},
                        {"length_penalty", Use::Honoured},
                        {"do_sample", Use::Honoured},
                        {"_from_model_config", Use::Silent},
                        {"transformers_version", Use::Silent},
                        {"_commit_hash", Use::Silent},
                        {"use_cache", Use::Silent},
                        {"output_attentions", Use::Silent},
                        {"output_hidden_states", Use::Silent},
                        {"output_scores", Use::Silent},
                        {"output_logits", Use::Silent},
                        {"return_dict_in_generate", Use::Silent},
                        {"cache_implementation", Use::Silent},
                        {"cache_config", Use::Silent},
                        {"return_legacy_cache", Use::Silent},
                        {"disable_compile", Use::Silent},
                        {"compile_config", Use::Silent},
                        {"low_memory", Use::Silent},
                        {"prefill_chunk_size", Use::Silent},
                        {"temperature", Use::Sampling},
                        {"top_k", Use::Sampling},
                        {"top_p", Use::Sampling},
                        {"min_p", Use::Sampling},
                        {"top_h", Use::Sampling},
                        {"typical_p", Use::Sampling},
                        {"epsilon_cutoff", Use::Sampling},
                        {"eta_cutoff", Use::Sampling},
                        {"early_stopping", Use::Honoured},
                        {"num_beam_groups", Use::Unhonoured, "1"},
                        {"diversity_penalty", Use::Unhonoured, "0"},
                        {"renormalize_logits", Use::Unhonoured, "false"},
                        {"num_return_sequences", Use::Unhonoured, "1"},
                        {"repetition_penalty", Use::Unhonoured, "1"},
                        {"encoder_repetition_penalty", Use::Unhonoured, "1"},
                        {"remove_invalid_values", Use::Unhonoured, "false"},
                        {"token_healing", Use::Unhonoured, "false"},
                        {"max_time", Use::Unhonoured},
                        {"stop_strings", Use::Unhonoured},
                        {"sequence_bias", Use::Unhonoured},
                        {"suppress_tokens", Use::Unhonoured},
                        {"begin_suppress_tokens", Use::Unhonoured},
                        {"forced_decoder_ids", Use::Unhonoured},
                        {"force_words_ids", Use::Unhonoured},
                        {"constraints", Use::Unhonoured},
                        {"exponential_decay_length_penalty", Use::Unhonoured},
                        {"guidance_scale", Use::Unhonoured, "1"},
                        {"watermarking_config", Use::Unhonoured},
                        {"penalty_alpha", Use::Unhonoured, "0"},
                        {"dola_layers", Use::Unhonoured},
                        {"assistant_early_exit", Use::Silent},
                        {"assistant_confidence_threshold", Use::Silent},
                        {"assistant_lookbehind", Use::Silent},
                        {"target_lookbehind", Use::Silent},
                        {"num_assistant_tokens", Use::Silent},
                        {"num_assistant_tokens_schedule", Use::Silent},
                        {"prompt_lookup_num_tokens", Use::Silent},
                        {"max_matching_ngram_size", Use::Silent},
                        {"speculation_type", Use::Silent},
                        {"is_assistant", Use::Silent}};

const Key *findKey(std::string_view name) {
  for (const Key &key : keys)
    if (key.name == name)
      return &key;
  return nullptr;
}

/// Whether `value` turns a key off. An empty list does, and so does 1.0 where 1 does.
bool isNeutral(const JsonValue &value, std::string_view neutral) {
  return value.show() == neutral ||
         (!value.isScalar() && value.items.empty());
}

/// Bans the words of one token but the end token: of [[7], [9, 4]] the token 7. A
/// warning tells how many longer words there are.
void readBadWords(Fields &fields, uint64_t vocabulary, GenerationConfig &config,
                  std::vector<std::string> &warnings) {
  const JsonValue *words = fields.get("bad_words_ids");
  if (!words)
    return;
  std::string expected =
      fmt::format("a list of lists of token ids below {}", vocabulary);
  if (words->kind != JsonValue::Array)
    return fields.fail("bad_words_ids", expected);
  size_t longer = 0;
  for (const JsonValue &word : words->items) {
    if (word.kind != JsonValue::Array || word.items.empty())
      return fields.fail("bad_words_ids", expected);
    for (const JsonValue &token : word.items)
      if (token.asUnsigned().value_or(vocabulary) >= vocabulary)
        return fields.failWith(badModel(fmt::format(
            "{}: key \"bad_words_ids\": expected {}, found {} in a word",
            fields.fileName(), expected, token.show())));
    uint64_t token = *word.items[0].asUnsigned();
    if (word.items.size() > 1)
      ++longer;
    else if (config.eos != std::vector<uint64_t>{token} && // as the reference does
             std::ranges::find(config.badTokens, token) ==
                 config.badTokens.end())
      config.badTokens.push_back(token);
  }
  if (longer != 0)
    warnings.push_back(fmt::format("{}: key \"bad_words_ids\": {} words of "
                                   "several tokens, ignored (single "
                                   "tokens are honoured)",
                                   fields.fileName(), longer));
}

/// `inConfig` says whether the keys stand in config.json.
void readTokens(Fields &fields, uint64_t vocabulary, bool inConfig,
                GenerationConfig &config) {
  uint64_t most = vocabulary - 1;
  auto token = [&](std::string_view key) -> std::optional<uint64_t> {
    std::vector<uint64_t> ids = fields.counts(key, most);
    if (ids.size() > 1)
      fields.fail(key, "one token id");
    return ids.empty() ? std::nullopt : std::optional(ids[0]);
  };
  config.eos = fields.counts("eos_token_id", most);
  std::optional<uint64_t> bos = token("bos_token_id");
  std::optional<uint64_t> start = token("decoder_start_token_id");
  if (!start)
    start = bos;
  if (!start)
    fields.fail("decoder_start_token_id",
                "a token id (or a bos_token_id to fall back on): decoding "
                "cannot start without one");
  config.decoderStart = start.value_or(0);
  config.pad = token("pad_token_id");
  if (!config.pad && !config.eos.empty())
    config.pad = config.eos[0];
  config.forcedBos = token("forced_bos_token_id");
  // Configurations from before forced_bos_token_id say it so, and the reference reads
  // this key in config.json alone.
  if (inConfig && fields.flag("force_bos_token_to_be_generated", false) && bos)
    config.forcedBos = bos;
  config.forcedEos = fields.counts("forced_eos_token_id", most);
}

void readNgramSizes(Fields &fields, GenerationConfig &config) {
  auto size = [&](std::string_view key) -> std::optional<uint64_t> {
    uint64_t n = fields.count(key, 0, 0, INT32_MAX);
    return n ? std::optional(n) : std::nullopt;
  };
  config.noRepeatNgramSize = size("no_repeat_ngram_size");
  config.encoderNoRepeatNgramSize = size("encoder_no_repeat_ngram_size");
}

void readLengths(Fields &fields, uint64_t maxPositions, bool positionsGrow,
                 GenerationConfig &config, std::vector<std::string> &warnings) {
  constexpr uint64_t most = 1u << 30;
  std::optional<uint64_t> length = fields.optionalCount("max_length", 1, most);
  config.maxLength = length ? *length : std::min<uint64_t>(21, maxPositions);
  config.maxNewTokens = fields.optionalCount("max_new_tokens", 1, most);
  // The decoder never reads the last token, so n positions are enough for n + 1
  // tokens, the start token included.
  if (positionsGrow)
    maxPositions =
        std::clamp(std::max(config.maxLength - 1, config.maxNewTokens.value_or(0)),
                   maxPositions, std::max(maxPositions, maxWidth));
  config.positions = maxPositions;
  if (config.maxLength > maxPositions + 1) {
    warnings.push_back(fmt::format(
        "{}: key \"max_length\": {} is more than the model's {} positions "
        "allow, cut to {}",
        fields.fileName(), config.maxLength, maxPositions, maxPositions + 1));
    config.maxLength = maxPositions + 1;
  }
  if (config.maxNewTokens && *config.maxNewTokens > maxPositions) {
    warnings.push_back(fmt::format(
        "{}: key \"max_new_tokens\": {} is more than the model's {} positions, "
        "cut",
        fields.fileName(), *config.maxNewTokens, maxPositions));
    config.maxNewTokens = maxPositions;
  }
  config.minLength = fields.count("min_length", 0, 0, most);
  config.minNewTokens = fields.optionalCount("min_new_tokens", 0, most);
}

/// Names, in one warning, the keys that change the reference's result and not ours.
void warnIgnored(Fields &fields, const JsonValue &object, bool ownFile,
                 std::vector<std::string> &warnings) {
  std::vector<std::string> ignored, unknown;
  for (size_t i = 0; i < object.keys.size(); ++i) {
    if (object.items[i].isNull())
      continue;
    const Key *key = findKey(object.keys[i]);
    if (!key && ownFile) // the other keys of config.json describe the model
      unknown.push_back(quote(object.keys[i]));
    if (key && key->use == Use::Unhonoured &&
        !isNeutral(object.items[i], key->neutral))
      ignored.push_back(
          fmt::format("{} = {}", object.keys[i], object.items[i].show()));
  }
  if (!ignored.empty())
    warnings.push_back(fmt::format("{}: not supported yet, ignored: {}",
                                   fields.fileName(),
                                   listNames(ignored)));
  if (!unknown.empty())
    warnings.push_back(fmt::format("{}: unknown keys, ignored: {}",
                                   fields.fileName(),
                                   listNames(unknown)));
}

} // namespace

static void readEarlyStopping(Fields &fields, GenerationConfig &config) {
  const JsonValue *value = fields.get("early_stopping");
  bool never = value && value->asText() && *value->asText() == "never";
  bool boolean = value && value->kind == JsonValue::Bool;
  if (value && !never && !boolean)
    return fields.fail("early_stopping", "true, false or \"never\"");
  if (value)
    config.earlyStopping = never ? "never" : value->boolean ? "true" : "false";
}

bool isGenerationKey(std::string_view name) { return findKey(name); }

Result<GenerationConfig> readGeneration(const ConfigFiles &files,
                                        uint64_t vocabulary,
                                        uint64_t maxPositions, bool positionsGrow,
                                        std::vector<std::string> &warnings) {
  Fields fields(files.generation(), files.generationName());
  GenerationConfig config;
  readTokens(fields, vocabulary, !files.hasGenerationFile, config);
  readLengths(fields, maxPositions, positionsGrow, config, warnings);
  readBadWords(fields, vocabulary, config, warnings);
  readNgramSizes(fields, config);
  config.numBeams = fields.count("num_beams", 1, 1, INT32_MAX);
  config.lengthPenalty = fields.number("length_penalty", 1);
  readEarlyStopping(fields, config);
  // At least one: greedy search needs one candidate, however many tokens end it.
  uint64_t mostBeams = std::max<uint64_t>(ENCDEC_ABI_MAX_BEAMS(config.eos.size()), 1);
  if (config.numBeams > mostBeams) {
    warnings.push_back(fmt::format(
        "{}: num_beams = {} is more than the {} that a step can find candidates for "
        "with {} end tokens; {} are the model's default instead",
        fields.fileName(), config.numBeams, mostBeams, config.eos.size(), mostBeams));
    config.numBeams = mostBeams;
  }
  bool sample = fields.flag("do_sample", false);
  ENCDEC_RETURN_IF_ERROR(fields.status());
  if (sample)
    warnings.push_back(fields.fileName() +
                       ": do_sample = true: sampling is not supported yet, so "
                       "it takes the best tokens and ignores temperature, top_k, "
                       "top_p and their like");
  warnIgnored(fields, files.generation(), files.hasGenerationFile, warnings);
  return config;
}

} // namespace encdec::checkpoint
