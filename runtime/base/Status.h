//===- Status.h - the error type of the project: a code and a sentence ----===//
//
// A library never prints, aborts or throws for what a file or a caller did
// wrong: the error travels as a value to the C API or to the program, which
// alone decide how to show it. Compiler code is built without exceptions, so
// nothing here throws into it as long as ok() is asked before value().

#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace encdec {

/// Why a call failed. The numbers are the exit codes of the programs
/// and the codes of the C API, so they never change.
enum class Code {
  Ok = 0,
  Failure = 1,    ///< Something outside our hands: a read error, no memory.
  Usage = 2,      ///< The caller asked for something that makes no sense.
  BadModel = 3,   ///< A file is damaged, hostile or of an unknown kind.
  DoesNotFit = 4, ///< A sound file for another machine or another version.
  Limit = 5,      ///< A stated limit or deadline was reached.
};

/// Success, or a code with one clear sentence, which names the file, the key or
/// byte offset, what was expected, what was found and, where it helps, what to
/// do; and which of a call's inputs it is about, where that is one. Owns its
/// message.
class [[nodiscard]] Status {
public:
  Status() = default;
  Status(Code code, std::string message)
      : theCode(code), theMessage(std::move(message)) {}

  static Status success() { return {}; }

  bool ok() const { return theCode == Code::Ok; }
  Code code() const { return theCode; }
  const std::string &message() const { return theMessage; }

  /// The same error with the place put before it: "source.spm: at byte 7 ...".
  Status withContext(const std::string &where) && {
    if (!ok())
      theMessage = where + ": " + theMessage;
    return std::move(*this);
  }

  /// The same error, about the input of that index.
  Status withInput(size_t index) && {
    if (!ok())
      theInput = index;
    return std::move(*this);
  }
  std::optional<size_t> input() const { return theInput; }

private:
  Code theCode = Code::Ok;
  std::string theMessage;
  std::optional<size_t> theInput;
};

inline Status badModel(std::string message) {
  return Status(Code::BadModel, std::move(message));
}
inline Status usageError(std::string message) {
  return Status(Code::Usage, std::move(message));
}
inline Status overLimit(std::string message) {
  return Status(Code::Limit, std::move(message));
}

/// A value, or the Status that says why there is none. A Result made from a
/// success Status would hold neither, so it turns into a failure.
template <typename T> class [[nodiscard]] Result {
public:
  Result(T value) : content(std::in_place_index<0>, std::move(value)) {}
  Result(Status status) : content(std::in_place_index<1>, std::move(status)) {
    if (std::get<1>(content).ok())
      std::get<1>(content) =
          Status(Code::Failure, "internal error: success without a value");
  }

  bool ok() const { return content.index() == 0; }
  /// The Status: success when there is a value.
  Status status() const & { return ok() ? Status() : std::get<1>(content); }
  Status status() && {
    return ok() ? Status() : std::move(std::get<1>(content));
  }

  /// The same with the place put before an error.
  Result withContext(const std::string &where) && {
    return ok() ? std::move(*this)
                : Result(std::move(*this).status().withContext(where));
  }

  /// The value; std::bad_variant_access when there is none, so ask ok() first.
  T &value() & { return std::get<0>(content); }
  const T &value() const & { return std::get<0>(content); }
  T &&value() && { return std::get<0>(std::move(content)); }

  T &operator*() & { return value(); }
  const T &operator*() const & { return value(); }
  T &&operator*() && { return std::move(*this).value(); }
  T *operator->() { return &value(); }
  const T *operator->() const { return &value(); }

private:
  std::variant<T, Status> content;
};

} // namespace encdec

#define ENCDEC_STATUS_JOIN_(a, b) a##b
#define ENCDEC_STATUS_JOIN(a, b) ENCDEC_STATUS_JOIN_(a, b)

/// Leaves the function with the Status of `expr` unless that is success.
#define ENCDEC_RETURN_IF_ERROR(expr)                                           \
  do {                                                                         \
    ::encdec::Status encdecStatus = (expr);                                    \
    if (!encdecStatus.ok())                                                    \
      return encdecStatus;                                                     \
  } while (false)

/// ENCDEC_ASSIGN_OR_RETURN(auto x, f()): x is f's value, or the function
/// returns f's Status. Two statements: not usable as the body of a bare `if`.
#define ENCDEC_ASSIGN_OR_RETURN(lhs, expr)                                     \
  ENCDEC_ASSIGN_OR_RETURN_(ENCDEC_STATUS_JOIN(encdecResult, __LINE__), lhs,    \
                           expr)
#define ENCDEC_ASSIGN_OR_RETURN_(result, lhs, expr)                            \
  auto result = (expr);                                                        \
  if (!result.ok())                                                            \
    return std::move(result).status();                                         \
  lhs = std::move(result).value()
