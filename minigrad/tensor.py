"""A NumPy array that records how it was computed, and reverse-mode differentiation of that record."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

Array = NDArray[Any]
Backward = Callable[[Array], tuple["Array | None", ...]]
Record = tuple[int, tuple["Tensor", ...], Backward]  # stamp, parents, backward function
Op = TypeVar("Op", bound=Callable[..., Any])

_stamps = itertools.count(-1, -1)  # a newer tensor has a smaller stamp; for leaves `backward` uses their ids, > 0
_new = object.__new__


class _Mode(threading.local):
    recording = True


_mode = _Mode()


@contextmanager
def no_grad() -> Iterator[None]:
    """Record nothing within this block or, as a decorator, within this function.

    The results don't require a gradient. Other threads still record.
    """
    previous, _mode.recording = _mode.recording, False
    try:
        yield
    finally:
        _mode.recording = previous


class Tensor:
    """An array with a gradient.

    Operators and methods are the functions of `minigrad.ops`: each records how its result was computed.

    Parameters
    ----------
    data
        Numbers of any shape. Python numbers and lists become float32. An ndarray keeps its dtype and is shared, not
        copied, unless `requires_grad` is set (an optimizer may then write to it).
    requires_grad
        Whether `backward()` should store its gradient in `grad`. Needs a floating dtype.

    Attributes
    ----------
    data : numpy.ndarray
        The values, which may be assigned; a 0-d array is a scalar.
    grad : numpy.ndarray or None
        The sum of the gradients of all `backward()` calls since `zero_grad()`, of the shape and dtype of `data`. Only
        leaves have one. It may be assigned.
    requires_grad : bool
        True for a leaf created with it, and for every result computed from such a leaf.

    Raises
    ------
    TypeError
        If `data` isn't numeric, or is integer or boolean with `requires_grad`.
    """

    __slots__ = ("__weakref__", "_record", "data", "grad", "requires_grad")
    __array_ufunc__ = None  # ndarray + Tensor calls Tensor.__radd__; np.exp(tensor) is an error, not a detached array

    def __init__(self, data: ArrayLike | Tensor, requires_grad: bool = False) -> None:
        self.data: Array = _to_array(data, copy=requires_grad)
        if requires_grad and self.data.dtype.kind != "f":
            raise TypeError(f"only a floating tensor can require a gradient; this one's dtype is {self.data.dtype}")
        self.grad: Array | None = None
        self.requires_grad = requires_grad
        self._record: Record | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """The length of each axis, as a tuple."""
        return self.data.shape

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self.data.ndim

    @property
    def size(self) -> int:
        """The number of entries."""
        return self.data.size

    @property
    def dtype(self) -> np.dtype[Any]:
        """The NumPy dtype of `data`."""
        return self.data.dtype

    def item(self) -> float:
        """Return the only entry as a Python number; ValueError if there isn't exactly one."""
        if self.size != 1:
            raise ValueError(f"item() needs a tensor with one entry; this one has shape {self.shape}")
        number: float = self.data.item()
        return number

    def numpy(self) -> Array:
        """Return `data` itself, not a copy."""
        return self.data

    def detach(self) -> Tensor:
        """Return a tensor that shares `data`, has no history and requires no gradient."""
        return Tensor(self.data)

    def zero_grad(self) -> None:
        """Set `grad` to None."""
        self.grad = None

    def backward(self, grad: ArrayLike | None = None) -> None:
        """Compute the gradient for every leaf that this tensor was computed from, and add it to the leaf's `grad`.

        A tensor is always recorded after its parents. The graph is visited from the newest tensor to the oldest, so
        every result that uses a tensor is visited before the tensor itself, whose gradient is then complete. Each
        tensor is visited once, and its record is freed.

        Parameters
        ----------
        grad
            ∂L/∂(this tensor), where L is the quantity to differentiate: an array of this tensor's shape. The
            default is 1, for a tensor with one entry.

        Raises
        ------
        ValueError
            If this tensor requires no gradient, if `grad` is missing or has the wrong shape, or if the graph was
            already freed by an earlier `backward()`.
        """
        key = id(self) if self._record is None else self._record[0]
        totals = {key: (self, self._start(grad))}
        newest_first = [] if self._record is None else [key]
        while newest_first:
            tensor, upstream = totals.pop(heappop(newest_first))
            stamp, parents, backward = tensor._record  # type: ignore[misc]
            gradients = backward(upstream)  # eq:vjp
            for parent, gradient in zip(parents, gradients, strict=True):
                if gradient is None or not parent.requires_grad:
                    continue
                data = parent.data
                if gradient.shape != data.shape or gradient.dtype is not data.dtype:
                    gradient = _match(gradient, data)
                key = id(parent) if parent._record is None else parent._record[0]
                if key in totals:
                    gradient = totals[key][1] + gradient  # eq:accumulate
                elif key < 0:
                    heappush(newest_first, key)
                totals[key] = parent, gradient
            tensor._record = stamp, (), _freed
        for leaf, gradient in totals.values():
            leaf.grad = np.array(gradient) if leaf.grad is None else leaf.grad + gradient

    def _start(self, grad: ArrayLike | None) -> Array:
        if not self.requires_grad:
            raise ValueError("backward() needs a tensor that requires a gradient, or was computed from one that does")
        if grad is None:
            if self.size != 1:
                raise ValueError(f"backward() without grad needs a scalar; this tensor has shape {self.shape}")
            return np.ones_like(self.data)
        start = np.asarray(grad.data if isinstance(grad, Tensor) else grad, self.dtype)
        if start.shape != self.shape:
            raise ValueError(f"backward() needs grad of shape {self.shape}; got shape {start.shape}")
        return start

    def __len__(self) -> int:
        if self.ndim == 0:
            raise TypeError("len() of a 0-d tensor")
        return len(self.data)

    def __iter__(self) -> Iterator[Tensor]:
        return (self[i] for i in range(len(self)))

    def __bool__(self) -> bool:
        return bool(self.item())

    def __float__(self) -> float:
        return float(self.item())

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> Array:
        return np.array(self.data, dtype, copy=copy)

    def __repr__(self) -> str:
        values = np.array2string(self.data, separator=", ", prefix="Tensor(", threshold=50)
        dtype = "" if self.dtype == np.float32 else f", dtype={self.dtype}"
        return f"Tensor({values}{dtype}{', requires_grad=True' if self.requires_grad else ''})"

    def __reduce__(self) -> tuple[Any, ...]:
        if self._record is not None:
            raise TypeError("only leaves can be copied or pickled; detach() this tensor from its graph first")
        return _rebuild, (self.data, self.grad, self.requires_grad)

    __hash__ = object.__hash__

    if TYPE_CHECKING:  # the signatures of the methods that minigrad.ops attaches
        T: Tensor

        def _unary(self) -> Tensor: ...
        def _binary(self, other: Operand) -> Tensor: ...
        def _reduction(self, axis: Axis = None, keepdims: bool = False) -> Tensor: ...
        def __getitem__(self, index: Any) -> Tensor: ...
        def clip(self, low: float | None = None, high: float | None = None) -> Tensor: ...
        def reshape(self, *shape: int | tuple[int, ...]) -> Tensor: ...
        def transpose(self, *axes: int | tuple[int, ...]) -> Tensor: ...

        __neg__ = __abs__ = abs = exp = log = sqrt = tanh = sigmoid = relu = _unary
        __add__ = __sub__ = __mul__ = __truediv__ = __pow__ = __matmul__ = maximum = _binary
        __radd__ = __rsub__ = __rmul__ = __rtruediv__ = __rpow__ = __rmatmul__ = _binary
        __lt__ = __le__ = __gt__ = __ge__ = _binary
        __eq__ = __ne__ = _binary  # type: ignore[assignment]  # elementwise; object's returns one bool
        sum = mean = max = min = _reduction


Operand = Tensor | ArrayLike
Axis = int | tuple[int, ...] | None


def record(data: Array, parents: tuple[Tensor, ...], backward: Backward) -> Tensor:
    """Create the result of an op: a tensor that records its parents and how to pass a gradient on to them.

    Under `no_grad`, or if no parent requires a gradient, it records nothing.

    Parameters
    ----------
    data
        The op's value.
    parents
        The tensors it was computed from.
    backward
        A function that takes the gradient for `data` and returns a tuple with a gradient, or None, for each parent.
        `Tensor.backward` undoes broadcasting, casts the dtype and copies shared memory.
    """
    out = _new(Tensor)
    out.data = data if type(data) is np.ndarray else np.asarray(data)
    out.grad = out._record = None
    out.requires_grad = False
    if _mode.recording:
        for parent in parents:
            if parent.requires_grad:
                out.requires_grad = True
                out._record = next(_stamps), parents, backward
                break
    return out


def as_tensor(value: Operand, like: Tensor | None = None) -> Tensor:
    """Turn an operand into a tensor; numbers, lists and integer arrays take the dtype of a floating tensor `like`."""
    if isinstance(value, Tensor):
        if like is None or value.dtype.kind == "f" or like.dtype.kind != "f":
            return value
        return _constant(value.data.astype(like.dtype))
    if like is None:
        return Tensor(value)
    dtype = like.dtype
    array = _real(value)
    if dtype.kind != "f":
        return _constant(array if array.dtype.kind != "f" else _to_array(value))
    own = isinstance(value, np.ndarray) and array.dtype.kind == "f"
    return _constant(array if own else array.astype(dtype))


def as_tensors(x: Operand, y: Operand) -> tuple[Tensor, Tensor]:
    """Turn the two operands of an op into tensors, each with the other as its `like`."""
    if isinstance(x, Tensor) and type(y) is float and x.data.dtype.kind == "f":  # a fast path for the common case
        return x, _constant(np.array(y, x.data.dtype))
    first = x if isinstance(x, Tensor) else as_tensor(x, y if isinstance(y, Tensor) else None)
    second = as_tensor(y, first)
    return first if first.data.dtype is second.data.dtype else as_tensor(first, second), second


def method(*names: str, reflected: str = "") -> Callable[[Op], Op]:
    """Attach an op to Tensor under these names and, with its operands swapped, under the name `reflected`."""

    def attach(op: Op) -> Op:
        for name in names:
            setattr(Tensor, name, op)
        if reflected:
            setattr(Tensor, reflected, lambda y, x: op(x, y))
        return op

    return attach


def _constant(array: Array) -> Tensor:
    tensor = _new(Tensor)
    tensor.data = array
    tensor.grad = tensor._record = None
    tensor.requires_grad = False
    return tensor


def _real(data: Any) -> Array:
    array = np.asarray(data)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"a tensor holds real numbers; got {type(data).__name__} of dtype {array.dtype}")
    return array


def _to_array(data: Any, copy: bool = False) -> Array:
    if isinstance(data, Tensor):
        data = data.data
    array = _real(data)
    if not isinstance(data, np.ndarray | np.generic):
        return array.astype(np.float32)
    return array.copy() if copy else array


def _match(gradient: Array, data: Array) -> Array:
    """Undo broadcasting: sum `gradient` over the axes along which `data` was repeated; cast it to `data`'s dtype."""
    if gradient.shape != data.shape:
        extra = gradient.ndim - data.ndim
        repeated = [extra + i for i, n in enumerate(data.shape) if n == 1 and gradient.shape[extra + i] != 1]
        gradient = gradient.sum(axis=(*range(extra), *repeated))  # eq:unbroadcast
        gradient = gradient.reshape(data.shape)
    return gradient if gradient.dtype == data.dtype else gradient.astype(data.dtype)


def _freed(gradient: Array) -> tuple[None, ...]:
    raise ValueError("this graph was already freed by an earlier backward(): compute the result again first")


def _rebuild(data: Array, grad: Array | None, requires_grad: bool) -> Tensor:
    tensor = Tensor(data, requires_grad)
    tensor.grad = grad
    return tensor
