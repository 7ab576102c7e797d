//===- LineGenerator.h - the odd lines of golden_tokens.py, made anew -----===//
//
// Must draw the same random numbers in the same order as the script.

#pragma once

#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace encdec::test {

inline std::string readFile(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// xorshift64 (Marsaglia 2003).
class Random {
public:
  explicit Random(uint64_t seed) : state((seed + 1) * 0x9E3779B97F4A7C15) {}
  uint32_t below(uint32_t n) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return static_cast<uint32_t>((state >> 16) % n);
  }

private:
  uint64_t state;
};

inline void appendUtf8(std::string &out, uint32_t point) {
  if (point < 0x80) {
    out += static_cast<char>(point);
    return;
  }
  const int trails = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
  static constexpr int leads[] = {0, 0xC0, 0xE0, 0xF0};
  out += static_cast<char>(leads[trails] | point >> (6 * trails));
  for (int i = trails - 1; i >= 0; --i)
    out += static_cast<char>(0x80 | (point >> (6 * i) & 0x3F));
}

class LineGenerator {
public:
  /// Reads the tab-separated sentences that lines take parts of.
  explicit LineGenerator(const std::string &tsv) {
    std::istringstream rows(readFile(tsv));
    for (std::string row, column; std::getline(rows, row);)
      for (std::istringstream columns(row);
           std::getline(columns, column, '\t');)
        if (!column.empty())
          sentences.push_back(column);
  }

  std::string line(uint64_t n) const {
    Random random(n);
    std::string out;
    for (uint32_t left = 1 + random.below(10); left > 0; --left)
      out += fragment(random);
    return out;
  }

  std::vector<std::string> sentences;

private:
  std::string fragment(Random &random) const;
};

inline std::string LineGenerator::fragment(Random &random) const {
  using namespace std::string_literals;
  static const std::vector<std::string> spaces = {
      " ",  "  ", "\t",           "\u00a0", "\u3000", "\u2009",
      "\n", "\r", "\xE2\x80\x8B", "\u2028", "\u2581"};
  static const std::vector<std::string> emoji = {"😀",
                                                 "👨‍👩‍👧‍👦",
                                                 "🇫🇷",
                                                 "👍🏽",
                                                 "1️⃣",
                                                 "❤️",
                                                 "🏴󠁧󠁢󠁥󠁮󠁧󠁿",
                                                 "👩🏿‍🚀"};
  static const std::vector<std::string> special = {
      "</s>", "<unk>", "<pad>",  ">>fra<<", "▁",         "<0x41>",       "<s>",
      ">>",   "<<",    "[USER]", "[USER]2", "ab[hehehe", "\xEF\xBF\xBD", "\0"s};
  static const std::pair<uint32_t, uint32_t> ranges[] = {
      {0x300, 0x36F},     {0xFF00, 0xFFEF},   {0x600, 0x6FF},
      {0x590, 0x5FF},     {0x4E00, 0x9FFF},   {0xAC00, 0xD7A3},
      {0x1100, 0x11FF},   {0x1F300, 0x1FAFF}, {0x2100, 0x214F},
      {0xF900, 0xFAFF},   {0xFB00, 0xFDFF},   {0xA0, 0x24F},
      {0, 0x1F},          {0x7F, 0x9F},       {0x3040, 0x30FF},
      {0x1D400, 0x1D7FF}, {0xE0000, 0xE007F}, {0xFE00, 0xFE0F},
      {0xE000, 0xF8FF},   {0x900, 0x97F},     {0x2000, 0x206F}};
  auto pick = [&](const std::vector<std::string> &from) {
    return from[random.below(static_cast<uint32_t>(from.size()))];
  };
  auto isTrail = [](char c) { return (c & 0xC0) == 0x80; };
  std::string out;
  const uint32_t kind = random.below(12);
  if (kind <= 3) {
    const std::string text = pick(sentences);
    size_t begin = random.below(static_cast<uint32_t>(text.size()));
    size_t end = std::min<size_t>(text.size(), begin + 1 + random.below(40));
    while (kind < 3 && begin > 0 && isTrail(text[begin]))
      --begin;
    while (kind < 3 && end < text.size() && isTrail(text[end]))
      ++end;
    return text.substr(begin, end - begin);
  }
  if (kind == 4) {
    const std::string space = pick(spaces);
    for (uint32_t n = 1 + random.below(4); n > 0; --n)
      out += space;
  } else if (kind <= 6) {
    const auto [low, high] = ranges[random.below(std::size(ranges))];
    for (uint32_t n = 1 + random.below(4); n > 0; --n)
      appendUtf8(out, low + random.below(high - low + 1));
  } else if (kind == 7) {
    return pick(emoji);
  } else if (kind == 8) {
    for (uint32_t n = 1 + random.below(3); n > 0; --n)
      out += static_cast<char>(random.below(256));
  } else if (kind == 9) {
    return pick(special);
  } else if (kind == 10) {
    for (uint32_t n = 1 + random.below(6); n > 0; --n)
      out += static_cast<char>(0x20 + random.below(0x5F));
  } else {
    out += static_cast<char>(0x61 + random.below(26));
    for (uint32_t n = 1 + random.below(3); n > 0; --n)
      appendUtf8(out, 0x300 + random.below(0x70));
  }
  return out;
}

} // namespace encdec::test
