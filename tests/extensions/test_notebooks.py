"""A page's notebook: its text is plain Markdown, its cells and outputs are the page's, its first cell installs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sphinx_markdown_builder", reason="needs the extra `book`")

import nbformat

from minigrad_book.extensions.markdown import in_one_piece, standalone
from minigrad_book.extensions.notebooks import name_of, shown
from minigrad_book.tools import figures
from minigrad_book.tools.exercises.catalogue import exercise_named

HEAD = """---
jupytext: {text_representation: {extension: .md, format_name: myst}}
kernelspec: {name: python3, display_name: Python 3}
---

"""
PAGE = (
    HEAD
    + r"""# A page

With $a_0$,
a line later:

$$
a_t = t
$$ (eq-a)

Look at {eq}`eq-a`, at [the other page](other.md), and at [Python](https://www.python.org).

```{code-cell}
:tags: [remove-cell]
hidden = 1
```

```{code-cell}
:tags: [hide-input]
hidden + 1
```

## A section

````{prf:theorem} Of nothing
:label: thm-nothing

It is $|x| \ge 0$.

$$
x &= 1 \\
y &= 2
$$
````

````{prf:proof}
Look.

Closer.
````

| what | size |
|---|---|
| $x$ | $\|x\|$ |

```{practice} bias-correction/1
```

```{practice} bias-correction/2
```

```{self-check}
:answer: 1 + 2
:rtol: 0.1

How much is $1 + 2$?

- `12`: You wrote them one after the other.

It is three.
```

```{code-cell}
last = 3
```
"""
)


@pytest.fixture
def notebook(build: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    """The notebook of PAGE, in a book with these settings."""

    def make(**config: Any) -> Any:
        built = build(
            {"index.md": PAGE, "other.md": "# Other\n"},
            *("notebooks", "practice", "myst_nb", "sphinx_exercise", "sphinx_proof", "sphinx_design"),
            extensions=["myst_nb", "sphinx_exercise", "sphinx_proof", "sphinx_design"]
            + [f"minigrad_book.extensions.{name}" for name in ("notebooks", "practice")],
            myst_enable_extensions=["dollarmath", "colon_fence"],
            source_suffix={".md": "myst-nb"},  # or Sphinx writes it into its own default, and keeps it
            nb_execution_mode="off",
            nb_execution_cache_path=str(tmp_path / "cache"),
            math_numfig=True,
            numfig=True,
            html_static_path=[],
            **config,
        )
        path = built.site / "notebooks" / "index.ipynb"
        made = nbformat.read(path, as_version=4)
        nbformat.validate(made)
        return made

    return make


def text_of(notebook: Any) -> str:
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def test_the_text_is_plain_markdown(notebook: Callable[..., Any]) -> None:
    text = text_of(notebook())
    assert text.startswith("# A page\n\nWith $a_0$,")
    assert "$$\na_t = t\\tag{1}\n$$" in text
    assert "Look at (1), at the other page, and at [Python](https://www.python.org)." in text
    assert "## A section" in text
    assert "> **Theorem 1 (Of nothing)**\n>\n> It is $|x| \\ge 0$." in text
    assert "\\begin{aligned}\n> x &= 1 \\\\\n> y &= 2\n> \\end{aligned}" in text
    assert "> Proof. Look.\n>\n> Closer." in text
    assert "\\vert x\\vert" in text
    assert "{eq}" not in text
    assert ":::" not in text


def test_with_an_address_links_lead_to_the_site(notebook: Callable[..., Any]) -> None:
    text = text_of(notebook(html_baseurl="https://book.example/"))
    assert "[the other page](https://book.example/other.html)" in text
    assert "[(1)](https://book.example/index.html#equation-eq-a)" in text
    assert "[Python](https://www.python.org)" in text


def test_the_cells_are_those_of_the_page_in_its_order(notebook: Callable[..., Any]) -> None:
    code = [cell for cell in notebook().cells if cell.cell_type == "code"]
    install, hidden, folded, first, second, last = code
    assert (hidden.source, folded.source, last.source) == ("hidden = 1", "hidden + 1", "last = 3")
    assert hidden.metadata.jupyter.source_hidden
    assert folded.metadata.jupyter.source_hidden
    assert "jupyter" not in last.metadata
    assert "find_spec" in install.source
    assert [first.source, second.source] == [exercise_named(f"bias-correction/{n}").stub for n in (1, 2)]


def test_the_first_cell_installs_from_the_configured_place(notebook: Callable[..., Any]) -> None:
    assert '%pip install --quiet "minigrad-book[notebooks]"' in notebook().cells[0].source
    made = notebook(notebook_requirement="https://book.example/wheel.whl")
    assert '%pip install --quiet "https://book.example/wheel.whl"' in made.cells[0].source


def test_exercises_have_their_hint_and_no_solution_and_self_checks_no_answer(notebook: Callable[..., Any]) -> None:
    text = text_of(notebook())
    exercise = exercise_named("bias-correction/1")
    assert f"**Exercise 1 ({exercise.title})**" in text
    assert "<details><summary>Hint</summary>" in text
    assert exercise.code not in text
    assert "Solution" not in text
    assert "> **Check yourself.** How much is $1 + 2$?" in text
    assert "one after the other" not in text
    assert "It is three" not in text


def test_the_same_page_gives_the_same_notebook(notebook: Callable[..., Any]) -> None:
    assert notebook() == notebook()


def test_a_pages_stubs_run(notebook: Callable[..., Any]) -> None:
    for cell in notebook().cells[1:]:
        if cell.cell_type == "code":
            exec(compile(cell.source, "<cell>", "exec"), {"__name__": "notebook", "hidden": 1})


def test_outputs_are_kept_pictures_become_images_and_glued_numbers_go() -> None:
    picture = figures.Picture('<svg viewBox="0 0 1 1"><path style="fill: currentColor"/></svg>', "a small dot here")
    outputs = [
        nbformat.v4.new_output("display_data", {"application/papermill.record/text/plain": "1"}),
        nbformat.v4.new_output("execute_result", picture._repr_mimebundle_()),
        nbformat.v4.new_output("stream", text="printed"),
    ]
    cell = shown(nbformat.v4.new_code_cell("x", outputs=outputs))
    image, printed = cell.outputs
    assert image.data["image/svg+xml"].startswith('<svg viewBox="0 0 1 1" xmlns="http://www.w3.org/2000/svg">')
    assert "currentColor" not in image.data["image/svg+xml"]
    assert "text/html" not in image.data
    assert image.data["text/plain"] == "a small dot here"
    assert printed.text == "printed"


def test_a_picture_on_its_own_needs_no_page() -> None:
    svg = '<svg xmlns="http://www.w3.org/2000/svg"><path style="stroke: var(--fig-blue, #0067a8)"/></svg>'
    assert standalone(svg) == svg.replace("var(--fig-blue, #0067a8)", "#0067a8")


def test_a_quotation_of_several_paragraphs_is_one() -> None:
    assert in_one_piece("> a\n\n> b\n\nc\n\n> d") == "> a\n>\n> b\n\nc\n\n> d"
    assert in_one_piece("> > a\n\n> > b") == "> > a\n> >\n> > b"


def test_a_chapters_notebook_has_its_name() -> None:
    assert [name_of(page) for page in ("book/intro", "book/bias_correction/index")] == ["intro", "bias_correction"]
