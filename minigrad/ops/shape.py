"""Reshaping, joining and indexing. The gradients move back to where the entries came from. The dtype is kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.tensor import Array, Operand, Tensor, as_tensor, method, record


@method("reshape")
def reshape(x: Operand, *shape: int | tuple[int, ...]) -> Tensor:
    """Return the same entries in another shape, given as a tuple or as several numbers; one may be -1.

    Raises
    ------
    ValueError
        If the shape has a different number of entries.
    """
    x = as_tensor(x)
    before = x.shape
    return record(x.data.reshape(*shape), (x,), lambda grad: (grad.reshape(before),))  # type: ignore[arg-type]


@method("transpose")
def transpose(x: Operand, *axes: int | tuple[int, ...]) -> Tensor:
    """Return the tensor with its axes in another order, given as a tuple or as several numbers; by default reversed.

    Raises
    ------
    ValueError
        If the order doesn't name each axis once.
    """
    x = as_tensor(x)
    out = x.data.transpose(*axes)
    order = axes[0] if axes and isinstance(axes[0], tuple) else axes
    back = np.argsort([i % x.ndim for i in order]) if order else None  # type: ignore[operator]
    return record(out, (x,), lambda grad: (grad.transpose(back),))


Tensor.T = property(transpose)  # type: ignore[assignment,arg-type]


@method("__getitem__")
def getitem(x: Operand, index: Any) -> Tensor:
    """Return x[index], with NumPy's indexing; an entry taken several times gets the sum of the gradients.

    Raises
    ------
    IndexError
        If an index is out of range.
    """
    x = as_tensor(x)
    parts = index if isinstance(index, tuple) else (index,)
    parts = tuple(part.data if isinstance(part, Tensor) else part for part in parts)
    basic = all(part is None or part is Ellipsis or isinstance(part, int | slice | np.integer) for part in parts)
    shape, dtype = x.shape, x.dtype

    def backward(grad: Array) -> tuple[Array | None, ...]:
        grad_x = np.zeros(shape, dtype)
        if basic:
            grad_x[parts] = grad
        else:
            np.add.at(grad_x, parts, grad)
        return (grad_x,)

    return record(x.data[parts], (x,), backward)


def concatenate(tensors: Sequence[Operand], axis: int = 0) -> Tensor:
    """Join tensors along an existing axis; each gets its part of the gradient.

    Parameters
    ----------
    tensors
        A sequence of tensors or arrays, at least one. Their shapes may differ along `axis` only.
    axis
        The axis to join along.

    Raises
    ------
    ValueError
        If there is no tensor, or their shapes don't match.
    """
    parents = _like_each_other(tensors, "concatenate")
    out = np.concatenate([x.data for x in parents], axis)
    ends = np.cumsum([x.shape[axis] for x in parents])[:-1]
    return record(out, parents, lambda grad: tuple(np.split(grad, ends, axis)))


def stack(tensors: Sequence[Operand], axis: int = 0) -> Tensor:
    """Join tensors along a new axis; each gets its part of the gradient.

    Parameters
    ----------
    tensors
        A sequence of tensors or arrays of the same shape, at least one.
    axis
        The position of the new axis in the result.

    Raises
    ------
    ValueError
        If there is no tensor, or their shapes differ.
    """
    parents = _like_each_other(tensors, "stack")
    out = np.stack([x.data for x in parents], axis)
    return record(out, parents, lambda grad: tuple(np.moveaxis(grad, axis, 0)))


def _like_each_other(tensors: Sequence[Operand], name: str) -> tuple[Tensor, ...]:
    if len(tensors) == 0:
        raise ValueError(f"{name} needs at least one tensor; got none")
    like = next((x for x in tensors if isinstance(x, Tensor) and x.dtype.kind == "f"), None)
    return tuple(as_tensor(x, like) for x in tensors)
