//===- Prefix.h - how outputs begin ---------------------------------------===//

#pragma once

#include "runtime/tools/Input.h"
#include "runtime/tools/OptionArguments.h"

#include <memory>
#include <span>

namespace encdec::tools {

/// --prefix, --prefixes and, where sources may be ids, --prefix-ids.
struct PrefixArguments {
  CLI::Option *text = nullptr, *ids = nullptr;
  std::string file;
};
/// Adds the options; `idSources`: the command has --ids.
void addPrefixes(CLI::App *command, PrefixArguments &arguments, bool idSources);

/// What an output begins with; empty: nothing is given.
struct Prefix {
  std::string text;         ///< Of a source that is text.
  std::vector<int32_t> ids; ///< The same in ids.
};

/// The prefixes of a command's sources, in their order.
class Prefixes {
public:
  /// `fromIds`: the sources are ids. All must outlive this. Throws Failure where a prefix
  /// for all sources cannot be read.
  Prefixes(const PrefixArguments &arguments, encdec_model *model,
           const OptionArguments &generation, bool fromIds);

  /// That of the next source. Throws Failure where the file has none or its line cannot be
  /// read.
  Prefix next();
  /// Warns where the file has more lines than there were sources.
  void finish();

  /// What a command shows of an output: `ids` behind the prefix, which is part of the
  /// output. With prefix_bias_beta an output may leave the prefix and has all its ids.
  std::vector<int32_t> whole(const Prefix &prefix, std::span<const int32_t> ids) const;
  bool isFirm() const { return !soft; }

private:
  Prefix read(const std::string &text) const;
  std::vector<int32_t> idsOf(const std::string &text) const;

  const PrefixArguments &arguments;
  encdec_model *model;
  const bool fromIds, soft;
  Prefix all;
  std::unique_ptr<InputFile> file;
  std::unique_ptr<LineReader> lines;
};

/// The ids of an output whose prefix is no part of `ids`.
std::vector<int32_t> behind(std::span<const int32_t> prefix, std::span<const int32_t> ids);
/// The text of target ids.
std::string detokenized(const encdec_model *model, std::span<const int32_t> ids);

} // namespace encdec::tools
