"""The base class of all optimizers: parameters, learning rate and state. Each rule has its own file."""

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

LearningRate = float | Callable[[int], float]  # a number, or a schedule
Params = Iterable[Tensor]


def unpack(coefficients: Array, n: int) -> tuple[Any, ...]:
    """Return the n coefficients as a tuple. (Numba passes an array to a kernel much faster than a tuple.)"""
    return tuple(coefficients)


@overload(unpack, prefer_literal=True)
def _unpack_compiled(coefficients, n):
    length = n.literal_value
    return lambda coefficients, n: to_fixed_tuple(coefficients, length)  # type: ignore[call-arg]  # Numba adds another


@kernel(parallel=True)
def add_decay(theta, grad, total, weight_decay):
    """Fill total with the sum of grad and the gradient of ½λθ² (L2 regularisation)."""
    for i in prange(theta.size):
        total[i] = grad[i] + weight_decay * theta[i]  # eq:l2-gradient


class ParamState:
    """An optimizer's state for one parameter: the rule's arrays, the number of updates, the rate of the last one."""

    __slots__ = ("arguments", "arrays", "data", "in_place", "parameter", "rate", "shape", "t", "theta")

    def __init__(self, parameter: Tensor, names: tuple[str | None, ...]) -> None:
        data = getattr(parameter, "data", None)
        if not isinstance(data, np.ndarray) or data.dtype not in (np.float32, np.float64):
            raise TypeError(f"a parameter must be a float32 or float64 tensor, got {parameter!r}")
        self.parameter, self.shape = parameter, data.shape
        self.arrays = {name: np.zeros(data.size, data.dtype) for name in names if name}
        self.arguments = [self.arrays[name] if name else None for name in names]  # in the kernel's order
        self.t, self.rate = 0, 0.0
        self.bind(data)

    def bind(self, data: Array) -> None:
        """Make `theta` a flat view of `data` or, if `data` isn't contiguous, a flat copy that `step` writes back."""
        if data.shape != self.shape:
            raise ValueError(f"a parameter of shape {self.shape} was given data of shape {data.shape}")
        if not data.flags.writeable:
            raise ValueError(f"a parameter's data must be writable; this array of shape {data.shape} is read-only")
        self.data, self.theta, self.in_place = data, data.ravel(), data.flags.c_contiguous


class Optimizer:
    """Base class of all optimizers. A subclass defines a kernel, `update`, and the coefficients that it needs.

    `update(theta, grad, *arrays, coefficients)` is the kernel. It updates one parameter's data and arrays in place, all
    flat and of one dtype. `array_names` names the arrays, which start at zero; for None the kernel gets None.
    `coefficients(rate, t)` returns the numbers for a parameter's t-th update, t = 1, 2, …, as a namedtuple. The kernel
    gets them as an array of the parameter's dtype, so that a float32 kernel computes in float32, and reads them by the
    same names: `c = AdamCoefficients(*unpack(coefficients, 8))`, then `c.beta1`. (The namedtuple is in the kernel's own
    file because Numba recompiles a cached kernel only if that file has changed.)

    Parameters
    ----------
    params : iterable of Tensor
        float32 or float64, of any shape. A tensor that occurs twice (tied weights) is updated once.
    lr : float or callable
        The learning rate η ≥ 0, or a schedule: a callable that takes the number of steps taken, 0 before the first, and
        returns the rate. A schedule is called once per step.
    weight_decay : float
        λ ≥ 0. The gradient g is replaced by g + λ·θ (L2 regularisation, as in PyTorch) or, if `decoupled`, θ is
        multiplied by 1 − η·λ before the update, and g is unchanged.

    Attributes
    ----------
    steps : int
        The number of calls of `step`.
    schedule : callable or None
        The schedule, if `lr` is one.

    Raises
    ------
    ValueError
        If there are no parameters, one is read-only, or a number is out of range.
    TypeError
        If a parameter isn't a floating tensor, or a setting isn't a number.
    """

    update: Callable[..., None]
    array_names: tuple[str | None, ...] = ()
    decoupled = False
    schedule: Callable[[int], float] | None
    _scheduled_for: int | None  # the step number for which the schedule returned _lr

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
        """The rate that the next step will use. It may be set to a number or to a schedule.

        A schedule is called when its rate is first needed, and again after a step, `load_state_dict` or a new `lr`; in
        between its rate is kept. ValueError or TypeError if it returns anything but a finite number ≥ 0.
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
        """Return the kernel's numbers for a parameter's t-th update, t ≥ 1, at this rate: a namedtuple, in float64."""
        raise NotImplementedError

    def step(self) -> None:
        """Update every parameter that has a gradient; the others keep their data, their arrays and their t.

        Raises
        ------
        ValueError
            If a gradient, or a parameter's new data, doesn't have the parameter's shape.
        """
        rate = self.lr
        computed_for: tuple[Any, int] | None = None  # usually the same for all parameters: computed once
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
        """Return what is needed to continue bit for bit: steps, a constant rate, and each parameter's t and arrays.

        The dict is flat ("0.m" is the array m, also flat, of the first parameter), so that `numpy.savez` can store it.
        The arrays are copies.
        """
        saved: dict[str, Any] = {"steps": self.steps} | ({} if self.schedule else {"lr": self._lr})
        for i, state in enumerate(self._states):
            saved |= {f"{i}.t": state.t, f"{i}.rate": state.rate}
            saved |= {f"{i}.{name}": array.copy() for name, array in state.arrays.items()}
        return saved

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the result of `state_dict()` of an optimizer with the same settings and parameters.

        Raises
        ------
        ValueError
            If a name is unknown or missing, or an array has the wrong size. In that case nothing is changed.
        """
        check_state(self, state, self.state_dict())
        self.lr = self.schedule or float(state["lr"])
        self.steps = int(state["steps"])
        for i, own in enumerate(self._states):
            own.t, own.rate = int(state[f"{i}.t"]), float(state[f"{i}.rate"])
            for name, array in own.arrays.items():
                array[...] = state[f"{i}.{name}"]
