// Attention at the sizes of OPUS-MT models: 8 heads of 64.
//
// Between two reads of one layer's keys and values, a step reads all other layers. So
// "streamed" calls go through more layers and sources than the caches hold. "near" calls
// read the same keys and values again and show the kernel's speed where reading is free.
#include "bench/Call.h"
#include <algorithm>

namespace encdec::bench {
namespace {

constexpr int64_t heads = 8, headSize = 64, width = heads * headSize;
constexpr int64_t bytesPerKey = 2 * width * 4; // of one layer

/// Scores and context: a multiply-add each for every key and column.
double macsOf(int64_t queries, int64_t keys) {
  return 2.0 * double(queries) * double(keys) * width;
}

Work stepWork(int64_t rows, int64_t keys, bool streamed) {
  Work work;
  work.macs = macsOf(rows, keys);
  (streamed ? work.streamed : work.near) = double(rows * keys * bytesPerKey);
  return work;
}

/// Each row has a source of its own; their memories lie in the pool, layers one
/// after the other.
void crossBenchmark(benchmark::State &state, int64_t rows, int64_t length,
                    bool streamed) {
  Call call(rows);
  int64_t capacity = pad16(length), perSource = capacity * bytesPerKey;
  int64_t layers = streamed ? copiesOf(rows * perSource) : 1; // of each source
  std::vector<int32_t> offsets{0}, sources;
  std::vector<int64_t> starts;
  for (int64_t r = 0; r < rows; ++r) {
    offsets.push_back(int32_t((r + 1) * length));
    sources.push_back(int32_t(r));
    starts.push_back(r * layers * perSource);
  }
  call.context.source_offset = offsets.data();
  call.context.row_source = sources.data();
  call.context.sources = rows;
  call.context.memory = pool().bytes();
  call.context.memory_offset = starts.data();
  int32_t q = call.place(width), y = call.place(width);
  for (int64_t l = 0; l < layers; ++l)
    call.add(crossAttention(heads, headSize),
             {q, int32_t(l * bytesPerKey), y, 0, 0, 0, 0});
  measure(state, call, stepWork(rows, length, streamed));
}

/// Ancestors where no row goes on from another: a row's past lies in its own slot.
std::vector<int32_t> ownSlots(int64_t rows, int64_t capacity) {
  std::vector<int32_t> ancestors;
  for (int64_t r = 0; r < rows; ++r)
    ancestors.insert(ancestors.end(), capacity, int32_t(r));
  return ancestors;
}

/// Reserves and makes the bias of each distance among `call`'s rows; the table entries of its
/// place. Rows of floats by heads, one more than there are (cpu/Shapes.h).
std::vector<int32_t> makeBias(Call &call, int64_t units, bool bidirectional) {
  int64_t floats = (heads * (bidirectional ? 2 : 1) + 1) * call.context.keys;
  int32_t place = call.place((floats + units - 1) / units);
  Frame frame{&call.context, 0, 1, units};
  int32_t table[] = {0, place, 0}; // the buckets stand where the weights begin
  relativeBias(heads, bidirectional)(&frame, table);
  return {place, 0};
}

void selfBenchmark(benchmark::State &state, int64_t rows, int64_t length,
                   bool streamed, bool biased) {
  Call call(rows);
  int64_t capacity = pad16(length);
  int64_t layers = streamed ? copiesOf(rows * capacity * bytesPerKey) : 1;
  std::vector<int32_t> positions(rows, int32_t(length - 1)),
      ancestors = ownSlots(rows, capacity);
  call.context.cache = pool().bytes();
  call.context.cache_stride = layers * capacity * bytesPerKey;
  call.context.cache_capacity = capacity;
  call.context.ancestors = ancestors.data();
  call.context.positions = positions.data();
  call.context.keys = capacity;
  int32_t q = call.place(width), y = call.place(width);
  std::vector<int32_t> bias;
  if (biased)
    bias = makeBias(call, rows, /*bidirectional=*/false);
  for (int64_t l = 0; l < layers; ++l) {
    std::vector<int32_t> table{q, int32_t(l * bytesPerKey)};
    table.insert(table.end(), bias.begin(), bias.end());
    table.insert(table.end(), {y, 0, 0, 0});
    call.add(selfAttention(heads, headSize, biased), table);
  }
  measure(state, call, stepWork(rows, length, streamed));
}

/// One key and value of each row into its slot.
void appendBenchmark(benchmark::State &state, int64_t rows) {
  Call call(rows);
  constexpr int64_t capacity = 64;
  Allocation cache(rows * capacity * bytesPerKey);
  std::vector<int32_t> positions(rows, 40),
      ancestors = ownSlots(rows, capacity);
  call.context.cache = cache.bytes();
  call.context.cache_stride = capacity * bytesPerKey;
  call.context.cache_capacity = capacity;
  call.context.ancestors = ancestors.data();
  call.context.positions = positions.data();
  int32_t k = call.place(width), v = call.place(width);
  call.add(cacheAppend(heads, headSize), {k, v, 0});
  Work work;
  work.near = double(rows * bytesPerKey * 2); // read and written
  measure(state, call, work);
}

/// What encoderBenchmark measures of the encoder's attention.
enum class Part { attention, biasedAttention, blocking };

/// `count` sources of `length` tokens each.
void encoderBenchmark(benchmark::State &state, int64_t count, int64_t length, Part part) {
  Call call(count * length, count * pad16(length));
  std::vector<int32_t> offsets;
  for (int64_t b = 0; b <= count; ++b)
    offsets.push_back(int32_t(b * length));
  call.context.source_offset = offsets.data();
  call.context.sources = count;
  int32_t k = call.place(width), v = call.place(width), y = call.place(width);
  int32_t blockedKeys = call.place(width), blockedValues = call.place(width);
  double bytes = double(count * length * bytesPerKey);
  Work work;
  call.context.keys = pad16(length);
  if (part == Part::blocking) {
    call.add(blockKeys(heads, headSize), {k, v, blockedKeys, blockedValues});
    work.near = 2 * bytes; // read and written
  } else {
    bool biased = part == Part::biasedAttention;
    std::vector<int32_t> table{k, blockedKeys, blockedValues};
    if (biased) {
      std::vector<int32_t> bias = makeBias(call, count * pad16(length), true);
      table.insert(table.end(), bias.begin(), bias.end());
    }
    table.insert(table.end(), {y, 0, 0, 0});
    call.add(encoderAttention(heads, headSize, biased), table);
    work.macs = double(count) * macsOf(length, length);
    work.near = 2 * bytes; // keys and values, queries and results
  }
  measure(state, call, work);
}

template <typename... Arguments>
void add(const std::string &name, Arguments... arguments) {
  benchmark::RegisterBenchmark(name.c_str(), arguments...);
}

} // namespace

void registerAttention() {
  const int64_t largest = int64_t(cacheBytes(3));
  for (bool streamed : {true, false})
    for (int64_t rows : {1, 4, 16})
      for (int64_t length : {16, 64, 256, 1024}) {
        std::string sizes = std::string(streamed ? "streamed" : "near") +
                            "/rows:" + std::to_string(rows) +
                            "/keys:" + std::to_string(length);
        if (!streamed && rows * length * bytesPerKey * 2 > largest)
          continue; // nothing this large stays near
        add("cross_attention/" + sizes, crossBenchmark, rows, length, streamed);
        add("self_attention/" + sizes, selfBenchmark, rows, length, streamed, false);
        add("self_attention_biased/" + sizes, selfBenchmark, rows, length, streamed, true);
      }
  for (int64_t rows : {1, 16})
    add("cache_append/rows:" + std::to_string(rows), appendBenchmark, rows);
  for (auto [count, length] : {std::pair<int64_t, int64_t>{1, 16},
                               {1, 64},
                               {1, 256},
                               {16, 32},
                               {4, 128}}) {
    std::string sizes = "sources:" + std::to_string(count) +
                        "/tokens:" + std::to_string(length);
    add("encoder_attention/" + sizes, encoderBenchmark, count, length, Part::attention);
    add("encoder_attention_biased/" + sizes, encoderBenchmark, count, length,
        Part::biasedAttention);
    add("block_keys/" + sizes, encoderBenchmark, count, length, Part::blocking);
  }
}

} // namespace encdec::bench
