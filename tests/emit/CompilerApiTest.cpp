// The compiler's C API, beside the runtime's as a program has the two.
#include "encdec/compiler.h"
#include "encdec/encdec.hpp"
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <string>
#include <thread>
#include <vector>

extern "C" const char *use_compiler_from_c(const char *checkpoint, const char *bundle,
                                           encdec_jit_model **jit);

namespace {

const char *example = ENCDEC_EXAMPLE_MODEL;

/// A folder of the test's own; and nothing may be printed.
class CompilerApi : public testing::Test {
protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "encdec-api-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder = pattern;
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
  }
  void TearDown() override {
    unsetenv("ENCDEC_LLD");
    encdec_compile_report_free(report);
    encdec_compile_options_free(options);
    EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
    std::filesystem::remove_all(folder);
  }
  std::string at(const char *name) { return (folder / name).string(); }

  /// The report of the last call, which replaces the one before.
  encdec_compile_report **out() {
    encdec_compile_report_free(report);
    report = nullptr;
    return &report;
  }
  std::string message() { return encdec_compile_report_message(report); }
  int set(const char *name, const char *value) {
    return encdec_compile_options_set(options, name, value, out());
  }
  /// A linker that runs `script`.
  void fakeLinker(const std::string &script) {
    std::ofstream(at("ld.lld")) << "#!/bin/sh\n" << script;
    std::filesystem::permissions(at("ld.lld"), std::filesystem::perms::owner_all);
    setenv("ENCDEC_LLD", at("ld.lld").c_str(), 1);
  }

  std::filesystem::path folder;
  encdec_compile_options *options = encdec_compile_options_create();
  encdec_compile_report *report = nullptr;
};

/// What a model makes of two texts, with scores in every digit.
std::string translations(const encdec::Model &model) {
  auto state = encdec::State::create(model);
  if (!state)
    return state.error().message();
  auto output = state->generate({"The house is small.", "Where is the station?"});
  if (!output)
    return output.error().message();
  std::string all;
  for (uint64_t source = 0; source < output->count(); ++source) {
    auto best = output->best(source);
    char score[64];
    std::snprintf(score, sizeof score, " %a\n", best->log_prob);
    all += best->text + std::string(score);
    // Texts of their own ids are their texts.
    EXPECT_EQ(*model.detokenize({best->ids, best->id_count}), best->text);
  }
  return all;
}

TEST_F(CompilerApi, BundleAndJitGiveTheSame) {
  encdec_jit_model *jit = nullptr;
  ASSERT_STREQ(use_compiler_from_c(example, at("m.encdec").c_str(), &jit), nullptr);
  {
    auto fromFile = encdec::Model::open(at("m.encdec").c_str());
    auto fromMemory = encdec::Model::fromMemory(*encdec_jit_image(jit));
    ASSERT_TRUE(fromFile) << fromFile.error().message();
    ASSERT_TRUE(fromMemory) << fromMemory.error().message();
    EXPECT_STREQ(fromMemory->info()->weight_type, "int8-dynamic");
    std::string made = translations(*fromMemory);
    EXPECT_NE(made.find("maison"), std::string::npos) << made;
    EXPECT_EQ(made, translations(*fromFile));
    EXPECT_EQ(*fromMemory->tokenize("The house is small."),
              *fromFile->tokenize("The house is small."));
    auto bundle = encdec::Bundle::open(at("m.encdec").c_str());
    ASSERT_TRUE(bundle) << bundle.error().message();
    EXPECT_EQ(bundle->section(0)->kind, uint32_t(ENCDEC_SECTION_MANIFEST));
    EXPECT_FALSE(bundle->section(bundle->sectionCount()));
  }
  encdec_jit_free(jit);
  EXPECT_STREQ(encdec_compiler_version(), encdec_version());
}

TEST_F(CompilerApi, OptionsAreThoseOfTheCommand) {
  EXPECT_EQ(set("wieghts", "int8"), ENCDEC_ERROR_USAGE);
  EXPECT_NE(message().find("did you mean '--weights'?"), std::string::npos) << message();
  EXPECT_EQ(encdec_compile_report_code(report), ENCDEC_ERROR_USAGE);
  EXPECT_EQ(set("weights", "int7"), ENCDEC_ERROR_USAGE);
  EXPECT_NE(message().find("int8-dynamic"), std::string::npos) << message();
  EXPECT_EQ(set("cpu", "v9"), ENCDEC_ERROR_USAGE);
  EXPECT_NE(message().find("v9"), std::string::npos) << message();
  EXPECT_EQ(set("--weights", "int8"), ENCDEC_ERROR_USAGE);
  EXPECT_EQ(set("weights=int8", nullptr), ENCDEC_ERROR_USAGE);
  EXPECT_EQ(set("output", "there"), ENCDEC_ERROR_USAGE);
  EXPECT_EQ(set("at", "fuse:before"), ENCDEC_ERROR_USAGE) << "nothing stands before";
  EXPECT_EQ(set("max-source-tokens", "many"), ENCDEC_ERROR_USAGE);
  // None of these has left a trace.
  EXPECT_EQ(set("max-source-tokens", "64"), ENCDEC_OK) << message();
  EXPECT_EQ(set("pass-pipeline", "cse"), ENCDEC_OK) << message();
  EXPECT_EQ(set("at", "fuse:before"), ENCDEC_OK) << message();
  EXPECT_EQ(set("ir", "module.mlir"), ENCDEC_OK);
  EXPECT_EQ(set("strict", nullptr), ENCDEC_ERROR_USAGE) << "is for a checkpoint";
}

TEST_F(CompilerApi, PassesRunInBoth) {
  ASSERT_EQ(set("pass-pipeline", "builtin.module(cse)"), ENCDEC_OK) << message();
  ASSERT_EQ(encdec_compile(example, options, at("m.encdec").c_str(), out()), ENCDEC_OK)
      << message();
  encdec_jit_model *jit = nullptr;
  ASSERT_EQ(encdec_jit(example, options, &jit, out()), ENCDEC_OK) << message();
  const encdec_model_image *image = encdec_jit_image(jit);
  EXPECT_NE(std::string(image->manifest, image->manifest_size).find("\"cse\""),
            std::string::npos);
  encdec_jit_free(jit);
}

TEST_F(CompilerApi, NoFolder) {
  std::string missing = at("no\nsuch");
  EXPECT_EQ(encdec_compile(missing.c_str(), nullptr, at("m.encdec").c_str(), out()),
            ENCDEC_ERROR_BAD_MODEL);
  EXPECT_NE(message().find("no\\x0Asuch"), std::string::npos) << message();
  EXPECT_EQ(message().find('\n'), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(at("m.encdec")));
  encdec_jit_model *jit = reinterpret_cast<encdec_jit_model *>(this);
  EXPECT_EQ(encdec_jit(missing.c_str(), nullptr, &jit, out()), ENCDEC_ERROR_BAD_MODEL);
  EXPECT_EQ(jit, nullptr);
  EXPECT_NE(message().find("no\\x0Asuch"), std::string::npos) << message();
}

TEST_F(CompilerApi, WarningsCanBeRead) {
  std::filesystem::copy(example, folder / "model");
  for (const char *name : {"source.spm", "target.spm", "vocab.json", "tokenizer_config.json"})
    std::filesystem::remove(folder / "model" / name);
  encdec_jit_model *jit = nullptr;
  ASSERT_EQ(encdec_jit(at("model").c_str(), nullptr, &jit, out()), ENCDEC_OK) << message();
  ASSERT_EQ(encdec_compile_report_warning_count(report), 1u);
  std::string warning = encdec_compile_report_warning(report, 0);
  EXPECT_NE(warning.find("no tokenizer"), std::string::npos) << warning;
  EXPECT_STREQ(encdec_compile_report_warning(report, 1), "");
  encdec_jit_free(jit);
  ASSERT_EQ(encdec_compile(at("model").c_str(), nullptr, at("m.encdec").c_str(), out()),
            ENCDEC_OK);
  ASSERT_EQ(encdec_compile_report_warning_count(report), 1u);
  EXPECT_EQ(encdec_compile_report_warning(report, 0), warning);
  // Nobody has to take it.
  EXPECT_EQ(encdec_compile(at("model").c_str(), nullptr, at("m.encdec").c_str(), nullptr),
            ENCDEC_OK);
}

TEST_F(CompilerApi, ACrashIsAnError) {
  fakeLinker("kill -SEGV $PPID\n");
  EXPECT_EQ(encdec_compile(example, nullptr, at("m.encdec").c_str(), out()),
            ENCDEC_ERROR_FAILURE);
  EXPECT_NE(message().find("signal 11"), std::string::npos) << message();
  EXPECT_FALSE(std::filesystem::exists(at("m.encdec")));
}

TEST_F(CompilerApi, ADeadline) {
  fakeLinker("sleep 30\n");
  ASSERT_EQ(set("deadline", "3"), ENCDEC_OK) << message();
  EXPECT_EQ(encdec_compile(example, options, at("m.encdec").c_str(), out()),
            ENCDEC_ERROR_LIMIT);
  EXPECT_NE(message().find("3 seconds"), std::string::npos) << message();
}

TEST_F(CompilerApi, NullsAreRefused) {
  encdec_jit_model *jit = nullptr;
  EXPECT_EQ(encdec_compile(nullptr, nullptr, "there", out()), ENCDEC_ERROR_USAGE);
  EXPECT_EQ(message(), "checkpoint is NULL");
  EXPECT_EQ(encdec_compile(example, nullptr, nullptr, out()), ENCDEC_ERROR_USAGE);
  EXPECT_EQ(message(), "output is NULL");
  EXPECT_EQ(encdec_jit(nullptr, nullptr, &jit, out()), ENCDEC_ERROR_USAGE);
  EXPECT_EQ(encdec_jit(example, nullptr, nullptr, out()), ENCDEC_ERROR_USAGE);
  EXPECT_EQ(encdec_compile_options_set(nullptr, "weights", "f32", out()), ENCDEC_ERROR_USAGE);
  EXPECT_EQ(set(nullptr, "f32"), ENCDEC_ERROR_USAGE);
  EXPECT_EQ(encdec_compile_report_code(nullptr), ENCDEC_OK);
  EXPECT_STREQ(encdec_compile_report_message(nullptr), "");
  EXPECT_EQ(encdec_compile_report_warning_count(nullptr), 0u);
  EXPECT_STREQ(encdec_compile_report_warning(nullptr, 0), "");
  EXPECT_EQ(encdec_jit_image(nullptr), nullptr);
  encdec_compile_report_free(nullptr);
  encdec_compile_options_free(nullptr);
  encdec_jit_free(nullptr);
}

TEST_F(CompilerApi, ThreadsMayJit) {
  encdec_jit_model *models[2] = {};
  std::vector<std::thread> team;
  for (encdec_jit_model *&model : models)
    team.emplace_back([&] { encdec_jit(example, nullptr, &model, nullptr); });
  for (std::thread &thread : team)
    thread.join();
  for (encdec_jit_model *model : models) {
    EXPECT_NE(model, nullptr);
    encdec_jit_free(model);
  }
}

} // namespace
