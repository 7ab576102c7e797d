//===- Verify.cpp - encdec verify: is this bundle sound? ------------------===//

#include "runtime/tools/ModelFile.h"
#include "runtime/tools/Support.h"
#include "runtime/tools/Terminal.h"

#include <fmt/format.h>

namespace encdec::tools {
namespace {

void verify(const std::string &path) {
  requireModel(path);
  encdec_bundle *opened = nullptr;
  check(encdec_bundle_open(path.c_str(), &opened));
  Bundle bundle(opened);
  uint64_t sections = encdec_bundle_section_count(bundle.get()), bytes = 0;
  for (uint64_t i = 0; i < sections; ++i) {
    auto section = sized<encdec_bundle_section_info>();
    check(encdec_bundle_get_section(bundle.get(), i, &section));
    bytes += section.data_size;
  }
  print(fmt::format("{}: sound: {}, {}, every checksum and the code's form "
                    "checked\n",
                    path, counted(sections, "section"), humanBytes(bytes)));
}

constexpr const char *footer = R"(Examples:
  encdec verify en-fr.encdec
  encdec verify models/*.encdec

Says nothing about who made a bundle: its code is a program, see SECURITY.md.
Exit code 3 at the first damaged file.)";

} // namespace

void addVerify(CLI::App &root, Action &action) {
  auto paths = std::make_shared<std::vector<std::string>>();
  CLI::App *command = root.add_subcommand(
      "verify", "Check a bundle, all of it, without running it");
  command->footer(footer);
  command->add_option("BUNDLE", *paths, "The bundles to check")
      ->type_name("")
      ->required();
  command->callback([paths, &action] {
    action = [paths] {
      for (const std::string &path : *paths)
        verify(path);
      return 0;
    };
  });
}

} // namespace encdec::tools
