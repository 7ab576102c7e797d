//===- TrieBuilder.h - builds the tries of include/encdec/tokenizer.h -----===//

#pragma once

#include "runtime/base/Status.h"

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace encdec::tokenizer {

/// A text and its value, >= 0.
using TrieEntry = std::pair<std::string_view, int32_t>;

/// The units of a trie that holds `entries`, whose texts are distinct and not empty; no
/// units for no entries. The units depend on the entries alone, not on their order.
/// Limit where they are more than a trie can address.
Result<std::vector<uint64_t>> buildTrie(std::vector<TrieEntry> entries);

} // namespace encdec::tokenizer
