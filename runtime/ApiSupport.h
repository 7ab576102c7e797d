//===- ApiSupport.h - the C border: statuses, sized structs, exceptions ---===//

#pragma once

#include "encdec/runtime.h"
#include "runtime/exec/FloatMode.h"
#include "runtime/exec/State.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <initializer_list>
#include <new>
#include <string>

struct encdec_status {
  int code;
  std::string message;
  int64_t input = -1;
};

struct encdec_model {
  std::shared_ptr<const encdec::runtime::Model> model;
};

struct encdec_state {
  std::unique_ptr<encdec::runtime::State> state;
  const encdec_generation *generation = nullptr; ///< That owns the rows; null: none.
};

namespace encdec::runtime::api {

/// The one status that needs no memory; freeing leaves it alone.
encdec_status *outOfMemory();

/// Every message becomes one line that a terminal may show.
encdec_status *make(const Status &status);

/// Runs `body` (returning Status) and turns its Status or exception into a status.
/// Search and tokenizers calculate on the caller's thread, hence the FloatMode.
template <typename Body> encdec_status *guarded(Body &&body) noexcept {
  FloatMode mode;
  try {
    Status status = body();
    return status.ok() ? nullptr : make(status);
  } catch (const std::bad_alloc &) {
    return outOfMemory();
  } catch (const std::exception &error) {
    try {
      return make(Status(Code::Failure, std::string("internal error: ") + error.what()));
    } catch (...) {
      return outOfMemory();
    }
  } catch (...) {
    return outOfMemory();
  }
}

inline Status isNull(const char *what) {
  return usageError(std::string(what) + " is NULL");
}

/// A pointer that the caller gave, and how messages call it.
struct Argument {
  /// `count` things lie there; where that is 0, the pointer may be NULL.
  template <typename T>
  Argument(const char *name, T *pointer, uint64_t count = 1)
      : name(name), isMissing(!pointer && count) {}
  const char *name;
  bool isMissing;
};

/// Refuses the first argument that is missing.
inline Status checkGiven(std::initializer_list<Argument> arguments) {
  for (const Argument &argument : arguments)
    if (argument.isMissing)
      return isNull(argument.name);
  return {};
}

/// Refuses a state whose rows a generation owns.
inline Status checkFree(const encdec_state &state) {
  if (!state.generation)
    return {};
  return usageError("a generation owns the rows of this state; destroy it first, or make a "
                    "state of its own for what you do beside it");
}

inline Status sizeNotSet(const std::string &what) {
  return usageError("the size field of " + what +
                    " is not set; set it to sizeof the struct");
}

/// The caller's struct as this version knows it: fields the caller's version
/// lacks keep their defaults. `what` names it in the error. Reserved fields are zero, so
/// that a later version can give them a meaning.
template <typename T>
Result<T> readSized(const T *given, T defaults, const char *what) {
  if (given && given->size < sizeof(uint64_t))
    return sizeNotSet(what);
  if (given)
    std::memcpy(&defaults, given, std::min<uint64_t>(given->size, sizeof(T)));
  if constexpr (requires { defaults.reserved; })
    if (defaults.reserved)
      return usageError(fmt::format("the field reserved of {} is {}, expected 0", what,
                                    defaults.reserved));
  defaults.size = sizeof(T);
  return defaults;
}

/// Refuses a count of pointers or numbers that no machine can hold, before arithmetic
/// on it wraps.
inline Status checkCount(const char *what, uint64_t count) {
  constexpr uint64_t most = uint64_t(PTRDIFF_MAX) / sizeof(uint64_t);
  if (count < most)
    return {};
  return usageError(std::string(what) + " is " + std::to_string(count) +
                    ", more than memory can hold");
}

/// The model's tokenizer, or why text cannot go in or out.
inline Result<const Tokenizer *> tokenizerOf(const Model &model) {
  if (!model.tokenizer)
    return usageError(
        "this model has no tokenizer, so text cannot go in or out; "
        "use ids");
  return model.tokenizer.get();
}

/// Finds the languages of a call, where it names some.
inline Status chooseLanguages(const Tokenizer &tokenizer, const char *source,
                              const char *target, EncodeOptions &out) {
  const auto choose = [&](const char *name, bool matters, const char *what,
                          int32_t &language) -> Status {
    if (!name)
      return {};
    ENCDEC_ASSIGN_OR_RETURN(size_t found, tokenizer.findLanguage(name));
    language = static_cast<int32_t>(found);
    if (matters)
      return {};
    return usageError(std::string("a ") + what +
                      " language is asked for, but this model is told none; leave it out");
  };
  ENCDEC_RETURN_IF_ERROR(
      choose(source, tokenizer.hasSourceLanguage(), "source", out.sourceLanguage));
  return choose(target, tokenizer.hasTargetLanguage(), "target", out.targetLanguage);
}

/// Writes up to `capacity` bytes of `from`, and its whole size.
inline void copyOut(std::string_view from, char *text, uint64_t capacity,
                    uint64_t *out_size) {
  if (capacity)
    std::memcpy(text, from.data(), std::min<uint64_t>(capacity, from.size()));
  *out_size = from.size();
}

/// Gives the caller as much of `value` as its version of the struct holds.
template <typename T> Status writeSized(T *out, T value) {
  const uint64_t size = out->size;
  if (size < sizeof(uint64_t))
    return sizeNotSet("an out-struct");
  value.size = size;
  std::memcpy(static_cast<void *>(out), &value, std::min<uint64_t>(size, sizeof(T)));
  return {};
}

} // namespace encdec::runtime::api
