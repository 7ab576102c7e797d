/* tokenizer.h: the table that a tokenizer is in a bundle and in a model image.
 *
 * The compiler reads a checkpoint's tokenizer files, whatever their form, and writes one
 * table; the runtime maps it and builds nothing. Plain C11 / C++20, little-endian.
 *
 *   encdec_tokenizer_header
 *   encdec_tokenizer_part[part_count]
 *   the parts, each at an offset divisible by 8, in any order; offsets count from the
 *   start of the table
 *
 * A reader trusts nothing: it checks each part against the table's size and each number
 * against what the number indexes, in time linear in the table. Change anything here and
 * ENCDEC_TOKENIZER_VERSION must change with it.
 */
#ifndef ENCDEC_TOKENIZER_H
#define ENCDEC_TOKENIZER_H

#include <stdint.h>

#define ENCDEC_TOKENIZER_MAGIC "ENCDTOK\x1a"
#define ENCDEC_TOKENIZER_VERSION 2
#define ENCDEC_TOKENIZER_NONE UINT32_MAX /* no name, no piece */

/* Limits that bound time and memory, for writers and readers. */
#define ENCDEC_TOKENIZER_MAX_IDS 4000000     /* ids lie below */
#define ENCDEC_TOKENIZER_MAX_PIECE_BYTES 1024
#define ENCDEC_TOKENIZER_MAX_KEY_BYTES 256 /* and bytes of what a key becomes */
#define ENCDEC_TOKENIZER_MAX_TEXT_BYTES (UINT32_C(16) << 20) /* of one text to encode */

typedef struct encdec_tokenizer_header {
  char magic[8];
  uint32_t version;
  uint32_t part_count;
  uint64_t size; /* of the whole table */
  char kind[24]; /* for people: a tokenizer file's name; zero-terminated, zero-filled */
  int32_t eos_id, unk_id, pad_id, bos_id; /* of the source's side; -1: none */
  uint32_t source_ids; /* one more than the greatest id that a source can have */
  uint32_t vocabulary_count; /* 1 or 2 */
  uint32_t pipeline_count;   /* 1 ... 3 */
  uint32_t reserved;         /* 0 */
} encdec_tokenizer_header;

/* What a part holds. `owner` is the number of the vocabulary or pipeline, of the side
 * (0 source, 1 target), or 0. A part that is absent has count 0. */
enum {
  ENCDEC_TOKENIZER_TEXT = 1,       /* UTF-8 that spans index, at whole characters */
  ENCDEC_TOKENIZER_NAMES = 2,      /* vocabulary: encdec_tokenizer_span by id */
  ENCDEC_TOKENIZER_NAME_INDEX = 3, /* vocabulary: uint32_t hash table, see below */
  ENCDEC_TOKENIZER_PIPELINE = 4,   /* pipeline: one encdec_tokenizer_pipeline */
  ENCDEC_TOKENIZER_STAGES = 5,     /* pipeline: encdec_tokenizer_stage, in order */
  ENCDEC_TOKENIZER_CHARS_TRIE = 6, /* pipeline: uint32_t units of a character map */
  ENCDEC_TOKENIZER_CHARS = 7,      /* pipeline: its strings, each ended by a zero */
  ENCDEC_TOKENIZER_ADDED = 8,      /* pipeline: encdec_tokenizer_added */
  ENCDEC_TOKENIZER_ADDED_TRIE = 9, /* pipeline: trie of those not normalized */
  ENCDEC_TOKENIZER_NORMALIZED_TRIE = 10, /* pipeline: trie of the normalized ones */
  ENCDEC_TOKENIZER_PIECES = 11,      /* pipeline: encdec_tokenizer_piece */
  ENCDEC_TOKENIZER_PIECE_TRIE = 12,  /* pipeline: trie of pieces found in texts */
  ENCDEC_TOKENIZER_USER_TRIE = 13,   /* pipeline: trie of user-defined pieces */
  ENCDEC_TOKENIZER_BYTE_PIECES = 14, /* pipeline: 256 uint32_t, or none: with
                                        BYTE_FALLBACK the byte pieces, with BYTE_LEVEL
                                        the pieces of one byte */
  ENCDEC_TOKENIZER_MERGES = 15,      /* pipeline: encdec_tokenizer_merge hash table */
  ENCDEC_TOKENIZER_PREFIX = 16,      /* side: encdec_tokenizer_item */
  ENCDEC_TOKENIZER_SUFFIX = 17,      /* side: encdec_tokenizer_item */
  ENCDEC_TOKENIZER_SIDE = 18,        /* side: one encdec_tokenizer_side */
  ENCDEC_TOKENIZER_LANGUAGES = 19,   /* encdec_tokenizer_language */
  ENCDEC_TOKENIZER_ALIASES = 20,     /* encdec_tokenizer_alias */
  ENCDEC_TOKENIZER_PLACEMENT = 21,   /* one encdec_tokenizer_placement */
  ENCDEC_TOKENIZER_DECODER = 22,     /* one encdec_tokenizer_decoder */
  ENCDEC_TOKENIZER_SURFACES = 23,    /* encdec_tokenizer_surface by id of the target */
  ENCDEC_TOKENIZER_RAW = 24,         /* bytes of SURFACE_BYTES, which need be no UTF-8 */
  ENCDEC_TOKENIZER_LITERALS_TRIE = 25 /* pipeline: trie of texts that are words; where
                                         several match, the lowest value counts */
};

typedef struct encdec_tokenizer_part {
  uint32_t kind;  /* ENCDEC_TOKENIZER_*; each pair of kind and owner once */
  uint32_t owner;
  uint64_t offset; /* divisible by 8 */
  uint64_t count;  /* of elements */
} encdec_tokenizer_part;

/* Bytes of TEXT; offset ENCDEC_TOKENIZER_NONE: none at all (an id without a name). */
typedef struct encdec_tokenizer_span {
  uint32_t offset, length;
} encdec_tokenizer_span;

/* --- Tries ------------------------------------------------------------------------
 * A double array of uint64_t units; unit 0 is the root, units 1 ... 255 are unused.
 *   bits 0..7    label: the byte that leads here
 *   bit 8        in use; without it, no byte leads here
 *   bits 9..36   base; 0: no children
 *   bits 37..63  value + 1; 0: none
 * The child of a unit for byte b is unit base ^ b, if bits 0..8 of that unit are
 * 256 | b. The count of units is a multiple of 256, and every base lies below it. */
#define ENCDEC_TOKENIZER_TRIE_LABEL(unit) ((uint32_t)(unit) & 511u)
#define ENCDEC_TOKENIZER_TRIE_BASE(unit) ((uint32_t)((unit) >> 9) & 0xFFFFFFFu)
#define ENCDEC_TOKENIZER_TRIE_VALUE(unit) ((int32_t)((unit) >> 37) - 1)

/* --- Character maps ------------------------------------------------------------------
 * CHARS_TRIE is a double array as darts-clone writes them (its include/darts.h,
 * DoubleArrayUnit) and SentencePiece's models hold them, a multiple of 256 units:
 *   bits 0..7   label: the byte that leads here; with bit 31 set this is a
 *               leaf whose low 31 bits are the value
 *   bit 8       has leaf: child 0 holds a value
 *   bits 9..31  offset: bits 10..30, shifted left by 8 if bit 9 is set
 * The child of unit i for byte c is unit i ^ offset(i) ^ c, if its label is c. A value is
 * the place of a string in CHARS. Keys have at most ENCDEC_TOKENIZER_MAX_KEY_BYTES. */

/* --- Hash tables --------------------------------------------------------------------
 * The count of slots is a power of two and at least one slot is free; a key is in the
 * first slot from hash % slots on, going up and round, that is neither free nor another
 * key's. NAME_INDEX: a slot is id + 1, or 0 where it is free; the hash of a name is FNV-1a
 * of 64 bits, its upper half added to the lower. MERGES: a free slot has left
 * ENCDEC_TOKENIZER_NONE; the hash is
 *   (left * 0x9E3779B97F4A7C15 + right) * 0x9E3779B97F4A7C15 >> 32, in 64 bits. */
typedef struct encdec_tokenizer_merge {
  uint32_t left, right; /* pieces */
  uint32_t rank;        /* lower ones merge first */
  uint32_t piece;       /* what they merge into */
} encdec_tokenizer_merge;

/* --- Pipelines ------------------------------------------------------------------------ */

enum { /* encdec_tokenizer_piece.type; the numbers of SentencePiece's schema */
  ENCDEC_TOKENIZER_NORMAL = 1,
  ENCDEC_TOKENIZER_UNKNOWN = 2,
  ENCDEC_TOKENIZER_CONTROL = 3,
  ENCDEC_TOKENIZER_USER_DEFINED = 4,
  ENCDEC_TOKENIZER_UNUSED = 5,
  ENCDEC_TOKENIZER_BYTE = 6
};
typedef struct encdec_tokenizer_piece {
  double score;
  int32_t id; /* -1: the piece is made, and reads as the unknown one */
  uint16_t type;
  uint16_t length; /* in bytes */
} encdec_tokenizer_piece;

enum { /* encdec_tokenizer_pipeline.model */
  ENCDEC_TOKENIZER_UNIGRAM = 1,
  ENCDEC_TOKENIZER_BPE = 2, /* neighbours merge as MERGES says */
  ENCDEC_TOKENIZER_BYTES = 3    /* byte b is first_byte_id + b */
};
enum { /* encdec_tokenizer_pipeline.flags */
  ENCDEC_TOKENIZER_BYTE_FALLBACK = 1,
  ENCDEC_TOKENIZER_FUSE_UNKNOWN = 2,
  ENCDEC_TOKENIZER_IGNORE_MERGES = 4,
  ENCDEC_TOKENIZER_BYTE_LEVEL = 8,
  ENCDEC_TOKENIZER_DOUBLE_SCORES = 16,
  ENCDEC_TOKENIZER_UNKNOWN_BY_NAME = 32,
  ENCDEC_TOKENIZER_LEADING_CODE = 64,
  ENCDEC_TOKENIZER_TRIM_OFFSETS = 128
};
typedef struct encdec_tokenizer_pipeline {
  uint32_t model;
  uint32_t flags;
  uint32_t vocabulary;
  int32_t unk_id;        /* of unknown characters; -1: they are dropped */
  int32_t first_byte_id; /* ENCDEC_TOKENIZER_BYTES: the id of byte 0 */
  uint32_t longest_piece; /* in bytes; a walk of PIECE_TRIE ends there */
  double unk_score;
} encdec_tokenizer_pipeline;

enum { /* encdec_tokenizer_stage.kind; a, b and text are what the comment says */
  /* normalizers, in front of all pre-tokenizers */
  ENCDEC_TOKENIZER_STAGE_SENTENCEPIECE = 1, /* a: flags below; reads CHARS */
  ENCDEC_TOKENIZER_STAGE_PRECOMPILED = 2,   /* reads CHARS */
  ENCDEC_TOKENIZER_STAGE_UNICODE = 3,       /* a: 0 NFC, 1 NFD, 2 NFKC, 3 NFKD */
  ENCDEC_TOKENIZER_STAGE_LOWERCASE = 4,
  ENCDEC_TOKENIZER_STAGE_REPLACE = 5, /* text: replacement; a ALTERNATIVEs follow; b: 1 at
                                         the text's start alone */
  ENCDEC_TOKENIZER_STAGE_ALTERNATIVE = 6, /* a: at least, b: at most (0: no limit) of the
                                             characters of text (empty: of whitespace); a 0:
                                             text as a whole */
  ENCDEC_TOKENIZER_STAGE_STRIP = 7,   /* a: left, b: right; text: which characters, empty:
                                         whitespace */
  ENCDEC_TOKENIZER_STAGE_PREPEND = 8, /* text */
  /* pre-tokenizers */
  ENCDEC_TOKENIZER_STAGE_WHITESPACE_SPLIT = 9,
  ENCDEC_TOKENIZER_STAGE_METASPACE = 10,  /* a: 0 never, 1 always, 2 first; b: split */
  ENCDEC_TOKENIZER_STAGE_BYTE_LEVEL = 11, /* a: add a space in front; b: split */
  ENCDEC_TOKENIZER_STAGE_LITERALS = 12 /* texts of LITERALS_TRIE are words; one such stage */
};
enum { /* a of ENCDEC_TOKENIZER_STAGE_SENTENCEPIECE */
  ENCDEC_TOKENIZER_DUMMY_PREFIX = 1,
  ENCDEC_TOKENIZER_REMOVE_SPACES = 2,
  ENCDEC_TOKENIZER_ESCAPE_SPACES = 4,
  ENCDEC_TOKENIZER_SPACE_AS_SUFFIX = 8
};
typedef struct encdec_tokenizer_stage {
  uint32_t kind;
  uint32_t a, b;
  encdec_tokenizer_span text;
} encdec_tokenizer_stage;

enum { /* encdec_tokenizer_added.flags */
  ENCDEC_TOKENIZER_ALWAYS = 1, /* in any text; else only where special tokens are asked for */
  ENCDEC_TOKENIZER_LSTRIP = 2,
  ENCDEC_TOKENIZER_RSTRIP = 4,
  ENCDEC_TOKENIZER_SINGLE_WORD = 8,
  ENCDEC_TOKENIZER_NORMALIZED = 16
};
typedef struct encdec_tokenizer_added {
  encdec_tokenizer_span text;
  int32_t id;
  uint32_t flags;
} encdec_tokenizer_added;

/* --- Sides and languages ------------------------------------------------------------- */

enum { /* encdec_tokenizer_item.kind */
  ENCDEC_TOKENIZER_ITEM_ID = 0,
  ENCDEC_TOKENIZER_ITEM_SOURCE_LANGUAGE = 1, /* left out where there is none */
  ENCDEC_TOKENIZER_ITEM_TARGET_LANGUAGE = 2
};
typedef struct encdec_tokenizer_item {
  uint32_t kind;
  int32_t id;
} encdec_tokenizer_item;

typedef struct encdec_tokenizer_side {
  uint32_t pipeline;
  uint32_t suffix_once; /* 1: no suffix where the ids end with its first item */
} encdec_tokenizer_side;

typedef struct encdec_tokenizer_language {
  encdec_tokenizer_span code;
  int32_t id; /* ascending */
} encdec_tokenizer_language;

typedef struct encdec_tokenizer_alias {
  encdec_tokenizer_span name; /* sorted by their bytes; several may be equal */
  uint32_t language;
} encdec_tokenizer_alias;

typedef struct encdec_tokenizer_placement {
  int32_t default_source, default_target; /* languages, or -1 */
  uint32_t forced_first;  /* 1: the target language is the first token generated */
  uint32_t decoder_start; /* 1: the target language is the decoder's start token */
  uint32_t in_text; /* 1: the target language's name and then `after` stand in front of a
                       source text */
  encdec_tokenizer_span after;
} encdec_tokenizer_placement;

/* --- Decoding ------------------------------------------------------------------------- */

enum { /* encdec_tokenizer_surface.kind */
  ENCDEC_TOKENIZER_SURFACE_NONE = 0,    /* nothing: skipped, or a control piece */
  ENCDEC_TOKENIZER_SURFACE_SPACED = 1,  /* text, U+2581 in it is ' ' */
  ENCDEC_TOKENIZER_SURFACE_PLAIN = 2,   /* text */
  ENCDEC_TOKENIZER_SURFACE_BYTES = 3,   /* parts of characters: a span of RAW */
  ENCDEC_TOKENIZER_SURFACE_UNNAMED = 4  /* an id without a name: decoder.unnamed */
};
typedef struct encdec_tokenizer_surface {
  uint32_t kind;
  encdec_tokenizer_span text;
} encdec_tokenizer_surface;

enum { /* encdec_tokenizer_decoder.lead: what goes at the front of the text */
  ENCDEC_TOKENIZER_LEAD_NONE = 0,
  ENCDEC_TOKENIZER_LEAD_SPACE = 1,      /* one U+2581 of the first SPACED surface */
  ENCDEC_TOKENIZER_LEAD_SPACES = 2,     /* one of each until there is text */
  ENCDEC_TOKENIZER_LEAD_FIRST_NAME = 3, /* all of the first surface */
  ENCDEC_TOKENIZER_LEAD_CHARACTERS = 4  /* up to strip_start times strip */
};
enum { /* encdec_tokenizer_decoder.broken: what broken UTF-8 becomes */
  ENCDEC_TOKENIZER_BROKEN_BYTE = 0, /* U+FFFD for each byte that is in no character */
  ENCDEC_TOKENIZER_BROKEN_RUN = 1,  /* U+FFFD for each byte of the run */
  ENCDEC_TOKENIZER_BROKEN_PART = 2, /* U+FFFD for each maximal part of a character */
  ENCDEC_TOKENIZER_BROKEN_DROP = 3  /* nothing */
};
typedef struct encdec_tokenizer_decoder {
  uint32_t vocabulary;
  uint32_t lead;
  uint32_t broken;
  uint32_t spaces_at_last;   /* 1: U+2581 of other surfaces is ' ', too */
  uint32_t strip_whitespace; /* 1: none at either end of the text */
  uint32_t clean_up_spaces;  /* 1: Transformers' clean_up_tokenization */
  uint32_t strip_start, strip_stop; /* how often `strip` goes at each end */
  encdec_tokenizer_span strip;      /* one character */
  encdec_tokenizer_span unnamed;
} encdec_tokenizer_decoder;

/* The hash of NAME_INDEX. */
static inline uint32_t encdec_tokenizer_hash_name(const char *name, uint64_t length) {
  uint64_t hash = UINT64_C(0xCBF29CE484222325);
  for (uint64_t i = 0; i < length; ++i)
    hash = (hash ^ (uint8_t)name[i]) * UINT64_C(0x100000001B3);
  return (uint32_t)(hash + (hash >> 32));
}

/* The hash of MERGES. */
static inline uint32_t encdec_tokenizer_hash_merge(uint32_t left, uint32_t right) {
  const uint64_t odd = UINT64_C(0x9E3779B97F4A7C15);
  return (uint32_t)((left * odd + right) * odd >> 32);
}

#ifdef __cplusplus
static_assert(sizeof(encdec_tokenizer_header) == 80, "header layout");
static_assert(sizeof(encdec_tokenizer_part) == 24, "part layout");
static_assert(sizeof(encdec_tokenizer_piece) == 16, "piece layout");
static_assert(sizeof(encdec_tokenizer_pipeline) == 32, "pipeline layout");
#endif

#endif /* ENCDEC_TOKENIZER_H */
