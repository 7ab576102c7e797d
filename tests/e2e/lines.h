/* lines.h: what the test programs here share that read rows of ids, a line each. */
#ifndef ENCDEC_TESTS_LINES_H
#define ENCDEC_TESTS_LINES_H

#include <encdec/runtime.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { longest_line = 1 << 16, most_ids = 4096 };

/* Whether a call has failed; then its message is printed. */
static int failed(encdec_status *status) {
  if (!status)
    return 0;
  fprintf(stderr, "error: %s\n", encdec_status_message(status));
  return 1;
}

/* Reads ids up to a bar or the end of the line; returns where it stopped. */
static const char *read_ids(const char *text, int32_t *ids, uint64_t *count) {
  char *end;
  *count = 0;
  for (;; text = end) {
    long id = strtol(text, &end, 10);
    if (end == text || *count == most_ids)
      return text + strspn(text, " |\n");
    ids[(*count)++] = (int32_t)id;
  }
}

#endif
