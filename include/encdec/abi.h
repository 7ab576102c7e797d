/* abi.h: all that compiled code and the runtime agree on.
 *
 * The compiler emits machine code and a manifest; the runtime calls the code.
 * Neither includes the other: they meet in this header (plain C11 / C++20) and
 * in the bundle file whose layout it also fixes. Change anything here and
 * ENCDEC_ABI_VERSION must change with it.
 *
 * Letters: R rows (live hypotheses), B sources, S source tokens of all sources
 * together (no padding), H heads, D head size, E model width, V vocabulary.
 */
#ifndef ENCDEC_ABI_H
#define ENCDEC_ABI_H

#include <stdint.h>

#define ENCDEC_ABI_VERSION 8

/* Vector width that all packed layouts are built from: columns of a weight panel and
 * keys of a key block. One layout serves every CPU level. */
#define ENCDEC_ABI_LANES 16

/* The most tokens of a row that a step can be asked for. */
#define ENCDEC_ABI_MAX_TOP_K 64
/* Candidates for each beam that a beam search asks for: enough that all beams go on
 * even where all `eos_count` end tokens are among the best. */
#define ENCDEC_ABI_TOP_K_OF_BEAM(eos_count)                                    \
  ((eos_count) > 1 ? (eos_count) + 1 : 2)

/* Rows of an activation start every round_up(width, ENCDEC_ABI_LANES) floats;
 * the padding floats are always zero. */

/* The context of one call: X(C type, name). Every field is 8 bytes wide, so
 * field i lives at byte 8 * i; the compiler derives its loads from this list.
 * All pointers are 64-byte aligned unless said otherwise and owned by the
 * caller; the code writes only arena, scratch, memory (encode), cache (step)
 * and the outputs. */
#define ENCDEC_ABI_CONTEXT(X)                                                  \
  /* packed weights, exactly the bundle's weights section */                   \
  X(const uint8_t *, weights)                                                  \
  /* activations: arena formula of the manifest */                             \
  X(uint8_t *, arena)                                                          \
  /* per-worker scratch: worker w owns scratch + w * scratch_stride */         \
  X(uint8_t *, scratch)                                                        \
  X(int64_t, scratch_stride)                                                   \
  /* K of the formulas below */                                                \
  X(int64_t, keys)                                                             \
  /* cross keys and values: source b starts at memory + memory_offset[b] */    \
  X(uint8_t *, memory)                                                         \
  X(const int64_t *, memory_offset)                                            \
  /* self keys and values: slot s starts at cache + s * cache_stride */        \
  X(uint8_t *, cache)                                                          \
  X(int64_t, cache_stride)                                                     \
  /* positions a slot has room for; a multiple of ENCDEC_ABI_LANES */          \
  X(int64_t, cache_capacity)                                                   \
  /* encode: S source tokens; step: R rows */                                  \
  X(int64_t, rows)                                                             \
  X(int64_t, sources)                                                          \
  /* token of each row (4-byte aligned, as the int32 arrays below) */          \
  X(const int32_t *, tokens)                                                   \
  /* position of each row within its own sequence */                           \
  X(const int32_t *, positions)                                                \
  /* source of each row */                                                     \
  X(const int32_t *, row_source)                                               \
  /* encode and step: B + 1 entries, source b has tokens [o[b], o[b+1]) */     \
  X(const int32_t *, source_offset)                                            \
  /* step: R rows of cache_capacity slots: where each position of a row's past \
     lies; its own new position's slot is no other row's, except where rows    \
     share slots (shared_slots). Entries beyond it, up to a multiple of        \
     ENCDEC_ABI_LANES, are slots too */                                        \
  X(const int32_t *, ancestors)                                                \
  /* step: additive logit biases, rows of round_up(V, 16) floats, 0 or -inf */ \
  X(const float *, logit_bias)                                                 \
  /* step: which logit_bias row applies to each row */                         \
  X(const int32_t *, row_bias)                                                 \
  /* step: how many best tokens of each row, 1 … ENCDEC_ABI_MAX_TOP_K; or 0: the\
     rows enter the cache and no token is predicted. Then out_tokens,          \
     out_log_probs, logit_bias and row_bias are not touched and may be null;   \
     out_logits, where it is not null, is written as ever */                   \
  X(int64_t, top_k)                                                            \
  /* step: 0: no row reads what another row of the call writes to the cache.   \
     1: rows may be positions of one hypothesis, such as its prompt: a row     \
     reads what other rows of the call write, at positions before its own. Rows\
     that write to one slot differ in position. Every row's logits and keys have\
     the bits of steps that take one position after the other */               \
  X(int64_t, shared_slots)                                                     \
  /* encode: S rows of round_up(E, 16) floats, the encoder's output, or null.   \
     Written only where the manifest's states_per_row is not 0 */              \
  X(float *, out_states)                                                       \
  /* step: R x top_k tokens, best first after logit_bias, lower ids first on   \
     ties; token 0 where all others are biased to -inf */                      \
  X(int32_t *, out_tokens)                                                     \
  /* step: their log-probabilities under the softmax of the unbiased logits;   \
     -inf where there is no token; or null, which may cost less */             \
  X(float *, out_log_probs)                                                    \
  /* step: how many blocks of 128 columns may hold the best token by a sketch  \
     of the vocabulary, where one was used; or null */                         \
  X(int64_t *, out_candidate_blocks)                                           \
  /* step: R rows of round_up(V, 16) unbiased logits, or null */               \
  X(float *, out_logits)                                                       \
  /* step: cross-attention probabilities, or null:                             \
     [layer][head][row][probs_stride], keys of the row's source */             \
  X(float *, out_probs)                                                        \
  X(int64_t, probs_stride)                                                     \
  /* step: the tokens that it chooses among: 0: the vocabulary; n: the n-th of  \
     the manifest's shortlists. Then V is the length of the list, and out_tokens,\
     logit_bias and out_logits are by place in the list; `tokens` are ids as ever */\
  X(int64_t, shortlist)                                                        \
  /* waits until all workers of this call arrived; null with one worker */     \
  X(encdec_abi_barrier_fn, barrier)                                            \
  X(void *, barrier_data)

typedef void (*encdec_abi_barrier_fn)(void *barrier_data, int64_t worker);

#define ENCDEC_ABI_FIELD(type, name) type name;
typedef struct encdec_abi_context {
  ENCDEC_ABI_CONTEXT(ENCDEC_ABI_FIELD)
} encdec_abi_context;
#undef ENCDEC_ABI_FIELD

/* The two entry points of a code section, by these symbol names. A model that is an
 * encoder only has no step. All workers
 * of a call run the same function with the same context. They allocate
 * nothing, import nothing, and hold no state between calls. */
typedef void (*encdec_abi_entry_fn)(const encdec_abi_context *context,
                                    int64_t worker, int64_t workers);
#define ENCDEC_ABI_ENCODE_SYMBOL "encdec_encode"
#define ENCDEC_ABI_STEP_SYMBOL "encdec_step"
/* A data symbol of type uint64_t holding ENCDEC_ABI_VERSION. */
#define ENCDEC_ABI_VERSION_SYMBOL "encdec_abi_version"

/* Sizes are sums of products the manifest states under "memory", integers:
 *   encode_arena  = encode_arena_per_row * S + encode_arena_per_key * K
 *   step_arena    = step_arena_per_row * R + step_arena_per_key * K
 *   scratch       = scratch_fixed + scratch_per_key * K + scratch_per_row * R for each
 *                   worker, where K = round_up(longest source or longest target, 16)
 *   memory of one source of length s: memory_per_key * round_up(s, 16)
 *   cache of one slot of capacity c:  cache_per_key * c, c a multiple of 16
 *   out_states    = states_per_row * S; 0: encode does not give its output
 * Key/value layout inside both, with C = round_up(s, 16) or c: layer after
 * layer, each layer keys [H][C/16][D][16], then values [H][C][Dp] with Dp =
 * round_up(D, 16), of the manifest's "key_type": f32 or bf16. */

/* --- The bundle file ------------------------------------------------------
 * All integers little-endian.
 *   encdec_bundle_header
 *   encdec_bundle_section[section_count]
 *   section bytes, each at a 4096-byte aligned offset, in table order, touching
 *   up to that alignment; the gaps are zero; the file ends with the last one.
 */
#define ENCDEC_BUNDLE_MAGIC "ENCDECB\x1a"
#define ENCDEC_BUNDLE_VERSION 5
#define ENCDEC_BUNDLE_ALIGN 4096
#define ENCDEC_BUNDLE_CHUNK (UINT64_C(1) << 20)

typedef struct encdec_bundle_header {
  char magic[8];
  uint32_t version;       /* ENCDEC_BUNDLE_VERSION */
  uint32_t abi_version;   /* ENCDEC_ABI_VERSION */
  uint64_t file_size;     /* of the whole file */
  uint32_t section_count; /* 1 … 64 */
  uint32_t reserved;      /* 0 */
  uint8_t checksum[16];   /* XXH3-128 (canonical, big-endian form) of the header
                             with this field zero, then the section table */
  uint8_t padding[16];    /* 0 */
} encdec_bundle_header;

enum {
  ENCDEC_SECTION_MANIFEST = 1,  /* JSON, UTF-8 */
  ENCDEC_SECTION_CODE = 2,      /* an ELF shared object; name = CPU level */
  ENCDEC_SECTION_WEIGHTS = 3,   /* packed weights, mapped as they are */
  ENCDEC_SECTION_TOKENIZER = 4  /* the table of tokenizer.h; at most one */
};

typedef struct encdec_bundle_section {
  uint32_t kind;
  uint32_t reserved; /* 0 */
  uint64_t offset;
  uint64_t size;
  char name[24];       /* zero-terminated, zero-filled */
  uint8_t checksum[16]; /* XXH3-128 (canonical form) of the section's bytes; of a
                           section larger than ENCDEC_BUNDLE_CHUNK, of the
                           checksums of its chunks, one after another. Chunks have
                           that size, the last one may be shorter; so several
                           threads can verify the weights. */
} encdec_bundle_section;

/* --- A model in memory -----------------------------------------------------
 * What a bundle holds, handed over by a JIT instead. Every pointer stays valid
 * until the model made from it is closed and all its states are destroyed. */
typedef struct encdec_model_image {
  uint64_t size; /* sizeof(encdec_model_image) of the caller */
  const char *manifest; /* JSON, not necessarily zero-terminated */
  uint64_t manifest_size;
  const uint8_t *weights; /* 64-byte aligned */
  uint64_t weights_size;
  encdec_abi_entry_fn encode;
  encdec_abi_entry_fn step; /* null: an encoder only */
  const uint8_t *tokenizer; /* the table of tokenizer.h, 8-byte aligned; NULL: none */
  uint64_t tokenizer_size;
} encdec_model_image;

#ifdef __cplusplus
static_assert(sizeof(encdec_bundle_header) == 64, "bundle header layout");
static_assert(sizeof(encdec_bundle_section) == 64, "bundle section layout");
#else
_Static_assert(sizeof(encdec_bundle_header) == 64, "bundle header layout");
_Static_assert(sizeof(encdec_bundle_section) == 64, "bundle section layout");
#endif

#endif /* ENCDEC_ABI_H */
