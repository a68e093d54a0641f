"""Learning rates as pure functions of the step t = 0, 1, 2, …, and the plateau rule, which depends on a metric.

Names, arguments and formulas follow TensorFlow 1's `tf.train` (most of it lives on in Keras's `optimizers.schedules`)
where it has the schedule, PyTorch's `torch.optim.lr_scheduler` where it doesn't. In PyTorch a scheduler is advanced by
hand, mostly once per epoch; here t counts updates, so a number of epochs becomes a number of updates.

Each function returns a `Schedule`. The arguments are: rates (`lr`, `max_lr`, `end_lr`, …), per update and ≥ 0; times
(`decay_steps`, `warmup_steps`, …), in updates and > 0; factors and shares, without a unit and ≥ 0. ValueError is raised
for a number out of its range, TypeError for what isn't a number.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from itertools import pairwise
from math import ceil, cos, exp, log, log1p, nextafter, pi, sqrt

import numpy as np

from minigrad.arguments import choice, integer, number
from minigrad.schedules.plateau import ReduceLROnPlateau as ReduceLROnPlateau
from minigrad.schedules.schedule import RateFunction, Schedule, schedule


@schedule
def constant(lr: float) -> RateFunction:
    """η_t = η.

    Source: PyTorch's and TensorFlow's behaviour for a number.

    Parameters
    ----------
    lr : float
        η ≥ 0.

    Raises
    ------
    ValueError, TypeError
        An argument is out of its range or not a number.
    """
    return lambda t: lr  # eq:constant-schedule


@schedule
def exponential_decay(lr: float, decay_steps: float, decay_rate: float, staircase: bool = False) -> RateFunction:
    """η_t = η·r^(t/s).

    Source: TensorFlow's `exponential_decay`. PyTorch's `ExponentialLR(gamma)` has s = 1, r = gamma, and multiplies once
    for each `scheduler.step()`.

    Parameters
    ----------
    lr : float
        η ≥ 0, the rate at step 0.
    decay_steps : float
        s > 0, in updates.
    decay_rate : float
        r ≥ 0, the factor in s updates.
    staircase : bool
        Use ⌊t/s⌋ in the place of t/s.

    Raises
    ------
    ValueError, TypeError
        An argument is out of its range or not a number.
    """
    elapsed = _elapsed(decay_steps, staircase)
    return lambda t: lr * decay_rate ** elapsed(t)  # eq:exponential-decay


@schedule
def natural_exp_decay(lr: float, decay_steps: float, decay_rate: float, staircase: bool = False) -> RateFunction:
    """η_t = η·e^(−k·t/s).

    Source: TensorFlow's `natural_exp_decay` (its documentation once left s out; its code never did). It is
    `exponential_decay` with r = e^(−k).

    Parameters
    ----------
    lr : float
        η ≥ 0, the rate at step 0.
    decay_steps : float
        s > 0, in updates.
    decay_rate : float
        k ≥ 0.
    staircase : bool
        Use ⌊t/s⌋ in the place of t/s.

    Raises
    ------
    ValueError, TypeError
        An argument is out of its range or not a number.
    """
    elapsed = _elapsed(decay_steps, staircase)
    return lambda t: lr * exp(-decay_rate * elapsed(t))  # eq:natural-exp-decay


def _elapsed(decay_steps: float, staircase: bool) -> Callable[[float], float]:
    """t/s or ⌊t/s⌋."""
    return (lambda t: t // decay_steps) if staircase else (lambda t: t / decay_steps)


@schedule
def inverse_time_decay(lr: float, decay_steps: float, decay_rate: float, staircase: bool = False) -> RateFunction:
    """η_t = η/(1 + k·t/s).

    Source: TensorFlow's `inverse_time_decay`.

    Parameters
    ----------
    lr : float
        η ≥ 0, the rate at step 0.
    decay_steps : float
        s > 0, in updates.
    decay_rate : float
        k ≥ 0.
    staircase : bool
        Use ⌊t/s⌋ in the place of t/s.

    Raises
    ------
    ValueError, TypeError
        An argument is out of its range or not a number.
    """
    elapsed = _elapsed(decay_steps, staircase)
    return lambda t: lr / (1 + decay_rate * elapsed(t))  # eq:inverse-time-decay


@schedule
def polynomial_decay(
    lr: float, decay_steps: float, end_lr: float = 1e-4, power: float = 1.0, cycle: bool = False
) -> RateFunction:
    """η_t = (η − η_end)·(1 − min(t, s)/s)^p + η_end.

    Source: TensorFlow's `polynomial_decay`; p = 1 is PyTorch's `LinearLR` from η to η_end.

    Parameters
    ----------
    lr : float
        η ≥ 0, the rate at step 0.
    decay_steps : float
        s > 0, in updates.
    end_lr : float
        η_end ≥ 0, the rate from step s on.
    power : float
        p > 0.
    cycle : bool
        Let s grow to the next multiple of decay_steps, max(1, ⌈t/s⌉)·s: the rate jumps up after each multiple.

    Raises
    ------
    ValueError, TypeError
        An argument is out of its range or not a number.
    """

    def rate(t: float) -> float:
        s = decay_steps * max(1, ceil(t / decay_steps)) if cycle else decay_steps
        return (lr - end_lr) * (1 - min(t, s) / s) ** power + end_lr  # eq:polynomial-decay

    return rate


@schedule
def linear_decay(lr: float, decay_steps: float, end_lr: float = 0.0) -> RateFunction:
    """η_t = (1 − p)·η + p·η_end with p = min(t, s)/s.

    Source: Defazio et al. (arXiv:2310.07831), who derive it, with η_end = 0, for the last iterate of SGD. PyTorch's
    `LinearLR(1.0, η_end/η, total_iters=s)`; `polynomial_decay` with p = 1, where η_end isn't 0 by default.

    Parameters
    ----------
    lr : float
        η ≥ 0, the rate at step 0.
    decay_steps : float
        s > 0, in updates.
    end_lr : float
        η_end ≥ 0, the rate from step s on.

    Raises
    ------
    ValueError, TypeError
        An argument is out of its range or not a number.
    """

    def rate(t: float) -> float:
        p = min(t, decay_steps) / decay_steps
        return (1 - p) * lr + p * end_lr  # eq:linear-decay

    return rate


@schedule
def inverse_sqrt(lr: float, warmup_steps: int) -> RateFunction:
    """η_t = η·min((t + 1)/W, √(W/(t + 1))): linear to η at the W-th update, then falling with the root of time.

    Source: Vaswani et al. (arXiv:1706.03762), equation 3, whose step number starts at 1 and whose η is 1/√(W·d_model).

    Parameters
    ----------
    lr : float
        η ≥ 0, the rate of the W-th update, the highest.
    warmup_steps : int
        W ≥ 1, in updates.

    Raises
    ------
    ValueError, TypeError
        An argument is out of its range or not a number.
    """
    w = integer("warmup_steps", warmup_steps, least=1)
    return lambda t: lr * min((t + 1) / w, sqrt(w / (t + 1)))  # eq:inverse-sqrt


@schedule
def piecewise_constant(boundaries: Sequence[float], values: Sequence[float]) -> RateFunction:
    """η_t = values[number of boundaries < t]: the first value up to and including the first boundary, and so on.

    Source: TensorFlow's `piecewise_constant`. In PyTorch, and in `multi_step_decay`, the step at a milestone has the
    next value already.

    Parameters
    ----------
    boundaries : sequence of float
        Steps ≥ 0, strictly ascending.
    values : sequence of float
        Rates ≥ 0, one more than boundaries.

    Raises
    ------
    ValueError, TypeError
        Boundaries don't ascend, the numbers of values and boundaries don't fit, or a value is no rate.
    """
    _ascending("boundaries", boundaries)
    if len(values) != len(boundaries) + 1:
        raise ValueError(f"{len(boundaries)} boundaries need {len(boundaries) + 1} values, got {len(values)}")
    for value in values:
        number("each value", value, least=0)
    return lambda t: values[bisect_left(boundaries, t)]  # eq:piecewise-constant


@schedule
def cosine_decay(lr: float, decay_steps: float, alpha: float = 0.0) -> RateFunction:
    """η_t = η·((1 − α)·½(1 + cos(π·min(t, s)/s)) + α): from η to α·η.

    Source: Loshchilov & Hutter (SGDR, arXiv:1608.03983), equation 5, without restarts; TensorFlow's `cosine_decay`.
    PyTorch's `CosineAnnealingLR(T_max=s, eta_min=α·η)` is the same until t = s and then turns up again.

    Parameters
    ----------
    lr : float
        η ≥ 0, the rate at step 0.
    decay_steps : float
        s > 0, in updates.
    alpha : float
        α ≥ 0, the last rate as a share of the first.

    Raises
    ------
    ValueError, TypeError
        An argument is out of its range or not a number.
    """
    s = decay_steps
    return lambda t: lr * ((1 - alpha) / 2 * (1 + cos(pi * min(t, s) / s)) + alpha)  # eq:cosine-decay


@schedule
def cosine_decay_restarts(
    lr: float, first_decay_steps: float, t_mul: float = 2.0, m_mul: float = 1.0, alpha: float = 0.0
) -> RateFunction:
    """η_t = η·((1 − α)·m^i·½(1 + cos(π·t_i/s_i)) + α) at the t_i-th step of the i-th period, i = 0, 1, …

    The i-th period is s_i = s_0·t_mul^i steps long, and t_i = t − Σ_{j<i} s_j.

    Source: Loshchilov & Hutter (SGDR, arXiv:1608.03983); TensorFlow's `cosine_decay_restarts`, but a period isn't
    counted by its logarithm alone: rounding can't make a restart come a step late. In PyTorch's
    `CosineAnnealingWarmRestarts` m is 1.

    Parameters
    ----------
    lr : float
        η ≥ 0, the rate at step 0.
    first_decay_steps : float
        s_0 > 0, in updates.
    t_mul : float
        ≥ 1: how many times longer each period is than the one before.
    m_mul : float
        m ≥ 0: the factor from a period's first rate to the next one's.
    alpha : float
        α ≥ 0, the lowest rate as a share of η.

    Raises
    ------
    ValueError, TypeError
        An argument is out of its range or not a number.
    """

    def rate(t: float) -> float:
        period, t, length = _period(t, first_decay_steps, t_mul)
        cosine = m_mul**period * 0.5 * (1 + cos(pi * t / length))
        return lr * ((1 - alpha) * cosine + alpha)  # eq:cosine-decay-restarts

    return rate


def _period(t: float, length: float, growth: float) -> tuple[int, float, float]:
    """The number of the period that t is in, the time since its start, its length; `length` is the first one's."""
    if growth == 1:
        return int(t // length), t % length, length
    period = max(0, int(log1p(t * (growth - 1) / length) / log(growth)) - 1)  # or one or two later: the loop decides
    t -= length * (growth**period - 1) / (growth - 1)
    length *= growth**period
    while t >= length:
        period, t, length = period + 1, t - length, length * growth
    return period, t, length


@schedule
def linear_cosine_decay(
    lr: float, decay_steps: float, num_periods: float = 0.5, alpha: float = 0.0, beta: float = 0.001
) -> RateFunction:
    """η_t = η·((α + 1 − t/s)·½(1 + cos(2π·n·t/s)) + β) up to t = s, constant afterwards.

    Source: Bello et al. (arXiv:1709.07417); TensorFlow 1's `linear_cosine_decay`.

    Parameters
    ----------
    lr : float
        η ≥ 0, the rate at step 0.
    decay_steps : float
        s > 0, in updates.
    num_periods : float
        n ≥ 0, the number of the cosine's periods.
    alpha, beta : float
        α ≥ 0 and β ≥ 0.

    Raises
    ------
    ValueError, TypeError
        An argument is out of its range or not a number.
    """
    return noisy_linear_cosine_decay(lr, decay_steps, 0.0, 0.0, num_periods, alpha, beta, seed=0)


@schedule
def noisy_linear_cosine_decay(
    lr: float,
    decay_steps: float,
    initial_variance: float = 1.0,
    variance_decay: float = 0.55,
    num_periods: float = 0.5,
    alpha: float = 0.0,
    beta: float = 0.001,
    seed: int | None = None,
) -> RateFunction:
    """η_t = η·((α + 1 − t/s + ε_t)·½(1 + cos(2π·n·t/s)) + β): `linear_cosine_decay` with noise.

    ε_t is normal with mean 0 and variance initial_variance/(1 + t)^variance_decay.

    Source: Bello et al. (arXiv:1709.07417); TensorFlow 1's `noisy_linear_cosine_decay`, with two differences: ε_t
    depends on `seed` and ⌊t⌋ alone, so this too is a pure function of the step; and a rate below 0 becomes 0.

    Parameters
    ----------
    lr, decay_steps, num_periods, alpha, beta : float
        As for `linear_cosine_decay`.
    initial_variance, variance_decay : float
        Both ≥ 0.
    seed : int, optional
        ≥ 0. For None one is drawn, once; the repr shows it.

    Raises
    ------
    ValueError, TypeError
        An argument is out of its range or not a number.
    """

    def rate(t: float) -> float:
        t = min(t, decay_steps)
        linear = 1 - t / decay_steps
        if initial_variance > 0:
            deviation = sqrt(initial_variance * (1 + t) ** -variance_decay)
            linear += deviation * np.random.default_rng([seed or 0, int(t)]).standard_normal()
        cosine = 0.5 * (1 + cos(2 * pi * num_periods * t / decay_steps))
        return max(0.0, lr * ((alpha + linear) * cosine + beta))  # eq:linear-cosine-decay

    return rate


@schedule
def step_decay(lr: float, step_size: int, gamma: float = 0.1) -> RateFunction:
    """η_t = η·γ^⌊t/step_size⌋.

    Source: PyTorch's `StepLR`; TensorFlow's `exponential_decay` with `staircase`.

    Parameters
    ----------
    lr : float
        η ≥ 0, the rate at step 0.
    step_size : int
        ≥ 1, in updates.
    gamma : float
        γ ≥ 0.

    Raises
    ------
    ValueError, TypeError
        An argument is out of its range or not a number.
    """
    return lambda t: lr * gamma ** (t // step_size)  # eq:step-decay


@schedule
def multi_step_decay(lr: float, milestones: Sequence[int], gamma: float = 0.1) -> RateFunction:
    """η_t = η·γ^(number of milestones ≤ t).

    Source: PyTorch's `MultiStepLR`.

    Parameters
    ----------
    lr : float
        η ≥ 0, the rate at step 0.
    milestones : sequence of int
        Steps ≥ 0, strictly ascending.
    gamma : float
        γ ≥ 0.

    Raises
    ------
    ValueError, TypeError
        An argument is out of its range, or milestones don't ascend.
    """
    _ascending("milestones", milestones)
    return lambda t: lr * gamma ** bisect_right(milestones, t)  # eq:multi-step-decay


@schedule
def one_cycle(
    max_lr: float,
    total_steps: int,
    pct_start: float = 0.3,
    anneal_strategy: str = "cos",
    div_factor: float = 25.0,
    final_div_factor: float = 1e4,
    three_phase: bool = False,
) -> RateFunction:
    """Up from max_lr/div_factor to max_lr at step pct_start·total_steps − 1, then down until step total_steps − 1.

    Source: Smith & Topin (arXiv:1708.07120); PyTorch's `OneCycleLR`, which raises after the last step; here the rate
    stays.

    Parameters
    ----------
    max_lr : float
        The highest rate, ≥ 0.
    total_steps : int
        ≥ 1, in updates.
    pct_start : float
        The share of steps that the rise takes, in [0, 1], below ½ with three phases.
    anneal_strategy : str
        "cos": a phase from a to b has, at its fraction p, the rate b + (a − b)·½(1 + cos(π·p)); "linear": a + (b −
        a)·p.
    div_factor, final_div_factor : float
        Both > 0: η_0 = max_lr/div_factor, and the last rate is η_0/final_div_factor.
    three_phase : bool
        Go down to η_0 in as many steps as the rise took, then to the last rate; otherwise straight to the last rate.

    Raises
    ------
    ValueError, TypeError
        An argument is out of its range or not a number.
    """
    number("pct_start", pct_start, least=0, below=0.5 if three_phase else nextafter(1, 2))
    choice("anneal_strategy", anneal_strategy, ("cos", "linear"))
    start, last = max_lr / div_factor, total_steps - 1
    end, peak = start / final_div_factor, pct_start * total_steps - 1
    phases = [(peak, max_lr), (2 * peak, start), (last, end)] if three_phase else [(peak, max_lr), (last, end)]

    def rate(t: float) -> float:
        begin, a = 0.0, start
        for finish, b in phases:
            if t <= finish:
                break
            begin, a = finish, b
        p = min(1.0, (t - begin) / (finish - begin)) if finish > begin else 1.0
        if anneal_strategy == "linear":
            return a + (b - a) * p  # eq:one-cycle-linear
        return b + (a - b) * 0.5 * (1 + cos(pi * p))  # eq:one-cycle-cosine

    return rate


@schedule
def warmup(schedule: Schedule | Callable[[float], float] | float, warmup_steps: int) -> RateFunction:
    """min(1, (t + 1)/W)·schedule(t): linear, from η/W at the first update to η at the W-th; for W = 0 the schedule.

    The first update already counts (a rate of 0 would waste it), and `schedule` runs from t = 0: the warm-up scales it
    and does not shift it.

    Source: PyTorch's `LinearLR(start_factor=1/W, total_iters=W − 1)` chained with the schedule's counterpart.

    Parameters
    ----------
    schedule : Schedule, callable or float
        What is scaled: a function of the step, or a constant rate η ≥ 0.
    warmup_steps : int
        W ≥ 0, in updates.

    Raises
    ------
    ValueError, TypeError
        An argument is out of its range or not a number.
    """
    inner, w = schedule if callable(schedule) else constant(schedule), max(1, warmup_steps)
    return lambda t: min(1.0, (t + 1) / w) * inner(t)  # eq:warmup


@schedule
def warmup_stable_decay(
    lr: float, warmup_steps: int, stable_steps: int, decay_steps: float, end_lr: float = 0.0
) -> RateFunction:
    """min(1, (t + 1)/W)·η'_max(0, t − W − S), where η' is `linear_decay`: up for W updates, η for S, then down for s.

    The first update of the decay, t = W + S, still has η.

    Source: Hu et al. (MiniCPM, arXiv:2404.06395), whose decay is exponential; a linear one is in Hägele et al.
    (arXiv:2405.18392). The length of the run needn't be known before its decay begins.

    Parameters
    ----------
    lr : float
        η ≥ 0, the rate of the constant phase.
    warmup_steps : int
        W ≥ 0, in updates, as for `warmup`.
    stable_steps : int
        S ≥ 0, in updates.
    decay_steps : float
        s > 0, in updates.
    end_lr : float
        η_end ≥ 0, the rate from step W + S + s on.

    Raises
    ------
    ValueError, TypeError
        An argument is out of its range or not a number.
    """
    decay, begin = linear_decay(lr, decay_steps, end_lr), warmup_steps + stable_steps
    return warmup(lambda t: decay(max(0, t - begin)), warmup_steps)  # eq:warmup-stable-decay


def _ascending(name: str, values: Sequence[float]) -> None:
    for value in values:
        number(f"each of the {name}", value, least=0)
    if any(a >= b for a, b in pairwise(values)):
        raise ValueError(f"{name} must be strictly ascending, got {values!r}")
