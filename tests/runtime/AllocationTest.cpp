//===- AllocationTest.cpp - steps and reorders allocate nothing -----------===//

#include "encdec/runtime.h"
#include "tests/runtime/CountAllocations.h"
#include "tests/runtime/FakeModel.h"

using namespace encdec;
using namespace encdec::tests;

namespace {

TEST(Allocation, TheCounterCounts) {
  uint64_t before = allocations();
  delete new std::string(1000, 'x');
  EXPECT_GE(allocations(), before + 2);
}

TEST(Allocation, NoneInStepAndReorder) {
  FakeImage image(fakeManifest());
  encdec_model *model = nullptr;
  ASSERT_EQ(encdec_model_from_memory(&image.image, &model), nullptr);
  auto options = encdec_state_options_default();
  options.max_rows = 8;
  options.threads = 3;
  options.probs = 1;
  encdec_state *state = nullptr;
  ASSERT_EQ(encdec_state_create(model, &options, &state), nullptr);
  Sources sources{{1, 2, 3}, {4, 5}};
  ASSERT_EQ(encdec_encode(state, sources.ids.data(), sources.offsets.data(), 2), nullptr);

  Ids tokens(8, 40);
  auto input = encdec_step_input_default();
  input.tokens = tokens.data();
  input.logits = input.probs = 1;
  encdec_step_output output = {};
  output.size = sizeof(output);
  const uint32_t parents[] = {0, 1, 1, 0, 0, 1, 0, 1};
  bool good = true;
  uint64_t rows = 2, before = allocations();
  for (int i = 0; i < 30; ++i) {
    input.rows = rows;
    good &= encdec_step(state, &input, &output) == nullptr;
    std::copy_n(output.tokens, rows, tokens.begin());
    rows = i % 2 ? 2 : 8;
    good &= encdec_reorder(state, parents, rows) == nullptr;
  }
  EXPECT_EQ(allocations(), before);
  good &= encdec_encode(state, sources.ids.data(), sources.offsets.data(), 2) == nullptr;
  EXPECT_EQ(allocations(), before) << "encode has all its room, too";

  good &= encdec_state_profile_start(state) == nullptr;
  before = allocations();
  input.rows = 2;
  good &= encdec_step(state, &input, &output) == nullptr;
  good &= encdec_state_profile_stop(state) == nullptr;
  EXPECT_EQ(allocations(), before) << "a profile has all its room, too";
  EXPECT_TRUE(good);
  encdec_state_destroy(state);
  encdec_model_close(model);
}

} // namespace
