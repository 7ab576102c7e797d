//===- Support.cpp - errors, handles and small texts ----------------------===//

#include "runtime/tools/Support.h"
#include "runtime/base/Number.h"
#include "runtime/base/Signals.h"
#include "runtime/base/WeightTypes.h"
#include "runtime/tools/Terminal.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <unistd.h>

namespace encdec::tools {

Failure failureOf(encdec_status *status) {
  Failure failure(encdec_status_code(status), encdec_status_message(status));
  encdec_status_free(status);
  return failure;
}

void check(encdec_status *status) {
  if (status)
    throw failureOf(status);
}

namespace {

/// Where replaceFile writes.
struct Destination {
  std::string target;  ///< `path`, behind links.
  bool replaces;       ///< Whether a new file is made; else a pipe or device is written to.
  std::string written; ///< The new file until it is whole, or the target.

  explicit Destination(const std::string &path) {
    std::error_code error;
    const auto resolved = std::filesystem::canonical(path, error);
    target = error ? path : resolved.string();
    const auto status = std::filesystem::status(target, error);
    replaces = !std::filesystem::exists(status) || std::filesystem::is_regular_file(status);
    written = replaces ? fmt::format("{}.{}.tmp", target, getpid()) : target;
  }
};

Failure cannotWrite(const std::string &path, const std::string &option, int reason) {
  return Failure(ENCDEC_ERROR_FAILURE,
                 fmt::format("{} cannot write {}: {}", option, path, std::strerror(reason)));
}

} // namespace

void replaceFile(const std::string &path, std::string_view bytes, const std::string &option) {
  const Destination to(path);
  std::optional<HeldSignals> signals;
  if (to.replaces) // a signal leaves no temporary file, and ends what waits for a pipe's reader
    signals.emplace();
  errno = 0;
  std::ofstream file(to.written, std::ios::binary);
  file.write(bytes.data(), std::streamsize(bytes.size()));
  file.close();
  if (file && (!to.replaces || rename(to.written.c_str(), to.target.c_str()) == 0))
    return;
  const int reason = errno;
  if (to.replaces)
    unlink(to.written.c_str());
  throw cannotWrite(path, option, reason);
}

void checkReplaceable(const std::string &path, const std::string &option) {
  HeldSignals signals;
  const Destination to(path);
  if (!to.replaces) { // a pipe is not opened twice: its reader would see an end
    if (std::filesystem::is_directory(to.target))
      throw cannotWrite(path, option, EISDIR);
    return;
  }
  errno = 0;
  const bool opens = std::ofstream(to.written).is_open();
  const int reason = errno;
  unlink(to.written.c_str());
  if (!opens)
    throw cannotWrite(path, option, reason);
}

Options makeOptions() {
  encdec_options *created = nullptr;
  check(encdec_options_create(&created));
  return Options(created);
}

encdec_machine_info machineInfo() {
  auto info = sized<encdec_machine_info>();
  check(encdec_machine_get_info(&info));
  return info;
}

encdec_model_info modelInfo(const encdec_model *model) {
  auto info = sized<encdec_model_info>();
  check(encdec_model_get_info(model, &info));
  return info;
}

State createState(encdec_model *model, encdec_state_options options, uint64_t sources,
                  uint64_t rowsOfSource) {
  for (;; sources /= 2) {
    options.max_sources = sources;
    options.max_rows = sources * rowsOfSource;
    encdec_state *created = nullptr;
    encdec_status *status = encdec_state_create(model, &options, &created);
    if (encdec_status_code(status) != ENCDEC_ERROR_LIMIT || sources == 1) {
      check(status);
      return State(created);
    }
    encdec_status_free(status);
  }
}

uint32_t threadsToUse(uint32_t asked) {
  const uint32_t most = machineInfo().threads;
  if (asked > most)
    printWarning(
        fmt::format("{} threads were asked for, but this process may use {}: "
                    "{} run",
                    asked, counted(most, "CPU"), counted(most, "thread")));
  return asked;
}

/// Only the usual decimal form: CLI11 would also take 0x10, 010 and 1_0.
static std::optional<int64_t> readWholeNumber(const std::string &text) {
  std::optional<int64_t> value = parseNumber<int64_t>(text);
  return value && text == std::to_string(*value) ? value : std::nullopt;
}

CLI::Validator between(int64_t least, int64_t most) {
  return CLI::Validator(
      [=](std::string &text) {
        std::optional<int64_t> value = readWholeNumber(text);
        return value && least <= *value && *value <= most
                   ? std::string()
                   : fmt::format(
                         "expected a whole number from {} to {}, got '{}'",
                         least, most, text);
      },
      "");
}

void addThreads(CLI::App *command, uint32_t &threads) {
  command
      ->add_option("--threads", threads,
                   "Threads, at most what this process may use; default: all of them")
      ->type_name("N")
      ->envname("ENCDEC_THREADS")
      ->check(between(1, 256));
}

void addLanguages(CLI::App *command, std::string &source, std::string &target) {
  command
      ->add_option("--source-lang", source,
                   "Language of the texts, as the checkpoint names it (fra_Latn) or in "
                   "short (fr); default: the model's")
      ->type_name("CODE")
      ->check(notEmpty());
  command
      ->add_option("--target-lang", target,
                   "Language to write, for models of several; default: the model's")
      ->type_name("CODE")
      ->check(notEmpty());
}

void addWeights(CLI::App *command, std::string &weights) {
  command
      ->add_option("--weights", weights,
                   "Weights of a checkpoint folder: f32, bf16, int8 or int8-dynamic")
      ->type_name("TYPE")
      ->check(CLI::IsMember(weightTypeNames()));
}

void addSpecialTokens(CLI::App *command, bool &specialTokens) {
  command->add_flag("--special-tokens", specialTokens,
                    "Text that spells a special token becomes that token");
}

CLI::Validator notEmpty() {
  return CLI::Validator(
      [](std::string &text) {
        return text.empty() ? std::string("expected a name, got an empty one")
                            : std::string();
      },
      "");
}

std::string humanBytes(uint64_t bytes) {
  if (bytes < 1000)
    return fmt::format("{} B", bytes);
  double value = double(bytes);
  int unit = -1;
  while (value >= 999.5 && unit < 4) {
    value /= 1000;
    ++unit;
  }
  return fmt::format("{:.{}f} {}B", value, value < 99.95 ? 1 : 0,
                     "kMGTP"[unit]);
}

std::string counted(uint64_t count, const std::string &noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

} // namespace encdec::tools
