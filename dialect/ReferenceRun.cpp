// Arguments by role, given or seeded, for runs in the reference interpreter.
#include "dialect/ReferenceRun.h"
#include "dialect/Origin.h"
#include "dialect/ReferenceCheck.h"
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

//===-- Batches -----------------------------------------------------------===//

FailureOr<func::FuncOp> BatchRun::entry(StringRef name) {
  func::FuncOp found;
  for (auto function : interpreter.getModule().getOps<func::FuncOp>()) {
    if (entryOf(function) != name)
      continue;
    if (found)
      return function.emitError("expected one function with encdec.entry = \"")
             << name << "\" but got two";
    found = function;
  }
  if (!found)
    return emitError(UnknownLoc::get(interpreter.getModule().getContext()),
                     "expected a function with encdec.entry = \"")
           << name << "\"";
  return found;
}

FailureOr<std::vector<reference::Value>>
BatchRun::arguments(func::FuncOp function, const Given &given) {
  if (failed(checkFunction(function)))
    return failure();
  std::vector<reference::Value> result;
  for (BlockArgument argument : function.getArguments()) {
    unsigned i = argument.getArgNumber();
    Type type = argument.getType();
    auto role = roleOf(function, i);
    if (!role)
      return function.emitError("expected encdec.arg to say what argument ")
             << i << " is but got none";
    if (role->role == Role::logitBias) { // of one row, and nothing is biased
      result.push_back(Tensor({1, widthOf(argument)}));
    } else if (auto known = given.find(role->role); known != given.end()) {
      result.push_back(known->second);
    } else if (isa<MemoryType, CacheType>(type)) {
      auto &[firstType, handle] = handles[*role]; // the same one in every call
      if (!firstType)
        handle = isa<MemoryType>(type)
                     ? reference::Value(std::make_shared<Memory>())
                     : std::make_shared<Cache>();
      else if (firstType != type)
        return function.emitError("expected ")
               << function.getArgAttr(i, kArgAttr)
               << " to be of one type in all entries but got " << firstType
               << " and " << type;
      firstType = type;
      result.push_back(handle);
    } else {
      return function.emitError("expected arguments that a batch gives to ")
             << entryOf(function) << " but got argument " << i
             << ", encdec.arg = " << function.getArgAttr(i, kArgAttr);
    }
  }
  return result;
}

static LogicalResult verifyResults(func::FuncOp step) {
  TypeRange types = step.getResultTypes();
  if (types.size() >= 2 && isTopIdsTensor(types[0]) &&
      isTopValuesTensor(types[1]))
    return success();
  return step.emitError("expected tokens and log-probs to be returned but got ")
         << step.getFunctionType();
}

BatchRun::Given
BatchRun::givenToEncode(ArrayRef<std::vector<int64_t>> sources) {
  // Tokens without a position have the row behind those of all positions (Schema.cpp).
  auto model = interpreter.getModule()->getAttrOfType<DictionaryAttr>(kModelAttr);
  auto number = [&](StringRef key) {
    auto value = model ? model.getAs<IntegerAttr>(key) : IntegerAttr();
    return value ? value.getInt() : -1;
  };
  const int64_t uncountedToken = number("uncounted_token_id"),
                blankPosition = number("max_positions");
  std::vector<int64_t> tokens, positions, rows, starts{0};
  for (auto [b, source] : llvm::enumerate(sources)) {
    int64_t position = 0;
    for (int64_t token : source) {
      tokens.push_back(token);
      bool counted = token != uncountedToken;
      positions.push_back(counted ? position++ : blankPosition);
      rows.push_back(b);
    }
    starts.push_back(tokens.size());
  }
  offsets = indices(starts);
  return {{Role::tokens, indices(tokens)},
          {Role::positions, indices(positions)},
          {Role::rows, indices(rows)},
          {Role::offsets, offsets}};
}

BatchRun::Given BatchRun::givenToStep(ArrayRef<int64_t> tokens,
                                      ArrayRef<int64_t> positions,
                                      const Tensor &ancestors,
                                      ArrayRef<int64_t> sources) {
  return {{Role::tokens, indices(tokens)},
          {Role::positions, indices(positions)},
          {Role::ancestors, ancestors},
          {Role::topK, Tensor({1}, {1})},
          {Role::sources, indices(sources)},
          {Role::offsets, offsets},
          {Role::memory, memory},
          {Role::rowBias, Tensor({int64_t(tokens.size())})}};
}

LogicalResult BatchRun::verify() {
  auto encode = entry("encode"), step = entry("step");
  handles.clear();
  if (failed(encode) || failed(step) ||
      failed(arguments(*encode, givenToEncode({}))) ||
      failed(arguments(*step, givenToStep({}, {}, {}, {}))))
    return failure();
  BlockArgument taken = argumentNamed(*step, "memory");
  TypeRange made = encode->getResultTypes();
  if (taken && (made.empty() || made[0] != taken.getType()))
    return encode->emitError(
               "expected the memory that step takes to be returned, ")
           << taken.getType() << ", but got " << encode->getFunctionType();
  return verifyResults(*step);
}

LogicalResult BatchRun::encode(ArrayRef<std::vector<int64_t>> sources) {
  auto function = entry("encode");
  handles.clear();
  if (failed(function))
    return failure();
  auto values = arguments(*function, givenToEncode(sources));
  if (failed(values))
    return failure();
  auto results = interpreter.run(*function, std::move(*values));
  if (failed(results))
    return failure();
  if (!results->empty() && isRowsTensor(function->getResultTypes()[0]))
    memory = std::get<Tensor>(results->front());
  return success();
}

FailureOr<StepResult> BatchRun::step(ArrayRef<int64_t> tokens,
                                     ArrayRef<int64_t> positions,
                                     const Tensor &ancestors,
                                     ArrayRef<int64_t> sources) {
  auto function = entry("step");
  if (failed(function) || failed(verifyResults(*function)))
    return failure();
  auto values =
      arguments(*function, givenToStep(tokens, positions, ancestors, sources));
  if (failed(values))
    return failure();
  auto results = interpreter.run(*function, std::move(*values));
  if (failed(results))
    return failure();
  const Tensor &best = std::get<Tensor>((*results)[0]);
  if (best.values.size() != tokens.size())
    return function->emitError("expected a token for each of ")
           << tokens.size() << " rows but got " << best.values.size();
  return StepResult{{best.values.begin(), best.values.end()},
                    std::get<Tensor>((*results)[1]).values};
}

FailureOr<std::vector<StepResult>>
BatchRun::greedy(ArrayRef<std::vector<int64_t>> sources, int64_t steps,
                 int64_t start) {
  if (failed(verify()) || failed(encode(sources)))
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

int64_t BatchRun::vocabulary(StringRef entry) {
  int64_t size = 0;
  interpreter.getModule().walk([&](EmbedOp embed) {
    WeightOp table = lookupWeight(embed, embed.getTableAttr());
    if (table && entryOf(embed) == entry)
      size = table.getTensorType().getDimSize(0);
  });
  return size;
}

//===-- Seeded arguments --------------------------------------------------===//

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

// What an argument is: its encdec.arg says it, or its type and, of an index
// argument, how attention uses it. Any f32 tensor is as good as a memory.
static std::optional<Role> seenRole(func::FuncOp function,
                                    BlockArgument argument) {
  if (auto role = roleOf(function, argument.getArgNumber()))
    return role->role;
  Type type = argument.getType();
  for (Role role : {Role::memoryHandle, Role::cacheHandle, Role::topK,
                    Role::ancestors, Role::tokens})
    if (acceptsType(role, type))
      return role;
  if (auto tensor = dyn_cast<RankedTensorType>(type);
      tensor && tensor.getElementType().isF32())
    return Role::memory;
  if (!isIndexTensor(type))
    return std::nullopt;
  Role role = Role::positions;
  for (Operation *user : argument.getUsers())
    llvm::TypeSwitch<Operation *>(user)
        .Case<ScoresOp, ContextOp, SelfAttentionOp, CrossAttentionOp>(
            [&](auto op) {
              if (op.getOffsets() == argument)
                role = Role::offsets;
              else if (op.getRows() == argument)
                role = Role::rows;
            })
        .Case<MemoryProjectOp>([&](auto) { role = Role::offsets; })
        .Case<RelativeBiasOp>([&](auto op) {
          if (op.getOffsets() == argument)
            role = Role::offsets;
        })
        .Case<TopTokensOp, VocabularyOp>([&](auto) { role = Role::rowBias; });
  return role;
}

// Fails after an error where there would be too many of them.
static FailureOr<Tensor> seededNumbers(Location loc, std::vector<int64_t> shape,
                                       uint64_t seed) {
  if (failed(checkSize(loc, RankedTensorType::get(
                                shape, Float32Type::get(loc.getContext())))))
    return failure();
  return seededTensor(std::move(shape), seed);
}

static FailureOr<reference::Value> seededArgument(func::FuncOp function,
                                                  BlockArgument argument,
                                                  int64_t rows, uint64_t seed) {
  auto role = seenRole(function, argument);
  if (!role)
    return function.emitError("no value can be made for argument ")
           << argument.getArgNumber() << " of type " << argument.getType();
  Location loc = argument.getLoc();
  switch (*role) {
  case Role::tokens:
  case Role::positions:
    return reference::Value(iota(rows));
  case Role::rows:
  case Role::sources:
  case Role::rowBias:
    return reference::Value(Tensor({rows}));
  case Role::offsets:
    return reference::Value(indices({0, rows}));
  case Role::ancestors:
    return reference::Value(
        ownSlots(llvm::to_vector(llvm::seq(rows)), rows - 1));
  case Role::topK:
    return reference::Value(Tensor({1}, {1})); // how many tokens to keep
  case Role::logitBias:
  case Role::memory: {
    std::vector<int64_t> shape;
    for (int64_t size : cast<RankedTensorType>(argument.getType()).getShape())
      shape.push_back(ShapedType::isDynamic(size) ? rows : size);
    if (isRelativeBiasTensor(argument.getType()) && sideOf(argument) == Side::encoder)
      shape.back() = 2 * rows - 1; // distances of `rows` keys, both ways
    return seededNumbers(loc, std::move(shape), seed);
  }
  case Role::memoryHandle: {
    int64_t width = cast<MemoryType>(argument.getType()).getWidth();
    auto key = seededNumbers(loc, {rows, width}, seed);
    auto value = seededNumbers(loc, {rows, width}, seed + 1);
    if (failed(key) || failed(value))
      return failure();
    return reference::Value(
        std::make_shared<Memory>(Memory{*key, *value, indices({0, rows})}));
  }
  case Role::cacheHandle: {
    int64_t width = cast<CacheType>(argument.getType()).getWidth();
    if (failed(checkSize(
            loc, RankedTensorType::get({rows, rows, 2, width},
                                       IndexType::get(loc.getContext())))))
      return failure();
    auto cache = std::make_shared<Cache>();
    for (int64_t i = 0; i < rows * rows; ++i) // rows slots of rows positions
      cache->rows[{i / rows, i % rows}] = {
          seededTensor({width}, seed + 2 * i).values,
          seededTensor({width}, seed + 2 * i + 1).values};
    return reference::Value(cache);
  }
  }
  llvm_unreachable("all roles are above");
}

FailureOr<std::vector<reference::Value>>
reference::seededArguments(func::FuncOp function, int64_t rows, uint64_t seed) {
  if (failed(checkFunction(function)))
    return failure();
  std::vector<reference::Value> values;
  for (BlockArgument argument : function.getArguments()) { // far apart seeds
    auto value = seededArgument(function, argument, rows,
                                seed + 1000003 * values.size());
    if (failed(value))
      return failure();
    values.push_back(std::move(*value));
  }
  return values;
}
