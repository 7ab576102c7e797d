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

static constexpr Key kGenerationKeys[] = {
    {"decoder_start_token_id", Key::count},
    {"eos_token_ids", Key::list},
    {"pad_token_id", Key::count, 0, kOptional},
    {"max_length", Key::count, 1},
    {"max_new_tokens", Key::count, 1, kOptional},
    {"min_length", Key::count},
    {"min_new_tokens", Key::count, 0, kOptional},
    {"forced_bos_token_id", Key::count, 0, kOptional},
    {"forced_eos_token_ids", Key::list},
    {"bad_token_ids", Key::list},
    {"no_repeat_ngram_size", Key::count, 1, kOptional},
    {"encoder_no_repeat_ngram_size", Key::count, 1, kOptional},
    {"num_beams", Key::count, 1},
    {"length_penalty", Key::number},
    {"early_stopping", Key::text}};

ArrayRef<Key> encdec::keysOf(StringRef attribute) {
  if (attribute == kModelAttr)
    return kModelKeys;
  if (attribute == kGenerationAttr)
    return kGenerationKeys;
  return {};
}

static bool holds(const Key &key, Attribute value) {
  auto count = dyn_cast<IntegerAttr>(value);
  auto list = dyn_cast<DenseI64ArrayAttr>(value);
  auto number = dyn_cast<FloatAttr>(value);
  switch (key.kind) {
  case Key::text:
    return isa<StringAttr>(value);
  case Key::count:
    return count && count.getType().isInteger(64) &&
           count.getInt() >= key.least;
  case Key::list:
    return list && llvm::all_of(list.asArrayRef(), [&](int64_t each) {
             return each >= key.least;
           });
  case Key::number:
    return number && number.getType().isF64();
  }
  llvm_unreachable("all kinds are above");
}

static std::string textOf(const Key &key) {
  std::string least = std::to_string(key.least);
  switch (key.kind) {
  case Key::text:
    return "a string";
  case Key::count:
    return "an i64 from " + least + " on";
  case Key::list:
    return "an array<i64> of numbers from " + least + " on";
  case Key::number:
    return "an f64";
  }
  llvm_unreachable("all kinds are above");
}

LogicalResult encdec::verifyDictionary(Operation *op,
                                       NamedAttribute attribute) {
  StringRef name = attribute.getName();
  ArrayRef<Key> keys = keysOf(name);
  auto dictionary = dyn_cast<DictionaryAttr>(attribute.getValue());
  if (!isa<ModuleOp>(op) || !dictionary)
    return op->emitOpError("expected ")
           << name << " to be a dictionary of a module but got "
           << attribute.getValue();
  for (NamedAttribute entry : dictionary) {
    StringRef got = entry.getName();
    const Key *nearest = llvm::min_element(keys, [&](auto &a, auto &b) {
      return got.edit_distance(a.name) < got.edit_distance(b.name);
    });
    if (got != nearest->name)
      return op->emitOpError("expected a key of ")
             << name << " but got \"" << got << "\"; did you mean \""
             << nearest->name << "\"?";
  }
  for (const Key &key : keys) {
    Attribute value = dictionary.get(key.name);
    if (value ? holds(key, value) : key.optional)
      continue;
    InFlightDiagnostic error = op->emitOpError("expected key \"")
                               << key.name << "\" of " << name << " to be "
                               << textOf(key) << " but got ";
    return value ? error << value : error << "none";
  }
  return success();
}
