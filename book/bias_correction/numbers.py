"""The chapter's computations: how the uncorrected step compares with the corrected one, and where the theory fails.

Betas are Adam's defaults unless given; t counts steps from 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import brentq

import minigrad as mg
from minigrad.tensor import Array

BETA1, BETA2 = 0.9, 0.999
STEPS = np.arange(1, 20_001)  # far enough for every pair of betas in the chapter


def rho(t: Any, beta1: float = BETA1, beta2: float = BETA2) -> Any:
    """The uncorrected step over the corrected one at t, for ε = 0."""
    return (1 - beta1**t) / np.sqrt(1 - beta2**t)


def turning_point(beta1: float = BETA1, beta2: float = BETA2) -> float:
    """The real t* ≥ 1 at which ρ is largest. ValueError if ρ falls, or rises, from t = 1 to 1000."""
    a, b = -np.log(beta1), -np.log(beta2)
    return float(brentq(lambda t: 2 * a * np.expm1(b * t) - b * np.expm1(a * t), 1, 1000))


def peak(beta1: float = BETA1, beta2: float = BETA2) -> int:
    """The step at which ρ is largest."""
    return int(STEPS[rho(STEPS, beta1, beta2).argmax()])


def crossing(beta1: float = BETA1, beta2: float = BETA2) -> int | None:
    """The first step that is too large without the correction, or None if no step is."""
    too_large = STEPS[rho(STEPS, beta1, beta2) > 1 + 1e-9]
    return int(too_large[0]) if too_large.size else None


def settled(beta1: float = BETA1, beta2: float = BETA2) -> int:
    """The step from which ρ is within 1 % of 1."""
    outside = STEPS[abs(rho(STEPS, beta1, beta2) - 1) > 0.01]
    return int(outside[-1]) + 1 if outside.size else 1


def filled(beta: float) -> int:
    """The step from which on an average is too small by at most 1 %."""
    return int(STEPS[1 - beta**STEPS >= 0.99][0])


def trend(t: Any, beta: Any) -> Any:
    """The corrected average of x_i = i."""
    return t / (1 - beta**t) - beta / (1 - beta)


def fall(t: Any, beta: Any, r: Any) -> Any:
    """The corrected average of x_i = rⁱ, for r ≠ β."""
    return (1 - beta) * r / (beta - r) * (beta**t - r**t) / (1 - beta**t)


def root_factor(t: Any, beta2: float = BETA2) -> Any:
    """√v̂_t over √v_t. The step is so many times too long with only m corrected, and ε_t is so many times ε̂."""
    return 1 / np.sqrt(1 - beta2**t)


def overestimate(steps: int = 200, batches: int = 500) -> Array:
    """√v̂/√E[g²] after `steps` steps of a network on the digits, for each weight whose gradient isn't always 0.

    E[g²] is measured over `batches` batches with the weights held fixed.
    """
    (images, labels), _ = mg.data.digits()
    model, rng = mg.models.MLP([64, 32, 10], rng=0), np.random.default_rng(0)
    params = list(model.parameters())
    adam = mg.optim.Adam(params, lr=1e-2)

    def gradient() -> Array:
        batch = rng.integers(len(labels), size=32)
        adam.zero_grad()
        mg.cross_entropy(model(mg.Tensor(images[batch])), labels[batch]).backward()
        return np.concatenate([p.grad.ravel() for p in params if p.grad is not None])

    for _ in range(steps):
        gradient()
        adam.step()
    state = adam.state_dict()
    v = np.concatenate([state[f"{i}.v"] for i in range(len(params))])
    v_hat = v / (1 - BETA2**steps)
    second_moment = np.mean([gradient().astype(float) ** 2 for _ in range(batches)], axis=0)
    seen = second_moment > 0
    return np.asarray(np.sqrt(v_hat[seen] / second_moment[seen]))
