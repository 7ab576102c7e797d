// The bias of each distance, and the attentions that add it, against softmax in double.
#include "AttentionCase.h"
#include "dialect/ReferenceMath.h"
#include <numeric>
#include <set>

using namespace encdec;
using namespace encdec::test;
using cpu::CpuKernels;

namespace {

class RelativeBias : public EachLevel {};
INSTANTIATE_TEST_SUITE_P(Levels, RelativeBias, everyLevel());

/// Few buckets, so that the last one is reached by short sequences too.
cpu::BiasShape biasOf(const AttentionShape &s, bool bidirectional) {
  return {s.heads, bidirectional ? 12 : 7, 19, bidirectional};
}

KernelJit &jit() {
  return levelJit([](CpuKernels &kernels) {
    for (bool bidirectional : {false, true})
      kernels.relativeBias({1, 32, 128, bidirectional});
    for (const AttentionShape &s : shapes) {
      for (bool bidirectional : {false, true})
        kernels.relativeBias(biasOf(s, bidirectional));
      kernels.cacheAppend(s);
      kernels.selfAttention(s, scale, cpu::Bias::causal);
      if (s.keys == KeyKind::f32) { // the encoder's own keys always are
        kernels.blockKeys(s);
        kernels.encoderAttention(s, scale, cpu::Bias::bidirectional);
      }
    }
  });
}

/// A table of random numbers, and what its kernel makes of it.
struct Biased {
  cpu::BiasShape shape;
  Matrix table;

  Biased(const AttentionShape &s, bool bidirectional, std::mt19937 &random)
      : shape(biasOf(s, bidirectional)),
        table(randomMatrix(shape.buckets, shape.heads, random, 2)) {}

  /// Of the score of key `j` for a query at `position`.
  double at(int64_t head, int64_t position, int64_t j) const {
    return table(reference::relativeBucket(j - position, shape.buckets, shape.maxDistance,
                                           shape.bidirectional),
                 head);
  }
  std::string kernel() const {
    return "relative_bias_" + std::to_string(shape.heads) + "_" +
           std::to_string(shape.buckets) + "_" + std::to_string(shape.maxDistance) +
           nameOf(shape.kind()).str();
  }
  /// Reserves its place and runs its kernel; the place's two table entries.
  std::vector<int32_t> run(KernelCall &call, int64_t workers) const {
    int64_t floats = shape.rowsOfKeys() * call.context.keys;
    int32_t place = call.place((floats + call.units - 1) / call.units);
    call.run(jit(), kernel(), {call.vector(table), place, 0}, workers);
    return {place, 0};
  }
};

constexpr int64_t mostKeys = 48;

// Of each distance, from 1 - K on; what no distance of the call reaches is not written.
TEST_P(RelativeBias, OfEachDistance) {
  std::vector<int32_t> offsets{0, 3, 40, 41}, positions{5, 36, 0};
  for (const AttentionShape &s : shapes)
    for (bool bidirectional : {false, true}) {
      std::mt19937 random(16);
      Biased bias(s, bidirectional, random);
      SCOPED_TRACE(bias.kernel());
      for (int64_t workers = 1; workers <= 3; ++workers) {
        KernelCall call(3);
        call.context.keys = mostKeys;
        call.context.sources = 3;
        call.context.source_offset = offsets.data();
        call.context.positions = positions.data();
        const float *got = call.at(bias.run(call, workers)[0]);
        int64_t ld = bidirectional ? 2 * mostKeys : mostKeys;
        for (int64_t head = 0; head < s.heads; ++head)
          for (int64_t i = 0; i < ld; ++i) {
            int64_t distance = i - (mostKeys - 1);
            float value = got[head * ld + i];
            if (std::abs(distance) < 37) // of the longest source, or to the last position
              ASSERT_EQ(value, float(bias.at(head, 0, distance))) << distance;
            else
              ASSERT_TRUE(std::isnan(value)) << distance;
          }
      }
    }
}

// Buckets of T5's encoder (dialect/ReferenceMath.h is compared with transformers).
TEST_P(RelativeBias, HasT5sBuckets) {
  for (bool bidirectional : {false, true}) {
    cpu::BiasShape shape{1, 32, 128, bidirectional};
    Matrix numbers(32, 1);
    std::iota(numbers.values.begin(), numbers.values.end(), 0);
    std::vector<int32_t> offsets{0, 200}, positions{199};
    KernelCall call(1);
    call.context.keys = 208;
    call.context.sources = 1;
    call.context.source_offset = offsets.data();
    call.context.positions = positions.data();
    int32_t place = call.place(shape.rowsOfKeys() * 208);
    call.run(jit(), "relative_bias_1_32_128" + nameOf(shape.kind()).str(),
             {call.vector(numbers), place, 0});
    std::set<float> seen;
    for (int64_t distance = -199; distance <= (bidirectional ? 199 : 0); ++distance) {
      float bucket = call.at(place)[207 + distance];
      ASSERT_EQ(bucket, reference::relativeBucket(distance, 32, 128, bidirectional));
      seen.insert(bucket);
    }
    EXPECT_EQ(seen.size(), bidirectional ? 31u : 32u); // of no later key at distance 0
  }
}

TEST_P(RelativeBias, EncoderAddsTheBiasOfEachDistance) {
  std::vector<int32_t> offsets{0, 1, 17, 50, 66};
  for (const AttentionShape &s : shapes) {
    if (s.keys != KeyKind::f32)
      continue;
    SCOPED_TRACE(shapeText(s));
    std::mt19937 random(17);
    Matrix q = randomMatrix(66, s.width(), random, 2);
    Matrix key = randomMatrix(66, s.width(), random, 2);
    Matrix value = randomMatrix(66, s.width(), random, 2);
    Biased bias(s, /*bidirectional=*/true, random);
    std::string reference;
    for (int64_t workers = 1; workers <= 4; ++workers) {
      KernelCall call(66, 16 + 16 + 48 + 16);
      call.context.source_offset = offsets.data();
      call.context.sources = 4;
      call.context.keys = mostKeys;
      int32_t k = call.input(key), v = call.input(value), query = call.input(q);
      int32_t y = call.place(s.width()), blockedKeys = call.place(s.width());
      int32_t blockedValues = call.place(s.heads * s.paddedHeadSize());
      std::vector<int32_t> place = bias.run(call, workers);
      call.run(jit(), named("block_keys", s), {k, v, blockedKeys, blockedValues}, workers);
      call.run(jit(), scaled("encoder_attention", s) + "_bidirectional",
               {query, blockedKeys, blockedValues, place[0], place[1], y, 0, 0, 0}, workers);
      std::string got = bits(call.at(y), 66 * pad16(s.width()));
      if (workers == 1)
        reference = got;
      ASSERT_EQ(got, reference);
      for (int64_t b = 0; b < 4; ++b)
        for (int64_t r = offsets[b]; r < offsets[b + 1]; ++r)
          for (int64_t head = 0; head < s.heads; ++head) {
            auto added = [&](int64_t j) { return bias.at(head, r - offsets[b], j); };
            ASSERT_NO_FATAL_FAILURE(
                expectRow(s, call.at(y) + r * pad16(s.width()),
                          attention(s, q, r, key, value, offsets[b], offsets[b + 1], head,
                                    added),
                          head))
                << "source " << b << " row " << r;
          }
    }
  }
}

// Row 0 has its past in one slot, row 1 the same past spread over several: equal bits, and
// the bias of the distance from where the cache ends.
TEST_P(RelativeBias, SelfAddsTheBiasOfEachDistance) {
  constexpr int64_t slotCount = 7, count = 37;
  for (const AttentionShape &s : shapes) {
    SCOPED_TRACE(shapeText(s));
    std::mt19937 random(18);
    Biased bias(s, /*bidirectional=*/false, random);
    int64_t slotBytes = s.bytesPerKey() * mostKeys;
    Buffer cache(slotBytes / 4 * slotCount);
    std::vector<int32_t> slots(2 * mostKeys, 0);
    for (int64_t p = 0; p < mostKeys; ++p)
      slots[mostKeys + p] = p / 16 == 1 ? 3 : 1 + int32_t(random() % 6);
    Matrix key(count, s.width()), value(count, s.width());
    for (int64_t p = 0; p < count; ++p) {
      Matrix both[2] = {randomMatrix(1, s.width(), random, 2),
                        randomMatrix(1, s.width(), random, 2)};
      Matrix keys(2, s.width()), values(2, s.width()), q(2, s.width());
      Matrix one = randomMatrix(1, s.width(), random, 2);
      for (int64_t c = 0; c < s.width(); ++c) {
        key(p, c) = keys(0, c) = keys(1, c) = both[0](0, c);
        value(p, c) = values(0, c) = values(1, c) = both[1](0, c);
        q(0, c) = q(1, c) = one(0, c);
      }
      std::vector<int32_t> positions(2, int32_t(p));
      std::string reference;
      for (int64_t workers = 1; workers <= 3; ++workers) {
        KernelCall call(2);
        call.context.cache = cache.bytes();
        call.context.cache_stride = slotBytes;
        call.context.cache_capacity = mostKeys;
        call.context.keys = mostKeys;
        call.context.ancestors = slots.data();
        call.context.positions = positions.data();
        std::vector<int32_t> place = bias.run(call, workers);
        call.run(jit(), named("cache_append", s), {call.input(keys), call.input(values), 0},
                 workers);
        int32_t y = call.place(s.width());
        call.run(jit(), scaled("self_attention", s) + "_causal",
                 {call.input(q), 0, place[0], place[1], y, 0, 0, 0}, workers);
        int64_t width = pad16(s.width());
        if (reference.empty())
          reference = bits(call.at(y), width);
        for (int64_t r : {0, 1})
          ASSERT_EQ(bits(call.at(y) + r * width, width), reference)
              << p << " " << workers << " workers, row " << r;
        for (int64_t head = 0; head < s.heads; ++head)
          ASSERT_NO_FATAL_FAILURE(expectRow(
              s, call.at(y),
              attention(s, q, 0, key, value, 0, p + 1, head,
                        [&](int64_t j) { return bias.at(head, p, j); }),
              head))
              << "position " << p;
      }
    }
  }
}

} // namespace
