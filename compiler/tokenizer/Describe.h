//===- Describe.h - a checkpoint folder's tokenizer as a description ------===//

#pragma once

#include "compiler/tokenizer/Description.h"
#include "compiler/tokenizer/TokenizerFile.h"
#include "runtime/base/Status.h"

#include <optional>
#include <string>
#include <vector>

namespace encdec::tokenizer {

/// The files of a checkpoint folder, as the readers ask for them. Tests and
/// fuzzers give contents that lie in memory.
struct Folder {
  std::function<bool(const std::string &name)> has;
  /// The contents; the message of an error names the file.
  std::function<Result<std::string>(const std::string &name)> read;
};

/// The files of the folder at `path`; each may have at most 256 MB.
Folder folderAt(const std::string &path);

struct Options {
  std::string
      name; ///< Of a tokenizer file; empty: chosen by the folder's files.
  As as = As::Trained;
};

struct Described {
  /// None where files are missing, for folders without any, and for tokenizers
  /// that are refused.
  std::optional<TokenizerDescription> description;
  std::vector<std::string>
      missing;                    ///< The files that a description would need.
  std::string refused;            ///< Why a tokenizer file refuses the folder's.
  std::vector<std::string> files; ///< That were read, by name, each once.
};

/// Describes the tokenizer of a folder. BadModel with the file and the key for
/// files that are damaged or at odds with each other, and for missing ones
/// and for refused tokenizers where the options name the tokenizer; Usage for an
/// unknown name.
Result<Described> describeTokenizer(const Folder &folder,
                                    const Options &options);

} // namespace encdec::tokenizer
