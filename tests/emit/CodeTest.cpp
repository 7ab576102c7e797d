// Object code, link and JIT on a module written by hand.
#include "compiler/cpu/Levels.h"
#include "compiler/emit/Jit.h"
#include "compiler/emit/Link.h"
#include "compiler/emit/Object.h"
#include "dialect/WeightFormat.h"
#include "runtime/base/CpuLevels.h"
#include "runtime/base/WeightTypes.h"
#include "tests/emit/TinyModule.h"
#include "llvm/ADT/ScopeExit.h"
#include <cstdlib>
#include <dlfcn.h>
#include <fstream>
#include <gtest/gtest.h>

using namespace encdec;
using namespace llvm;

namespace {

const ObjectTarget &level(StringRef name) {
  return *cantFail(findObjectTarget(name));
}

SmallVector<char, 0> objectOf(StringRef text, StringRef name) {
  mlir::MLIRContext context;
  auto module = test::parse(context, text);
  EXPECT_TRUE(module);
  Expected<SmallVector<char, 0>> object = emitObject(*module, level(name));
  EXPECT_TRUE(bool(object)) << toString(object.takeError());
  return object ? std::move(*object) : SmallVector<char, 0>();
}

std::string messageOf(Error error) { return toString(std::move(error)); }

/// Runs both entries as the runtime would with one worker: {encode, step}.
std::pair<int, int> run(encdec_abi_entry_fn encode, encdec_abi_entry_fn step) {
  alignas(64) uint8_t weights[64] = {100}, arena[64] = {};
  encdec_abi_context context = {};
  context.weights = weights;
  context.arena = arena;
  auto result = [&] { return *reinterpret_cast<int *>(arena); };
  encode(&context, 0, 1);
  int first = result();
  step(&context, 0, 1);
  return {first, result()};
}

std::vector<std::string> namesOf(const auto &table) {
  std::vector<std::string> names;
  for (const auto &row : table)
    names.emplace_back(row.name);
  return names;
}

class Level : public testing::TestWithParam<std::string> {};

TEST_P(Level, LinksToLoadableCodeWithEqualBytes) {
  SmallVector<char, 0> object = objectOf(test::tinyModule, GetParam());
  auto once = linkShared(object), twice = linkShared(object);
  ASSERT_TRUE(bool(once)) << messageOf(once.takeError());
  ASSERT_TRUE(bool(twice)) << messageOf(twice.takeError());
  EXPECT_EQ(*once, *twice);
  EXPECT_EQ(object, objectOf(test::tinyModule, GetParam()));
}
INSTANTIATE_TEST_SUITE_P(All, Level,
                         testing::ValuesIn(namesOf(objectTargets())));

/// The compiler's own tables of levels and formats have the names of runtime/base.
TEST(Code, TablesFollowTheNames) {
  EXPECT_EQ(namesOf(objectTargets()), namesOf(cpuLevels()));
  EXPECT_EQ(namesOf(cpu::cpuLevels()), namesOf(cpuLevels()));
  EXPECT_EQ(namesOf(weightFormats()), weightTypeNames());
}

TEST(Code, JitAndSharedObjectComputeTheSame) {
  const ObjectTarget *host = hostObjectTarget();
  if (!host)
    GTEST_SKIP() << "this machine runs none of the levels";
  SmallVector<char, 0> object = objectOf(test::tinyModule, host->name);
  JitModel::Parts parts;
  parts.manifest = "{}";
  parts.tokenizer = "a table";
  auto model = JitModel::create(object, std::move(parts));
  ASSERT_TRUE(bool(model)) << messageOf(model.takeError());
  const encdec_model_image &image = (*model)->image();
  EXPECT_EQ(StringRef(image.manifest, image.manifest_size), "{}");
  ASSERT_EQ(image.tokenizer_size, 7u);
  EXPECT_EQ(std::memcmp(image.tokenizer, "a table", 7), 0);
  auto jitted = run(image.encode, image.step);
  EXPECT_EQ(jitted, std::make_pair(42, 107));

  auto shared = linkShared(object);
  ASSERT_TRUE(bool(shared)) << messageOf(shared.takeError());
  std::string path = testing::TempDir() + "/encdec-code.so";
  std::ofstream(path, std::ios::binary).write(shared->data(), shared->size());
  void *library = dlopen(path.c_str(), RTLD_NOW);
  ASSERT_TRUE(library) << dlerror();
  auto entry = [&](const char *name) {
    return reinterpret_cast<encdec_abi_entry_fn>(dlsym(library, name));
  };
  EXPECT_EQ(run(entry("encdec_encode"), entry("encdec_step")), jitted);
  EXPECT_EQ(*static_cast<uint64_t *>(dlsym(library, "encdec_abi_version")),
            uint64_t(ENCDEC_ABI_VERSION));
  dlclose(library);
}

TEST(Code, ImportsAreRefusedByTheLinker) {
  std::string text = test::tinyModule;
  text += "llvm.func @expf(f32) -> f32\n"
          "llvm.func @also(%x: f32) -> f32 attributes {no_inline} {\n"
          "  %y = llvm.call @expf(%x) : (f32) -> f32\n"
          "  llvm.return %y : f32\n}\n";
  // An internal function that nobody calls is dropped, so make step call it.
  text.replace(text.find("  llvm.call @kernel(%arena, %sum)"), 0,
               "  %f = llvm.sitofp %sum : i32 to f32\n"
               "  %g = llvm.call @also(%f) : (f32) -> f32\n"
               "  llvm.store %g, %arena : f32, !llvm.ptr\n");
  auto shared = linkShared(objectOf(text, "v3"));
  ASSERT_FALSE(bool(shared));
  std::string message = messageOf(shared.takeError());
  EXPECT_NE(message.find("undefined symbol: expf"), std::string::npos)
      << message;
}

TEST(Code, MissingEntryIsNamed) {
  mlir::MLIRContext context;
  auto module =
      test::parse(context, "llvm.func @encdec_step() { llvm.return }");
  auto object = emitObject(*module, level("v3"));
  ASSERT_FALSE(bool(object));
  EXPECT_NE(messageOf(object.takeError()).find("encdec_encode"),
            std::string::npos);
}

TEST(Code, UnknownLevelListsTheKnown) {
  auto target = findObjectTarget("v5");
  ASSERT_FALSE(bool(target));
  EXPECT_EQ(messageOf(target.takeError()),
            "unknown CPU level 'v5'; known are: v3, v3-avxvnni, v4, v4-vnni, neon");
}

TEST(Code, MissingLinkerSaysWhatToInstall) {
  setenv("ENCDEC_LLD", "/nonexistent/ld.lld", 1);
  llvm::scope_exit restore([] { unsetenv("ENCDEC_LLD"); });
  auto linker = findLinker();
  ASSERT_FALSE(bool(linker));
  EXPECT_NE(messageOf(linker.takeError()).find("ENCDEC_LLD"),
            std::string::npos);
}

TEST(Code, DamagedObjectIsAnErrorOfTheLinker) {
  SmallVector<char, 0> object = objectOf(test::tinyModule, "v3");
  object.resize(object.size() / 2);
  auto shared = linkShared(object);
  ASSERT_FALSE(bool(shared));
  EXPECT_NE(messageOf(shared.takeError()).find("ld.lld"), std::string::npos);
}

} // namespace
