//===- TableTest.cpp - tables and descriptions that are refused -----------===//

#include "Descriptions.h"
#include "Load.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>

using namespace encdec;
using namespace encdec::test;

namespace {
std::string sound() {
  auto table = writeTable(languages());
  EXPECT_TRUE(table.ok()) << table.status().message();
  return *table;
}

void expectRefused(const std::string &table, const std::string &message,
                   Code code = Code::BadModel) {
  const Status status = Tokenizer::open(bytesOf(table)).status();
  EXPECT_EQ(status.code(), code) << message << ": " << status.message();
  EXPECT_NE(status.message().find(message), std::string::npos) << status.message();
  EXPECT_TRUE(status.message().starts_with("tokenizer: ")) << status.message();
}

/// A table whose part of this kind has been changed; its first element, at least, is there.
template <typename T>
std::string changed(uint32_t kind, const std::function<void(T *, uint64_t)> &change,
                    const std::string &from = sound()) {
  std::string table = from;
  encdec_tokenizer_header header;
  std::memcpy(&header, table.data(), sizeof(header));
  for (uint32_t i = 0; i < header.part_count; ++i) {
    encdec_tokenizer_part part;
    std::memcpy(&part, table.data() + sizeof(header) + i * sizeof(part), sizeof(part));
    if (part.kind == kind && part.owner == 0)
      change(reinterpret_cast<T *>(table.data() + part.offset), part.count);
  }
  EXPECT_NE(table, from) << "kind " << kind;
  return table;
}

std::string withHeader(const std::function<void(encdec_tokenizer_header &)> &change) {
  std::string table = sound();
  encdec_tokenizer_header header;
  std::memcpy(&header, table.data(), sizeof(header));
  change(header);
  std::memcpy(table.data(), &header, sizeof(header));
  return table;
}

std::string withPart(const std::function<void(encdec_tokenizer_part &)> &change) {
  std::string table = sound();
  auto *part = reinterpret_cast<encdec_tokenizer_part *>(
      table.data() + sizeof(encdec_tokenizer_header));
  change(*part);
  return table;
}
} // namespace

TEST(Table, HeadersAreChecked) {
  using Header = encdec_tokenizer_header;
  expectRefused("", "too few");
  expectRefused(sound().substr(0, 79), "too few");
  expectRefused(sound() + "x", "says that it has");
  expectRefused(withHeader([](Header &h) { h.magic[0] = 'x'; }), "no tokenizer table");
  expectRefused(withHeader([](Header &h) { ++h.version; }), "compile the checkpoint again",
                Code::DoesNotFit);
  expectRefused(withHeader([](Header &h) { h.part_count = 1u << 20; }), "more than fit");
  expectRefused(withHeader([](Header &h) { h.pipeline_count = 4; }), "4 pipelines");
  expectRefused(withHeader([](Header &h) { h.vocabulary_count = 0; }), "0 vocabularies");
  expectRefused(withHeader([](Header &h) { h.kind[23] = 'x'; }), "kind");
  expectRefused(withHeader([](Header &h) { h.eos_id = -7; }), "-7");
  expectRefused(withHeader([](Header &h) { h.source_ids = 1u << 30; }), "ids up to");
}

TEST(Table, PartsLieInside) {
  using Part = encdec_tokenizer_part;
  expectRefused(withPart([](Part &p) { p.offset += 4; }), "multiple of 8");
  expectRefused(withPart([](Part &p) { p.offset = UINT64_MAX - 7; }), "do not lie");
  expectRefused(withPart([](Part &p) { p.count = UINT64_MAX / 4; }), "do not lie");
  expectRefused(withPart([](Part &p) { p.kind = ENCDEC_TOKENIZER_TEXT; }), "twice");
  expectRefused(withPart([](Part &p) { p.kind = 99; }), "expected 1 to 4000000 names");
}

TEST(Table, NumbersIndexWhatIsThere) {
  using Span = encdec_tokenizer_span;
  expectRefused(changed<Span>(ENCDEC_TOKENIZER_NAMES,
                              [](Span *s, uint64_t) { s[3].offset = 1u << 30; }),
                "a name at byte");
  expectRefused(changed<Span>(ENCDEC_TOKENIZER_NAMES,
                              [](Span *s, uint64_t) { ++s[3].offset; }),
                "whole characters");
  expectRefused(changed<uint32_t>(ENCDEC_TOKENIZER_NAME_INDEX,
                                  [](uint32_t *slot, uint64_t) { slot[0] = 5000; }),
                "id without a name");
  expectRefused(changed<uint32_t>(ENCDEC_TOKENIZER_NAME_INDEX,
                                  [](uint32_t *slot, uint64_t count) {
                                    std::fill_n(slot, count, 1);
                                  }),
                "one of them free");
  expectRefused(changed<char>(ENCDEC_TOKENIZER_TEXT,
                              [](char *text, uint64_t) { text[0] = '\xFF'; }),
                "not UTF-8");
  using Piece = encdec_tokenizer_piece;
  expectRefused(changed<Piece>(ENCDEC_TOKENIZER_PIECES,
                               [](Piece *p, uint64_t) { p->type = 7; }),
                "piece 0");
  expectRefused(changed<Piece>(ENCDEC_TOKENIZER_PIECES,
                               [](Piece *p, uint64_t) { p->id = 4000000; }),
                "4000000");
  using Pipeline = encdec_tokenizer_pipeline;
  expectRefused(changed<Pipeline>(ENCDEC_TOKENIZER_PIPELINE,
                                  [](Pipeline *p, uint64_t) { p->model = 9; }),
                "out of range");
  expectRefused(changed<Pipeline>(ENCDEC_TOKENIZER_PIPELINE,
                                  [](Pipeline *p, uint64_t) {
                                    p->flags |= ENCDEC_TOKENIZER_BYTE_FALLBACK;
                                  }),
                "pieces of bytes are missing");
  expectRefused(changed<uint64_t>(ENCDEC_TOKENIZER_PIECE_TRIE,
                                  [](uint64_t *unit, uint64_t) { unit[0] |= 1ull << 30; }),
                "children outside");
  expectRefused(changed<uint64_t>(ENCDEC_TOKENIZER_PIECE_TRIE,
                                  [](uint64_t *unit, uint64_t) { unit[5] = 256; }),
                "beside the root");
  expectRefused(changed<uint64_t>(ENCDEC_TOKENIZER_PIECE_TRIE,
                                  [](uint64_t *unit, uint64_t count) {
                                    unit[count - 1] |= 1000ull << 37;
                                  }),
                "too large");
  using Stage = encdec_tokenizer_stage;
  expectRefused(changed<Stage>(ENCDEC_TOKENIZER_STAGES,
                               [](Stage *s, uint64_t) { s->kind = 77; }),
                "no known kind");
  expectRefused(changed<Stage>(ENCDEC_TOKENIZER_STAGES,
                               [](Stage *s, uint64_t) {
                                 s->kind = ENCDEC_TOKENIZER_STAGE_REPLACE;
                                 s->a = 5;
                               }),
                "more alternatives");
  using Language = encdec_tokenizer_language;
  expectRefused(changed<Language>(ENCDEC_TOKENIZER_LANGUAGES,
                                  [](Language *l, uint64_t) { l->id = 3999; }),
                "no name");
  using Decoder = encdec_tokenizer_decoder;
  expectRefused(changed<Decoder>(ENCDEC_TOKENIZER_DECODER,
                                 [](Decoder *d, uint64_t) {
                                   d->strip = {0, 0};
                                   d->strip_start = 1;
                                 }),
                "out of range");
  expectRefused(changed<Decoder>(ENCDEC_TOKENIZER_DECODER,
                                 [](Decoder *d, uint64_t) {
                                   d->strip = {0, 1};
                                   d->strip_start = 1u << 31;
                                 }),
                "out of range");
  using Surface = encdec_tokenizer_surface;
  expectRefused(changed<Surface>(ENCDEC_TOKENIZER_SURFACES,
                                 [](Surface *s, uint64_t) {
                                   s->kind = ENCDEC_TOKENIZER_SURFACE_BYTES;
                                   s->text = {0, 1};
                                 }),
                "bytes lie outside");
}

TEST(Table, DescriptionsThatContradictThemselvesAreNotWritten) {
  const auto refusal = [](const std::function<void(TokenizerDescription &)> &change) {
    TokenizerDescription description = languages();
    change(description);
    return writeTable(description).status().message();
  };
  using D = TokenizerDescription;
  EXPECT_EQ(refusal([](D &) {}), "");
  auto expect = [&](const char *message, const std::function<void(D &)> &change) {
    EXPECT_NE(refusal(change).find(message), std::string::npos) << refusal(change);
  };
  expect("twice", [](D &d) { d.vocabularies[0].names.push_back({"▁", 90}); });
  expect("shares id", [](D &d) { d.vocabularies[0].names.push_back({"new", 3}); });
  expect("outside 0..", [](D &d) { d.vocabularies[0].names.push_back({"new", -2}); });
  expect("earlier piece", [](D &d) {
    d.pipelines[0].model.pieces.push_back({"▁", 0, PieceType::Normal, 5});
  });
  expect("finite", [](D &d) { d.pipelines[0].model.pieces[3].score = HUGE_VAL; });
  expect("byte pieces are missing", [](D &d) { d.pipelines[0].model.byteFallback = true; });
  expect("beside other stages", [](D &d) {
    d.pipelines[0].normalizers = {SentencePieceNormalizer{}};
  });
  expect("makes bytes", [](D &d) { d.pipelines[0].preTokenizers = {ByteLevelSplit{}}; });
  expect("at most one may", [](D &d) {
    d.pipelines[0].preTokenizers = {LiteralSplit{{"a"}}, LiteralSplit{{"b"}}};
  });
  expect("a text of 0 bytes", [](D &d) {
    d.pipelines[0].preTokenizers = {LiteralSplit{{""}}};
  });
  expect("pipeline 5", [](D &d) { d.target.pipeline = 5; });
  expect("greater id", [](D &d) { d.languages.languages[1].id = 9; });
  expect("no name", [](D &d) { d.decoder.skipped.push_back(5000); });
  expect("merge 0", [](D &d) {
    d.pipelines[0].model.kind = ModelKind::MergesByRank;
    d.pipelines[0].model.merges = {{3, 3}};
  });
  expect("64 KB of the name of id", [](D &d) {
    d.decoder.stages = {ReplaceDecoder{"\u2581", std::string(1 << 17, 'x')}};
  });
  expect("64 KB of the name of id", [](D &d) {
    d.decoder.stages.assign(13, ReplaceDecoder{"x", "xxxxxxxxxx"});
    d.decoder.stages.front() = ReplaceDecoder{"\u2581", "x"};
  });
  expect("front of the text", [](D &d) {
    d.decoder.stages.push_back(StripDecoder{.from = " ", .start = 1});
  });
}

TEST(Table, NoAddedTokenIsAPartOfACharacter) {
  TokenizerDescription description = wordUnigram();
  description.pipelines[0].addedTokens = {
      {.text = "\u00E9", .id = 0, .always = true, .normalized = true}};
  const auto written = writeTable(description);
  ASSERT_TRUE(written.ok()) << written.status().message();
  // The trie says that the first byte of two is a token, too.
  const std::string table = changed<uint64_t>(
      ENCDEC_TOKENIZER_NORMALIZED_TRIE,
      [](uint64_t *units, uint64_t count) {
        for (uint64_t *unit = units; unit < units + count; ++unit)
          if (ENCDEC_TOKENIZER_TRIE_LABEL(*unit) == (256 | 0xC3))
            *unit |= UINT64_C(1) << 37;
      },
      *written);
  const auto tokenizer = Tokenizer::open(bytesOf(table));
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().message();
  EXPECT_TRUE(tokenizer->encode("\u00E9").ok());
  const Status status = tokenizer->encode("\u00E8").status();
  EXPECT_EQ(status.code(), Code::BadModel);
  EXPECT_NE(status.message().find("part of a character"), std::string::npos)
      << status.message();
}
