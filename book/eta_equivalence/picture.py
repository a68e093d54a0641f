"""The explorable's first view, computed by the engine, for readers without JavaScript."""

from __future__ import annotations

from functools import partial

import matplotlib.pyplot as plt
import numpy as np

import minigrad as mg
from minigrad_book.eta_equivalence import numbers
from minigrad_book.tools import figures


def eta_equivalence(alt: str) -> str:
    noise = 1.5 * np.random.default_rng(1).normal(size=(200, 1))
    adam = partial(numbers.descend, mg.optim.Adam, noise=noise, start=1.5, curvature=np.ones(1))
    a, b = adam(numbers.decay(0.25, 0.1), lambda t: 1.0), adam(0.1, numbers.decay(0.25, 1.0))
    with figures.style():
        fig, ax = plt.subplots()
        (wide,) = ax.plot(a, lw=6, alpha=0.45)
        ax.annotate("η decays", (200, 1.4), color=wide.get_color(), ha="right")
        (narrow,) = ax.plot(b)
        ax.annotate("the effective rate decays", (200, 1.15), color=narrow.get_color(), ha="right")
        ax.axvline(100, color="black", alpha=0.4, ls="--", lw=1)
        ax.annotate("× 1/4", (102, 0.9))
        ax.set(xlabel="step", ylabel="parameter θ", title="Two ways to decay give the same path")
    return figures.to_svg(fig, alt)
