"""A schedule knows how it was made: it can be called, printed, compared and pickled."""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from inspect import signature
from typing import Any, ParamSpec

import numpy as np

P = ParamSpec("P")
Rate = Callable[[float], float]


class Schedule:
    """A learning rate as a function of the step: `schedule(0)` is the rate of the first update.

    Its repr is the call that makes it again. Two schedules are equal if they were made by equal calls.
    """

    def __init__(self, rate: Rate, factory: Callable[..., Schedule], arguments: dict[str, Any]) -> None:
        self._rate, self._factory, self._arguments = rate, factory, arguments

    def __call__(self, step: float) -> float:
        """The rate at `step` ≥ 0."""
        if step < 0:
            raise ValueError(f"a schedule is defined from step 0 on, got step {step!r}")
        return float(self._rate(step))

    def __repr__(self) -> str:
        given = ", ".join(f"{name}={value!r}" for name, value in self._arguments.items())
        return f"{self._factory.__name__}({given})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Schedule) and repr(self) == repr(other)

    def __hash__(self) -> int:
        return hash(repr(self))

    def __reduce__(self) -> tuple[Any, ...]:
        return self._factory, tuple(self._arguments.values())


def schedule(define: Callable[P, Rate]) -> Callable[P, Schedule]:
    """Let a function that returns the rate as a function of the step return a Schedule."""

    def factory(*args: P.args, **kwargs: P.kwargs) -> Schedule:
        bound = signature(define).bind(*args, **kwargs)
        bound.apply_defaults()
        for name, value in bound.arguments.items():
            bound.arguments[name] = value.item() if isinstance(value, np.generic) else value
        if "seed" in bound.arguments and bound.arguments["seed"] is None:  # drawn once, here, so that the repr shows it
            bound.arguments["seed"] = int(np.random.SeedSequence().generate_state(1)[0])
        return Schedule(define(*bound.args, **bound.kwargs), factory, bound.arguments)

    return update_wrapper(factory, define)
