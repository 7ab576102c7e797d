//===- Alignments.cpp - the SVG of one sentence's cross-attention ---------===//
//
// Shades are the opacity of one colour over the tiles, so light and dark
// readers see the same picture and only a few colours in the style sheet
// differ.

#include "runtime/tools/Alignments.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <iterator>
#include <string_view>

namespace encdec::tools {
namespace {

constexpr std::string_view wordStart = "\u2581"; // SentencePiece's space

/// The next code point of `text` from `at`, which moves on; U+FFFD for a byte
/// that starts no valid UTF-8 sequence.
char32_t nextCodePoint(std::string_view text, size_t &at) {
  auto byte = [&](size_t i) { return i < text.size() ? uint8_t(text[i]) : 0; };
  uint8_t lead = byte(at);
  size_t length = lead < 0x80   ? 1
                  : lead < 0xc2 ? 0
                  : lead < 0xe0 ? 2
                  : lead < 0xf0 ? 3
                  : lead < 0xf5 ? 4
                                : 0;
  char32_t point = length < 2 ? lead : lead & (0x7f >> length);
  for (size_t i = 1; i < length; ++i) {
    if ((byte(at + i) & 0xc0) != 0x80)
      length = 0;
    point = point << 6 | (byte(at + i) & 0x3f);
  }
  constexpr char32_t shortest[] = {0, 0, 0x80, 0x800, 0x10000};
  if (length == 0 || point < shortest[length] || point > 0x10ffff ||
      (point >= 0xd800 && point < 0xe000)) {
    ++at;
    return 0xfffd;
  }
  at += length;
  return point;
}

/// `text` as XML character data: markup is escaped, and a code point that XML 1.0
/// forbids (section 2.2) is replaced.
std::string xml(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    size_t begin = at;
    char32_t point = nextCodePoint(text, at);
    if (point == '&')
      out += "&amp;";
    else if (point == '<')
      out += "&lt;";
    else if (point == '>')
      out += "&gt;";
    else if (point == '\t' || point == '\n' || point == '\r')
      out += ' ';
    else if (point < 0x20 || point == 0xfffd || point == 0xfffe ||
             point == 0xffff)
      out += "\uFFFD";
    else
      out += text.substr(begin, at - begin);
  }
  return out;
}

/// About how wide a sans-serif reader's font sets one character, in font sizes.
double widthOf(char32_t point) {
  if (point >= 0x1100)
    return point >= 0x2000 && point < 0x2e80 ? 0.7 : 1.0;
  if (point < 0x80) {
    char letter = char(point);
    if (std::string_view("iljtfr.,;:'|!()[] ").find(letter) !=
        std::string_view::npos)
      return 0.34;
    if (std::string_view("mwMW@%").find(letter) != std::string_view::npos)
      return 0.88;
    if (letter >= 'A' && letter <= 'Z')
      return 0.68;
  }
  return 0.57;
}

double widthOf(std::string_view text, double size) {
  double width = 0;
  for (size_t at = 0; at < text.size();)
    width += widthOf(nextCodePoint(text, at));
  return width * size;
}

/// `text` cut to `width`, with an ellipsis where something is missing.
std::string fitted(std::string_view text, double size, double width) {
  double used = 0, limit = width / size - 1;
  for (size_t at = 0; at < text.size();) {
    size_t begin = at;
    used += widthOf(nextCodePoint(text, at));
    if (used > limit && widthOf(text.substr(begin), size) > size)
      return std::string(text.substr(0, begin)) + "\u2026";
  }
  return std::string(text);
}

/// A piece as a label: the start of a word and punctuation stand bare; a piece inside a
/// word starts with a middle dot. Such pieces and special tokens have a quieter tone.
struct Label {
  std::string text, raw;
  bool quiet;
};

std::vector<Label> labelsOf(const std::vector<std::string> &pieces) {
  std::vector<Label> labels;
  for (const std::string &piece : pieces) {
    std::string_view rest = piece;
    bool special = rest.size() > 2 && rest.front() == '<' && rest.back() == '>';
    bool number =
        !rest.empty() && rest.find_first_not_of("0123456789") == rest.npos;
    bool starts = rest.starts_with(wordStart);
    if (starts && rest.size() > wordStart.size())
      rest.remove_prefix(wordStart.size());
    bool punctuation = !rest.empty() && std::ispunct((unsigned char)rest[0]);
    bool inside = !(starts || special || number || punctuation);
    std::string text = (inside ? "\u00b7" : "") + std::string(rest);
    labels.push_back({fitted(text, 1, 16), piece, special || inside});
  }
  return labels;
}

/// Where things lie, in pixels.
struct Layout {
  double cell, font;
  double left;          ///< width of the row labels
  double top;           ///< height of the slanted column labels
  double overhang;      ///< of the last column labels beyond the panel
  double width, height; ///< of one panel, labels included
  size_t columns, rows; ///< of panels
  static constexpr double margin = 32, gap = 28, heading = 22, header = 118;
  double pageWidth() const {
    return std::max(640.0, 2 * margin + columns * width + (columns - 1) * gap);
  }
  double pageHeight() const {
    return header + rows * height + (rows - 1) * gap + margin;
  }
};

constexpr double slant = 0.7071; // sine and cosine of 45 degrees

Layout layOut(const std::vector<Label> &source,
              const std::vector<Label> &target, uint64_t heads) {
  Layout layout;
  size_t longest = std::max(source.size(), target.size());
  layout.cell = longest <= 12   ? 30
                : longest <= 24 ? 24
                : longest <= 48 ? 18
                                : 15;
  layout.font = std::clamp(layout.cell * 0.5, 10.0, 13.0);
  layout.left = layout.top = layout.overhang = 0;
  for (const Label &label : target)
    layout.left = std::max(layout.left, widthOf(label.text, layout.font) + 10);
  for (size_t s = 0; s < source.size(); ++s) {
    double run = widthOf(source[s].text, layout.font) * slant + 10;
    layout.top = std::max(layout.top, run + 6);
    double room = double(source.size() - s) * layout.cell - layout.cell / 2;
    layout.overhang = std::max(layout.overhang, run - room);
  }
  layout.width = layout.left + source.size() * layout.cell + layout.overhang;
  layout.height = Layout::heading + layout.top + target.size() * layout.cell;
  size_t fit = std::clamp<size_t>(
      size_t((1400 + Layout::gap) / (layout.width + Layout::gap)), 1, 4);
  layout.rows = (heads + fit - 1) / fit;
  layout.columns = (heads + layout.rows - 1) / layout.rows;
  return layout;
}

constexpr std::string_view style = R"(<style>
text { font-family: system-ui, "Helvetica Neue", Arial, sans-serif; fill: #1c2430; }
.page { fill: #ffffff; }
.tile { fill: #eef1f6; }
.p { fill: #2b59c3; }
.best { stroke: #e8710a; stroke-width: 2; }
.p:hover { stroke: #1c2430; stroke-width: 2; }
.target { fill: #2b59c3; }
.quiet { fill: #68717f; }
.head { font-weight: 600; }
@media (prefers-color-scheme: dark) {
  text { fill: #e8ebf0; }
  .page { fill: #14171c; }
  .tile { fill: #23282f; }
  .p { fill: #86aaff; }
  .best { stroke: #ffa94d; }
  .p:hover { stroke: #e8ebf0; }
  .target { fill: #86aaff; }
  .quiet { fill: #97a1af; }
}
</style>
)";

class Drawing {
public:
  Drawing(const AlignmentPicture &picture)
      : picture(picture), source(labelsOf(picture.sourcePieces)),
        target(labelsOf(picture.targetPieces)),
        layout(layOut(source, target, picture.heads)) {}

  std::string draw() {
    add("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} "
        "{1:.0f}\" "
        "width=\"{0:.0f}\" height=\"{1:.0f}\" role=\"img\">\n",
        layout.pageWidth(), layout.pageHeight());
    add("<title>Cross-attention: {} \u2192 {}</title>\n",
        xml(picture.sourceText), xml(picture.targetText));
    out += style;
    // One tile under every cell, as a pattern that starts at a panel's corner.
    add("<defs><pattern id=\"tiles\" width=\"{0}\" height=\"{0}\" "
        "patternUnits=\"userSpaceOnUse\"><rect class=\"tile\" x=\"1\" y=\"1\" "
        "width=\"{1}\" height=\"{1}\" rx=\"3\"/></pattern></defs>\n",
        layout.cell, layout.cell - 2);
    out += "<rect class=\"page\" width=\"100%\" height=\"100%\"/>\n";
    heading();
    for (uint64_t h = 0; h < picture.heads; ++h)
      panel(h);
    out += "</svg>\n";
    return std::move(out);
  }

private:
  template <typename... T>
  void add(fmt::format_string<T...> format, T &&...values) {
    fmt::format_to(std::back_inserter(out), format, std::forward<T>(values)...);
  }

  void line(double y, double size, std::string_view classes,
            std::string_view text, double room) {
    add("<text class=\"{}\" x=\"{}\" y=\"{}\" font-size=\"{}\">{}</text>\n",
        classes, Layout::margin, y, size, xml(fitted(text, size, room)));
  }

  void heading() {
    double room = layout.pageWidth() - 2 * Layout::margin;
    // Some fonts, and bold ones, run wider than widthOf says.
    line(40, 19, "head", picture.sourceText, room / 1.25);
    line(65, 19, "target", picture.targetText, room / 1.15);
    line(90, 12, "quiet",
         fmt::format("Decoder layer {} of {}: where each target piece looked",
                     picture.layer, picture.layers),
         room - 170);
    legend(layout.pageWidth() - Layout::margin - 134, 80);
  }

  /// Probability 0 to 1 as ten shades.
  void legend(double x, double y) {
    add("<text class=\"quiet\" x=\"{:.1f}\" y=\"{:.1f}\" font-size=\"12\" "
        "text-anchor=\"end\">0</text>\n",
        x - 6, y + 10);
    for (int i = 0; i <= 10; ++i) {
      add("<rect class=\"tile\" x=\"{0:.1f}\" y=\"{1:.1f}\" width=\"10\" "
          "height=\"12\" rx=\"2\"/><rect class=\"p\" fill-opacity=\"{2:.1f}\" "
          "x=\"{0:.1f}\" y=\"{1:.1f}\" width=\"10\" height=\"12\" rx=\"2\"/>\n",
          x + 11 * i, y, i / 10.0);
    }
    add("<text class=\"quiet\" x=\"{:.1f}\" y=\"{:.1f}\" "
        "font-size=\"12\">1</text>\n",
        x + 126, y + 10);
  }

  void label(const Label &label, std::string_view place) {
    add("<text {}{} font-size=\"{}\">{}<title>{}</title></text>\n",
        label.quiet ? "class=\"quiet\" " : "", place, layout.font,
        xml(label.text), xml(label.raw));
  }

  void panel(uint64_t h) {
    double x =
        Layout::margin + (h % layout.columns) * (layout.width + Layout::gap);
    double y =
        Layout::header + (h / layout.columns) * (layout.height + Layout::gap);
    // The corner of the first cell is the origin of the group.
    add("<g id=\"head-{}\" transform=\"translate({:.1f} {:.1f})\">\n", h + 1,
        x + layout.left, y + Layout::heading + layout.top);
    add("<text class=\"head\" x=\"{:.1f}\" y=\"{:.1f}\" "
        "font-size=\"13\">head {}</text>\n",
        -layout.left, 13 - layout.top - Layout::heading, h + 1);
    for (size_t s = 0; s < source.size(); ++s)
      label(source[s],
            fmt::format("transform=\"translate({:.1f} -6) rotate(-45)\"",
                        (s + 0.5) * layout.cell + layout.font / 4));
    for (size_t t = 0; t < target.size(); ++t)
      label(target[t], fmt::format("x=\"-8\" y=\"{:.1f}\" text-anchor=\"end\"",
                                   (t + 0.5) * layout.cell + layout.font / 3));
    add("<rect fill=\"url(#tiles)\" width=\"{}\" height=\"{}\"/>\n",
        source.size() * layout.cell, target.size() * layout.cell);
    for (size_t t = 0; t < target.size(); ++t)
      row(h, t);
    out += "</g>\n";
  }

  void row(uint64_t h, size_t t) {
    const float *probs =
        &picture.probs[(h * target.size() + t) * source.size()]; // [S]
    size_t best = std::max_element(probs, probs + source.size()) - probs;
    for (size_t s = 0; s < source.size(); ++s) {
      // The ring lies inside its tile, the stroke half on each side.
      bool ring = s == best && probs[s] > 0;
      double inset = ring ? 2 : 1;
      add("<rect class=\"p{}\" fill-opacity=\"{:.3g}\" x=\"{}\" y=\"{}\" "
          "width=\"{}\" height=\"{}\" rx=\"3\"><title>{} \u2190 {}: "
          "{:.3f}</title></rect>\n",
          ring ? " best" : "", probs[s], s * layout.cell + inset,
          t * layout.cell + inset, layout.cell - 2 * inset,
          layout.cell - 2 * inset, xml(target[t].text), xml(source[s].text),
          probs[s]);
    }
  }

  const AlignmentPicture &picture;
  std::vector<Label> source, target;
  Layout layout;
  std::string out;
};

} // namespace

std::string drawAlignments(const AlignmentPicture &picture) {
  return Drawing(picture).draw();
}

} // namespace encdec::tools
