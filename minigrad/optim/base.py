"""What all optimizers share: which parameters, at which rate, with which state. The rules are in files of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from numba import prange
from numba.extending import overload
from numba.np.unsafe.ndarray import to_fixed_tuple

from minigrad.arguments import check_state, number
from minigrad.jit import kernel
from minigrad.tensor import Array, Tensor

LearningRate = float | Callable[[int], float]  # what `lr` may be: a number, or a schedule
Params = Iterable[Tensor]


def unpack(coefficients: Array, n: int) -> tuple[Any, ...]:
    """The n coefficients as a tuple. Numba passes an array to a kernel in a fraction of the time that a tuple takes."""
    return tuple(coefficients)


@overload(unpack, prefer_literal=True)
def _unpack_compiled(coefficients, n):
    length = n.literal_value
    return lambda coefficients, n: to_fixed_tuple(coefficients, length)  # type: ignore[call-arg]  # Numba adds one


@kernel(parallel=True)
def add_decay(theta, grad, total, weight_decay):
    """L2 regularisation: the gradient of ½λθ² is added to the loss's."""
    for i in prange(theta.size):
        total[i] = grad[i] + weight_decay * theta[i]  # eq:l2-gradient


class ParamState:
    """What an optimizer keeps for one parameter: the rule's arrays, the number of updates and the last one's rate."""

    __slots__ = ("arguments", "arrays", "data", "in_place", "parameter", "rate", "shape", "t", "theta")

    def __init__(self, parameter: Tensor, names: tuple[str | None, ...]) -> None:
        data = getattr(parameter, "data", None)
        if not isinstance(data, np.ndarray) or data.dtype not in (np.float32, np.float64):
            raise TypeError(f"a parameter must be a float32 or float64 tensor, got {parameter!r}")
        self.parameter, self.shape = parameter, data.shape
        self.arrays = {name: np.zeros(data.size, data.dtype) for name in names if name}
        self.arguments = [self.arrays[name] if name else None for name in names]  # as the kernel takes them
        self.t, self.rate = 0, 0.0
        self.bind(data)

    def bind(self, data: Array) -> None:
        """Make `theta` a flat view of `data`; where `data` isn't contiguous, a flat copy, to be written back."""
        if data.shape != self.shape:
            raise ValueError(f"a parameter of shape {self.shape} was given data of shape {data.shape}")
        if not data.flags.writeable:
            raise ValueError(f"a parameter's data must be writable; this array of shape {data.shape} is read-only")
        self.data, self.theta, self.in_place = data, data.ravel(), data.flags.c_contiguous


class Optimizer:
    """Base of all rules: a rule is a class with a kernel, `update`, and the numbers that the kernel needs.

    `update(theta, grad, *arrays, coefficients)` is the kernel. It writes one parameter's data and arrays in place, all
    flat and of one dtype. `array_names` names the arrays, which are zero at first; for None the kernel gets None.
    `coefficients(rate, t)` returns the numbers for a parameter's t-th update, t = 1, 2, …, as a namedtuple. The kernel
    gets them as an array of the parameter's dtype, so that a float32 kernel computes in float32, and reads them by the
    same names: `c = AdamCoefficients(*unpack(coefficients, 8))`, then `c.beta1`. (The namedtuple is in the kernel's own
    file: Numba compiles a stored kernel anew only when that file has changed.)

    Parameters
    ----------
    params : iterable of Tensor
        float32 or float64, of any shape. One that occurs twice (tied weights) is updated once.
    lr : float or callable
        The rate η ≥ 0 of an update, or a schedule: a callable from the number of steps taken, 0 before the first, to
        the rate. A schedule is called once for each step.
    weight_decay : float
        λ ≥ 0. The rule gets g + λ·θ for the gradient g (L2 regularisation, as in PyTorch) or, where `decoupled`, θ
        shrinks by the factor 1 − η·λ before the rule sees it, and the gradient is left alone.

    Attributes
    ----------
    steps : int
        The number of calls of `step`.
    schedule : callable or None
        The schedule, if `lr` is one.

    Raises
    ------
    ValueError
        No parameters, one that is read-only, or a number out of its range.
    TypeError
        A parameter that isn't a floating tensor, or a setting that isn't a number.
    """

    update: Callable[..., None]
    array_names: tuple[str | None, ...] = ()
    decoupled = False
    schedule: Callable[[int], float] | None
    _scheduled_for: int | None  # the number of steps taken for which the schedule gave the rate in _lr

    def __init__(self, params: Params, lr: LearningRate, weight_decay: float = 0.0) -> None:
        unique = {id(parameter): parameter for parameter in params}
        if not unique:
            raise ValueError("an optimizer needs at least one parameter, got none")
        self._states = [ParamState(parameter, self.array_names) for parameter in unique.values()]
        self.steps = 0
        self.lr = lr
        self.weight_decay = number("weight_decay", weight_decay, least=0)

    @property
    def lr(self) -> float:
        """The rate that the next step will use, however often it is read. It may be set to a number or to a schedule.

        A schedule is called when its rate is first needed, and again after a step, `load_state_dict` or a new `lr`.
        ValueError or TypeError if what it returns isn't a finite number ≥ 0.
        """
        if self.schedule is not None and self._scheduled_for != self.steps:
            self._lr = number("the schedule's rate", self.schedule(self.steps), least=0)
            self._scheduled_for = self.steps
        return self._lr

    @lr.setter
    def lr(self, lr: LearningRate) -> None:
        if callable(lr):
            self.schedule, self._scheduled_for = lr, None
        else:
            self._lr, self.schedule = number("lr", lr, least=0), None

    def coefficients(self, rate: float, t: int) -> tuple[float, ...]:
        """The kernel's numbers for a parameter's t-th update, t ≥ 1, at the given rate: a namedtuple, in float64."""
        raise NotImplementedError

    def step(self) -> None:
        """Update every parameter that has a gradient; the others keep their data, their arrays and their t.

        Raises
        ------
        ValueError
            A gradient, or a parameter's new data, doesn't have the parameter's shape.
        """
        rate = self.lr
        computed_for: tuple[Any, int] | None = None  # most often all parameters share dtype and t: computed once
        for state in self._states:
            parameter = state.parameter
            grad, data = parameter.grad, parameter.data
            if grad is None:
                continue
            if grad.shape != state.shape:
                raise ValueError(f"a parameter of shape {state.shape} has a gradient of shape {grad.shape}")
            if data is not state.data or not state.in_place:
                state.bind(data)
            theta = state.theta
            state.t += 1
            state.rate = rate
            if computed_for != (theta.dtype, state.t):
                computed_for = theta.dtype, state.t
                coefficients = np.fromiter(self.coefficients(rate, state.t), theta.dtype)
            gradient = grad.ravel()
            if self.weight_decay and self.decoupled:
                theta *= 1 - rate * self.weight_decay  # eq:adamw-decay
            elif self.weight_decay:
                gradient = np.empty_like(theta)
                add_decay(theta, grad.ravel(), gradient, theta.dtype.type(self.weight_decay))
            self.update(theta, gradient, *state.arguments, coefficients)
            if not state.in_place:
                data[...] = theta.reshape(state.shape)
        self.steps += 1

    def zero_grad(self) -> None:
        """Set every parameter's gradient to None."""
        for state in self._states:
            state.parameter.grad = None

    def state_dict(self) -> dict[str, Any]:
        """Everything that a run needs to go on bit for bit: steps, a constant rate, and each parameter's t and arrays.

        The names are flat ("0.m" is the array m of the first parameter, itself flat), so that `numpy.savez` can store
        the result. The arrays are copies.
        """
        saved: dict[str, Any] = {"steps": self.steps} | ({} if self.schedule else {"lr": self._lr})
        for i, state in enumerate(self._states):
            saved |= {f"{i}.t": state.t, f"{i}.rate": state.rate}
            saved |= {f"{i}.{name}": array.copy() for name, array in state.arrays.items()}
        return saved

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from `state_dict()`'s result, in an optimizer made with the same settings for the same parameters.

        Raises
        ------
        ValueError
            A name is unknown or missing, or an array has the wrong size. Nothing is changed.
        """
        check_state(self, state, self.state_dict())
        self.lr = self.schedule or float(state["lr"])
        self.steps = int(state["steps"])
        for i, mine in enumerate(self._states):
            mine.t, mine.rate = int(state[f"{i}.t"]), float(state[f"{i}.rate"])
            for name, array in mine.arrays.items():
                array[...] = state[f"{i}.{name}"]
