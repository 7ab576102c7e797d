//===- ApiFixture.h - the fake model behind the C API ---------------------===//

#pragma once

#include "encdec/runtime.h"
#include "tests/runtime/FakeModel.h"

namespace encdec::tests {

/// Code of a status, which is freed; its message must be there when it should.
inline int codeOf(encdec_status *status) {
  int code = encdec_status_code(status);
  EXPECT_EQ(code == ENCDEC_OK, *encdec_status_message(status) == 0);
  encdec_status_free(status);
  return code;
}

/// The message of a status, which is freed: none, or of wrong usage.
inline std::string messageOf(encdec_status *status) {
  std::string message = encdec_status_message(status);
  EXPECT_EQ(encdec_status_code(status), message.empty() ? ENCDEC_OK : ENCDEC_ERROR_USAGE);
  encdec_status_free(status);
  return message;
}

/// Options of a call, by name.
class Options {
public:
  Options() { EXPECT_EQ(codeOf(encdec_options_create(&handle)), ENCDEC_OK); }
  Options(const Options &) = delete;
  ~Options() { encdec_options_destroy(handle); }

  void set(const char *name, const Json &value) {
    EXPECT_EQ(codeOf(encdec_options_set(handle, name, value.dump().c_str())), ENCDEC_OK)
        << name;
  }
  operator const encdec_options *() const { return handle; }
  encdec_options *handle = nullptr;
};

struct Api : testing::Test {
  FakeImage image{fakeManifest()};
  encdec_model *model = nullptr;
  encdec_state *state = nullptr;
  Sources sources{{1, 2, 3}, {4}};

  void SetUp() override {
    ASSERT_EQ(codeOf(encdec_model_from_memory(&image.image, &model)),
              ENCDEC_OK);
    auto options = encdec_state_options_default();
    options.threads = 2;
    ASSERT_EQ(codeOf(encdec_state_create(model, &options, &state)), ENCDEC_OK);
  }
  void TearDown() override {
    encdec_state_destroy(state);
    encdec_model_close(model);
  }
};

} // namespace encdec::tests
