"""Which notebooks a build executes, and what a page's cells depend on."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("sphinx")

from minigrad_book.extensions.dependencies import digest, inputs

NOTEBOOK = """---
jupytext: {{text_representation: {{extension: .md, format_name: myst}}}}
kernelspec: {{name: python3, display_name: Python 3}}
---

# {title}

```{{code-cell}}
from pathlib import Path
with Path("log/runs.txt").open("a") as file:
    file.write("{title} ")
{code}
```
"""


@pytest.fixture
def build_notebooks(tmp_path):
    """Build in a separate process, because the notebook client leaves sockets open until its process ends."""
    pytest.importorskip("myst_nb")

    (tmp_path / "log").mkdir()

    def build_notebooks(code):
        (tmp_path / "index.md").write_text("# Book\n\n```{toctree}\na\nb\n```\n")
        (tmp_path / "a.md").write_text(NOTEBOOK.format(title="A", code="1 + 1"))
        (tmp_path / "b.md").write_text(NOTEBOOK.format(title="B", code=code))
        (tmp_path / "conf.py").write_text(
            "extensions = ['myst_nb', 'minigrad_book.extensions.execution']\nnb_execution_mode = 'cache'\n"
        )
        command = [sys.executable, "-m", "sphinx", "-q", str(tmp_path), str(tmp_path / "site")]
        warnings = subprocess.run(command, check=True, capture_output=True, text=True).stderr
        return warnings, (tmp_path / "log" / "runs.txt").read_text().split(), (tmp_path / "site" / "b.html").read_text()

    return build_notebooks


@pytest.mark.slow
def test_notebooks_are_executed_once(build_notebooks):
    warnings, runs, page = build_notebooks("6 * 7")
    assert "WARNING: " not in warnings
    assert sorted(runs) == ["A", "B"]
    assert "<span></span>42" in page
    assert sorted(build_notebooks("6 * 7")[1]) == ["A", "B"]  # a second build runs nothing


@pytest.mark.slow
def test_a_changed_cell_executes_only_its_page(build_notebooks):
    build_notebooks("6 * 7")
    _, runs, page = build_notebooks("6 * 8")
    assert sorted(runs) == ["A", "B", "B"]
    assert "<span></span>48" in page


@pytest.mark.slow
@pytest.mark.parametrize("code", ["1 / 0", "1 +", "import broken"])
def test_a_cell_that_fails_is_reported_with_its_page(build_notebooks, tmp_path, code):
    (tmp_path / "broken.py").write_text("1 +\n")
    assert "b.md: WARNING: Executing notebook failed" in build_notebooks(code)[0]


FILES = {
    "minigrad/tensor.py": "",
    "minigrad/cli.py": "",
    "minigrad/exercises.py": "def check():\n    from minigrad_book.tools import exercises\n",
    "book/__init__.py": "",
    "book/a/index.md": "",
    "book/a/numbers.py": "def f():\n    from minigrad_book.tools import figures\n",
    "book/a/exercises.py": "",
    "book/a/results/run.json": "",
    "book/b/numbers.py": "from minigrad_book.a import numbers\n",
    "book/b/exercises.py": "",
    "book/b/results/run.json": "",
    "book/tools/figures.py": "from . import colours\n",
    "book/tools/colours.py": "",
    "book/tools/tables.py": "",
    "book/tools/exercises/__init__.py": "",
}


@pytest.fixture
def project(tmp_path):
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def used(project, *cells, page="book/a/index.md"):
    return {path.relative_to(project).as_posix() for path in inputs(project, project / page, cells)}


def test_a_page_depends_on_the_engine_and_the_data_in_its_folder(project):
    assert used(project, "1 + 1") == {"minigrad/tensor.py", "book/a/results/run.json"}


def test_imports_in_functions_and_relative_imports_are_followed(project):
    found = used(project, "from minigrad_book.a import numbers")
    assert found >= {"book/a/numbers.py", "book/tools/figures.py", "book/tools/colours.py"}
    assert not found & {"book/tools/tables.py", "book/b/numbers.py", "book/a/exercises.py", "minigrad/cli.py"}


def test_a_page_that_imports_another_chapter_depends_on_its_data(project):
    assert "book/b/results/run.json" in used(project, "import minigrad_book.b.numbers")
    assert "book/b/results/run.json" not in used(project, "import minigrad_book.a.numbers")


def test_a_page_that_checks_an_exercise_depends_on_its_chapters_exercises(project):
    found = used(project, 'mg.exercises.check("b/1", 3)')
    assert found >= {"book/b/exercises.py", "book/tools/exercises/__init__.py"}
    assert "book/a/exercises.py" not in found
    assert used(project, "mg.exercises.progress()") >= {"book/a/exercises.py", "book/b/exercises.py"}


def test_cells_may_have_magic_commands(project):
    assert "book/a/numbers.py" in used(project, "%matplotlib inline\nfrom minigrad_book.a import numbers\n!ls")


def test_a_syntax_error_is_left_to_the_page_that_has_it(project):
    assert "book/a/numbers.py" in used(project, "1 +", "from minigrad_book.a import numbers")
    (project / "book/a/numbers.py").write_text("1 +\n")
    assert "book/a/numbers.py" in used(project, "from minigrad_book.a import numbers")
    (project / "book/a/exercises.py").write_text("1 +\n")
    assert "book/a/exercises.py" in used(project, 'mg.exercises.check("a/1", 3)')


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("minigrad/tensor.py", True),
        ("book/tools/colours.py", True),
        ("book/a/results/run.json", True),
        ("book/a/exercises.py", False),
        ("book/a/index.md", False),
        ("book/tools/tables.py", False),
        ("minigrad/cli.py", False),
    ],
)
def test_the_digest_changes_only_with_the_pages_dependencies(project, name, expected):
    def of_page():
        return digest(project, project / "book/a/index.md", ["from minigrad_book.a import numbers"])

    before = of_page()
    with (project / name).open("a") as file:
        file.write("MORE = 1\n")
    assert (of_page() != before) is expected
