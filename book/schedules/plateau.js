import { chart, cursor, html, line, mount, note, number, range, slider, svg } from "./base.js";
import { keras, optax, torch } from "./plateau.model.js";

const MOST = 60; // epochs
const RATE = 0.001;
const RULES = {
  Keras: { run: keras, counter: "wait", look: { stroke: "var(--fig-blue)", "stroke-width": 6, opacity: 0.45 } },
  PyTorch: { run: torch, counter: "num_bad_epochs", look: { stroke: "var(--fig-orange)", "stroke-width": 2 } },
  optax: {
    run: optax,
    counter: "plateau_count",
    look: { stroke: "var(--fig-green)", "stroke-width": 2, "stroke-dasharray": "5 4" },
  },
};

const falling = (t) => 0.3 + 0.7 * Math.exp(-t / 3);
const curve = (f, epochs = 24) => range(0, epochs - 1).map((t) => Number(f(t).toPrecision(3)));
const PRESETS = {
  "falls, then flat": curve((t) => Number((0.3 + 0.7 * Math.exp(-t / 2)).toFixed(2))),
  flat: curve(() => 0.7, 13),
  noisy: curve((t) => falling(t) + 0.03 * Math.sin(5 * t) + 0.02 * Math.sin(11 * t)),
  "a spike": curve((t) => (t < 8 ? falling(t) : falling(t) + 1.5 * Math.exp((8 - t) / 8))),
  "near 10⁻⁵": curve((t) => 1e-5 * falling(t)),
  negative: curve((t) => Number((falling(t) - 1.3).toFixed(2))),
  NaN: curve((t) => (t < 8 ? falling(t) : NaN)),
};

/** The numbers in `text`, or undefined if something else is in it. */
function parse(text) {
  const words = text.split(/[\s,;]+/).filter(Boolean);
  const losses = words.map((word) => (/^nan$/i.test(word) ? NaN : Number(word)));
  const good = words.length > 0 && words.length <= MOST && words.every((word, i) => /^nan$/i.test(word) || Number.isFinite(losses[i]));
  return good ? losses : undefined;
}

function lossesControl() {
  const error = html("p", { role: "alert" });
  const input = html("textarea", { id: "mg-losses", rows: 2, spellcheck: "false", autocomplete: "off" });
  const presets = html("div", { class: "mg-presets", role: "group", "aria-label": "Examples of a validation loss" });
  return {
    key: "losses",
    above: true,
    element: html(
      "div",
      { class: "mg-losses" },
      presets,
      html("label", { for: "mg-losses" }, "Validation loss after each epoch: choose an example above, type it here, or draw it below"),
      input,
      error,
    ),
    show(losses) {
      if (document.activeElement !== input) input.value = losses.map((v) => String(v)).join(" ");
      if (parse(input.value)) complain("");
    },
    parse,
    listen(set) {
      for (const [name, losses] of Object.entries(PRESETS)) {
        const pick = () => set({ losses, epoch: 0, span: undefined });
        presets.append(html("button", { type: "button", onclick: pick }, name));
      }
      input.addEventListener("input", () => {
        const losses = parse(input.value);
        complain(losses ? "" : `Type 1 to ${MOST} numbers (or NaN), separated by spaces or commas.`);
        if (losses) set({ losses, span: undefined });
      });
    },
  };
  function complain(message) {
    error.textContent = message;
    input.setAttribute("aria-invalid", message !== "");
  }
}

const epochSlider = slider({ key: "epoch", label: "epoch", values: range(0, MOST - 1) });
const lossSlider = slider({
  key: "loss", // not kept in the state: it is the loss of the epoch
  label: "its loss",
  values: [0],
  text: (value) => number(value),
  change: (loss, { losses, epoch }) => ({ losses: losses.map((old, i) => (i === epoch ? loss : old)) }),
});
const controls = [
  lossesControl(),
  epochSlider,
  lossSlider,
  slider({ key: "patience", label: "patience", values: range(0, 8) }),
  slider({
    key: "minDelta",
    label: "min_delta, threshold",
    values: [0, 1e-6, 1e-5, 1e-4, 0.001, 0.01, 0.1],
    text: number,
  }),
  slider({ key: "cooldown", label: "cooldown", values: range(0, 5) }),
  slider({ key: "factor", label: "factor", values: [0.1, 0.2, 0.3, 0.5, 0.7, 0.9] }),
  slider({ key: "minLr", label: "min_lr", values: [0, 1e-6, 1e-5, 1e-4, 5e-4, 0.001], text: number }),
];

/** The range of the losses with a margin, so that the reader can draw outside it. */
function spanOf(losses) {
  const finite = losses.filter(Number.isFinite);
  if (!finite.length) return [0, 1];
  const [low, high] = [Math.min(...finite), Math.max(...finite)];
  const room = (high - low || Math.abs(high) || 1) * 0.15;
  return [low - room, high + room];
}

const below = html("details", { class: "mg-epochs" }, html("summary", {}, "All epochs"));

function draw(state, width) {
  const { losses } = state;
  state.epoch = Math.min(state.epoch, losses.length - 1);
  state.loss = losses[state.epoch];
  const inside = state.span && losses.every((v) => !Number.isFinite(v) || (v >= state.span[0] && v <= state.span[1]));
  if (!inside) state.span = spanOf(losses);
  const [low, high] = state.span;
  const settings = { ...state, lr: RATE };
  const traces = Object.fromEntries(Object.entries(RULES).map(([name, { run }]) => [name, run(losses, settings)]));
  epochSlider.values = range(0, losses.length - 1);
  lossSlider.values = range(0, 200).map((i) => round(low + ((high - low) * i) / 200, state.span));
  const columns = width >= 620 ? 2 : 1;
  const size = { width: (width - 20 * (columns - 1)) / columns, height: columns === 2 ? 270 : 220 };
  const last = Math.max(1, losses.length - 1);
  const x = { domain: [0, last], label: "epoch", ticks: Math.min(last, 8) };
  below.replaceChildren(below.firstChild, table(traces, state.epoch));
  return {
    charts: [lossChart(size, x, state), rateChart(size, x, state, traces)],
    text: [html("div", { class: "mg-cards" }, Object.entries(traces).map(([name, trace]) => card(name, trace, state)))],
    hide: Number.isFinite(state.loss) ? undefined : new Set(["loss"]),
  };
}

const round = (value, [low, high]) => {
  const step = 10 ** Math.floor(Math.log10((high - low) / 200));
  return Number((Math.round(value / step) * step).toPrecision(6));
};

function lossChart(size, x, { losses, span, epoch }) {
  const picture = chart({
    ...size,
    x,
    y: { domain: span, label: "Validation loss (draw here)" },
    label: `The validation loss of ${losses.length} epochs; ${number(losses[epoch])} after epoch ${epoch}.`,
    body: (sx, sy) => [
      cursor(sx, sy, epoch),
      line(losses.map((v, t) => [sx(t), sy(v)]).filter(([, y]) => Number.isFinite(y)), { stroke: "currentColor", "stroke-width": 1.5 }),
      losses.map((v, t) =>
        Number.isFinite(v)
          ? svg("circle", { cx: sx(t), cy: sy(v), r: t === epoch ? 6 : 3.5, fill: "currentColor" })
          : note(sx(t), sy.range[1] + 12, "×", { "text-anchor": "middle" }),
      ),
    ],
  });
  picture.style.touchAction = "none";
  return picture;
}

function rateChart(size, x, { epoch }, traces) {
  const lowest = Math.min(...Object.values(traces).map((trace) => trace.at(-1).lr));
  return chart({
    ...size,
    x,
    y: { domain: [Math.max(1e-12, Math.min(lowest / 2, RATE / 20)), RATE * 2], log: true, label: "The rate after each epoch" },
    label: Object.entries(traces).map(([name, trace]) => `${name} reduces after ${epochsOf(trace)}.`).join(" "),
    body: (sx, sy) => [
      cursor(sx, sy, epoch),
      Object.entries(traces).map(([name, trace], i) => {
        const corners = trace.flatMap(({ lr }, t) => (t ? [[sx(t) - 0.01, sy(trace[t - 1].lr)], [sx(t), sy(lr)]] : [[sx(0), sy(RATE)], [sx(0), sy(lr)]]));
        const d = corners.map(([cx, cy], k) => `${k ? "L" : "M"}${cx.toFixed(1)},${cy.toFixed(1)}`).join("");
        const [left, base] = [sx.range[0], sy.range[0] - 46 + 18 * i];
        const { look } = RULES[name];
        return [
          svg("path", { d, fill: "none", ...look }),
          svg("line", { x1: left + 4, x2: left + 30, y1: base - 4, y2: base - 4, ...look }),
          note(left + 36, base, name),
        ];
      }),
    ],
  });
}

function epochsOf(trace) {
  const epochs = trace.flatMap(({ reduced }, t) => (reduced ? [t] : []));
  return epochs.length ? `epoch${epochs.length > 1 ? "s" : ""} ${epochs.join(", ")}` : "no epoch";
}

const shown = (value) => (Number.isFinite(value) ? number(value) : "none yet");

function card(name, trace, { epoch }) {
  const { best, wait, cooldown, lr, why } = trace[epoch];
  const facts = [`best ${shown(best)}`, `${RULES[name].counter} ${wait}`, `cooldown ${cooldown}`, `rate ${number(lr)}`];
  return html(
    "div",
    {},
    html("p", {}, html("b", {}, `${name}, epoch ${epoch}: `), `${why}. `),
    html("p", {}, `Now ${facts.join(", ")}. `),
    html("p", {}, `Reduces after ${epochsOf(trace)}. `),
  );
}

function table(traces, epoch) {
  const names = Object.keys(traces);
  const columns = ["best", "wait", "cooldown", "rate", "what happened"];
  const head = [
    html("tr", {}, html("td", { colspan: 2 }), names.map((name) => html("th", { colspan: 5, scope: "colgroup" }, name))),
    html("tr", {}, ["epoch", "loss", ...columns, ...columns].map((name) => html("th", { scope: "col" }, name))),
  ];
  const rows = traces[names[0]].map(({ loss }, t) =>
    html(
      "tr",
      t === epoch ? { "aria-current": "true" } : {},
      html("th", { scope: "row" }, String(t)),
      html("td", {}, number(loss)),
      names.map((name) => {
        const { best, wait, cooldown, lr, why } = traces[name][t];
        return [shown(best), wait, cooldown, number(lr), why].map((value) => html("td", {}, String(value)));
      }),
    ),
  );
  const label = { tabindex: 0, role: "region", "aria-label": "State after each epoch" };
  return html("div", label, html("table", {}, html("thead", {}, head), html("tbody", {}, rows)));
}

let before; // epoch and loss of the drag's last point

function drag(state, [t, loss], index, set, starts) {
  const epoch = Math.min(state.losses.length - 1, Math.max(0, Math.round(t)));
  if (index === 1) return set({ epoch });
  const value = round(loss, state.span);
  if (starts || !before) before = [epoch, value];
  const [from, old] = before;
  const losses = [...state.losses];
  const steps = Math.max(1, Math.abs(epoch - from));
  for (let i = 0; i <= steps; i++) {
    const share = epoch === from ? 1 : i / steps;
    losses[Math.round(from + (epoch - from) * share)] = round(old + (value - old) * share, state.span);
  }
  before = [epoch, value];
  return set({ losses, epoch });
}

mount("plateau", {
  defaults: {
    losses: PRESETS["falls, then flat"],
    epoch: 13,
    patience: 3,
    minDelta: 1e-4,
    cooldown: 0,
    factor: 0.1,
    minLr: 0,
  },
  controls,
  draw,
  drag,
  below,
});
