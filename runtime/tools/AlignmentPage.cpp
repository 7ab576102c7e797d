//===- AlignmentPage.cpp - cross-attention to look through ----------------===//

#include "runtime/tools/AlignmentPage.h"

namespace encdec::tools {
namespace {

constexpr std::string_view head = R"html(<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Cross-attention</title>
<style>
:root { color-scheme: light dark; --mark: 14 110 180; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 70rem; margin: 2rem auto; padding: 0 1rem }
.row { margin: .6rem 0; line-height: 2.2 }
.word { padding: .15rem .2rem; border-radius: .25rem; cursor: default }
.word[data-on] { outline: 2px solid rgb(var(--mark)) }
.later { opacity: .25 }
label, button { margin-right: 1rem }
table { border-collapse: collapse; font-size: .8rem }
td { width: 1.5rem; height: 1.3rem; border: 1px solid rgb(128 128 128 / .25) }
th { font-weight: normal; text-align: right; padding: 0 .4rem }
thead th { writing-mode: vertical-rl; text-align: left; padding: .3rem 0 }
</style>
<h1>Cross-attention</h1>
<p>The decoder asks, the encoder answers: hover over a word to see the words on the other side
that it attends to. Step through the decoding with the buttons or the arrow keys.</p>
<p><label>Sentence <select id="sentence"></select></label>
<label>Layer <select id="layer"></select></label>
<label>Head <select id="head"></select></label>
<label><input type="checkbox" id="pieces"> pieces</label>
<button id="back">&#9664;</button><button id="on">&#9654;</button><button id="all">all</button>
<span id="step"></span></p>
<div class="row" id="source" lang=""></div><div class="row" id="target" lang=""></div>
<table id="table"></table>
<script id="data" type="application/json">)html";

constexpr std::string_view script = R"html(</script>
<script>
const data = JSON.parse(document.getElementById("data").textContent);
const by = id => document.getElementById(id);
let shown = 0; // tokens of the decoding that are shown
const options = (select, names) => {
  select.replaceChildren(...names.map((name, i) => new Option(name, i)));
};
const current = () => data[by("sentence").value || 0];
const cells = (sentence, side) => by("pieces").checked
  ? sentence[side].map((text, i) => ({text, begin: i, end: i + 1}))
  : sentence[side + "_words"];
// What a group of target pieces attends to a group of source pieces.
const weight = (sentence, to, from) => {
  const layer = sentence.probs[by("layer").value], pick = by("head").value;
  const heads = pick == layer.length ? layer : [layer[pick]];
  let sum = 0;
  for (const head of heads)
    for (let t = to.begin; t < to.end; ++t)
      for (let s = from.begin; s < from.end; ++s) sum += head[t][s];
  return sum / heads.length / (to.end - to.begin);
};
const shade = value => `rgb(var(--mark) / ${Math.min(1, value).toFixed(3)})`;
const draw = () => {
  const sentence = current(), length = sentence.target.length;
  shown = Math.max(1, Math.min(length, shown || length));
  by("step").textContent = `token ${shown} of ${length}: ${sentence.target[shown - 1]}`;
  const source = cells(sentence, "source"), target = cells(sentence, "target");
  const spans = {};
  const lit = (side, i) => {
    const other = side == "source" ? "target" : "source";
    spans[side][i].dataset.on = 1;
    spans[other].forEach((span, j) => {
      const [to, from] = side == "target" ? [target[i], source[j]] : [target[j], source[i]];
      const value = weight(sentence, to, from);
      span.style.background = shade(value);
      span.title = value.toFixed(3);
    });
  };
  const dark = () => {
    for (const side of ["source", "target"])
      for (const span of spans[side]) { delete span.dataset.on; span.style.background = ""; }
  };
  for (const [side, words] of [["source", source], ["target", target]]) {
    spans[side] = words.map((word, i) => {
      const span = document.createElement("span");
      span.className = "word" + (side == "target" && word.begin >= shown ? " later" : "");
      span.textContent = word.text;
      span.tabIndex = 0;
      span.onmouseenter = span.onfocus = () => { dark(); lit(side, i); };
      span.onmouseleave = span.onblur = dark;
      return span;
    });
    by(side).replaceChildren(...spans[side].flatMap(span => [span, " "]));
  }
  const at = target.findIndex(word => word.begin < shown && shown <= word.end);
  if (shown < length && at >= 0) lit("target", at);
  const rows = target.filter(word => word.begin < shown).map(to => {
    const row = document.createElement("tr"), name = document.createElement("th");
    name.textContent = to.text;
    row.append(name, ...source.map(from => {
      const cell = document.createElement("td"), value = weight(sentence, to, from);
      cell.style.background = shade(value);
      cell.title = `${to.text} asks ${from.text}: ${value.toFixed(3)}`;
      return cell;
    }));
    return row;
  });
  const top = document.createElement("thead"), names = document.createElement("tr");
  names.append(document.createElement("th"), ...source.map(from => {
    const name = document.createElement("th");
    name.textContent = from.text;
    return name;
  }));
  top.append(names);
  by("table").replaceChildren(top, ...rows);
};
const choose = () => {
  const probs = current().probs;
  options(by("layer"), probs.map((_, i) => `${i + 1}`));
  options(by("head"), [...probs[0].map((_, i) => `${i + 1}`), "mean"]);
  by("layer").value = probs.length - 1;
  by("head").value = probs[0].length;
  shown = 0;
  draw();
};
options(by("sentence"), data.map((sentence, i) => `${i + 1}: ${sentence.text}`));
by("sentence").onchange = choose;
for (const id of ["layer", "head", "pieces"]) by(id).onchange = draw;
const move = by => { shown += by; draw(); };
by("back").onclick = () => move(-1);
by("on").onclick = () => { if (shown >= current().target.length) shown = 0; move(1); };
by("all").onclick = () => { shown = 0; draw(); };
onkeydown = event => {
  if (event.target.tagName == "SELECT") return;
  if (event.key == "ArrowLeft") by("back").click();
  if (event.key == "ArrowRight") by("on").click();
};
choose();
</script>
</html>
)html";

} // namespace

std::string alignmentPage(const nlohmann::ordered_json &sentences) {
  std::string json =
      sentences.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  // No text may end the script element that holds the data.
  for (size_t at = 0; (at = json.find('<', at)) != std::string::npos; at += 6)
    json.replace(at, 1, "\\u003c");
  return std::string(head) + json + std::string(script);
}

} // namespace encdec::tools
