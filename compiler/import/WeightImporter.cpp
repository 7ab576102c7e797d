// WeightImporter.cpp: encdec.weight ops for the tensors a family asks for.
#include "compiler/import/WeightImporter.h"

#include "compiler/import/Fields.h"
#include "dialect/Ops.h"
#include "runtime/base/Utf8.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

using namespace mlir;

namespace encdec {

WeightImporter::WeightImporter(ModuleOp module, const checkpoint::CheckpointFiles *files)
    : builder(OpBuilder::atBlockEnd(module.getBody())), files(files) {}

void WeightImporter::declare(StringRef symbol, ArrayRef<int64_t> shape, Type element,
                             Attribute origin) {
  WeightOp::create(builder, builder.getUnknownLoc(), symbol,
                   RankedTensorType::get(shape, element), origin);
}

static Type elementType(OpBuilder &builder, checkpoint::DType dtype) {
  switch (dtype) {
  case checkpoint::DType::F64:
    return builder.getF64Type();
  case checkpoint::DType::F32:
    return builder.getF32Type();
  case checkpoint::DType::F16:
    return builder.getF16Type();
  case checkpoint::DType::BF16:
    return builder.getBF16Type();
  case checkpoint::DType::Other:
    break;
  }
  return {};
}

void WeightImporter::markSeen(const std::string &tensor) {
  if (const checkpoint::CheckpointFiles::Entry *entry = files->find(tensor))
    seen.insert(entry->info->name);
}

void WeightImporter::need(StringRef symbol, const std::string &tensor,
                          ArrayRef<uint64_t> shape, unsigned rank) {
  take(symbol, tensor, shape, rank, 0);
}

void WeightImporter::needRows(StringRef symbol, const std::string &tensor,
                              ArrayRef<uint64_t> shape, uint64_t skipped) {
  take(symbol, tensor, shape, 2, skipped);
}

void WeightImporter::take(StringRef symbol, const std::string &tensor,
                          ArrayRef<uint64_t> shape, unsigned rank, uint64_t skippedRows) {
  if (!declared.insert(symbol.str()).second)
    return;
  if (!files) {
    asks.push_back({symbol.str(), tensor, shape.vec()});
    return;
  }
  const checkpoint::CheckpointFiles::Entry *entry = files->find(tensor);
  if (!entry)
    return noteMissing(tensor);
  markSeen(tensor);
  const checkpoint::TensorInfo &info = *entry->info;
  auto fail = [&](const std::string &what) {
    if (first.ok())
      first = badModel(fmt::format("{}: tensor {}: {}", entry->file->name(),
                                   quote(info.name), what));
  };
  if (ArrayRef<uint64_t>(info.shape) != shape)
    return fail(fmt::format("expected shape [{}] from config.json, found {}",
                            fmt::join(shape, ", "), info.shapeText()));
  Type element = elementType(builder, info.dtype);
  if (!element)
    return fail(
        fmt::format("expected dtype F64, F32, F16 or BF16, found {}; "
                    "convert the checkpoint to one of these",
                    info.dtypeName));
  while (shape.size() > rank && shape.front() == 1)
    shape = shape.drop_front();
  SmallVector<int64_t> kept(shape.begin(), shape.end());
  uint64_t offset = info.offset;
  if (skippedRows != 0) {
    kept[0] -= int64_t(skippedRows);
    offset += skippedRows * shape[1] * checkpoint::bytesOf(info.dtype);
  }
  declare(symbol, kept, element,
          FileAttr::get(builder.getContext(), entry->file->name(), int64_t(offset)));
}

bool WeightImporter::want(StringRef symbol, const std::string &tensor,
                          ArrayRef<uint64_t> shape, unsigned rank) {
  if (!files || !files->find(tensor))
    return false;
  need(symbol, tensor, shape, rank);
  return true;
}

void WeightImporter::compute(StringRef symbol, ArrayRef<int64_t> shape,
                             Attribute origin) {
  if (declared.insert(symbol.str()).second && files)
    declare(symbol, shape, builder.getF32Type(), origin);
}

Status WeightImporter::status() const {
  if (!first.ok() || missing.empty())
    return first;
  std::vector<std::string> quoted;
  for (const std::string &name : missing)
    quoted.push_back(quote(name)); // a family's file may hold any character
  return badModel(fmt::format(
      "model.safetensors: {} tensors that config.json and the family's file call for are "
      "missing: {}",
      missing.size(), checkpoint::listNames(quoted)));
}

std::string WeightImporter::unusedWarning(
    llvm::function_ref<bool(const std::string &)> ignored) const {
  std::vector<std::string> unused;
  for (const auto &[name, entry] : files->entries())
    if (!seen.contains(name) && !ignored(name))
      unused.push_back(quote(name));
  if (unused.empty())
    return {};
  return fmt::format("model.safetensors: {} tensors not used: {}",
                     unused.size(), checkpoint::listNames(unused));
}

} // namespace encdec
