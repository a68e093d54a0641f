"""Argument checks. Every error message shows what was given and what is needed."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf, isfinite
from numbers import Integral, Real
from typing import Any

import numpy as np


def number(name: str, value: object, *, least: float = -inf, above: float = -inf, below: float = inf) -> float:
    """Return `value` as a finite float with least ≤ value and above < value < below.

    Raises TypeError if it isn't a real number, ValueError if it is out of range.
    """
    if not isinstance(value, Real) or isinstance(value, bool):
        raise TypeError(f"{name} must be a number, got {value!r}")
    result = float(value)
    if not (isfinite(result) and least <= result and above < result < below):
        limits = [f"≥ {least:g}" * (least > -inf), f"> {above:g}" * (above > -inf), f"< {below:g}" * (below < inf)]
        raise ValueError(f"{name} must be finite{''.join(f' and {limit}' for limit in limits if limit)}, got {value!r}")
    return result


def integer(name: str, value: object, *, least: int) -> int:
    """Return `value` as an int ≥ least; TypeError if it isn't an integer, ValueError if it is smaller."""
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    if value < least:
        raise ValueError(f"{name} must be ≥ {least}, got {value!r}")
    return int(value)


def choice(name: str, value: object, choices: tuple[str, ...]) -> str:
    """Return `value` if it is one of `choices`; ValueError otherwise."""
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}")
    return str(value)


def check_state(owner: object, state: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """Raise ValueError unless `state` has the same names as `expected`, with values of the same shapes."""
    unknown, missing = sorted(state.keys() - expected.keys()), sorted(expected.keys() - state.keys())
    if unknown or missing:
        raise ValueError(
            f"state dict doesn't fit this {type(owner).__name__}: unknown names {unknown}, missing {missing}"
        )
    for name, value in expected.items():
        if np.shape(state[name]) != np.shape(value):
            given = np.shape(state[name])
            raise ValueError(f"{name} has shape {np.shape(value)}; in the state dict it has shape {given}")
