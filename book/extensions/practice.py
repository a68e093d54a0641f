r"""Exercises and self-checks on a page.

This shows an exercise from the chapter's `exercises.py`: its statement, starting code, hidden hint and hidden solution.

    ```{practice} bias-correction/2
    ```

With only a chapter's name, it shows all its exercises. The label of exercise 2, for `{numref}` and `{ref}`, is
`exercise-bias-correction-2`. An exercise that isn't shown exactly once gives a warning.

This is a question whose answer is a number, checked on the page:

    ```{self-check}
    :answer: mg.ema(np.array([3.0]), 0.9, bias_correction=True)[0]
    :rtol: 0.01

    What is $\hat m_1$ for $g_1 = 3$ and $\beta_1 = 0.9$?

    - `0.1 * 3`: That is $m_1$. Divide it by $1 - \beta_1$.
    - `3 / 0.9`: The divisor is $1 - \beta_1^1 = 0.1$.

    The first corrected average is the first gradient itself.
    ```

The answer and the typical wrong ones in the list are Python expressions, evaluated at build time with the engine (`mg`,
`np`, `math`). The text after the list explains the right answer. `:rtol:` is the relative tolerance, by default 0.01;
`:digits:` is the number of digits of the answer to show, by default 4. Without scripts, a reader can unfold the answer.
"""

from __future__ import annotations

import base64
import json
import math
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

import minigrad as mg
from minigrad_book.extensions.dependencies import PACKAGE, depend, engine, modules
from minigrad_book.extensions.site import use
from minigrad_book.tools.exercises.catalogue import catalogue, exercise_named, exercises
from minigrad_book.tools.exercises.entry import Exercise

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

logger = logging.getLogger(__name__)


class Practice(SphinxDirective):
    required_arguments = 1
    has_content = False

    def run(self) -> list[nodes.Node]:
        try:
            chosen = named(self.arguments[0])
        except ValueError as error:
            raise self.error(str(error)) from None
        shown(self.env).setdefault(self.env.docname, []).extend(exercise.name for exercise in chosen)
        book = Path(self.env.srcdir, "book")
        for module in {f"{PACKAGE}.{exercise.chapter.replace('-', '_')}.exercises" for exercise in chosen}:
            depend(self.env, modules(book, f"import {module}"))
        use(self.env, "practice.css")
        text = "\n\n".join(as_myst(exercise) for exercise in chosen)
        container = nodes.container()
        self.state.nested_parse(StringList(text.splitlines(), source=self.get_source_info()[0]), 0, container)
        return container.children


def named(name: str) -> list[Exercise]:
    """Return the exercise called `name`, or all exercises of the chapter called `name`."""
    chapter = catalogue().get(name)
    return list(chapter.exercises) if chapter else [exercise_named(name)]


def as_myst(exercise: Exercise) -> str:
    """Return the exercise as MyST for the page. Its boxes open without scripts."""
    label = f"exercise-{exercise.name.replace('/', '-')}"
    parts = [f"::::::::{{exercise}} {exercise.title}\n:label: {label}\n\n{exercise.statement}\n"]
    if exercise.solution is not None:
        parts.append(code(exercise.stub))
    parts.append(dropdown("Hint", "mg-hint", exercise.hint))
    solution = exercise.explanation if exercise.solution is None else f"{code(exercise.code)}\n{exercise.explanation}"
    parts.append(dropdown("Solution", "mg-solution", solution))
    return "\n".join([*parts, "::::::::"])


def dropdown(title: str, kind: str, text: str) -> str:
    return f":::::::{{dropdown}} {title}\n:class-container: {kind}\n\n{text}\n:::::::\n"


def code(text: str) -> str:
    return f"```python\n{text}\n```\n"


def shown(env: BuildEnvironment) -> dict[str, list[str]]:
    """Return a dict from page to the names of its exercises."""
    if not hasattr(env, "shown_exercises"):
        env.shown_exercises = {}  # type: ignore[attr-defined]
    return env.shown_exercises  # type: ignore[attr-defined, no-any-return]


def forget(app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    shown(env).pop(docname, None)


def check(app: Sphinx, env: BuildEnvironment) -> None:
    count = Counter(name for names in shown(env).values() for name in names)
    for exercise in exercises():
        if count[exercise.name] != 1:
            logger.warning("exercise %s is shown %d times, not once", exercise.name, count[exercise.name])


FORM = """<form hidden data-check="{data}"><label for="{id}">Your answer</label>
<input id="{id}" type="text" inputmode="decimal" autocomplete="off" aria-describedby="{id}-question">
<button type="submit">Check</button><div role="status"></div></form>"""


class SelfCheck(SphinxDirective):
    has_content = True
    option_spec: ClassVar[dict[str, Any]] = {
        "answer": directives.unchanged_required,
        "rtol": float,
        "digits": directives.positive_int,
    }

    def run(self) -> list[nodes.Node]:
        try:
            question, mistakes, why = parts(self.parsed())
            answer = evaluate(self.options.get("answer", ""))
            task = as_task(answer, self.options.get("rtol", 0.01), [evaluate(text) for text, _ in mistakes])
        except ValueError as error:
            raise self.error(f"self-check: {error}") from None
        use(self.env, "self-check.js", "self-check.css")
        depend(self.env, engine(Path(self.env.srcdir)))
        name = f"check-{self.env.new_serialno('self-check') + 1}"
        data = base64.b64encode(json.dumps(task).encode()).decode()
        title = nodes.paragraph("", "Check yourself", classes=["mg-check-title"])
        shown = nodes.paragraph("", "", nodes.strong("", f"{answer:.{self.options.get('digits', 4)}g}"))
        box = nodes.container(
            "",
            title,
            nodes.container("", *question, ids=[f"{name}-question"]),
            html(FORM.format(data=data, id=name)),
            html("<details><summary>Show the answer</summary>"),
            nodes.container("", shown, nodes.container("", *why, classes=["mg-why"])),
            html("</details>"),
            *(nodes.container("", *message, classes=["mg-mistake"]) for _, message in mistakes),
            classes=["mg-check"],
        )
        self.set_source_info(box)
        return [box]

    def parsed(self) -> list[nodes.Node]:
        content = nodes.container()
        self.state.nested_parse(self.content, self.content_offset, content)
        return content.children


def parts(content: list[nodes.Node]) -> tuple[list[nodes.Node], list[tuple[str, list[nodes.Node]]], list[nodes.Node]]:
    """Return (question, [(expression of a wrong answer, message)], explanation of the right answer)."""
    place = next((i for i, node in enumerate(content) if isinstance(node, nodes.bullet_list)), None)
    if not place:
        raise ValueError("write a question and then a list of typical wrong answers, each as - `expression`: message")
    return content[:place], [mistake(item) for item in content[place].children], content[place + 1 :]


def mistake(item: nodes.Node) -> tuple[str, list[nodes.Node]]:
    first, *rest = item.children[0].children
    if not isinstance(first, nodes.literal) or not rest:
        raise ValueError(f"write a wrong answer as - `expression`: message, got {item.astext()!r}")
    if isinstance(rest[0], nodes.Text):
        rest[0] = nodes.Text(rest[0].removeprefix(":").lstrip())
    return first.astext(), [nodes.paragraph("", "", *rest), *item.children[1:]]


def evaluate(expression: str) -> float:
    """Return the value of the expression, a finite number."""
    try:
        value = float(eval(expression, {"mg": mg, "np": np, "math": math}))
    except Exception as error:
        raise ValueError(f"{expression!r} must be a number: {type(error).__name__}: {error}") from error
    if not math.isfinite(value):
        raise ValueError(f"{expression!r} must be a finite number, got {value}")
    return value


def as_task(answer: float, rtol: float, mistakes: list[float]) -> dict[str, Any]:
    """Return the data for the script; ValueError if two answers agree within the tolerance."""
    values = [answer, *mistakes]
    for i, value in enumerate(values):
        for other in values[:i]:
            if abs(value - other) <= rtol * (max(abs(value), abs(other)) or 1):
                raise ValueError(f"the answers {other:g} and {value:g} agree within the relative tolerance {rtol:g}")
    return {"answer": answer, "rtol": rtol, "mistakes": mistakes}


def html(text: str) -> nodes.raw:
    return nodes.raw("", text, format="html")


def setup(app: Sphinx) -> dict[str, Any]:
    app.setup_extension("minigrad_book.extensions.site")
    app.add_directive("practice", Practice)
    app.add_directive("self-check", SelfCheck)
    app.connect("env-purge-doc", forget)
    app.connect("env-check-consistency", check)
    return {"version": "1", "env_version": 1, "parallel_read_safe": False, "parallel_write_safe": True}
