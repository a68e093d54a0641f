"""What the chapter computes: example schedules, and when a plateau rule reduces the rate."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

import minigrad as mg
from minigrad.tensor import Array

EXAMPLES: dict[str, list[Callable[[int], float]]] = {
    # a schedule, and where it has one a variant: with staircase, with cycle, without noise
    "exponential": [
        mg.schedules.exponential_decay(1, 200, 0.5),
        mg.schedules.exponential_decay(1, 200, 0.5, staircase=True),
    ],
    "inverse time": [
        mg.schedules.inverse_time_decay(1, 200, 1.0),
        mg.schedules.inverse_time_decay(1, 200, 1.0, staircase=True),
    ],
    "polynomial, p = 2": [
        mg.schedules.polynomial_decay(1, 500, 0.05, 2),
        mg.schedules.polynomial_decay(1, 500, 0.05, 2, cycle=True),
    ],
    "piecewise constant": [mg.schedules.piecewise_constant([300, 700], [1, 0.4, 0.1])],
    "step": [mg.schedules.step_decay(1, 250, 0.5)],
    "cosine": [mg.schedules.cosine_decay(1, 1000)],
    "cosine, restarts": [mg.schedules.cosine_decay_restarts(1, 143, 2.0, 0.8)],
    "linear cosine, noisy": [
        mg.schedules.noisy_linear_cosine_decay(1, 1000, 0.3, seed=0),
        mg.schedules.linear_cosine_decay(1, 1000),
    ],
    "warm-up, then cosine": [mg.schedules.warmup(mg.schedules.cosine_decay(1, 1000), 150)],
    "one-cycle": [mg.schedules.one_cycle(1, 1000)],
}


def reductions(metrics: Iterable[float], lr: float = 1e-3, **settings: Any) -> tuple[list[int], list[float]]:
    """The epochs after which a plateau rule reduces the rate `lr`, and the rates.

    There is a rate for each epoch and one for after the last. The settings go to `ReduceLROnPlateau`.
    """
    optimizer = mg.optim.SGD([mg.Tensor(np.zeros(1), requires_grad=True)], lr=lr)
    plateau = mg.schedules.ReduceLROnPlateau(optimizer, **settings)
    epochs, rates = [], [optimizer.lr]
    for epoch, metric in enumerate(metrics):
        if plateau.step(metric):
            epochs.append(epoch)
        rates.append(optimizer.lr)
    return epochs, rates


def wavering_loss() -> Array:
    """A made-up validation loss of 50 epochs: smooth but for noise."""
    noise = np.random.default_rng(2).normal(scale=0.012, size=50)
    return np.asarray(0.9 + 1.2 * np.exp(-np.arange(50) / 5) + noise)
