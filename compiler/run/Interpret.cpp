// Interpret.cpp: batches of greedy or forced steps in the interpreter.
#include "compiler/run/Interpret.h"

#include "compiler/place/Weights.h"
#include "dialect/ReferenceRun.h"

#include <algorithm>
#include <numeric>

using namespace mlir;

namespace encdec {

ErrorMessages::ErrorMessages(MLIRContext &context)
    : handler(&context, [this](Diagnostic &diagnostic) {
        if (diagnostic.getSeverity() != DiagnosticSeverity::Error)
          return;
        llvm::raw_string_ostream out(text);
        out << (text.empty() ? "" : "; ");
        if (auto at = dyn_cast<FileLineColLoc>(diagnostic.getLocation()))
          out << at.getFilename().getValue() << ":" << at.getLine() << ":" << at.getColumn()
              << ": ";
        out << diagnostic.str();
      }) {}

/// The token that decoding starts from.
static int64_t startOf(ModuleOp module) {
  auto generation = module->getAttrOfType<DictionaryAttr>(kGenerationAttr);
  auto token = generation ? generation.getAs<IntegerAttr>("decoder_start_token_id")
                          : IntegerAttr();
  return token ? token.getInt() : 0;
}

Result<std::vector<StepAnswer>> interpretModule(ModuleOp module, const std::string &folder,
                                                const Query &query) {
  ErrorMessages messages(*module.getContext());
  WeightStore store(folder);
  reference::BatchRun run(module, [&](WeightOp weight) { return store.stored(weight); });
  auto failure = [&] { return messages.status("the interpreter failed"); };
  if (failed(run.verify()) || failed(run.encode(query.sources)))
    return failure();
  std::vector<int64_t> rows(query.sources.size());
  std::iota(rows.begin(), rows.end(), 0);
  std::vector<int64_t> tokens(rows.size(), startOf(module));
  std::vector<StepAnswer> answers;
  for (int64_t t = 0; t < query.steps; ++t) {
    std::vector<int64_t> positions(rows.size(), t);
    auto step = run.step(tokens, positions, reference::ownSlots(rows, t), rows);
    if (failed(step))
      return failure();
    answers.push_back({step->tokens, step->logProbs});
    tokens = step->tokens;
    for (size_t row = 0; row < query.forced.size(); ++row)
      tokens[row] = query.forced[row][std::min<size_t>(size_t(t), query.forced[row].size() - 1)];
  }
  return answers;
}

} // namespace encdec
