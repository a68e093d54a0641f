"""Compare recorded gradients with numerical ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.tensor import Array, Operand, Tensor, no_grad


class GradcheckError(AssertionError):
    """A recorded gradient differs from the numerical one, or the function isn't deterministic."""


def gradcheck(
    fn: Callable[..., Tensor],
    inputs: Operand | Sequence[Operand],
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
) -> bool:
    """Check the gradients that `fn` records against central differences, entry by entry, in float64.

    The output is multiplied by fixed random weights c and summed, L = Σ cᵢ·fn(…)ᵢ, so one backward pass covers every
    output. For each entry x of an input:

        numerical = (L(x + eps) - L(x - eps)) / (2·eps)
        |∂L/∂x - numerical| ≤ atol + rtol·|numerical|

    Parameters
    ----------
    fn
        A function that takes one tensor per input and returns a tensor. It must be deterministic.
    inputs
        A tensor or array, or a sequence of them, of any shapes. Floating inputs are copied as float64. Those that
        require a gradient are checked; if none does, all are. Integer inputs, such as labels, are passed on unchanged.
    eps
        The step to either side, in the units of the inputs.
    atol, rtol
        Absolute and relative tolerance.

    Returns
    -------
    bool
        True if all gradients are right; otherwise an error is raised.

    Raises
    ------
    GradcheckError
        If a gradient differs: the message names the first such input and entry, and gives both values. Also if `fn`
        returns a different result when it is called again.
    TypeError
        If there is no floating input, or `fn` doesn't return a tensor.
    """
    leaves, checked = _leaves(inputs)
    out = fn(*leaves)
    if not isinstance(out, Tensor):
        raise TypeError(f"gradcheck needs a function that returns a tensor; got {type(out).__name__}")
    weights = np.random.default_rng(0).uniform(0.5, 1.5, out.shape)
    with no_grad():
        if not np.array_equal(fn(*leaves).data, out.data, equal_nan=True):
            raise GradcheckError("the function returns a different result when called again with the same inputs")
    if out.requires_grad:
        out.backward(weights)
    for i in checked:
        recorded = leaves[i].grad
        for entry in np.ndindex(leaves[i].shape):
            found = 0.0 if recorded is None else float(recorded[entry])
            numerical = _difference(fn, leaves, leaves[i].data, entry, eps, weights)
            if not np.abs(found - numerical) <= atol + rtol * np.abs(numerical):
                missing = " (no gradient was recorded)" if recorded is None else ""
                raise GradcheckError(
                    f"input {i}, entry {entry}: the recorded gradient is {found:.10g}{missing}, "
                    f"the numerical one {numerical:.10g}; their difference {abs(found - numerical):.3g} "
                    f"exceeds atol + rtol·|numerical| = {atol + rtol * abs(numerical):.3g}"
                )
    return True


def _leaves(inputs: Operand | Sequence[Operand]) -> tuple[list[Tensor], list[int]]:
    """Return one tensor per input, with float64 copies of the floating ones, and the positions of those to check."""
    one = not isinstance(inputs, list | tuple) or all(np.isscalar(x) for x in inputs)
    each: Sequence[Any] = [inputs] if one else inputs  # type: ignore[assignment]
    tensors = [x if isinstance(x, Tensor) else Tensor(np.asarray(x)) for x in each]
    floating = [i for i, x in enumerate(tensors) if x.dtype.kind == "f"]
    if not floating:
        raise TypeError("gradcheck needs at least one floating input")
    checked = [i for i in floating if tensors[i].requires_grad] or floating
    return [
        Tensor(x.data.astype(np.float64), i in checked) if i in floating else x for i, x in enumerate(tensors)
    ], checked


def _difference(
    fn: Callable[..., Tensor], leaves: list[Tensor], data: Array, entry: tuple[int, ...], eps: float, weights: Array
) -> float:
    """Return (L(x + eps) - L(x - eps)) / (2·eps) for one entry x of `data`, the array of one of the leaves."""
    value = data[entry]
    try:
        with no_grad():
            data[entry] = value + eps
            above = np.array(fn(*leaves).data)
            data[entry] = value - eps
            below = np.array(fn(*leaves).data)
    finally:
        data[entry] = value
    change = ((above - below) * weights).sum()
    return float(change / (2 * eps))  # eq:central-difference
