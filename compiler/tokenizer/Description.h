//===- Description.h - what a tokenizer does, whatever its files look like ===//
//
// Readers of tokenizer files fill a TokenizerDescription, the writer (Table.h) turns it
// into the table that the runtime maps (include/encdec/tokenizer.h). A description is
// data: a reader that needs what no description says makes it say more.
//
// The way of a text to ids, of ids to a text:
//
//   text ─ added tokens, raw ─ leading code ─ normalizers ─ added tokens, normalized
//        ─ pre-tokenizers ─ model ─ prefix and suffix ─▶ ids
//   ids  ─ names, skipped ones left out ─ decoder stages ─ clean-up ─▶ text
//
// Strings are UTF-8 as the files spell them, but for ModelDescription::byteLevel.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace encdec::tokenizer {

// --- Normalizers: from a text to the text that the model is given ------------

/// What becomes what, as SentencePiece precompiles it; readCharsMap (CharsMap.h) makes one
/// of a precompiled_charsmap's bytes and checks it.
struct CharsMap {
  std::vector<uint32_t> units; ///< A double array of darts-clone; none: nothing.
  std::string strings;         ///< Replacements, each ended by a zero.
};

/// SentencePiece's whole normalizer (its src/normalizer.cc): character map, U+FFFD for
/// each broken byte, whitespace, the space in front. User-defined pieces of the
/// pipeline's model pass unchanged.
struct SentencePieceNormalizer {
  CharsMap charsMap; ///< The longest key that matches; empty: characters stay.
  bool addDummyPrefix = true;
  bool removeExtraWhitespaces = true;
  bool escapeWhitespaces = true;
  bool whitespaceAsSuffix = false;
};
/// tokenizers' Precompiled: the same map, applied to grapheme clusters of up to 5 bytes,
/// else to characters, with the first (shortest) key that matches.
struct PrecompiledNormalizer {
  CharsMap charsMap;
};
enum class UnicodeForm : uint8_t { Nfc, Nfd, Nfkc, Nfkd };
struct UnicodeNormalizer {
  UnicodeForm form = UnicodeForm::Nfc;
};
struct LowercaseNormalizer {};
/// What a Replace looks for: at each place the first alternative that matches. A literal
/// is one alternative {literal, 1, 1}; " {2,}" is {" ", 2, 0}; "\s{2,}|[\n\r\t]" is
/// {whitespace, 2, 0}, {"\n\r\t" as a class, 1, 1}. No other regexes are described.
struct ReplacePattern {
  enum class Kind : uint8_t {
    Literal,    ///< `text` as a whole, exactly once.
    Class,      ///< Characters of `text`.
    Whitespace, ///< Characters of \s (Unicode's White_Space).
  };
  Kind kind = Kind::Literal;
  std::string text;
  uint32_t atLeast = 1; ///< Length of a run; not for Literal.
  uint32_t atMost = 1;  ///< 0: no limit.
};
struct ReplaceNormalizer {
  std::vector<ReplacePattern> alternatives;
  std::string content;  ///< Stands for each match.
  bool atStart = false; ///< Only a match at the start of the text counts.
};
/// Characters at the ends are dropped.
struct StripNormalizer {
  bool left = true, right = true;
  std::string characters; ///< Which; empty: whitespace (Unicode's White_Space).
};
/// Put in front of a text that is not empty.
struct PrependNormalizer {
  std::string text;
};

/// A pipeline has these in order; a SentencePieceNormalizer stands alone.
using NormalizerStage =
    std::variant<SentencePieceNormalizer, PrecompiledNormalizer, UnicodeNormalizer,
                 LowercaseNormalizer, ReplaceNormalizer, StripNormalizer,
                 PrependNormalizer>;

// --- Pre-tokenizers: a normalized text into words ------------------------------

/// In front of which words a Metaspace puts its symbol.
enum class PrependScheme : uint8_t {
  Never,
  Always,
  First, ///< Only where the word starts the whole text.
};
/// Splits at whitespace, which is dropped.
struct WhitespaceSplit {};
/// ' ' becomes U+2581, one more stands in front as `prepend` says, unless the word starts
/// with one; with `split`, each U+2581 starts a word.
struct Metaspace {
  PrependScheme prepend = PrependScheme::Always;
  bool split = true;
};
/// With `split`, the pattern of GPT-2 splits. For models with `byteLevel`.
struct ByteLevelSplit {
  bool addPrefixSpace = false; ///< A space in front, unless one is there.
  bool split = true;
};
/// Each of the texts is a word of its own, and so is what stands between them. Where
/// several match, the first of the list counts. A pipeline has one such stage.
struct LiteralSplit {
  std::vector<std::string> literals;
};
using PreTokenizerStage =
    std::variant<WhitespaceSplit, Metaspace, ByteLevelSplit, LiteralSplit>;

// --- The model: a word into pieces ------------------------------------------------

/// Numbered as SentencePiece's schema does.
enum class PieceType : uint8_t {
  Normal = 1,
  Unknown = 2,     ///< Never found in a text.
  Control = 3,     ///< Never found in a text; decodes to nothing with SentencePiece.
  UserDefined = 4, ///< Always wins over other pieces.
  Unused = 5,      ///< Known, never made.
  Byte = 6,        ///< "<0x0A>"; found by its spelling with `doubleScores` alone.
};
struct PieceDescription {
  std::string text; ///< As the file spells it, U+2581 and byte alphabet included.
  double score = 0; ///< Unigram: log-probability; MergesByScore: greater merges first.
  PieceType type = PieceType::Normal;
  int32_t id = -1; ///< The model's id; -1: none, the piece reads as the unknown one.
};

enum class ModelKind : uint8_t {
  Unigram,       ///< The most probable pieces.
  MergesByScore, ///< SentencePiece's BPE: two neighbours merge where a piece spells them.
  MergesByRank,  ///< tokenizers' BPE: `merges` in their order.
  Bytes,         ///< Byte b is id firstByteId + b. No pieces.
};
struct ModelDescription {
  ModelKind kind = ModelKind::Unigram;
  std::vector<PieceDescription> pieces;
  /// MergesByRank: indices of pieces that merge into the piece that spells both; the
  /// first merges first.
  std::vector<std::pair<uint32_t, uint32_t>> merges;
  int32_t unkId = -1; ///< Of unknown characters; -1: they are dropped.
  bool byteFallback = false; ///< Unknown characters become Byte pieces; all 256 are there.
  bool fuseUnknown = true;   ///< A run of unknown characters is one id.
  /// MergesByRank: a word that is a piece is that piece, whatever the merges say.
  bool ignoreMerges = false;
  /// MergesByRank: pieces are spelt in GPT-2's byte alphabet; words are bytes.
  bool byteLevel = false;
  /// Unigram: scores are summed in double, and an unknown character scores 10 below the
  /// worst piece of all, and a text may spell byte pieces, as in tokenizers. Without it: in float, and 10 below the worst
  /// normal piece, as in SentencePiece.
  bool doubleScores = false;
  /// An unknown run whose text the vocabulary names is that id, unless
  /// that id is an added token's.
  bool unknownByName = false;
  int32_t firstByteId = 0; ///< Bytes.
};

// --- Special tokens --------------------------------------------------------------

/// A token that is cut out of texts before the model sees them.
struct AddedToken {
  std::string text;
  int32_t id = 0;
  /// Becomes its id in any text (sentinels, user-defined pieces, languages); without it
  /// only where the user asks for special tokens (control tokens such as "</s>").
  bool always = false;
  bool lstrip = false, rstrip = false; ///< Takes the whitespace beside it.
  bool singleWord = false; ///< Only where no word character is beside it.
  bool normalized = false; ///< Looked for in the normalized text, in normalized form.
};

/// A piece of a template: an id, or the id of a language.
struct TemplateItem {
  enum class Kind : uint8_t { Id, SourceLanguage, TargetLanguage };
  Kind kind = Kind::Id;
  int32_t id = 0;
};

/// All that turns a text into ids.
struct PipelineDescription {
  std::vector<AddedToken> addedTokens;
  /// A fragment that starts with ">>" has, up to its first "<<", one token, the
  /// id that the vocabulary gives it, or the unknown one.
  bool leadingCode = false;
  std::vector<NormalizerStage> normalizers;
  std::vector<PreTokenizerStage> preTokenizers;
  ModelDescription model;
  uint32_t vocabulary = 0; ///< Index into TokenizerDescription::vocabularies.
  bool trimOffsets = false; ///< Offsets leave out spaces at a token's ends (ByteLevel).
};

/// Names of ids, one to one; ids may have gaps. Holds every id of pieces and added
/// tokens that has a name, as the reference's convert_ids_to_tokens spells it.
struct VocabularyDescription {
  std::vector<std::pair<std::string, int32_t>> names;
};

/// One direction in which text becomes ids.
struct SideDescription {
  uint32_t pipeline = 0; ///< Index into TokenizerDescription::pipelines.
  std::vector<TemplateItem> prefix, suffix; ///< Around a text's ids.
  /// No suffix where the ids end with its first id already.
  bool suffixOnce = false;
};

// --- Languages ---------------------------------------------------------------------

struct LanguageDescription {
  std::string code; ///< As the checkpoint names it: "fra_Latn", "fr_XX", "fr", ">>fra<<".
  /// Other names that choose it: "fr", "fra". One that several languages have is refused
  /// when it is used, with their list.
  std::vector<std::string> aliases;
  int32_t id = -1; ///< Of its token.
};
struct LanguagePlacement {
  std::vector<LanguageDescription> languages; ///< By ascending id.
  int32_t defaultSource = -1; ///< Indices into `languages`; -1: none, and items of a
  int32_t defaultTarget = -1; ///< template that need it are left out.
  bool forcedFirst = false;   ///< The target language is the first token generated.
  bool decoderStart = false;  ///< The target language is the decoder's start token.
  /// The target language's token stands as text in front of the source text, followed by
  /// this string ("" or " "): ">>x<<", "<2x>".
  std::optional<std::string> inText;
};

// --- Decoding -------------------------------------------------------------------

/// SentencePiece's DecodePieces, by the types of the model's pieces: byte pieces join to
/// characters, one U+FFFD for each byte of broken UTF-8; control pieces are left out.
struct SentencePieceDecoder {
  bool stripsLeadingSpace = true; ///< addDummyPrefix or removeExtraWhitespaces.
  bool collapsesSpaces = true;    ///< removeExtraWhitespaces.
  std::string unkSurface = " \xE2\x81\x87 ";
};
/// U+2581 is ' '; but nothing in the first name, unless `prepend` is Never.
struct MetaspaceDecoder {
  PrependScheme prepend = PrependScheme::Always;
};
/// In each name, `from` becomes `to`.
struct ReplaceDecoder {
  std::string from, to;
};
/// Runs of names "<0xNN>" are bytes; a run that is no UTF-8 is U+FFFD for each byte.
struct ByteFallbackDecoder {};
/// GPT-2's byte alphabet back to bytes; broken UTF-8 becomes U+FFFD, one for each maximal
/// part of a character (as Python's errors="replace").
struct ByteLevelDecoder {};
/// Up to `start` characters `from` at the front of the text, up to `stop` at its end.
struct StripDecoder {
  std::string from = " ";
  uint32_t start = 0, stop = 0;
};
/// Ids are bytes; broken UTF-8 is left out (as Python's errors="ignore").
struct BytesDecoder {};
using DecoderStage =
    std::variant<SentencePieceDecoder, MetaspaceDecoder, ReplaceDecoder,
                 ByteFallbackDecoder, ByteLevelDecoder, StripDecoder, BytesDecoder>;

struct DecoderDescription {
  uint32_t vocabulary = 0; ///< Of the target.
  uint32_t pipeline = 0; ///< Whose model says what kind of piece a name is.
  std::vector<int32_t> skipped; ///< Ids that are left out: special tokens.
  std::vector<DecoderStage> stages;
  /// What an id without a name decodes to, as "<unk> ". Nothing for most.
  std::string unnamed;
  /// U+2581 that is left in the text, of names that are no pieces, is ' '.
  bool spacesAtLast = false;
  bool stripWhitespace = false; ///< Python's str.strip() of the whole text.
  bool cleanUpSpaces = false;   ///< Transformers' clean_up_tokenization.
};

struct TokenizerDescription {
  std::string kind; ///< For people and the manifest: the tokenizer file's name.
  std::vector<VocabularyDescription> vocabularies; ///< One, or source's and target's.
  std::vector<PipelineDescription> pipelines;
  SideDescription source, target;
  DecoderDescription decoder;
  LanguagePlacement languages;
  /// Ids of the source's side; -1 where there is none.
  int32_t eosId = -1, unkId = -1, padId = -1, bosId = -1;
};

} // namespace encdec::tokenizer
