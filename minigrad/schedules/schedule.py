"""The class of all schedules: a function of the step that can be printed, compared and pickled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import update_wrapper
from inspect import signature
from typing import Any, ParamSpec, overload

import numpy as np

from minigrad.arguments import integer, number
from minigrad.tensor import Array

P = ParamSpec("P")
RateFunction = Callable[[float], float]  # from the step to the rate

# The range of each argument. A name means the same in every schedule, so it is checked in one place.
NOT_NEGATIVE = "lr max_lr end_lr decay_rate gamma alpha beta m_mul num_periods initial_variance variance_decay"
POSITIVE = ("decay_steps", "first_decay_steps", "power", "div_factor", "final_div_factor")
LEAST = dict.fromkeys(NOT_NEGATIVE.split(), 0.0) | {"t_mul": 1.0}
COUNTS = {
    "step_size": 1,
    "total_steps": 1,
    "warmup_steps": 0,
    "stable_steps": 0,
    "seed": 0,
}  # integers, with the least allowed


class Schedule:
    """A learning rate as a function of the step: `schedule(0)` is the rate of the first update.

    What the functions of `minigrad.schedules` return. It can be called with any step ≥ 0, in any order, and always
    gives the same rate for the same step; an array of steps gives the array of their rates. Its repr is the call that
    makes it again; two schedules are equal if they were made by equal calls; it can be hashed and pickled.
    """

    def __init__(self, rate: RateFunction, factory: Callable[..., Schedule], arguments: dict[str, Any]) -> None:
        self._rate, self._factory, self._arguments = rate, factory, arguments

    @overload
    def __call__(self, step: float) -> float: ...

    @overload
    def __call__(self, step: Array | Sequence[float]) -> Array: ...

    def __call__(self, step: float | Array | Sequence[float]) -> float | Array:
        """The rate at a step, counted from 0, as a float; for an array of steps a float64 array of its shape.

        ValueError for a step below 0 or without a finite rate, TypeError for what isn't a number.
        """
        if isinstance(step, np.ndarray | list | tuple | range):
            steps = np.asarray(step)
            return np.array([self(t) for t in steps.ravel().tolist()], np.float64).reshape(steps.shape)[()]
        t: Any = step.item() if isinstance(step, np.generic) else step  # 8-bit steps would overflow in t + 1
        number("step", t, least=0)
        try:
            return float(self._rate(t))
        except OverflowError as error:
            raise ValueError(f"{self!r} has no finite rate at step {step!r}") from error

    def __repr__(self) -> str:
        given = ", ".join(f"{name}={value!r}" for name, value in self._arguments.items())
        return f"{self._factory.__name__}({given})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Schedule) and repr(self) == repr(other)

    def __hash__(self) -> int:
        return hash(repr(self))

    def __reduce__(self) -> tuple[Any, ...]:
        return self._factory, tuple(self._arguments.values())


def plain(value: Any) -> Any:
    """`value` in Python's own numbers; a list becomes a tuple, which nobody can change."""
    value = value.tolist() if isinstance(value, np.generic | np.ndarray) else value
    return tuple(value) if isinstance(value, list) else value


def checked(name: str, value: Any) -> Any:
    """`value`, a rate, a time or a factor as a float; ValueError or TypeError if `name` doesn't allow it."""
    if name in COUNTS:
        return integer(name, value, least=COUNTS[name])
    if name in LEAST:
        return number(name, value, least=LEAST[name])
    if name in POSITIVE:
        return number(name, value, above=0)
    return value


def schedule(define: Callable[P, RateFunction]) -> Callable[P, Schedule]:
    """Let a function that returns the rate as a function of the step return a Schedule."""

    def factory(*args: P.args, **kwargs: P.kwargs) -> Schedule:
        bound = signature(define).bind(*args, **kwargs)
        bound.apply_defaults()
        if "seed" in bound.arguments and bound.arguments["seed"] is None:  # drawn once, here, so that the repr shows it
            bound.arguments["seed"] = np.random.SeedSequence().generate_state(1)[0]
        arguments = {name: plain(value) for name, value in bound.arguments.items()}
        for name, value in arguments.items():
            bound.arguments[name] = checked(name, value)
        return Schedule(define(*bound.args, **bound.kwargs), factory, arguments)

    return update_wrapper(factory, define)
