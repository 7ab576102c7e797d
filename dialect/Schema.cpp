// The tables of roles and keys, and the verifiers that read them.
#include "dialect/Schema.h"

using namespace mlir;
using namespace encdec;

//===-- Roles of arguments ------------------------------------------------===//

namespace {
struct RoleRow {
  Role role;
  StringLiteral name;
  bool (*accepts)(Type);
  StringLiteral type;    // in words
  bool numbered = false; // name.0, name.1, …
};
} // namespace

static constexpr StringLiteral kIndexText = "[?] i32 tensor without a side";
static constexpr RoleRow kRoles[] = {
    {Role::tokens, "tokens", isIdsTensor, "[?] i32 tensor with a side"},
    {Role::positions, "positions", isIndexTensor, kIndexText},
    {Role::rows, "rows", isIndexTensor, kIndexText},
    {Role::sources, "sources", isIndexTensor, kIndexText},
    {Role::offsets, "offsets", isIndexTensor, kIndexText},
    {Role::ancestors, "ancestors", isAncestorsTensor, "[?, ?] i32 tensor without a side"},
    {Role::logitBias, "logit_bias", isLogitBiasTensor,
     "[?, width] f32 tensor without a side"},
    {Role::rowBias, "row_bias", isIndexTensor, kIndexText},
    {Role::topK, "top_k", [](Type type) { return type.isInteger(64); }, "i64"},
    {Role::memory, "memory", isRowsTensor, "[?, width] f32 tensor with a side"},
    {Role::memoryHandle, "memory", [](Type type) { return isa<MemoryType>(type); },
     "!encdec.memory",
     /*numbered=*/true},
    {Role::cacheHandle, "cache", [](Type type) { return isa<CacheType>(type); },
     "!encdec.cache", /*numbered=*/true}};

static std::optional<NumberedRole> parseRole(StringRef name) {
  for (const RoleRow &row : kRoles) {
    if (!row.numbered && name == row.name)
      return NumberedRole{row.role};
    StringRef number = name;
    uint32_t n = 0;
    if (row.numbered && number.consume_front(row.name) &&
        number.consume_front(".") && !number.getAsInteger(10, n) &&
        std::to_string(n) == number)
      return NumberedRole{row.role, n};
  }
  return std::nullopt;
}

std::optional<NumberedRole> encdec::roleOf(func::FuncOp function,
                                           unsigned argument) {
  auto name = function.getArgAttrOfType<StringAttr>(argument, kArgAttr);
  return name ? parseRole(name.getValue()) : std::nullopt;
}

static const RoleRow &rowOf(Role role) {
  return *llvm::find_if(kRoles,
                        [&](const RoleRow &row) { return row.role == role; });
}

bool encdec::acceptsType(Role role, Type type) {
  return rowOf(role).accepts(type);
}

LogicalResult EncDecDialect::verifyRegionArgAttribute(
    Operation *op, unsigned, unsigned argument, NamedAttribute attribute) {
  if (attribute.getName() != kArgAttr)
    return success();
  auto function = dyn_cast<func::FuncOp>(op);
  if (!function)
    return op->emitOpError(
        "expected encdec.arg on arguments of a func.func only");
  auto name = dyn_cast<StringAttr>(attribute.getValue());
  auto role = name ? parseRole(name.getValue()) : std::nullopt;
  if (!role) {
    InFlightDiagnostic diagnostic =
        op->emitOpError("expected encdec.arg to be one of ");
    for (const RoleRow &row : kRoles)
      diagnostic << '"' << row.name << (row.numbered ? ".N" : "") << "\", ";
    return diagnostic << "but got " << attribute.getValue();
  }
  const RoleRow &row = rowOf(role->role);
  Type type = function.getArgumentTypes()[argument];
  if (!row.accepts(type))
    return op->emitOpError("expected argument ")
           << argument << ", encdec.arg = " << name << ", to be of type "
           << row.type << " but got " << type;
  for (unsigned earlier = 0; earlier < argument; ++earlier)
    if (roleOf(function, earlier) == role)
      return op->emitOpError("expected one argument with encdec.arg = ")
             << name << " but got arguments " << earlier << " and " << argument;
  return success();
}

//===-- Dictionaries of the module ----------------------------------------===//

static constexpr bool kOptional = true;
// The positions of a source count its tokens but those of uncounted_token_id, which stand at
// the position behind the last one, max_positions.
static constexpr Key kModelKeys[] = {{"family", Key::text},
                                     {"d_model", Key::count, 1},
                                     {"encoder_layers", Key::count, 1},
                                     {"decoder_layers", Key::count, 1, kOptional},
                                     {"encoder_heads", Key::count, 1},
                                     {"decoder_heads", Key::count, 1, kOptional},
                                     {"encoder_ffn", Key::count, 1},
                                     {"decoder_ffn", Key::count, 1, kOptional},
                                     {"vocab_size", Key::count, 1, kOptional},
                                     {"source_vocab_size", Key::count, 1},
                                     {"max_positions", Key::count, 1},
                                     {"uncounted_token_id", Key::count, 0, kOptional}};

ArrayRef<Key> encdec::modelKeys() { return kModelKeys; }

static bool holds(const Key &key, Attribute value) {
  auto count = dyn_cast<IntegerAttr>(value);
  return key.kind == Key::text ? isa<StringAttr>(value)
                               : count && count.getType().isInteger(64) &&
                                     count.getInt() >= key.least;
}

static std::string textOf(const Key &key) {
  return key.kind == Key::text ? "a string"
                               : "an i64 from " + std::to_string(key.least) + " on";
}

/// Whether a value can stand in JSON as it is: what encdec.generation holds.
static bool isPlainValue(Attribute value) {
  if (auto list = dyn_cast<ArrayAttr>(value))
    return llvm::all_of(list, isPlainValue);
  if (auto number = dyn_cast<FloatAttr>(value))
    return number.getType().isF64() && number.getValue().isFinite();
  auto count = dyn_cast<IntegerAttr>(value);
  return isa<StringAttr, BoolAttr>(value) || (count && count.getType().isInteger(64));
}

static LogicalResult verifyModel(Operation *op, DictionaryAttr dictionary) {
  for (NamedAttribute entry : dictionary) {
    StringRef got = entry.getName();
    const Key *nearest = llvm::min_element(kModelKeys, [&](auto &a, auto &b) {
      return got.edit_distance(a.name) < got.edit_distance(b.name);
    });
    if (got != nearest->name)
      return op->emitOpError("expected a key of ")
             << kModelAttr << " but got \"" << got << "\"; did you mean \""
             << nearest->name << "\"?";
  }
  for (const Key &key : kModelKeys) {
    Attribute value = dictionary.get(key.name);
    if (value ? holds(key, value) : key.optional)
      continue;
    InFlightDiagnostic error = op->emitOpError("expected key \"")
                               << key.name << "\" of " << kModelAttr << " to be "
                               << textOf(key) << " but got ";
    return value ? error << value : error << "none";
  }
  return success();
}

static LogicalResult verifyGeneration(Operation *op, DictionaryAttr dictionary) {
  for (NamedAttribute entry : dictionary)
    if (!isPlainValue(entry.getValue()))
      return op->emitOpError("expected key \"")
             << entry.getName().getValue() << "\" of " << kGenerationAttr
             << " to be true, false, an i64, a finite f64, a string or an array of such "
                "values but got "
             << entry.getValue();
  return success();
}

LogicalResult encdec::verifyDictionary(Operation *op, NamedAttribute attribute) {
  auto dictionary = dyn_cast<DictionaryAttr>(attribute.getValue());
  if (!isa<ModuleOp>(op) || !dictionary)
    return op->emitOpError("expected ")
           << attribute.getName().getValue() << " to be a dictionary of a module but got "
           << attribute.getValue();
  return attribute.getName() == kModelAttr ? verifyModel(op, dictionary)
                                           : verifyGeneration(op, dictionary);
}
