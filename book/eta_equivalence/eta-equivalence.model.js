// Two descents on a noisy parabola: one decays η, the other the effective rate. No DOM here.

import { keras } from "./plateau.model.js";

const BETA1 = 0.9;
const BETA2 = 0.999;
export const EPOCH = 10; // steps from one validation loss to the next
export const PATIENCE = 2;

/**
 * The two runs. In each, step t has the gradient `curvature`·θ + noise[t], and the decay is the factor `factor` from step
 * `decayAt` on (for "plateau": whenever the run's own validation loss has stopped falling).
 *
 * @param {object} s
 * @param {"adam" | "momentum" | "keras" | "weight-decay" | "eps" | "plateau"} s.rule
 * @param {number} s.strength  μ for "momentum" and "keras", λ, ε, or the noise of the validation loss
 * @param {number} s.theta  where both start
 * @param {ArrayLike<number>} s.noise  one number a step
 * @param {[ArrayLike<number>, ArrayLike<number>]} s.validation  per run, one number an epoch
 * @returns {[number[], number[]]} θ before the first step and after each: with η decayed, with the effective rate
 */
export function runs(s) {
  return [run(s, false), run(s, true)];
}

function run(s, effective) {
  const step = RULES[s.rule]({ ...s, effective });
  const scale = s.rule === "plateau" ? plateauScale(s, effective) : (t) => (t < s.decayAt ? 1 : s.factor);
  const path = [s.theta];
  for (let t = 0; t < s.noise.length; t++) {
    const theta = path[t];
    path.push(step(theta, s.curvature * theta + s.noise[t], scale(t, path)));
  }
  return path;
}

/** The factor on the rate when it depends on the run's own validation loss, once an epoch. */
function plateauScale(s, effective) {
  const losses = [];
  let scale = 1;
  return (t, path) => {
    if (t > 0 && t % EPOCH === 0) {
      const own = s.validation[effective ? 1 : 0][losses.length];
      losses.push(0.5 * s.curvature * path[t] ** 2 + s.strength * own);
      const rule = { lr: 1, factor: s.factor, patience: PATIENCE, minDelta: 1e-4, cooldown: 0, minLr: 0 };
      scale = keras(losses, rule).at(-1).lr;
    }
    return scale;
  };
}

/** Adam's averages: gives m̂ and √v̂ for the next gradient. */
function averages() {
  let [m, v, power1, power2] = [0, 0, 1, 1];
  return (g) => {
    m = BETA1 * m + (1 - BETA1) * g;
    v = BETA2 * v + (1 - BETA2) * g * g;
    power1 *= BETA1;
    power2 *= BETA2;
    return [m / (1 - power1), Math.sqrt(v / (1 - power2))];
  };
}

// Each gives θ after the step. `scale` is the decay so far; it multiplies the rate if `effective`, otherwise η.
const RULES = {
  adam: ({ eta, effective }, eps = 1e-8) => {
    const next = averages();
    return (theta, g, scale) => {
      const [m, root] = next(g);
      const rate = effective ? scale * (eta / (root + eps)) : (scale * eta) / (root + eps);
      return theta - rate * m;
    };
  },
  plateau: (s) => RULES.adam(s),
  momentum: ({ eta, strength: mu, effective }) => {
    let u = 0;
    return (theta, g, scale) => {
      u = mu * u + g;
      return theta - (effective ? scale * (eta * u) : scale * eta * u);
    };
  },
  keras: ({ eta, strength: mu, effective }) => {
    let u = 0;
    return (theta, g, scale) => {
      u = mu * u - (effective ? eta : scale * eta) * g;
      return theta + (effective ? scale * u : u);
    };
  },
  "weight-decay": ({ eta, strength: lambda, effective }) => {
    const adam = RULES.adam({ eta, effective });
    return (theta, g, scale) => adam(theta, g, scale) - (effective ? 1 : scale) * eta * lambda * theta;
  },
  eps: ({ eta, strength: eps, effective }) => {
    const next = averages();
    return (theta, g, scale) => {
      const [m, root] = next(g);
      return theta - (effective ? eta / (root / scale + eps) : (scale * eta) / (root + eps)) * m;
    };
  },
};

/** `count` standard normal numbers, the same for the same seed. */
export function normal(count, seed) {
  let state = seed >>> 0;
  const uniform = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return (((x ^ (x >>> 14)) >>> 0) + 0.5) / 2 ** 32;
  };
  return Array.from({ length: count }, () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()));
}
