// Adam's two averages and its step, with both, one or neither of them corrected. No DOM here.

/**
 * @param {ArrayLike<number>} gradients
 * @param {{beta1: number, beta2: number, eps: number, correct: "both" | "neither" | "m" | "v"}} settings
 * @returns {{m: number[], v: number[], step: number[]}} per gradient: both averages as the step uses them, and the step
 *   in units of the rate, m / (√v + ε)
 */
export function adam(gradients, { beta1, beta2, eps, correct }) {
  const correctM = correct === "both" || correct === "m";
  const correctV = correct === "both" || correct === "v";
  const result = { m: [], v: [], step: [] };
  let m = 0;
  let v = 0;
  for (let i = 0; i < gradients.length; i++) {
    const g = gradients[i];
    m = beta1 * m + (1 - beta1) * g;
    v = beta2 * v + (1 - beta2) * g * g;
    const mHat = correctM ? m / (1 - beta1 ** (i + 1)) : m;
    const vHat = correctV ? v / (1 - beta2 ** (i + 1)) : v;
    result.m.push(mHat);
    result.v.push(vHat);
    result.step.push(mHat / (Math.sqrt(vHat) + eps));
  }
  return result;
}

/** Uncorrected over corrected step at step t, for a constant gradient and ε = 0. */
export const ratio = (t, beta1, beta2) => (1 - beta1 ** t) / Math.sqrt(1 - beta2 ** t);

/**
 * Where the ratio is farthest from 1 (as a factor), and the first step from which it stays within `share` of 1.
 * @returns {{t: number, ratio: number, settled: number}}
 */
export function extremes(beta1, beta2, share = 0.01) {
  const found = { t: 1, ratio: ratio(1, beta1, beta2), settled: 1 };
  const slower = Math.max(beta1, beta2);
  const end = slower > 0 ? Math.ceil(Math.log(share / 2) / Math.log(slower)) + 1 : 1; // |ratio − 1| < share from here
  for (let t = 1; t <= end; t++) {
    const r = ratio(t, beta1, beta2);
    if (Math.abs(Math.log(r)) > Math.abs(Math.log(found.ratio))) Object.assign(found, { t, ratio: r });
    if (Math.abs(r - 1) > share) found.settled = t + 1;
  }
  return found;
}
