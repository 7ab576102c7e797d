//===- FolderGoldenTest.cpp - each folder's ids and texts, as the reference's
//===//
//
// tests/tokenizers has a folder for each form of a tokenizer, and in each a
// golden that goldens.py wrote: hashes of what the reference makes of
// lines.txt, twenty lines a hash.

#include "LineGenerator.h"
#include "compiler/tokenizer/Describe.h"
#include "compiler/tokenizer/Table.h"
#include "runtime/text/Tokenizer.h"
#include "tests/text/Escape.h"
#include "tests/text/Sanitized.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <filesystem>
#include <functional>
#include <set>

using namespace encdec;
namespace fs = std::filesystem;

namespace {

const fs::path root = fs::path(ENCDEC_SOURCE_DIR) / "tests" / "tokenizers";
constexpr size_t linesPerHash = 20;

const std::vector<std::string> &lines() {
  static const std::vector<std::string> all = [] {
    std::vector<std::string> made;
    std::istringstream file(test::readFile(root / "lines.txt"));
    for (std::string line; std::getline(file, line);)
      made.push_back(test::unescape(line));
    return made;
  }();
  return all;
}

/// FNV-1a of 64 bits over items, each ended by a newline, as in goldens.py.
std::string hashOf(const std::vector<std::string> &items) {
  uint64_t state = 0xCBF29CE484222325;
  for (const std::string &item : items)
    for (const char c : item + "\n")
      state = (state ^ static_cast<unsigned char>(c)) * 0x100000001B3;
  char hex[17];
  std::snprintf(hex, sizeof hex, "%016llx",
                static_cast<unsigned long long>(state));
  return hex;
}

/// Compares hashes of `answer(i)` for i from 0 on, and shows ours where they
/// differ.
void compare(const nlohmann::json &hashes, size_t count,
             const std::string &what,
             const std::function<std::string(size_t)> &answer) {
  int shown = 0;
  ASSERT_EQ(hashes.size(), (count + linesPerHash - 1) / linesPerHash) << what;
  for (size_t group = 0; group < hashes.size() && shown < 2; ++group) {
    std::vector<std::string> items;
    for (size_t i = group * linesPerHash;
         i < std::min(count, (group + 1) * linesPerHash); ++i)
      items.push_back(answer(i));
    if (hashOf(items) == hashes[group].get<std::string>())
      continue;
    ++shown;
    std::string ours;
    for (size_t i = 0; i < items.size(); ++i)
      ours += std::to_string(group * linesPerHash + i) + ": " + items[i] + "\n";
    ADD_FAILURE() << what
                  << " differ from the reference's in one of these lines; see "
                  << "goldens.py --full\n"
                  << ours;
  }
}

struct Opened {
  std::string table;
  std::optional<Tokenizer> tokenizer;
};

Opened open(const fs::path &folder, tokenizer::As as) {
  Opened opened;
  auto described =
      tokenizer::describeTokenizer(tokenizer::folderAt(folder), {"", as});
  EXPECT_TRUE(described.ok()) << described.status().message();
  if (!described.ok() || !described->description)
    return opened;
  auto table = tokenizer::writeTable(*described->description);
  EXPECT_TRUE(table.ok()) << table.status().message();
  if (!table.ok())
    return opened;
  opened.table = std::move(*table);
  auto tokenizer =
      Tokenizer::open({reinterpret_cast<const uint8_t *>(opened.table.data()),
                       opened.table.size()});
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status().message();
  if (tokenizer.ok())
    opened.tokenizer = std::move(*tokenizer);
  return opened;
}

std::string textOf(const Result<std::string> &text) {
  return text.ok() ? *text : text.status().message();
}

void compareWay(const fs::path &folder, const std::string &way,
                const nlohmann::json &golden) {
  const Opened opened =
      open(folder, way == "trained" ? tokenizer::As::Trained
                                    : tokenizer::As::Transformers);
  ASSERT_TRUE(opened.tokenizer);
  const Tokenizer &tokenizer = *opened.tokenizer;
  auto encode = [&](const std::string &text, const EncodeOptions &options) {
    auto encoding = tokenizer.encode(text, options);
    EXPECT_TRUE(encoding.ok()) << encoding.status().message();
    return encoding.ok() ? std::move(*encoding) : Encoding();
  };
  compare(golden["ids"], lines().size(), way + " ids",
          [&](size_t i) { return test::join(encode(lines()[i], {}).ids); });
  compare(golden["special"], lines().size(), way + " ids with special tokens",
          [&](size_t i) {
            return test::join(
                encode(lines()[i], {.parseSpecialTokens = true}).ids);
          });
  if (golden.contains("target"))
    compare(golden["target"], 300, way + " ids of the target", [&](size_t i) {
      return test::join(
          encode(lines()[i], {.parseSpecialTokens = true, .targetSide = true})
              .ids);
    });
  compare(golden["decoded"], 600, way + " texts of ids", [&](size_t i) {
    return textOf(tokenizer.decode(encode(lines()[i], {}).ids));
  });
  compare(golden["random"], 600, way + " texts of random ids", [&](size_t i) {
    test::Random random(i);
    std::vector<int32_t> ids(1 + random.below(20));
    for (int32_t &id : ids)
      id = int32_t(random.below(golden["size"].get<uint32_t>()));
    return textOf(tokenizer.decode(ids));
  });
  if (!golden.contains("offsets"))
    return;
  std::vector<std::string> whole;
  std::ranges::copy_if(lines(), std::back_inserter(whole), isValidUtf8);
  // The library's own offsets are wrong for some lines; the golden lists these.
  const std::set<size_t> unplaced = golden["unplaced"];
  EXPECT_LT(unplaced.size(), whole.size() / 5);
  compare(golden["offsets"], whole.size(), way + " offsets", [&](size_t i) {
    return unplaced.contains(i)
               ? "?"
               : test::showOffsets(encode(whole[i], {.offsets = true}));
  });
}

std::vector<std::string> folderNames() {
  std::vector<std::string> names;
  for (const auto &entry : fs::directory_iterator(root))
    if (fs::exists(entry.path() / "golden"))
      names.push_back(entry.path().filename());
  std::ranges::sort(names);
  return names;
}

class TokenizerFolder : public testing::TestWithParam<std::string> {};
class TokenizerKind : public testing::TestWithParam<const char *> {};

} // namespace

TEST_P(TokenizerFolder, AgreesWithTheReference) {
  ASSERT_GE(lines().size(), 1000u);
  const fs::path folder = root / GetParam();
  const auto golden = nlohmann::json::parse(test::readFile(folder / "golden"));
  ASSERT_FALSE(golden.empty());
  for (const auto &[way, made] : golden.items())
    compareWay(folder, way, made);
}

TEST_P(TokenizerKind, TakesAMegabyteInUnderASecond) {
  const Opened opened = open(root / GetParam(), tokenizer::As::Trained);
  ASSERT_TRUE(opened.tokenizer);
  for (const std::string unit :
       {"a", " ", "\xFF", "\u0301", "😀", "\u2581", "</s>", ">>", "<2",
        "<extra_id_", "ab ", "__", "fr_X", "<0x4"}) {
    std::string text;
    while (text.size() < 1'000'000)
      text += unit;
    const auto start = std::chrono::steady_clock::now();
    ASSERT_TRUE(opened.tokenizer->encode(text).ok());
    const std::chrono::duration<double> time =
        std::chrono::steady_clock::now() - start;
    EXPECT_LT(time.count(), test::isSanitized ? 20 : 1) << quote(unit);
  }
}

static std::string nameOf(std::string name) {
  std::ranges::replace(name, '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(All, TokenizerFolder, testing::ValuesIn(folderNames()),
                         [](const auto &info) { return nameOf(info.param); });
INSTANTIATE_TEST_SUITE_P(All, TokenizerKind,
                         testing::Values("t5-spm", "umt5-spm", "umt5-json5",
                                         "nllb-json4", "nllb-spm", "bart-files", "byt5",
                                         "m2m100", "barthez-json4", "plbart",
                                         "madlad"),
                         [](const auto &info) { return nameOf(info.param); });
