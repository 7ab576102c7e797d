//===- Answers.cpp - texts, JSON and pictures of what was generated -------===//

#include "runtime/tools/Answers.h"
#include "runtime/tools/Terminal.h"

#include <fmt/format.h>

#include <algorithm>

namespace encdec::tools {
namespace {

using Json = nlohmann::ordered_json;

void printJson(const Json &object) {
  print(object.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
}

/// The JSON of a source without a hypothesis.
Json emptyJson(const Json &text) {
  return {{"ids", Json::array()},
          {"text", text},
          {"score", nullptr},
          {"log_prob", nullptr}};
}

} // namespace

Answers::Answers(const GenerateArguments &arguments, const encdec_model *model)
    : arguments(arguments), model(model), info(modelInfo(model)),
      returned(arguments.generation.resolve(model, "num_return_sequences")) {
  if (!arguments.stream)
    return;
  if (returned > 1)
    throw usageFailure(fmt::format("--stream writes one hypothesis of each source, but "
                                   "num_return_sequences is {}; leave one out",
                                   returned));
  encdec_detokenizer *created = nullptr;
  if (info.has_tokenizer)
    check(encdec_detokenizer_create(model, &created));
  detokenizer.reset(created);
}

/// Text that is certain with further tokens.
std::string Answers::textOfMore(std::span<const int32_t> tokens) {
  if (!detokenizer)
    return fmt::format("{}{}", begun && !tokens.empty() ? " " : "", fmt::join(tokens, " "));
  std::string text;
  for (int32_t token : tokens) {
    const char *more = nullptr;
    uint64_t size = 0;
    check(encdec_detokenizer_push(detokenizer.get(), token, &more, &size));
    text.append(more, size);
  }
  return text;
}

void Answers::certain(std::span<const int32_t> tokens) {
  if (tokens.empty())
    return;
  piece(tokens, textOfMore(tokens));
}

/// Writes a piece of the next source's text.
void Answers::piece(std::span<const int32_t> tokens, std::string text) {
  begun = true;
  if (arguments.json) {
    printJson({{"line", count + 1},
               {"tokens", std::vector<int32_t>(tokens.begin(), tokens.end())},
               {"text", info.has_tokenizer ? Json(text) : Json(nullptr)}});
  } else {
    std::ranges::replace(text, '\n', ' ');
    print(text);
  }
  flushResults();
}

/// The text that the detokenizer has held back.
void Answers::endStream() {
  if (!arguments.stream)
    return;
  const char *rest = "";
  uint64_t size = 0;
  if (detokenizer)
    check(encdec_detokenizer_finish(detokenizer.get(), &rest, &size));
  if (size > 0)
    piece({}, {rest, size});
  begun = false;
}

void Answers::found(const encdec_result *result) {
  endStream();
  ++count;
  auto read = sized<encdec_source>();
  check(encdec_result_source(result, 0, &read));
  std::vector<encdec_sequence> best(read.sequence_count,
                                    sized<encdec_sequence>());
  for (size_t rank = 0; rank < best.size(); ++rank)
    check(encdec_result_get(result, 0, rank, &best[rank]));
  if (arguments.json) {
    Json object = toJson(best.front());
    if (returned > 1)
      for (const encdec_sequence &sequence : best)
        object["alternatives"].push_back(toJson(sequence));
    if (read.cut_count)
      object["truncated"] = read.cut_count;
    return printJson(object);
  }
  if (arguments.stream)
    return print("\n");
  std::vector<std::string> texts;
  for (const encdec_sequence &sequence : best) {
    const int32_t *ids = sequence.ids;
    texts.push_back(
        info.has_tokenizer
            ? textOf(sequence)
            : fmt::format("{}", fmt::join(ids, ids + sequence.id_count, " ")));
  }
  lines(std::move(texts));
}

void Answers::blank() {
  ++count;
  arguments.json ? printJson(emptyJson("")) : lines({});
}

void Answers::missing(const std::string &error) {
  endStream();
  ++count;
  if (!arguments.json)
    return lines({});
  Json object = emptyJson(nullptr);
  object["error"] = error;
  printJson(object);
}

/// Prints exactly --nbest lines: blank ones where texts are missing. A newline in a text
/// adds no line.
void Answers::lines(std::vector<std::string> texts) {
  texts.resize(returned);
  for (std::string &text : texts) {
    std::replace(text.begin(), text.end(), '\n', ' ');
    print(text + "\n");
  }
}

std::string Answers::textOf(const encdec_sequence &sequence) const {
  if (sequence.text)
    return {sequence.text, sequence.text_size};
  uint64_t size = 0;
  check(encdec_detokenize(model, sequence.ids, sequence.id_count, nullptr, 0,
                          &size));
  std::string text(size, 0);
  check(encdec_detokenize(model, sequence.ids, sequence.id_count, text.data(),
                          text.size(), &size));
  return text;
}

Json Answers::toJson(const encdec_sequence &sequence) const {
  Json all;
  all["ids"] =
      std::vector<int32_t>(sequence.ids, sequence.ids + sequence.id_count);
  all["text"] = nullptr;
  if (info.has_tokenizer)
    all["text"] = textOf(sequence);
  all["score"] = sequence.score; // NaN becomes null
  all["log_prob"] = sequence.log_prob;
  return all;
}

} // namespace encdec::tools
