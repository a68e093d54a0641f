"""The smaller extensions: alternative texts, fresh outputs, icons and formulas served from the site."""

from __future__ import annotations

import pytest

pytest.importorskip("sphinx")

import fresh_outputs
from accessible import mend, mute_pictures
from lean_icons import trim


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
