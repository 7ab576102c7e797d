// PipelineFlags.cpp: flags to options, and back.
#include "compiler/tools/PipelineFlags.h"

#include "compiler/Tuning.h"
#include "compiler/lab/Machine.h"
#include "runtime/base/WeightTypes.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <iterator>
#include <utility>

namespace encdec::tools {

std::string notEmpty(const std::string &name) {
  return name.empty() ? "expected a name, got an empty one" : "";
}

void describeFormats(CLI::App &app, PipelineOptions &options) {
  app.add_option("--weights", options.weights, "f32, bf16, int8, or int8-dynamic (activations too)")
      ->check(CLI::IsMember(weightTypeNames()))
      ->capture_default_str();
  app.add_option("--weights-for", options.weightsFor,
                 "'GLOB=FORMAT': a format of their own for weights whose names (encdec "
                 "inspect shows them) match; may be repeated, the last match counts. The "
                 "type of cached keys follows --weights")
      ->allow_extra_args(false);
  app.add_option("--shortlist", options.shortlists,
                 "'NAME=FILE', a file of ids of target tokens: also a smaller vocabulary of "
                 "these tokens and the end tokens, which option shortlist of generation "
                 "chooses; may be repeated")
      ->allow_extra_args(false);
  app.add_flag("--sketch", options.sketch,
               "also an int8 sketch of a vocabulary in f32: greedy decoding "
               "without scores reads it instead of most of them, for the same tokens");
}

static void describePoint(CLI::App &app, std::vector<Extension> &extensions) {
  app.add_option_function<std::string>(
         "--at",
         [&extensions](const std::string &name) {
           if (extensions.empty())
             throw CLI::ValidationError("--at", "expected --patterns or --pass-pipeline before it");
           auto point = symbolizePoint(name);
           if (!point)
             throw CLI::ValidationError("--at", "expected fuse:before, fuse:after or place:before, "
                                                "got '" + name + "'");
           extensions.back().point = *point;
         },
         "where the --patterns or --pass-pipeline before it runs: fuse:before (on IR as imported), "
         "fuse:after (the default) or place:before")
      ->trigger_on_parse();
}

/// Takes the choices of a file, and warns where they are of another CPU or version.
static void readInto(const CLI::App &app, PipelineOptions &options, const std::string &file,
                     std::vector<std::string> *warnings) {
  auto tuning = readTuning(file, options.target);
  if (!tuning.ok())
    throw CLI::ValidationError("--tuning", tuning.status().message());
  options.groups = tuning->groups;
  options.tuning = tuning->texts();
  if (tuning->cpu == lab::cpuName() && tuning->versions == lab::producerHere())
    return;
  const std::string warning = file + " was measured on \"" + tuning->cpu + "\" with " +
                              tuning->versions + ", not on \"" + lab::cpuName() + "\" with " +
                              lab::producerHere() + "; code is as right, but may be slower";
  const CLI::Option *quiet = app.get_option_no_throw("--quiet");
  if (warnings)
    warnings->push_back(warning);
  else if (!(quiet && quiet->count()))
    std::cerr << app.get_name() << ": warning: " << warning << "\n";
}

void describeExtensions(CLI::App &app, PipelineOptions &options,
                        std::vector<std::string> *warnings) {
  // First, as CLI11 takes options in the order of their description: what else is said counts more.
  app.add_option_function<std::string>(
         "--tuning",
         [&app, &options, warnings](const std::string &file) {
           readInto(app, options, file, warnings);
         },
         "file of encdec tune: groups and choices, unless --groups and --tune say others")
      ->check(notEmpty);
  app.add_option("--groups", options.groups,
                 "whose row-wise ops between two attentions become few kernel calls: "
                 "none, encode, step or all")
      ->check(CLI::IsMember(
          std::vector<std::string>(std::begin(kGroupChoices), std::end(kGroupChoices))))
      ->capture_default_str();
  app.add_option_function<std::vector<std::string>>(
         "--tune",
         [&options](const std::vector<std::string> &choices) {
           options.tuning.insert(options.tuning.end(), choices.begin(), choices.end());
         },
                 "CHOICE=NUMBER: a choice that changes how fast code is and no bit of what it "
                 "computes; may be repeated")
      ->allow_extra_args(false);
  auto add = [&](const std::string &name, Extension::Kind kind, const std::string &help) {
    app.add_option_function<std::string>(
           name,
           [&options, kind](const std::string &text) {
             options.extensions.push_back({kind, text});
           },
           help)
        ->trigger_on_parse()
        ->check(notEmpty);
  };
  add("--patterns", Extension::patterns,
      "file of rewrite patterns (PDLL, or the pdl dialect) to apply; may be repeated");
  add("--pass-pipeline", Extension::passes,
      "passes to run as well: 'builtin.module(my-pass,cse)' or 'my-pass'; may be repeated");
  describePoint(app, options.extensions);
  app.add_option("--load-pass-plugin", options.plugins,
                 "shared object with passes for --pass-pipeline; its code runs in this "
                 "process; may be repeated")
      ->allow_extra_args(false)
      ->check(notEmpty);
}

std::vector<std::string> wordsOf(const PipelineOptions &options) {
  std::vector<std::string> words;
  const PipelineOptions standard;
  auto add = [&](const char *flag, const std::string &value) {
    words.insert(words.end(), {flag, value});
  };
  if (options.weights != standard.weights)
    add("--weights", options.weights);
  for (const std::string &one : options.weightsFor)
    add("--weights-for", one);
  for (const std::string &one : options.shortlists)
    add("--shortlist", one);
  if (options.sketch)
    words.push_back("--sketch");
  if (options.groups != standard.groups)
    add("--groups", options.groups);
  for (const std::string &one : options.tuning)
    add("--tune", one);
  for (const std::string &plugin : options.plugins)
    add("--load-pass-plugin", plugin);
  for (const Extension &extension : options.extensions) {
    add(extension.kind == Extension::patterns ? "--patterns" : "--pass-pipeline", extension.text);
    if (extension.point != Extension().point)
      add("--at", stringifyPoint(extension.point).str());
  }
  return words;
}

/// Parses what is said of the pipelines; `app` keeps the words that remain.
static Result<PipelineOptions> parse(CLI::App &app, const std::vector<std::string> &words) {
  PipelineOptions options;
  app.set_help_flag();
  app.allow_extras();
  describeFormats(app, options);
  describeExtensions(app, options);
  try {
    app.parse(std::vector<std::string>(words.rbegin(), words.rend())); // it takes them from the back
  } catch (const CLI::ParseError &error) {
    return usageError(error.what());
  }
  return options;
}

Result<PipelineOptions> pipelineOf(const std::vector<std::string> &words) {
  CLI::App app("", "encdec");
  return parse(app, words);
}

} // namespace encdec::tools
