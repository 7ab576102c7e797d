/* use_api.cpp: encdec.hpp as a program uses it that has neither exceptions nor RTTI.
 *
 * Returns NULL, or what went wrong. */
#include "encdec/encdec.hpp"

#include <algorithm>
#include <type_traits>

const char *use_api_from_cpp(const encdec_model_image &image, std::vector<std::int32_t> &stepped,
                             std::vector<std::int32_t> &generated);

static_assert(std::is_nothrow_move_constructible_v<encdec::Model>);
static_assert(!std::is_copy_constructible_v<encdec::State>);

const char *use_api_from_cpp(const encdec_model_image &image, std::vector<std::int32_t> &stepped,
                             std::vector<std::int32_t> &generated) {
  auto missing = encdec::Model::open("no-such-file.encdec");
  if (missing || missing.error().code() == ENCDEC_OK || !*missing.error().message())
    return "a missing file opens";
  if (encdec::Bundle::open("no-such-file.encdec"))
    return "a missing bundle opens";
  auto model = encdec::Model::fromMemory(image);
  if (!model || model.error() || model.error().code() != ENCDEC_OK)
    return "fromMemory";
  auto info = model->info();
  if (!info || model->manifest().size() != image.manifest_size)
    return "info";
  if (model->tokenize("Hello.") || model->detokenize({}))
    return "a model without a tokenizer takes text";

  encdec_state_options limits = encdec_state_options_default();
  limits.max_rows = 2;
  limits.threads = 2;
  auto made = encdec::State::create(*model, limits);
  if (!made)
    return made.error().message();
  encdec::State state = *std::move(made);
  {
    encdec::Model gone = *std::move(model); // the state keeps it alive
  }
  if (model->info() || made->info())
    return "a moved-from handle works";
  const std::vector<std::vector<std::int32_t>> sources = {{11, 3}, {-1}};
  encdec::Error error = state.encode(sources);
  if (!error || error.code() != ENCDEC_ERROR_USAGE || error.input() != 1u)
    return "an id that there is not";
  const std::int32_t ids[] = {11, 3};
  if (state.encode(std::vector{std::span(ids)}))
    return "encode";
  std::int32_t token[] = {info->decoder_start_token_id};
  for (int step = 0; step < 20; ++step) {
    auto output = state.step(token);
    if (!output)
      return "step";
    stepped.push_back(token[0] = output->tokens[0]);
  }
  if (state.step(std::span<const std::int32_t>()))
    return "a step of no rows";
  if (state.reorder({}) || state.info()->rows != 0 || state.info()->steps != 20)
    return "reorder";
  {
    auto generation = encdec::Generation::create(state);
    if (!generation || state.step(token) || encdec::Generation::create(state))
      return "a state has one owner";
    auto source = generation->addIds(ids);
    if (!source || generation->addIds({}) || generation->take(*source) ||
        !generation->remove(*source + 1))
      return "sources";
    std::vector<std::int32_t> told;
    bool finished = false;
    if (generation->run([&](const encdec_event &event) {
          told.insert(told.end(), event.ids, event.ids + event.id_count);
          finished = event.kind == ENCDEC_EVENT_FINISHED;
        }))
      return "run";
    auto output = generation->take(*source);
    if (!finished || !output || output->best(0)->id_count != told.size() ||
        !std::equal(told.begin(), told.end(), output->best(0)->ids))
      return "events";
    generation->cancel(); // nothing is left to end, and what comes later is spared
    if (auto next = generation->addIds(ids); !next || generation->run([](const auto &) {}) ||
                                             generation->take(*next)->best(0)->id_count < 2)
      return "a cancelled generation goes on";
  }

  auto options = encdec::Options::create();
  if (!options || options->set("max_new_tokens", 7) || options->set("length_penalty", 1.5) ||
      options->set("num_beams", "1") || options->set("max_new_tokens", 20))
    return "options";
  if (!options->set("max_new_tokens", true) || !options->set("no_such_option", "1"))
    return "a wrong option";
  if (options->set("seed", 5u) || options->set("seed", std::uint64_t(5)) ||
      options->set("seed", 5LL) || options->set("eos_token_id", {3, 5}) ||
      options->set("num_beams", std::string("1")) || options->setText("source_language", "none") ||
      !options->set("num_beams", ~std::uint64_t(0)) || options->clear("source_language") ||
      options->unset("eos_token_id") || options->unset("seed"))
    return "options of other types";
  auto copy = options->copy();
  auto output = state.generateIds(std::vector{std::span(ids)}, &*copy);
  if (!output || output->count() != 1 || !output->source(0) || output->sequence(0, 7))
    return "generate";
  auto best = output->best(0);
  generated.assign(best->ids, best->ids + best->id_count);
  if (state.generate({"Hello."}))
    return "text without a tokenizer";
  return nullptr;
}
