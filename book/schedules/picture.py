"""The explorable's first view, computed by the engine, for readers without JavaScript."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np

from minigrad_book.schedules import numbers
from minigrad_book.tools import figures


def plateau(alt: str) -> str:
    losses = [round(0.3 + 0.7 * np.exp(-t / 2), 2) for t in range(24)]
    keras, torch, optax = (
        numbers.reductions(losses, patience=3, convention=convention)[1][1:]
        for convention in ("keras", "torch", "optax")
    )
    first, later = (next(t for t, rate in enumerate(rates) if rate < 1e-3) for rates in (keras, torch))
    with figures.style():
        fig, (above, below) = plt.subplots(2, sharex=True, figsize=(5.2, 4.0))
        above.plot(losses, color="black", marker="o", ms=3.5, lw=1.2)
        above.set(
            ylabel="validation loss",
            title=f"Keras and optax first reduce after epoch {first}, PyTorch after {later}",
        )
        below.semilogy(keras, drawstyle="steps-post", lw=6, alpha=0.45)
        below.semilogy(torch, drawstyle="steps-post")
        below.semilogy(optax, drawstyle="steps-post", ls="--", color=figures.GREEN)
        below.annotate("Keras", (13, 2e-5), color=figures.BLUE, ha="right")
        below.annotate("optax", (13, 8e-6), color=figures.GREEN, ha="right")
        below.annotate("PyTorch", (18.5, 3e-5), color=figures.ORANGE)
        below.set(xlabel="epoch", ylabel="rate after it")
    return figures.to_svg(fig, alt)
