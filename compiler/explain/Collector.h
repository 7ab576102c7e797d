// Takes the remarks of passes as data.
#pragma once
#include "compiler/explain/Report.h"

namespace encdec::explain {

/// Collects the remarks that are emitted on `context` while it lives. The context must have
/// one thread (remarks are not safe under more) and no remark engine; it keeps an engine
/// that no one listens to.
class RemarkCollector {
public:
  RemarkCollector(mlir::MLIRContext &context, std::vector<Verdict> &out);
  ~RemarkCollector();

private:
  std::shared_ptr<std::vector<Verdict> *> out; // null once this has ended
};

} // namespace encdec::explain
