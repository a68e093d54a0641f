"""Which notebooks a build executes again, tested with two pages in a copy of the repository."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("jupyter_book", reason="needs the extra `book`")

CHAPTERS = ["book/how_fast/index", "book/optimizers/index"]
TOC = "format: jb-book\nroot: book/reference/references\nchapters:\n" + "".join(f"  - file: {c}\n" for c in CHAPTERS)

Build = Callable[[], tuple[list[str], list[str]]]


@pytest.fixture
def build(repository_copy: Path, run_in_copy: Callable[[str], tuple[int, str]]) -> Build:
    """`build()` returns the pages that the build has read and those whose notebooks it has executed."""
    (repository_copy / "_toc.yml").write_text(TOC, encoding="utf-8")

    def build() -> tuple[list[str], list[str]]:
        status, output = run_in_copy("jupyter-book build .")  # without -W, because references to other pages are broken
        assert status == 0, output
        executed = re.search(r"^executing \d+ notebooks: (.*)$", output, re.MULTILINE)
        read = re.findall(r"^reading sources\.\.\. .*\] (\S+)$", output, re.MULTILINE)
        return sorted(set(read)), sorted(executed[1].split(", ")) if executed else []

    return build


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{path.name} must have {old!r} once"
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.mark.slow
def test_only_pages_that_depend_on_a_change_are_executed_again(build: Build, repository_copy: Path) -> None:
    optimizers = CHAPTERS[1]
    chapter = repository_copy / "book" / "optimizers"
    html = repository_copy / "_build" / "html" / f"{optimizers}.html"

    assert build() == ([*CHAPTERS, "book/reference/references"], CHAPTERS)
    assert build() == ([], [])

    edit(chapter / "exercises.py", "It is the geometric sum", "It's the geometric sum")  # a word in a hint
    assert build() == ([optimizers], [])
    assert "It’s the geometric sum" in html.read_text(encoding="utf-8")

    edit(chapter / "index.md", "\n## Remember", "\nOnce more.\n\n## Remember")  # a word of prose
    assert build() == ([optimizers], [])

    with (chapter / "numbers.py").open("a", encoding="utf-8") as file:  # the chapter's computations
        file.write("\nMORE = 1\n")
    assert build() == ([optimizers], [optimizers])

    with (repository_copy / "minigrad/optim/adam.py").open("a", encoding="utf-8") as file:  # the engine
        file.write("\nMORE = 1\n")
    assert build() == (CHAPTERS, CHAPTERS)
