"""What the chapter computes: the steps of nine rules for one signal, and two kinds of weight decay."""

from __future__ import annotations

from functools import partial

import numpy as np

import minigrad as mg
from minigrad.tensor import Array
from minigrad_book.tools.paths import Rule, path, steps

RULES: dict[str, Rule] = {
    "SGD": mg.optim.SGD,
    "momentum": partial(mg.optim.SGD, momentum=0.9),
    "Adagrad": mg.optim.Adagrad,
    "RMSprop": mg.optim.RMSprop,
    "Adadelta": mg.optim.Adadelta,
    "Adam": mg.optim.Adam,
    "AMSGrad": partial(mg.optim.Adam, amsgrad=True),
    "Adamax": mg.optim.Adamax,
    "NAdam": mg.optim.NAdam,
}
SIGNAL = np.repeat([1.0, 10.0, 1.0, 0.0], 400)  # a gradient at each of 1,600 steps


def answers() -> dict[str, Array]:
    """The steps that each rule but plain SGD makes for SIGNAL, in units of η."""
    return {name: steps(rule, SIGNAL, lr=1.0) for name, rule in RULES.items() if name != "SGD"}


def jump(answer: Array) -> float:
    """The longest step while the gradient is 10, in units of the last step before the jump."""
    return float(answer[400:800].max() / answer[399])


def back(answer: Array) -> float:
    """The last step before the gradient falls to 0, in units of the last step before it rose to 10."""
    return float(answer[1199] / answer[399])


def decayed(rule: Rule) -> Array:
    """Two weights, from 1, after 2,000 steps with η = 0.001 and λ = 0.1.

    Their gradients are noise with mean 0 and with standard deviations of 100 and 0.01.
    """
    noise = np.random.default_rng(0).normal(size=(2000, 1)) * [100.0, 0.01]
    noise -= noise.mean(axis=0)
    return np.asarray(path(rule, noise, start=1.0, lr=1e-3, weight_decay=0.1)[-1])
