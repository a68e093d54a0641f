r'''How to write an exercise.

The exercises of a chapter are in its file `exercises.py`, in the order of their numbers:

    """Exercises of the chapter "Moving averages"."""

    from minigrad_book.tools.exercises.entry import Chapter

    chapter = Chapter(__name__)


    @chapter.exercise(
        "A running average",
        statement=r"Write `average(values, beta)`: the last $m_t = \beta m_{t-1} + (1-\beta) x_t$, from $m_0 = 0$.",
        hint="One line inside one loop.",
        cases=[([3.0], 0.9), ([1.0, 2.0, 4.0], 0.5)],
        mistakes={
            "Your β multiplies the new value. It must multiply the old average.": {
                "beta * m + (1 - beta) * x": "(1 - beta) * m + beta * x",
            },
        },
        explanation=r"Each step multiplies the weight of all earlier values by $\beta$.",
    )
    def average(values, beta):
        """The moving average of `values`."""
        m = 0.0
        for x in values:
            m = beta * m + (1 - beta) * x
        return m

The decorated function is the solution, which the page hides. The reader's stub consists of its first lines, up to the
docstring. An answer is checked by what it returns for each of the `cases` (tuples of arguments).

- A function without parameters has no cases. The reader's answer is the value that it returns: a number, an array,
  True or False, or a word. The words to choose from are those of the solution and of the mistakes.
- A mistake is a message and the edits that turn the solution into a typical wrong one. Each text on the left must occur
  exactly once in the solution. An answer that returns the same as the edited solution gets the message.
- `rtol` is the relative tolerance. Its default is 1e-6 for functions and 1e-3 for values.
- A solution uses nothing but its arguments, built-ins and modules (`import numpy as np`, `import minigrad as mg`).
- `chapter.written(title, statement=…, hint=…, solution=…)` is an exercise for pen and paper, without a check.

Texts are MyST. On the page, ```` ```{practice} moving-averages/2 ```` shows exercise 2, and
```` ```{practice} moving-averages ```` shows all of them. `tests/tools/test_exercises.py` finds every chapter's
exercises and checks their solutions, stubs and mistakes.
'''

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import ModuleType
from typing import Any


@dataclass(frozen=True)
class Exercise:
    """One exercise. Without a `solution` to run, it is for pen and paper, and its `explanation` is the solution."""

    chapter: str
    number: int
    title: str
    statement: str
    hint: str
    explanation: str = ""
    solution: Callable[..., Any] | None = None
    cases: Sequence[tuple[Any, ...]] = ((),)
    mistakes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    rtol: float = 1e-6

    @property
    def name(self) -> str:
        return f"{self.chapter}/{self.number}"

    @property
    def answer(self) -> str:
        """The name of the reader's answer in the stub."""
        return self.function.__name__ if self.asks_for_function else "answer"

    @property
    def function(self) -> Callable[..., Any]:
        if self.solution is None:
            raise ValueError(f"{self.name} is for pen and paper: compare with the solution in the book")
        return self.solution

    @property
    def asks_for_function(self) -> bool:
        return bool(inspect.signature(self.function).parameters)

    @cached_property
    def source(self) -> str:
        """The solution as a function, without its decorator."""
        text = textwrap.dedent(inspect.getsource(self.function))
        return "\n".join(text.splitlines()[_function(text).lineno - 1 :])

    @property
    def code(self) -> str:
        """The solution as shown on the page: the function, or the lines that compute `answer`."""
        if self.asks_for_function:
            return f"{self._imports()}\n\n\n{self.source}".lstrip()
        body = _body(_function(self.source))
        lines = self.source.splitlines()
        last = body[-1].lineno - 1
        lines[last] = lines[last].replace("return ", "answer = ", 1)
        text = textwrap.dedent("\n".join(lines[body[0].lineno - 1 :]))
        return f"{self._imports()}\n\n{text}".lstrip()

    @property
    def stub(self) -> str:
        """The reader's starting code. It runs unchanged; the check then reports that it is a stub."""
        check = f'mg.exercises.check("{self.name}", {self.answer})'
        if not self.asks_for_function:
            return f"{self._imports('mg')}\n\nanswer = ...\n\n{check}"
        head = self.source.splitlines()[: _body(_function(self.source))[0].lineno - 1]
        return "\n".join([self._imports("mg"), "", "", *head, "    ...", "", "", check])

    def _imports(self, *more: str) -> str:
        scope = {"mg": sys.modules["minigrad"], **self.function.__globals__}
        used = {*self.function.__code__.co_names, *more}
        modules = {name: scope[name].__name__ for name in used if isinstance(scope.get(name), ModuleType)}
        ordered = sorted(modules.items(), key=lambda item: (item[1] in ("minigrad", "numpy"), item[1]))
        return "\n".join(f"import {module}" + f" as {name}" * (name != module) for name, module in ordered)

    def mistaken(self, edits: Mapping[str, str]) -> Callable[..., Any]:
        """Return the solution after `edits`, the wrong solution that a mistake describes."""
        text = self.source
        for old, new in edits.items():
            if text.count(old) != 1:
                raise ValueError(
                    f"{self.name}: {old!r} must occur once in the solution, but occurs {text.count(old)} times"
                )
            text = text.replace(old, new)
        scope = dict(self.function.__globals__)
        exec(compile(text, f"<mistake of {self.name}>", "exec"), scope)
        return scope[self.function.__name__]  # type: ignore[no-any-return]


class Chapter:
    """The exercises of one chapter, numbered in the order of the file. `module` is the file's `__name__`."""

    def __init__(self, module: str) -> None:
        self.name = module.split(".")[-2].replace("_", "-")
        self.exercises: list[Exercise] = []

    def exercise(
        self,
        title: str,
        *,
        statement: str,
        hint: str,
        cases: Sequence[tuple[Any, ...]] = ((),),
        mistakes: Mapping[str, Mapping[str, str]],
        explanation: str = "",
        rtol: float | None = None,
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Make the decorated function the solution of the chapter's next exercise. See the module's docstring."""

        def add(solution: Callable[..., Any]) -> Callable[..., Any]:
            tolerance = rtol or (1e-6 if inspect.signature(solution).parameters else 1e-3)
            texts = (title, _clean(statement), _clean(hint), _clean(explanation))
            self.exercises.append(Exercise(self.name, self._next, *texts, solution, cases, mistakes, tolerance))
            return solution

        return add

    def written(self, title: str, *, statement: str, hint: str, solution: str) -> None:
        """Add an exercise for pen and paper as the chapter's next one."""
        texts = (title, _clean(statement), _clean(hint), _clean(solution))
        self.exercises.append(Exercise(self.name, self._next, *texts))

    @property
    def _next(self) -> int:
        return len(self.exercises) + 1


class Task:
    """An exercise without its solution, for display in a notebook or a terminal."""

    def __init__(self, exercise: Exercise) -> None:
        self.exercise = exercise

    def __repr__(self) -> str:
        exercise = self.exercise
        text = f"{exercise.name}: {exercise.title}\n\n{exercise.statement}"
        return text if exercise.solution is None else f"{text}\n\n{exercise.stub}"

    def _repr_markdown_(self) -> str:
        exercise = self.exercise
        text = f"**{exercise.name}: {exercise.title}**\n\n{exercise.statement}"
        return text if exercise.solution is None else f"{text}\n\n```python\n{exercise.stub}\n```"


def _clean(text: str) -> str:
    return inspect.cleandoc(text)


def _function(source: str) -> ast.FunctionDef:
    node = ast.parse(source).body[0]
    if not isinstance(node, ast.FunctionDef):
        raise TypeError("a solution must be a function")
    return node


def _body(function: ast.FunctionDef) -> list[ast.stmt]:
    """Return the statements after the docstring."""
    return function.body[ast.get_docstring(function) is not None :]
