// Numbers.cpp: the tensors of a random checkpoint, and the file that holds them.
#include "compiler/synth/SynthFiles.h"

#include "compiler/import/Weights.h"
#include "dialect/Dialect.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"
#include "mlir/IR/MLIRContext.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <fmt/format.h>

using namespace encdec::checkpoint;
using llvm::StringRef;

namespace encdec {

namespace {

/// The standard deviation of a weight, by what it becomes.
double deviation(const AskedTensor &tensor, const ModelDescription &model) {
  StringRef symbol = tensor.symbol;
  const SideDescription &side =
      symbol.starts_with("decoder") ? model.decoder : model.encoder;
  // Rows of length 1: a head that is the same table then makes logits of deviation 1.
  const double table = 1 / (std::sqrt(double(model.dModel)) * model.headScale);
  // Gains of both signs: else a head that is the embedding finds the token that went in.
  if (symbol.ends_with(".gamma"))
    return 1;
  if (tensor.shape.size() == 1 || symbol.ends_with("head_bias"))
    return 0.1;
  if (symbol == "shared" || symbol.ends_with(".embed") || symbol == "decoder.head")
    return table;
  if (symbol.ends_with(".positions"))
    return 0.5 * side.embeddingScale * table;
  if (symbol.ends_with(".bias"))
    return 0.5;
  const double fanIn = 1 / std::sqrt(double(tensor.shape.back()));
  if (symbol.ends_with(".q.w")) // scores of deviation 1, where nothing scales them too
    return fanIn / (side.scoresScale * std::sqrt(double(side.headSize)));
  return fanIn;
}

/// Numbers in [-1, 1) by their index: SplitMix64 (Steele, Lea and Flood 2014) as a hash.
class Draw {
public:
  Draw(uint64_t seed, StringRef name) : state(seed) {
    for (char letter : name) // FNV-1a, which does not differ from build to build
      state = (state ^ uint8_t(letter)) * 0x100000001b3u;
  }
  float at(uint64_t index) const {
    uint64_t z = state + (index + 1) * 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    return float(int64_t(z) >> 40) * 0x1p-23f;
  }

private:
  uint64_t state;
};

/// Rounds to nearest, ties to even; the value is finite.
uint16_t toBf16(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  return uint16_t((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

std::string headerOf(std::span<const SynthTensor> tensors, bool half) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  llvm::json::OStream json(stream);
  uint64_t offset = 0;
  json.object([&] {
    for (const SynthTensor &tensor : tensors)
      json.attributeObject(tensor.name, [&] {
        uint64_t end = offset + tensor.count() * (half ? 2 : 4);
        json.attribute("dtype", half ? "BF16" : "F32");
        json.attributeArray("shape", [&] {
          for (uint64_t size : tensor.shape)
            json.value(size);
        });
        json.attribute("data_offsets", llvm::json::Array{offset, end});
        offset = end;
      });
  });
  text.resize((text.size() + 7) / 8 * 8, ' ');
  return text;
}

} // namespace

uint64_t SynthTensor::count() const {
  uint64_t product = 1;
  for (uint64_t size : shape)
    product *= size;
  return product;
}

std::vector<SynthTensor> synthTensors(const ModelDescription &model) {
  mlir::MLIRContext context;
  context.loadDialect<EncDecDialect>();
  std::vector<SynthTensor> tensors;
  for (AskedTensor &asked : tensorsOf(context, model)) {
    const double reach = std::sqrt(3.0) * deviation(asked, model);
    tensors.push_back({std::move(asked.name), std::move(asked.shape), reach});
  }
  std::ranges::sort(tensors, {}, &SynthTensor::name);
  return tensors;
}

Result<SynthReport> writeSafetensors(const std::string &path,
                                     std::span<const SynthTensor> tensors,
                                     const SynthOptions &options) {
  const bool half = options.dtype == "bf16";
  std::error_code error;
  llvm::raw_fd_ostream out(path, error);
  auto fail = [&](std::error_code why) {
    out.clear_error();
    return Status(Code::Failure,
                  fmt::format("{}: cannot write it: {}", quote(path, 200), why.message()));
  };
  if (error)
    return fail(error);
  const std::string header = headerOf(tensors, half);
  for (unsigned byte = 0; byte < 8; ++byte)
    out << char(uint64_t(header.size()) >> 8 * byte);
  out << header;
  SynthReport report{.tensors = tensors.size()};
  std::vector<float> wide;
  std::vector<uint16_t> narrow;
  for (const SynthTensor &tensor : tensors) {
    const Draw draw(options.seed, tensor.name);
    const float reach = float(tensor.reach);
    constexpr uint64_t block = 1 << 16;
    for (uint64_t from = 0, count = tensor.count(); from < count; from += block) {
      wide.resize(std::min(block, count - from));
      for (uint64_t i = 0; i < wide.size(); ++i)
        wide[i] = reach * draw.at(from + i);
      if (half) {
        narrow.resize(wide.size());
        std::ranges::transform(wide, narrow.begin(), toBf16);
        out.write(reinterpret_cast<const char *>(narrow.data()), narrow.size() * 2);
      } else {
        out.write(reinterpret_cast<const char *>(wide.data()), wide.size() * 4);
      }
    }
    report.parameters += tensor.count();
  }
  out.close();
  report.bytes = 8 + header.size() + report.parameters * (half ? 2 : 4);
  if (out.has_error())
    return fail(out.error());
  return report;
}

} // namespace encdec
