//===- tokenize.cpp - lines through a folder's tokenizer, for goldens.py
//---===//
//
// usage: encdec_tokenize_test FOLDER [--as trained|transformers]
//            [--special] [--target] [--offsets | --decode]
// Reads lines of hexadecimal bytes, each one text, and prints a line of ids, of
// offsets or of decoded text for each. An empty offset is "-".

#include "compiler/tokenizer/Describe.h"
#include "compiler/tokenizer/Table.h"
#include "runtime/text/Tokenizer.h"
#include "tests/text/Escape.h"

#include <cstdio>
#include <cstring>
#include <iostream>

using namespace encdec;

namespace {

std::string fromHex(const std::string &line) {
  std::string bytes;
  for (size_t i = 0; i + 1 < line.size(); i += 2)
    bytes += char(std::stoi(line.substr(i, 2), nullptr, 16));
  return bytes;
}

int fail(const Status &status) {
  std::fprintf(stderr, "%s\n", status.message().c_str());
  return int(status.code());
}

} // namespace

int main(int count, char **arguments) {
  if (count < 2)
    return 2;
  tokenizer::Options options;
  EncodeOptions how;
  bool decodes = false;
  for (int i = 2; i < count; ++i) {
    const std::string argument = arguments[i];
    if (argument == "--as" && i + 1 < count)
      options.as = std::strcmp(arguments[++i], "transformers") == 0
                       ? tokenizer::As::Transformers
                       : tokenizer::As::Trained;
    how.parseSpecialTokens |= argument == "--special";
    how.targetSide |= argument == "--target";
    how.offsets |= argument == "--offsets";
    decodes |= argument == "--decode";
  }
  auto described =
      tokenizer::describeTokenizer(tokenizer::folderAt(arguments[1]), options);
  if (!described.ok())
    return fail(described.status());
  if (!described->description)
    return fail(badModel("the folder has no tokenizer"));
  auto table = tokenizer::writeTable(*described->description);
  if (!table.ok())
    return fail(table.status());
  auto tokenizer = Tokenizer::open(
      {reinterpret_cast<const uint8_t *>(table->data()), table->size()});
  if (!tokenizer.ok())
    return fail(tokenizer.status());
  std::ios::sync_with_stdio(false);
  for (std::string line; std::getline(std::cin, line);) {
    auto encoding = tokenizer->encode(fromHex(line), how);
    if (!encoding.ok())
      return fail(encoding.status());
    if (decodes) {
      const auto text = tokenizer->decode(encoding->ids);
      std::cout << test::escape(text.ok() ? *text : text.status().message())
                << "\n";
    } else {
      std::cout << (how.offsets ? test::showOffsets(*encoding)
                                : test::join(encoding->ids))
                << "\n";
    }
  }
  return 0;
}
