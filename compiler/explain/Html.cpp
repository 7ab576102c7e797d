#include "compiler/explain/Print.h"
namespace encdec::explain {
void printHtml(const Report &report, const View &view, llvm::raw_ostream &out) {}
}
