//===- Inspect.cpp - encdec inspect: what a bundle holds ------------------===//

#include "runtime/tools/ModelFile.h"
#include "runtime/tools/Support.h"
#include "runtime/tools/Terminal.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <set>

namespace encdec::tools {
namespace {

using Json = nlohmann::ordered_json;

struct InspectArguments {
  std::string bundle, extract;
  bool json = false;
};

std::vector<encdec_bundle_section_info>
sectionsOf(const encdec_bundle *bundle) {
  std::vector<encdec_bundle_section_info> sections;
  for (uint64_t i = 0; i < encdec_bundle_section_count(bundle); ++i) {
    sections.push_back(sized<encdec_bundle_section_info>());
    check(encdec_bundle_get_section(bundle, i, &sections.back()));
  }
  return sections;
}

std::string kindName(uint32_t kind) {
  switch (kind) {
  case ENCDEC_SECTION_MANIFEST:
    return "manifest";
  case ENCDEC_SECTION_CODE:
    return "code";
  case ENCDEC_SECTION_WEIGHTS:
    return "weights";
  case ENCDEC_SECTION_TOKENIZER:
    return "tokenizer";
  }
  return fmt::format("kind {}", kind);
}

/// The file a section becomes. Names come from the bundle: one that is no plain
/// file name is never used as a path.
std::string fileName(const encdec_bundle_section_info &section, size_t index) {
  switch (section.kind) {
  case ENCDEC_SECTION_MANIFEST:
    return "manifest.json";
  case ENCDEC_SECTION_WEIGHTS:
    return "weights.bin";
  case ENCDEC_SECTION_TOKENIZER:
    return "tokenizer.bin";
  }
  std::string name = section.name;
  bool plain = !name.empty() && name != "." && name != ".." &&
               name.find('/') == std::string::npos;
  if (!plain)
    return fmt::format("section-{}.bin", index);
  return section.kind == ENCDEC_SECTION_CODE ? "code-" + name + ".so" : name;
}

void extract(const std::vector<encdec_bundle_section_info> &sections,
             const std::filesystem::path &folder, const std::string &bundle) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error)
    throw Failure(ENCDEC_ERROR_FAILURE,
                  fmt::format("cannot make folder {}: {}", folder.string(),
                              error.message()));
  std::set<std::string> taken;
  for (size_t i = 0; i < sections.size(); ++i) {
    std::string name = fileName(sections[i], i);
    if (!taken.insert(name).second)
      taken.insert(name = fmt::format("section-{}.bin", i));
    std::string path = folder / name;
    keepModel(bundle, path, "--extract:");
    replaceFile(path, {reinterpret_cast<const char *>(sections[i].data), sections[i].data_size},
                "--extract:");
  }
}

Json asJson(const std::string &path, const Json &manifest,
            const std::vector<encdec_bundle_section_info> &sections) {
  Json all;
  all["file"] = path;
  std::error_code error;
  all["size"] = std::filesystem::file_size(path, error);
  all["sections"] = Json::array();
  for (const auto &section : sections)
    all["sections"].push_back({{"kind", kindName(section.kind)},
                               {"name", section.name},
                               {"offset", section.offset},
                               {"size", section.data_size},
                               {"xxh3_128", section.checksum}});
  all["manifest"] = manifest;
  return all;
}

/// A string without quotes, any other value as JSON, and "-" for a missing one.
std::string shown(const Json &value) {
  if (value.is_string())
    return value.get<std::string>();
  if (value.is_array() && !value.empty() && value[0].is_string()) {
    std::string joined;
    for (const Json &item : value)
      joined += (joined.empty() ? "" : ", ") + shown(item);
    return joined;
  }
  if (value.is_array() && !value.empty() && value[0].is_object())
    return fmt::format("{}", value.size());
  return value.is_null() ? "-" : value.dump();
}

void printTable(const std::string &path, const Json &manifest,
                const std::vector<encdec_bundle_section_info> &sections) {
  std::error_code error;
  print(fmt::format("{}  {}\n", bold(path),
                    humanBytes(std::filesystem::file_size(path, error))));
  // One heading for each object of the manifest, in its own order and words.
  Json plain = Json::object();
  for (auto &[key, value] : manifest.items())
    if (!value.is_object())
      plain[key] = value;
  auto group = [](const std::string &title, const Json &values) {
    print(fmt::format("\n{}\n", bold(title)));
    for (auto &[key, value] : values.items())
      print(fmt::format("  {:<24} {}\n", key, shown(value)));
  };
  if (plain.contains("shortlists")) {
    Json lists = Json::array();
    for (const Json &list : plain["shortlists"])
      lists.push_back(fmt::format("{} ({} tokens)", shown(list["name"]), list["tokens"].size()));
    plain["shortlists"] = lists.empty() ? Json() : lists;
  }
  group("bundle", plain);
  for (auto &[key, value] : manifest.items())
    if (value.is_object())
      group(key, value);
  print(fmt::format("\n{}\n", bold("sections")));
  print(fmt::format("  {:<10} {:<24} {:>12} {:>12}  {}\n", "kind", "name",
                    "offset", "bytes", "XXH3-128"));
  for (const auto &section : sections)
    print(fmt::format("  {:<10} {:<24} {:>12} {:>12}  {}\n",
                      kindName(section.kind), section.name, section.offset,
                      section.data_size, section.checksum));
  print(fmt::format("\n{}\n", bold("weights in the order of their offsets")));
  print(fmt::format("  {:<32} {:>14}  {:<12} {:>12}\n", "name", "shape", "format", "bytes"));
  for (const Json &weight : manifest["weights"]["list"])
    print(fmt::format("  {:<32} {:>14}  {:<12} {:>12}\n", shown(weight["name"]),
                      fmt::format("{} x {}", shown(weight["rows"]), shown(weight["columns"])),
                      shown(weight["format"]), shown(weight["bytes"])));
}

int inspect(const InspectArguments &arguments) {
  requireModel(arguments.bundle);
  std::error_code error;
  if (std::filesystem::is_directory(arguments.bundle, error))
    throw usageFailure(fmt::format(
        "{} is a folder, and this command reads bundles; `encdec import {}` "
        "prints the IR of a checkpoint, `encdec compile` makes a bundle of it",
        arguments.bundle, arguments.bundle));
  encdec_bundle *opened = nullptr;
  check(encdec_bundle_open(arguments.bundle.c_str(), &opened));
  Bundle bundle(opened);
  auto sections = sectionsOf(bundle.get());
  Json manifest;
  for (const auto &section : sections)
    if (section.kind == ENCDEC_SECTION_MANIFEST)
      manifest = Json::parse(section.data, section.data + section.data_size,
                             nullptr, /*allow_exceptions=*/false);
  if (!arguments.extract.empty())
    extract(sections, arguments.extract, arguments.bundle);
  if (arguments.json)
    print(asJson(arguments.bundle, manifest, sections)
              .dump(2, ' ', false, Json::error_handler_t::replace) +
          "\n");
  else
    printTable(arguments.bundle, manifest, sections);
  return 0;
}

constexpr const char *footer = R"(Examples:
  encdec inspect en-fr.encdec
  encdec inspect en-fr.encdec --json | jq .manifest.weights
  encdec inspect en-fr.encdec --extract parts && objdump -d parts/code-v3.so

The bundle is verified first and never run. Section files of --extract are the
bytes as they lie in the bundle: manifest.json, code-LEVEL.so, weights.bin and
tokenizer.bin (include/encdec/tokenizer.h has its layout).)";

} // namespace

void addInspect(CLI::App &root, Action &action) {
  auto arguments = std::make_shared<InspectArguments>();
  CLI::App *command = root.add_subcommand(
      "inspect", "Show what a bundle holds, or take it apart");
  command->footer(footer);
  command->add_option("BUNDLE", arguments->bundle, "The bundle")
      ->type_name("")
      ->required();
  command->add_flag("--json", arguments->json, "As one JSON object");
  command
      ->add_option("--extract", arguments->extract,
                   "Write every section as a file into DIR")
      ->check(notEmpty())
      ->type_name("DIR");
  command->callback([arguments, &action] {
    action = [arguments] { return inspect(*arguments); };
  });
}

} // namespace encdec::tools
