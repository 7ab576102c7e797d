/* codes.h: what the C APIs of the runtime (runtime.h) and of the compiler (compiler.h)
 * share: why a call failed, and the mark of an exported function. */
#ifndef ENCDEC_CODES_H
#define ENCDEC_CODES_H

#if defined(__GNUC__)
#define ENCDEC_API __attribute__((visibility("default")))
#else
#define ENCDEC_API
#endif

/* The codes are also the exit codes of the `encdec` programs. */
enum {
  ENCDEC_OK = 0,
  ENCDEC_ERROR_FAILURE = 1,      /* the system failed: reading, memory, threads */
  ENCDEC_ERROR_USAGE = 2,        /* arguments that make no sense */
  ENCDEC_ERROR_BAD_MODEL = 3,    /* damaged, hostile or unknown file */
  ENCDEC_ERROR_DOES_NOT_FIT = 4, /* sound, for another machine or version */
  ENCDEC_ERROR_LIMIT = 5         /* a stated limit was reached */
};

#endif /* ENCDEC_CODES_H */
