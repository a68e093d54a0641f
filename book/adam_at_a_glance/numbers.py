"""The chapter's computations: Adam's defaults, the weights of its averages, and how long a step can be."""

from __future__ import annotations

from inspect import signature

import numpy as np

import minigrad as mg
from minigrad.tensor import Array

DEFAULTS = {name: parameter.default for name, parameter in signature(mg.optim.Adam).parameters.items()}
BETA1, BETA2 = DEFAULTS["betas"]


def recent_share(beta: float) -> float:
    """The share of a moving average's weight on its last 1/(1 − β) values, long after the start."""
    return float(1 - beta ** round(1 / (1 - beta)))


def step_bound(beta1: float = BETA1, beta2: float = BETA2) -> float:
    """A bound on |m|/√v, and so on every step in units of η, for β₁² < β₂ and any gradients (Cauchy–Schwarz)."""
    return float((1 - beta1) / np.sqrt((1 - beta2) * (1 - beta1**2 / beta2)))


def without_gradient(rates: Array, lr: float, eps: float = DEFAULTS["eps"]) -> Array:
    """Which weights have had no gradient yet: those whose effective rate is η/ε, within 1 %."""
    return rates > 0.99 * lr / eps
