//===- OptionArguments.h - options of generation on a command line --------===//

#pragma once

#include "runtime/tools/Support.h"

#include <nlohmann/json_fwd.hpp>

#include <set>

namespace encdec::tools {

/// What a command line asks of generation.
struct OptionArguments {
  Options options; ///< Of the C API; there once addGenerationOptions was called.
  std::set<std::string, std::less<>> given; ///< Names, "num_beams".

  bool has(std::string_view name) const { return given.contains(name); }
  /// An option's value with this model: as set, else the model's, else the library's.
  nlohmann::json resolve(const encdec_model *model, const char *name) const;
  /// Warns of each option given that changes nothing with this model.
  void warnOfIdle(const encdec_model *model) const;
};

/// Adds an option for each row of the library's table, --length-penalty for length_penalty,
/// in groups by its sections. Flags stand alone or take =false; lists are JSON; "none" lets
/// the model's default not count. Parsing sets the values in `arguments`, which must outlive
/// the parser.
void addGenerationOptions(CLI::App *command, OptionArguments &arguments);

} // namespace encdec::tools
