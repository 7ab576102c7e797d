// ReportHtml.cpp: a record as one page, with nothing to load: tables, and a chart of the
// intervals.
#include "compiler/lab/Report.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

using llvm::json::Object;
using llvm::json::Value;

namespace encdec::lab {

namespace {

constexpr const char *head = R"(<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>encdec lab</title>
<style>
:root { color-scheme: light dark; --line: #8886; --good: #1a7f37; --bad: #c0392b; --none: #57606a; }
body { font: 16px/1.45 system-ui, sans-serif; max-width: 72rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.3rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .2rem .6rem; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
code { overflow-wrap: anywhere; }
svg { width: 100%; max-width: 44rem; height: auto; display: block; }
svg text { font: 13px system-ui, sans-serif; fill: currentColor; }
.faster { stroke: var(--good); fill: var(--good); } .slower { stroke: var(--bad); fill: var(--bad); }
.no-difference, .not-decided { stroke: var(--none); fill: var(--none); }
</style>
)";

std::string escaped(llvm::StringRef text) {
  std::string out;
  for (char letter : text)
    switch (letter) {
    case '&':
      out += "&amp;";
      break;
    case '<':
      out += "&lt;";
      break;
    case '>':
      out += "&gt;";
      break;
    case '"':
      out += "&quot;";
      break;
    default:
      out += letter;
    }
  return out;
}

double number(const Object &object, llvm::StringRef key) {
  return object.getNumber(key).value_or(0);
}
std::string text(const Object &object, llvm::StringRef key) {
  return escaped(object.getString(key).value_or(""));
}

std::string nameOfRow(const Object &row) {
  return fmt::format("{}, {:.0f} × {:.0f}, {}", text(row, "figure"), number(row, "rows"),
                     number(row, "source_length"), text(row, "weights"));
}

/// A line for each comparison: its interval around 1, on a logarithmic axis.
std::string intervals(const Object &record) {
  const llvm::json::Array &rows = *record.getArray("times");
  double reach = std::log(1.05); // at least ±5 %
  for (const Value &value : rows)
    for (const char *key : {"low", "high"})
      if (double end = number(*value.getAsObject(), key); end > 0.1 && end < 10)
        reach = std::max(reach, std::abs(std::log(end)) * 1.1);
  constexpr double left = 10, width = 360, rowHeight = 40, top = 26;
  auto x = [&](double ratio) {
    const double place = std::clamp(std::log(std::clamp(ratio, 1e-3, 1e3)) / reach, -1.0, 1.0);
    return left + width * (1 + place) / 2;
  };
  const double height = top + rowHeight * double(rows.size()) + 6;
  std::string svg = fmt::format(
      "<svg viewBox=\"0 0 {:.0f} {:.0f}\" role=\"img\" aria-label=\"Ratios with intervals\">\n"
      "<text x=\"{:.1f}\" y=\"14\">slower</text>"
      "<text x=\"{:.1f}\" y=\"14\" text-anchor=\"middle\">1</text>"
      "<text x=\"{:.1f}\" y=\"14\" text-anchor=\"end\">faster, up to {:.2f} ×</text>\n"
      "<line x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"20\" y2=\"{:.1f}\" stroke=\"currentColor\" "
      "stroke-opacity=\".4\"/>\n",
      left + width + 10, height, left, x(1), left + width, std::exp(reach), x(1), x(1), height);
  double y = top;
  for (const Value &value : rows) {
    const Object &row = *value.getAsObject();
    svg += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\">{}</text>"
                       "<g class=\"{}\"><line x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{:.1f}\" "
                       "y2=\"{:.1f}\" stroke-width=\"4\"/>"
                       "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"5\"/></g>\n",
                       left, y + 12, nameOfRow(row), text(row, "finding"), x(number(row, "low")),
                       x(number(row, "high")), y + 24, y + 24, x(number(row, "ratio")), y + 24);
    y += rowHeight;
  }
  return svg + "</svg>\n";
}

/// Cells are HTML.
class Table {
public:
  explicit Table(const std::vector<std::string> &names) { row(names, "th"); }
  void row(const std::vector<std::string> &cells, const char *tag = "td") {
    html += "<tr>";
    for (const std::string &cell : cells)
      html += fmt::format("<{}>{}</{}>", tag, cell, tag);
    html += "</tr>\n";
  }
  std::string end() const { return "<div class=\"wide\"><table>\n" + html + "</table></div>\n"; }

private:
  std::string html;
};

std::string times(const Object &record) {
  Table table({"figure, rows × source length, weights", "base ms", "idea ms", "rounds", "verdict"});
  for (const Value &value : *record.getArray("times")) {
    const Object &row = *value.getAsObject();
    table.row({nameOfRow(row), fmt::format("{:.4f}", number(row, "base_ms")),
               fmt::format("{:.4f}", number(row, "idea_ms")),
               fmt::format("{:.0f}", number(row, "rounds")), text(row, "verdict")});
  }
  return table.end();
}

std::string numbers(const Object &record) {
  Table table({"difference", "weights", "most", "rms", "relative", "ulps", "numbers"});
  std::string counts;
  for (const Value &value : *record.getArray("numbers")) {
    const Object &row = *value.getAsObject();
    const std::pair<const char *, const char *> lines[] = {
        {"logits, idea beside base", "logits"},
        {"log-probabilities, idea beside base", "log_probs"},
        {"idea beside the interpreter", "idea_from_interpreter"},
        {"base beside the interpreter", "base_from_interpreter"}};
    for (const auto &[name, key] : lines) {
      const Object &found = *row.getObject(key);
      table.row({name, text(row, "weights"), fmt::format("{:.2g}", number(found, "most")),
                 fmt::format("{:.2g}", number(found, "rms")),
                 fmt::format("{:.2g}", number(found, "relative")),
                 fmt::format("{:.0f}", number(found, "ulps")),
                 fmt::format("{:.0f}", number(found, "count"))});
    }
    counts += fmt::format("<p>{}: {:.2g} is allowed; {:.0f} of {:.0f} decisions and {:.0f} of "
                          "{:.0f} outputs changed.</p>\n",
                          text(row, "weights"), number(row, "allowed"),
                          number(row, "decisions_changed"), number(row, "decisions"),
                          number(row, "outputs_changed"), number(row, "outputs"));
  }
  return table.end() + counts;
}

std::string bundles(const Object &record) {
  Table table({"bundle", "base", "idea"});
  const Object &base = *record.getObject("base_bundle"), &idea = *record.getObject("idea_bundle");
  const std::pair<const char *, const char *> rows[] = {
      {"bytes", "bytes"},
      {"bytes of code, all levels", "code_bytes"},
      {"bytes of weights", "weights_bytes"},
      {"weights read by a step", "step_bytes"},
      {"segments of encode", "encode_segments"},
      {"segments of a step", "step_segments"}};
  for (const auto &[name, key] : rows)
    table.row({name, fmt::format("{:.0f}", number(base, key)),
               fmt::format("{:.0f}", number(idea, key))});
  return table.end();
}

std::string passes(const Object &record) {
  Table table({"after", "ops", "calls", "barriers", "step bytes", "code bytes", "arena", "error"});
  for (const Value &value : *record.getArray("passes")) {
    const Object &row = *value.getAsObject();
    std::vector<std::string> cells = {text(row, "after").empty() ? "import" : text(row, "after"),
                                      fmt::format("{:.0f}", number(row, "ops"))};
    if (row.getString("without"))
      cells[0] = "all but " + text(row, "without");
    for (const char *key : {"calls", "barriers", "step_bytes", "code_bytes", "arena"})
      cells.push_back(row.getString("code") ? "" : fmt::format("{:.0f}", number(row, key)));
    if (row.getString("code"))
      cells[2] = "[" + text(row, "code") + "]";
    cells.push_back(fmt::format("{:.2g}", number(row, "error")));
    table.row(cells);
  }
  return table.end();
}

std::string machine(const Object &record) {
  std::string line = "<p>" + text(record, "cpu") + "; " + text(record, "producer");
  for (const char *when : {"before", "after"})
    if (const Object *now = record.getObject(when))
      line += fmt::format("; {} timing load {:.2f}, {:.0f} MHz", when, number(*now, "load"),
                          number(*now, "mhz"));
  return line + fmt::format("; seed {:.0f}</p>\n", number(record, "seed"));
}

} // namespace

std::string reportHtml(const Object &record) {
  return head +
         fmt::format("<h1>{}</h1>\n<p>Model <code>{}</code>, idea <code>{}</code>, against "
                     "<code>{}</code></p>\n",
                     text(record, "verdict"), text(record, "model"), text(record, "idea"),
                     text(record, "against")) +
         "<h2>Times</h2>\n" + intervals(record) + times(record) + "<h2>Numbers</h2>\n" +
         numbers(record) + "<h2>Bundles</h2>\n" + bundles(record) +
         (record.getArray("passes")->empty() ? "" : "<h2>Passes</h2>\n" + passes(record)) + "<h2>Machine</h2>\n" +
         machine(record) + "</html>\n";
}

} // namespace encdec::lab
