//===- OptionTypes.h - the types of options: from JSON, to JSON, in words ---===//
//
// For each type of GenerationOptions.def the same few functions, which GenerationOptions.cpp
// calls for each row.

#pragma once

#include "runtime/base/GenerationOptions.h"

namespace encdec::option {

/// Reads a value into `out`. Null where it fits; else the value, or the part of it, that
/// does not.
const JsonValue *read(const JsonValue &value, const OptionRange &, Flag &out);
const JsonValue *read(const JsonValue &value, const OptionRange &range, Count &out);
const JsonValue *read(const JsonValue &value, const OptionRange &range, Number &out);
const JsonValue *read(const JsonValue &value, const OptionRange &, Token &out);
const JsonValue *read(const JsonValue &value, const OptionRange &, Tokens &out);
const JsonValue *read(const JsonValue &value, const OptionRange &, TokenLists &out);
const JsonValue *read(const JsonValue &value, const OptionRange &, Words &out);
const JsonValue *read(const JsonValue &value, const OptionRange &range, TokenBiases &out);
const JsonValue *read(const JsonValue &value, const OptionRange &, Decay &out);
const JsonValue *read(const JsonValue &value, const OptionRange &, Stopping &out);
const JsonValue *read(const JsonValue &value, const OptionRange &, Text &out);
const JsonValue *read(const JsonValue &value, const OptionRange &, Texts &out);

/// JSON text of a value.
std::string show(const Flag &value);
std::string show(const Count &value);
std::string show(const Number &value);
std::string show(const Token &value);
std::string show(const Tokens &value);
std::string show(const TokenLists &value);
std::string show(const Words &value);
std::string show(const TokenBiases &value);
std::string show(const Decay &value);
std::string show(const Stopping &value);
std::string show(const Text &value);
std::string show(const Texts &value);

/// What a value of the type is, in words: "a list of token ids, or one".
std::string words(std::string_view type, const OptionRange &range);

/// The first id in a value that is no id of the vocabulary.
template <typename T> std::optional<int32_t> idOutside(const T &, uint64_t) { return {}; }
std::optional<int32_t> idOutside(const Token &id, uint64_t vocabulary);
std::optional<int32_t> idOutside(const Tokens &ids, uint64_t vocabulary);
std::optional<int32_t> idOutside(const TokenLists &lists, uint64_t vocabulary);
std::optional<int32_t> idOutside(const Words &words, uint64_t vocabulary);
std::optional<int32_t> idOutside(const TokenBiases &biases, uint64_t vocabulary);

/// The greatest count. Every reader of JSON keeps whole numbers exact up to here (RFC 8259,
/// section 6), and sums of a few of them overflow nowhere.
inline constexpr int64_t greatestCount = int64_t(1) << 53;

} // namespace encdec::option
