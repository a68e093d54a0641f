"""The chapter's computations: derivatives of f(x) = exp(x²) at x = 1 by differences, and their errors."""

from __future__ import annotations

from typing import Any

import numpy as np

import minigrad as mg
from minigrad.tensor import Array
from minigrad_book.autograd.exercises import best_width

VALUE, SLOPE, THIRD = np.e, 2 * np.e, 20 * np.e  # f, f′ and f‴ at 1
UNIT = 2.0**-53  # the rounding unit of float64
BEST = best_width(VALUE, THIRD, UNIT)


def f(x: mg.Tensor) -> mg.Tensor:
    return (x * x).exp()


def difference(eps: float, dtype: type[np.floating[Any]] = np.float64, central: bool = True) -> float:
    """The central or the one-sided difference of f at 1, with f computed in `dtype`."""
    x, width = np.array(1, dtype), dtype(eps)
    above, below = (f(mg.Tensor(point)).data for point in (x + width, x - width if central else x))
    return float(above - below) / ((2 if central else 1) * float(width))


def relative_errors(widths: Array, dtype: type[np.floating[Any]] = np.float64, central: bool = True) -> Array:
    """The relative errors of the differences with these widths."""
    return np.array([abs(difference(eps, dtype, central) / SLOPE - 1) for eps in widths])


def estimated_errors(widths: Array) -> Array:
    """The estimated relative error of the central difference in float64: truncation plus rounding."""
    return (widths**2 / 6 * THIRD + UNIT * VALUE / widths) / SLOPE
