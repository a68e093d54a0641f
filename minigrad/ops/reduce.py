"""Reductions over one axis, several or all. The dtype is kept."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from minigrad.tensor import Array, Axis, Operand, Tensor, as_tensor, method, record


@method("sum")
def sum(x: Operand, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the sum of the entries; ∂/∂x = 1.

    Parameters
    ----------
    x
        Of any shape.
    axis
        An axis, a tuple of axes, or None for all.
    keepdims
        Keep the reduced axes, with length 1.

    Raises
    ------
    ValueError
        If x has no such axis.
    """
    x = as_tensor(x)
    kept = _kept(x, _axes(x, axis))
    shape = x.shape

    def backward(grad: Array) -> tuple[Array | None, ...]:
        return (np.broadcast_to(grad.reshape(kept), shape),)

    return record(x.data.sum(axis=axis, keepdims=keepdims), (x,), backward)


@method("mean")
def mean(x: Operand, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the mean of the entries; ∂/∂x = 1/n, where n is their number.

    Parameters
    ----------
    x
        Of any shape.
    axis
        An axis, a tuple of axes, or None for all.
    keepdims
        Keep the reduced axes, with length 1.

    Raises
    ------
    ValueError
        If x is empty or has no such axis.
    """
    x = as_tensor(x)
    if x.size == 0:
        raise ValueError(f"mean of an empty tensor of shape {x.shape}")
    total = sum(x, axis, keepdims)
    return total / (x.size // total.size)


@method("max")
def max(x: Operand, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the largest entry; the gradient goes to it, or to the first of several equal ones.

    Parameters
    ----------
    x
        Of any shape.
    axis
        An axis, a tuple of axes, or None for all.
    keepdims
        Keep the reduced axes, with length 1.

    Raises
    ------
    ValueError
        If x is empty or has no such axis.
    """
    return _extremum(x, axis, keepdims, np.argmax)


@method("min")
def min(x: Operand, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the smallest entry; the gradient goes to it, or to the first of several equal ones.

    Parameters
    ----------
    x
        Of any shape.
    axis
        An axis, a tuple of axes, or None for all.
    keepdims
        Keep the reduced axes, with length 1.

    Raises
    ------
    ValueError
        If x is empty or has no such axis.
    """
    return _extremum(x, axis, keepdims, np.argmin)


def _extremum(x: Operand, axis: Axis, keepdims: bool, position: Callable[..., Array]) -> Tensor:
    x = as_tensor(x)
    axes = _axes(x, axis)
    order = [i for i in range(x.ndim) if i not in axes] + sorted(axes)
    rows = x.data.transpose(order)
    leading = rows.shape[: x.ndim - len(axes)]
    flat = rows.reshape(*leading, int(np.prod(rows.shape[len(leading) :])))
    first = np.expand_dims(position(flat, axis=-1), -1)
    out = np.take_along_axis(flat, first, -1)

    def backward(grad: Array) -> tuple[Array | None, ...]:
        grad_rows = np.zeros_like(flat)
        np.put_along_axis(grad_rows, first, grad.reshape(first.shape), -1)
        return (grad_rows.reshape(rows.shape).transpose(np.argsort(order)),)

    return record(out.reshape(_kept(x, axes) if keepdims else leading), (x,), backward)


def _axes(x: Tensor, axis: Axis) -> tuple[int, ...]:
    """Return the axes to reduce, counted from 0; raises NumPy's AxisError if one is out of range."""
    return tuple(range(x.ndim)) if axis is None else normalize_axis_tuple(axis, x.ndim)


def _kept(x: Tensor, axes: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of the reduced tensor with the reduced axes kept, of length 1."""
    return tuple(1 if i in axes else n for i, n in enumerate(x.shape))
