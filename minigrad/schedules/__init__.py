"""Learning rates as pure functions of the step t = 0, 1, 2, …, and the plateau rule, which listens to a metric.

Names, arguments and formulas follow TensorFlow 1's `tf.train` (most of it lives on in Keras's `optimizers.schedules`)
where it has the schedule, PyTorch's `torch.optim.lr_scheduler` where it doesn't. In PyTorch a scheduler is advanced by
hand, mostly once per epoch; here t counts updates, so a number of epochs becomes a number of updates.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from minigrad.arguments import choice, number
from minigrad.schedules.plateau import ReduceLROnPlateau as ReduceLROnPlateau
from minigrad.schedules.schedule import Rate, Schedule, schedule


@schedule
def constant(lr: float) -> Rate:
    """η_t = η."""
    return lambda t: lr  # eq:constant-schedule


@schedule
def exponential_decay(lr: float, decay_steps: float, decay_rate: float, staircase: bool = False) -> Rate:
    """η_t = η·r^(t/s), with s = decay_steps and r = decay_rate; with `staircase` the exponent is ⌊t/s⌋.

    TensorFlow's `exponential_decay`. PyTorch's `ExponentialLR(gamma)` has s = 1, r = gamma, and multiplies once per
    `scheduler.step()`.
    """
    elapsed = _elapsed(decay_steps, staircase)
    return lambda t: lr * decay_rate ** elapsed(t)  # eq:exponential-decay


@schedule
def natural_exp_decay(lr: float, decay_steps: float, decay_rate: float, staircase: bool = False) -> Rate:
    """η_t = η·e^(−k·t/s), with s = decay_steps and k = decay_rate; with `staircase` ⌊t/s⌋ takes the place of t/s.

    TensorFlow's `natural_exp_decay` (its documentation once left s out; its code never did): `exponential_decay`
    with r = e^(−k).
    """
    elapsed = _elapsed(decay_steps, staircase)
    return lambda t: lr * math.exp(-decay_rate * elapsed(t))  # eq:natural-exp-decay


def _elapsed(decay_steps: float, staircase: bool) -> Callable[[float], float]:
    """t/s or ⌊t/s⌋."""
    return (lambda t: t // decay_steps) if staircase else (lambda t: t / decay_steps)


@schedule
def inverse_time_decay(lr: float, decay_steps: float, decay_rate: float, staircase: bool = False) -> Rate:
    """η_t = η/(1 + k·t/s), with s = decay_steps and k = decay_rate; with `staircase` ⌊t/s⌋ takes the place of t/s.

    TensorFlow's `inverse_time_decay`.
    """
    elapsed = _elapsed(decay_steps, staircase)
    return lambda t: lr / (1 + decay_rate * elapsed(t))  # eq:inverse-time-decay


@schedule
def polynomial_decay(
    lr: float, decay_steps: float, end_lr: float = 1e-4, power: float = 1.0, cycle: bool = False
) -> Rate:
    """η_t = (η − η_end)·(1 − min(t, s)/s)^p + η_end, with s = decay_steps and p = power.

    With `cycle`, s grows to the next multiple of decay_steps, max(1, ⌈t/s⌉)·s: the rate jumps up after each multiple.
    TensorFlow's `polynomial_decay`; p = 1 is PyTorch's `LinearLR` from η to η_end.
    """

    def rate(t: float) -> float:
        s = decay_steps * max(1, math.ceil(t / decay_steps)) if cycle else decay_steps
        return (lr - end_lr) * (1 - min(t, s) / s) ** power + end_lr  # eq:polynomial-decay

    return rate


@schedule
def piecewise_constant(boundaries: Sequence[float], values: Sequence[float]) -> Rate:
    """η_t = values[number of boundaries < t]: the first value up to and including the first boundary, and so on.

    TensorFlow's `piecewise_constant`. PyTorch's milestones, as in `multi_step_decay`, belong to the next value already.
    """
    _ascending("boundaries", boundaries)
    if len(values) != len(boundaries) + 1:
        raise ValueError(f"{len(boundaries)} boundaries need {len(boundaries) + 1} values, got {len(values)}")
    for value in values:
        number("each value", value, least=0)
    return lambda t: values[bisect_left(boundaries, t)]  # eq:piecewise-constant


@schedule
def cosine_decay(lr: float, decay_steps: float, alpha: float = 0.0) -> Rate:
    """η_t = η·((1 − α)·½(1 + cos(π·min(t, s)/s)) + α), with s = decay_steps: from η to α·η.

    Loshchilov & Hutter (SGDR, arXiv:1608.03983) without restarts; TensorFlow's `cosine_decay`. PyTorch's
    `CosineAnnealingLR(T_max=s, eta_min=α·η)` until t = s, where PyTorch's turns up again.
    """

    def rate(t: float) -> float:
        cosine = 0.5 * (1 + math.cos(math.pi * min(t, decay_steps) / decay_steps))
        return lr * ((1 - alpha) * cosine + alpha)  # eq:cosine-decay

    return rate


@schedule
def cosine_decay_restarts(
    lr: float, first_decay_steps: float, t_mul: float = 2.0, m_mul: float = 1.0, alpha: float = 0.0
) -> Rate:
    """η_t = η·((1 − α)·m^i·½(1 + cos(π·t_i/s_i)) + α) at the t_i-th step of the i-th period, i = 0, 1, …

    The i-th period is s_i = first_decay_steps·t_mul^i steps long, t_i = t − Σ_{j<i} s_j, and m = m_mul. Loshchilov &
    Hutter (SGDR, arXiv:1608.03983); TensorFlow's `cosine_decay_restarts`, but periods are counted without logarithms:
    rounding can't make a restart come a step late. PyTorch's `CosineAnnealingWarmRestarts` for m = 1. t_mul ≥ 1.
    """

    def rate(t: float) -> float:
        period, length = 0, first_decay_steps
        if t_mul == 1:
            period, t = int(t // length), t % length
        while t >= length:
            period, t, length = period + 1, t - length, length * t_mul
        cosine = m_mul**period * 0.5 * (1 + math.cos(math.pi * t / length))
        return lr * ((1 - alpha) * cosine + alpha)  # eq:cosine-decay-restarts

    return rate


@schedule
def linear_cosine_decay(
    lr: float, decay_steps: float, num_periods: float = 0.5, alpha: float = 0.0, beta: float = 0.001
) -> Rate:
    """η_t = η·((α + 1 − t/s)·½(1 + cos(2π·n·t/s)) + β) up to s = decay_steps, constant afterwards; n = num_periods.

    Bello et al. (arXiv:1709.07417); TensorFlow 1's `linear_cosine_decay`.
    """
    return _linear_cosine(lr, decay_steps, num_periods, alpha, beta, lambda t: 0.0)


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
) -> Rate:
    """`linear_cosine_decay` with 1 − t/s + ε_t in the place of 1 − t/s.

    ε_t is normal with mean 0 and variance initial_variance/(1 + t)^variance_decay.
    Bello et al. (arXiv:1709.07417); TensorFlow 1's `noisy_linear_cosine_decay`, with two differences: ε_t depends on
    nothing but `seed` and ⌊t⌋, so this too is a pure function of the step; and a rate below 0 becomes 0. For seed=None
    a seed is drawn once; the repr shows it.
    """

    def noise(t: float) -> float:
        deviation = math.sqrt(initial_variance / (1 + t) ** variance_decay)
        return deviation * np.random.default_rng([seed or 0, int(t)]).standard_normal()

    return _linear_cosine(lr, decay_steps, num_periods, alpha, beta, noise)


def _linear_cosine(
    lr: float, decay_steps: float, num_periods: float, alpha: float, beta: float, noise: Callable[[float], float]
) -> Rate:

    def rate(t: float) -> float:
        t = min(t, decay_steps)
        linear = 1 - t / decay_steps + noise(t)
        cosine = 0.5 * (1 + math.cos(2 * math.pi * num_periods * t / decay_steps))
        return max(0.0, lr * ((alpha + linear) * cosine + beta))  # eq:linear-cosine-decay

    return rate


@schedule
def step_decay(lr: float, step_size: int, gamma: float = 0.1) -> Rate:
    """η_t = η·γ^⌊t/step_size⌋. PyTorch's `StepLR`; TensorFlow's `exponential_decay` with `staircase`."""
    return lambda t: lr * gamma ** (t // step_size)  # eq:step-decay


@schedule
def multi_step_decay(lr: float, milestones: Sequence[int], gamma: float = 0.1) -> Rate:
    """η_t = η·γ^(number of milestones ≤ t). PyTorch's `MultiStepLR`."""
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
) -> Rate:
    """Up from max_lr/div_factor to max_lr at step pct_start·total_steps − 1, then down until step total_steps − 1.

    Down means to η_0/final_div_factor, η_0 = max_lr/div_factor, in one phase; with `three_phase` back to η_0 in as many
    steps as the rise took, then on to η_0/final_div_factor. A phase from a to b goes, at its fraction p, through
    b + (a − b)·½(1 + cos(π·p)), or with anneal_strategy="linear" through a + (b − a)·p. Smith & Topin
    (arXiv:1708.07120); PyTorch's `OneCycleLR`, which raises after the last step, where here the rate stays.
    """
    number("pct_start", pct_start, least=0, below=0.5 if three_phase else 1)
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
        return b + (a - b) * 0.5 * (1 + math.cos(math.pi * p))  # eq:one-cycle-cosine

    return rate


@schedule
def warmup(schedule: Schedule | Callable[[float], float] | float, warmup_steps: int) -> Rate:
    """min(1, (t + 1)/W)·schedule(t), with W = warmup_steps: linear, from η/W at the first update to η at the W-th.

    The first update already counts (a rate of 0 would waste it), and `schedule`, or a constant rate, runs from t = 0:
    the warm-up scales it and does not shift it. PyTorch's `LinearLR(start_factor=1/W, total_iters=W − 1)` chained with
    the schedule's counterpart.
    """
    inner = schedule if callable(schedule) else constant(schedule)
    return lambda t: min(1.0, (t + 1) / warmup_steps) * inner(t)  # eq:warmup


def _ascending(name: str, values: Sequence[float]) -> None:
    if any(a >= b for a, b in pairwise(values)) or any(value < 0 for value in values):
        raise ValueError(f"{name} must be ≥ 0 and strictly ascending, got {values!r}")
