"""What all optimizers share: which parameters, at which rate, with which state. The rules are in files of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

import numpy as np
from numba import prange
from numba.extending import overload
from numba.np.unsafe.ndarray import to_fixed_tuple

from minigrad.arguments import check_state, number
from minigrad.jit import kernel
from minigrad.tensor import Array

Rate = float | Callable[[int], float]


class Parameter(Protocol):
    """What an optimizer needs of a parameter; a Tensor has it."""

    data: Array
    grad: Array | None


Params = Iterable[Parameter]


def unpack(constants: Array, n: int) -> tuple[Any, ...]:
    """The n constants one by one. To hand a kernel eight numbers takes twice as long as to hand it an array of them."""
    return tuple(constants)


@overload(unpack, prefer_literal=True)
def _unpack_compiled(constants, n):
    length = n.literal_value
    return lambda constants, n: to_fixed_tuple(constants, length)  # type: ignore[call-arg]  # Numba adds one


@kernel(parallel=True)
def add_decay(theta, grad, total, weight_decay):
    """L2 regularisation: the gradient of ½λθ² is added to the loss's."""
    for i in prange(theta.size):
        total[i] = grad[i] + weight_decay * theta[i]  # eq:l2-gradient


@kernel(parallel=True)
def shrink(theta, factor):
    """Decoupled weight decay: factor = 1 − ηλ."""
    for i in prange(theta.size):
        theta[i] *= factor  # eq:adamw-decay


class Slot:
    """A parameter, a flat view of its data, the rule's arrays for it, its number of updates and the last one's rate."""

    __slots__ = ("arrays", "data", "in_place", "parameter", "rate", "shape", "state", "t", "theta")

    def __init__(self, parameter: Parameter, names: tuple[str | None, ...]) -> None:
        data = getattr(parameter, "data", None)
        if not isinstance(data, np.ndarray) or data.dtype not in (np.float32, np.float64):
            raise TypeError(f"a parameter must be a float32 or float64 tensor, got {parameter!r}")
        self.parameter = parameter
        self.shape = data.shape
        self.state = {name: np.zeros(data.size, data.dtype) for name in names if name}
        self.arrays = [self.state[name] if name else None for name in names]
        self.t = 0
        self.rate = 0.0
        self.take_up(data)

    def take_up(self, data: Array) -> None:
        """Let `theta` be a flat view of `data`; a flat copy, to be written back, where `data` isn't contiguous."""
        if data.shape != self.shape:
            raise ValueError(f"a parameter of shape {self.shape} was given data of shape {data.shape}")
        if not data.flags.writeable:
            raise ValueError(f"a parameter's data must be writable; this array of shape {data.shape} is read-only")
        self.data = data
        self.theta = data.ravel()
        self.in_place = data.flags.c_contiguous


class Optimizer:
    """Base of all rules. A rule is a kernel and a small class that says which numbers the kernel gets.

    `update(theta, grad, *arrays, constants)` is the kernel: it writes one parameter's flat data and arrays in place.
    `arrays` names those arrays, which are zero at first; None stands for one that the rule's settings don't need.
    `constants(rate, t)` gives the numbers for a parameter's t-th update, t = 1, 2, …; the kernel gets them as one array
    of the parameter's dtype, so that a float32 kernel computes in float32.

    Parameters
    ----------
    params
        Tensors. One that occurs twice (tied weights) is updated once.
    lr
        The rate η ≥ 0, or a schedule: a callable from the number of steps taken, 0 before the first, to the rate.
    weight_decay
        λ ≥ 0. The rule gets g + λ·θ for the gradient g (L2 regularisation, PyTorch's way) or, where `decoupled`, θ
        shrinks by the factor 1 − η·λ before the rule sees it, and the gradient is left alone.

    Raises
    ------
    ValueError, TypeError
        For no parameters, parameters that aren't floating tensors, and numbers out of their range.
    """

    update: Callable[..., None]
    arrays: tuple[str | None, ...] = ()
    decoupled = False
    schedule: Callable[[int], float] | None

    def __init__(self, params: Params, lr: Rate, weight_decay: float = 0.0) -> None:
        unique = {id(parameter): parameter for parameter in params}
        if not unique:
            raise ValueError("an optimizer needs at least one parameter, got none")
        self._slots = [Slot(parameter, self.arrays) for parameter in unique.values()]
        self.steps = 0
        self.lr = lr
        self.weight_decay = number("weight_decay", weight_decay, least=0)

    @property
    def lr(self) -> float:
        """The rate that the next step will use. It may be set to a number or to a schedule."""
        return self._lr if self.schedule is None else number("the schedule's rate", self.schedule(self.steps), least=0)

    @lr.setter
    def lr(self, lr: Rate) -> None:
        if callable(lr):
            self.schedule = lr
        else:
            self._lr, self.schedule = number("lr", lr, least=0), None

    def constants(self, rate: float, t: int) -> tuple[float, ...]:
        raise NotImplementedError

    def step(self) -> None:
        """Update every parameter that has a gradient; the others keep their data, their arrays and their t."""
        rate = self.lr
        constants_for: tuple[Any, int] | None = None  # most often all parameters share dtype and t: computed once
        for slot in self._slots:
            parameter = slot.parameter
            grad, data = parameter.grad, parameter.data
            if grad is None:
                continue
            if grad.shape != slot.shape:
                raise ValueError(f"a parameter of shape {slot.shape} has a gradient of shape {grad.shape}")
            if data is not slot.data or not slot.in_place:
                slot.take_up(data)
            theta = slot.theta
            slot.t += 1
            slot.rate = rate
            if constants_for != (theta.dtype, slot.t):
                constants_for = theta.dtype, slot.t
                constants = np.array(self.constants(rate, slot.t), theta.dtype)
            gradient = grad.ravel()
            if self.weight_decay:
                gradient = self._decay(theta, gradient, rate)
            self.update(theta, gradient, *slot.arrays, constants)
            if not slot.in_place:
                data[...] = theta.reshape(slot.shape)
        self.steps += 1

    def _decay(self, theta: Array, gradient: Array, rate: float) -> Array:
        """Apply the weight decay: to `theta`, in place, or to the gradient that is returned."""
        if self.decoupled:
            shrink(theta, theta.dtype.type(1 - rate * self.weight_decay))
            return gradient
        total = np.empty_like(theta)
        add_decay(theta, gradient, total, theta.dtype.type(self.weight_decay))
        return total

    def zero_grad(self) -> None:
        """Forget every parameter's gradient."""
        for slot in self._slots:
            slot.parameter.grad = None

    def state_dict(self) -> dict[str, Any]:
        """Everything that a run needs to go on bit for bit: steps, a constant rate, and each parameter's t and arrays.

        The names are flat ("0.m" is the array m of the first parameter), so that `numpy.savez` can store the result.
        """
        state: dict[str, Any] = {"steps": self.steps} | ({} if self.schedule else {"lr": self._lr})
        for i, slot in enumerate(self._slots):
            state |= {f"{i}.t": slot.t, f"{i}.rate": slot.rate}
            state |= {f"{i}.{name}": array.copy() for name, array in slot.state.items()}
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from `state_dict()`'s result, in an optimizer made with the same settings for the same parameters.

        Raises ValueError, and changes nothing, if a name is unknown or missing or an array has the wrong size.
        """
        check_state(self, state, self.state_dict())
        if self.schedule is None:
            self.lr = float(state["lr"])
        self.steps = int(state["steps"])
        for i, slot in enumerate(self._slots):
            slot.t, slot.rate = int(state[f"{i}.t"]), float(state[f"{i}.rate"])
            for name, array in slot.state.items():
                array[...] = state[f"{i}.{name}"]
