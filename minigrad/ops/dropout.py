"""Dropout."""

from __future__ import annotations

import numpy as np

from minigrad.tensor import Operand, Tensor, as_tensor, record


def dropout(x: Operand, p: float, rng: np.random.Generator) -> Tensor:
    """Each entry becomes 0 with probability p and is divided by 1 - p otherwise (Srivastava et al. 2014, inverted).

    The expected value of each entry stays what it was. The gradient is zeroed and scaled alike.
    """
    x = as_tensor(x)
    scale = (rng.random(x.shape) >= p).astype(x.dtype) / (1 - p)
    return record(x.data * scale, (x,), lambda grad: (grad * scale,))
