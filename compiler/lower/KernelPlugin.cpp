// The kernels that plugins have brought.
#include "compiler/lower/KernelPlugin.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/xxhash.h"
#include <deque>

using namespace mlir;

namespace encdec {
namespace {

/// A deque: what findKernel gives stays where it is.
std::deque<KernelPlugin> &plugins() {
  static std::deque<KernelPlugin> all;
  return all;
}

template <typename Is> const KernelPlugin *find(Is is) {
  auto found = std::find_if(plugins().rbegin(), plugins().rend(), is);
  return found == plugins().rend() ? nullptr : &*found;
}

} // namespace

void registerKernel(KernelPlugin plugin) { plugins().push_back(std::move(plugin)); }

const KernelPlugin *findKernelOf(StringRef target, Operation *op) {
  return find([&](const KernelPlugin &plugin) {
    return plugin.target == target && plugin.op == op->getName().getStringRef();
  });
}

const KernelPlugin *findKernel(StringRef target, StringRef kernel) {
  return find([&](const KernelPlugin &plugin) {
    return plugin.target == target && plugin.kernel == kernel;
  });
}

func::FuncOp bodyOf(const KernelPlugin &plugin, ModuleOp module, kernel::CallOp call,
                    StringRef level) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << call.getConfig() << call.getOperandTypes() << call.getResultTypes();
  for (unsigned i = 0; i < call.getWeights().size(); ++i)
    os << (call.weight(i) ? call.weight(i).getFormat().getValue() : StringRef("-"));
  std::string name =
      plugin.kernel + "_" + llvm::utohexstr(llvm::xxh3_64bits(text), /*LowerCase=*/true);
  if (auto made = module.lookupSymbol<func::FuncOp>(name))
    return made;
  lower::KernelBuilder k(call.getLoc(), module.getContext());
  k.setInsertionPointToEnd(module.getBody());
  auto function = func::FuncOp::create(
      k, name, FunctionType::get(module.getContext(), {k.ptr(), k.ptr()}, {}));
  lower::makePrivateKernel(function);
  k.setInsertionPointToStart(function.addEntryBlock());
  lower::Frame frame(k, k.wrap(function.getArgument(0)), k.wrap(function.getArgument(1)));
  plugin.body(call, level, k, frame);
  func::ReturnOp::create(k);
  return function;
}

} // namespace encdec
