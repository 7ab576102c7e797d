// The report as tables: a row for each op of the fused form (or, where fusing failed, each
// imported op), by entry and layer.
#include "compiler/explain/Print.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include <set>

using llvm::formatv;
using llvm::StringRef;

namespace encdec::explain {
namespace {

constexpr StringRef missing = "—"; // not known, or not measured

size_t columnsOf(StringRef text) {
  return llvm::count_if(text, [](char c) { return (c & 0xC0) != 0x80; });
}

/// `text` in `width` columns, to the left or the right.
std::string cell(StringRef text, int width) {
  std::string spaces(std::max<int>(0, std::abs(width) - int(columnsOf(text))), ' ');
  return width < 0 ? spaces + text.str() : text.str() + spaces;
}

/// Control characters of a name from a file could reach the terminal.
std::string clean(StringRef text) {
  std::string out;
  for (char c : text)
    out += uint8_t(c) < 0x20 || c == 0x7F ? '?' : c;
  return out;
}

std::string quantity(double value) {
  constexpr const char *units[] = {"", "k", "M", "G", "T"};
  size_t unit = 0;
  for (; value >= 1000 && unit + 1 < std::size(units); ++unit)
    value /= 1000;
  std::string number = formatv("{0:f1}", value).str();
  if (unit == 0 || value >= 100)
    number = formatv("{0:f0}", value).str();
  return number + (unit ? " " : "") + units[unit];
}

std::string microseconds(std::optional<double> seconds) {
  return seconds ? formatv("{0:f1}", *seconds * 1e6).str() : missing.str();
}

/// A name without its layer: "l3.self.q" is "self.q".
StringRef withoutLayer(StringRef name) {
  StringRef rest = name;
  size_t digits = 0;
  if (!rest.consume_front("l"))
    return name;
  while (digits < rest.size() && llvm::isDigit(rest[digits]))
    ++digits;
  return digits && rest.substr(digits).starts_with(".") ? rest.substr(digits + 1) : name;
}

struct Row {
  std::string role, ops, by, calls;
  Work work;
  std::optional<double> least, measured;
  bool shares = false; // the phases measured do other ops' work too

  bool operator==(const Row &other) const {
    return role == other.role && ops == other.ops && by == other.by && calls == other.calls &&
           work.weightBytes == other.work.weightBytes && work.rowMadds == other.work.rowMadds;
  }
};

using LayerKey = std::pair<std::string, std::optional<int64_t>>; // side, layer

struct Layer {
  LayerKey key;
  std::vector<Row> rows;
};

class Printer {
public:
  Printer(const Report &report, const View &view, llvm::raw_ostream &out)
      : report(report), view(view), out(out) {}
  void print();

private:
  void heading(const llvm::Twine &text) {
    out << "\n" << (view.color ? "\033[1m" : "") << text << (view.color ? "\033[0m" : "") << "\n";
  }
  Row rowOf(llvm::ArrayRef<int64_t> from, StringRef entry);
  std::vector<Layer> layersOf(StringRef entry);
  void printLayers(llvm::ArrayRef<Layer> equal);
  void printRow(const Row &row);
  void printEntry(StringRef entry, const Total &total);
  void printMissed();
  void printPasses();
  void wrapped(StringRef label, StringRef text);

  const Report &report;
  const View &view;
  llvm::raw_ostream &out;
};

} // namespace

Row Printer::rowOf(llvm::ArrayRef<int64_t> from, StringRef entry) {
  Row row;
  std::vector<std::string> names, by, calls;
  std::set<int64_t> phases;
  auto addOnce = [](std::vector<std::string> &list, StringRef text) {
    if (!llvm::is_contained(list, text))
      list.push_back(text.str());
  };
  std::string runsIn = entry.str();
  for (int64_t i : from) {
    const ImportedOp &op = report.ops[i];
    row.role = op.role;
    names.push_back(clean(withoutLayer(op.op.name)));
    row.work += op.work;
    if (!op.runsIn.empty())
      runsIn = op.runsIn;
    for (int64_t v : op.verdicts)
      if (report.verdicts[v].passed && StringRef(report.verdicts[v].pass) != "hoist-encoder")
        addOnce(by, StringRef(report.verdicts[v].pass).starts_with("fuse-")
                        ? StringRef(report.verdicts[v].pass).drop_front(5)
                        : StringRef(report.verdicts[v].pass));
    for (int64_t c : op.calls) {
      addOnce(calls, report.calls[c].kernel);
      phases.insert(report.calls[c].phase);
    }
  }
  row.ops = llvm::join(names, ", ");
  row.by = by.empty() ? missing.str() : llvm::join(by, ", ");
  row.calls = calls.empty() ? missing.str() : llvm::join(calls, ", ");
  if (runsIn != entry)
    row.calls += ", in " + runsIn;
  row.least = leastTime(row.work, runsIn, view.sizes, view.limits,
                        report.weights == "int8-dynamic");
  if (calls.empty())
    row.least = std::nullopt;
  for (int64_t p : phases)
    if (report.phases[p].measured)
      row.measured = row.measured.value_or(0) + *report.phases[p].measured;
  for (const Call &call : report.calls)
    row.shares |= phases.contains(call.phase) &&
                  (call.from.empty() || !llvm::all_of(call.from, [&](int64_t i) {
                     return llvm::is_contained(from, i);
                   }));
  return row;
}

std::vector<Layer> Printer::layersOf(StringRef entry) {
  std::vector<Layer> layers;
  const Stage *stage = report.stage("fused");
  for (const StageOp &op : (stage ? *stage : report.stages[0]).ops) {
    if (op.entry != entry || op.from.empty())
      continue;
    const ImportedOp &first = report.ops[op.from.front()];
    LayerKey key{first.side, first.layer};
    if (layers.empty() || layers.back().key != key)
      layers.push_back({key, {}});
    layers.back().rows.push_back(rowOf(op.from, entry));
  }
  return layers;
}

/// The columns: what for, imported ops, by which pass, kernels, bytes, MACs, limit, time.
enum Column { partColumn, opsColumn, byColumn, callsColumn };
static constexpr int widths[] = {6, 26, 11, 19, -8, -8, -7, -7}; // below 0: to the right

static std::string lineOf(llvm::ArrayRef<std::string> cells) {
  std::string line;
  for (auto [text, width] : llvm::zip(cells, widths))
    line += " " + cell(text, width);
  return StringRef(line).rtrim().str() + "\n";
}

static std::vector<std::string> split(StringRef list, size_t width) {
  std::vector<std::string> lines{""};
  for (StringRef part : llvm::split(list, ", ")) {
    std::string &last = lines.back();
    if (last.empty())
      last = part.str();
    else if (columnsOf(last) + 3 + part.size() <= width)
      last += ", " + part.str();
    else {
      last += ",";
      lines.push_back(part.str());
    }
  }
  for (std::string &line : lines)
    if (columnsOf(line) > width) {
      size_t end = width - 1;
      while (end && (line[end] & 0xC0) == 0x80) // not within a character
        --end;
      line = line.substr(0, end) + "…";
    }
  return lines;
}

void Printer::printRow(const Row &row) {
  constexpr std::pair<StringRef, StringRef> shorts[] = {{"self-attention", "self"},
                                                        {"cross-attention", "cross"},
                                                        {"embedding", "embed"},
                                                        {"vocabulary", "vocab"},
                                                        {"projection", "linear"}};
  std::string role = row.role;
  for (auto [longName, shortName] : shorts)
    if (role == longName)
      role = shortName.str();
  auto ops = split(row.ops, widths[opsColumn]), by = split(row.by, widths[byColumn]),
       calls = split(row.calls, widths[callsColumn]);
  std::string time = microseconds(row.measured);
  if (row.measured && row.shares)
    time = "≤" + time;
  for (size_t line = 0; line < std::max({ops.size(), by.size(), calls.size()}); ++line) {
    auto at = [&](const std::vector<std::string> &lines) {
      return line < lines.size() ? StringRef(lines[line]) : StringRef();
    };
    bool first = line == 0;
    std::string cells[] = {first ? role : "",
                           at(ops).str(),
                           at(by).str(),
                           at(calls).str(),
                           first ? quantity(double(row.work.weightBytes)) : "",
                           first ? quantity(double(row.work.rowMadds)) : "",
                           first ? microseconds(row.least) : "",
                           first ? time : ""};
    out << lineOf(cells);
  }
}

void Printer::printLayers(llvm::ArrayRef<Layer> equal) {
  const LayerKey &key = equal.front().key;
  std::string title = key.first;
  if (key.second && equal.size() > 1)
    title += formatv(" layers {0} to {1}, equal; times are means of {2}", *key.second,
                     *equal.back().key.second, equal.size())
                 .str();
  else if (key.second)
    title += formatv(" layer {0}", *key.second).str();
  out << "\n " << (view.color ? "\033[1m" : "") << title << (view.color ? "\033[0m" : "") << "\n";
  for (size_t i = 0; i < equal.front().rows.size(); ++i) {
    Row row = equal.front().rows[i];
    if (row.measured) {
      double sum = 0;
      for (const Layer &layer : equal)
        sum += layer.rows[i].measured.value_or(0);
      row.measured = sum / double(equal.size());
    }
    printRow(row);
  }
}

void Printer::printEntry(StringRef entry, const Total &total) {
  heading(entry);
  auto keys = [&] {
    std::string text;
    for (const auto &[name, work] : total.work.keys)
      text += formatv(", {0} for each key of the {1}", quantity(double(work.madds)), name).str();
    return text;
  };
  out << formatv(" {0} imported ops, {1} fused, {2} kernel calls, {3} barriers\n", total.imported,
                 total.fused, total.calls, total.barriers);
  out << formatv(" multiply-adds of a row: {0}{1}\n", quantity(double(total.work.rowMadds)), keys());
  out << formatv(" weights read: {0}B; activations kept for a row: {1}B\n",
                 quantity(double(total.work.weightBytes)), quantity(double(total.arenaRowBytes)));
  std::optional<double> measured;
  for (const Phase &phase : report.phases)
    if (phase.entry == entry && phase.measured)
      measured = measured.value_or(0) + *phase.measured;
  auto least = leastTime(total.work, entry, view.sizes, view.limits,
                         report.weights == "int8-dynamic");
  const bool inCaches = least && measured && *measured < *least;
  out << formatv(" limit: {0}; measured: {1}{2}\n", least ? microseconds(least) + " µs" : "not known",
                 measured ? microseconds(measured) + " µs" : "not measured",
                 inCaches ? ", as weights stay in the caches" : "");
  std::string titles[] = {"part", "imported ops", "fused by", "kernels", "bytes",
                          "MAC/row", "limit", "µs"};
  out << "\n" << lineOf(titles);
  std::vector<Layer> layers = layersOf(entry);
  for (size_t i = 0; i < layers.size();) {
    size_t end = i + 1;
    while (end < layers.size() && layers[i].key.second && layers[end].key.second &&
           layers[end].rows == layers[i].rows && layers[end].key.first == layers[i].key.first)
      ++end;
    printLayers(llvm::ArrayRef(layers).slice(i, end - i));
    i = end;
  }
}

/// "  label  text", the text wrapped at 100 columns.
void Printer::wrapped(StringRef label, StringRef text) {
  constexpr size_t indent = 12, width = 100;
  std::string line = "   " + cell(label, int(indent) - 3);
  bool begins = true;
  for (StringRef word : llvm::split(text, ' ')) {
    if (!begins && columnsOf(line) + 1 + columnsOf(word) > width) {
      out << line << "\n";
      line = std::string(indent, ' ');
      begins = true;
    }
    line += (begins ? "" : " ") + word.str();
    begins = false;
  }
  out << line << "\n";
}

void Printer::printMissed() {
  struct Group {
    const Verdict *verdict;
    std::vector<std::string> where;
  };
  std::vector<Group> groups;
  for (const Verdict &verdict : report.verdicts) {
    if (verdict.passed)
      continue;
    std::string where;
    for (int64_t i : verdict.about) // the first names it
      if (where.empty())
        where = report.ops[i].op.entry + " " + clean(report.ops[i].op.name);
    if (!verdict.place.empty())
      where += " (" + clean(verdict.place) + ")";
    auto same = llvm::find_if(groups, [&](const Group &group) {
      const Verdict &other = *group.verdict;
      return other.pass == verdict.pass && other.code == verdict.code &&
             other.text == verdict.text && other.remedy == verdict.remedy;
    });
    if (same == groups.end())
      groups.push_back({&verdict, {where}});
    else
      same->where.push_back(where);
  }
  heading("Not fused");
  if (groups.empty())
    out << " nothing that a pass could have fused was left\n";
  for (const Group &group : groups) {
    const Verdict &verdict = *group.verdict;
    out << " " << verdict.pass << " [" << verdict.code << "]\n";
    wrapped("ops", llvm::join(group.where, ", "));
    wrapped("reason", clean(verdict.text));
    if (!verdict.blocker.empty())
      wrapped("blocker", clean(verdict.blocker));
    if (!verdict.remedy.empty())
      wrapped("remedy", clean(verdict.remedy));
  }
}

void Printer::printPasses() {
  if (report.passes.empty())
    return;
  heading("What each pass saved");
  constexpr const char *row = " {0,-18} {1,7} {2,5} {3,8} {4,10} {5,10}   {6,6} {7,9} {8,10}\n";
  out << formatv(row, "", "", "", "", "bytes", "bytes a", "and in", "the", "schedule");
  out << formatv(row, "pass", "fusions", "ops", "buffers", "a row", "row, key", "calls",
                 "barriers", "bytes/row");
  for (const PassGain &gain : report.passes) {
    auto more = [&](int64_t value) {
      return gain.schedulable ? std::to_string(value) : std::string("-");
    };
    out << formatv(row, gain.pass, gain.fusions, gain.saving.ops, gain.saving.buffers,
                   quantity(double(gain.saving.rowBytes)), quantity(double(gain.saving.keyBytes)),
                   more(gain.calls), more(gain.barriers), more(gain.arenaRowBytes));
  }
  for (const PassGain &gain : report.passes)
    if (!gain.schedulable && !gain.reason.empty()) {
      out << " without " << gain.pass << " no kernels serve what is left:\n";
      wrapped("", clean(gain.reason));
    }
}

void Printer::print() {
  out << clean(report.model);
  if (!report.family.empty())
    out << " (" << clean(report.family) << ")";
  out << ", weights " << clean(report.weights) << "\n";
  out << formatv("sizes: {0} source tokens, {1} new tokens, batch {2}, {3} threads\n", view.sizes.sourceLength,
                 view.sizes.newTokens, view.sizes.batch, view.sizes.threads);
  if (!report.stopped.empty())
    wrapped("stopped", clean(report.stopped));
  for (const auto &[entry, total] : report.totals)
    printEntry(entry, total);
  printMissed();
  printPasses();
}

void printText(const Report &report, const View &view, llvm::raw_ostream &out) {
  Printer(report, view, out).print();
}

} // namespace encdec::explain
