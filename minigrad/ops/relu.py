"""The rectifier: NumPy needs two passes and a mask for its gradient, a kernel one."""

from __future__ import annotations

import numpy as np

from minigrad.jit import kernel
from minigrad.ops.memory import flat, like
from minigrad.tensor import Array, Operand, Tensor, as_tensor, method, record


@kernel
def relu_gradient(grad, out, by_x):
    zero = grad.dtype.type(0)
    for i in range(grad.size):
        by_x[i] = grad[i] if out[i] > 0 else zero  # eq:relu-gradient


@method("relu")
def relu(x: Operand) -> Tensor:
    """max(x, 0); ∂/∂x = 1 where x > 0, else 0 (so 0 at 0)."""
    x = as_tensor(x)
    out = np.maximum(x.data, 0, out=like(x.data))

    def backward(grad: Array) -> tuple[Array]:
        by_x = like(out)
        relu_gradient(flat(grad, out), flat(out, out), flat(by_x, out))
        return (by_x,)

    return record(out, (x,), backward)
