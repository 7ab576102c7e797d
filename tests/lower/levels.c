/* Drives a model of encdec_level_objects on fixed inputs and writes the bits of its
 * outputs. Built for this machine with libc and for aarch64 without: there qemu runs
 * the program, which needs two system calls and nothing else. */
#include "encdec/abi.h"

void encdec_encode(const encdec_abi_context *context, int64_t worker, int64_t workers);
void encdec_step(const encdec_abi_context *context, int64_t worker, int64_t workers);

/* The packed weights, as they stand in a bundle. */
__asm__(".section .rodata\n.balign 64\npacked_weights:\n.incbin \"" WEIGHTS "\"\n.text\n");
extern const uint8_t packed_weights[];

#ifdef __aarch64__
static long system_call(long number, long a, long b, long c) {
  register long x8 __asm__("x8") = number, x0 __asm__("x0") = a,
                x1 __asm__("x1") = b, x2 __asm__("x2") = c;
  __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
  return x0;
}
static void put(const void *data, long size) { system_call(64, 1, (long)data, size); }
int main(void);
void _start(void) { system_call(93, main(), 0, 0); }
#else
#include <unistd.h>
static void put(const void *data, long size) { (void)!write(1, data, size); }
#endif

#define ROUND_UP(n) (((n) + 15) / 16 * 16)
#define ROOM(name, bytes) static _Alignas(64) uint8_t name[(bytes) + 64]
enum { rows = 3, steps = 6, sources = 2, lengths = 17 + 5, padded = 32 + 16,
       capacity = 32, top = 3, stride = ROUND_UP(vocabulary) };
ROOM(encode_arena, encode_arena_per_row * padded + encode_arena_per_key * capacity);
ROOM(step_arena, step_arena_per_row * rows + step_arena_per_key * capacity);
ROOM(scratch, scratch_fixed + scratch_per_key * capacity + scratch_per_row * ROUND_UP(lengths));
ROOM(memory, memory_per_key * padded);
ROOM(cache, cache_per_key * capacity * rows);
static _Alignas(64) float bias[stride], logits[rows * stride], log_probs[rows * top],
    probs[attentions * rows * capacity];
static int32_t out_tokens[rows * top], tokens[lengths], positions[lengths],
    row_source[lengths], row_bias[rows], ancestors[rows * capacity];
static int64_t candidate_blocks;
static const int32_t offsets[] = {0, 17, lengths};
static const int64_t memory_offset[] = {0, memory_per_key * 32};

static encdec_abi_context context = {
    .weights = packed_weights, .scratch = scratch, .keys = capacity, .memory = memory,
    .memory_offset = memory_offset, .cache = cache,
    .cache_stride = cache_per_key * capacity, .cache_capacity = capacity,
    .sources = sources, .tokens = tokens, .positions = positions,
    .row_source = row_source, .source_offset = offsets, .ancestors = ancestors,
    .logit_bias = bias, .row_bias = row_bias, .out_tokens = out_tokens,
    .out_candidate_blocks = &candidate_blocks, .probs_stride = capacity};

int main(void) {
  for (int i = 0; i < lengths; ++i) {
    tokens[i] = (5 * i + 3) % source_vocabulary;
    row_source[i] = i >= 17;
    positions[i] = i >= 17 ? i - 17 : i;
  }
  context.arena = encode_arena;
  context.rows = lengths;
  encdec_encode(&context, 0, 1);

  context.arena = step_arena;
  context.rows = rows;
  for (int step = 0; step < steps; ++step) {
    for (int r = 0; r < rows; ++r) {
      tokens[r] = (7 * step + 11 * r) % vocabulary;
      positions[r] = step;
      row_source[r] = r == 1; /* rows 0 and 2 ask one source */
      for (int p = 0; p < capacity; ++p) /* row 2 begins as row 1 did */
        ancestors[r * capacity + p] = step && p == 0 && r == 2 ? 1 : rows - 1 - r;
    }
    /* Rows that need no probabilities attend together; where only the best token is
     * wanted, a sketch is read. */
    int scored = step % 3 != 2;
    context.out_probs = step % 2 ? probs : 0;
    context.top_k = scored ? top : 1;
    context.out_log_probs = scored ? log_probs : 0;
    context.out_logits = scored ? logits : 0;
    encdec_step(&context, 0, 1);
    put(logits, sizeof logits);
    put(log_probs, sizeof log_probs);
    put(out_tokens, sizeof out_tokens);
    put(probs, sizeof probs);
    put(&candidate_blocks, sizeof candidate_blocks);
  }
  return 0;
}
