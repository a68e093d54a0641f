"""Offer each chapter as a notebook, with cells instead of the directives for exercises and self-checks.

An exercise becomes its statement and hint, and a code cell with the stub. A self-check becomes its question, with the
answer folded away. The stub runs unchanged, so the whole notebook runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat

from minigrad_book.extensions.execution import KEY
from minigrad_book.extensions.practice import as_cells, evaluate, named

if TYPE_CHECKING:
    from sphinx.application import Sphinx

DIRECTIVE = re.compile(
    r"^(?P<fence>`{3,}|:{3,})\{(?P<name>practice|self-check|explorable)\}[ ]*(?P<argument>[^\n]*)\n"
    r"(?P<body>.*?)^(?P=fence)[ ]*$",
    re.MULTILINE | re.DOTALL,
)
OPTION = re.compile(r"\A\s*:(?P<name>[\w-]+):(?P<value>[^\n]*)\n?")

Cell = tuple[str, str]  # ("markdown" or "code", source)


def expand(text: str) -> Iterator[Cell]:
    """Split a Markdown cell's text into cells without the book's directives."""
    end = 0
    for match in DIRECTIVE.finditer(text):
        yield "markdown", text[end : match.start()]
        yield from CELLS[match["name"]](match["argument"].strip(), *options(match["body"]))
        end = match.end()
    yield "markdown", text[end:]


def options(body: str) -> tuple[dict[str, str], str]:
    """Return a directive's options and the rest of its body."""
    found = {}
    while match := OPTION.match(body):
        found[match["name"]] = match["value"].strip()
        body = body[match.end() :]
    return found, body.strip()


def practice(argument: str, given: dict[str, str], body: str) -> list[Cell]:
    return [cell for exercise in named(argument) for cell in as_cells(exercise)]


def self_check(argument: str, given: dict[str, str], body: str) -> list[Cell]:
    question = re.split(r"^[-*] `", body, maxsplit=1, flags=re.MULTILINE)[0].strip()
    answer = f"{evaluate(given['answer']):.{given.get('digits', 4)}g}"
    folded = f"<details><summary>Show the answer</summary>\n\n{answer}\n\n</details>"
    return [("markdown", f"**Check yourself.** {question}\n\n{folded}")]


def explorable(argument: str, given: dict[str, str], body: str) -> list[Cell]:
    return [("markdown", f"*Interactive figure on the chapter's page.* {body}")]


CELLS = {"practice": practice, "self-check": self_check, "explorable": explorable}


def expanded(notebook: Any) -> Any:
    """Return `notebook` with every Markdown cell expanded, and without the digest, which only the cache needs."""
    notebook.metadata.get("kernelspec", {}).pop(KEY, None)
    cells = []
    for cell in notebook.cells:
        if cell.cell_type != "markdown":
            cells.append(cell)
            continue
        parts = [(kind, text.strip()) for kind, text in expand(cell.source) if text.strip()]
        for i, (kind, text) in enumerate(parts):
            new = nbformat.v4.new_code_cell if kind == "code" else nbformat.v4.new_markdown_cell
            cells.append(new(text, id=f"{cell.id}-{i}"))
    notebook.cells = cells
    return notebook


def offer(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """Write the page's notebook next to its source, where the theme's download button expects it."""
    executed = Path(app.outdir).parent / "jupyter_execute" / f"{pagename}.ipynb"
    if doctree is None or app.builder.format != "html" or not executed.exists():
        return
    target = Path(app.outdir, "_sources", f"{pagename}.ipynb")
    target.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(expanded(nbformat.read(executed, as_version=4)), target)
    context["ipynb_source"] = f"{pagename}.ipynb"


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("html-page-context", offer, priority=400)  # the theme adds its buttons at 501
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
