"""Sentences are written in Markdown and numbers come from cells: no page builds a sentence in a cell."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

BOOK = Path(__file__).parents[2] / "book"
PAGES = sorted(path for path in BOOK.rglob("*.md") if "{code-cell}" in path.read_text(encoding="utf-8"))
MODULES = sorted(path for folder in ("*/numbers.py", "*/picture.py") for path in BOOK.glob(folder))

CELL = re.compile(r"^```\{code-cell\}[^\n]*\n(?:---\n(?P<yaml>.*?)^---\n)?(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
SHOWS = {"Markdown", "HTML", "Latex", "glue"}  # functions that put text into the page
HIDDEN = re.compile(r"remove-(input|cell)")
WORDS = 3  # this many words in a row are a phrase


def cells(page: str) -> Iterator[tuple[str, bool]]:
    """Yield the code of each cell, and whether it is hidden, so that its printed output looks like the page's text."""
    for match in CELL.finditer(page):
        lines = match["body"].splitlines()
        options = [line for line in lines if line.startswith(":")]
        code = [line for line in lines if not line.startswith((":", "%", "!"))]
        yield "\n".join(code), bool(HIDDEN.search("\n".join([match["yaml"] or "", *options])))


def built_sentences(code: str, hidden: bool = False) -> list[str]:
    """Return the phrases in strings that `code` puts into the page; for a hidden cell also those that it prints."""
    tree, shows = ast.parse(code), SHOWS | ({"print"} if hidden else set())
    makers = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    found = []
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        if name_of(call.func) in shows:
            arguments = call.args[1:] if name_of(call.func) == "glue" else call.args
            for argument in arguments:
                used = [makers[n.id] for n in ast.walk(argument) if isinstance(n, ast.Name) and n.id in makers]
                found += [text for part in (argument, *used) for text in strings(part) if is_phrase(text)]
    return found


def name_of(function: ast.expr) -> str:
    return (
        function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(function, ast.Name) else ""
    )


def strings(node: ast.AST) -> Iterator[str]:
    """Yield the strings in `node`, except docstrings and figures' alternative texts; an f-string has … for values."""
    if isinstance(node, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
        return
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            yield node.value
        return
    if isinstance(node, ast.Call) and name_of(node.func) in {"show", "to_svg"}:  # a figure
        return
    if isinstance(node, ast.Subscript):  # a key isn't shown
        yield from strings(node.value)
        return
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)):
            yield from strings(child)


def is_phrase(text: str) -> bool:
    """Return whether `text` has several words in a row outside of table rows, formulas and code."""
    text = re.sub(r"(?m)^\s*\|.*$|\$[^$]*\$|`[^`]*`", " . ", text)
    return bool(re.search(rf"(?:\b[^\W\d_]{{2,}}\b[ \n]+){{{WORDS - 1}}}[^\W\d_]{{2,}}\b", text))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(BOOK).as_posix())
def test_no_page_builds_sentences_in_cells(path: Path) -> None:
    found = [text for code, hidden in cells(path.read_text(encoding="utf-8")) for text in built_sentences(code, hidden)]
    assert found == [], "write these sentences in Markdown, with glue for the numbers"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(BOOK).as_posix())
def test_no_module_of_a_chapter_builds_sentences(path: Path) -> None:
    assert built_sentences(path.read_text(encoding="utf-8"), hidden=True) == []


@pytest.mark.parametrize(
    "code",
    [
        'Markdown(f"The loss fell to {x:.2f} at once.")',
        'display(Markdown("The loss fell by " + str(x)))',
        'Markdown("The loss fell to {}".format(x))',
        'IPython.display.HTML(f"<p>The best rate is {x}</p>")',
        'glue("verdict", f"decay is better than none: {x}")',
        'Markdown("\\n\\n".join([table, f"Measured over {n} runs of each"]))',
        'def verdict(x):\n    return f"decay is better by {x}"\n\nMarkdown(verdict(3))',
    ],
)
def test_a_sentence_built_in_a_cell_is_found(code: str) -> None:
    assert built_sentences(code)


def test_only_visible_cells_may_print_sentences() -> None:
    code = 'print(f"after {n} steps the largest difference is {x}")'
    assert built_sentences(code, hidden=True)
    assert built_sentences(code, hidden=False) == []


@pytest.mark.parametrize(
    "code",
    [
        'glue("loss", float(x), display=False)',
        'glue("faults", float(start["page faults of a step"]), display=False)',
        'glue("interval", f"{low:+.1f} to {high:+.1f}", display=False)',
        'Markdown("\\n".join(f"| the mean of all runs | {x} |" for x in rows))',
        'Markdown(r"$\\text{the sum of all weights}$")',
        'tables.show(["the number of the step", "loss"], rows)',
        'glue("figure", figures.show(fig, alt=f"The loss falls to {x} at the end."))',
        'def f(x):\n    """A docstring with many words."""\n    return x\n\nMarkdown(f(table))',
        "x = 1\n'a string that nothing shows on the page'",
    ],
)
def test_numbers_tables_and_figures_are_not_sentences(code: str) -> None:
    assert built_sentences(code) == []


def test_cells_are_parsed_with_their_options() -> None:
    page = "```{code-cell}\n:tags: [remove-input]\na = 1\n```\n\n```{code-cell}\n---\nk: v\n---\n%magic\nb = 2\n```\n"
    assert list(cells(page)) == [("a = 1", True), ("b = 2", False)]
