"""The explorable's first view, computed by the engine, for readers without JavaScript."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np

import minigrad as mg
from minigrad_book.tools import figures


def bias_correction(alt: str) -> str:
    t = np.arange(1, 10_001)
    ones = np.ones(len(t))
    m = {kept: mg.ema(ones, 0.9, bias_correction=kept) for kept in (True, False)}
    root = {kept: np.sqrt(mg.ema(ones, 0.999, bias_correction=kept)) for kept in (True, False)}
    with figures.style():
        fig, ax = plt.subplots()
        for name, in_m, in_v, at, dx, dy in (
            ("m and v", 1, 1, 1, 4, 9),
            ("nothing", 0, 0, 2, 0, -13),
            ("only m", 1, 0, 2, 8, 7),
            ("only v", 0, 1, 4, 10, -7),
        ):
            (curve,) = ax.loglog(t, m[bool(in_m)] / root[bool(in_v)])
            figures.label_line(curve, name, at=at, dx=dx, dy=dy)
        ax.set(xlabel="step t", ylabel="step, in units of η", title="The corrections determine the first steps")
    return figures.to_svg(fig, alt)
