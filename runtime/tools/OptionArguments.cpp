//===- OptionArguments.cpp - options of generation on a command line ------===//

#include "runtime/tools/OptionArguments.h"
#include "runtime/tools/Terminal.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <sstream>

namespace encdec::tools {
namespace {

/// Short names beside an option's own.
struct Alias {
  std::string_view name, alias;
};
constexpr Alias aliases[] = {{"num_beams", "--beams"},
                             {"num_return_sequences", "--nbest"},
                             {"source_language", "--source-lang"},
                             {"target_language", "--target-lang"}};

/// What stands for a value in the help, by the option's type.
constexpr std::pair<std::string_view, const char *> placeholders[] = {
    {"Count", "N"},     {"Number", "X"},      {"Token", "ID"},     {"Tokens", "IDS"},
    {"Stopping", "WHEN"}, {"Text", "TEXT"},   {"Texts", "TEXTS"}};

const char *placeholder(std::string_view type) {
  for (const auto &[name, text] : placeholders)
    if (name == type)
      return text;
  return "JSON";
}

std::string dashed(std::string_view name) {
  std::string text = "--" + std::string(name);
  std::ranges::replace(text, '_', '-');
  return text;
}

std::string namesOf(const encdec_option_info &info) {
  std::string names = dashed(info.name);
  for (const auto &[name, alias] : aliases)
    if (name == info.name)
      names += fmt::format(",{}", alias);
  return names;
}

/// Meaning, values and default.
std::string helpOf(const encdec_option_info &info) {
  const std::string initial = info.default_value;
  // No checkpoint gives the options that this library alone has.
  const bool isOwn = std::string_view(info.origin) == "Own";
  std::string fallback = isOwn ? "" : "default: the model's";
  if (initial != "null")
    fallback += fmt::format("{} {}", isOwn ? "default:" : ", else", initial);
  return fmt::format("{} ({}{}{})", info.meaning, info.values, fallback.empty() ? "" : "; ",
                     fallback);
}

/// Sets an option; an error names the option as the command line does.
void set(encdec_options *options, const char *name, const std::string &text) {
  encdec_status *status = encdec_options_set(options, name, text.c_str());
  if (!status)
    return;
  std::string message = failureOf(status).what();
  if (const std::string prefix = fmt::format("{}: ", name); message.starts_with(prefix))
    message.erase(0, prefix.size());
  throw CLI::ValidationError(dashed(name), message);
}

} // namespace

nlohmann::json OptionArguments::resolve(const encdec_model *model, const char *name) const {
  using Json = nlohmann::json;
  Json value = Json::parse(written(encdec_options_get, options.get(), name));
  if (value.is_null() && !has(name)) // what was given and is null was set to none
    value = Json::parse(encdec_model_manifest(model, nullptr))["generation"][name];
  for (uint64_t i = 0; value.is_null() && i < encdec_option_count(); ++i) {
    auto info = sized<encdec_option_info>();
    check(encdec_option_get_info(i, &info));
    if (std::string_view(info.name) == name)
      return Json::parse(info.default_value);
  }
  return value;
}

void OptionArguments::warnOfIdle(const encdec_model *model) const {
  std::istringstream in(written(encdec_options_idle, options.get(), model));
  for (std::string line; std::getline(in, line);) {
    const size_t end = line.find(':');
    if (const std::string name = line.substr(0, end); has(name)) // not what a command sets
      printWarning(dashed(name) + line.substr(end));
  }
}

void addGenerationOptions(CLI::App *command, OptionArguments &arguments) {
  arguments.options = makeOptions();
  for (uint64_t i = 0; i < encdec_option_count(); ++i) {
    auto info = sized<encdec_option_info>();
    check(encdec_option_get_info(i, &info));
    const char *name = info.name; // lives with the library
    CLI::Option *option = command->add_option(
        namesOf(info),
        [&arguments, name](const CLI::results_t &values) {
          set(arguments.options.get(), name, values.back());
          arguments.given.insert(name);
          return true;
        },
        helpOf(info));
    option->group(info.section);
    if (std::string_view(info.type) == "Flag")
      option->expected(0)->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    else
      option->type_name(placeholder(info.type));
  }
}

} // namespace encdec::tools
