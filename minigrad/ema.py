"""Exponential moving averages, plain and corrected for their start at zero."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from minigrad.arguments import number
from minigrad.jit import kernel
from minigrad.tensor import Array


@kernel
def ema_rows(values, average, beta, one_minus_beta):
    """Fill average[t] from values[t] and average[t − 1]."""
    for i in range(values.shape[1]):
        average[0, i] = one_minus_beta * values[0, i]
    for t in range(1, values.shape[0]):
        for i in range(values.shape[1]):
            average[t, i] = beta * average[t - 1, i] + one_minus_beta * values[t, i]  # eq:ema


def ema(values: ArrayLike, beta: float, bias_correction: bool = False) -> Array:
    """Return the exponential moving average along axis 0.

    With m_0 = 0, for t = 1, 2, …:

        m_t = β·m_{t−1} + (1 − β)·x_t

    Parameters
    ----------
    values
        Numbers of any shape but 0-d. float32 and float64 arrays keep their dtype; everything else becomes float64.
    beta
        β, in [0, 1).
    bias_correction
        Return m_t/(1 − βᵗ): the weights of the values so far then sum to 1.

    Returns
    -------
    numpy.ndarray
        Of the shape of `values`; entry t − 1 along axis 0 is m_t.

    Raises
    ------
    ValueError
        If `beta` is outside [0, 1), or `values` is a single number.

    References
    ----------
    Kingma and Ba, Adam: A Method for Stochastic Optimization, 2015, section 3 (the correction).
    """
    number("beta", beta, least=0, below=1)
    x = np.asarray(values)
    x = x if x.dtype in (np.float32, np.float64) else x.astype(np.float64)
    if x.ndim == 0:
        raise ValueError(f"ema needs values along axis 0, got the single number {values!r}")
    rows = x.reshape(len(x), -1) if x.size else x.reshape(0, 0)
    average = np.empty_like(rows, order="C")
    if x.size:
        ema_rows(rows, average, x.dtype.type(beta), x.dtype.type(1 - beta))
    if bias_correction:
        t = np.arange(1, len(rows) + 1)[:, np.newaxis]
        average /= (1 - float(beta) ** t).astype(x.dtype)  # eq:ema-corrected
    return average.reshape(x.shape)
