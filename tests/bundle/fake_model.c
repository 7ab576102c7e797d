/* fake_model.c: "compiled code" whose every answer can be computed by hand.
 *
 * It follows abi.h to the letter (cache layout, arena, scratch, barrier) so that
 * the runtime is tested against the contract and not against the compiler. With
 * x_0 ... x_p the tokens fed to a row so far and s_0 its source's first token,
 *   target = (7 x_p + s_0 + p + sum_j (j + 1) x_j + weights[0]) mod V
 *   logit_v = -((v - target) mod V) / 2
 * The step takes the x_j from the cache and s_0 from the memory; whenever one of
 * their many copies there disagrees, the log-probability is NaN. The encoder's output is
 *   states[r][j] = x_r + 64 (position of r) + j / 2. Where s_0 is
 * FAKE_LOST, all logits from position s_1 on are NaN, and no token is found. Shortlist n
 * has the tokens 0, n + 1, 2 (n + 1) and so on.
 *
 * Built twice: into the tests, and as the shared object of a bundle. */
#include "fake_model.h"

#include "encdec/abi.h"

#ifndef FAKE_ENCODE
#define FAKE_ENCODE encdec_encode
#define FAKE_STEP encdec_step
#endif
#define EXPORT __attribute__((visibility("default")))

/* Both are hidden where the entry points are tested in process. */
#ifndef FAKE_IN_PROCESS
EXPORT const uint64_t encdec_abi_version = ENCDEC_ABI_VERSION;
#endif

/* A pointer in constant data: the shared object gets a relative relocation. */
static const int32_t sevenValue = 7;
static const int32_t *const volatile seven = &sevenValue;

/* Place of one key element: [layer] [H][C/16][D][16]. */
static int64_t keyAt(int64_t capacity, int layer, int head, int64_t j, int d) {
  int64_t layerSize =
      FAKE_HEADS * capacity * (FAKE_HEAD_SIZE + FAKE_HEAD_PADDED);
  return layer * layerSize + head * capacity * FAKE_HEAD_SIZE +
         (j / 16) * FAKE_HEAD_SIZE * 16 + d * 16 + j % 16;
}

/* Place of one value element: [layer], after the keys, [H][C][Dp]. */
static int64_t valueAt(int64_t capacity, int layer, int head, int64_t j, int d) {
  int64_t layerSize =
      FAKE_HEADS * capacity * (FAKE_HEAD_SIZE + FAKE_HEAD_PADDED);
  return layer * layerSize + FAKE_HEADS * capacity * FAKE_HEAD_SIZE +
         (head * capacity + j) * FAKE_HEAD_PADDED + d;
}

static float mark(int layer, int head, int d) {
  return (float)(layer * 4000 + head * 2000 + d * 64);
}

static void put(float *keys, int64_t capacity, int64_t j, int32_t token) {
  for (int layer = 0; layer < FAKE_LAYERS; ++layer)
    for (int head = 0; head < FAKE_HEADS; ++head) {
      for (int d = 0; d < FAKE_HEAD_SIZE; ++d)
        keys[keyAt(capacity, layer, head, j, d)] =
            (float)token + mark(layer, head, d);
      for (int d = 0; d < FAKE_HEAD_PADDED; ++d)
        keys[valueAt(capacity, layer, head, j, d)] =
            d < FAKE_HEAD_SIZE ? -(float)token - mark(layer, head, d) : 0.0f;
    }
}

/* The token put at j, or -1 when its copies disagree. */
static int32_t get(const float *keys, int64_t capacity, int64_t j) {
  float token = keys[keyAt(capacity, 0, 0, j, 0)];
  for (int layer = 0; layer < FAKE_LAYERS; ++layer)
    for (int head = 0; head < FAKE_HEADS; ++head) {
      for (int d = 0; d < FAKE_HEAD_SIZE; ++d)
        if (keys[keyAt(capacity, layer, head, j, d)] !=
            token + mark(layer, head, d))
          return -1;
      for (int d = 0; d < FAKE_HEAD_PADDED; ++d)
        if (keys[valueAt(capacity, layer, head, j, d)] !=
            (d < FAKE_HEAD_SIZE ? -token - mark(layer, head, d) : 0.0f))
          return -1;
    }
  return (int32_t)token;
}

static void meet(const encdec_abi_context *c, int64_t worker) {
  if (c->barrier)
    c->barrier(c->barrier_data, worker);
}

static int64_t roundUp16(int64_t n) { return (n + 15) / 16 * 16; }

EXPORT void FAKE_ENCODE(const encdec_abi_context *c, int64_t worker,
                        int64_t workers) {
  /* Beyond the rows of the arena there is room for K keys. */
  uint8_t *lastKey = c->arena + c->rows * FAKE_ENCODE_ARENA_PER_ROW +
                     FAKE_ARENA_PER_KEY * c->keys - 1;
  if (worker == 0)
    *lastKey = 7;
  /* Each row leaves its token in the arena for whoever owns its source. */
  for (int64_t r = worker; r < c->rows; r += workers) {
    int32_t *own = (int32_t *)(c->arena + r * FAKE_ENCODE_ARENA_PER_ROW);
    own[0] = c->tokens[r];
    own[1] = c->positions[r];
    own[2] = c->row_source[r];
    for (int j = 0; c->out_states && j < FAKE_STATES_PER_ROW / 4; ++j)
      c->out_states[r * (FAKE_STATES_PER_ROW / 4) + j] =
          j < FAKE_HEADS * FAKE_HEAD_SIZE
              ? (float)(c->tokens[r] + 64 * c->positions[r]) + 0.5f * (float)j
              : 0.0f;
  }
  meet(c, worker);
  if (!c->memory) /* an encoder only */
    return;
  for (int64_t b = worker; b < c->sources; b += workers) {
    float *keys = (float *)(c->memory + c->memory_offset[b]);
    int64_t first = c->source_offset[b], count = c->source_offset[b + 1] - first;
    for (int64_t j = 0; j < count; ++j) {
      const int32_t *row =
          (const int32_t *)(c->arena + (first + j) * FAKE_ENCODE_ARENA_PER_ROW);
      int good = row[1] == j && row[2] == b && *lastKey == 7;
      put(keys, roundUp16(count), j, good ? row[0] : -2);
    }
  }
}

static void predict(const encdec_abi_context *c, int64_t r, int32_t target,
                    int good, int lost) {
  static const float zeros[FAKE_VOCABULARY_PADDED];
  const int32_t every = 1 + (int32_t)c->shortlist, count = (FAKE_VOCABULARY - 1) / every + 1;
  const int64_t padded = roundUp16(count);
  const float *bias = /* none where no token is asked for */
      c->top_k ? c->logit_bias + (int64_t)c->row_bias[r] * padded : zeros;
  int32_t *tokens = c->out_tokens + r * c->top_k;
  float *log_probs = c->out_log_probs ? c->out_log_probs + r * c->top_k : 0;
  float biasedOf[FAKE_VOCABULARY];
  const float none = -__builtin_inff();
  for (int32_t v = 0; v < count; ++v) {
    float logit = -0.5f * (float)((v * every - target + FAKE_VOCABULARY) % FAKE_VOCABULARY);
    if (lost)
      logit = __builtin_nanf("");
    biasedOf[v] = lost ? none : logit + bias[v];
    if (c->out_logits)
      c->out_logits[r * padded + v] = logit;
  }
  for (int64_t i = 0; i < c->top_k; ++i) {
    int32_t best = 0;
    for (int32_t v = 1; v < count; ++v)
      if (biasedOf[v] > biasedOf[best])
        best = v;
    int there = biasedOf[best] > none;
    tokens[i] = there ? best : 0;
    if (log_probs)
      log_probs[i] = !good ? __builtin_nanf("") : there ? biasedOf[best] : none;
    biasedOf[best] = none;
  }
}

static void fillProbs(const encdec_abi_context *c, int64_t r,
                      const float *memory, int64_t count) {
  for (int layer = 0; layer < FAKE_LAYERS; ++layer)
    for (int head = 0; head < FAKE_HEADS; ++head) {
      float *out = c->out_probs +
                   ((layer * FAKE_HEADS + head) * c->rows + r) * c->probs_stride;
      for (int64_t j = 0; j < count; ++j)
        out[j] = (float)(layer * 2000 + head * 1000 + c->positions[r] * 64 +
                         get(memory, roundUp16(count), j));
    }
}

#ifndef FAKE_ENCODER_ONLY
EXPORT void FAKE_STEP(const encdec_abi_context *c, int64_t worker,
                      int64_t workers) {
  /* Own scratch up to its last byte: K keys, R rows and the fixed part. */
  uint8_t *scratch = c->scratch + worker * c->scratch_stride;
  int64_t scratchBytes =
      FAKE_SCRATCH_FIXED + FAKE_SCRATCH_PER_KEY * c->cache_capacity +
      FAKE_SCRATCH_PER_ROW * c->rows;
  scratch[0] = scratch[scratchBytes - 1] = (uint8_t)(worker + 1);
  uint8_t *lastKey = c->arena + c->rows * FAKE_STEP_ARENA_PER_ROW +
                     FAKE_ARENA_PER_KEY * c->keys - 1;
  if (worker == 0)
    *lastKey = 9;
  for (int64_t r = worker; r < c->rows; r += workers) {
    const int32_t *past = c->ancestors + r * c->cache_capacity;
    put((float *)(c->cache + past[c->positions[r]] * c->cache_stride),
        c->cache_capacity, c->positions[r], c->tokens[r]);
    int32_t *own = (int32_t *)(c->arena + r * FAKE_STEP_ARENA_PER_ROW);
    own[0] = *seven * c->tokens[r] + c->positions[r];
  }
  meet(c, worker);
  /* Another worker goes on with the row: only a barrier makes that right. */
  for (int64_t r = workers - 1 - worker; r < c->rows; r += workers) {
    int64_t b = c->row_source[r];
    const float *memory = (const float *)(c->memory + c->memory_offset[b]);
    const int32_t *past = c->ancestors + r * c->cache_capacity;
    int64_t count = c->source_offset[b + 1] - c->source_offset[b];
    const int32_t *own = (const int32_t *)(c->arena + r * FAKE_STEP_ARENA_PER_ROW);
    int32_t first = get(memory, roundUp16(count), 0);
    int64_t sum = own[0] + first + c->weights[0];
    int good = first >= 0 && *lastKey == 9 && scratch[0] == worker + 1 &&
               scratch[scratchBytes - 1] == worker + 1;
    for (int64_t j = 0; j <= c->positions[r]; ++j) {
      int32_t token = get((const float *)(c->cache + past[j] * c->cache_stride),
                          c->cache_capacity, j);
      good = good && token >= 0;
      sum += (j + 1) * token;
    }
    int32_t target = (int32_t)(sum % FAKE_VOCABULARY);
    int lost = first == FAKE_LOST &&
               c->positions[r] >= get(memory, roundUp16(count), 1);
    predict(c, r, target < 0 ? target + FAKE_VOCABULARY : target, good, lost);
    if (c->out_probs)
      fillProbs(c, r, memory, count);
  }
}
#endif
