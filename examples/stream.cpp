/* stream.cpp: translates its arguments together and writes each token as it becomes certain.
 *
 *   stream MODEL TEXT...
 *
 * Each line is "number: text"; a text's pieces come in order, texts mix as they advance. */
#include "encdec/encdec.hpp"

#include <cstdio>

int main(int argc, char **argv) {
  if (argc < 3) {
    std::fputs("usage: stream MODEL TEXT...\n", stderr);
    return ENCDEC_ERROR_USAGE;
  }
  auto fail = [](const encdec::Error &error) {
    std::fprintf(stderr, "stream: %s\n", error.message());
    return error.code();
  };
  auto model = encdec::Model::open(argv[1]);
  if (!model)
    return fail(model.error());
  auto state = encdec::State::create(*model);
  if (!state)
    return fail(state.error());
  auto generation = encdec::Generation::create(*state);
  if (!generation)
    return fail(generation.error());
  for (int i = 2; i < argc; ++i)
    if (auto source = generation->add(argv[i]); !source)
      return fail(source.error());
  auto error = generation->run([](const encdec_event &event) {
    const auto source = (unsigned long long)event.source;
    if (event.kind == ENCDEC_EVENT_WARNING)
      std::fprintf(stderr, "stream: text %llu: %s\n", source, event.text);
    else if (event.text && *event.text)
      std::printf("%llu: %s\n", source, event.text);
  });
  if (error)
    return fail(error);
  if (std::fflush(stdout) == 0 && !std::ferror(stdout))
    return 0;
  std::fputs("stream: the output could not be written\n", stderr);
  return ENCDEC_ERROR_FAILURE;
}
