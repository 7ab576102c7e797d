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

void Answers::found(const encdec_result *result, std::span<const int32_t> prefix) {
  endStream();
  ++count;
  auto read = sized<encdec_source>();
  check(encdec_result_source(result, 0, &read));
  std::vector<Answer> best;
  for (size_t rank = 0; rank < read.sequence_count; ++rank) {
    auto sequence = sized<encdec_sequence>();
    check(encdec_result_get(result, 0, rank, &sequence));
    best.push_back(answerOf(sequence, prefix));
  }
  if (arguments.json) {
    Json object = toJson(best.front());
    if (returned > 1)
      for (const Answer &answer : best)
        object["alternatives"].push_back(toJson(answer));
    if (read.cut_count)
      object["truncated"] = read.cut_count;
    return printJson(object);
  }
  if (arguments.stream)
    return print("\n");
  std::vector<std::string> texts;
  for (const Answer &answer : best)
    texts.push_back(info.has_tokenizer ? answer.text
                                       : fmt::format("{}", fmt::join(answer.ids, " ")));
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

Answers::Answer Answers::answerOf(const encdec_sequence &sequence,
                                  std::span<const int32_t> prefix) const {
  Answer answer{behind(prefix, {sequence.ids, sequence.id_count}), "", sequence.score,
                sequence.log_prob};
  if (sequence.text && prefix.empty())
    answer.text.assign(sequence.text, sequence.text_size);
  else if (info.has_tokenizer)
    answer.text = detokenized(model, answer.ids);
  return answer;
}

Json Answers::toJson(const Answer &answer) const {
  Json all;
  all["ids"] = answer.ids;
  all["text"] = info.has_tokenizer ? Json(answer.text) : Json(nullptr);
  all["score"] = answer.score; // NaN becomes null
  all["log_prob"] = answer.logProb;
  return all;
}

} // namespace encdec::tools
