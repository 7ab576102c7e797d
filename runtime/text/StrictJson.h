//===- StrictJson.h - JSON in which nothing is said twice -----------------===//

#pragma once

#include "runtime/base/Status.h"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace encdec {

/// null, true/false, an integer, any other number, a string.
using JsonScalar =
    std::variant<std::monostate, bool, int64_t, double, std::string>;

/// What a scalar is, for error messages: "a string".
const char *describe(const JsonScalar &scalar);

/// Where a scalar stands: the keys from the outermost object inward; each
/// array on the way adds "[]".
using JsonPath = std::vector<std::string>;
/// May move the path's last key away.
using JsonVisitor = std::function<Status(JsonPath &, JsonScalar &&)>;

/// Calls `visit` for each scalar of a JSON text whose outermost value is an
/// object, in order, and stops at the first error, the visitor's included.
/// BadModel for broken syntax (with the byte), a key twice in one object,
/// nesting deeper than `maxDepth`, an integer beyond 64 bits, invalid UTF-8.
/// Not recursive: depth costs no stack. A visitor that finds equal keys itself
/// says so with `Twins::VisitorFinds` and saves the search for them.
enum class Twins { Refuse, VisitorFinds };
Status visitJson(std::string_view text, size_t maxDepth,
                 const JsonVisitor &visit, Twins twins = Twins::Refuse);

} // namespace encdec
