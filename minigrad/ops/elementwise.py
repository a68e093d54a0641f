"""Elementwise arithmetic, functions and comparisons.

Operands are tensors, arrays or numbers. Their shapes broadcast as in NumPy; if they can't, a ValueError is raised. A
floating tensor keeps its dtype: numbers, lists and integer arrays are converted to it. Two floating dtypes give the
wider one. Each gradient has its operand's shape and dtype.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from minigrad.tensor import Array, Operand, Tensor, as_tensor, as_tensors, method, record


@method("__add__", "__radd__")
def add(x: Operand, y: Operand) -> Tensor:
    """Return x + y, broadcast; ∂/∂x = 1, ∂/∂y = 1."""
    x, y = as_tensors(x, y)
    return record(x.data + y.data, (x, y), lambda grad: (grad, grad))


@method("__sub__", reflected="__rsub__")
def sub(x: Operand, y: Operand) -> Tensor:
    """Return x - y, broadcast; ∂/∂x = 1, ∂/∂y = -1."""
    x, y = as_tensors(x, y)
    return record(x.data - y.data, (x, y), lambda grad: (grad, -grad))


@method("__mul__", "__rmul__")
def mul(x: Operand, y: Operand) -> Tensor:
    """Return x·y, broadcast; ∂/∂x = y, ∂/∂y = x."""
    x, y = as_tensors(x, y)
    a, b = x.data, y.data

    def backward(grad: Array) -> tuple[Array | None, ...]:
        grad_x = grad * b if x.requires_grad else None  # eq:mul-gradient
        grad_y = grad * a if y.requires_grad else None  # eq:mul-gradient
        return grad_x, grad_y

    return record(a * b, (x, y), backward)


@method("__truediv__", reflected="__rtruediv__")
def div(x: Operand, y: Operand) -> Tensor:
    """Return x / y, broadcast; ∂/∂x = 1/y, ∂/∂y = -x/y². Division by 0 gives ±infinity or NaN, as in NumPy."""
    x, y = as_tensors(x, y)
    b = y.data
    out = x.data / b

    def backward(grad: Array) -> tuple[Array | None, ...]:
        return grad / b if x.requires_grad else None, -grad * out / b if y.requires_grad else None

    return record(out, (x, y), backward)


@method("__pow__", reflected="__rpow__")
def power(x: Operand, y: Operand) -> Tensor:
    """Return x^y, broadcast; ∂/∂x = y·x^(y-1) (0 where y = 0), ∂/∂y = x^y·ln x (0 where x = 0 and y ≥ 0)."""
    x, y = as_tensors(x, y)
    a, b = x.data, y.data
    out = a**b

    def backward(grad: Array) -> tuple[Array | None, ...]:
        grad_x = grad_y = None
        if x.requires_grad:
            grad_x = grad * np.where(b == 0, 0, b * a ** np.where(b == 0, 1, b - 1))
        if y.requires_grad:
            flat = (a == 0) & (b >= 0)
            grad_y = grad * np.where(flat, 0, out * np.log(np.where(flat, 1, a)))
        return grad_x, grad_y

    return record(out, (x, y), backward)


@method("__neg__")
def neg(x: Operand) -> Tensor:
    """Return -x, in the shape of x; ∂/∂x = -1."""
    x = as_tensor(x)
    return record(-x.data, (x,), lambda grad: (-grad,))


@method("abs", "__abs__")
def abs(x: Operand) -> Tensor:
    """Return the absolute value of x, in the shape of x; ∂/∂x = sign x, which is 0 at 0."""
    x = as_tensor(x)
    a = x.data
    return record(np.abs(a), (x,), lambda grad: (grad * np.sign(a),))


@method("exp")
def exp(x: Operand) -> Tensor:
    """Return e^x, in the shape of x; ∂/∂x = e^x."""
    x = as_tensor(x)
    out = np.exp(x.data)
    return record(out, (x,), lambda grad: (grad * out,))


@method("log")
def log(x: Operand) -> Tensor:
    """Return the natural logarithm of x, in the shape of x; ∂/∂x = 1/x. NaN where x < 0, -infinity at 0."""
    x = as_tensor(x)
    a = x.data
    return record(np.log(a), (x,), lambda grad: (grad / a,))


@method("sqrt")
def sqrt(x: Operand) -> Tensor:
    """Return √x, in the shape of x; ∂/∂x = 1/(2√x). NaN where x < 0."""
    x = as_tensor(x)
    out = np.sqrt(x.data)
    return record(out, (x,), lambda grad: (grad / (2 * out),))


@method("tanh")
def tanh(x: Operand) -> Tensor:
    """Return tanh x, in the shape of x; ∂/∂x = 1 - tanh² x."""
    x = as_tensor(x)
    out = np.tanh(x.data)
    return record(out, (x,), lambda grad: (grad * (1 - out * out),))


@method("sigmoid")
def sigmoid(x: Operand) -> Tensor:
    """Return σ(x) = 1/(1 + e^-x), in the shape of x; ∂/∂x = σ·(1 - σ).

    All exponents are ≤ 0, so nothing overflows.
    """
    x = as_tensor(x)
    small = np.exp(-np.abs(x.data))
    out = np.where(x.data >= 0, 1, small) / (1 + small)
    return record(out, (x,), lambda grad: (grad * out * (1 - out),))


@method("clip")
def clip(x: Operand, low: float | None = None, high: float | None = None) -> Tensor:
    """Limit x to [low, high], in the shape of x; ∂/∂x = 1 where low ≤ x ≤ high, else 0.

    Parameters
    ----------
    x
        Of any shape.
    low, high
        Numbers, or None for no limit on that side.

    Raises
    ------
    ValueError
        If neither limit is given, or low > high.
    """
    if low is None and high is None:
        raise ValueError("clip needs a lower or an upper limit; both are None")
    if low is not None and high is not None and low > high:
        raise ValueError(f"clip needs low <= high; got low={low}, high={high}")
    x = as_tensor(x)
    out = np.clip(x.data, low, high)
    return record(out, (x,), lambda grad: (grad * (out == x.data),))


@method("maximum")
def maximum(x: Operand, y: Operand) -> Tensor:
    """Return the elementwise maximum, broadcast; the larger of x and y gets the gradient, each half of it if x = y."""
    x, y = as_tensors(x, y)
    a, b = x.data, y.data

    def backward(grad: Array) -> tuple[Array | None, ...]:
        half = (grad / 2) * (a == b)
        return grad * (a > b) + half, grad * (b > a) + half

    return record(np.maximum(a, b), (x, y), backward)


def where(condition: Operand, x: Operand, y: Operand) -> Tensor:
    """Return x where `condition` holds, else y; the gradient goes to the operand that was chosen.

    Parameters
    ----------
    condition
        Booleans: a tensor, array or list. It gets no gradient.
    x, y
        Tensors, arrays or numbers. The three shapes broadcast.
    """
    x, y = as_tensors(x, y)
    chosen = np.asarray(condition.data if isinstance(condition, Tensor) else condition, bool)

    def backward(grad: Array) -> tuple[Array | None, ...]:
        return np.where(chosen, grad, 0), np.where(chosen, 0, grad)

    return record(np.where(chosen, x.data, y.data), (x, y), backward)


def _comparison(compare: Callable[[Array, Array], Array]) -> Callable[[Operand, Operand], Tensor]:
    def op(x: Operand, y: Operand) -> Tensor:
        x, y = as_tensors(x, y)
        return Tensor(np.asarray(compare(x.data, y.data)))

    return op


# Elementwise, broadcast; the result is a boolean tensor, without gradient.
method("__lt__")(_comparison(np.less))
method("__le__")(_comparison(np.less_equal))
method("__gt__")(_comparison(np.greater))
method("__ge__")(_comparison(np.greater_equal))
method("__eq__")(_comparison(np.equal))
method("__ne__")(_comparison(np.not_equal))
