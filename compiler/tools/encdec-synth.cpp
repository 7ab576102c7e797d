// encdec-synth: writes a checkpoint folder of random numbers.
#include "compiler/import/Families.h"
#include "compiler/synth/Synth.h"
#include "compiler/tools/CommandLine.h"
#include "compiler/tools/Streams.h"

#include <fmt/format.h>

namespace {

std::string footer() {
  std::string names, example = "NAME";
  if (auto families = encdec::checkpoint::builtInFamilies(); families.ok()) {
    for (const encdec::checkpoint::FamilyFile &family : *families)
      names += (names.empty() ? "" : ", ") + family.name;
    example = families->front().name;
  }
  return fmt::format(
      "families: {0}\n"
      "sizes (d_model, layers of each side): tiny (64, 2), small (512, 6), base (768, 12), "
      "large (1024, 12)\n\n"
      "examples:\n"
      "  encdec-synth --family {1} -o build/random\n"
      "  encdec-synth --family {1} --size small --set layers=3 --dtype bf16 -o build/three\n"
      "  encdec compile build/random -o build/random.encdec\n"
      "  encdec generate build/random.encdec --text \"any text\"\n\n"
      "exit codes: 0 ok, 1 failure, 2 usage, 3 bad model",
      names, example);
}

} // namespace

int main(int argc, char **argv) {
  encdec::holdStandardStreams();
  constexpr const char *program = "encdec-synth";
  encdec::SynthOptions options;
  std::string folder;
  std::vector<std::string> settings;
  bool json = false;
  CLI::App app("Writes a checkpoint folder of seeded random weights, with a tokenizer of "
               "made-up syllables: equal options give equal bytes.",
               program);
  app.add_option("--family", options.family, "whose model it is")->required();
  app.add_option("-o,--output", folder, "folder to make")->required();
  app.add_option("--size", options.size, "tiny, small, base or large")->capture_default_str();
  app.add_option("--set", settings,
                 "'KEY=VALUE': d_model, layers, heads, head_size, ffn_size, vocabulary, "
                 "max_positions, or a key of config.json; may be repeated")
      ->allow_extra_args(false);
  app.add_option("--dtype", options.dtype, "storage of the weights: f32 or bf16")
      ->capture_default_str();
  app.add_option("--seed", options.seed, "seed of the weights")->capture_default_str();
  app.add_flag("--json", json, "one JSON object about what was written");
  app.footer(footer());
  if (auto code = encdec::parseWords(app, argc, argv))
    return *code;
  for (const std::string &setting : settings) {
    const size_t at = setting.find('=');
    if (at == setting.npos || at == 0) {
      std::cerr << program << ": error: --set: expected KEY=VALUE, found '" << setting << "'\n";
      return 2;
    }
    options.settings.emplace_back(setting.substr(0, at), setting.substr(at + 1));
  }
  auto report = encdec::synthesize(options, folder);
  if (!report.ok()) {
    std::cerr << program << ": error: " << report.status().message() << "\n";
    return int(report.status().code());
  }
  if (!json) {
    std::cerr << fmt::format("{}: {} parameters in {} tensors, {:.1f} MB\n", folder,
                             report->parameters, report->tensors, double(report->bytes) / 1e6);
    return 0;
  }
  return encdec::printResult(
      program, fmt::format("{{\"parameters\": {}, \"tensors\": {}, \"bytes\": {}}}\n",
                           report->parameters, report->tensors, report->bytes));
}
