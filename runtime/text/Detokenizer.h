//===- Detokenizer.h - ids to text, as they come --------------------------===//

#pragma once

#include "runtime/text/Tokenizer.h"

namespace encdec {

/// Turns ids into text one by one. What push() and finish() give, joined, is the text that
/// Tokenizer::decode gives for all ids at once, because that is how decode() works. Text
/// that a later id may still change is held back: incomplete characters, spaces that may
/// turn out to be the last. Borrows the tokenizer; one thread at a time.
class Detokenizer {
public:
  explicit Detokenizer(const Tokenizer &tokenizer);

  /// Appends the text that is certain after one more id. Usage for a negative id, which
  /// changes nothing.
  Status push(int32_t id, std::string &out);
  /// Appends the rest. Nothing may be pushed afterwards.
  void finish(std::string &out);

private:
  /// A replacement of one string in the whole text, step by step.
  struct Replacement {
    std::string_view from, to;
    std::string held{}; ///< Text that may be the start of `from`.
    void push(std::string_view text, std::string &out);
  };

  void addSurface(uint32_t kind, std::string_view text);
  void addBytes(std::string_view bytes);
  /// Moves bytes that are certain to `ready`; all of them where none can follow.
  void flushBytes(bool atEnd);
  void flushRun();
  void addText(std::string_view text, bool isSpaced);
  /// Hands on what addText made: ends are stripped, spaces cleaned up.
  void handOn(std::string &out, bool atEnd);
  std::string strip(std::string_view text, bool atEnd);
  void cleanUp(std::string text, std::string &out, bool atEnd);

  const TokenizerTable &table;
  const encdec_tokenizer_decoder &rules;
  std::string bytes; ///< Bytes of characters that are not whole yet.
  std::string ready; ///< Text that is whole, to be handed on.
  std::string heldCharacters, heldSpaces; ///< What strip() keeps back; spaces stand first.
  bool isGroupEmpty = true; ///< No text since the start, or the last unnamed id.
  bool tookLead = false;    ///< LEAD_SPACE has taken its space.
  bool isFirst = true;      ///< No name has come yet.
  uint32_t leads = 0;       ///< Characters that may still be stripped at the front.
  bool hasText = false;     ///< Text has passed strip().
  std::vector<Replacement> cleanUps;
};

} // namespace encdec
