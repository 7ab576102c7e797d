//===- Support.h - what every subcommand of encdec uses -------------------===//
//
// Subcommands throw Failure; main turns it into one line on standard error and
// an exit code. Handles of the C API free themselves.

#pragma once

#include "encdec/runtime.h"

#include <CLI/CLI.hpp>

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

namespace encdec::tools {

/// One sentence for the user and the exit code, an ENCDEC_ERROR_* of the C API.
struct Failure : std::runtime_error {
  Failure(int code, const std::string &message)
      : std::runtime_error(message), code(code) {}
  int code;
};

inline Failure usageFailure(const std::string &message) {
  return Failure(ENCDEC_ERROR_USAGE, message);
}

/// What a C API call reported; frees the status.
Failure failureOf(encdec_status *status);
/// Throws what a C API call reported, if it failed; frees the status.
void check(encdec_status *status);
/// The text that a function of the C API writes, called with what stands before its text,
/// capacity and size: written(encdec_piece, model, target_side, id). Throws as check.
template <typename Function, typename... Arguments>
std::string written(Function *function, Arguments... arguments) {
  uint64_t size = 0;
  check(function(arguments..., nullptr, 0, &size));
  std::string text(size, 0);
  check(function(arguments..., text.data(), size, &size));
  return text;
}

template <auto release> struct Release {
  template <typename T> void operator()(T *handle) const { release(handle); }
};
using Model = std::unique_ptr<encdec_model, Release<encdec_model_close>>;
using State = std::unique_ptr<encdec_state, Release<encdec_state_destroy>>;
using Generated = std::unique_ptr<encdec_result, Release<encdec_result_free>>;
using Bundle = std::unique_ptr<encdec_bundle, Release<encdec_bundle_close>>;
using Options = std::unique_ptr<encdec_options, Release<encdec_options_destroy>>;

/// An info struct of the C API with its size set.
template <typename Info> Info sized() {
  Info info{};
  info.size = sizeof(Info);
  return info;
}

/// Makes `path` a file of `bytes`, at once: an older file stays whole until the new one is
/// written. A pipe or device is written to. Throws Failure (code 1), which begins with
/// `option` and gives the system's reason.
void replaceFile(const std::string &path, std::string_view bytes, const std::string &option);

/// Throws what replaceFile would throw where `path` cannot be made, before any work is done.
void checkReplaceable(const std::string &path, const std::string &option);

/// Options of which none is set.
Options makeOptions();

encdec_machine_info machineInfo();
encdec_model_info modelInfo(const encdec_model *model);

/// Makes a state for `sources` sources at once, each of so many rows, or for fewer where
/// memory is short. Results do not depend on the number. Throws Failure.
State createState(encdec_model *model, encdec_state_options options, uint64_t sources,
                  uint64_t rowsOfSource);

/// The threads that --threads asks for, or 0 for the default. Warns where these are more
/// than can run at once: the library starts no more than that.
uint32_t threadsToUse(uint32_t asked);

/// What the parsed command line asks for; returns the exit code.
using Action = std::function<int()>;

/// Each adds one subcommand; parsing it sets `action`.
void addGenerate(CLI::App &root, Action &action);
void addEmbed(CLI::App &root, Action &action);
void addInspect(CLI::App &root, Action &action);
void addVerify(CLI::App &root, Action &action);
void addDoctor(CLI::App &root, Action &action);
void addBench(CLI::App &root, Action &action);
void addTokenize(CLI::App &root, Action &action);
void addScore(CLI::App &root, Action &action);
void addTranslate(CLI::App &root, Action &action);

/// Adds --source-lang and --target-lang.
void addLanguages(CLI::App *command, std::string &source, std::string &target);

/// Adds --threads.
void addThreads(CLI::App *command, uint32_t &threads);

/// Adds --weights, for a checkpoint folder that is compiled first.
void addWeights(CLI::App *command, std::string &weights);

/// Adds --special-tokens.
void addSpecialTokens(CLI::App *command, bool &specialTokens);

/// Accepts whole numbers (in decimal) from least to most; adds nothing to the help.
CLI::Validator between(int64_t least, int64_t most);

/// Refuses an empty name; adds nothing to the help.
CLI::Validator notEmpty();

/// "8.9 MB", in powers of ten as storage is sold and `ls --si` shows it.
std::string humanBytes(uint64_t bytes);

/// "1 section", "3 sections".
std::string counted(uint64_t count, const std::string &noun);

} // namespace encdec::tools
