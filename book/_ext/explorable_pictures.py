"""The static picture of each explorable: what it shows at first, computed by the engine."""

from __future__ import annotations

from collections.abc import Callable

import matplotlib.pyplot as plt
import numpy as np

import minigrad as mg
from minigrad import figures


def bias_correction(alt: str) -> str:
    t = np.arange(1, 10_001)
    ones = np.ones(len(t))
    m = {kept: mg.ema(ones, 0.9, bias_correction=kept) for kept in (True, False)}
    root = {kept: np.sqrt(mg.ema(ones, 0.999, bias_correction=kept)) for kept in (True, False)}
    with figures.style():
        fig, ax = plt.subplots()
        for name, in_m, in_v in (("m and v", 1, 1), ("nothing", 0, 0), ("only m", 1, 0), ("only v", 0, 1)):
            (curve,) = ax.loglog(t, m[bool(in_m)] / root[bool(in_v)])
            figures.label_line(curve, name, at=1, dx=4, dy=9)
        ax.set(xlabel="step t", ylabel="step, in units of η", title="What is corrected decides the first steps")
    return figures.to_svg(fig, alt)


def eta_equivalence(alt: str) -> str:
    noise = 1.5 * np.random.default_rng(1).normal(size=200)
    with figures.style():
        fig, ax = plt.subplots()
        for scaled, name, look in (
            (False, "η decays", {"lw": 6, "alpha": 0.45}),
            (True, "the effective rate decays", {}),
        ):
            path = _descent(noise, scaled)
            (curve,) = ax.plot(path, **look)
            ax.annotate(name, (200, 1.4 - 0.25 * scaled), color=curve.get_color(), ha="right")
        ax.axvline(100, color="black", alpha=0.4, ls="--", lw=1)
        ax.annotate("× 1/4", (102, 0.9))
        ax.set(xlabel="step", ylabel="parameter θ", title="Two ways to decay, one path")
    return figures.to_svg(fig, alt)


def _descent(noise: np.ndarray, scaled: bool) -> list[float]:
    """Adam on a noisy parabola; after step 100 the rate, or (scaled) each step that it takes, is a quarter."""
    theta = mg.Tensor(np.array([1.5]), requires_grad=True)
    optimizer = mg.optim.Adam([theta], lr=0.1)
    path = [1.5]
    for t, disturbance in enumerate(noise):
        before, share = theta.data[0], 0.25 if t >= 100 else 1.0
        theta.grad = theta.data + disturbance
        optimizer.lr = 0.1 if scaled else 0.1 * share
        optimizer.step()
        if scaled:
            theta.data[0] = before + share * (theta.data[0] - before)
        path.append(float(theta.data[0]))
    return path


def plateau(alt: str) -> str:
    losses = [round(0.3 + 0.7 * np.exp(-t / 2), 2) for t in range(24)]
    keras, torch = _rates(losses, "keras"), _rates(losses, "torch")
    first = [next(t for t, rate in enumerate(rates) if rate < 1e-3) for rates in (keras, torch)]
    with figures.style():
        fig, (above, below) = plt.subplots(2, sharex=True, figsize=(5.2, 4.0))
        above.plot(losses, color="black", marker="o", ms=3.5, lw=1.2)
        above.set(
            ylabel="validation loss", title=f"Keras first reduces after epoch {first[0]}, PyTorch after {first[1]}"
        )
        below.semilogy(keras, drawstyle="steps-post", lw=6, alpha=0.45)
        below.semilogy(torch, drawstyle="steps-post")
        below.annotate("Keras", (13, 2e-5), color=figures.BLUE, ha="right")
        below.annotate("PyTorch", (18.5, 3e-5), color=figures.ORANGE)
        below.set(xlabel="epoch", ylabel="rate after it")
    return figures.to_svg(fig, alt)


def _rates(losses: list[float], convention: str) -> list[float]:
    optimizer = mg.optim.SGD([mg.Tensor(np.zeros(1), requires_grad=True)], lr=1e-3)
    rule = mg.schedules.ReduceLROnPlateau(optimizer, patience=3, convention=convention)
    rates = []
    for loss in losses:
        rule.step(loss)
        rates.append(optimizer.lr)
    return rates


PICTURES: dict[str, Callable[[str], str]] = {
    "bias-correction": bias_correction,
    "eta-equivalence": eta_equivalence,
    "plateau": plateau,
}
