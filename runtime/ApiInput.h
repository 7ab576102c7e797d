//===- ApiInput.h - the C API: what is read of a source -------------------===//

#pragma once

#include "runtime/ApiSupport.h"
#include "runtime/base/GenerationOptions.h"

namespace encdec::runtime::api {

/// The ids of one source, and what its caller should know of them.
struct Input {
  std::vector<int32_t> ids;
  uint64_t cut = 0;     ///< Ids that truncation has cut off.
  std::string warnings; ///< One a line.

  void warn(std::string_view sentence) {
    warnings.append(warnings.empty() ? "" : "\n").append(sentence);
  }
};

/// Ids of a text, with nothing cut.
Result<Input> readText(const Model &model, std::string_view text,
                       const GenerationOptions &options);

/// A source beyond the model's positions is refused or, where `truncate` says so, its text
/// is cut at the end, so that the ids around the text stay.
Status fit(const Model &model, bool truncate, Input &input);

/// Has the target language begin what is generated, as far as the model wants that. A
/// call's own forced token is overridden by a language that the call names, never by the
/// model's default language.
Status forceLanguage(const Model &model, GenerationOptions &options);

} // namespace encdec::runtime::api
