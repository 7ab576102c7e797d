// Random calls, each of which the dialect's verifier takes.
#include "RandomSchedule.h"
#include "compiler/schedule/CallBuilder.h"
#include "compiler/schedule/Schedule.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/FormatVariadic.h"
#include <random>

using namespace mlir;
using namespace encdec::kernel;

namespace encdec::test {
namespace {

class Generator {
public:
  Generator(func::FuncOp entry, uint64_t seed)
      : builder(entry.getBody().front().getTerminator()), random(seed),
        values(entry.getArguments().begin(), entry.getArguments().end()) {}

  void call() {
    CallBuilder call(builder, builder.getUnknownLoc(), "k");
    kind = Part(below(int64_t(Part::data) + 1));
    bool isCounted = kind != Part::rows && kind != Part::data;
    call.split(kind, isCounted ? 1 + below(6) : 1);
    SmallVector<Value> mine;
    for (int64_t i = below(4); i > 0; --i) {
      Value value = values[below(values.size())];
      if (llvm::is_contained(mine, value)) // or the call would race with itself
        continue;
      mine.push_back(value);
      bool isOwn = isScratch(value);
      if (below(3)) {
        Part part = Part(below(int64_t(Part::one) + 1));
        call.read(value, part == Part::own && !isOwn ? Part::all : part);
      } else {
        below(2) ? call.update(value, written(isOwn)) : call.write(value, written(isOwn));
      }
    }
    for (int64_t i = below(3); i > 0; --i)
      result(call);
    for (Value made : call.create().getValues())
      if (!outputOf(made)) // of which a later call may make another one
        values.push_back(made);
  }

private:
  int64_t below(int64_t count) { return int64_t(random() % uint64_t(count)); }

  static bool isScratch(Value value) {
    BufferAttr buffer = bufferOf(value);
    return buffer && buffer.getSpace() == Space::scratch;
  }
  /// A part that no other worker has.
  Part written(bool isScratch) {
    if (isScratch && below(3))
      return Part::own;
    return kind == Part::data || below(6) == 0 ? Part::one : kind;
  }
  void result(CallBuilder &call) {
    Mode mode = below(2) ? Mode::write : Mode::update;
    int64_t bytes = 64 * (1 + below(4));
    Type element = below(3) ? Type(builder.getF32Type()) : builder.getI8Type();
    int64_t width = element.isF32() ? bytes / 4 : bytes;
    Type type = RankedTensorType::get({ShapedType::kDynamic, width}, element);
    switch (below(6)) {
    case 0: {
      int64_t fixed = 64 * below(3), perKey = 4 * below(5);
      SmallVector<int64_t> shape{(perKey ? perKey : fixed) / 4};
      if (perKey)
        shape.push_back(ShapedType::kDynamic);
      call.scratch(RankedTensorType::get(shape, builder.getF32Type()),
                   SizeAttr::get(builder.getContext(), fixed, perKey, 0), mode,
                   written(/*isScratch=*/true));
      return;
    }
    case 1:
      call.scratch(type, SizeAttr::get(builder.getContext(), 0, 0, bytes), mode,
                   written(/*isScratch=*/true));
      return;
    case 2: { // two results of one call may not be one output
      std::string name = llvm::formatv("out.{0}", outputs++ % 5);
      call.output(type, name, written(/*isScratch=*/false));
      return;
    }
    case 3: {
      int64_t heads = 1 + below(4);
      call.arenaOfKeys(RankedTensorType::get({heads, ShapedType::kDynamic}, builder.getF32Type()),
                       4 * (heads + below(2)), mode, written(/*isScratch=*/false));
      return;
    }
    default:
      call.arena(type, bytes, mode, written(/*isScratch=*/false));
    }
  }

  OpBuilder builder;
  std::mt19937_64 random;
  SmallVector<Value> values;
  Part kind = Part::rows;
  int64_t outputs = 0;
};

} // namespace

OwningOpRef<ModuleOp> randomCalls(MLIRContext &context, uint64_t seed) {
  std::string handles;
  for (int i = 0; i < 2; ++i)
    handles += llvm::formatv("{0}%c{1}: !encdec.cache<2x16> {{encdec.arg = \"cache.{1}\", "
                             "encdec_kernel.handle = #encdec_kernel.handle<\"cache\", 256>}",
                             i ? ", " : "", i);
  auto module = parseSourceString<ModuleOp>(
      "func.func @f(" + handles + ") attributes {encdec.entry = \"" +
          (seed % 2 ? "encode" : "step") + "\"} { return }",
      &context);
  Generator generator(*module->getOps<func::FuncOp>().begin(), seed);
  for (uint64_t i = 0; i < 3 + seed % 13; ++i)
    generator.call();
  return module;
}

} // namespace encdec::test
