// Attention kernels, each with the kernels that feed it, against softmax in double.
#include "AttentionCase.h"
#include <cstring>
#include <numeric>

using namespace encdec;
using namespace encdec::test;
using cpu::CpuKernels;

namespace {

class Attention : public EachLevel {};
INSTANTIATE_TEST_SUITE_P(Levels, Attention, everyLevel());

constexpr int64_t inputs = 24; // of memory_project

KernelJit &jit() {
  return levelJit([](CpuKernels &kernels) {
    for (const AttentionShape &s : shapes) {
      kernels.cacheAppend(s);
      kernels.selfAttention(s, scale);
      kernels.crossAttention(s, scale);
      if (s.keys == KeyKind::f32) { // the encoder's own keys always are
        kernels.blockKeys(s);
        kernels.encoderAttention(s, scale);
      }
      kernels.memoryProject(
          s, {inputs,
              {s.width(), s.width()},
              {cpu::WeightKind::f32, cpu::WeightKind::int8},
              {}});
    }
  });
}

// Rows at different positions of different slots; each step appends one key.
TEST_P(Attention, SelfOverTheCache) {
  for (const AttentionShape &s : shapes) {
    SCOPED_TRACE(shapeText(s));
    constexpr int64_t capacity = 48, slotCount = 4, steps = 37;
    int64_t layer = 20; // bytes a key of the layers before
    int64_t slotBytes = (layer + s.bytesPerKey()) * capacity;
    std::vector<int32_t> ancestors; // [3][capacity]
    for (int32_t slot : {2, 0, 3})
      ancestors.insert(ancestors.end(), capacity, slot);
    std::vector<std::string> reference;
    for (int64_t workers = 1; workers <= 3; ++workers) {
      std::mt19937 random(11);
      Buffer cache(slotBytes / 4 * slotCount);
      std::vector<Matrix> keys, values; // of each step
      for (int64_t step = 0; step < steps; ++step) {
        Matrix q = randomMatrix(3, s.width(), random, 2);
        keys.push_back(randomMatrix(3, s.width(), random, 2));
        values.push_back(randomMatrix(3, s.width(), random, 2));
        std::vector<int32_t> positions(3, int32_t(step));
        KernelCall call(3);
        call.context.cache = cache.bytes();
        call.context.cache_stride = slotBytes;
        call.context.cache_capacity = capacity;
        call.context.ancestors = ancestors.data();
        call.context.positions = positions.data();
        int32_t k = call.input(keys.back()), v = call.input(values.back());
        int32_t query = call.input(q), y = call.place(s.width());
        call.run(jit(), named("cache_append", s), {k, v, int32_t(layer)},
                 workers);
        call.run(jit(), scaled("self_attention", s), {query, int32_t(layer), y, 0, 0, 0},
                 workers);
        std::string got = bits(call.at(y), 3 * pad16(s.width()));
        if (workers == 1)
          reference.push_back(got);
        ASSERT_EQ(got, reference[step]) << "step " << step;
        for (int64_t r = 0; r < 3; ++r)
          for (int64_t head = 0; head < s.heads; ++head) {
            Matrix key(step + 1, s.width()), value(step + 1, s.width());
            for (int64_t j = 0; j <= step; ++j)
              for (int64_t c = 0; c < s.width(); ++c) {
                key(j, c) = keys[j](r, c);
                value(j, c) = values[j](r, c);
              }
            ASSERT_NO_FATAL_FAILURE(expectRow(
                s, call.at(y) + r * pad16(s.width()),
                attention(s, q, r, key, value, 0, step + 1, head), head))
                << "step " << step << " row " << r;
          }
      }
    }
  }
}

// Keys of one row spread over several slots give the bits of the same keys in one slot.
TEST_P(Attention, ScatteredPastIsThePastItself) {
  constexpr int64_t capacity = 80, slotCount = 7;
  for (const AttentionShape &s : shapes) {
    SCOPED_TRACE(shapeText(s));
    std::mt19937 random(14);
    int64_t slotBytes = s.bytesPerKey() * capacity;
    Buffer cache(slotBytes / 4 * slotCount);
    std::vector<int32_t> slots(2 * capacity, 0); // row 0 in slot 0, row 1 spread
    for (int64_t count : {1, 15, 16, 33, 75}) {
      for (int64_t p = 0; p < capacity; ++p) // some blocks whole, some not
        slots[capacity + p] = p / 16 == 1 ? 3 : 1 + int32_t(random() % 6);
      for (int64_t p = 0; p < count; ++p) {
        Matrix key = randomMatrix(1, s.width(), random, 2),
               value = randomMatrix(1, s.width(), random, 2);
        Matrix keys(2, s.width()), values(2, s.width());
        for (int64_t r = 0; r < 2; ++r)
          for (int64_t c = 0; c < s.width(); ++c) {
            keys(r, c) = key(0, c);
            values(r, c) = value(0, c);
          }
        std::vector<int32_t> positions(2, int32_t(p));
        KernelCall call(2);
        call.context.cache = cache.bytes();
        call.context.cache_stride = slotBytes;
        call.context.cache_capacity = capacity;
        call.context.ancestors = slots.data();
        call.context.positions = positions.data();
        call.run(jit(), named("cache_append", s),
                 {call.input(keys), call.input(values), 0}, 2);
        if (p + 1 < count)
          continue;
        Matrix one = randomMatrix(1, s.width(), random, 2), q(2, s.width());
        for (int64_t r = 0; r < 2; ++r)
          for (int64_t c = 0; c < s.width(); ++c)
            q(r, c) = one(0, c);
        int32_t query = call.input(q), y = call.place(s.width());
        call.run(jit(), scaled("self_attention", s), {query, 0, y, 0, 0, 0}, 2);
        int64_t width = pad16(s.width());
        ASSERT_EQ(bits(call.at(y), width), bits(call.at(y) + width, width))
            << count << " keys";
      }
    }
  }
}

// Hypotheses of one sentence attend together; where probabilities are asked for, each row
// attends alone. Both ways give the same bits.
TEST_P(Attention, CrossTogetherIsCrossAlone) {
  std::vector<int32_t> offsets{0, 21, 58};
  std::vector<int32_t> rowSource{0, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1, 0};
  constexpr int64_t rows = 17, capacity = 32 + 48;
  for (const AttentionShape &s : shapes) {
    SCOPED_TRACE(shapeText(s));
    std::mt19937 random(15);
    Buffer memory(s.bytesPerKey() * capacity / 4);
    for (int64_t i = 0; i < s.bytesPerKey() * capacity / 2; ++i) {
      uint16_t half = uint16_t(0x3f00 + random() % 0x100); // as bf16 0.5 to 2; as the
      std::memcpy(memory.bytes() + 2 * i, &half, 2);       // upper half of f32 too
    }
    std::vector<int64_t> memoryOffset{0, 32 * s.bytesPerKey()};
    Matrix q = randomMatrix(rows, s.width(), random, 2);
    Buffer probs(s.heads * rows * 48);
    std::string reference;
    for (float *out : {probs.data(), static_cast<float *>(nullptr)})
      for (int64_t workers = 1; workers <= 3; ++workers) {
        KernelCall call(rows);
        call.context.source_offset = offsets.data();
        call.context.sources = 2;
        call.context.memory = memory.bytes();
        call.context.memory_offset = memoryOffset.data();
        call.context.row_source = rowSource.data();
        call.context.out_probs = out;
        call.context.probs_stride = 48;
        int32_t query = call.input(q), y = call.place(s.width());
        call.run(jit(), scaled("cross_attention", s), {query, 0, y, 0, 0, 0, 0}, workers);
        std::string got = bits(call.at(y), rows * pad16(s.width()));
        if (reference.empty())
          reference = got;
        ASSERT_EQ(got, reference) << workers << " workers, "
                                  << (out ? "alone" : "together");
      }
  }
}

TEST_P(Attention, EncoderSeesItsOwnSource) {
  std::vector<int32_t> offsets{0, 1, 17, 50, 66};
  for (const AttentionShape &s : shapes) {
    if (s.keys != KeyKind::f32)
      continue;
    SCOPED_TRACE(shapeText(s));
    std::mt19937 random(12);
    Matrix q = randomMatrix(66, s.width(), random, 2);
    Matrix key = randomMatrix(66, s.width(), random, 2);
    Matrix value = randomMatrix(66, s.width(), random, 2);
    std::string reference;
    for (int64_t workers = 1; workers <= 4; ++workers) {
      KernelCall call(66, 16 + 16 + 48 + 16);
      call.context.source_offset = offsets.data();
      call.context.sources = 4;
      int32_t k = call.input(key), v = call.input(value), query = call.input(q);
      int32_t y = call.place(s.width()), blockedKeys = call.place(s.width());
      int32_t blockedValues = call.place(s.heads * s.paddedHeadSize());
      call.run(jit(), named("block_keys", s),
               {k, v, blockedKeys, blockedValues}, workers);
      call.run(jit(), scaled("encoder_attention", s),
               {query, blockedKeys, blockedValues, y, 0, 0, 0}, workers);
      std::string got = bits(call.at(y), 66 * pad16(s.width()));
      if (workers == 1)
        reference = got;
      ASSERT_EQ(got, reference);
      for (int64_t b = 0; b < 4; ++b)
        for (int64_t r = offsets[b]; r < offsets[b + 1]; ++r)
          for (int64_t head = 0; head < s.heads; ++head)
            ASSERT_NO_FATAL_FAILURE(
                expectRow(s, call.at(y) + r * pad16(s.width()),
                          attention(s, q, r, key, value, offsets[b],
                                    offsets[b + 1], head),
                          head))
                << "source " << b << " row " << r;
    }
  }
}

TEST_P(Attention, CrossOverTheProjectedMemory) {
  std::vector<int32_t> offsets{0, 5, 6, 39};
  std::vector<int32_t> rowSource{2, 0, 2, 1};
  for (const AttentionShape &s : shapes) {
    SCOPED_TRACE(shapeText(s));
    std::mt19937 random(13);
    Matrix x = randomMatrix(39, inputs, random);
    Matrix keyWeight = randomMatrix(s.width(), inputs, random);
    Matrix valueWeight = randomMatrix(s.width(), inputs, random, 127);
    for (double &v : valueWeight.values)
      v = std::round(v);
    Matrix valueScale = randomMatrix(1, s.width(), random, 0.01);
    Matrix keyBias = randomMatrix(1, s.width(), random);
    Matrix key(39, s.width()), value(39, s.width());
    for (int64_t r = 0; r < 39; ++r)
      for (int64_t n = 0; n < s.width(); ++n) {
        for (int64_t k = 0; k < inputs; ++k) {
          key(r, n) += x(r, k) * keyWeight(n, k);
          value(r, n) += x(r, k) * valueWeight(n, k) * valueScale(0, n);
        }
        key(r, n) += keyBias(0, n);
      }
    Matrix q = randomMatrix(4, s.width(), random, 2);
    int32_t layer = 28; // bytes a key of the layers before
    std::vector<int64_t> memoryOffset;
    int64_t bytes = 0;
    for (size_t b = 0; b < 3; ++b) {
      memoryOffset.push_back(bytes);
      bytes += (layer + s.bytesPerKey()) * pad16(offsets[b + 1] - offsets[b]);
    }
    std::string reference;
    for (int64_t workers = 1; workers <= 4; ++workers) {
      Buffer memory(bytes / 4);
      KernelCall encode(39, 64), step(4);
      for (encdec_abi_context *c : {&encode.context, &step.context}) {
        c->source_offset = offsets.data();
        c->sources = 3;
        c->memory = memory.bytes();
        c->memory_offset = memoryOffset.data();
        c->row_source = rowSource.data();
      }
      int32_t in = encode.input(x), kw = encode.packed(keyWeight),
              kb = encode.vector(keyBias), vw = encode.packedInt8(valueWeight),
              vs = encode.vector(valueScale);
      int32_t keyPlace = encode.place(s.width()),
              valuePlace = encode.place(s.width());
      encode.run(jit(), named("memory_project", s) + "_24_f32_i8",
                 {in, layer, kw, -1, kb, vw, vs, -1, keyPlace, valuePlace},
                 workers);

      constexpr int64_t probsStride = 48;
      Buffer probs(2 * s.heads * 4 * probsStride);
      step.context.out_probs = probs.data();
      step.context.probs_stride = probsStride;
      int32_t query = step.input(q), y = step.place(s.width());
      step.run(jit(), scaled("cross_attention", s), {query, layer, y, 0, 0, 0, 1},
               workers);
      std::string got = bits(step.at(y), 4 * pad16(s.width()));
      if (workers == 1)
        reference = got;
      ASSERT_EQ(got, reference);
      for (int64_t r = 0; r < 4; ++r)
        for (int64_t head = 0; head < s.heads; ++head) {
          int64_t b = rowSource[r];
          Expected e =
              attention(s, q, r, key, value, offsets[b], offsets[b + 1], head);
          ASSERT_NO_FATAL_FAILURE(
              expectRow(s, step.at(y) + r * pad16(s.width()), e, head))
              << "row " << r;
          const float *p =
              probs.data() + ((s.heads + head) * 4 + r) * probsStride;
          for (size_t j = 0; j < e.probs.size(); ++j)
            ASSERT_NEAR(p[j], e.probs[j], 1e-5) << "row " << r << " key " << j;
          ASSERT_TRUE(std::isnan(p[e.probs.size()])) << "written too far";
        }
    }
  }
}

} // namespace
