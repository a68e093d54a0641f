import { chart, choice, cursor, html, line, mount, note, number, range, slider, superscript, svg } from "./base.js";
import { EPOCH, normal, runs } from "./eta-equivalence.model.js";

const STEPS = 200;
const SAME = 1e-18; // where a gap of 0 is drawn on the logarithmic axis
const LOOKS = [
  { stroke: "var(--fig-blue)", "stroke-width": 6, opacity: 0.45 },
  { stroke: "var(--fig-orange)", "stroke-width": 2 },
];
const NAMES = ["A: η decays", "B: the effective rate decays"];

// rule → [name in the choice, key of its strength, why the runs separate]
const RULES = {
  adam: ["Adam"],
  momentum: ["momentum, PyTorch’s", "mu"],
  keras: ["momentum, Keras’s", "mu", "Keras’s velocity contains the old rate. In A, the steps shrink over many steps; in B they shrink at once."],
  "weight-decay": ["decoupled weight decay", "lambda", "In A, decaying η also makes the weight decay, η·λ·θ, smaller. In B, decaying η/(√v̂ + ε) doesn’t change it."],
  eps: ["ε not scaled", "eps", "B lowers the effective rate by replacing √v̂ by √v̂/s, but doesn’t scale ε. η/(√v̂/s + ε) is more than s times η/(√v̂ + ε)."],
  plateau: ["rate from the loss", "sigma", "Each run lowers the rate when its own validation loss, with its own noise, stops falling. The theorem needs the same factors in both runs, but here each run’s path determines its factors."],
};

const powerOfTwo = (s) => Number.isInteger(Math.log2(s));
const fraction = (s) => (powerOfTwo(s) && s < 1 ? `1/${1 / s}` : number(s));

const controls = [
  choice({ key: "rule", legend: "Update", options: Object.entries(RULES).map(([key, [name]]) => [key, name]), long: true }),
  slider({
    key: "factor",
    label: "decay factor s",
    values: [1, 0.7, 0.5, 0.3, 0.25, 0.2, 0.125, 0.1, 0.0625, 0.03, 0.015625, 0.01],
    text: (s) => (powerOfTwo(s) && s < 1 ? `${fraction(s)} = 2${superscript(Math.log2(s))}` : number(s)),
  }),
  slider({ key: "at", label: "step of the decay", values: range(10, STEPS - 10, 5) }),
  slider({ key: "mu", label: "momentum μ", values: [0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95] }),
  slider({ key: "lambda", label: "weight decay λ", values: [0, 0.01, 0.03, 0.1, 0.2, 0.5, 1] }),
  slider({ key: "eps", label: "ε", values: [0, 1e-8, 1e-6, 1e-4, 0.01, 0.1, 1], text: number }),
  slider({ key: "sigma", label: "noise of the validation loss", values: [0, 0.001, 0.01, 0.03, 0.1, 0.3] }),
  slider({ key: "seed", label: "sample of the noise", values: range(1, 12) }),
];

function draw(state, width) {
  const { rule } = state;
  const strength = RULES[rule][1];
  const hide = new Set(["mu", "lambda", "eps", "sigma"].filter((key) => key !== strength));
  if (rule === "plateau") hide.add("at");
  const epochs = STEPS / EPOCH;
  const [first, second] = runs({
    rule,
    strength: state[strength] ?? 0,
    eta: rule === "momentum" || rule === "keras" ? 0.03 : 0.1,
    factor: state.factor,
    decayAt: state.at,
    theta: 1.5,
    curvature: 1,
    noise: normal(STEPS, state.seed).map((z) => 1.5 * z),
    validation: [normal(epochs, 100 + state.seed), normal(epochs, 200 + state.seed)],
  });
  const gap = first.map((value, i) => Math.abs(value - second[i]));
  const largest = Math.max(...gap);
  const columns = width >= 620 ? 2 : 1;
  const size = { width: (width - 20 * (columns - 1)) / columns, height: columns === 2 ? 280 : 230 };
  const x = { domain: [0, STEPS], label: "step", ticks: 4 };
  const mark = (sx, sy) =>
    rule !== "plateau" && [cursor(sx, sy, state.at), note(sx(state.at) + 5, sy.range[0] - 6, `× ${fraction(state.factor)}`)];
  return {
    charts: [
      pathsChart(size, x, first, second, largest, mark),
      gapChart(size, x, gap, largest, mark),
    ],
    text: story(state, largest, state[strength] ?? 0),
    hide,
  };
}

function pathsChart(size, x, first, second, largest, mark) {
  const low = Math.min(-1, ...first, ...second);
  const high = Math.max(1.6, ...first, ...second);
  return chart({
    ...size,
    x,
    y: { domain: [low, high], label: "The parameter θ" },
    label: `The parameter over ${STEPS} steps in both runs, from 1.5 towards 0. They ${largest < 1e-12 ? "coincide" : "separate"}.`,
    body: (sx, sy) => [
      mark(sx, sy),
      [first, second].map((path, i) => line(path.map((value, t) => [sx(t), sy(value)]), LOOKS[i])),
      NAMES.map((name, i) => {
        const top = sy.range[1] + 14 + 20 * i;
        const end = sx.range[1];
        return [
          note(end - 34, top, name, { "text-anchor": "end" }),
          svg("line", { x1: end - 28, x2: end, y1: top - 4, y2: top - 4, ...LOOKS[i] }),
        ];
      }),
    ],
  });
}

function gapChart(size, x, gap, largest, mark) {
  return chart({
    ...size,
    x,
    y: {
      domain: [SAME, 10],
      log: true,
      label: "Distance between the runs",
      ticks: 7,
      format: (v) => (v <= SAME * 1.001 ? "0" : number(v)),
    },
    label: `The distance between the two runs. The largest is ${number(largest, 2)}.`,
    body: (sx, sy) => [
      mark(sx, sy),
      line(gap.map((value, t) => [sx(t), sy(Math.max(value, SAME))]), { stroke: "var(--fig-purple)", "stroke-width": 2.5 }),
    ],
  });
}

function story({ rule, factor }, largest, strength) {
  const why = RULES[rule][2];
  if (largest === 0) {
    const reason = powerOfTwo(factor) ? "a power of two only changes the exponent, so both runs round alike" : "the rounding happens to be the same";
    return [html("b", {}, "The same bits in every step"), `: ${reason}.`, why && strength === 0 ? " Raise the slider to separate the runs." : ""];
  }
  if (largest < 1e-12) {
    return [html("b", {}, "Equal up to rounding"), `: the largest distance is ${number(largest, 2)}, because the runs multiply the factors in a different order.`];
  }
  return [html("b", {}, `The runs separate, by up to ${number(largest, 2)}.`), ` ${why}`];
}

mount("eta-equivalence", {
  defaults: { rule: "adam", factor: 0.25, at: 100, mu: 0.9, lambda: 0.5, eps: 1, sigma: 0.1, seed: 1 },
  controls,
  draw,
  drag: (state, [t], _, set) => set({ at: Math.min(STEPS - 10, Math.max(10, 5 * Math.round(t / 5))) }),
});
