// delay.c: preloaded, makes the second bundle of a lab's rounds slower by LAB_DELAY (0.03 is 3 %),
// as if its code did more work: encode and step take that much longer by the clock.
#define _GNU_SOURCE
#include "encdec/state.h"
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/// The delay, if this process times ".../1/model.encdec".
static double delay(void) {
  static double known = -1;
  if (known >= 0)
    return known;
  char words[4096];
  int file = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
  ssize_t size = read(file, words, sizeof words);
  close(file);
  const char *text = getenv("LAB_DELAY"), *idea = "/1/model.encdec";
  known = text && size > 0 && memmem(words, (size_t)size, idea, strlen(idea)) ? atof(text) : 0;
  return known;
}

static void spin(double start) {
  const double end = now();
  while (now() < end + delay() * (end - start))
    ;
}

encdec_status *encdec_step(encdec_state *state, const encdec_step_input *input,
                           encdec_step_output *output) {
  static encdec_status *(*real)(encdec_state *, const encdec_step_input *, encdec_step_output *);
  if (!real)
    *(void **)&real = dlsym(RTLD_NEXT, "encdec_step");
  const double start = now();
  encdec_status *status = real(state, input, output);
  spin(start);
  return status;
}
