//===- MarkupTest.cpp - tags and placeholders: found, and put back ---------===//

#include "runtime/tools/Markup.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

using namespace encdec::tools;

namespace {

using Texts = std::vector<std::string>;

Texts textsOf(std::string_view text) {
  Texts found;
  for (const Mark &mark : findMarkup(text))
    found.push_back(mark.text);
  return found;
}

TEST(Markup, IsFound) {
  const std::pair<const char *, Texts> cases[] = {
      {"Click <b>here</b> now<br/>", {"<b>", "</b>", "<br/>"}},
      {"<a href=\"x>y\" title='<'>z</a>", {"<a href=\"x>y\" title='<'>", "</a>"}},
      {"<0>one</0> <x-y:z.w />", {"<0>", "</0>", "<x-y:z.w />"}},
      {"<!-- a > b -->x<!DOCTYPE html><?xml a?>", {"<!-- a > b -->", "<!DOCTYPE html>", "<?xml a?>"}},
      {"Hi {name}, {0} {} {{who}} ${x} %{y} #{z} {n:.2f}",
       {"{name}", "{0}", "{}", "{{who}}", "${x}", "%{y}", "#{z}", "{n:.2f}"}},
      {"%s %d %1$s %(count)d %-5.2f %% %@ %lld 5%1$s",
       {"%s", "%d", "%1$s", "%(count)d", "%-5.2f", "%%", "%@", "%lld", "%1$s"}},
      {"&amp;&#39;&#x27;&nbsp;", {"&amp;", "&#39;", "&#x27;", "&nbsp;"}},
  };
  for (const auto &[text, found] : cases)
    EXPECT_EQ(textsOf(text), found) << text;
}

TEST(Markup, OtherTextIsNone) {
  for (const char *text :
       {"1 < 2 > 0", "a<b", "<a@b.com>", "<https://x.com>", "< b>", "<b", "<a href='>",
        "100% of 50%off", "{a b}", "{a", "}", "$5 #1 &", "AT&T", "&;", "&#; &#x;", "%",
        "% s", "<1a>"})
    EXPECT_EQ(textsOf(text), Texts()) << text;
}

TEST(Markup, TagsAreTakenOut) {
  const auto plain = [](const char *text) { return takeTagsOut(text, "").plain; };
  EXPECT_EQ(plain("Click <b>here</b>, {x}!"), "Click here, {x}!");
  EXPECT_EQ(plain("un<b>do</b>"), "undo");
  EXPECT_EQ(plain("one<br/>two<li>a</li><li>b</li>"), "one twoa b");
  EXPECT_EQ(takeTagsOut("Hi <i>{x}</i> and %s", "Tom").plain, "Hi Tom and Tom");
  const MarkedText marked = takeTagsOut("Dear {a}, I met {b}. {c}", "");
  EXPECT_EQ(withoutPlaceholders(marked, {0, marked.plain.size()}).text, "Dear, I met.");
}

/// Word i of the translation attends to word links[i] of the plain text.
Translation linked(const MarkedText &marked, std::string text, const std::vector<int> &links) {
  Attention attention{wordRanges(marked.plain), wordRanges(text), {}};
  for (size_t t = 0; t < attention.target.size(); ++t)
    for (size_t s = 0; s < attention.source.size(); ++s)
      attention.probs.push_back(t < links.size() && links[t] == int(s) ? 0.9f : 0.01f);
  return {std::move(text), {std::move(attention)}, {}};
}

std::string restored(const char *source, const char *target, const std::vector<int> &links) {
  const MarkedText marked = takeTagsOut(source, "");
  Translation made = linked(marked, target, links);
  if (auto kept = findPlaceholders(marked, {0, marked.plain.size()}, target, "", made.parts[0]))
    made.kept = *kept;
  return putBack(marked, made);
}

TEST(Markup, GoesWhereItsWordsWent) {
  EXPECT_EQ(restored("the <b>red</b> house", "la maison rouge", {0, 2, 1}),
            "la maison <b>rouge</b>");
  EXPECT_EQ(restored("<p>the <b>red</b> house.</p>", "la maison rouge.", {0, 2, 1, 3}),
            "<p>la maison <b>rouge</b>.</p>");
  EXPECT_EQ(restored("Click <i>here</i>!", "Cliquez ici !", {0, 1, 2}), "Cliquez <i>ici</i> !");
  EXPECT_EQ(restored("one<br/>two", "un deux", {0, 1}), "un<br/>deux");
  EXPECT_EQ(restored("one <br/> two", "un deux", {0, 1}), "un <br/> deux");
  EXPECT_EQ(restored("<img/> one", "un", {0}), "<img/> un");
  EXPECT_EQ(restored("<u>a</u> <i>b</i>", "B A", {1, 0}), "<i>B</i> <u>A</u>");
  EXPECT_EQ(restored("a <b></b> b", "A B", {0, 1}), "A <b></b> B");
  EXPECT_EQ(restored("<b>a <i>b</i></b> c", "C B A", {2, 1, 0}), "C <b><i>B</i> A</b>");
  EXPECT_EQ(restored("<b>Hi {x}</b> you", "toi {x} Salut", {4, 2, 0}),
            "toi <b>{x} Salut</b>");
}

TEST(Markup, PlaceholdersThatGotLostComeBack) {
  const auto bare = [](const char *source, const char *target, std::vector<int> links) {
    const MarkedText marked = takeTagsOut(source, "Tom");
    Translation made = linked(marked, target, links);
    for (Range &piece : made.parts[0].source) // nobody read the placeholders
      for (const Mark &mark : marked.marks)
        if (piece.overlaps(mark.place))
          piece = {piece.begin, piece.begin};
    return putBack(marked, made);
  };
  EXPECT_EQ(bare("Hello {name}, you", "Salut, toi", {0, 2, 3}), "Salut {name}, toi");
  EXPECT_EQ(bare("Hello {name}!", "Salut !", {0, 2}), "Salut {name} !");
  EXPECT_EQ(bare("{n} is here", "est ici", {1, 2}), "{n} est ici");
  EXPECT_EQ(bare("see <b>{n}</b> now", "vois maintenant", {0, 2}), "vois <b>{n}</b> maintenant");
  EXPECT_EQ(bare("see \"{n}\"", "vois \"\"", {0, 1, 3}), "vois \"{n}\"");
}

TEST(Markup, PlaceholdersThatGrewTogetherWithAWordAreLost) {
  const auto found = [&](const char *source, const char *target) {
    const MarkedText marked = takeTagsOut(source, "");
    return findPlaceholders(marked, {0, marked.plain.size()}, target, "", {}).has_value();
  };
  EXPECT_TRUE(found("%s is here", "%s est ici"));
  EXPECT_FALSE(found("%s is here", "Les%s sont ici"));
  EXPECT_FALSE(found("%s is here", "%s et %s"));
  EXPECT_TRUE(found("%dpx", "%dpx"));
}

TEST(Markup, StandInsBecomeWhatTheyStoodFor) {
  const MarkedText marked = takeTagsOut("{a} sees {b}", "Tom");
  Translation made = linked(marked, "Tom vu par Tom", {2, 1, 1, 0});
  made.kept = findPlaceholders(marked, {0, marked.plain.size()}, made.text, "Tom",
                               made.parts[0]).value();
  EXPECT_EQ(putBack(marked, made), "{b} vu par {a}");
  const auto found = [&](const char *source, const char *target) {
    const MarkedText other = takeTagsOut(source, "Tom");
    return findPlaceholders(other, {0, other.plain.size()}, target, "Tom", {}).has_value();
  };
  EXPECT_TRUE(found("{a} is", "Tom est"));
  EXPECT_FALSE(found("{a} is", "Il est"));
  EXPECT_FALSE(found("{a} is", "Tom est Tom"));
  EXPECT_FALSE(found("{a} is Tom", "Tom est Tom")); // nobody knows which
}

TEST(Markup, WhatTheModelMadeUpIsNoMarkup) {
  const MarkedText marked = takeTagsOut("a <b>c</b>", "");
  EXPECT_EQ(putBack(marked, linked(marked, "A <b>C<<b>b>", {0, 1, 1, 1, 1, 1, 1})).find("<b>"),
            putBack(marked, linked(marked, "A <b>C<<b>b>", {0, 1, 1, 1, 1, 1, 1})).rfind("<b>"));
}

/// How often each mark stands there.
std::map<std::string, int> countsOf(const std::string &text) {
  std::map<std::string, int> counts;
  for (const std::string &mark : textsOf(text))
    ++counts[mark];
  return counts;
}

/// Each pair of the source is one again: nothing closes before it opens.
void expectNested(const std::string &source, const std::string &made) {
  const std::vector<Mark> marks = findMarkup(made);
  std::map<std::string, int> open;
  for (const Mark &mark : findMarkup(source))
    if (mark.kind == Mark::Open)
      ++open[mark.text];
  for (const Mark &mark : marks)
    if (mark.kind == Mark::Open && open.contains(mark.text))
      --open[mark.text];
  const auto tags = [](const std::string &text) {
    std::string all;
    for (const Mark &mark : findMarkup(text))
      all += mark.kind == Mark::Placeholder ? "" : mark.text;
    return all;
  };
  if (std::ranges::any_of(findMarkup(source), &Mark::inOrder)) {
    EXPECT_EQ(tags(made), tags(source)) << source << "\n" << made;
  }
  for (const auto &[text, left] : open)
    EXPECT_LE(left, 0) << text << " has no partner any more\n" << source << "\n" << made;
}

TEST(Markup, EachStandsThereOnceWhateverTheAttention) {
  std::mt19937 random(5);
  const Texts parts = {"<b>", "</b>", "<i>", "</i>", "<u x='>'>", "</u>", "<br/>", "{a}", "%s",
                       "%d", "&amp;", "{b}", " ", " ", " ", " ", "word", "a", "no", ".", ",",
                       "é", "\xff", "<", ">", "%", "{", "&", ";", "5"};
  const auto draw = [&](size_t most) {
    std::string text;
    for (size_t i = random() % most; i > 0; --i)
      text += parts[random() % parts.size()];
    return text;
  };
  const bool allowed[] = {true, false};
  for (int round = 0; round < 30000; ++round) {
    const std::string source = draw(round % 2 ? 8 : 24);
    const std::string standIn = allowed[random() % 2] ? "" : "Tom";
    const MarkedText marked = takeTagsOut(source, standIn);
    Translation made;
    made.text = draw(16);
    if (random() % 2) // a translation that holds what the source holds
      made.text += marked.plain;
    Attention attention{wordRanges(marked.plain), wordRanges(made.text), {}};
    for (size_t i = 0; i < attention.source.size() * attention.target.size(); ++i)
      attention.probs.push_back(float(random() % 100) / 100);
    if (auto kept = findPlaceholders(marked, {0, marked.plain.size()}, made.text, standIn,
                                     attention))
      made.kept = *kept;
    made.parts.push_back(std::move(attention));
    const std::string line = putBack(marked, made);
    auto wanted = countsOf(source), got = countsOf(line);
    for (const auto &[text, count] : wanted)
      ASSERT_EQ(got[text], count) << text << "\n" << source << "\n" << made.text << "\n" << line;
    expectNested(source, line);
    if (HasFailure())
      return;
  }
}

TEST(Markup, ManyBracketsAreReadInTime) {
  for (const char *part : {"<", "<a ", "<a '\" ", "{", "%", "&", "<!--", "{{"}) {
    std::string text;
    while (text.size() < 100000)
      text += part;
    EXPECT_EQ(textsOf(text).empty(), std::string_view(part) != "%");
  }
}

} // namespace
