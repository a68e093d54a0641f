"""Pages of the source: one for each file of the engine and for each file with a test of an equation."""

from __future__ import annotations

import pytest

pytest.importorskip("sphinx")

MARKED = '@pytest.mark.equation("first")\ndef test_first(): ...\n'
FILES = {
    "index.md": "# Book\n",
    "minigrad/__init__.py": "",
    "minigrad/ops/conv.py": "x = 1\ny = x < 2\n",
    "tests/test_marked.py": MARKED,
    "tests/test_other.py": MARKED.replace("mark.equation", "mark.slow"),
    "book/numbers.py": "x = 1\n",
}


def test_each_file_of_the_engine_and_each_test_of_an_equation_has_a_page(build):
    source = build(FILES, "source").site / "source"
    pages = {path.relative_to(source).as_posix() for path in source.rglob("*.html")}
    assert pages == {"minigrad/__init__.html", "minigrad/ops/conv.html", "tests/test_marked.html"}


def test_a_page_has_the_files_path_and_an_anchor_for_each_line(build):
    page = build(FILES, "source").page("source/minigrad/ops/conv")
    assert "<h1>minigrad/ops/conv.py</h1>" in page
    assert '<span id="L-2">' in page
    assert '<span id="L-3">' not in page
    assert "&lt;" in page
