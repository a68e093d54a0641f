"""What the chapter computes: pairs of runs, one with η scaled (A) and one with the effective rates scaled (B).

Everything is float64 unless the docstring gives another dtype. Steps are counted from 0.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np

import minigrad as mg
from minigrad.optim import Adam, Optimizer
from minigrad.tensor import Array
from minigrad_book.tools.paths import Rule, steps

ETA, START, STEPS = 1e-3, 100, 300  # rate, first step with the decay, length of a run
BETA1, BETA2 = 0.9, 0.999
BATCH = 32

Params = list[mg.Tensor]
Schedule = Callable[[int], float]
Update = Callable[[Any, Params, int], None]  # makes step t of an optimizer
Data = tuple[Array, Array]  # images and labels


@cache
def digits() -> tuple[Data, Data]:
    """The digits for training and for validation."""
    (images, labels), (test_images, test_labels) = mg.data.digits()
    return (images.astype(float), labels), (test_images.astype(float), test_labels)


def network() -> mg.models.MLP:
    model = mg.models.MLP([64, 32, 10], rng=0)
    for parameter in model.parameters():
        parameter.data = parameter.data.astype(float)
    return model


def loss_of(model: mg.models.MLP, images: Array, labels: Array) -> mg.Tensor:
    return mg.cross_entropy(model(mg.Tensor(images)), labels)


def weights(params: Params) -> Array:
    return np.concatenate([p.data.ravel() for p in params])


def engine_step(optimizer: Optimizer, params: Params, t: int) -> None:
    optimizer.step()


def run(
    rule: Rule,
    update: Update = engine_step,
    steps: int = STEPS,
    **settings: object,
) -> Array:
    """Train on the digits: all weights after each step, (steps, weights)."""
    model, (images, labels) = network(), digits()[0]
    params = list(model.parameters())
    optimizer = rule(params, **settings)
    rng, path = np.random.default_rng(0), []
    for t in range(steps):
        batch = rng.integers(len(labels), size=BATCH)
        optimizer.zero_grad()
        loss_of(model, images[batch], labels[batch]).backward()
        update(optimizer, params, t)
        path.append(weights(params))
    return np.array(path)


def decay(s: float, rate: float = ETA, start: int = START) -> Schedule:
    """The schedule: `rate`, and s times as much from step `start` on."""
    return lambda t: rate * s if t >= start else rate


def scaled_rates(factor: Schedule) -> Update:
    """An update that multiplies every effective rate by factor(t)."""

    def update(adam: Adam, params: Params, t: int) -> None:
        old = [p.data.copy() for p in params]
        shrink = 1 - adam.lr * adam.weight_decay  # AdamW's other term
        adam.step()  # moves m and v
        state, rates = adam.state_dict(), adam.effective_lr()
        for i, (p, rate) in enumerate(zip(params, rates, strict=True)):
            m_hat = state[f"{i}.m"].reshape(p.shape) / (1 - BETA1**adam.steps)
            p.data = shrink * old[i] - (factor(t) * rate) * m_hat

    return update


def pair(
    s: float,
    rule: Rule = mg.optim.Adam,
    start: int = START,
    steps: int = STEPS,
    **settings: object,
) -> tuple[Array, Array]:
    """A multiplies η by s from step `start` on, B every effective rate."""
    schedule, factor = decay(s, ETA, start), decay(s, 1.0, start)
    a = run(rule, scaled_rates(lambda t: 1.0), steps, lr=schedule, **settings)
    b = run(rule, scaled_rates(factor), steps, lr=ETA, **settings)
    return a, b


# A noisy quadratic: J(θ) = ½ Σ cᵢθᵢ² with curvatures c, and noise in the gradient.

sgd = partial(mg.optim.SGD, momentum=0.9)
RULES: dict[str, Rule] = {
    "SGD": mg.optim.SGD,
    "SGD, momentum, PyTorch": sgd,
    "SGD, Nesterov, PyTorch": partial(sgd, nesterov=True),
    "SGD, momentum, Keras": partial(sgd, convention="keras"),
    "Adagrad": mg.optim.Adagrad,
    "Adadelta": mg.optim.Adadelta,
    "RMSprop": mg.optim.RMSprop,
    "Adam": mg.optim.Adam,
    "AMSGrad": partial(mg.optim.Adam, amsgrad=True),
    "Adamax": mg.optim.Adamax,
    "NAdam": mg.optim.NAdam,
}


def descend(
    rule: Rule,
    lr: float | Schedule,
    factor: Schedule,
    noise: Array,  # (T, n)
    start: float,
    curvature: Array,  # (n,)
) -> Array:
    """θ before the first step and after each of T, of shape (T + 1, n)."""
    theta = np.full_like(curvature, start)
    step = mg.Tensor(np.zeros_like(theta), requires_grad=True)
    optimizer = rule([step], lr=lr)
    path = [theta]
    for t, disturbance in enumerate(noise):
        step.data = np.zeros_like(theta)
        step.grad = curvature * theta + disturbance
        optimizer.step()  # from 0: what it writes is the step
        theta = theta + factor(t) * step.data
        path.append(theta)
    return np.array(path)


def gap(rule: Rule, s: float) -> float:
    """Largest difference of A and B after 200 steps on a noisy quadratic."""
    noise = np.random.default_rng(0).normal(size=(200, 20))
    bowl = partial(descend, rule, noise=noise, start=1.0, curvature=np.logspace(-2, 1, 20))
    a = bowl(decay(s, 0.02), lambda t: 1.0)
    b = bowl(0.02, decay(s, 1.0))
    return float(abs(a[-1] - b[-1]).max())


def bowl(lr: float | Schedule, steps: int = 3000) -> tuple[Array, Array]:
    """Adam on 200 parameters with curvature 1 and noise 1: their root mean square and median rate after each step."""
    theta = mg.Tensor(np.ones(200), requires_grad=True)
    adam, rng = mg.optim.Adam([theta], lr=lr), np.random.default_rng(7)
    rms, rate = [], []
    for _ in range(steps):
        theta.grad = theta.data + rng.normal(size=200)
        adam.step()
        rms.append(np.sqrt(np.mean(theta.data**2)))
        rate.append(np.median(adam.effective_lr()[0]))
    return np.array(rms), np.array(rate)


# The effective rates of a network


def watch(lr: float | Schedule, steps: int = 800) -> tuple[Array, float]:
    """A float32 network with three layers: its effective rates, and the longest step of a weight in units of η.

    The rates are quantiles (10, 50, 90 %) of each layer's weights, of shape (steps, 3 layers, 3).
    """
    images, labels = digits()[0]
    model = mg.models.MLP([64, 64, 32, 10], rng=0)
    params = list(model.parameters())
    matrices = [i for i, p in enumerate(params) if p.ndim == 2]
    had_gradient = [np.zeros(params[i].shape, bool) for i in matrices]
    adam, rng = mg.optim.Adam(params, lr=lr), np.random.default_rng(0)
    quantiles, longest = [], 0.0
    for _ in range(steps):
        batch = rng.integers(len(labels), size=BATCH)
        adam.zero_grad()
        loss_of(model, images[batch].astype(np.float32), labels[batch]).backward()
        eta, old = adam.lr, [params[i].data.copy() for i in matrices]
        adam.step()
        rates, row = adam.effective_lr(), []
        for i, before, seen in zip(matrices, old, had_gradient, strict=True):
            seen |= params[i].grad != 0  # pixels never inked have no scale
            row.append(np.quantile(rates[i][seen], (0.1, 0.5, 0.9)))
            longest = max(longest, abs(params[i].data - before).max() / eta)
        quantiles.append(row)
    return np.array(quantiles), float(longest)


def growing_step() -> float:
    """The 1000th step, in units of η, for gradients that grow by β₂/β₁."""
    return float(steps(mg.optim.Adam, (BETA2 / BETA1) ** np.arange(1000), lr=1.0, eps=0.0)[-1])


# Where the theorem fails


def steps_after_decay(convention: str, s: float = 0.1) -> Array:
    """80 steps with momentum 0.9 after a decay by s, in units of the step before it. All gradients are 1."""
    taken = steps(sgd, np.ones(380), lr=decay(s, 0.1, start=300), convention=convention)
    return np.asarray(taken[300:] / taken[299])


def momentum_pair(lr: float | Schedule) -> tuple[Array, Array]:
    """The network with PyTorch's momentum, and with Keras's."""
    return run(sgd, lr=lr), run(sgd, lr=lr, convention="keras")


def eps_pair() -> tuple[Array, Array, Array]:
    """η multiplied by 0.1, and ε raised so that the median effective rate is; the factor on each rate."""
    factors = np.empty(0)

    def raise_eps(adam: Adam, params: Params, t: int) -> None:
        nonlocal factors
        if t == START:
            rates = np.concatenate([r.ravel() for r in adam.effective_lr()])
            r = ETA / rates - adam.eps  # √v̂ of the last step
            old, median = adam.eps, np.median(r)
            adam.eps = (median + old) / 0.1 - median
            factors = (r + old) / (r + adam.eps)
        adam.step()

    return run(mg.optim.Adam, lr=decay(0.1)), run(mg.optim.Adam, raise_eps, lr=ETA), factors


class PlateauRun(NamedTuple):
    losses: Array  # validation loss after each epoch
    rates: Array  # rate of each epoch, the scale included
    path: Array  # weights after each step


def plateau_run(arm: str, min_delta: float, s: float, epochs: int = 12, rate: float = 1e-2) -> PlateauRun:
    """Train with a plateau rule. From the first step on, arm A scales η by s, arm B the effective rates."""
    (images, labels), (test_images, test_labels) = digits()
    model = network()
    params = list(model.parameters())
    adam = mg.optim.Adam(params, lr=rate * s if arm == "A" else rate)
    factor = 1.0 if arm == "A" else s
    update = scaled_rates(lambda t: factor)
    plateau = mg.schedules.ReduceLROnPlateau(adam, factor=0.1, patience=1, min_delta=min_delta)
    rng, losses, rates, path = np.random.default_rng(0), [], [], []
    for _ in range(epochs):
        for x, y in mg.data.batches(images, labels, BATCH, rng):
            adam.zero_grad()
            loss_of(model, x, y).backward()
            update(adam, params, adam.steps)
            path.append(weights(params))
        rates.append(adam.lr * factor)
        with mg.no_grad():
            losses.append(loss_of(model, test_images, test_labels).item())
        plateau.step(losses[-1])
    return PlateauRun(np.array(losses), np.array(rates), np.array(path))


class Parting(NamedTuple):
    a: PlateauRun
    b: PlateauRun
    epoch: int  # the epoch after which only one of the runs reduces its rate
    min_delta: float

    @property
    def step(self) -> int:
        """The first step with different rates."""
        return (self.epoch + 1) * -(-len(digits()[0][1]) // BATCH)


def parting() -> Parting:
    """Two runs that are equal up to rounding until a plateau rule decides differently.

    Where their losses improve by amounts that differ in the last digits, `min_delta` is the smaller amount.
    """
    for s in (0.1, 0.3, 0.7, 0.6, 0.9):  # until rounding shows in a loss
        drop_a, drop_b = (-np.diff(plateau_run(arm, 0.0, s).losses) for arm in "AB")
        smaller = np.minimum(drop_a, drop_b)
        found = [e for e in range(1, 8) if drop_a[e] != drop_b[e] and max(drop_a[e], drop_b[e]) < smaller[:e].min()]
        if found:
            epoch = max(found) + 1
            between = float(smaller[epoch - 1])
            return Parting(plateau_run("A", between, s), plateau_run("B", between, s), epoch, between)
    raise RuntimeError("rounding shows in no loss: try other factors")


def reductions(seed: int, epochs: int = 25) -> list[int]:
    """The epochs, counted from 1, after which a plateau rule lowers the rate of a float32 network."""
    (images, labels), (test_images, test_labels) = digits()
    model = mg.models.MLP([64, 32, 10], rng=seed)
    adam = mg.optim.Adam(model.parameters(), lr=1e-2)
    history = mg.fit(
        model,
        adam,
        (images[::3].astype(np.float32), labels[::3]),
        (test_images.astype(np.float32), test_labels),
        epochs=epochs,
        plateau=mg.schedules.ReduceLROnPlateau(adam, factor=0.1, patience=2),
        rng=seed,
        progress=False,
    )
    return [epoch for epoch in range(1, epochs) if history.lr[epoch] < history.lr[epoch - 1]]


def distance(a: Array, b: Array, event: int, before: int = 40, after: int = 200) -> tuple[Array, Array]:
    """Steps from the event, and the distance of two runs there relative to the norm of the first."""
    gap = np.linalg.norm(a - b, axis=1) / np.linalg.norm(a, axis=1)
    gap = gap[event - before : event + after]
    return np.arange(len(gap)) - before, gap
