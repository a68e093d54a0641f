// Check a typed answer, without the DOM.

/** The number in `text`, such as 0.25, 0,25, 1/4, 2.5e-1 or −3; NaN if it isn't a number. */
export function read(text) {
  const plain = text.trim().replaceAll("−", "-").replace(/^(-?\d+),(\d+)$/, "$1.$2");
  const parts = plain.split("/").map((part) => (part.trim() === "" ? NaN : Number(part)));
  return parts.length === 1 ? parts[0] : parts.length === 2 ? parts[0] / parts[1] : NaN;
}

/**
 * @param {string} text
 * @param {{answer: number, rtol: number, mistakes: number[]}} task
 * @returns {{right: boolean, mistake?: number, message: string}} `mistake` is the index of the known mistake
 */
export function judge(text, { answer, rtol, mistakes }) {
  const value = read(text);
  const near = (target) => Math.abs(value - target) <= rtol * (Math.abs(target) || 1);
  if (!Number.isFinite(value)) return { right: false, message: "Type a number, such as 0.25, 1/4 or 2.5e-1." };
  if (near(answer)) return { right: true, message: "Right." };
  const mistake = mistakes.findIndex(near);
  if (mistake >= 0) return { right: false, mistake, message: "Not quite." };
  return { right: false, message: hint(value, answer, rtol) };
}

function hint(value, answer, rtol) {
  const ratio = value / answer;
  const power = Math.log10(Math.abs(ratio));
  if (Math.abs(ratio + 1) <= rtol) return "The size is right, the sign isn’t.";
  if (Math.abs(ratio - 1) <= 10 * rtol) return "Close. Keep more digits.";
  if (ratio > 0 && power !== 0 && Math.abs(power - Math.round(power)) <= rtol) return `Off by a factor of ${10 ** Math.abs(Math.round(power))}.`;
  return value > answer ? "Too large." : "Too small.";
}
