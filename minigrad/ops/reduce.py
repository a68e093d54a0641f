"""Reductions over one axis, several or all (`axis=None`)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from minigrad.tensor import Array, Axis, Operand, Tensor, as_tensor, method, record


@method("sum")
def sum(x: Operand, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Σ x; every entry's gradient is the sum's."""
    x = as_tensor(x)
    shape = x.shape
    kept = _kept(x, axis)

    def backward(grad: Array) -> tuple[Array | None, ...]:
        return (np.broadcast_to(grad.reshape(kept), shape),)

    return record(x.data.sum(axis=axis, keepdims=keepdims), (x,), backward)


@method("mean")
def mean(x: Operand, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Σ x / n; every entry's gradient is the mean's over n.

    Raises
    ------
    ValueError
        If there is nothing to average.
    """
    x = as_tensor(x)
    if x.size == 0:
        raise ValueError(f"mean of an empty tensor of shape {x.shape}")
    total = sum(x, axis, keepdims)
    return total / (x.size // total.size)


@method("max")
def max(x: Operand, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The largest entry; the gradient goes to it, to the first of several equal ones."""
    return _extremum(x, axis, keepdims, np.argmax)


@method("min")
def min(x: Operand, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The smallest entry; the gradient goes to it, to the first of several equal ones."""
    return _extremum(x, axis, keepdims, np.argmin)


def _extremum(x: Operand, axis: Axis, keepdims: bool, position: Callable[..., Array]) -> Tensor:
    x = as_tensor(x)
    kept = _kept(x, axis)
    axes = [i for i in range(x.ndim) if axis is None or i in _axes(x, axis)]
    order = [i for i in range(x.ndim) if i not in axes] + axes
    rows = x.data.transpose(order)
    leading = rows.shape[: x.ndim - len(axes)]
    flat = rows.reshape(*leading, int(np.prod(rows.shape[len(leading) :])))
    first = np.expand_dims(position(flat, axis=-1), -1)
    out = np.take_along_axis(flat, first, -1)

    def backward(grad: Array) -> tuple[Array | None, ...]:
        by_rows = np.zeros_like(flat)
        np.put_along_axis(by_rows, first, grad.reshape(first.shape), -1)
        return (by_rows.reshape(rows.shape).transpose(np.argsort(order)),)

    return record(out.reshape(kept if keepdims else leading), (x,), backward)


def _axes(x: Tensor, axis: int | tuple[int, ...]) -> tuple[int, ...]:
    return tuple(i % x.ndim for i in (axis if isinstance(axis, tuple) else (axis,)))


def _kept(x: Tensor, axis: Axis) -> tuple[int, ...]:
    """The shape of the reduced tensor with the reduced axes kept, as 1; NumPy's AxisError for an axis out of range."""
    if axis is None:
        return (1,) * x.ndim
    for i in axis if isinstance(axis, tuple) else (axis,):
        if not -x.ndim <= i < x.ndim:
            raise np.exceptions.AxisError(i, x.ndim)
    reduced = _axes(x, axis)
    return tuple(1 if i in reduced else n for i, n in enumerate(x.shape))
