//===- NamesTest.cpp - suggestions of names, and numbers ------------------===//

#include "runtime/base/Number.h"
#include "runtime/base/Suggest.h"

#include <gtest/gtest.h>

using namespace encdec;

namespace {

TEST(Suggest, NearNamesOnly) {
  const std::vector<std::string> options = {"--weights", "--max-new-tokens",
                                            "--cpu"};
  const std::string weights = "; did you mean '--weights'?";
  EXPECT_EQ(didYouMean("--waigths", options), weights);
  // One slip in three letters; two neighbours swapped are one.
  EXPECT_EQ(didYouMean("--waigtths", options), "");
  EXPECT_EQ(didYouMean("--cup", options), "; did you mean '--cpu'?");
  EXPECT_EQ(didYouMean("--weight", options), weights);
  EXPECT_EQ(didYouMean("weights", options), weights);
  EXPECT_EQ(didYouMean("--max-new", options),
            "; did you mean '--max-new-tokens'?");
  EXPECT_EQ(didYouMean("--gpu", options), "; did you mean '--cpu'?");
  EXPECT_EQ(didYouMean("--gpt", options), "");
  EXPECT_EQ(didYouMean("--temperature", options), "");
  EXPECT_EQ(didYouMean("--temperature", options, "see --help"), "; see --help");
  EXPECT_EQ(didYouMean("--", options), "");
  EXPECT_EQ(didYouMean("", {}), "");
  // Names of a file may hold anything; a message is one line.
  EXPECT_EQ(didYouMean("fra", {"fra\n"}), "; did you mean 'fra\\x0A'?");
}

TEST(Number, TheWholeTextAndNothingElse) {
  EXPECT_EQ(parseNumber<int32_t>("-2147483648"), INT32_MIN);
  EXPECT_EQ(parseNumber<uint64_t>("18446744073709551615"), UINT64_MAX);
  EXPECT_EQ(parseNumber<int64_t>("007"), 7);
  for (const char *text :
       {"", " 1", "1 ", "+1", "0x1", "1.0", "1e2", "-", "2147483648"})
    EXPECT_EQ(parseNumber<int32_t>(text), std::nullopt) << text;
  EXPECT_EQ(parseNumber<uint32_t>("-1"), std::nullopt);
}

} // namespace
