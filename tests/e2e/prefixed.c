/* prefixed.c: generation behind given ids, by the C API.
 *   encdec_prefixed MODEL.encdec NAME=VALUE... < LINES
 * NAME=VALUE are options of generation. A line holds two rows of token ids, with a bar
 * between: a source, and a prefix, which may be empty. For each line one is printed, as
 * `encdec generate --json` has it: "alternatives" with ids, log_prob and score. Lines draw
 * differently. */
#include "lines.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { most_lines = 4096 };

static encdec_options *read_options(char **words, int count) {
  encdec_options *options;
  if (failed(encdec_options_create(&options)))
    exit(1);
  for (int i = 0; i < count; ++i) {
    char *value = strchr(words[i], '=');
    if (!value) {
      fprintf(stderr, "encdec_prefixed: expected NAME=VALUE, found %s\n", words[i]);
      exit(2);
    }
    *value = 0;
    if (failed(encdec_options_set(options, words[i], value + 1)))
      exit(2);
  }
  return options;
}

static void print_number(const char *name, double number) {
  if (isfinite(number))
    printf(", \"%s\": %.9g", name, number);
  else
    printf(", \"%s\": null", name);
}

static int print_result(const encdec_result *result) {
  encdec_source source;
  source.size = sizeof(source);
  if (failed(encdec_result_source(result, 0, &source)))
    return 1;
  printf("{\"alternatives\": [");
  for (uint64_t rank = 0; rank < source.sequence_count; ++rank) {
    encdec_sequence sequence;
    sequence.size = sizeof(sequence);
    if (failed(encdec_result_get(result, 0, rank, &sequence)))
      return 1;
    printf("%s{\"ids\": [", rank ? ", " : "");
    for (uint64_t i = 0; i < sequence.id_count; ++i)
      printf("%s%" PRId32, i ? ", " : "", sequence.ids[i]);
    printf("]");
    print_number("log_prob", sequence.log_prob);
    print_number("score", sequence.score);
    printf("}");
  }
  printf("]}\n");
  return 0;
}

int main(int argc, char **argv) {
  static char line[longest_line];
  static int32_t ids[most_ids], prefix[most_ids];
  static uint64_t sources[most_lines];
  uint64_t count = 0, unfinished = 1;
  encdec_model *model;
  encdec_state *state;
  encdec_generation *generation;
  encdec_state_options limits = encdec_state_options_default();
  limits.probs = 1; /* for coverage_penalty */
  if (argc < 2 || failed(encdec_model_open(argv[1], NULL, &model)) ||
      failed(encdec_state_create(model, &limits, &state)) ||
      failed(encdec_generation_create(state, &generation)))
    return 2;
  encdec_options *options = read_options(argv + 2, argc - 2);
  for (; count < most_lines && fgets(line, sizeof(line), stdin); ++count) {
    uint64_t id_count, prefix_count;
    read_ids(read_ids(line, ids, &id_count), prefix, &prefix_count);
    if (failed(encdec_options_set_integer(options, "generation_id", (int64_t)count)) ||
        failed(encdec_generation_add(generation, ids, id_count, prefix, prefix_count, options,
                                     &sources[count])))
      return 2;
  }
  while (unfinished)
    if (failed(encdec_generation_advance(generation, &unfinished)))
      return 1;
  for (uint64_t i = 0; i < count; ++i) {
    encdec_result *result;
    if (failed(encdec_generation_take(generation, sources[i], &result)) || print_result(result))
      return 1;
    encdec_result_free(result);
  }
  encdec_options_destroy(options);
  encdec_generation_destroy(generation);
  encdec_state_destroy(state);
  encdec_model_close(model);
  return 0;
}
