// The table of roles, and the verifier of encdec.arg.
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
    {Role::ancestors, "ancestors", isAncestorsTensor,
     "[?, ?] i32 tensor without a side"},
    {Role::logitBias, "logit_bias", isTableTensor,
     "[?, width] f32 tensor without a side"},
    {Role::rowBias, "row_bias", isIndexTensor, kIndexText},
    {Role::top, "top", [](Type type) { return type.isInteger(64); }, "i64"},
    {Role::memory, "memory", isRowsTensor, "[?, width] f32 tensor with a side"},
    {Role::memoryHandle, "memory",
     [](Type type) { return isa<MemoryType>(type); }, "!encdec.memory",
     /*numbered=*/true},
    {Role::cacheHandle, "cache", [](Type type) { return isa<CacheType>(type); },
     "!encdec.cache", /*numbered=*/true}};

std::optional<NumberedRole> encdec::parseRole(StringRef name) {
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
