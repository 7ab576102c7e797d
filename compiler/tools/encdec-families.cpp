// encdec-families: lists the families of models whose architecture files are compiled in,
// and those that are refused.
#include "compiler/import/Families.h"
#include "compiler/tools/Streams.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

using namespace encdec::checkpoint;

static constexpr const char *usage =
    "usage: encdec-families [--json]\n\n"
    "Lists the families of models that encdec-compile reads, and those that it refuses,\n"
    "with the reason. --family FILE of encdec-compile reads a checkpoint by an\n"
    "architecture file that is not built in.\n\n"
    "  --json   one JSON object, with more details\n\n"
    "exit codes: 0 ok, 1 failure, 2 usage\n";

static std::string joined(const std::vector<std::string> &words) {
  std::string text;
  for (const std::string &word : words)
    text += (text.empty() ? "" : ", ") + word;
  return text;
}

static const char *positionsOf(const SideFile &side) {
  switch (side.positions.kind) {
  case PositionsFile::None:
    return "none";
  case PositionsFile::Learned:
    return "learned";
  case PositionsFile::Sinusoidal:
    return "sinusoidal";
  case PositionsFile::Relative:
    return side.positions.perLayer ? "relative, of each layer" : "relative";
  }
  llvm_unreachable("all kinds are above");
}

static std::string normOf(const SideFile &side) {
  return llvm::formatv("{0} {1}", side.norm.rms ? "RMS" : "layer",
                       side.norm.before ? "before" : "after");
}

static void printText(const std::vector<FamilyFile> &families,
                      const std::vector<RefusedFamily> &refused) {
  constexpr const char *row = "{0,-16} {1,-16} {2,-13} {3,-24} {4}\n";
  llvm::raw_ostream &out = llvm::outs();
  out << llvm::formatv(row, "family", "model_type", "norm", "positions", "models");
  for (const FamilyFile &family : families) {
    const SideFile &side = family.side(Side::decoder);
    out << llvm::formatv(row, family.name, joined(family.modelTypes), normOf(side),
                         positionsOf(side), family.about);
  }
  out << "\nrefused\n";
  for (const RefusedFamily &family : refused)
    out << llvm::formatv("{0,-20} {1}\n", family.name, family.reason);
}

static void printJson(const std::vector<FamilyFile> &families,
                      const std::vector<RefusedFamily> &refused) {
  llvm::json::OStream json(llvm::outs(), /*IndentSize=*/1);
  auto texts = [&](llvm::StringRef key, const std::vector<std::string> &values) {
    json.attribute(key, llvm::json::Array(values));
  };
  json.object([&] {
    json.attributeArray("families", [&] {
      for (const FamilyFile &family : families)
        json.object([&] {
          const SideFile &side = family.side(Side::decoder);
          json.attribute("family", family.name);
          json.attribute("about", family.about);
          texts("model_types", family.modelTypes);
          texts("architectures", family.architectures);
          json.attribute("norm", side.norm.rms ? "rms" : "layer");
          json.attribute("norm_order", side.norm.before ? "before" : "after");
          json.attribute("positions", positionsOf(side));
          json.attribute("gated_ffn", bool(side.gated));
          json.attribute("max_source_tokens", family.positionsAdjustable);
        });
    });
    json.attributeArray("refused", [&] {
      for (const RefusedFamily &family : refused)
        json.object([&] {
          json.attribute("family", family.name);
          texts("model_types", family.modelTypes);
          json.attribute("reason", family.reason);
        });
    });
  });
  llvm::outs() << "\n";
}

int main(int argc, char **argv) {
  encdec::holdStandardStreams();
  bool json = false;
  for (llvm::StringRef argument : llvm::ArrayRef(argv + 1, argc - 1)) {
    if (argument == "--help" || argument == "-h") {
      llvm::outs() << usage;
      return encdec::finishOutput("encdec-families");
    }
    if (argument != "--json") {
      llvm::errs() << "encdec-families: unexpected argument '" << argument << "'\n\n"
                   << usage;
      return 2;
    }
    json = true;
  }
  auto families = builtInFamilies();
  auto refused = refusedFamilies();
  for (const encdec::Status &status : {families.status(), refused.status()})
    if (!status.ok()) {
      llvm::errs() << "encdec-families: error: " << status.message() << "\n";
      return int(status.code());
    }
  (json ? printJson : printText)(*families, *refused);
  return encdec::finishOutput("encdec-families");
}
