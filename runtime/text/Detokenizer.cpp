//===- Detokenizer.cpp - ids to text, as they come ------------------------===//

#include "runtime/text/Detokenizer.h"

#include "runtime/text/Utf8.h"

#include <algorithm>
#include <utility>

namespace encdec {

Detokenizer::Detokenizer(const Tokenizer &tokenizer)
    : table(tokenizer.table), rules(tokenizer.table.decoder), leads(rules.strip_start) {
  // clean_up_tokenization of Transformers (tokenization_utils_base.py), in its order.
  if (rules.clean_up_spaces)
    for (auto [from, to] :
         {std::pair(" .", "."), {" ?", "?"}, {" !", "!"}, {" ,", ","}, {" ' ", "'"},
          {" n't", "n't"}, {" 'm", "'m"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}})
      cleanUps.push_back({from, to});
}

Status Detokenizer::push(int32_t id, std::string &out) {
  if (id < 0)
    return usageError("id is " + std::to_string(id) + ", expected 0 or more");
  encdec_tokenizer_surface surface{ENCDEC_TOKENIZER_SURFACE_UNNAMED, {}};
  if (static_cast<size_t>(id) < table.surfaces.size())
    surface = table.surfaces[id];
  switch (surface.kind) {
  case ENCDEC_TOKENIZER_SURFACE_NONE:
    return Status::success();
  case ENCDEC_TOKENIZER_SURFACE_BYTES:
    addBytes(table.rawBytes(surface.text));
    break;
  case ENCDEC_TOKENIZER_SURFACE_UNNAMED:
    if (rules.unnamed.length == 0)
      return Status::success();
    flushBytes(true);
    addText(table.text(rules.unnamed), false);
    isGroupEmpty = true;
    tookLead = false;
    break;
  default:
    addSurface(surface.kind, table.text(surface.text));
  }
  handOn(out, false);
  return Status::success();
}

void Detokenizer::finish(std::string &out) {
  flushBytes(true);
  handOn(out, true);
}

void Detokenizer::addSurface(uint32_t kind, std::string_view text) {
  flushBytes(true);
  const bool isSpaced = kind == ENCDEC_TOKENIZER_SURFACE_SPACED;
  const bool wasFirst = isFirst;
  isFirst = false;
  if (wasFirst && rules.lead == ENCDEC_TOKENIZER_LEAD_FIRST_NAME) {
    for (size_t at; (at = text.find(kSpaceSymbol)) != text.npos;) {
      addText(text.substr(0, at), false);
      text.remove_prefix(at + kSpaceSymbol.size());
    }
    return addText(text, false);
  }
  // Only a space before any text is the one that encoding put there.
  const bool takesOne = rules.lead == ENCDEC_TOKENIZER_LEAD_SPACE && !tookLead;
  if (isSpaced && isGroupEmpty && text.starts_with(kSpaceSymbol) &&
      (takesOne || rules.lead == ENCDEC_TOKENIZER_LEAD_SPACES)) {
    text.remove_prefix(kSpaceSymbol.size());
    tookLead = true;
  }
  addText(text, isSpaced);
}

void Detokenizer::addText(std::string_view text, bool isSpaced) {
  isGroupEmpty &= text.empty();
  if (isSpaced || rules.spaces_at_last)
    appendWithSpaces(text, ready);
  else
    ready += text;
}

void Detokenizer::addBytes(std::string_view more) {
  isFirst = false;
  bytes += more;
  if (rules.broken != ENCDEC_TOKENIZER_BROKEN_RUN)
    flushBytes(false);
}

/// A run of bytes that is no UTF-8 is one U+FFFD a byte, so it is judged as a whole.
void Detokenizer::flushRun() {
  if (isValidUtf8(bytes))
    addText(bytes, false);
  else
    for (size_t i = 0; i < bytes.size(); ++i)
      addText(kReplacementCharacter, false);
  bytes.clear();
}

void Detokenizer::flushBytes(bool atEnd) {
  if (rules.broken == ENCDEC_TOKENIZER_BROKEN_RUN)
    return flushRun();
  std::string_view rest = bytes;
  while (!rest.empty()) {
    const size_t length = validCharLength(rest);
    if (length) {
      addText(rest.substr(0, length), false);
      rest.remove_prefix(length);
      continue;
    }
    const size_t broken = brokenPart(rest, atEnd);
    if (broken == 0)
      break;
    if (rules.broken != ENCDEC_TOKENIZER_BROKEN_DROP)
      addText(kReplacementCharacter, false);
    rest.remove_prefix(rules.broken == ENCDEC_TOKENIZER_BROKEN_BYTE ? 1 : broken);
  }
  bytes.erase(0, bytes.size() - rest.size());
}

/// The end of the last character of `text` that is no space.
static size_t endWithoutSpaces(std::string_view text) {
  while (!text.empty()) {
    size_t start = text.size() - 1;
    while (start > 0 && isTrail(text[start]))
      --start;
    if (!isPythonSpace(characterAt(text.substr(start)).point))
      break;
    text = text.substr(0, start);
  }
  return text.size();
}

/// Takes off the ends of the text what the rules say, and keeps back what might be its end.
std::string Detokenizer::strip(std::string_view text, bool atEnd) {
  const std::string_view character = table.text(rules.strip);
  for (; leads > 0 && text.starts_with(character); --leads)
    text.remove_prefix(character.size());
  if (!text.empty())
    leads = 0;
  std::string all = std::exchange(heldCharacters, {});
  all += text;
  size_t end = all.size();
  for (uint32_t n = 0; n < rules.strip_stop &&
                       std::string_view(all).substr(0, end).ends_with(character);
       ++n)
    end -= character.size();
  heldCharacters = atEnd ? "" : all.substr(end);
  all.resize(end);
  if (!rules.strip_whitespace)
    return all;
  size_t begin = 0;
  while (!hasText && begin < all.size()) {
    const Character first = characterAt(std::string_view(all).substr(begin));
    if (!isPythonSpace(first.point))
      break;
    begin += first.length;
  }
  const size_t last = endWithoutSpaces(all);
  if (last <= begin) {
    heldSpaces.append(all, begin);
    return {};
  }
  hasText = true;
  std::string kept = std::exchange(heldSpaces, all.substr(last));
  return kept.append(all, begin, last - begin);
}

void Detokenizer::Replacement::push(std::string_view text, std::string &out) {
  held += text;
  size_t done = 0;
  for (size_t at; (at = held.find(from, done)) != std::string::npos;
       done = at + from.size())
    out.append(held, done, at - done).append(to);
  // The longest end that could be the start of `from`.
  size_t keep = std::min(from.size() - 1, held.size() - done);
  while (!from.starts_with(std::string_view(held).substr(held.size() - keep)))
    --keep;
  out.append(held, done, held.size() - keep - done);
  held.erase(0, held.size() - keep);
}

void Detokenizer::cleanUp(std::string text, std::string &out, bool atEnd) {
  for (Replacement &replacement : cleanUps) {
    std::string next;
    replacement.push(text, next);
    if (atEnd)
      next += std::exchange(replacement.held, {});
    text = std::move(next);
  }
  out += text;
}

void Detokenizer::handOn(std::string &out, bool atEnd) {
  if (!rules.strip_whitespace && rules.strip_start + rules.strip_stop == 0 &&
      cleanUps.empty()) {
    out += std::exchange(ready, {});
    return;
  }
  cleanUp(strip(ready, atEnd), out, atEnd);
  ready.clear();
}

} // namespace encdec
