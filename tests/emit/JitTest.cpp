// The JIT and the bundle compute the same bits, and code does not grow with
// depth.
#include "compiler/Register.h"
#include "compiler/Pipelines.h"
#include "compiler/emit/Emit.h"
#include "compiler/import/Import.h"
#include "tests/support/DeriveWeights.h"
#include "tests/support/RandomModel.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/JSON.h"
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <unistd.h>

using namespace encdec;
using namespace mlir;
namespace fs = std::filesystem;

namespace {

const char *examplePath = ENCDEC_SOURCE "/examples/models/en-fr";

int64_t roundUp16(int64_t n) { return (n + 15) / 16 * 16; }

/// Zeroed floats at 64 bytes.
class Buffer {
public:
  explicit Buffer(int64_t bytes)
      : memory(std::aligned_alloc(64, (bytes + 64) / 64 * 64), std::free) {
    std::memset(memory.get(), 0, bytes);
  }
  uint8_t *bytes() { return static_cast<uint8_t *>(memory.get()); }
  template <class T> T *as() { return static_cast<T *>(memory.get()); }

private:
  std::unique_ptr<void, void (*)(void *)> memory;
};

/// One source, greedy for `steps` steps, one worker: the unbiased logits of all
/// steps.
std::vector<float> decode(encdec_abi_entry_fn encode, encdec_abi_entry_fn step,
                          const uint8_t *weights, llvm::StringRef manifest,
                          std::vector<int32_t> source, int steps) {
  auto json = llvm::cantFail(llvm::json::parse(manifest));
  auto size = [&](llvm::StringRef key) {
    return *json.getAsObject()->getObject("memory")->getInteger(key);
  };
  int64_t vocabulary =
      *json.getAsObject()->getObject("model")->getInteger("vocab_size");
  int32_t token = *json.getAsObject()
                       ->getObject("generation")
                       ->getInteger("decoder_start_token_id");
  int64_t length = source.size(), keys = roundUp16(length), capacity = 32;
  Buffer encodeArena(size("encode_arena_per_row") * keys +
                     size("encode_arena_per_key") * capacity);
  Buffer stepArena(size("step_arena_per_row") + size("step_arena_per_key") * capacity);
  Buffer scratch(size("scratch_fixed") + size("scratch_per_key") * capacity +
                 size("scratch_per_row"));
  Buffer memory(size("memory_per_key") * keys),
      cache(size("cache_per_key") * capacity);
  Buffer bias(roundUp16(vocabulary) * 4), logits(roundUp16(vocabulary) * 4);
  std::vector<int32_t> positions(length), zeros(std::max(length, capacity));
  for (int64_t i = 0; i < length; ++i)
    positions[i] = i;
  int32_t offsets[2] = {0, int32_t(length)}, position = 0, out = 0;
  int64_t memoryOffset = 0;
  float logProb = 0;

  encdec_abi_context c = {};
  c.weights = weights;
  c.arena = encodeArena.bytes();
  c.scratch = scratch.bytes();
  c.keys = capacity;
  c.memory = memory.bytes();
  c.memory_offset = &memoryOffset;
  c.cache = cache.bytes();
  c.cache_stride = size("cache_per_key") * capacity;
  c.cache_capacity = capacity;
  c.rows = length;
  c.sources = 1;
  c.tokens = source.data();
  c.positions = positions.data();
  c.row_source = zeros.data();
  c.source_offset = offsets;
  encode(&c, 0, 1);

  c.arena = stepArena.bytes();
  c.rows = 1;
  c.tokens = &token;
  c.positions = &position;
  c.ancestors = zeros.data();
  c.logit_bias = bias.as<float>();
  c.row_bias = zeros.data();
  c.top_k = 1;
  c.out_tokens = &out;
  c.out_log_probs = &logProb;
  c.out_logits = logits.as<float>();
  std::vector<float> all;
  for (; position < steps; ++position) {
    step(&c, 0, 1);
    all.insert(all.end(), logits.as<float>(), logits.as<float>() + vocabulary);
    token = out;
  }
  return all;
}

class Models : public testing::TestWithParam<const char *> {
protected:
  void SetUp() override {
    folder = fs::path(testing::TempDir()) /
             ("encdec-jit-" + std::to_string(getpid()));
    fs::create_directories(folder);
  }
  void TearDown() override { fs::remove_all(folder); }
  /// Section `kind` called `name` (any if empty) of a bundle.
  static std::string section(const std::string &file, uint32_t kind,
                             llvm::StringRef name = "") {
    encdec_bundle_header header;
    std::memcpy(&header, file.data(), sizeof(header));
    for (uint32_t i = 0; i < header.section_count; ++i) {
      encdec_bundle_section entry;
      std::memcpy(&entry, file.data() + sizeof(header) + i * sizeof(entry),
                  sizeof(entry));
      if (entry.kind == kind && (name.empty() || name == entry.name))
        return file.substr(entry.offset, entry.size);
    }
    return "";
  }
  fs::path folder;
};

TEST_P(Models, JitAndBundleComputeTheSameBits) {
  const ObjectTarget *host = hostObjectTarget();
  if (!host)
    GTEST_SKIP() << "this machine runs none of the levels";
  CompileOptions options;
  options.weights = GetParam();
  // The JIT's level, which not every bundle has by default.
  options.levels = {host->name.str()};
  std::vector<std::string> warnings;
  auto jit = jitCheckpoint(examplePath, options, warnings);
  ASSERT_TRUE(jit.ok()) << jit.status().message();
  std::string path = (folder / "m.encdec").string();
  Status status = compileToBundle(examplePath, path, options, warnings);
  ASSERT_TRUE(status.ok()) << status.message();

  std::ifstream in(path, std::ios::binary);
  std::string file{std::istreambuf_iterator<char>(in), {}};
  std::string weights = section(file, ENCDEC_SECTION_WEIGHTS);
  const encdec_model_image &image = (*jit)->image();
  ASSERT_EQ(weights.size(), image.weights_size);
  EXPECT_EQ(std::memcmp(weights.data(), image.weights, weights.size()), 0);
  const std::string table = section(file, ENCDEC_SECTION_TOKENIZER);
  ASSERT_EQ(table.size(), image.tokenizer_size);
  EXPECT_EQ(std::memcmp(table.data(), image.tokenizer, table.size()), 0);

  std::string code = (folder / "code.so").string();
  std::ofstream(code, std::ios::binary)
      << section(file, ENCDEC_SECTION_CODE, host->name);
  void *library = dlopen(code.c_str(), RTLD_NOW);
  ASSERT_TRUE(library) << dlerror();
  auto entry = [&](const char *name) {
    return reinterpret_cast<encdec_abi_entry_fn>(dlsym(library, name));
  };
  std::string manifest = section(file, ENCDEC_SECTION_MANIFEST);
  std::vector<int32_t> source = {17, 250, 3, 99, 0};
  std::vector<float> fromBundle =
      decode(entry("encdec_encode"), entry("encdec_step"), image.weights,
             manifest, source, 6);
  std::vector<float> fromJit =
      decode(image.encode, image.step, image.weights,
             {image.manifest, image.manifest_size}, source, 6);
  dlclose(library);
  ASSERT_EQ(fromBundle.size(), fromJit.size());
  EXPECT_EQ(std::memcmp(fromBundle.data(), fromJit.data(), fromJit.size() * 4),
            0);
  EXPECT_GT(llvm::count_if(fromJit, [](float v) { return v != 0; }), 6 * 6000);
}
INSTANTIATE_TEST_SUITE_P(Weights, Models,
                         testing::Values("f32", "bf16", "int8",
                                         "int8-dynamic"));

/// The example with the scale of its scores in its query's weights, from the file to the
/// logits: near those of the example as it is, and the weights behind take no room.
TEST(Jit, DerivedWeightsComeFromTheCheckpoint) {
  if (!hostObjectTarget())
    GTEST_SKIP() << "this machine runs none of the levels";
  std::vector<float> logits[2];
  size_t bytes[2];
  std::string manifest;
  for (bool derived : {false, true}) {
    DialectRegistry registry;
    registerEncDecDialects(registry);
    MLIRContext context(registry);
    ImportReport report;
    OwningOpRef<ModuleOp> module = importCheckpoint(context, examplePath, {}, report);
    ASSERT_TRUE(module) << report.status.message();
    if (derived)
      test::deriveWeights(*module);
    CompileOptions options;
    options.weightsFor = {derived ? "*.q.w.scaled=bf16" : "*.q.w=bf16"};
    auto model = jitModule(*module, examplePath, options);
    ASSERT_TRUE(model.ok()) << model.status().message();
    const encdec_model_image &image = (*model)->image();
    bytes[derived] = image.weights_size;
    manifest.assign(image.manifest, image.manifest_size);
    logits[derived] =
        decode(image.encode, image.step, image.weights, manifest, {17, 250, 3, 99, 0}, 6);
  }
  EXPECT_EQ(bytes[0], bytes[1]);
  EXPECT_NE(manifest.find(R"("columns":256,"format":"bf16","name":"encoder.l0.self.q.w.scaled")"),
            std::string::npos)
      << manifest.substr(0, 4000);
  EXPECT_EQ(manifest.find(R"("encoder.l0.self.q.w")"), std::string::npos);
  ASSERT_EQ(logits[0].size(), logits[1].size());
  float largest = 0;
  for (size_t i = 0; i < logits[0].size(); ++i)
    largest = std::max(largest, std::fabs(logits[0][i]));
  EXPECT_GT(largest, 1);
  for (size_t i = 0; i < logits[0].size(); ++i)
    ASSERT_NEAR(logits[0][i], logits[1][i], largest * 5e-3f) << i;
}

/// Bytes of linked code of a random model with `layers` layers on both sides.
size_t codeSize(int layers, llvm::StringRef level) {
  DialectRegistry registry;
  registerEncDecDialects(registry);
  MLIRContext context(registry);
  test::ModelSizes sizes;
  sizes.encoderLayers = sizes.decoderLayers = layers;
  OwningOpRef<ModuleOp> module = test::randomModel(context, sizes);
  PassManager pm(&context);
  PipelineOptions options;
  options.level = level.str();
  buildFusePipeline(pm, options);
  buildPlacePipeline(pm, options);
  buildSchedulePipeline(pm, options);
  buildLowerPipeline(pm, options);
  EXPECT_TRUE(succeeded(pm.run(*module)));
  auto object = emitObject(*module, *llvm::cantFail(findObjectTarget(level)));
  EXPECT_TRUE(bool(object));
  auto shared = linkShared(*object);
  EXPECT_TRUE(bool(shared)) << llvm::toString(shared.takeError());
  return shared ? shared->size() : 0;
}

TEST(Code, GrowsLittleForEachFurtherLayer) {
  for (const ObjectTarget &target : objectTargets()) {
    size_t few = codeSize(2, target.name), many = codeSize(12, target.name);
    // Ten encoder and ten decoder layers more, in two ranges of rows and in three: half a
    // kilobyte for a layer in a range.
    EXPECT_LE(many - few, 25u * 1024) << target.name.str();
  }
}

/// An encoder alone is compiled as a whole model is, into code without a step; what its
/// module says must fit.
TEST(Jit, AnEncoderAlone) {
  const ObjectTarget *host = hostObjectTarget();
  if (!host)
    GTEST_SKIP() << "this machine runs none of the levels";
  test::ModelSizes sizes;
  sizes.decoderLayers = 0;
  const std::string facts = R"(module attributes {encdec.model = {family = "none", d_model = 16 : i64,
    encoder_layers = 1 : i64, encoder_heads = 2 : i64, encoder_ffn = 24 : i64,
    source_vocab_size = 37 : i64, max_positions = 32 : i64 MORE} {)";
  auto compile = [&](const std::string &more, CompileOptions options = {}) {
    DialectRegistry registry;
    registerEncDecDialects(registry);
    MLIRContext context(registry);
    std::string text = test::randomModelText(sizes), head = facts;
    head.replace(head.find("MORE"), 4, more);
    text.replace(0, std::string("module {").size(), head);
    OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context);
    EXPECT_TRUE(module);
    return jitModule(*module, "", options);
  };
  auto model = compile("}");
  ASSERT_TRUE(model.ok()) << model.status().message();
  const encdec_model_image &image = (*model)->image();
  EXPECT_EQ(image.step, nullptr);
  llvm::StringRef manifest(image.manifest, image.manifest_size);
  EXPECT_TRUE(manifest.contains(R"("generation": null)")) << manifest.str();
  EXPECT_TRUE(manifest.contains(R"("states_per_row": 64)"));
  EXPECT_TRUE(manifest.contains(R"("decoder_layers": null)"));
  for (const char *more : {", decoder_layers = 1 : i64}", ", vocab_size = 37 : i64}",
                           "}, encdec.generation = {decoder_start_token_id = 0 : i64, max_length = 9 : i64}"}) {
    auto refused = compile(more);
    ASSERT_FALSE(refused.ok()) << more;
    EXPECT_NE(refused.status().message().find("of a module without a step, but found it"),
              std::string::npos)
        << refused.status().message();
  }
  // The code links into a shared object that passes the audit.
  DialectRegistry registry;
  registerEncDecDialects(registry);
  MLIRContext context(registry);
  OwningOpRef<ModuleOp> module = test::randomModel(context, sizes);
  PassManager pm(&context);
  PipelineOptions options;
  options.level = host->name.str();
  buildFusePipeline(pm, options);
  buildPlacePipeline(pm, options);
  buildSchedulePipeline(pm, options);
  buildLowerPipeline(pm, options);
  ASSERT_TRUE(succeeded(pm.run(*module)));
  auto object = emitObject(*module, *host);
  ASSERT_TRUE(bool(object));
  auto shared = linkShared(*object);
  ASSERT_TRUE(bool(shared)) << llvm::toString(shared.takeError());
}

TEST(Jit, ModuleWithoutFactsIsAnErrorNotACrash) {
  DialectRegistry registry;
  registerEncDecDialects(registry);
  MLIRContext context(registry);
  OwningOpRef<ModuleOp> module = test::randomModel(context, {});
  auto model = jitModule(*module, "", {});
  ASSERT_FALSE(model.ok());
  EXPECT_NE(model.status().message().find("encdec.model"), std::string::npos)
      << model.status().message();
}

} // namespace
