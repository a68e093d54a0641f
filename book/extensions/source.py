"""A page for every file of the engine and every file with a test of an equation; line 12 has the anchor `L-12`."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from minigrad_book.extensions.tags import SOURCE, TESTS, test_tags

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.builders.html import StandaloneHTMLBuilder

PAGES = "source"  # the folder of these pages


def page_of(path: str) -> str:
    """Return the page that shows the file with this path in the repository."""
    return f"{PAGES}/{path.removesuffix('.py')}"


def line_uri(app: Sphinx, docname: str, path: str, line: int) -> str:
    """Return the link from a page to a line of a file."""
    return f"{app.builder.get_relative_uri(docname, page_of(path))}#L-{line}"


def pages(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    if app.builder.format != "html":
        return
    builder: StandaloneHTMLBuilder = app.builder  # type: ignore[assignment]  # because the format is html
    root = Path(app.srcdir)
    files = {path.relative_to(root).as_posix() for path in (root / SOURCE).rglob("*.py")}
    files |= {place.path for places in test_tags(root, TESTS).values() for place in places}
    for path in sorted(files):
        text = (root / path).read_text(encoding="utf-8")
        code = builder.highlighter.highlight_block(text, "python", linespans="L")
        body = f'<section><h1>{escape(path)}</h1><div class="highlight-python">{code}</div></section>'
        yield page_of(path), {"title": path, "body": body, "parents": []}, "page.html"


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("html-collect-pages", pages)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
