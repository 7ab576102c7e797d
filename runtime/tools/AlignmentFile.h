//===- AlignmentFile.h - where --alignments goes --------------------------===//

#pragma once

#include "runtime/tools/Generate.h"
#include "runtime/tools/MarkedPart.h"
#include "runtime/tools/Support.h"

#include <nlohmann/json.hpp>

#include <set>
#include <string>
#include <vector>

namespace encdec::tools {

/// Writes the cross-attention of generated texts in the form that the file's name asks for:
///   FILE.svg   a picture of one layer; FILE-2.svg and so on for further texts
///   FILE.html  a page to look through all texts, layers, heads and steps
///   FILE.json  a line for each text: words, pieces, links and the words' probabilities
///   FILE.txt   a line for each text: links of words in Pharaoh's form, "0-0 1-2"
/// A text without an answer has an empty line, or null.
class AlignmentFile {
public:
  /// Throws a usage Failure for another ending of the name.
  static void checkName(const std::string &path) { (void)formOf(path); }
  /// All must outlive this.
  AlignmentFile(const GenerateArguments &arguments, const encdec_model *model);

  /// Adds the answer to the next source: the best sequence of `result`, made with probs, behind
  /// `prefix`, of whose words nothing is known.
  /// Throws Failure where a picture cannot be written; an older file then stays.
  void add(const Source &source, const encdec_result *result, std::span<const int32_t> prefix);
  /// The next source has no answer.
  void addNothing();
  /// Writes what is one file for all texts.
  void finish() const;

private:
  enum class Form { Picture, Page, Json, Pharaoh };
  struct Sentence;
  static Form formOf(const std::string &path);
  std::vector<std::string> pieces(bool target, const int32_t *ids, uint64_t count) const;
  std::vector<bool> specialOf(bool target, const int32_t *ids,
                              const std::vector<std::string> &pieces) const;
  void draw(const Sentence &sentence) const;
  nlohmann::ordered_json describe(const Sentence &sentence) const;
  std::string addWords(const Sentence &sentence) const;

  const GenerateArguments &arguments;
  const encdec_model *model;
  const encdec_model_info info;
  const Form form;
  const AttentionReader reader;
  std::set<std::string> languages; ///< Codes: pieces that are no words.
  uint64_t count = 0;              ///< Of sources so far.
  std::string lines;               ///< Of Json and Pharaoh.
  nlohmann::ordered_json sentences = nlohmann::ordered_json::array(); ///< Of Page.
};

} // namespace encdec::tools
