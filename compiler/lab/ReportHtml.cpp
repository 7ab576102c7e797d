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
@media (max-width: 40rem) {
  .times tr:first-child { display: none; }
  .times tr { display: grid; grid-template-columns: repeat(3, 1fr); padding: .3rem 0; border-bottom: 1px solid var(--line); }
  .times td { border: 0; padding: .1rem 0; text-align: left; white-space: normal; }
  .times td:first-child, .times td:last-child { grid-column: 1 / -1; }
  .times td:nth-child(n+2):nth-child(-n+4)::before { content: attr(data-name) " "; color: var(--none); }
}
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

/// The places of a chart around 1, on a logarithmic axis.
struct Axis {
  static constexpr double left = 10, width = 360;
  double reach = std::log(1.05); ///< At least ±5 %.

  explicit Axis(const llvm::json::Array &rows) {
    for (const Value &value : rows)
      for (const char *key : {"low", "ratio", "high"}) // what is further away is drawn at the end
        if (double ratio = number(*value.getAsObject(), key); ratio > 0.1 && ratio < 10)
          reach = std::max(reach, std::abs(std::log(ratio)) * 1.1);
  }
  double placeOf(double ratio) const { // in -1 … 1, if it is on the axis
    return std::log(std::clamp(ratio, 1e-3, 1e3)) / reach;
  }
  double x(double ratio) const {
    return left + width * (1 + std::clamp(placeOf(ratio), -1.0, 1.0)) / 2;
  }
};

/// A comparison's interval, if it is known, and its ratio: a dot, or an arrow beyond the axis.
std::string marks(const Object &row, const Axis &axis, double y) {
  const double low = number(row, "low"), high = number(row, "high"), ratio = number(row, "ratio");
  std::string svg = fmt::format("<g class=\"{}\">", text(row, "finding"));
  if (low > 0)
    svg += fmt::format("<line x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{:.1f}\" y2=\"{:.1f}\" "
                       "stroke-width=\"4\"/>",
                       axis.x(low), axis.x(high), y, y);
  const double place = axis.placeOf(ratio), x = axis.x(ratio);
  if (std::abs(place) <= 1)
    return svg + fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"5\"/></g>\n", x, y);
  return svg + fmt::format("<path class=\"beyond\" d=\"M{:.1f} {:.1f}l{} -6v12z\"><title>{:.3g} "
                           "×</title></path></g>\n",
                           x, y, place > 0 ? -9 : 9, ratio);
}

/// A line for each comparison.
std::string intervals(const Object &record) {
  const llvm::json::Array &rows = *record.getArray("times");
  const Axis axis(rows);
  constexpr double left = Axis::left, right = Axis::left + Axis::width, rowHeight = 40, top = 26;
  const double height = top + rowHeight * double(rows.size()) + 6;
  std::string svg = fmt::format(
      "<svg viewBox=\"0 0 {:.0f} {:.0f}\" role=\"img\" aria-label=\"Ratios with intervals\">\n"
      "<text x=\"{:.1f}\" y=\"14\">slower</text>"
      "<text x=\"{:.1f}\" y=\"14\" text-anchor=\"middle\">1</text>"
      "<text x=\"{:.1f}\" y=\"14\" text-anchor=\"end\">faster, up to {:.2f} ×</text>\n"
      "<line x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"20\" y2=\"{:.1f}\" stroke=\"currentColor\" "
      "stroke-opacity=\".4\"/>\n",
      right + 10, height, left, axis.x(1), right, std::exp(axis.reach), axis.x(1), axis.x(1),
      height);
  double y = top;
  for (const Value &value : rows) {
    const Object &row = *value.getAsObject();
    svg += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\">{}{}</text>", left, y + 12,
                       nameOfRow(row), number(row, "low") > 0 ? "" : " (no interval)");
    svg += marks(row, axis, y + 24);
    y += rowHeight;
  }
  return svg + "</svg>\n";
}

/// Cells are HTML.
class Table {
public:
  explicit Table(std::vector<std::string> names, const char *kind = "")
      : names(std::move(names)), html(fmt::format("<div class=\"wide {}\"><table>\n<tr>", kind)) {
    for (const std::string &name : this->names)
      html += "<th>" + name + "</th>";
    html += "</tr>\n";
  }
  void row(const std::vector<std::string> &cells) {
    html += "<tr>";
    for (size_t i = 0; i < cells.size(); ++i) // narrow windows show the names beside the cells
      html += fmt::format("<td data-name=\"{}\">{}</td>", names[i], cells[i]);
    html += "</tr>\n";
  }
  std::string end() const { return html + "</table></div>\n"; }

private:
  std::vector<std::string> names;
  std::string html;
};

std::string times(const Object &record) {
  if (record.getArray("times")->empty())
    return "<p>The idea makes the same code: nothing was timed.</p>\n";
  Table table({"figure, rows × source length, weights", "base ms", "idea ms", "rounds", "verdict"},
              "times");
  for (const Value &value : *record.getArray("times")) {
    const Object &row = *value.getAsObject();
    table.row({nameOfRow(row), fmt::format("{:.4f}", number(row, "base_ms")),
               fmt::format("{:.4f}", number(row, "idea_ms")),
               fmt::format("{:.0f}", number(row, "rounds")), text(row, "verdict")});
  }
  return intervals(record) + table.end() +
         "<p>Verdicts are of the ratios within each round, not of these two medians.</p>\n";
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
                 ulpsText(found),
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
      {"bytes of code", "code_bytes"},
      {"bytes of weights", "weights_bytes"},
      {"weights read by a step", "step_bytes"},
      {"segments, encode of 32 tokens", "encode_segments"},
      {"segments, step of 1 row", "step_segments"}};
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
         fmt::format("<h1>{}</h1>\n<p>Model <code>{}</code>, idea <code>{}</code>, against {}</p>\n",
                     text(record, "verdict"), text(record, "model"),
                     text(record, "idea").empty() ? "none" : text(record, "idea"),
                     text(record, "against").empty()
                         ? againstText(record)
                         : "<code>" + text(record, "against") + "</code>") +
         "<h2>Times</h2>\n" + times(record) + "<h2>Numbers</h2>\n" +
         numbers(record) + "<h2>Bundles</h2>\n" + bundles(record) +
         (record.getArray("passes")->empty() ? "" : "<h2>Passes</h2>\n" + passes(record)) + "<h2>Machine</h2>\n" +
         machine(record) + "</html>\n";
}

} // namespace encdec::lab
