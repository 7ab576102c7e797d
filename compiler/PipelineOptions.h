// What a user may choose of the pipelines and add to them. Free of MLIR, so that programs read
// it off their command lines and libraries hand it on.
#pragma once
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <optional>
#include <string>
#include <vector>

namespace encdec {

/// What a user adds to the pipelines. The module is of the form mixed before and after it.
struct Extension {
  enum Point {
    fuseBefore, // decomposed form, as imported
    fuseAfter,  // fused form
    placeBefore // the same, at the start of the pipeline that hoists, quantizes and packs
  };
  enum Kind { patterns, passes };

  Kind kind = patterns;
  std::string text; // a file of patterns, or passes: "builtin.module(my-pass,cse)" or "my-pass"
  Point point = fuseAfter;
};

/// A point by its name: fuse:before, fuse:after, place:before; nothing for any other.
std::optional<Extension::Point> symbolizePoint(llvm::StringRef name);
llvm::StringRef stringifyPoint(Extension::Point point);

/// An error where passes cannot be read: no pass of a name is registered, or an option is
/// wrong. (A file of patterns is read when its pipeline runs.)
llvm::Error checkExtension(const Extension &extension);

/// What a user may choose; every pipeline takes the same struct.
struct PipelineOptions {
  std::string weights = "f32"; // format of all matrices and token tables
  /// "GLOB=FORMAT": the format of weights whose names match; the last match counts.
  std::vector<std::string> weightsFor = {};
  std::string target = "cpu"; // the target whose kernels are called
  std::string level = "";     // the target's level; empty: its first
  /// For timing: the kernel, or the kind of kernels, whose calls alone the code has. It then
  /// computes nothing. Empty: all calls.
  std::string kernel = "";
  bool sketch = false; // adds an int8 copy of an f32 vocabulary for greedy steps
  /// "NAME=FILE": lists of tokens, for each of which a step with a smaller vocabulary is made.
  std::vector<std::string> shortlists = {};
  /// Stored type of cached keys and values: f32 or bf16. Empty: bf16 where weights have
  /// 8 bits, since a step of many rows reads mostly keys and values then; else f32.
  std::string keys = "";
  /// Whose row-wise ops between two attentions become groups: none, encode, step or all.
  std::string groups = "all";
  /// "CHOICE=NUMBER" of the target's choices (compiler/lower/Target.h).
  std::vector<std::string> tuning = {};
  /// In order, those of one point as well. Before a pipeline is built, loadExtensions
  /// (Plugins.h) loads and checks them.
  std::vector<Extension> extensions = {};
  /// Pass plugins, which are loaded into this process and stay there.
  std::vector<std::string> plugins = {};
};

/// The choices of PipelineOptions::groups.
inline constexpr llvm::StringLiteral kGroupChoices[] = {"none", "encode", "step", "all"};

} // namespace encdec
