//===- TableReader.h - checks a tokenizer's table part by part ------------===//

#pragma once

#include "runtime/text/Table.h"

#include <string>

namespace encdec {

/// Finds parts and checks what they hold, for TokenizerTable::open.
class TableReader {
public:
  TableReader(std::span<const uint8_t> bytes, TokenizerTable &table)
      : bytes(bytes), table(table) {}
  Status read();

private:
  /// Where a part lies; each kind and owner once.
  Status readHeader();
  /// The elements of a part, checked to lie inside; none where it is absent.
  template <typename T> Result<std::span<const T>> part(uint32_t kind, uint32_t owner) const;
  template <typename T> Status readOne(uint32_t kind, uint32_t owner, T &out) const;
  template <typename T>
  Status readAll(uint32_t kind, uint32_t owner, std::span<const T> &out) const;
  Status readTrie(uint32_t kind, uint32_t owner, uint64_t values, Trie &out) const;

  Status readVocabulary(uint32_t number);
  Status readPipeline(uint32_t number);
  Status readModel(uint32_t number, PipelineTable &pipeline);
  Status checkStages(const PipelineTable &pipeline) const;
  Status checkPieces(const PipelineTable &pipeline) const;
  Status checkMerges(const PipelineTable &pipeline) const;
  Status readSide(uint32_t number);
  Status readLanguages();
  Status readDecoder();

  Status checkSpan(encdec_tokenizer_span span, const char *what) const;
  Status checkId(int32_t id, bool orNone, const char *what) const;

  std::span<const uint8_t> bytes;
  TokenizerTable &table;
  std::span<const encdec_tokenizer_part> parts;
};

} // namespace encdec
