// What the machine code looks like: no library calls, no stack traffic in inner
// loops, little growth with depth, on every level.
#include "compiler/Passes.h"
#include "compiler/Pipelines.h"
#include "compiler/Register.h"
#include "compiler/emit/Object.h"
#include "compiler/lower/Lowering.h"
#include "mlir/Pass/PassManager.h"
#include "tests/support/KernelJit.h"
#include "tests/support/RandomModel.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Object/ELFObjectFile.h"
#include <gtest/gtest.h>
#include <map>

using namespace mlir;
using namespace encdec;
using namespace encdec::test;

namespace {

struct Function {
  std::string name;
  std::vector<llvm::StringRef> lines;
};

std::vector<Function> functionsOf(llvm::StringRef text) {
  std::vector<Function> functions;
  llvm::SmallVector<llvm::StringRef> lines;
  text.split(lines, '\n');
  for (llvm::StringRef line : lines) {
    line = line.split("//").first.rtrim();
    if (!line.empty() && line[0] != '.' && line[0] != '\t' && line[0] != '#' &&
        line.contains(':'))
      functions.push_back({line.split(':').first.str(), {}});
    else if (!functions.empty())
      functions.back().lines.push_back(line.trim());
  }
  return functions;
}

/// Bodies of the innermost loops: from a label to the jump back to it, with no
/// other such pair inside.
std::vector<std::vector<llvm::StringRef>> innerLoops(const Function &f) {
  std::map<llvm::StringRef, size_t> labels;
  std::vector<std::pair<size_t, size_t>> loops;
  for (auto [i, line] : llvm::enumerate(f.lines)) {
    if (line.starts_with(".L") && line.contains(':'))
      labels[line.split(':').first] = i;
    bool jump = line.starts_with("j") || line.starts_with("b.") ||
                line.starts_with("b\t") || line.starts_with("cb") ||
                line.starts_with("tb");
    auto target = labels.find(line.substr(line.find_last_of(" \t,") + 1));
    if (jump && target != labels.end())
      loops.push_back({target->second, i});
  }
  std::vector<std::vector<llvm::StringRef>> bodies;
  for (auto [from, to] : loops)
    if (llvm::none_of(loops, [&](auto other) {
          return other.first >= from && other.second <= to &&
                 other != std::pair(from, to);
        }))
      bodies.emplace_back(f.lines.begin() + from, f.lines.begin() + to + 1);
  return bodies;
}

void buildKernels(cpu::CpuKernels &kernels) {
  for (cpu::WeightKind kind :
       {cpu::WeightKind::f32, cpu::WeightKind::bf16,
        cpu::WeightKind::int8, cpu::WeightKind::int8Dynamic}) {
    kernels.linear(
        {512, {512, 512, 512}, {kind, kind, kind}, {}});
    kernels.vocabulary({512, 58101, kind});
    kernels.embed(512, kind, 1.0f);
  }
  for (cpu::AttentionShape s : {cpu::AttentionShape{8, 64}, {4, 20}, {8, 64, cpu::KeyKind::bf16}}) {
    kernels.cacheAppend(s);
    kernels.selfAttention(s, 0.125f);
    kernels.selfAttention(s, 1.0f, cpu::Bias::causal);
    kernels.crossAttention(s, 0.125f);
    if (s.keys == cpu::KeyKind::f32) {
      kernels.blockKeys(s);
      kernels.encoderAttention(s, 0.125f);
      kernels.encoderAttention(s, 1.0f, cpu::Bias::bidirectional);
    }
    kernels.memoryProject(s, {512,
                              {512, 512},
                              {cpu::WeightKind::f32, cpu::WeightKind::f32},
                              {}});
  }
  for (ActivationKind kind : {ActivationKind::relu, ActivationKind::gelu,
                              ActivationKind::gelu_tanh, ActivationKind::silu})
    for (bool isGated : {false, true})
      kernels.elementwise(2048, {kind, isGated});
  kernels.elementwise(512, {std::nullopt, /*hasOther=*/true});
  kernels.quantize(512);
  kernels.states(512);
  kernels.norm({512, 1e-5f, NormKind::layer, true, /*residual=*/true});
  kernels.norm({512, 1e-6f, NormKind::rms, false, /*residual=*/true, /*keepsSum=*/true});
  kernels.relativeBias({12, 32, 128, /*bidirectional=*/true});
  kernels.relativeBias({12, 32, 128, /*bidirectional=*/false});
  kernels.linear({512, {2048, 2048}, {cpu::WeightKind::f32, cpu::WeightKind::int8},
                  ActivationKind::gelu_tanh, /*isGated=*/true});
  cpu::VocabularyShape sketched{512, 58101, cpu::WeightKind::f32,
                                  cpu::WeightKind::int8};
  kernels.vocabulary(sketched);
  kernels.chooseVocabulary(sketched);
  kernels.topTokens(58101);
  kernels.mergeVocabulary(58101);
}

class CodeShape : public testing::TestWithParam<const char *> {};

TEST_P(CodeShape, CallsNoLibrary) {
  std::string text = assembly(buildKernels, GetParam());
  std::vector<Function> functions = functionsOf(text);
  llvm::StringSet<> names;
  for (const Function &f : functions)
    names.insert(f.name);
  size_t calls = 0;
  for (const Function &f : functions)
    for (llvm::StringRef line : f.lines)
      if (line.starts_with("call") || line.starts_with("bl\t")) {
        llvm::StringRef target = line.split('\t').second.trim();
        target.consume_front(".L"); // a local alias of the function
        target.consume_back("$local");
        target = target.split('@').first;
        bool indirect =
            target.starts_with("*"); // the barrier, from the context
        EXPECT_TRUE(indirect || names.contains(target))
            << f.name << " calls " << target.str();
        ++calls;
      }
  EXPECT_GT(calls, 20u) << "the calls are not recognised any more";
}

TEST_P(CodeShape, InnerLoopsLeaveTheStackAlone) {
  std::string text = assembly(buildKernels, GetParam());
  size_t products = 0;
  for (const Function &f : functionsOf(text)) {
    // %rbp is a register like others where it does not hold the frame.
    bool framed = llvm::is_contained(f.lines, "movq\t%rsp, %rbp");
    for (const auto &loop : innerLoops(f)) {
      bool product = llvm::any_of(loop, [](llvm::StringRef line) {
        return line.contains("fmadd") || line.contains("fmla") ||
               line.contains("pmaddwd") || line.contains("vpdpbusd");
      });
      // Loops of exp read constants back from the stack. They are not the main loops;
      // exp's shift into the exponent tells them apart.
      product &= llvm::none_of(loop, [](llvm::StringRef line) {
        return line.contains("vpslld\t$23") || line.ends_with("#23");
      });
      products += product;
      for (llvm::StringRef line : loop)
        EXPECT_FALSE(product &&
                     (line.contains("%rsp") || (framed && line.contains("(%rbp)")) ||
                      line.contains("[sp")))
            << f.name << ": " << line.str();
    }
  }
  EXPECT_GT(products, 20u) << "the loops are not recognised any more";
}

TEST_P(CodeShape, ProductsOfWholeNumbersUseTheInstructionsMeant) {
  std::string level = GetParam();
  std::string text = assembly(
      [](cpu::CpuKernels &kernels) {
        kernels.linear({512, {512}, {cpu::WeightKind::int8Dynamic}, {}});
      },
      level);
  auto has = [&](llvm::StringRef part) { return StringRef(text).contains(part); };
  bool quads = level.find("vnni") != std::string::npos;
  EXPECT_EQ(has("vpdpbusd\t"), quads);
  EXPECT_EQ(has("{vex}"), level == "v3-avxvnni"); // the EVEX encoding needs AVX-512
  EXPECT_EQ(has("vpmaddwd\t"), !quads && level != "neon");
  EXPECT_EQ(has("%zmm"), level[1] == '4');
  EXPECT_FALSE(has("vpdpbusds")) << "saturates";
  EXPECT_FALSE(has("vpmovsxbw")) << "weights are widened after all";
}

INSTANTIATE_TEST_SUITE_P(Levels, CodeShape,
                         testing::Values("v3", "v3-avxvnni", "v4", "v4-vnni",
                                         "neon"));

/// Bytes of code and of constants of a model with `layers` layers on each side,
/// and its undefined symbols.
struct Size {
  uint64_t code = 0, constants = 0;
  unsigned undefined = 0;
};
Size sizeOf(int layers, llvm::StringRef level) {
  MLIRContext context(MLIRContext::Threading::DISABLED);
  DialectRegistry registry;
  registerEncDecDialects(registry);
  context.appendDialectRegistry(registry);
  ModelSizes sizes;
  sizes.heads = 8;
  sizes.headSize = 64;
  sizes.ffn = 2048;
  sizes.vocabulary = 58101;
  sizes.encoderLayers = sizes.decoderLayers = layers;
  OwningOpRef<ModuleOp> module = randomModel(context, sizes);
  PassManager pm(&context);
  buildFusePipeline(pm);
  buildPlacePipeline(pm);
  buildSchedulePipeline(pm);
  EXPECT_TRUE(succeeded(pm.run(*module)));
  EXPECT_TRUE(succeeded(lowerToLLVMDialect(*module, level)));
  auto target = llvm::cantFail(findObjectTarget(level));
  auto bytes = llvm::cantFail(emitObject(*module, *target));
  auto object = llvm::cantFail(llvm::object::ObjectFile::createELFObjectFile(
      llvm::MemoryBufferRef({bytes.data(), bytes.size()}, "object")));
  Size size;
  for (const llvm::object::SectionRef &section : object->sections())
    if (section.isText())
      size.code += section.getSize();
    else if (llvm::cantFail(section.getName()).starts_with(".rodata"))
      size.constants += section.getSize();
  for (const llvm::object::SymbolRef &symbol : object->symbols()) {
    bool undefined = llvm::cantFail(symbol.getFlags()) &
                     llvm::object::SymbolRef::SF_Undefined;
    size.undefined += undefined && !llvm::cantFail(symbol.getName()).empty();
  }
  return size;
}

/// An encoder and a decoder layer together, whose entries stand once for each range of rows:
/// two of encode, three of step.
TEST(CodeSize, ALayerCostsAtMostOneKilobyteInEachRange) {
  for (const char *level : {"v3", "v3-avxvnni", "v4", "v4-vnni", "neon"}) {
    SCOPED_TRACE(level);
    Size two = sizeOf(2, level), six = sizeOf(6, level);
    EXPECT_EQ(six.undefined, 0u);
    EXPECT_LE((six.code + six.constants - two.code - two.constants) / 4, 3 * 1024u);
    EXPECT_GT(six.code, two.code);
    std::printf(
        "%s: %llu bytes of code, %llu of constants; a layer %llu and %llu\n",
        level, (unsigned long long)six.code, (unsigned long long)six.constants,
        (unsigned long long)(six.code - two.code) / 4,
        (unsigned long long)(six.constants - two.constants) / 4);
  }
}

} // namespace
