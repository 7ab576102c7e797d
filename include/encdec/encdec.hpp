/* encdec.hpp: the runtime's C API (runtime.h) as C++20 types that release what they own.
 * Header only, links encdec::runtime; needs no exceptions and throws none but those of the
 * standard library's containers (memory).
 *
 *   auto model = encdec::Model::open("en-fr.encdec");
 *   if (!model)
 *     return std::fputs(model.error().message(), stderr);
 *   auto state = encdec::State::create(*model);
 *   auto output = state->generate({"I love machine learning."});
 *   std::puts(output->best(0)->text);
 *
 * What can fail returns Expected<T>, a T or an Error; or Error alone. Both convert to bool
 * as one reads them: `if (!expected)`, `if (error)`. What a function does, its errors and
 * how long views live stand in runtime.h, at the C function of that name. Structs of the C
 * API (encdec_model_info, encdec_sequence, ...) come as they are, and get() gives the C
 * handle for all that has no method here. Types move and do not copy. A
 * moved-from object has a NULL handle, which every call refuses with an error. */
#ifndef ENCDEC_ENCDEC_HPP
#define ENCDEC_ENCDEC_HPP

#include "encdec/runtime.h"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace encdec {
/* Has names of its own in object files, where the compiler's library has names in encdec. */
inline namespace cpp {

namespace detail {
/* std::unique_ptr of a C handle. */
template <typename T, void (*release)(T *)> struct Release {
  void operator()(T *handle) const noexcept { release(handle); }
};
template <typename T, void (*release)(T *)>
using Handle = std::unique_ptr<T, Release<T, release>>;

/* A struct of the C API, zero but for its size. */
template <typename T> T sized() {
  T value = {};
  value.size = sizeof value;
  return value;
}
} /* namespace detail */

/* Why a call failed; or, as false, that it did not. */
class [[nodiscard]] Error {
public:
  Error() = default;
  /* Takes what a C function returned. */
  explicit Error(encdec_status *status) : status(status) {}

  explicit operator bool() const { return status != nullptr; }
  int code() const { return encdec_status_code(status.get()); }
  const char *message() const { return encdec_status_message(status.get()); }
  /* The input that it is about, where a call took several. */
  std::optional<std::uint64_t> input() const {
    std::int64_t index = encdec_status_input(status.get());
    return index < 0 ? std::nullopt : std::optional<std::uint64_t>(index);
  }

private:
  detail::Handle<encdec_status, encdec_status_free> status;
};

/* A T, or why there is none. Ask before `*` and `->`: without a value they are undefined. */
template <typename T> class [[nodiscard]] Expected {
public:
  Expected(T value) : content(std::move(value)) {}
  Expected(Error error) : failure(std::move(error)) {}

  explicit operator bool() const { return content.has_value(); }
  T &operator*() & { return *content; }
  const T &operator*() const & { return *content; }
  T &&operator*() && { return *std::move(content); }
  T *operator->() { return &*content; }
  const T *operator->() const { return &*content; }
  /* False where there is a value. */
  Error &error() { return failure; }
  const Error &error() const { return failure; }

private:
  std::optional<T> content;
  Error failure;
};

namespace detail {
/* What `get` has written to a struct, or its error. */
template <typename T, typename Get> Expected<T> filled(Get get) {
  T value = sized<T>();
  if (Error error{get(&value)})
    return error;
  return value;
}
/* What `get` has written to an array of elements, whose number it says: it is asked again
 * where the first room was too small. `get` is called with a pointer, a room and where the
 * number goes. */
template <typename Array, typename Get> Expected<Array> written(std::size_t room, Get get) {
  Array all(room, {});
  for (;;) {
    std::uint64_t count = 0;
    if (Error error{get(all.data(), std::uint64_t(all.size()), &count)})
      return error;
    bool isWhole = count <= all.size();
    all.resize(std::size_t(count));
    if (isWhole)
      return all;
  }
}
/* Sources as the C API takes them: source b is ids[offsets[b] .. offsets[b + 1]). */
struct EndToEnd {
  template <typename Sources> explicit EndToEnd(const Sources &sources) {
    for (const auto &source : sources) {
      ids.insert(ids.end(), std::begin(source), std::end(source));
      offsets.push_back(ids.size());
    }
  }
  std::uint64_t count() const { return offsets.size() - 1; }

  std::vector<std::int32_t> ids;
  std::vector<std::uint64_t> offsets{0};
};
} /* namespace detail */

/* --- Options ---------------------------------------------------------------- */

/* What is asked of generation, by name (options.h). */
class Options {
public:
  static Expected<Options> create() {
    encdec_options *made = nullptr;
    if (Error error{encdec_options_create(&made)})
      return error;
    return Options(made);
  }
  Expected<Options> copy() const {
    encdec_options *made = nullptr;
    if (Error error{encdec_options_copy(get(), &made)})
      return error;
    return Options(made);
  }

  /* From text, as on a command line. */
  Error set(const char *name, const char *text) {
    return Error(encdec_options_set(get(), name, text));
  }
  Error set(const char *name, bool value) {
    return Error(encdec_options_set_flag(get(), name, value));
  }
  Error set(const char *name, std::string_view text) {
    return set(name, std::string(text).c_str());
  }
  template <std::integral Integer> Error set(const char *name, Integer value) {
    return std::in_range<std::int64_t>(value)
               ? Error(encdec_options_set_integer(get(), name, std::int64_t(value)))
               : set(name, std::to_string(value).c_str());
  }
  Error set(const char *name, double value) {
    return Error(encdec_options_set_number(get(), name, value));
  }
  Error set(const char *name, std::span<const std::int32_t> ids) {
    return Error(encdec_options_set_ids(get(), name, ids.data(), ids.size()));
  }
  Error set(const char *name, std::initializer_list<std::int32_t> ids) {
    return set(name, std::span(ids.begin(), ids.size()));
  }
  /* A text or choice as it is, whatever it spells. */
  Error setText(const char *name, std::string_view text) {
    return Error(encdec_options_set_text(get(), name, text.empty() ? "" : text.data(),
                                         text.size()));
  }
  Error clear(const char *name) { return Error(encdec_options_clear(get(), name)); }
  Error unset(const char *name) { return Error(encdec_options_unset(get(), name)); }

  encdec_options *get() const { return handle.get(); }

private:
  explicit Options(encdec_options *made) : handle(made) {}
  detail::Handle<encdec_options, encdec_options_destroy> handle;
};

/* --- Results ---------------------------------------------------------------- */

/* What State::generate made: sources in the order given, and sequences of each. */
class Output {
public:
  std::uint64_t count() const { return encdec_result_count(get()); }
  Expected<encdec_source> source(std::uint64_t source) const {
    return detail::filled<encdec_source>(
        [&](encdec_source *out) { return encdec_result_source(get(), source, out); });
  }
  Expected<encdec_sequence> sequence(std::uint64_t source, std::uint64_t rank) const {
    return detail::filled<encdec_sequence>([&](encdec_sequence *out) {
      return encdec_result_get(get(), source, rank, out);
    });
  }
  Expected<encdec_sequence> best(std::uint64_t source) const { return sequence(source, 0); }

  encdec_result *get() const { return handle.get(); }

private:
  friend class State;
  friend class Generation;
  explicit Output(encdec_result *made) : handle(made) {}
  detail::Handle<encdec_result, encdec_result_free> handle;
};

/* --- Models ------------------------------------------------------------------ */

class Model {
public:
  /* `cpuLevel` NULL: the best one. */
  static Expected<Model> open(const char *path, const char *cpuLevel = nullptr) {
    encdec_model_options options = encdec_model_options_default();
    options.cpu_level = cpuLevel;
    encdec_model *made = nullptr;
    if (Error error{encdec_model_open(path, &options, &made)})
      return error;
    return Model(made);
  }
  /* Whose data outlives the model and all its states. */
  static Expected<Model> fromMemory(const encdec_model_image &image) {
    encdec_model *made = nullptr;
    if (Error error{encdec_model_from_memory(&image, &made)})
      return error;
    return Model(made);
  }

  Expected<encdec_model_info> info() const {
    return detail::filled<encdec_model_info>(
        [&](encdec_model_info *out) { return encdec_model_get_info(get(), out); });
  }
  std::string_view manifest() const {
    std::uint64_t size = 0;
    const char *text = encdec_model_manifest(get(), &size);
    return text ? std::string_view(text, std::size_t(size)) : std::string_view();
  }
  Expected<std::vector<std::int32_t>> tokenize(std::string_view text,
                                               const Options *options = nullptr) const {
    return detail::written<std::vector<std::int32_t>>(
        text.size() + 8, [&](std::int32_t *ids, std::uint64_t room, std::uint64_t *count) {
          return encdec_tokenize(get(), text.data(), text.size(),
                                 options ? options->get() : nullptr, ids, room, count);
        });
  }
  Expected<std::string> detokenize(std::span<const std::int32_t> ids) const {
    return detail::written<std::string>(
        ids.size() * 8, [&](char *text, std::uint64_t room, std::uint64_t *size) {
          return encdec_detokenize(get(), ids.data(), ids.size(), text, room, size);
        });
  }

  encdec_model *get() const { return handle.get(); }

private:
  explicit Model(encdec_model *made) : handle(made) {}
  detail::Handle<encdec_model, encdec_model_close> handle;
};

/* --- States ------------------------------------------------------------------ */

class State {
public:
  /* `limits` from encdec_state_options_default(). */
  static Expected<State> create(const Model &model,
                                encdec_state_options limits = encdec_state_options_default()) {
    encdec_state *made = nullptr;
    if (Error error{encdec_state_create(model.get(), &limits, &made)})
      return error;
    return State(made);
  }

  Expected<encdec_state_info> info() const {
    return detail::filled<encdec_state_info>(
        [&](encdec_state_info *out) { return encdec_state_get_info(get(), out); });
  }

  /* Of a range of ranges of ids, such as std::vector<std::vector<std::int32_t>>. */
  template <typename Sources> Error encode(const Sources &sources) {
    detail::EndToEnd all(sources);
    return Error(encdec_encode(get(), all.ids.data(), all.offsets.data(), all.count()));
  }
  Expected<encdec_encoder_states> encoderStates() const {
    return detail::filled<encdec_encoder_states>([&](encdec_encoder_states *out) {
      return encdec_get_encoder_states(get(), out);
    });
  }
  /* A token for each row. */
  Expected<encdec_step_output> step(std::span<const std::int32_t> tokens) {
    encdec_step_input input = encdec_step_input_default();
    input.tokens = tokens.data();
    input.rows = tokens.size();
    return step(input);
  }
  Expected<encdec_step_output> step(const encdec_step_input &input) {
    return detail::filled<encdec_step_output>(
        [&](encdec_step_output *out) { return encdec_step(get(), &input, out); });
  }
  /// Confines the tokens of later steps to a list of the model; nullptr ends that.
  Error useShortlist(const char *name) { return Error(encdec_use_shortlist(get(), name)); }

  Error reorder(std::span<const std::uint32_t> parents) {
    return Error(encdec_reorder(get(), parents.data(), parents.size()));
  }

  /* Texts to texts: of a range of strings. */
  template <typename Texts>
  Expected<Output> generate(const Texts &texts, const Options *options = nullptr) {
    std::vector<const char *> data;
    std::vector<std::uint64_t> sizes;
    for (std::string_view text : texts) {
      data.push_back(text.empty() ? "" : text.data());
      sizes.push_back(text.size());
    }
    encdec_result *made = nullptr;
    if (Error error{encdec_generate_text(get(), data.data(), sizes.data(), data.size(),
                                         options ? options->get() : nullptr, &made)})
      return error;
    return Output(made);
  }
  Expected<Output> generate(std::initializer_list<std::string_view> texts,
                            const Options *options = nullptr) {
    return generate<std::initializer_list<std::string_view>>(texts, options);
  }
  /* Ids to ids: of a range of ranges, as for encode. */
  template <typename Sources>
  Expected<Output> generateIds(const Sources &sources, const Options *options = nullptr) {
    detail::EndToEnd all(sources);
    encdec_result *made = nullptr;
    if (Error error{encdec_generate(get(), all.ids.data(), all.offsets.data(), all.count(),
                                    options ? options->get() : nullptr, &made)})
      return error;
    return Output(made);
  }

  encdec_state *get() const { return handle.get(); }

private:
  explicit State(encdec_state *made) : handle(made) {}
  detail::Handle<encdec_state, encdec_state_destroy> handle;
};

/* --- Generations -------------------------------------------------------------- */

/* Sources at work on a state, which outlives this (generation.h):
 *
 *   auto generation = encdec::Generation::create(*state);
 *   auto source = generation->add("I love machine learning.");
 *   generation->run([](const encdec_event &event) {
 *     if (event.kind != ENCDEC_EVENT_WARNING && event.text) std::fputs(event.text, stdout);
 *   }); */
class Generation {
public:
  static Expected<Generation> create(const State &state) {
    encdec_generation *made = nullptr;
    if (Error error{encdec_generation_create(state.get(), &made)})
      return error;
    return Generation(made);
  }

  /* Whether sources may be added with these options. */
  Error check(const Options &options) const {
    return Error(encdec_generation_check(get(), options.get()));
  }
  /* A text, with a text that its translation begins with. */
  Expected<std::uint64_t> add(std::string_view text, const Options *options = nullptr,
                              std::string_view prefix = "") {
    std::uint64_t source = 0;
    if (Error error{encdec_generation_add_text(
            get(), text.empty() ? "" : text.data(), text.size(),
            prefix.empty() ? "" : prefix.data(), prefix.size(),
            options ? options->get() : nullptr, &source)})
      return error;
    return source;
  }
  Expected<std::uint64_t> addIds(std::span<const std::int32_t> ids,
                                 const Options *options = nullptr,
                                 std::span<const std::int32_t> prefix = {}) {
    std::uint64_t source = 0;
    if (Error error{encdec_generation_add(get(), ids.data(), ids.size(), prefix.data(),
                                          prefix.size(), options ? options->get() : nullptr,
                                          &source)})
      return error;
    return source;
  }
  /* One step; how many sources have not ended. */
  Expected<std::uint64_t> advance() {
    std::uint64_t unfinished = 0;
    if (Error error{encdec_generation_advance(get(), &unfinished)})
      return error;
    return unfinished;
  }
  Expected<encdec_event> nextEvent() {
    return detail::filled<encdec_event>(
        [&](encdec_event *out) { return encdec_generation_next_event(get(), out); });
  }
  /* Runs all sources to their ends, and hands each event to `handle` as it comes. */
  template <typename Handle> Error run(Handle handle) {
    for (;;) {
      Expected<std::uint64_t> unfinished = advance();
      if (!unfinished)
        return std::move(unfinished.error());
      for (;;) {
        Expected<encdec_event> event = nextEvent();
        if (!event)
          return std::move(event.error());
        if (event->kind == ENCDEC_EVENT_NONE)
          break;
        handle(*event);
      }
      if (*unfinished == 0)
        return Error();
    }
  }
  /* The result of a source that has ended, of one source: index 0. */
  Expected<Output> take(std::uint64_t source) {
    encdec_result *made = nullptr;
    if (Error error{encdec_generation_take(get(), source, &made)})
      return error;
    return Output(made);
  }
  Error remove(std::uint64_t source) {
    return Error(encdec_generation_remove(get(), source));
  }
  /* From any thread. */
  void cancel() { encdec_generation_cancel(get()); }

  encdec_generation *get() const { return handle.get(); }

private:
  explicit Generation(encdec_generation *made) : handle(made) {}
  detail::Handle<encdec_generation, encdec_generation_destroy> handle;
};

/* --- Bundles ----------------------------------------------------------------- */

/* The verified sections of a file, never run. */
class Bundle {
public:
  static Expected<Bundle> open(const char *path) {
    encdec_bundle *made = nullptr;
    if (Error error{encdec_bundle_open(path, &made)})
      return error;
    return Bundle(made);
  }
  std::uint64_t sectionCount() const { return encdec_bundle_section_count(get()); }
  Expected<encdec_bundle_section_info> section(std::uint64_t index) const {
    return detail::filled<encdec_bundle_section_info>([&](encdec_bundle_section_info *out) {
      return encdec_bundle_get_section(get(), index, out);
    });
  }

  encdec_bundle *get() const { return handle.get(); }

private:
  explicit Bundle(encdec_bundle *made) : handle(made) {}
  detail::Handle<encdec_bundle, encdec_bundle_close> handle;
};

} /* namespace cpp */
} /* namespace encdec */

#endif /* ENCDEC_ENCDEC_HPP */
