//===- CppApiTest.cpp - encdec.hpp, compiled without exceptions -----------===//

#include "tests/runtime/ApiFixture.h"

using namespace encdec;
using namespace encdec::tests;

const char *use_api_from_cpp(const encdec_model_image &image, std::vector<int32_t> &stepped,
                             std::vector<int32_t> &generated);

namespace {

TEST(ApiCpp, HeaderAndLoop) {
  FakeImage image(fakeManifest());
  Ids stepped, generated, fed{40};
  const char *wrong = use_api_from_cpp(image.image, stepped, generated);
  ASSERT_EQ(wrong, nullptr) << wrong;
  ASSERT_EQ(stepped.size(), 20u);
  for (int32_t id : stepped) {
    EXPECT_EQ(id, fakeNext(fed, 11).first);
    fed.push_back(id);
  }
  // Generation ends where a step gives the end token.
  ASSERT_LE(generated.size(), stepped.size());
  ASSERT_GT(generated.size(), 0u);
  EXPECT_TRUE(std::equal(generated.begin(), generated.end(), stepped.begin()));
}

} // namespace
