// Report.cpp: a record for a terminal.
#include "compiler/lab/Report.h"

#include <cmath>
#include <fmt/format.h>
#include <utility>

using llvm::json::Array;
using llvm::json::Object;
using llvm::json::Value;

namespace encdec::lab {

static double number(const Object &object, llvm::StringRef key) {
  return object.getNumber(key).value_or(0);
}
static std::string text(const Object &object, llvm::StringRef key) {
  return object.getString(key).value_or("").str();
}

static std::string machineLine(const Object &record) {
  std::string line = "machine: " + text(record, "cpu");
  for (const char *when : {"before", "after"})
    if (const Object *now = record.getObject(when))
      line += fmt::format("; {} timing: load {:.2f}, {:.0f} MHz", when, number(*now, "load"),
                          number(*now, "mhz"));
  return line + "\n";
}

static std::string timesTable(const Object &record) {
  if (record.getArray("times")->empty())
    return {};
  std::string table = fmt::format("\n{:<8}{:>5}{:>8}  {:<14}{:>10}{:>10}{:>8}  {}\n", "figure",
                                  "rows", "length", "weights", "base ms", "idea ms", "rounds",
                                  "verdict");
  for (const Value &value : *record.getArray("times")) {
    const Object &row = *value.getAsObject();
    table += fmt::format("{:<8}{:>5.0f}{:>8.0f}  {:<14}{:>10.4f}{:>10.4f}{:>8.0f}  {}\n",
                         text(row, "figure"), number(row, "rows"), number(row, "source_length"),
                         text(row, "weights"), number(row, "base_ms"), number(row, "idea_ms"),
                         number(row, "rounds"), text(row, "verdict"));
  }
  return table + "Verdicts are of the ratios within each round, not of these two medians.\n";
}

static std::string numbersTable(const Object &record) {
  std::string table;
  const Array &formats = *record.getArray("numbers");
  for (const Value &value : formats) {
    const Object &row = *value.getAsObject();
    table += fmt::format("\nnumbers{}, on inputs that were not timed\n",
                         formats.size() > 1 ? " of " + text(row, "weights") : "");
    if (row.getBoolean("same_code").value_or(false))
      table += "  the idea makes the same code\n";
    auto line = [&](const char *name, const char *key) {
      const Object &found = *row.getObject(key);
      table += fmt::format("  {:<36}most {:<9.2g} rms {:<9.2g} {}of {:.0f}\n", name,
                           number(found, "most"), number(found, "rms"),
                           ulpsText(found).empty() ? "" : ulpsText(found) + " ulps ",
                           number(found, "count"));
    };
    line("logits, idea beside base", "logits");
    line("log-probabilities, idea beside base", "log_probs");
    line("idea beside the interpreter", "idea_from_interpreter");
    line("base beside the interpreter", "base_from_interpreter");
    table += fmt::format("  allowed {:.2g}; {:.0f} of {:.0f} decisions and {:.0f} of {:.0f} outputs "
                         "changed ({:.0f} tokens, {:.0f} of the base)\n",
                         number(row, "allowed"), number(row, "decisions_changed"),
                         number(row, "decisions"), number(row, "outputs_changed"),
                         number(row, "outputs"), number(row, "idea_tokens"),
                         number(row, "base_tokens"));
  }
  return table;
}

static std::string bundlesTable(const Object &record) {
  const Object &base = *record.getObject("base_bundle"), &idea = *record.getObject("idea_bundle");
  std::string table = fmt::format("\n{:<28}{:>14}{:>14}\n", "bundle", "base", "idea");
  const std::pair<const char *, const char *> rows[] = {
      {"bytes", "bytes"},
      {"bytes of code", "code_bytes"},
      {"bytes of weights", "weights_bytes"},
      {"weights read by a step", "step_bytes"},
      {"segments, encode of 32 tokens", "encode_segments"},
      {"segments, step of 1 row", "step_segments"}};
  for (const auto &[name, key] : rows)
    table += fmt::format("{:<28}{:>14.0f}{:>14.0f}\n", name, number(base, key), number(idea, key));
  if (record.getBoolean("equal_bundles").value_or(false))
    table += "The bundles are equal, byte for byte: the idea changed nothing.\n";
  return table;
}

static std::string passesTable(const Object &record) {
  std::string table = fmt::format("\n{:<30}{:>6}{:>7}{:>10}{:>12}{:>10}{:>8}{:>10}\n", "after",
                                  "ops", "calls", "barriers", "step bytes", "code", "arena",
                                  "error");
  unsigned refused = 0;
  if (record.getArray("passes")->empty())
    return {};
  for (const Value &value : *record.getArray("passes")) {
    const Object &row = *value.getAsObject();
    std::string name = text(row, "after");
    if (auto without = row.getString("without"))
      name = "all but " + without->str();
    if (name.size() > 29) // a line of its own
      table += std::exchange(name, " ") + "\n";
    table += fmt::format("{:<30}{:>6.0f}", name.empty() ? "import" : name, number(row, "ops"));
    if (auto code = row.getString("code"))
      table += fmt::format("{:>47}", "[" + code->str() + "]");
    else
      table += fmt::format("{:>7.0f}{:>10.0f}{:>12.0f}{:>10.0f}{:>8.0f}", number(row, "calls"),
                           number(row, "barriers"), number(row, "step_bytes"),
                           number(row, "code_bytes"), number(row, "arena"));
    table += fmt::format("{:>10.2g}\n", number(row, "error"));
    refused += row.getString("code").has_value();
  }
  return table + fmt::format("{} of these cannot be lowered.\n", refused);
}

/// What is beside the idea, in words where nothing was given.
std::string againstText(const Object &record) {
  const std::string against = text(record, "against");
  return against.empty() ? "the same compiler without the idea" : against;
}

std::string ulpsText(const Object &difference) {
  const double ulps = number(difference, "ulps");
  return ulps > 0 ? fmt::format("{:.3g}", ulps) : "";
}

std::string reportText(const Object &record) {
  const std::string idea = text(record, "idea");
  return fmt::format("verdict: {}\n\nidea:    {}\nagainst: {}\n", text(record, "verdict"),
                     idea.empty() ? "none" : idea, againstText(record)) +
         machineLine(record) + timesTable(record) + numbersTable(record) + bundlesTable(record) +
         passesTable(record);
}

} // namespace encdec::lab
