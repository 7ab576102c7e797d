// CompileFlags.cpp: flags to what compileToBundle and jitCheckpoint take.
#include "compiler/tools/CompileFlags.h"

#include "compiler/emit/Object.h"
#include "compiler/tools/PipelineFlags.h"
#include "runtime/base/Suggest.h"

#include <CLI/CLI.hpp>

namespace encdec::tools {

void describeCompile(CLI::App &app, CompileArguments &arguments,
                     std::vector<std::string> *warnings) {
  describeFormats(app, arguments.options);
  describeExtensions(app, arguments.options, warnings);
  app.add_option("--cpu", arguments.options.levels,
                 "CPU levels to make code for: v3, v4, neon, and with int8-dynamic "
                 "v3-avxvnni, v4-vnni; host: the best one of this machine; default: all of "
                 "x86-64 that these weights make use of; several: v3,v4")
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_option("--tokenizer", arguments.options.tokenizer.name,
                 "name of the folder's tokenizer, where its files do not say it")
      ->check(notEmpty);
  using tokenizer::As;
  app.add_option_function<std::string>(
         "--tokenizer-as",
         [&arguments](const std::string &whose) {
           arguments.options.tokenizer.as =
               whose == "transformers" ? As::Transformers : As::Trained;
         },
         "whose behaviour it has: as the model was trained, or the pinned "
         "Transformers' (default trained)")
      ->option_text("trained|transformers")
      ->check(CLI::IsMember({"trained", "transformers"}));
  app.add_flag("--strict", arguments.options.import.strict,
               "warnings about the model become errors; a folder without a tokenizer is "
               "still compiled");
  app.add_option("--family", arguments.options.import.familyFile,
                 "architecture file to read the checkpoint by, instead of a built-in one")
      ->check(notEmpty);
  app.add_option("--ir", arguments.options.ir,
                 "file of IR to compile instead of what encdec import prints of the checkpoint, "
                 "of any stage up to encdec-place; the folder has its weights and the tokenizer")
      ->excludes("--family")
      ->excludes("--strict")
      ->check(notEmpty);
  app.add_option("--max-source-tokens", arguments.options.import.maxSourceTokens,
                 "longest source and target of a family without a limit of its own; longer "
                 "lengths of the generation config are cut to it")
      ->check(CLI::Range(1, 1 << 20));
  app.add_option("--deadline", arguments.deadline,
                 "seconds after which to give up")
      ->check(CLI::Range(1, 86400))
      ->capture_default_str();
  app.add_flag("-q,--quiet", arguments.quiet, "no warnings, no progress");
}

Status checkLevels(const CompileOptions &options) {
  for (const std::string &level : options.levels)
    if (level == "host" && hostObjectTarget())
      continue;
    else if (auto target = findObjectTarget(level); !target)
      return usageError(llvm::toString(target.takeError()));
  return Status::success();
}

Result<CompileArguments> compileArgumentsOf(const std::vector<std::string> &words,
                                            std::vector<std::string> &warnings) {
  CompileArguments arguments;
  CLI::App app("", "encdec");
  app.set_help_flag();
  app.allow_extras();
  describeCompile(app, arguments, &warnings);
  try {
    app.parse(std::vector<std::string>(words.rbegin(), words.rend())); // taken from the back
  } catch (const CLI::ParseError &error) {
    return usageError(error.what());
  }
  const std::vector<std::string> unknown = app.remaining();
  if (unknown.empty()) {
    ENCDEC_RETURN_IF_ERROR(checkLevels(arguments.options));
    return arguments;
  }
  std::vector<std::string> known;
  for (const CLI::Option *option : app.get_options())
    for (const std::string &name : option->get_lnames())
      known.push_back("--" + name);
  const std::string &word = unknown.front();
  return usageError("'" + word + "' is no option of encdec compile that says how a bundle is made" +
                    didYouMean(word.substr(0, word.find('=')), known));
}

} // namespace encdec::tools
