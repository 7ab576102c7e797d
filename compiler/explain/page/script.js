// Draws the report. Every text of it goes through textContent, since names may come from
// files of others.
const report = JSON.parse(document.getElementById("report").textContent);
const byId = id => document.getElementById(id);

function make(tag, className, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children.filter(child => child !== null && child !== undefined));
  return element;
}

//===-- Numbers ------------------------------------------------------------===//

function quantity(value, unit = "") {
  const steps = ["", "k", "M", "G", "T"];
  let step = 0;
  while (value >= 1000 && step < steps.length - 1) { value /= 1000; ++step; }
  const digits = step === 0 || value >= 100 ? 0 : 1;
  return `${value.toFixed(digits)} ${steps[step]}${unit}`.trim();
}
const time = seconds =>
  seconds === null || seconds === undefined ? "—" : `${(seconds * 1e6).toFixed(1)} µs`;
const sum = (list, of) => list.reduce((total, one) => total + of(one), 0);
const unique = list => [...new Set(list)];
const plural = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;

//===-- What a set of imported ops amounts to -------------------------------===//

// Measured are phases: what lies between two barriers. Where a phase works for other ops
// too, its time is more than theirs.
function about(from) {
  const ops = from.map(i => report.ops[i]);
  const calls = unique(ops.flatMap(op => op.calls)).map(i => report.calls[i]);
  const phases = unique(calls.map(call => call.phase));
  const own = new Set(from);
  const shares = report.calls.some(call => phases.includes(call.phase) &&
                                           !(call.from.length && call.from.every(i => own.has(i))));
  const times = phases.map(p => report.phases[p].measured_seconds);
  const limits = ops.map(op => op.limit_seconds);
  const limitKnown = report.limits.read_bandwidth !== null && calls.length > 0 &&
                     limits.some(limit => limit !== null && limit !== undefined);
  return {
    ops, calls, phases, shares,
    verdicts: unique(ops.flatMap(op => op.verdicts)).map(i => report.verdicts[i]),
    bytes: sum(ops, op => op.weight_bytes), madds: sum(ops, op => op.row_madds),
    limit: limitKnown ? sum(limits, limit => limit || 0) : null,
    measured: times.length && times.every(t => t !== null) ? sum(times, t => t) : null,
    role: ops.length ? ops[0].role : "other",
  };
}

const measuredText = info => info.measured === null
  ? (info.calls.length || !report.calls.length ? "not measured" : "runs nothing")
  : (info.shares ? "≤ " : "") + time(info.measured);
const fusedBy = info => unique(info.verdicts.filter(v => v.passed).map(v => v.pass));
const kernelsOf = info => unique(info.calls.map(call => call.kernel)).join(", ") ||
  (report.calls.length ? "no kernel: a view or a result" : "not scheduled");
const howFused = info => fusedBy(info).join(", ") ||
  (info.verdicts.length ? `not fused [${info.verdicts[0].code}]` : "stands alone");
const withoutLayer = name => name.replace(/^l\d+\./, "");

//===-- Marks: all elements that share an imported op ------------------------===//

const elementsOf = new Map(); // imported op -> elements
let kept = null;

function follow(element, from) {
  element.from = from;
  for (const i of from)
    (elementsOf.get(i) || elementsOf.set(i, []).get(i)).push(element);
}

function mark(element, scroll) {
  for (const marked of document.querySelectorAll(".marked")) marked.classList.remove("marked");
  const targets = new Set(element ? element.from.flatMap(i => elementsOf.get(i) || []) : []);
  for (const target of targets) target.classList.add("marked");
  if (scroll) // each stage shows its first marked line
    for (const lines of document.querySelectorAll(".lines")) {
      const first = lines.querySelector(".marked");
      if (first && !lines.contains(document.activeElement))
        lines.scrollTop = first.offsetTop - lines.clientHeight / 3;
    }
  describe(element);
}

function list(pairs) {
  const dl = make("dl");
  for (const [name, text] of pairs)
    if (text) dl.append(make("dt", "", name), make("dd", "", text));
  return dl;
}

function describe(element) {
  const detail = byId("detail");
  detail.replaceChildren();
  if (!element) return;
  const info = about(element.from);
  detail.append(make("b", "", element.textOfOp || info.ops.map(op => op.name).join(", ")));
  const saved = element.saved;
  detail.append(list([
    ["imported ops", info.ops.map(op => `${op.name} (${op.op})${op.place ? " " + op.place : ""}`).join(", ")],
    ["fused by", fusedBy(info).join(", ") || "no pass"],
    ["saved", saved && saved.ops > 0 ? savedText(saved) : ""],
    ["kernel calls", kernelsOf(info)],
    ["phases", info.phases.map(p => report.phases[p].ops).join(", ")],
    ["work", `${quantity(info.bytes, "B")} of weights, ${quantity(info.madds)} multiply-adds a row, ` +
             `${quantity(sum(info.calls, c => c.activation_row_bytes), "B")} of activations read and written a row`],
    ["time", `limit ${info.limit === null ? "not known" : time(info.limit)}, ${info.measured === null ? "" : "measured "}${measuredText(info)}`],
    ["not fused", info.verdicts.filter(v => !v.passed)
      .map(v => `${v.pass} [${v.code}]: ${v.text}. ${v.blocker ? `Blocker: ${v.blocker}. ` : ""}Remedy: ${v.remedy}`).join(" ")],
  ]));
}

function savedText(saved) {
  const parts = [plural(saved.ops, "op"), plural(saved.buffers, "buffer")];
  if (saved.row_bytes) parts.push(`${quantity(saved.row_bytes, "B")} a row`);
  if (saved.key_bytes) parts.push(`${quantity(saved.key_bytes, "B")} a row and key`);
  return parts.join(", ");
}

// Arrow keys move within one list, Tab between lists.
function choose(container) {
  const items = () => [...container.querySelectorAll("[data-item]")].filter(item => item.offsetParent);
  container.addEventListener("focusin", event => {
    const item = event.target.closest("[data-item]");
    if (!item) return;
    for (const other of container.querySelectorAll("[data-item]")) other.tabIndex = -1;
    item.tabIndex = 0;
    kept = null;
    mark(item, true);
  });
  container.addEventListener("pointerover", event => {
    const item = event.target.closest("[data-item]");
    if (item && !kept) mark(item, true);
  });
  container.addEventListener("click", event => {
    const item = event.target.closest("[data-item]");
    if (item) { item.focus({preventScroll: true}); kept = item; mark(item, true); }
  });
  container.addEventListener("keydown", event => {
    const item = event.target.closest("[data-item]");
    if (!item) return;
    const all = items(), at = all.indexOf(item);
    const to = {ArrowDown: at + 1, ArrowRight: at + 1, ArrowUp: at - 1, ArrowLeft: at - 1,
                Home: 0, End: all.length - 1}[event.key];
    if (to !== undefined && all[to]) { all[to].focus(); event.preventDefault(); }
    if (event.key === "Enter") { kept = item; mark(item, true); }
  });
  const first = container.querySelector("[data-item]");
  if (first) first.tabIndex = 0;
}
document.addEventListener("keydown", event => {
  if (event.key === "Escape") { kept = null; mark(null); }
});

function item(element, from, more = {}) {
  element.dataset.item = "";
  element.tabIndex = -1;
  follow(element, from);
  return Object.assign(element, more);
}

//===-- Head: totals ---------------------------------------------------------===//

function table(head, rows) { // numbers, but for the first column
  const cells = (tag, row) => make("tr", "", ...row.map((text, i) =>
    make(tag, i === 0 ? "" : "number", text)));
  const box = make("div", "table", make("table", "", make("thead", "", cells("th", head)),
                                        make("tbody", "", ...rows.map(row => cells("td", row)))));
  box.tabIndex = 0; // the keyboard scrolls it where it is too wide
  return box;
}

function drawHead() {
  document.title = `encdec explain: ${report.model}`;
  byId("title").textContent = report.model;
  const sizes = report.sizes;
  byId("summary").textContent =
    `${report.family ? `Family ${report.family}, ` : ""}weights ${report.weights}; ` +
    `${sizes.source_length} source tokens, ${sizes.new_tokens} new tokens, batch ${sizes.batch}, ${sizes.threads} threads.` +
    (report.stopped ? ` Stopped: ${report.stopped}` : "");
  const entries = Object.entries(report.totals);
  const row = (name, of) => [name, ...entries.map(([entry, total]) => String(of(total, entry)))];
  const measured = entry => {
    const times = report.phases.filter(p => p.entry === entry).map(p => p.measured_seconds);
    return times.length && times.every(t => t !== null) ? time(sum(times, t => t)) : "not measured";
  };
  byId("totals").append(table(["", ...entries.map(([entry]) => entry)], [
    row("imported ops", total => total.imported_ops),
    row("after fuse", total => total.fused_ops),
    row("kernel calls", total => total.calls),
    row("barriers", total => total.barriers),
    row("weights read", total => quantity(total.weight_bytes, "B")),
    row("activations of a row", total => quantity(total.arena_row_bytes, "B")),
    row("multiply-adds of a row", total => quantity(total.row_madds)),
    ...unique(entries.flatMap(([, total]) => total.keys.map(k => k.from))).map(from =>
      row(`and of each key of the ${from}`, total =>
        quantity(sum(total.keys.filter(k => k.from === from), k => k.madds)))),
    row("limit", total => time(total.limit_seconds)),
    row("measured", (total, entry) => measured(entry)),
  ]));
}

//===-- The model, as the textbook draws it ----------------------------------===//

function block(op, longest) {
  const info = about(op.from);
  const li = item(make("li", `block ${info.role}`,
    make("b", "", info.ops.map(o => withoutLayer(o.name)).join(", ")),
    make("span", "", `${howFused(info)} → ` +
                     kernelsOf(info)),
    make("span", "", `${quantity(info.bytes, "B")}, ${quantity(info.madds)} MAC/row, limit ` +
                     `${time(info.limit)}, ${measuredText(info)}`)),
    op.from, {saved: op.saved});
  if (info.measured !== null && longest > 0) {
    const bar = make("div", "bar", make("i"));
    bar.firstChild.style.width = `${Math.min(100, 100 * info.measured / longest)}%`;
    if (info.limit !== null) {
      const limit = make("u");
      limit.style.left = `min(${100 * info.limit / longest}%, 100% - 3px)`;
      bar.append(limit);
    }
    li.append(bar);
  }
  return li;
}

function layersOf(ops) {
  const layers = [];
  for (const op of ops) {
    const layer = report.ops[op.from[0]].layer, last = layers[layers.length - 1];
    if (last && last.layer === layer) last.ops.push(op);
    else layers.push({layer, ops: [op]});
  }
  return layers;
}

const shapeOf = layer => JSON.stringify(layer.ops.map(op => {
  const info = about(op.from);
  return [info.ops.map(o => withoutLayer(o.name)), info.calls.map(c => c.kernel), info.bytes,
          info.madds, fusedBy(info)];
}));

function stack(title, text, ops, longest) {
  const box = make("div", "stack", make("h3", "", title), make("p", "", text));
  let before = null;
  for (const layer of layersOf(ops)) {
    const shape = shapeOf(layer), same = layer.layer !== null && shape === before;
    before = shape;
    const name = layer.layer === null ? "" : `layer ${layer.layer}`;
    const blocks = make("ul", "blocks", ...layer.ops.map(op => block(op, longest)));
    const group = same ? make("details", "layer", make("summary", "", `${name}, equal to the one before`), blocks)
                       : make("div", "layer", name ? make("h4", "", name) : null, blocks);
    box.append(group);
  }
  return box;
}

function drawModel() {
  const stage = report.stages.find(s => s.name === "fused") || report.stages[0];
  const ops = stage.ops.filter(op => op.from.length);
  const longest = Math.max(0, ...ops.map(op => about(op.from).measured || 0));
  const moved = op => op.from.every(i => {
    const {entry, runs_in: runsIn} = report.ops[i];
    return runsIn && runsIn !== entry;
  });
  const parts = {encode: [], memory: [], step: []}, others = {};
  for (const op of ops)
    (moved(op) ? parts.memory : parts[op.entry] || (others[op.entry] ??= [])).push(op);
  const draw = (title, text, list, className) => {
    if (!list.length) return;
    const box = stack(title, text, list, longest);
    if (className) box.classList.add(className);
    byId("model").append(box);
  };
  draw("Encoder", "Reads the source once.", parts.encode);
  draw("Memory", "Keys and values of each cross-attention, projected once at the end of encode.", parts.memory, "follows");
  draw("Decoder", "One step for each target token.", parts.step, parts.encode.length ? "follows" : "");
  for (const [name, list] of Object.entries(others)) draw(name, "A function.", list);
  for (const role of unique(report.ops.map(op => op.role)))
    byId("legend").append(make("li", role, make("i"), role));
  if (longest > 0) byId("legend").append(make("li", "", "bar: measured; orange mark: limit"));
  choose(byId("model"));
}

//===-- Stages side by side ---------------------------------------------------===//

function drawStages() {
  for (const stage of report.stages) {
    const lines = make("ul", "lines ir");
    let entry = null;
    for (const op of stage.ops) {
      if (op.entry !== entry) lines.append(make("li", "entry", entry = op.entry));
      const line = make("li", "line", op.text);
      if (op.from.length) item(line, op.from, {textOfOp: op.text, saved: op.saved});
      else line.classList.add("barrier");
      lines.append(line);
    }
    const count = plural(stage.ops.filter(op => op.from.length).length, "op");
    const box = make("div", "stage", make("h3", "", `${stage.title} (${count})`), lines);
    choose(lines);
    byId("stages").append(box);
  }
}

//===-- Why -------------------------------------------------------------------===//

function drawWhy() {
  const groups = new Map();
  for (const verdict of report.verdicts.filter(v => !v.passed)) {
    const key = [verdict.pass, verdict.code, verdict.text, verdict.remedy].join("\n");
    (groups.get(key) || groups.set(key, []).get(key)).push(verdict);
  }
  const why = byId("why");
  if (!groups.size) why.append(make("p", "", "Nothing that a pass could have fused was left."));
  for (const verdicts of groups.values()) {
    const first = verdicts[0];
    const where = verdicts.map(v => (v.about.length ? `${report.ops[v.about[0]].op} ${report.ops[v.about[0]].name}` : "") +
                                    (v.place ? ` at ${v.place}` : ""));
    const box = make("div", "missed", make("b", "", `${first.pass} [${first.code}]`),
      list([["ops", where.join(", ")], ["reason", first.text], ["blocker", unique(verdicts.map(v => v.blocker)).filter(Boolean).join(", ")],
            ["remedy", first.remedy]]));
    const from = unique(verdicts.flatMap(v => v.about));
    if (from.length) item(box, from);
    why.append(box);
  }
  choose(why);
  drawPasses();
}

function drawPasses() {
  if (!report.passes.length) {
    byId("passes").append(make("p", "", "No pass fused anything."));
    return;
  }
  byId("passes").append(
    make("p", "hint", "What its fusions no longer store and read; then how many calls, barriers and bytes of activations a schedule without the pass has more."),
    table(["pass", "fusions", "ops", "buffers", "bytes a row", "a row and key", "calls", "barriers", "kept a row"],
      report.passes.map(({pass, fusions, saved, without}) => {
        const more = value => without.schedulable ? String(value) : "—";
        return [pass, `${fusions}`, `${saved.ops}`, `${saved.buffers}`, quantity(saved.row_bytes, "B"),
                quantity(saved.key_bytes, "B"), more(without.more_calls), more(without.more_barriers),
                more(without.more_arena_row_bytes)];
      })));
  for (const {pass, without} of report.passes)
    if (!without.schedulable && without.reason)
      byId("passes").append(make("p", "hint", `Without ${pass} no kernels serve what is left: ${without.reason}`));
}

drawHead();
drawModel();
drawStages();
drawWhy();
drawAlignments();
addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details")) details.open = true;
});
