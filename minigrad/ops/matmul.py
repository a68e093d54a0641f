"""The matrix product."""

from __future__ import annotations

import numpy as np

from minigrad.blas import dot
from minigrad.tensor import Array, Operand, Tensor, as_tensors, method, record


@method("__matmul__", reflected="__rmatmul__")
def matmul(x: Operand, y: Operand) -> Tensor:
    """Return the matrix product x @ y, with NumPy's rules for shapes.

    (…, n, k) @ (…, k, m) gives (…, n, m); the leading axes broadcast. A 1-D x is treated as a row and a 1-D y as a
    column, and that axis is removed from the result. With G = ∂L/∂out: ∂L/∂x = G yᵀ, ∂L/∂y = xᵀ G.

    Raises
    ------
    ValueError
        If the inner dimensions differ, or an operand is 0-d.
    """
    x, y = as_tensors(x, y)
    if x.ndim == 0 or y.ndim == 0 or x.shape[-1] != y.shape[max(y.ndim - 2, 0)]:
        raise ValueError(f"matmul needs (…, n, k) @ (…, k, m); got shapes {x.shape} and {y.shape}")
    rows = x.data if x.ndim > 1 else x.data[None, :]
    columns = y.data if y.ndim > 1 else y.data[:, None]

    def backward(grad: Array) -> tuple[Array | None, ...]:
        if y.ndim == 1:
            grad = np.expand_dims(grad, -1)
        if x.ndim == 1:
            grad = np.expand_dims(grad, -2)
        grad_x = dot(grad, columns.swapaxes(-1, -2))  # eq:matmul-gradient
        grad_y = dot(rows.swapaxes(-1, -2), grad)  # eq:matmul-gradient
        return grad_x[..., 0, :] if x.ndim == 1 else grad_x, grad_y[..., 0] if y.ndim == 1 else grad_y

    return record(dot(x.data, y.data), (x, y), backward)
