// Numbers.h: whether an idea computes the same, on inputs that no timing has seen. Free of
// MLIR.
#pragma once
#include "runtime/base/Status.h"

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace encdec::lab {

/// How far two lists of numbers are apart.
struct Difference {
  uint64_t count = 0;
  double most = 0;  ///< Greatest absolute difference; infinite where one is no number.
  double rms = 0;   ///< Root of the mean square.
  double ulps = 0;  ///< Greatest number of f32 between two; of lists of f32.
  double relative = 0; ///< rms over that of the first list.

  bool operator==(const Difference &) const = default;
};
Difference differenceOf(const std::vector<float> &a, const std::vector<float> &b);
Difference differenceOf(const std::vector<double> &a, const std::vector<double> &b);

struct NumbersOptions {
  std::vector<std::string> run;      ///< The program that asks a bundle or IR (encdec-run).
  std::vector<std::string> generate; ///< The program that decodes whole sentences.
  std::string reference;             ///< IR that the interpreter judges by, or empty.
  std::string checkpoint;            ///< Of that IR.
  std::string folder;                ///< For temporary files.
  std::string sentences;             ///< A file with a text a line, or empty.
  std::vector<unsigned> rows;        ///< Numbers of sources decoded together; as timed.
  unsigned sourceLength = 32;        ///< Of the longest source.
  uint64_t sourceVocabulary = 0, vocabulary = 0;
  unsigned steps = 8;
  uint64_t seed = 1;
  /// Greatest difference of a log-probability; below it an idea is right, and so it is below
  /// four times the base's own distance from the interpreter.
  double tolerance = 3e-5;
};

struct Numbers {
  Difference logits;        ///< The idea's and the base's, at every step and row.
  Difference logProbs;      ///< The same of the best tokens' log-probabilities, without logits.
  Difference ideaFromTruth; ///< Log-probabilities beside the interpreter's.
  Difference baseFromTruth;
  uint64_t decisions = 0, decisionsChanged = 0; ///< Best tokens under given prefixes.
  uint64_t outputs = 0, outputsChanged = 0;     ///< Whole decoded sentences.
  uint64_t baseTokens = 0, ideaTokens = 0;      ///< Of these sentences.
  double allowed = 0; ///< By tolerance and base.
  std::string wrong;  ///< What is wrong; empty: nothing.
};

/// Asks both bundles and the interpreter, each in a process of its own. Errors: a process
/// that fails where it must not; one of the idea's that fails is wrong numbers.
Result<Numbers> compareNumbers(const std::string &base, const std::string &idea,
                               const NumbersOptions &options);

} // namespace encdec::lab
