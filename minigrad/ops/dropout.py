"""Dropout."""

from __future__ import annotations

import numpy as np

from minigrad.tensor import Operand, Tensor, as_tensor, record


def dropout(x: Operand, p: float, rng: np.random.Generator) -> Tensor:
    """Set each entry to 0 with probability p and divide the others by 1 - p; the gradient is treated the same way.

    The expected value of each entry stays the same.

    Parameters
    ----------
    x
        Of any shape; the result has the same shape and dtype.
    p
        The probability, in [0, 1).
    rng
        The generator, which draws one uniform number for each entry.

    References
    ----------
    Srivastava et al., Dropout, JMLR 15, 2014, section 10 ("inverted": the division is done in training).
    """
    x = as_tensor(x)
    scale = (rng.random(x.shape) >= p).astype(x.dtype) / (1 - p)
    return record(x.data * scale, (x,), lambda grad: (grad * scale,))
