// A sentence's cross-attention, of the decoder layer and the heads that the reader chooses.
"use strict";

// The pictures are documents of their own; the heads that are chosen are taken from them.
function drawAlignments() {
  if (!report.alignments.length) return;
  byId("alignments").hidden = false;
  const parse = text => new DOMParser().parseFromString(text, "image/svg+xml");
  // They bring a style of their own, which the page's policy would refuse aloud.
  const pictures = report.alignments.map(text => parse(text.replace(/<style[^]*?<\/style>/g, "")));
  const heads = pictures.map(picture => [...picture.querySelectorAll("g[id^=head-]")]);
  const shown = make("div", "pictures");
  const state = {layer: pictures.length - 1, heads: new Set([0])};
  const headChoice = make("fieldset");
  const option = (type, text, checked, change) => {
    const input = make("input");
    Object.assign(input, {type, checked, name: type === "radio" ? "layer" : ""});
    input.addEventListener("change", () => { change(input.checked); draw(); });
    return make("label", "", input, ` ${text}`);
  };
  function draw() {
    shown.replaceChildren();
    for (const h of state.heads) {
      const group = heads[state.layer][h];
      if (!group) continue;
      const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
      const copy = document.importNode(group, true);
      copy.removeAttribute("transform");
      const labels = pictures[state.layer].querySelector("defs");
      if (labels) svg.append(document.importNode(labels, true));
      svg.append(copy);
      svg.setAttribute("role", "img");
      svg.setAttribute("aria-label", `decoder layer ${state.layer + 1}, head ${h + 1}`);
      shown.append(make("figure", "", svg, make("figcaption", "quiet", `decoder layer ${state.layer + 1}, head ${h + 1}`)));
      const box = copy.getBBox();
      svg.setAttribute("viewBox", [box.x - 4, box.y - 4, box.width + 8, box.height + 8].join(" "));
      svg.setAttribute("width", box.width + 8);
      svg.setAttribute("height", box.height + 8);
    }
  }
  const layers = make("fieldset", "", make("legend", "", "decoder layer"));
  pictures.forEach((_, i) => layers.append(option("radio", `${i + 1}`, i === state.layer, () => { state.layer = i; })));
  headChoice.append(make("legend", "", "heads"));
  heads[0].forEach((_, i) => headChoice.append(option("checkbox", `${i + 1}`, state.heads.has(i),
    on => on ? state.heads.add(i) : state.heads.delete(i))));
  const title = pictures[0].querySelector("title");
  byId("heads").append(make("p", "", title ? title.textContent : ""), layers, headChoice, shown);
  draw();
}
