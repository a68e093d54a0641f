"""Show exercises of `minigrad/exercises/` on a page: statement, code to start from, hidden hint and solution.

    ```{practice} bias-correction/2
    ```

With a chapter's name alone it shows all of them. Exercise 2 is called
`exercise-bias-correction-2` in `{numref}` and `{ref}`.
An exercise that no page shows, or that two places show, is a warning.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from docutils import nodes
from docutils.statemachine import StringList
from minigrad_book.extensions.page_assets import use
from minigrad_book.tools.exercises.catalogue import catalogue, exercise_named, exercises
from minigrad_book.tools.exercises.entry import Exercise
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

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
        use(self.env, "practice.css")
        text = "\n\n".join(as_myst(exercise) for exercise in chosen)
        container = nodes.container()
        self.state.nested_parse(StringList(text.splitlines(), source=self.get_source_info()[0]), 0, container)
        return container.children


def named(name: str) -> list[Exercise]:
    """The exercise called `name`, or all of the chapter called so."""
    chapter = catalogue().get(name)
    return list(chapter.exercises) if chapter else [exercise_named(name)]


def as_myst(exercise: Exercise) -> str:
    """The exercise as the page shows it. The boxes open without a script."""
    label = f"exercise-{exercise.name.replace('/', '-')}"
    parts = [f"::::::::{{exercise}} {exercise.title}\n:label: {label}\n\n{exercise.statement}\n"]
    if exercise.solution is not None:
        parts.append(code(exercise.stub))
    parts.append(dropdown("Hint", "mg-hint", exercise.hint))
    solution = exercise.explanation if exercise.solution is None else f"{code(exercise.code)}\n{exercise.explanation}"
    parts.append(dropdown("Solution", "mg-solution", solution))
    return "\n".join([*parts, "::::::::"])


def as_cells(exercise: Exercise) -> list[tuple[str, str]]:
    """The exercise as cells of a notebook: ("markdown" or "code", source). The solution stays in the book."""
    hint = f"<details><summary>Hint</summary>\n\n{exercise.hint}\n\n</details>"
    cells = [("markdown", f"**Exercise {exercise.name}: {exercise.title}**\n\n{exercise.statement}\n\n{hint}")]
    return cells if exercise.solution is None else [*cells, ("code", exercise.stub)]


def dropdown(title: str, kind: str, text: str) -> str:
    return f":::::::{{dropdown}} {title}\n:class-container: {kind}\n\n{text}\n:::::::\n"


def code(text: str) -> str:
    return f"```python\n{text}\n```\n"


def shown(env: BuildEnvironment) -> dict[str, list[str]]:
    """Page → names of the exercises that it shows."""
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


def setup(app: Sphinx) -> dict[str, Any]:
    app.setup_extension("minigrad_book.extensions.page_assets")
    app.add_directive("practice", Practice)
    app.connect("env-purge-doc", forget)
    app.connect("env-check-consistency", check)
    return {"version": "1", "env_version": 1, "parallel_read_safe": False, "parallel_write_safe": True}
