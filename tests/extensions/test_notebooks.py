"""The downloadable notebook has cells instead of directives, and it runs."""

from __future__ import annotations

import pytest

pytest.importorskip("sphinx")

import nbformat

from minigrad_book.extensions.notebooks import expand, expanded
from minigrad_book.tools.exercises.catalogue import exercise_named

PAGE = """Before.

```{practice} bias-correction/1
```

Between.

```{self-check}
:answer: 1 + 2
:rtol: 0.1

How much is $1 + 2$?

- `12`: You wrote them one after the other.

It is three.
```

````{explorable} bias-correction
:alt: A figure of four curves.

Its caption.
````
"""


def test_directives_become_cells() -> None:
    cells = [(kind, text.strip()) for kind, text in expand(PAGE) if text.strip()]
    assert [kind for kind, _ in cells] == ["markdown", "markdown", "code", "markdown", "markdown", "markdown"]
    before, statement, stub, between, check, figure = (text for _, text in cells)
    assert (before, between) == ("Before.", "Between.")
    assert exercise_named("bias-correction/1").statement in statement
    assert stub == exercise_named("bias-correction/1").stub
    assert "How much is $1 + 2$?" in check
    assert "\n3\n" in check
    assert "one after the other" not in check
    assert figure.endswith("Its caption.")


def test_a_notebook_has_stubs_that_run_and_no_solutions() -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("```{practice} bias-correction\n```\n")])
    cells = expanded(notebook).cells
    nbformat.validate(notebook)
    stubs = [cell.source for cell in cells if cell.cell_type == "code"]
    assert stubs
    for stub in stubs:
        exec(compile(stub, "<stub>", "exec"), {"__name__": "notebook"})
    text = "\n".join(cell.source for cell in cells)
    assert exercise_named("bias-correction/1").code not in text


def test_other_directives_are_kept() -> None:
    text = "```{prf:theorem} A\n:label: x\n```\n"
    assert "".join(part for _, part in expand(text)) == text
