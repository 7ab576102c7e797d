// Where registers of row programs lie: places that random graphs rarely come to.
#include "compiler/cpu/CpuKernels.h"
#include "compiler/cpu/RowProgram.h"
#include <gtest/gtest.h>

using namespace encdec;
using namespace encdec::cpu;

namespace {

RowStep linear(int64_t input, int64_t depth, int64_t width) {
  return {.kind = RowStep::Kind::linear, .inputs = {input}, .width = width, .depth = depth};
}
RowStep add(int64_t x, int64_t y, int64_t width) {
  RowStep step{.kind = RowStep::Kind::elementwise, .inputs = {x, y}, .width = width};
  step.elementwise.hasOther = true;
  return step;
}
RowStep norm(int64_t x, int64_t width) {
  RowStep step{.kind = RowStep::Kind::norm, .inputs = {x}, .width = width};
  step.norm = {width, 1e-5f};
  return step;
}

// The kernel of a norm takes the add before it in: while it writes the norm's first rows it has
// still to read the later rows of what is added. Lowest free bytes that begin before them and
// end within them would be free only behind the add.
TEST(RowLayout, ANormIsNotWrittenOverWhatIsAddedBeforeIt) {
  RowProgram program{.operands = 1};
  program.steps = {linear(0, 16, 16), // 1: narrow, and done with after the next step
                   linear(1, 16, 64), // 2: behind it
                   linear(0, 16, 64), // 3
                   add(3, 2, 64),     // 4: read once more behind the norm
                   norm(4, 64),       // 5
                   add(4, 5, 64)};    // 6
  program.results = {6};
  program.wholeRows = 6;
  RowLayout layout(program);
  int64_t bytes = kRowBlock * 64 * 4;
  ASSERT_FALSE(layout.result[2] || layout.result[5]);
  EXPECT_TRUE(layout.scratch[5] + bytes <= layout.scratch[2] ||
              layout.scratch[2] + bytes <= layout.scratch[5])
      << "the norm lies at " << layout.scratch[5] << ", what is added at " << layout.scratch[2];
}

// Elementwise steps run with the product before them, some panels at a time: the later panels of
// the product still read its rows when the first panels of these steps are written.
TEST(RowLayout, AnEpilogueIsNotWrittenOverTheRowsOfItsProduct) {
  RowProgram inPlace{.operands = 1};
  inPlace.steps = {norm(0, 64), linear(1, 64, 64), add(1, 2, 64)};
  inPlace.results = {3};
  inPlace.wholeRows = 3;
  ASSERT_EQ(inPlace.epilogueOf(1), 1);
  EXPECT_FALSE(RowLayout(inPlace).result[1]) << "the rows lie where the sum is written";

  RowProgram behind{.operands = 1};
  behind.steps = {norm(0, 64), linear(1, 64, 64), add(2, 2, 64), add(3, 2, 64), linear(4, 64, 16)};
  behind.results = {5};
  behind.wholeRows = 5;
  ASSERT_EQ(behind.epilogueOf(1), 2);
  RowLayout layout(behind);
  EXPECT_NE(layout.scratch[4], layout.scratch[1]) << "a sum lies where the product's rows are";
}

} // namespace
