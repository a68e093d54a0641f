"""The smaller extensions: alternative texts, fresh outputs, icons and formulas served from the site."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("sphinx")

from minigrad_book.extensions import fresh_outputs
from minigrad_book.extensions.accessible import mend, mute_pictures
from minigrad_book.extensions.lean_icons import trim


@pytest.mark.parametrize(
    "html", ["<svg viewBox='0 0 1 1'>", '<img src="a.png">', '<img src="a.png" alt=" ">', "<svg aria-label=''>"]
)
def test_a_picture_without_alt_text_is_found(html):
    assert mute_pictures(f"<p>{html}</p>") == [html]


@pytest.mark.parametrize(
    "html",
    [
        "<svg role='img' aria-label='A line falls.'>",
        '<img alt="A line" src="a.png">',
        '<svg aria-hidden="true">',
        "<p>",
    ],
)
def test_a_picture_with_alt_text_passes(html):
    assert mute_pictures(html) == []


def test_a_build_warns_of_a_picture_without_alt_text(build):
    page = '# Book\n\n![](a.png)\n\n![A falling line](a.png)\n\n<svg></svg>\n\n<svg aria-label="A rising line"></svg>\n'
    warnings = build({"index.md": page, "a.png": ""}, "accessible").warnings
    assert len(warnings) == 2
    assert all("picture without alt text" in warning for warning in warnings)


def test_an_empty_corner_of_a_table_is_no_heading():
    table = '<tr><th class="head"><p></p></th><th class="head"><p>ε</p></th></tr>'
    assert mend(table) == '<tr><td class="head"></td><th class="head"><p>ε</p></th></tr>'


@pytest.fixture
def project(tmp_path):
    (tmp_path / "minigrad").mkdir()
    (tmp_path / "minigrad" / "a.py").write_text("a = 1")
    return tmp_path


def test_the_digest_changes_with_the_program_and_with_nothing_else(project):
    first = fresh_outputs.digest(project)
    (project / "page.md").write_text("# A page")
    assert fresh_outputs.digest(project) == first
    (project / "minigrad" / "a.py").write_text("a = 2")
    second = fresh_outputs.digest(project)
    (project / "minigrad" / "a.py").rename(project / "minigrad" / "b.py")
    assert len({first, second, fresh_outputs.digest(project)}) == 3


def test_a_page_is_read_again_when_the_program_has_changed(build):
    files = {"index.md": "# Book", "minigrad/a.py": "a = 1"}
    site = build(files, "fresh_outputs").site
    written = (site / "index.html").stat().st_mtime_ns
    build({}, "fresh_outputs")
    assert (site / "index.html").stat().st_mtime_ns == written
    build({"minigrad/a.py": "a = 2"}, "fresh_outputs")
    assert (site / "index.html").stat().st_mtime_ns > written


def test_icons_that_are_not_used_go():
    icons = (
        'var i={bars:[4,5,["navicon"],"f0c9","M0"],"arrow-up":[3,5,[8593],"f062","M1"],two:[3,5,[],"f1",["M2","M3"]]}'
    )
    assert trim(icons, {"arrow-up"}) == 'var i={"arrow-up":[3,5,[8593],"f062","M1"],}'
    assert trim(icons, {"navicon", "two"}) == 'var i={bars:[4,5,["navicon"],"f0c9","M0"],two:[3,5,[],"f1",["M2","M3"]]}'


def test_formulas_are_drawn_by_a_script_of_the_site(build):
    built = build({"index.md": "# Book\n\n$x^2$\n"}, "sphinx.ext.mathjax", "mathjax_local")
    assert built.warnings == []
    assert 'src="_static/mathjax/tex-chtml.js' in built.page("index")
    assert "//cdn" not in built.page("index")
    served = built.site / "_static" / "mathjax"
    assert (served / "tex-chtml.js").stat().st_size > 1_000_000
    assert (served / "output/chtml/fonts/woff-v2/MathJax_Main-Regular.woff").exists()
    assert not (served / "sre").exists()


NOTEBOOK = """---
jupytext: {{text_representation: {{extension: .md, format_name: myst}}}}
kernelspec: {{name: python3, display_name: Python 3}}
---

# {title}

```{{code-cell}}
from pathlib import Path
with Path("runs.txt").open("a") as file:
    file.write("{title} ")
{code}
```
"""


@pytest.fixture
def build_notebooks(tmp_path):
    """Builds in a process of its own: the notebook client leaves sockets for the end of the process to close."""
    pytest.importorskip("myst_nb")

    def build_notebooks(code):
        (tmp_path / "index.md").write_text("# Book\n\n```{toctree}\na\nb\n```\n")
        (tmp_path / "a.md").write_text(NOTEBOOK.format(title="A", code="1 + 1"))
        (tmp_path / "b.md").write_text(NOTEBOOK.format(title="B", code=code))
        (tmp_path / "conf.py").write_text(
            f"import sys\nsys.path.append({str(Path(fresh_outputs.__file__).parent)!r})\n"
            "extensions = ['myst_nb', 'minigrad_book.extensions.parallel_notebooks']\nnb_execution_mode = 'cache'\n"
        )
        command = [sys.executable, "-m", "sphinx", "-q", str(tmp_path), str(tmp_path / "site")]
        warnings = subprocess.run(command, check=True, capture_output=True, text=True).stderr
        return warnings, (tmp_path / "runs.txt").read_text().split(), (tmp_path / "site" / "b.html").read_text()

    return build_notebooks


def test_notebooks_are_run_once_and_their_outputs_shown(build_notebooks):
    warnings, runs, page = build_notebooks("6 * 7")
    assert "WARNING: " not in warnings
    assert sorted(runs) == ["A", "B"]
    assert "<span></span>42" in page


def test_a_cell_that_raises_is_reported(build_notebooks):
    assert "b.md: WARNING: Executing notebook failed" in build_notebooks("1 / 0")[0]
