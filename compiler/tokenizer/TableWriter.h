//===- TableWriter.h - the parts of a table, while it is written ----------===//

#pragma once

#include "compiler/tokenizer/Description.h"
#include "compiler/tokenizer/StringIndex.h"
#include "encdec/tokenizer.h"
#include "runtime/base/Status.h"

#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace encdec::tokenizer {

/// Collects parts and texts, and lays them out. The writers of the parts (Pipeline.cpp,
/// Surfaces.cpp, Table.cpp) fill one.
class TableWriter {
public:
  /// The place of `text`, which is UTF-8, in the part TEXT; equal texts share one.
  encdec_tokenizer_span text(std::string_view text) { return texts.place(text); }
  /// The place of any bytes in the part RAW.
  encdec_tokenizer_span raw(std::string_view bytes) { return raws.place(bytes); }

  /// A part of plain structs or numbers; nothing for no elements.
  template <typename T>
  void add(uint32_t kind, uint32_t owner, std::span<const T> elements) {
    if (elements.empty())
      return;
    parts.push_back({{kind, owner, 0, elements.size()},
                     std::string(reinterpret_cast<const char *>(elements.data()),
                                 elements.size_bytes())});
  }
  template <typename T>
  void add(uint32_t kind, uint32_t owner, const std::vector<T> &elements) {
    add(kind, owner, std::span<const T>(elements));
  }
  template <typename T> void addOne(uint32_t kind, uint32_t owner, const T &element) {
    add(kind, owner, std::span<const T>(&element, 1));
  }

  /// The whole table; `header` lacks its magic, version, count of parts and size.
  Result<std::string> finish(encdec_tokenizer_header header);

private:
  struct Part {
    encdec_tokenizer_part entry;
    std::string bytes;
  };
  struct Pool {
    encdec_tokenizer_span place(std::string_view text);
    std::string bytes;
    std::vector<encdec_tokenizer_span> spans; ///< Of bytes, no two of one text.
    StringIndex numbers;                      ///< Of spans.
  };
  std::vector<Part> parts;
  Pool texts, raws;
};

/// Adds all that a pipeline holds.
Status writePipeline(TableWriter &table, const PipelineDescription &pipeline,
                     uint32_t number);

/// Adds how ids decode. `model` says what kind of piece a name is.
Status writeDecoder(TableWriter &table, const DecoderDescription &decoder,
                    const VocabularyDescription &vocabulary, const ModelDescription &model);

/// BadModel unless `id` is an id, or -1 where `orNone`. `what` names it.
Status checkId(int64_t id, bool orNone, const std::string &what);

} // namespace encdec::tokenizer
