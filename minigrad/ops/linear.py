"""The dense layer's op."""

from __future__ import annotations

from minigrad.blas import dot
from minigrad.tensor import Array, Operand, Tensor, as_tensor, record


def linear(x: Operand, weight: Operand, bias: Operand | None = None) -> Tensor:
    """Return x Wᵀ + b, as a dense layer does.

    With G = ∂L/∂out: ∂L/∂x = G W, ∂L/∂W = Gᵀ x, and ∂L/∂b is the sum of G over its leading axes.

    Parameters
    ----------
    x
        (…, in).
    weight
        W, (out, in), as in PyTorch.
    bias
        b, (out,), or None for no bias.

    Returns
    -------
    Tensor
        (…, out).

    Raises
    ------
    ValueError
        If the shapes don't match.
    """
    x, weight = as_tensor(x), as_tensor(weight)
    bias = None if bias is None else as_tensor(bias)
    if weight.ndim != 2 or x.ndim == 0 or x.shape[-1] != weight.shape[1]:
        raise ValueError(f"linear needs x (…, in) and weight (out, in); got shapes {x.shape} and {weight.shape}")
    if bias is not None and bias.shape != weight.shape[:1]:
        raise ValueError(f"linear with weight {weight.shape} needs bias {weight.shape[:1]}; got {bias.shape}")
    rows = x.data.reshape(-1, x.shape[-1])
    matrix = weight.data
    out = dot(rows, matrix.T)
    if bias is not None:
        out += bias.data

    def backward(grad: Array) -> tuple[Array | None, ...]:
        grad_rows = grad.reshape(-1, grad.shape[-1])
        grad_x = dot(grad_rows, matrix).reshape(x.shape) if x.requires_grad else None
        grad_weight = dot(grad_rows.T, rows) if weight.requires_grad else None  # eq:linear-gradient
        return (grad_x, grad_weight) if bias is None else (grad_x, grad_weight, grad_rows.sum(0))

    parents = (x, weight) if bias is None else (x, weight, bias)
    return record(out.reshape(*x.shape[:-1], len(matrix)), parents, backward)
