// Result.h: what the checkpoint readers return: a value, or an error that
// teaches. Free of MLIR, so that the readers can be tested and fuzzed alone.
#pragma once
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace encdec::checkpoint {

/// Stable codes; they equal the exit codes of the command line.
enum class Code { Failure = 1, Usage = 2, BadModel = 3, Unfit = 4, Limit = 5 };

/// One failure: the message names the file, the key or byte offset, what was
/// expected, what was found and, where it helps, what to do.
struct Error {
  Code code = Code::BadModel;
  std::string message;
};

inline Error badModel(std::string message) {
  return {Code::BadModel, std::move(message)};
}
inline Error overLimit(std::string message) {
  return {Code::Limit, std::move(message)};
}

/// A T or an Error. Ask `ok()` (or test it) before looking inside.
template <typename T> class [[nodiscard]] Result {
public:
  Result(T value) : state(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return state.index() == 0; }
  explicit operator bool() const { return ok(); }
  T &operator*() { return std::get<0>(state); }
  const T &operator*() const { return std::get<0>(state); }
  T *operator->() { return &std::get<0>(state); }
  const T *operator->() const { return &std::get<0>(state); }
  const Error &error() const { return std::get<1>(state); }

private:
  std::variant<T, Error> state;
};

/// Nothing on success; an Error otherwise.
using Failure = std::optional<Error>;

/// a * b and a + b for anything that came from a file: nothing on overflow.
template <typename T> std::optional<T> checkedMul(T a, T b) {
  T result;
  if (__builtin_mul_overflow(a, b, &result))
    return std::nullopt;
  return result;
}
template <typename T> std::optional<T> checkedAdd(T a, T b) {
  T result;
  if (__builtin_add_overflow(a, b, &result))
    return std::nullopt;
  return result;
}

} // namespace encdec::checkpoint
