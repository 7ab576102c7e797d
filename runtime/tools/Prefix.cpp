//===- Prefix.cpp - how outputs begin -------------------------------------===//

#include "runtime/tools/Prefix.h"
#include "runtime/base/Utf8.h"
#include "runtime/tools/Terminal.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace encdec::tools {

void addPrefixes(CLI::App *command, PrefixArguments &arguments, bool idSources) {
  // Bound to no variable, so that CLI11 leaves the text as it is.
  const auto add = [&](const char *name, const char *type, const char *help) {
    return command
        ->add_option(
            name, [](const CLI::results_t &) { return true; }, help)
        ->type_name(type)
        ->expected(1);
  };
  arguments.text = add("--prefix", "TEXT",
                       "What every output begins with; it is printed as part of the output, "
                       "and scores count what follows it");
  CLI::Option *file =
      command
          ->add_option("--prefixes", arguments.file,
                       "A file with a prefix on each line, one for each source; a blank line "
                       "for none")
          ->type_name("FILE")
          ->check(notEmpty());
  file->excludes(arguments.text);
  if (!idSources)
    return;
  arguments.ids = add("--prefix-ids", "IDS",
                      "The same as --prefix in token ids, as in \"3 5\", for sources of --ids");
  arguments.ids->excludes(arguments.text)->excludes(file);
}

std::vector<int32_t> behind(std::span<const int32_t> prefix, std::span<const int32_t> ids) {
  std::vector<int32_t> all(prefix.begin(), prefix.end());
  all.insert(all.end(), ids.begin(), ids.end());
  return all;
}

std::string detokenized(const encdec_model *model, std::span<const int32_t> ids) {
  return written(encdec_detokenize, model, ids.data(), ids.size());
}

Prefixes::Prefixes(const PrefixArguments &arguments, encdec_model *model,
                   const OptionArguments &generation, bool fromIds)
    : arguments(arguments), model(model), fromIds(fromIds),
      soft(generation.resolve(model, "prefix_bias_beta").get<double>() > 0) {
  if (!arguments.file.empty()) {
    file = std::make_unique<InputFile>(arguments.file, "--prefixes");
    lines = std::make_unique<LineReader>(*file);
    return;
  }
  const bool areIds = arguments.ids && arguments.ids->count() > 0;
  if (!areIds && arguments.text->count() == 0) {
    if (soft && generation.has("prefix_bias_beta"))
      printWarning("--prefix-bias-beta: has no effect here; it acts where there is a prefix");
    return;
  }
  const char *option = areIds ? "--prefix-ids" : "--prefix";
  try {
    if (areIds && !fromIds)
      throw usageFailure("sources are text here, so a prefix is text too: give --prefix, or "
                         "sources as --ids");
    if (!areIds && fromIds && !modelInfo(model).has_tokenizer)
      throw usageFailure("this model has no tokenizer, so it reads no text; give token ids, as "
                         "in --prefix-ids \"3 5\"");
    const std::string given = (areIds ? arguments.ids : arguments.text)->results().back();
    all = areIds ? Prefix{"", parseIds(given)} : read(given);
    const encdec_model_info info = modelInfo(model);
    if (all.ids.empty())
      throw usageFailure("expected a text of at least one token, got none; leave it out for "
                         "outputs without a prefix");
    for (int32_t id : all.ids)
      if (uint64_t(id) >= info.vocab_size)
        throw usageFailure(fmt::format("id {} is outside the target vocabulary 0 ... {}", id,
                                       info.vocab_size - 1));
    if (all.ids.size() >= info.max_positions)
      throw Failure(ENCDEC_ERROR_LIMIT,
                    fmt::format("it has {} tokens, and the model's {} positions leave nothing to "
                                "generate behind it; shorten it",
                                all.ids.size(), info.max_positions));
  } catch (const Failure &failure) {
    throw Failure(failure.code, fmt::format("{}: {}", option, failure.what()));
  }
}

Prefix Prefixes::next() {
  if (!lines)
    return all;
  const std::optional<Source> line = lines->next(/*wait=*/true);
  if (!line)
    throw usageFailure(fmt::format("--prefixes: {} has no line for this source; a blank line "
                                   "stands for no prefix",
                                   arguments.file));
  const auto where = [&](const Failure &failure) {
    return Failure(failure.code, fmt::format("--prefixes: {}: {}: {}", arguments.file,
                                             line->where, failure.what()));
  };
  if (line->refusal)
    throw where(*line->refusal);
  if (line->text.find_first_not_of(" \t\v\f\r") == std::string::npos)
    return {};
  try {
    return fromIds ? Prefix{"", parseIds(line->text)} : read(line->text);
  } catch (const Failure &failure) {
    throw where(failure);
  }
}

void Prefixes::finish() {
  if (lines && lines->next(/*wait=*/true))
    printWarning(fmt::format("--prefixes: {} has more lines than there were sources",
                             arguments.file));
}

/// A text as a prefix. Refuses what the vocabulary cannot spell: the output would begin with
/// something else.
Prefix Prefixes::read(const std::string &text) const {
  Prefix prefix{text, idsOf(text)};
  for (int32_t id : prefix.ids) {
    const std::string piece = written(encdec_piece, model, /*target_side=*/1, id);
    if (piece == "<unk>" || piece == "[UNK]")
      throw usageFailure(fmt::format(
          "the model's target vocabulary cannot spell all of {}, only {}; "
          "`encdec tokenize MODEL --target-side --json` shows what it makes of a text",
          quote(text, 100, '\''), quote(detokenized(model, prefix.ids), 100, '\'')));
  }
  return prefix;
}

std::vector<int32_t> Prefixes::idsOf(const std::string &text) const {
  encdec_tokenize_options options = encdec_tokenize_options_default();
  options.target_side = options.bare = 1;
  std::vector<int32_t> ids(text.size() + 16);
  uint64_t count = 0;
  check(encdec_tokenize_text(model, text.data(), text.size(), &options, ids.data(), nullptr,
                             ids.size(), &count));
  if (count > ids.size()) {
    ids.resize(count);
    check(encdec_tokenize_text(model, text.data(), text.size(), &options, ids.data(), nullptr,
                               ids.size(), &count));
  }
  ids.resize(count);
  return ids;
}

std::vector<int32_t> Prefixes::whole(const Prefix &prefix, std::span<const int32_t> ids) const {
  return behind(isFirm() ? prefix.ids : std::span<const int32_t>(), ids);
}

} // namespace encdec::tools
