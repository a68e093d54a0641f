import { adam, extremes } from "./bias-correction.model.js";
import { chart, choice, cursor, dot, html, line, mount, note, number, slider, svg, swatch } from "./base.js";

const LOOKS = {
  both: { stroke: "var(--fig-blue)" },
  neither: { stroke: "var(--fig-orange)", "stroke-dasharray": "9 3" },
  m: { stroke: "var(--fig-green)", "stroke-dasharray": "2 3" },
  v: { stroke: "var(--fig-purple)", "stroke-dasharray": "9 3 2 3" },
};
const NAMES = { both: "m and v", neither: "nothing", m: "only m", v: "only v" };
const HORIZON = 10_000;
const LINEAR = [100, 200, 500, 1000, 2000, 5000]; // ends of a linear axis: far enough to see the peak and what follows
const BETAS = [0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9999];
const STEPS = [...new Set(Array.from({ length: 401 }, (_, i) => Math.round(10 ** (i / 100))))];

const controls = [
  slider({ key: "beta1", label: "β₁, for m", values: BETAS }),
  slider({ key: "beta2", label: "β₂, for v", values: BETAS }),
  slider({
    key: "eps",
    label: "ε, for a gradient of 1",
    values: [0, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.1, 1],
    text: number,
  }),
  slider({ key: "t", label: "step t", values: STEPS }),
  choice({
    key: "correct",
    legend: "Correct",
    options: Object.keys(LOOKS).map((key) => [key, NAMES[key], swatch({ ...LOOKS[key], "stroke-width": 3 })]),
  }),
  choice({ key: "time", legend: "Time axis", options: [["log", "logarithmic"], ["linear", "linear"]] }),
];

const gradients = new Float64Array(HORIZON).fill(1);

function draw(state, width) {
  const columns = width >= 620 ? 2 : 1;
  const size = { width: (width - 20 * (columns - 1)) / columns, height: columns === 2 ? 290 : 240 };
  const runs = Object.fromEntries(Object.keys(LOOKS).map((correct) => [correct, adam(gradients, { ...state, correct })]));
  const peak = extremes(state.beta1, state.beta2);
  const log = state.time === "log";
  const end = log ? HORIZON : (LINEAR.find((n) => n >= 6 * peak.t) ?? HORIZON);
  const at = Math.min(state.t, end) - 1;
  const time = { domain: [1, end], log, label: "step t", ticks: log ? 5 : size.width / 80 };
  const shown = runs[state.correct];
  return {
    charts: [
      averagesChart(size, time, shown, at, end),
      stepsChart(size, time, runs, state, peak, at, end),
    ],
    text: story(state, shown, peak, at),
  };
}

function averagesChart(size, time, run, at, end) {
  const root = run.v.map(Math.sqrt);
  return chart({
    ...size,
    x: time,
    y: { domain: [0, 1.05], label: "The step divides m by √v" },
    label: `m and the root of v over the steps. At step ${at + 1}, m is ${number(run.m[at])} and root v ${number(root[at])}.`,
    body: (x, y) => [
      cursor(x, y, at + 1),
      series(x, y, run.m, end, { stroke: "currentColor", "stroke-width": 2.5 }),
      series(x, y, root, end, { stroke: "currentColor", "stroke-width": 2.5, "stroke-dasharray": "5 4" }),
      labels(x, y, run.m, root, end),
      dot(x(at + 1), y(run.m[at])),
      dot(x(at + 1), y(root[at])),
    ],
  });
}

/** "m" and "√v" next to their lines, where these are farthest apart. */
function labels(x, y, m, root, end) {
  let far = 0;
  for (let i = 0; i < end; i++) if (Math.abs(m[i] - root[i]) > Math.abs(m[far] - root[far])) far = i;
  if (Math.abs(m[far] - root[far]) < 0.02) return note(x(end), y(1) + 20, "m and √v", { "text-anchor": "end" });
  const label = (values, text, above) => note(x(far + 1), y(values[far]) + (above ? -9 : 20), text, { "text-anchor": "middle" });
  const mAbove = m[far] > root[far];
  return [label(m, "m", mAbove), label(root, "√v", !mAbove)];
}

function stepsChart(size, time, runs, state, peak, at, end) {
  const values = Object.values(runs).flatMap((run) => [run.step[0], run.step[at], run.step[end - 1]]);
  values.push(runs.neither.step[peak.t - 1] ?? 1, 0.1, 10);
  const known = values.filter((v) => v > 0 && Number.isFinite(v)).map(Math.log10);
  const domain = [10 ** Math.floor(Math.min(...known) + 1e-6), 10 ** Math.ceil(Math.max(...known) - 1e-6)];
  const current = runs[state.correct].step[at];
  const others = Object.keys(runs).filter((key) => key !== state.correct);
  return chart({
    ...size,
    x: time,
    y: { domain, log: true, label: "The step, in units of η" },
    label: `The step over time for each way to correct. At step ${at + 1}, correcting ${NAMES[state.correct]}, it is ${number(current)} η.`,
    body: (x, y) => [
      cursor(x, y, at + 1),
      others.map((key) => series(x, y, runs[key].step, end, { ...LOOKS[key], "stroke-width": 1.5, opacity: 0.75 })),
      series(x, y, runs[state.correct].step, end, { ...LOOKS[state.correct], "stroke-width": 3.5 }),
      peak.t <= end && peakMark(x, y, runs.neither.step[peak.t - 1], peak.t, end),
      dot(x(at + 1), y(current), LOOKS[state.correct].stroke),
    ],
  });
}

function peakMark(x, y, step, t, end) {
  const right = x(t) > (x(1) + x(end)) / 2;
  const text = `${number(step)} η at t = ${t}`;
  const [dx, anchor] = right ? [-8, "end"] : [8, "start"];
  return [
    svg("circle", { cx: x(t), cy: y(step), r: 4.5, fill: "none", stroke: LOOKS.neither.stroke, "stroke-width": 2 }),
    note(x(t) + dx, y(step) - 7, text, { "text-anchor": anchor, fill: LOOKS.neither.stroke }),
  ];
}

const series = (x, y, values, end, look) => {
  const points = [];
  for (let i = 0; i < end; i++) if (Number.isFinite(y(values[i]))) points.push([x(i + 1), y(values[i])]);
  return line(points, look);
};

function story(state, run, peak, at) {
  const step = html("b", {}, `${number(run.step[at])} η`);
  const root = Math.sqrt(run.v[at]);
  const eps = state.eps ? ` + ${number(state.eps)}` : "";
  const what = peak.ratio > 1 ? "too large" : "too small";
  const uncorrected = peak.t === peak.settled && Math.abs(peak.ratio - 1) < 0.01
    ? "Without any correction the steps are right within 1 % from the first step on."
    : `Without any correction the step is ${what}, the most at step ${peak.t}: ${number(peak.ratio)} times the corrected one. ` +
      `From step ${peak.settled} on the two agree within 1 %.`;
  return [`Step ${at + 1}: ${number(run.m[at])} / (${number(root)}${eps}) gives a step of `, step, `. ${uncorrected}`];
}

mount("bias-correction", {
  defaults: { beta1: 0.9, beta2: 0.999, eps: 1e-8, t: 12, correct: "neither", time: "log" },
  controls,
  draw,
  drag: (state, [t], _, set) => set({ t: Math.max(1, Math.round(t)) }),
});
