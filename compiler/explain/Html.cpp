// The page: a frame, its style and script (folder page) and the report as JSON. The script
// makes all elements from the JSON's texts, so that no name of a file is ever markup.
#include "compiler/explain/Print.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Base64.h"
#include "llvm/Support/SHA256.h"

using llvm::StringRef;

namespace encdec::explain {
namespace {

struct PageFile {
  StringRef name, text;
};
constexpr PageFile pageFiles[] = {
#include "compiler/explain/PageData.inc"
};

StringRef pageFile(StringRef name) {
  for (const PageFile &file : pageFiles)
    if (file.name == name)
      return file.text;
  return "";
}

/// JSON that may stand inside a script element: "<" could end the element.
std::string jsonOf(const Report &report, const View &view) {
  std::string json, safe;
  llvm::raw_string_ostream out(json);
  printJson(report, view, out);
  for (char c : json)
    c == '<' ? safe += "\\u003c" : safe += c;
  return safe;
}

/// What the page's policy knows its script and style by; it allows no others.
std::string hashOf(StringRef text) {
  auto hash = llvm::SHA256::hash(llvm::arrayRefFromStringRef(text));
  return llvm::encodeBase64(hash);
}

} // namespace

void printHtml(const Report &report, const View &view, llvm::raw_ostream &out) {
  StringRef frame = pageFile("page.html"), style = pageFile("style.css");
  // One element: the second file draws all when it comes to its end.
  std::string script = (pageFile("alignments.js") + pageFile("script.js")).str();
  while (!frame.empty()) {
    auto [before, rest] = frame.split("{{");
    auto [name, after] = rest.split("}}");
    out << before;
    if (name == "STYLE")
      out << style;
    else if (name == "SCRIPT")
      out << script;
    else if (name == "STYLE-HASH")
      out << hashOf(style);
    else if (name == "SCRIPT-HASH")
      out << hashOf(script);
    else if (name == "REPORT")
      out << jsonOf(report, view);
    frame = after;
  }
}

} // namespace encdec::explain
