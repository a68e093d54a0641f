"""Check an answer: find whether it is right, a known mistake, or in which case it first differs from the solution."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite, log10
from typing import Any

import numpy as np

from minigrad.tensor import Tensor
from minigrad_book.tools.exercises.entry import Exercise


@dataclass(frozen=True)
class Verdict:
    """The result of a check: true if the answer is right. Otherwise `message` explains what is wrong."""

    correct: bool
    message: str

    def __bool__(self) -> bool:
        return self.correct

    def __repr__(self) -> str:
        return f"{'✓ ' if self.correct else '✗ '}{self.message}"


class UnusableError(Exception):
    """The answer can't be compared because it isn't of the required kind, which the message names."""


@dataclass(frozen=True)
class Raised:
    """The outcome of a call that raised."""

    error: Exception


def judge(exercise: Exercise, answer: object) -> Verdict:
    """Return the verdict on `answer`. If it is wrong, the message explains why."""
    wanted = outcomes(exercise, exercise.function)
    try:
        given = outcomes(exercise, as_function(exercise, answer))
        if same(exercise, given, wanted):
            return Verdict(True, f"{exercise.name} is right.")
        for message, edits in exercise.mistakes.items():
            if same(exercise, given, outcomes(exercise, exercise.mistaken(edits))):
                raised = next((f" (It raised {type(g.error).__name__}.)" for g in given if isinstance(g, Raised)), "")
                return Verdict(False, f"{exercise.name}: {message}{raised}")
        return Verdict(False, f"{exercise.name}: {difference(exercise, given, wanted)}")
    except UnusableError as error:
        return Verdict(False, f"{exercise.name}: {error}")


def as_function(exercise: Exercise, answer: object) -> Callable[..., Any]:
    """Return `answer` as a function of a case's arguments."""
    if not exercise.asks_for_function:
        if answer is ...:
            raise UnusableError("this is still the stub: replace the `...` with your answer.")
        if callable(answer) and not isinstance(answer, Tensor):
            raise UnusableError("the answer must be a value, not a function: call it first.")
        return lambda: answer
    signature = inspect.signature(exercise.function)
    if not callable(answer):
        what = f"a function {exercise.answer}{signature}"
        raise UnusableError(f"the answer must be {what}, got {_show(answer)}. Pass the function itself, don't call it.")
    try:
        for case in exercise.cases:
            inspect.signature(answer).bind(*case)
    except TypeError:
        took = inspect.signature(answer)
        raise UnusableError(f"your function must take {signature}, but it takes {took}.") from None
    except ValueError:  # a built-in without a signature
        pass
    return answer


def outcomes(exercise: Exercise, function: Callable[..., Any]) -> list[Any]:
    """Return the result of `function` for each case (arrays, words or tuples of them), or the error that it raised."""
    return [_outcome(function, case) for case in exercise.cases]


def _outcome(function: Callable[..., Any], case: tuple[Any, ...]) -> Any:
    try:
        with np.errstate(all="ignore"):
            return function(*copy.deepcopy(case))
    except Exception as error:
        return Raised(error)


def same(exercise: Exercise, given: Sequence[Any], wanted: Sequence[Any]) -> bool:
    return all(_agree(g, w, exercise.rtol) for g, w in zip(given, wanted, strict=True))


def _agree(given: Any, wanted: Any, rtol: float) -> bool:
    if isinstance(given, Raised) or isinstance(wanted, Raised):
        return isinstance(given, Raised) and isinstance(wanted, Raised) and type(given.error) is type(wanted.error)
    if isinstance(wanted, str):
        return isinstance(given, str) and given.strip().casefold() == wanted.casefold()
    if isinstance(wanted, tuple):
        given_parts = tuple(given) if isinstance(given, tuple | list) else (given,)
        same_length = len(given_parts) == len(wanted)
        return same_length and all(_agree(g, w, rtol) for g, w in zip(given_parts, wanted, strict=True))
    g, w = _array(given), _array(wanted)
    if g is None or w is None or g.shape != w.shape:
        return False
    scale = np.max(np.abs(w), initial=0, where=np.isfinite(w))
    return bool(np.allclose(g, w, rtol=rtol, atol=1e-12 * scale, equal_nan=True))


def difference(exercise: Exercise, given: Sequence[Any], wanted: Sequence[Any]) -> str:
    """Describe the first case in which `given` differs from `wanted`."""
    pairs = zip(exercise.cases, given, wanted, strict=True)
    case, g, w = next((c, g, w) for c, g, w in pairs if not _agree(g, w, exercise.rtol))
    if not exercise.asks_for_function:
        return f"{_compare_values(exercise, g, w)}\nHint: {exercise.hint}"
    call = f"{exercise.answer}({', '.join(map(_show, case))})"
    if isinstance(g, Raised):
        return f"{call} raised {type(g.error).__name__}: {g.error}"
    if isinstance(w, Raised):
        return f"{call} must raise {type(w.error).__name__}, but it returned {_show(g)}."
    if g is None or g is ...:
        return f"{call} returned {g}: is it still the stub, or is a `return` missing?"
    if isinstance(w, tuple) and not (isinstance(g, tuple | list) and len(g) == len(w)):
        return f"{call} must return {len(w)} values, but it returned {_show(g)}."
    return f"{call} returned {_show(g)}, but the right result is {_show(w)}.{_pattern(g, w)}"


def _compare_values(exercise: Exercise, given: Any, wanted: Any) -> str:
    if isinstance(wanted, str):
        wrong = [exercise.mistaken(edits)() for edits in exercise.mistakes.values()]
        words = ", ".join(map(repr, sorted({wanted, *wrong})))
        return f"the answer must be one of {words}, got {_show(given)}."
    g, w = _array(given), _array(wanted)
    if g is None:
        raise UnusableError(f"the answer must be {_kind(wanted)}, got {_show(given)}.")
    if w is not None and g.shape != w.shape:
        raise UnusableError(f"the answer must be {_kind(wanted)}, got shape {g.shape}.")
    if isinstance(wanted, bool | np.bool_):
        return f"{_show(given)} is wrong."
    return f"{_show(given)} is wrong.{_pattern(given, wanted) or _direction(g, w)}"


def _pattern(given: Any, wanted: Any) -> str:
    """Describe how a wrong number is related to the right one, if there is a simple relation."""
    g, w = _array(given), _array(wanted)
    if g is None or w is None or g.size == 0 or w.size == 0:
        return ""
    if g.shape != w.shape:
        return f" The shape is {g.shape}, but must be {w.shape}."
    if not np.isfinite(g).all():
        return " It isn't finite: look for a division by 0 or a root of a negative number."
    ratio = np.divide(g, w, out=np.full(w.shape, np.nan), where=w != 0).ravel()[int(np.argmax(np.abs(g - w)))]
    if not isfinite(ratio) or not np.allclose(g, ratio * w, rtol=1e-3):
        return ""
    if abs(ratio + 1) < 1e-3:
        return " The sign is wrong."
    if abs(ratio - 1) < 0.02:
        return f" Close: the relative error is {abs(ratio - 1):.2g}. Keep more digits."
    power = log10(abs(ratio)) if ratio else 0.5
    if abs(power - round(power)) < 1e-3:
        return f" It is off by a factor of {ratio:.3g}."
    return ""


def _direction(given: Any, wanted: Any) -> str:
    if given.ndim or not np.isfinite(given):
        return ""
    return f" It is too {'large' if given > wanted else 'small'}."


def _array(value: Any) -> Any:
    """Return `value` as an array of floats, or None if it isn't numeric."""
    if isinstance(value, Tensor):
        value = value.numpy()
    try:
        array = np.asarray(value)
    except ValueError:
        return None
    return array.astype(float) if array.dtype.kind in "biuf" else None


def _kind(wanted: Any) -> str:
    if isinstance(wanted, bool | np.bool_):
        return "True or False"
    shape = np.shape(wanted)
    return f"an array of shape {shape}" if shape else "a number"


def _show(value: Any) -> str:
    if isinstance(value, Tensor):
        value = value.numpy()
    if isinstance(value, float | np.floating):
        return f"{value:.6g}"
    if isinstance(value, np.ndarray):
        return np.array2string(value, precision=4, threshold=8, separator=", ")
    if isinstance(value, tuple | list) and all(isinstance(item, float | int) for item in value):
        items = [f"{item:.6g}" if isinstance(item, float) else str(item) for item in value]
        items = [*items[:5], "…"] if len(items) > 6 else items
        return "[" + ", ".join(items) + "]" if isinstance(value, list) else "(" + ", ".join(items) + ")"
    text = repr(value)
    return text if len(text) < 80 else text[:77] + "…"
