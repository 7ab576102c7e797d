// Bundle.cpp: how bundles are made; counts and checksums from `encdec inspect`.
#include "compiler/lab/Bundle.h"

#include "compiler/lab/Child.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"

using llvm::json::Array;
using llvm::json::Object;
using llvm::json::Value;

namespace encdec::lab {

constexpr unsigned inspectDeadline = 1000;

static std::string workOf(const Object &all, const Object &manifest) {
  Array work;
  for (const Value &value : *all.getArray("sections"))
    if (const Object &section = *value.getAsObject(); section.getString("kind") != "manifest")
      work.push_back(Array{*section.get("kind"), *section.get("name"), *section.get("xxh3_128")});
  for (const char *key : {"memory", "segments"})
    work.push_back(*manifest.get(key));
  return llvm::formatv("{0}", Value(std::move(work))).str();
}

/// Of an entry that stands once for each range of rows, the segments of the range that `rows` rows
/// run in with one worker.
static int64_t segmentsOf(const Array *segments, int64_t rows) {
  int64_t count = 0;
  std::pair<int64_t, int64_t> range{-1, -1};
  for (const Value &segment : segments ? *segments : Array()) {
    const Object &one = *segment.getAsObject();
    std::pair<int64_t, int64_t> from{one.getInteger("least_rows").value_or(0),
                                     one.getInteger("worker_rows").value_or(0)};
    if (std::max(from.first, from.second) > rows)
      break; // ranges follow each other, from few rows to many
    count = from == range ? count + 1 : 1;
    range = from;
  }
  return count;
}

std::vector<std::string> compileCommand(const std::string &compiler, const std::string &model,
                                        const std::string &bundle,
                                        const std::vector<std::string> &words) {
  std::vector<std::string> command = {compiler, model, "-o", bundle};
  command.insert(command.end(), words.begin(), words.end());
  if (llvm::none_of(words, [](llvm::StringRef word) { return word.starts_with("--cpu"); }))
    command.insert(command.end(), {"--cpu", "host"});
  return command;
}

Result<BundleFacts> inspectBundle(const std::string &encdec, const std::string &bundle) {
  ENCDEC_ASSIGN_OR_RETURN(std::string text,
                          outputOf({encdec, "inspect", bundle, "--json"}, inspectDeadline));
  auto json = llvm::json::parse(text);
  if (!json)
    return Status(Code::Failure, "`encdec inspect`: " + llvm::toString(json.takeError()));
  const Object &all = *json->getAsObject(), &manifest = *all.getObject("manifest"),
               &model = *manifest.getObject("model");
  BundleFacts facts;
  facts.sourceVocabulary = uint64_t(model.getInteger("source_vocab_size").value_or(1));
  facts.vocabulary = uint64_t(model.getInteger("vocab_size").value_or(1));
  facts.maxPositions = uint64_t(model.getInteger("max_positions").value_or(1));
  facts.work = workOf(all, manifest);
  int64_t code = 0;
  for (const Value &section : *all.getArray("sections"))
    if (section.getAsObject()->getString("kind") == "code")
      code += section.getAsObject()->getInteger("size").value_or(0);
  const Object &weights = *manifest.getObject("weights"),
               &segments = *manifest.getObject("segments");
  facts.record = Object{{"bytes", all.getInteger("size").value_or(0)},
                        {"code_bytes", code},
                        {"weights_bytes", weights.getInteger("bytes").value_or(0)},
                        {"step_bytes", weights.getInteger("step_bytes").value_or(0)},
                        {"encode_segments", segmentsOf(segments.getArray("encode"), encodeRows)},
                        {"step_segments", segmentsOf(segments.getArray("step"), stepRows)},
                        {"memory", Object(*manifest.getObject("memory"))},
                        {"passes", Array(*manifest.getArray("passes"))}};
  return facts;
}

} // namespace encdec::lab
