// ORC links the same object that a bundle would carry, so JIT and bundle compute the
// same bits by construction.
#include "compiler/emit/Jit.h"
#include "compiler/emit/PerfMap.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/TargetSelect.h"
#include <cstdlib>
#include <cstring>
#include <new>

using namespace llvm;

namespace encdec {

WeightBuffer::WeightBuffer(uint64_t size) : size(size) {
  constexpr size_t alignment = 64;
  void *pointer =
      std::aligned_alloc(alignment, (size + alignment) / alignment * alignment);
  storage.reset(pointer);
  if (pointer)
    std::memset(pointer, 0, size);
  else
    this->size = 0;
}

void WeightBuffer::Free::operator()(void *pointer) const { std::free(pointer); }

JitModel::JitModel(Parts given) : parts(std::move(given)) {
  view.size = sizeof(view);
  view.manifest = parts.manifest.data();
  view.manifest_size = parts.manifest.size();
  view.weights = parts.weights.bytes().data();
  view.weights_size = parts.weights.bytes().size();
  if (!parts.tokenizer.empty())
    view.tokenizer = reinterpret_cast<const uint8_t *>(parts.tokenizer.data());
  view.tokenizer_size = parts.tokenizer.size();
}

JitModel::~JitModel() = default;

Expected<std::unique_ptr<JitModel>> JitModel::create(ArrayRef<char> object,
                                                     Parts parts) {
  InitializeNativeTarget();
  InitializeNativeTargetAsmPrinter();
  // The code has no constructors, exceptions or imports, so it needs no platform in
  // ORC's sense, and setting one up would cost more than linking a model.
  auto jit = orc::LLJITBuilder()
                 .setPlatformSetUp(orc::setUpInactivePlatform)
                 .setLinkProcessSymbolsByDefault(false)
                 .create();
  if (!jit)
    return jit.takeError();
  // What ORC would print says why a symbol is missing.
  auto said = std::make_shared<std::string>();
  (*jit)->getExecutionSession().setErrorReporter(
      [said](Error error) { *said += ": " + toString(std::move(error)); });
  std::unique_ptr<JitModel> model(new JitModel(std::move(parts)));
  model->jit = std::move(*jit);
  if (model->parts.perfMap)
    cast<orc::ObjectLinkingLayer>(model->jit->getObjLinkingLayer())
        .addPlugin(std::make_shared<PerfMap>());
  if (Error error = model->jit->addObjectFile(MemoryBuffer::getMemBufferCopy(
          StringRef(object.data(), object.size()), "encdec")))
    return error;
  auto find = [&](StringRef symbol) -> Expected<orc::ExecutorAddr> {
    auto found = model->jit->lookup(symbol);
    if (found)
      return *found;
    return createStringError(toString(found.takeError()) + *said);
  };
  auto encode = find(ENCDEC_ABI_ENCODE_SYMBOL);
  if (!encode)
    return encode.takeError();
  model->view.encode = encode->toPtr<encdec_abi_entry_fn>();
  if (!model->parts.hasStep)
    return model;
  auto step = find(ENCDEC_ABI_STEP_SYMBOL);
  if (!step)
    return step.takeError();
  model->view.step = step->toPtr<encdec_abi_entry_fn>();
  return model;
}

} // namespace encdec
