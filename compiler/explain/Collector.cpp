#include "compiler/explain/Collector.h"
#include "compiler/explain/Provenance.h"
#include "mlir/IR/Remarks.h"

using namespace mlir;

namespace encdec::explain {
namespace {

Verdict verdictOf(const remark::detail::Remark &remark) {
  Verdict verdict;
  verdict.passed = remark.getRemarkType() == llvm::remarks::Type::Passed;
  verdict.pass = remark.getCategoryName().str();
  verdict.code = remark.getRemarkName().str();
  verdict.function = remark.getFunction().str();
  for (const auto &arg : remark.getArgs()) { // as compiler/Remarks.cpp calls them
    if (arg.key == "Gain" || arg.key == "Reason")
      verdict.text = arg.val;
    else if (arg.key == "Blocker")
      verdict.blocker = arg.val;
    else if (arg.key == "Remedy")
      verdict.remedy = arg.val;
  }
  verdict.place = placeOf(remark.getLocation());
  auto about = numbersIn(remark.getLocation());
  verdict.about.assign(about.begin(), about.end());
  return verdict;
}

/// The context owns it and outlives the collector.
struct Streamer : remark::detail::MLIRRemarkStreamerBase {
  explicit Streamer(std::shared_ptr<std::vector<Verdict> *> out) : out(std::move(out)) {}
  void streamOptimizationRemark(const remark::detail::Remark &remark) override {
    if (*out)
      (*out)->push_back(verdictOf(remark));
  }
  std::shared_ptr<std::vector<Verdict> *> out;
};

} // namespace

RemarkCollector::RemarkCollector(MLIRContext &context, std::vector<Verdict> &verdicts)
    : out(std::make_shared<std::vector<Verdict> *>(&verdicts)) {
  remark::RemarkCategories all{std::nullopt, ".*", ".*", ".*", ".*"};
  (void)remark::enableOptimizationRemarks(context, std::make_unique<Streamer>(out),
                                          std::make_unique<remark::RemarkEmittingPolicyAll>(),
                                          all);
}

RemarkCollector::~RemarkCollector() { *out = nullptr; }

} // namespace encdec::explain
