// Shared by the explorables: elements, scales, charts, controls, and the stage.

const make = (namespace) => (tag, attributes, ...children) => {
  const element = document.createElementNS(namespace, tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== undefined && child !== null && child !== false));
  return element;
};
export const html = make("http://www.w3.org/1999/xhtml");
export const svg = make("http://www.w3.org/2000/svg");

// Numbers

const SUPERSCRIPTS = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };

export const superscript = (integer) => [...String(integer)].map((c) => SUPERSCRIPTS[c]).join("");

/** Format a number for readers: 4 significant digits by default, 2.8·10⁻¹⁷ if it is very small or large. */
export function number(value, digits = 4) {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) {
    const [mantissa, exponent] = Number(value.toPrecision(Math.min(digits, 2))).toExponential().split("e");
    const power = `10${superscript(Number(exponent))}`;
    return mantissa === "1" ? power : `${mantissa}·${power}`.replace("-", "−");
  }
  return String(Number(value.toPrecision(digits))).replace("-", "−");
}

// Scales: functions from the domain to pixels, with an inverse and ticks

export function scale([d0, d1], [r0, r1], log = false) {
  const to = log ? Math.log10 : (v) => v;
  const from = log ? (v) => 10 ** v : (v) => v;
  const [a, b] = [to(d0), to(d1)];
  const f = (value) => r0 + ((to(value) - a) / (b - a || 1)) * (r1 - r0);
  f.invert = (pixel) => from(a + (Math.min(1, Math.max(0, (pixel - r0) / (r1 - r0))) * (b - a)));
  f.range = [r0, r1];
  f.ticks = (count) => {
    const step = log ? Math.max(1, Math.ceil((b - a) / count)) : niceStep((b - a) / count);
    const first = Math.ceil(a / step - 1e-9);
    const length = Math.floor(b / step + 1e-9) - first + 1;
    return Array.from({ length: Math.max(0, length) }, (_, i) => from(Number(((first + i) * step).toPrecision(12))));
  };
  return f;
}

function niceStep(rough) {
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * ([1, 2, 5].find((m) => m * power >= rough) ?? 10);
}

// Charts

const MARGIN = { top: 26, right: 20, bottom: 38, left: 46 };

/**
 * A chart as an SVG element. `x` and `y` are {domain, log?, label, format?, ticks?}; `label` is the alternative text;
 * `body` maps the two scales to the marks. The chart's method `at` returns the data coordinates of a pointer event.
 */
export function chart({ width, height, x, y, label, body }) {
  const right = width - MARGIN.right;
  const bottom = height - MARGIN.bottom;
  const sx = scale(x.domain, [MARGIN.left, right], x.log);
  const sy = scale(y.domain, [bottom, MARGIN.top], y.log);
  const text = (axis) => axis.format ?? ((value) => number(value));
  const picture = svg(
    "svg",
    { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label },
    svg(
      "g",
      { class: "mg-axes", "aria-hidden": "true" },
      sy.ticks(y.ticks ?? height / 42).map((v) => [
        svg("line", { x1: MARGIN.left, x2: right, y1: sy(v), y2: sy(v) }),
        svg("text", { x: MARGIN.left - 7, y: sy(v), dy: "0.32em", "text-anchor": "end" }, text(y)(v)),
      ]),
      sx.ticks(x.ticks ?? width / 60).map((v) => [
        svg("line", { x1: sx(v), x2: sx(v), y1: bottom, y2: bottom + 4 }),
        svg("text", { x: sx(v), y: bottom + 17, "text-anchor": "middle" }, text(x)(v)),
      ]),
      svg("text", { class: "mg-title", x: 4, y: 14 }, y.label),
      svg("text", { x: right, y: height - 4, "text-anchor": "end" }, x.label),
    ),
    svg("g", { "aria-hidden": "true" }, body(sx, sy)),
  );
  picture.at = (event) => {
    const box = picture.getBoundingClientRect();
    return [sx.invert(event.clientX - box.left), sy.invert(event.clientY - box.top)];
  };
  return picture;
}

/** A line through points [x, y] in pixels, without those less than half a pixel right of the last. */
export function line(points, attributes) {
  let last = -Infinity;
  const kept = points.filter(([x], i) => {
    const keep = x - last >= 0.5 || i === points.length - 1;
    if (keep) last = x;
    return keep;
  });
  const d = kept.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)},${y.toFixed(1)}`).join("");
  return svg("path", { d, fill: "none", ...attributes });
}

/** Text in a chart, readable on top of lines. */
export const note = (x, y, text, attributes) => svg("text", { x, y, class: "mg-note", ...attributes }, text);

/** A vertical line at `at`. */
export const cursor = (x, y, at) =>
  svg("line", { class: "mg-cursor", x1: x(at), x2: x(at), y1: y.range[0], y2: y.range[1] });

export const dot = (x, y, fill = "currentColor") => svg("circle", { cx: x, cy: y, r: 4, fill });

// Controls: {key, element, show(value), parse(text), listen(set, state), above?}. `parse` returns undefined for an
// invalid value. A control with `above` is placed above the charts.

let ids = 0;

/** A slider over a list of values. `text` formats a value (also for screen readers); `change` returns state changes. */
export function slider({ key, label, values, text = String, change = (value) => ({ [key]: value }) }) {
  const id = `mg-control-${ids++}`;
  const shown = html("span", { class: "mg-value", "aria-hidden": "true" });
  const input = html("input", { id, type: "range", min: 0, step: 1 });
  const control = {
    key,
    values,
    element: html("div", { class: "mg-slider" }, html("label", { for: id }, label), shown, input),
    show(value, hidden = false) {
      input.max = control.values.length - 1;
      input.value = nearest(control.values, value);
      input.setAttribute("aria-valuetext", text(value));
      shown.textContent = text(value);
      control.element.hidden = hidden;
    },
    parse: (given) => (given.trim() && Number.isFinite(Number(given)) ? control.snap(Number(given)) : undefined),
    snap: (value) => control.values[nearest(control.values, value)],
    listen: (set, state) => input.addEventListener("input", () => set(change(control.values[input.value], state))),
  };
  return control;
}

const nearest = (values, value) =>
  values.reduce((best, v, i) => (Math.abs(v - value) < Math.abs(values[best] - value) ? i : best), 0);

/** Radio buttons. `options` are [value, label, swatch?]; `long` labels are in one column on a phone. */
export function choice({ key, legend, options, long = false }) {
  const name = `mg-control-${ids++}`;
  const inputs = options.map(([value]) => html("input", { type: "radio", name, value }));
  const labels = options.map(([, label, swatch], i) => html("label", {}, inputs[i], swatch, html("span", {}, label)));
  return {
    key,
    above: true,
    element: html("fieldset", { class: long ? "mg-choice mg-long" : "mg-choice" }, html("legend", {}, legend), labels),
    show: (value) => inputs.forEach((input) => (input.checked = input.value === value)),
    parse: (given) => options.map(([value]) => value).find((value) => value === given),
    listen: (set) => inputs.forEach((input) => input.addEventListener("change", () => set({ [key]: input.value }))),
  };
}

/** A short line in the style of a series, for a choice that is also the legend. */
export const swatch = (attributes) =>
  svg("svg", { width: 26, height: 10, "aria-hidden": "true" }, svg("line", { x1: 1, x2: 25, y1: 5, y2: 5, ...attributes }));

export const range = (from, to, step = 1) => Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, i) => from + i * step);

// The stage

/**
 * Replace the static picture on the page by an explorable.
 *
 * @param {string} name  as in data-explorable, and in the hash that stores the state: #name?key=value&…
 * @param {object} defaults  the initial state
 * @param {object[]} controls
 * @param {(state, width, set) => {charts: Element[], text: (string | Element)[], hide?: Set}} draw  `hide`: keys of controls
 * @param {(state, point, index, set, starts: boolean) => void} [drag]  for chart `index`
 * @param {Element} [below]  placed at the end
 */
export function mount(name, { defaults, controls, draw, drag, below }) {
  const place = document.querySelector(`[data-explorable="${name}"]`);
  if (!place) return;
  const state = { ...defaults };
  const charts = html("div", { class: drag ? "mg-charts mg-drag" : "mg-charts" });
  const text = html("div", { class: "mg-text" });
  const live = html("p", { class: "mg-live", role: "status" });
  const reset = html("button", { type: "button", onclick: () => set(defaults) }, "Reset");
  const panel = (above) =>
    html("div", { class: "mg-controls" }, controls.filter((control) => Boolean(control.above) === above).map(({ element }) => element));
  let timer;

  function show() {
    const width = Math.floor(charts.clientWidth);
    if (width < 1) return;
    const drawn = draw(state, width, set);
    for (const control of controls) {
      control.show(state[control.key], drawn.hide?.has(control.key));
    }
    charts.replaceChildren(...drawn.charts);
    text.replaceChildren(...drawn.text);
  }

  function set(changes) {
    Object.assign(state, changes);
    show();
    clearTimeout(timer);
    timer = setTimeout(() => {
      live.textContent = text.textContent;
      const changed = Object.keys(defaults).filter((key) => String(state[key]) !== String(defaults[key]));
      const query = new URLSearchParams(changed.map((key) => [key, state[key]]));
      history.replaceState(null, "", changed.length ? `#${name}?${query}` : location.pathname + location.search);
    }, 400);
  }

  function readHash() {
    if (!location.hash.startsWith(`#${name}?`)) return false;
    Object.assign(state, defaults);
    for (const [key, given] of new URLSearchParams(location.hash.slice(name.length + 2))) {
      const value = controls.find((control) => control.key === key)?.parse(given, state);
      if (value !== undefined) state[key] = value;
    }
    return true;
  }

  for (const control of controls) control.listen(set, state);
  if (drag) {
    let index = -1;
    const move = (event, starts) => {
      if (index >= 0) drag(state, charts.children[index].at(event), index, set, starts);
    };
    charts.addEventListener("pointerdown", (event) => {
      index = [...charts.children].findIndex((child) => child.at && child.contains(event.target));
      if (index < 0) return;
      charts.setPointerCapture(event.pointerId);
      move(event, true);
    });
    charts.addEventListener("pointermove", (event) => move(event, false));
    for (const end of ["pointerup", "pointercancel"]) charts.addEventListener(end, () => (index = -1));
  }

  place.classList.add("mg-stage");
  const foot = html("div", { class: "mg-foot" }, text, reset);
  place.replaceChildren(panel(true), charts, panel(false), foot, ...(below ? [below] : []), live);
  new ResizeObserver(show).observe(charts);
  const follow = () => {
    if (!readHash()) return;
    show();
    place.scrollIntoView({ block: "nearest", behavior: "instant" });
  };
  addEventListener("hashchange", follow);
  show();
  follow();
}
