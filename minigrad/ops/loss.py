"""Softmax and the two losses."""

from __future__ import annotations

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from minigrad.tensor import Array, Operand, Tensor, as_tensor, as_tensors, record


def softmax(x: Operand, axis: int = -1) -> Tensor:
    """Return p = e^x / Σ e^x along `axis`, in the shape and dtype of x; ∂L/∂x = p·(∂L/∂p - Σ p·∂L/∂p).

    The largest x is subtracted first, so nothing overflows.

    Raises
    ------
    ValueError
        If x has no such axis.
    """
    x = _checked(x, axis)
    p = np.exp(_log_probabilities(x.data, axis))  # eq:softmax
    return record(p, (x,), lambda grad: (p * (grad - (grad * p).sum(axis, keepdims=True)),))


def log_softmax(x: Operand, axis: int = -1) -> Tensor:
    """Return log p = x - log Σ e^x along `axis`, in the shape and dtype of x; ∂L/∂x = ∂L/∂log p - p·Σ ∂L/∂log p.

    It is finite wherever x is.

    Raises
    ------
    ValueError
        If x has no such axis.
    """
    x = _checked(x, axis)
    log_p = _log_probabilities(x.data, axis)
    return record(log_p, (x,), lambda grad: (grad - np.exp(log_p) * grad.sum(axis, keepdims=True),))


def cross_entropy(logits: Operand, labels: Operand) -> Tensor:
    """Return the mean over the batch of -log softmax(logits)[label]; ∂/∂logits = (p - onehot(label)) / n.

    Parameters
    ----------
    logits
        (n, classes), floating.
    labels
        (n,), integers from 0 to classes - 1.

    Returns
    -------
    Tensor
        A scalar, in nats, of the dtype of `logits`.

    Raises
    ------
    ValueError
        If the shapes don't match, the batch is empty or a label is out of range.
    TypeError
        If the labels aren't integers.
    """
    logits = as_tensor(logits)
    target = np.asarray(labels.data if isinstance(labels, Tensor) else labels)
    if logits.ndim != 2 or logits.size == 0 or target.shape != logits.shape[:1]:
        raise ValueError(
            f"cross_entropy needs logits (n, classes) and labels (n,); got shapes {logits.shape} and {target.shape}"
        )
    if target.dtype.kind not in "iu":
        raise TypeError(f"cross_entropy needs integer labels; got {target.dtype}")
    if target.min() < 0 or target.max() >= logits.shape[1]:
        raise ValueError(
            f"labels must be from 0 to {logits.shape[1] - 1}; got values from {target.min()} to {target.max()}"
        )
    n, log_p = len(target), _log_probabilities(logits.data, 1)
    rows = np.arange(n)

    def backward(grad: Array) -> tuple[Array | None, ...]:
        grad_logits = np.exp(log_p)
        grad_logits[rows, target] -= 1
        grad_logits *= grad / n  # eq:cross-entropy-gradient
        return (grad_logits,)

    return record(-log_p[rows, target].mean(), (logits,), backward)  # eq:cross-entropy


def mse_loss(x: Operand, y: Operand) -> Tensor:
    """Return the mean of (x - y)² over all n entries; ∂/∂x = 2(x - y)/n, ∂/∂y = -∂/∂x.

    Parameters
    ----------
    x, y
        Of the same shape.

    Returns
    -------
    Tensor
        A scalar.

    Raises
    ------
    ValueError
        If the shapes differ (broadcasting here is nearly always a mistake), or there are no entries.
    """
    x, y = as_tensors(x, y)
    if x.shape != y.shape or x.size == 0:
        raise ValueError(f"mse_loss needs two non-empty tensors of the same shape; got {x.shape} and {y.shape}")
    difference = x.data - y.data

    def backward(grad: Array) -> tuple[Array | None, ...]:
        grad_x = difference * (2 * grad / x.size)
        return grad_x, -grad_x

    return record((difference * difference).mean(), (x, y), backward)


def _checked(x: Operand, axis: int) -> Tensor:
    x = as_tensor(x)
    normalize_axis_index(axis, x.ndim)  # raises NumPy's AxisError if there is no such axis
    return x


def _log_probabilities(x: Array, axis: int) -> Array:
    shifted = x - x.max(axis, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis, keepdims=True))  # eq:softmax
