"""The ReLU.

It is a kernel because NumPy would need two passes and a mask for the gradient, on one thread.
"""

from __future__ import annotations

from numba import prange

from minigrad.jit import kernel
from minigrad.ops.memory import flat, like
from minigrad.tensor import Array, Operand, Tensor, as_tensor, method, record


@kernel(parallel=True)
def rectify(x, out):
    zero = x.dtype.type(0)
    for i in prange(x.size):
        out[i] = zero if x[i] <= zero else x[i]  # NaN ≤ 0 is false, so NaN stays


@kernel(parallel=True)
def relu_gradient(grad, out, grad_x):
    zero = grad.dtype.type(0)
    for i in prange(grad.size):
        grad_x[i] = grad[i] if out[i] > zero else zero  # eq:relu-gradient


@method("relu")
def relu(x: Operand) -> Tensor:
    """Return max(x, 0), in the shape and dtype of x; ∂/∂x = 1 where x > 0, else 0 (so 0 at 0). NaN stays NaN."""
    x = as_tensor(x)
    out = like(x.data)
    rectify(flat(x.data, out), flat(out, out))

    def backward(grad: Array) -> tuple[Array]:
        grad_x = like(out)
        relu_gradient(flat(grad, out), flat(out, out), flat(grad_x, out))
        return (grad_x,)

    return record(out, (x,), backward)
