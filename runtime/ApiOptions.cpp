//===- ApiOptions.cpp - the C API: options of generation by name ----------===//

#include "runtime/ApiOptions.h"

#include "runtime/ApiSupport.h"

#include <cmath>

using namespace encdec;
using namespace encdec::runtime;
using namespace encdec::runtime::api;

namespace {

/// A number as JSON has it: whole where it is, so that it may count.
JsonValue numberOf(double value) {
  constexpr double exact = double(int64_t(1) << 53);
  if (std::nearbyint(value) != value || std::abs(value) > exact)
    return {.kind = JsonValue::Real, .real = value};
  if (value < 0)
    return {.kind = JsonValue::Negative, .negative = int64_t(value)};
  return {.kind = JsonValue::Unsigned, .integer = uint64_t(value)};
}

JsonValue wholeOf(int64_t value) {
  if (value < 0)
    return {.kind = JsonValue::Negative, .negative = value};
  return {.kind = JsonValue::Unsigned, .integer = uint64_t(value)};
}

/// Changes options by change(options, name).
template <typename Change>
encdec_status *change(encdec_options *options, const char *name, Change &&change) {
  return guarded([&]() -> Status {
    ENCDEC_RETURN_IF_ERROR(checkGiven({{"options", options}, {"name", name}}));
    return change(options->options, std::string_view(name));
  });
}

encdec_status *setValue(encdec_options *options, const char *name, const JsonValue &value) {
  return change(options, name, [&](GenerationOptions &chosen, std::string_view key) {
    return chosen.set(key, value);
  });
}

/// What the table's rows say in texts that nothing else holds.
struct RowTexts {
  std::string values, initial;
};

const std::vector<RowTexts> &rowTexts() {
  static const std::vector<RowTexts> texts = [] {
    std::vector<RowTexts> made;
    const GenerationOptions defaults = GenerationOptions().over({});
    for (const OptionInfo &row : optionTable())
      made.push_back({row.values(), defaults.show(row.key)});
    return made;
  }();
  return texts;
}

} // namespace

extern "C" {

encdec_status *encdec_options_create(encdec_options **out_options) {
  if (out_options)
    *out_options = nullptr;
  return guarded([&]() -> Status {
    ENCDEC_RETURN_IF_ERROR(checkGiven({{"out_options", out_options}}));
    *out_options = new encdec_options;
    return {};
  });
}

encdec_status *encdec_options_copy(const encdec_options *options,
                                   encdec_options **out_options) {
  if (out_options)
    *out_options = nullptr;
  return guarded([&]() -> Status {
    ENCDEC_RETURN_IF_ERROR(
        checkGiven({{"options", options}, {"out_options", out_options}}));
    *out_options = new encdec_options(*options);
    return {};
  });
}

void encdec_options_destroy(encdec_options *options) { delete options; }

encdec_status *encdec_options_set(encdec_options *options, const char *name,
                                  const char *text) {
  return change(options, name, [&](GenerationOptions &chosen, std::string_view key) -> Status {
    ENCDEC_RETURN_IF_ERROR(checkGiven({{"text", text}}));
    return chosen.setText(key, text);
  });
}

encdec_status *encdec_options_set_flag(encdec_options *options, const char *name,
                                       uint32_t value) {
  return change(options, name, [&](GenerationOptions &chosen, std::string_view key) -> Status {
    if (value > 1)
      return usageError(fmt::format("{}: expected 0 or 1, found {}", key, value));
    return chosen.set(key, {.kind = JsonValue::Bool, .boolean = value == 1});
  });
}

encdec_status *encdec_options_set_integer(encdec_options *options, const char *name,
                                          int64_t value) {
  return setValue(options, name, wholeOf(value));
}

encdec_status *encdec_options_set_number(encdec_options *options, const char *name,
                                         double value) {
  return setValue(options, name, numberOf(value));
}

encdec_status *encdec_options_set_ids(encdec_options *options, const char *name,
                                      const int32_t *ids, uint64_t id_count) {
  return change(options, name, [&](GenerationOptions &chosen, std::string_view key) -> Status {
    ENCDEC_RETURN_IF_ERROR(checkGiven({{"ids", ids, id_count}}));
    ENCDEC_RETURN_IF_ERROR(checkCount("id_count", id_count));
    JsonValue list{.kind = JsonValue::Array};
    for (uint64_t i = 0; i < id_count; ++i)
      list.items.push_back(wholeOf(ids[i]));
    return chosen.set(key, list);
  });
}

encdec_status *encdec_options_set_text(encdec_options *options, const char *name,
                                       const char *text, uint64_t text_size) {
  return change(options, name, [&](GenerationOptions &chosen, std::string_view key) -> Status {
    ENCDEC_RETURN_IF_ERROR(checkGiven({{"text", text, text_size}}));
    ENCDEC_RETURN_IF_ERROR(checkCount("text_size", text_size));
    return chosen.set(key, {.kind = JsonValue::String, .text = std::string(text, text_size)});
  });
}

encdec_status *encdec_options_unset(encdec_options *options, const char *name) {
  return change(options, name, [](GenerationOptions &chosen, std::string_view key) {
    return chosen.forget(key);
  });
}

encdec_status *encdec_options_clear(encdec_options *options, const char *name) {
  return setValue(options, name, {});
}

encdec_status *encdec_options_get(const encdec_options *options, const char *name,
                                  char *text, uint64_t capacity, uint64_t *out_size) {
  return guarded([&]() -> Status {
    ENCDEC_RETURN_IF_ERROR(checkGiven({{"options", options}, {"name", name},
                                       {"text", text, capacity}, {"out_size", out_size}}));
    if (!findOption(name))
      return GenerationOptions().forget(name); // says which names there are
    copyOut(options->options.show(name), text, capacity, out_size);
    return {};
  });
}

encdec_status *encdec_options_idle(const encdec_options *options, const encdec_model *model,
                                   char *text, uint64_t capacity, uint64_t *out_size) {
  return guarded([&]() -> Status {
    ENCDEC_RETURN_IF_ERROR(checkGiven({{"options", options}, {"model", model},
                                       {"text", text, capacity}, {"out_size", out_size}}));
    const GenerationOptions &given = options->options;
    std::string lines;
    for (const std::string &line : given.over(model->model->manifest.generation).idle(given))
      lines += line + '\n';
    copyOut(lines, text, capacity, out_size);
    return {};
  });
}

uint64_t encdec_option_count(void) { return optionTable().size(); }

encdec_status *encdec_option_get_info(uint64_t index, encdec_option_info *info) {
  return guarded([&]() -> Status {
    ENCDEC_RETURN_IF_ERROR(checkGiven({{"info", info}}));
    if (index >= optionTable().size())
      return usageError(fmt::format("option {} is asked for, but there are {}", index,
                                    optionTable().size()));
    const OptionInfo &row = optionTable()[index];
    const RowTexts &texts = rowTexts()[index];
    return writeSized(info, encdec_option_info{0, row.key, row.section, row.type,
                                               texts.values.c_str(), texts.initial.c_str(),
                                               row.origin, row.meaning});
  });
}

} // extern "C"
