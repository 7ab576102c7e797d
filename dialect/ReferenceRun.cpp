// Arguments by name, given or seeded, for runs in the reference interpreter.
#include "dialect/ReferenceRun.h"
#include "dialect/Origin.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace encdec;
using namespace encdec::reference;

static Tensor indices(ArrayRef<int64_t> values) {
  return Tensor({int64_t(values.size())}, {values.begin(), values.end()});
}

static Tensor iota(int64_t count) {
  Tensor result({count});
  for (int64_t i = 0; i < count; ++i)
    result.values[i] = double(i);
  return result;
}

BatchRun::BatchRun(ModuleOp module, WeightReader reader)
    : interpreter(module, std::move(reader)) {
  for (auto function : module.getOps<func::FuncOp>()) {
    if (entryOf(function) == "encode")
      encodeFunction = function;
    if (entryOf(function) == "step")
      stepFunction = function;
  }
}

FailureOr<std::vector<reference::Value>>
BatchRun::arguments(func::FuncOp function,
                    const std::map<std::string, Tensor> &tensors) {
  std::vector<reference::Value> result;
  for (BlockArgument argument : function.getArguments()) {
    auto attribute = function.getArgAttrOfType<StringAttr>(
        argument.getArgNumber(), kArgAttr);
    std::string name = attribute ? attribute.str() : "";
    auto known = tensors.find(name);
    if (known != tensors.end()) {
      result.push_back(known->second);
      continue;
    }
    reference::Value &handle = handles[name]; // the same one in every call
    if (isa<MemoryType>(argument.getType()) && handle.index() != 1)
      handle = std::make_shared<Memory>();
    else if (isa<CacheType>(argument.getType()) && handle.index() != 2)
      handle = std::make_shared<Cache>();
    else if (!isa<MemoryType, CacheType>(argument.getType()))
      return function.emitError("cannot give argument ")
             << argument.getArgNumber() << " a value: its encdec.arg is \""
             << name << "\"";
    result.push_back(handle);
  }
  return result;
}

LogicalResult BatchRun::encode(ArrayRef<std::vector<int64_t>> sources) {
  if (!encodeFunction)
    return emitError(UnknownLoc::get(interpreter.getModule().getContext()),
                     "expected a function with encdec.entry = \"encode\"");
  std::vector<int64_t> tokens, positions, rows, starts{0};
  for (auto [b, source] : llvm::enumerate(sources)) {
    for (auto [p, token] : llvm::enumerate(source)) {
      tokens.push_back(token);
      positions.push_back(p);
      rows.push_back(b);
    }
    starts.push_back(tokens.size());
  }
  handles.clear();
  offsets = indices(starts);
  auto values = arguments(encodeFunction, {{"tokens", indices(tokens)},
                                           {"positions", indices(positions)},
                                           {"rows", indices(rows)},
                                           {"offsets", offsets}});
  if (failed(values))
    return failure();
  auto results = interpreter.run(encodeFunction, std::move(*values));
  if (failed(results))
    return failure();
  if (!results->empty())
    memory = std::get<Tensor>(results->front());
  return success();
}

FailureOr<StepResult> BatchRun::step(ArrayRef<int64_t> tokens,
                                     ArrayRef<int64_t> positions,
                                     const Tensor &ancestors,
                                     ArrayRef<int64_t> sources) {
  if (!stepFunction)
    return emitError(UnknownLoc::get(interpreter.getModule().getContext()),
                     "expected a function with encdec.entry = \"step\"");
  std::map<std::string, Tensor> tensors{
      {"tokens", indices(tokens)},
      {"positions", indices(positions)},
      {"ancestors", ancestors},
      {"top", Tensor({1}, {1})},
      {"sources", indices(sources)},
      {"offsets", offsets},
      {"memory", memory},
      {"row_bias", Tensor({int64_t(tokens.size())})}};
  if (BlockArgument bias = argumentNamed(stepFunction, "logit_bias"))
    tensors["logit_bias"] = Tensor({1, widthOf(bias)});
  auto values = arguments(stepFunction, tensors);
  if (failed(values))
    return failure();
  auto results = interpreter.run(stepFunction, std::move(*values));
  if (failed(results))
    return failure();
  if (results->size() < 2)
    return stepFunction.emitError(
               "expected tokens and log-probs to be returned "
               "but got ")
           << results->size() << " results";
  const Tensor &best = std::get<Tensor>((*results)[0]);
  return StepResult{{best.values.begin(), best.values.end()},
                    std::get<Tensor>((*results)[1]).values};
}

FailureOr<std::vector<StepResult>>
BatchRun::greedy(ArrayRef<std::vector<int64_t>> sources, int64_t steps,
                 int64_t start) {
  if (failed(encode(sources)))
    return failure();
  std::vector<int64_t> tokens(sources.size(), start), rows;
  for (size_t r = 0; r < sources.size(); ++r)
    rows.push_back(r);
  std::vector<StepResult> results;
  for (int64_t p = 0; p < steps; ++p) {
    auto found = step(tokens, std::vector<int64_t>(sources.size(), p),
                      ownSlots(rows, p), rows);
    if (failed(found))
      return failure();
    tokens = found->tokens;
    results.push_back(std::move(*found));
  }
  return results;
}

int64_t BatchRun::sourceVocabulary() {
  int64_t size = 0;
  if (encodeFunction)
    encodeFunction.walk([&](EmbedOp embed) {
      if (WeightOp table = lookupWeight(embed, embed.getTableAttr()))
        size = table.getTensorType().getDimSize(0);
    });
  return size;
}

//===-- Seeded arguments
//---------------------------------------------------===//

Tensor reference::ownSlots(ArrayRef<int64_t> slots, int64_t last) {
  Tensor result({int64_t(slots.size()), last + 1});
  for (int64_t r = 0; r < result.rows(); ++r)
    for (int64_t p = 0; p <= last; ++p)
      result.at(r, p) = double(slots[r]);
  return result;
}

Tensor reference::seededTensor(std::vector<int64_t> shape, uint64_t seed) {
  Tensor result(std::move(shape));
  for (auto [i, value] : llvm::enumerate(result.values))
    value = seededValue(seed, i, 1.0);
  return result;
}

// What an index argument stands for: its encdec.arg, or how attention uses it.
static StringRef roleOf(func::FuncOp function, BlockArgument argument) {
  if (auto name = function.getArgAttrOfType<StringAttr>(argument.getArgNumber(),
                                                        kArgAttr))
    return name.getValue();
  StringRef role;
  for (Operation *user : argument.getUsers())
    llvm::TypeSwitch<Operation *>(user)
        .Case<ScoresOp, ContextOp, SelfAttentionOp, CrossAttentionOp>(
            [&](auto op) {
              if (op.getOffsets() == argument)
                role = "offsets";
              else if (op.getRows() == argument)
                role = "rows";
            })
        .Case<MemoryProjectOp>([&](auto) { role = "offsets"; })
        .Case<TopTokensOp, VocabularyOp>([&](auto) { role = "row_bias"; });
  return role;
}

static reference::Value seededArgument(func::FuncOp function,
                                       BlockArgument argument, int64_t rows,
                                       uint64_t seed) {
  Type type = argument.getType();
  if (auto memory = dyn_cast<MemoryType>(type)) {
    int64_t width = memory.getWidth();
    return std::make_shared<Memory>(
        Memory{seededTensor({rows, width}, seed),
               seededTensor({rows, width}, seed + 1), indices({0, rows})});
  }
  if (auto cacheType = dyn_cast<CacheType>(type)) {
    auto cache = std::make_shared<Cache>();
    for (int64_t i = 0; i < rows * rows; ++i) // rows slots of rows positions
      cache->rows[{i / rows, i % rows}] = {
          seededTensor({cacheType.getWidth()}, seed + 2 * i).values,
          seededTensor({cacheType.getWidth()}, seed + 2 * i + 1).values};
    return cache;
  }
  if (type.isInteger(64))
    return Tensor({1}, {1}); // how many tokens to keep
  auto tensor = cast<RankedTensorType>(type);
  if (tensor.getElementType().isInteger(32) && tensor.getRank() == 2) {
    return ownSlots(llvm::to_vector(llvm::seq(rows)), rows - 1);
  }
  if (tensor.getElementType().isInteger(32)) {
    StringRef role = roleOf(function, argument);
    if (role == "offsets")
      return indices({0, rows});
    bool shared = role == "rows" || role == "sources" || role == "row_bias";
    return shared ? Tensor({rows}) : iota(rows);
  }
  std::vector<int64_t> shape;
  for (int64_t size : tensor.getShape())
    shape.push_back(ShapedType::isDynamic(size) ? rows : size);
  return seededTensor(std::move(shape), seed);
}

std::vector<reference::Value>
reference::seededArguments(func::FuncOp function, int64_t rows, uint64_t seed) {
  std::vector<reference::Value> values;
  for (BlockArgument argument : function.getArguments()) // far apart seeds
    values.push_back(seededArgument(function, argument, rows,
                                    seed + 1000003 * values.size()));
  return values;
}
