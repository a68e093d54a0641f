// ReduceLROnPlateau as Keras 3, PyTorch and optax write it, epoch by epoch. No DOM here.

/**
 * @typedef {{lr: number, factor: number, patience: number, minDelta: number, cooldown: number, minLr: number}} Settings
 * @typedef {{loss: number, better: boolean, reduced: boolean, best: number, wait: number, cooldown: number, lr: number,
 *   why: string}} Epoch  with the values after the epoch
 */

const AT_MINIMUM = "the rate is already at its minimum";

/** @param {number[]} losses @param {Settings} s @returns {Epoch[]} */
export function keras(losses, s) {
  let { lr } = s;
  let best = NaN; // none yet
  let wait = 0;
  let cooldown = 0;
  return losses.map((loss) => {
    const cooling = cooldown > 0;
    if (cooling) {
      cooldown -= 1;
      wait = 0;
    }
    const better = loss + s.minDelta < best || (Number.isNaN(best) && !Number.isNaN(loss));
    const before = best;
    let reduced = false;
    let why;
    if (better) {
      best = loss;
      wait = 0;
      why = Number.isNaN(before) ? "the first loss is the best so far" : "better: below best − min_delta";
    } else if (cooldown > 0) {
      why = `cooling down: not counted, ${cooldown} to go`;
    } else {
      wait += 1;
      why = `${noBetter(loss, before)}: wait ${wait} of ${s.patience}`;
      if (wait >= s.patience && lr > s.minLr) {
        lr = Math.max(lr * s.factor, s.minLr);
        cooldown = s.cooldown;
        why = `${noBetter(loss, before)}: wait ${wait} ≥ patience ${s.patience}, so the rate is reduced`;
        wait = 0;
        reduced = true;
      } else if (wait >= s.patience) {
        why = `wait ${wait} ≥ patience ${s.patience}, but ${AT_MINIMUM}`;
      }
      if (cooling) why = `the cooldown ends, this epoch counts. ${capital(why)}`;
    }
    return { loss, better, reduced, best, wait, cooldown, lr, why };
  });
}

/** @param {number[]} losses @param {Settings & {eps?: number}} s @returns {Epoch[]} */
export function torch(losses, s) {
  const eps = s.eps ?? 1e-8;
  let { lr } = s;
  let best = Infinity;
  let wait = 0;
  let cooldown = 0;
  return losses.map((loss) => {
    const better = loss < best * (1 - s.minDelta);
    const before = best;
    let why;
    if (better) {
      best = loss;
      wait = 0;
      why = before === Infinity ? "the first loss is the best so far" : "better: below best × (1 − threshold)";
    } else {
      wait += 1;
      why = `${noBetter(loss, before)}: bad epoch ${wait}, patience ${s.patience}`;
    }
    if (cooldown > 0) {
      cooldown -= 1;
      wait = 0;
      why = better ? why : `cooling down: not counted, ${cooldown} to go`;
    }
    let reduced = false;
    if (wait > s.patience) {
      const next = Math.max(lr * s.factor, s.minLr);
      reduced = lr - next > eps;
      why = reduced
        ? `${noBetter(loss, before)}: ${wait} bad epochs > patience ${s.patience}, so the rate is reduced`
        : `${wait} bad epochs > patience ${s.patience}, but ${next < lr ? "a change of at most 1e-8 is ignored" : AT_MINIMUM}`;
      if (reduced) lr = next;
      wait = 0;
      cooldown = s.cooldown;
    }
    return { loss, better, reduced, best, wait, cooldown, lr, why };
  });
}

/** minDelta is optax's rtol, minLr its min_scale times the first rate. @param {number[]} losses @param {Settings} s @returns {Epoch[]} */
export function optax(losses, s) {
  let { lr } = s;
  let best = Infinity;
  let wait = 0;
  let cooldown = 0;
  return losses.map((loss) => {
    const better = loss < best * (1 - s.minDelta);
    const before = best;
    let why;
    if (better) {
      best = loss;
      wait = 0;
      why = before === Infinity ? "the first loss is the best so far" : "better: below best × (1 − rtol)";
    } else {
      wait += 1;
      why = `${noBetter(loss, before)}: plateau_count ${wait}, reduces at ${s.patience}`;
    }
    let reduced = false;
    if (cooldown > 0) {
      cooldown -= 1;
      wait = 0;
      why = better ? why : `cooling down: not counted, ${cooldown} to go`;
    } else if (wait === s.patience) {
      const next = Math.max(lr * s.factor, s.minLr);
      reduced = next < lr;
      const outcome = better ? "better, but" : `${noBetter(loss, before)}:`;
      why = `${outcome} plateau_count ${wait} = patience ${s.patience}, ${reduced ? "so the rate is reduced" : `but ${AT_MINIMUM}`}`;
      if (reduced) lr = next;
      wait = 0;
      cooldown = s.cooldown;
    }
    return { loss, better, reduced, best, wait, cooldown, lr, why };
  });
}

function noBetter(loss, best) {
  if (Number.isNaN(loss)) return "NaN is never better";
  return loss < best ? "below the best, but by too little" : "no better than the best";
}

const capital = (text) => text[0].toUpperCase() + text.slice(1);
