/* fake_model.h: the sizes of the model in fake_model.c, for it and its tests. */
#ifndef ENCDEC_TESTS_FAKE_MODEL_H
#define ENCDEC_TESTS_FAKE_MODEL_H

enum {
  FAKE_LAYERS = 2,
  FAKE_HEADS = 2,
  FAKE_HEAD_SIZE = 20,   /* D: no multiple of 16, so padding is exercised */
  FAKE_HEAD_PADDED = 32, /* Dp */
  FAKE_VOCABULARY = 41,  /* V */
  FAKE_VOCABULARY_PADDED = 48,
  FAKE_SOURCE_VOCABULARY = 51,
  FAKE_LOST = 50, /* begins a source that overflows (fake_model.c) */
  FAKE_POSITIONS = 40,
  FAKE_BYTES_PER_KEY =
      FAKE_LAYERS * FAKE_HEADS * (FAKE_HEAD_SIZE + FAKE_HEAD_PADDED) * 4,
  FAKE_STATES_PER_ROW = 48 * 4, /* of d_model 40 */
  FAKE_ENCODE_ARENA_PER_ROW = 64,
  FAKE_STEP_ARENA_PER_ROW = 64,
  FAKE_ARENA_PER_KEY = 4,
  FAKE_SCRATCH_FIXED = 64,
  FAKE_SCRATCH_PER_KEY = 4,
  FAKE_SCRATCH_PER_ROW = 16,
  FAKE_WEIGHTS = 8192 /* bytes; the first is added to every prediction */
};

#endif
