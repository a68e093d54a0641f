"""What the explorable shows at first, computed by the engine: its picture where scripts don't run."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from minigrad_book.tools import figures

import minigrad as mg


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
