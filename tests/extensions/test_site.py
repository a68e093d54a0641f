"""The site's alternative texts, markup, icons and formulas."""

from __future__ import annotations

import pytest

pytest.importorskip("sphinx")

from minigrad_book.extensions.site import mend, pictures_without_alt, trim


@pytest.mark.parametrize(
    "html", ["<svg viewBox='0 0 1 1'>", '<img src="a.png">', '<img src="a.png" alt=" ">', "<svg aria-label=''>"]
)
def test_a_picture_without_alt_text_is_found(html):
    assert pictures_without_alt(f"<p>{html}</p>") == [html]


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
    assert pictures_without_alt(html) == []


def test_a_build_warns_of_a_picture_without_alt_text(build):
    page = '# Book\n\n![](a.png)\n\n![A falling line](a.png)\n\n<svg></svg>\n\n<svg aria-label="A rising line"></svg>\n'
    warnings = build({"index.md": page, "a.png": ""}, "site").warnings
    assert len(warnings) == 2
    assert all("picture without alt text" in warning for warning in warnings)


def test_an_empty_corner_of_a_table_is_not_a_heading():
    table = '<tr><th class="head"><p></p></th><th class="head"><p>ε</p></th></tr>'
    assert mend(table) == '<tr><td class="head"></td><th class="head"><p>ε</p></th></tr>'


def test_unused_icons_are_removed():
    icons = (
        'var i={bars:[4,5,["navicon"],"f0c9","M0"],"arrow-up":[3,5,[8593],"f062","M1"],two:[3,5,[],"f1",["M2","M3"]]}'
    )
    assert trim(icons, {"arrow-up"}) == 'var i={"arrow-up":[3,5,[8593],"f062","M1"],}'
    assert trim(icons, {"navicon", "two"}) == 'var i={bars:[4,5,["navicon"],"f0c9","M0"],two:[3,5,[],"f1",["M2","M3"]]}'


def test_mathjax_is_served_from_the_site(build):
    built = build({"index.md": "# Book\n\n$x^2$\n"}, "sphinx.ext.mathjax", "site")
    assert built.warnings == []
    assert 'src="_static/mathjax/tex-chtml.js' in built.page("index")
    assert "//cdn" not in built.page("index")
    served = built.site / "_static" / "mathjax"
    assert (served / "tex-chtml.js").stat().st_size > 1_000_000
    assert (served / "output/chtml/fonts/woff-v2/MathJax_Main-Regular.woff").exists()
    assert not (served / "sre").exists()


def test_parameters_over_several_lines_are_not_a_definition_list():
    parameters = '<dl>\n<dd><em class="sig-param">x</em>,</dd>\n<dd><em class="sig-param">y</em>,</dd>\n</dl>'
    lines = '<span class="sig-line"><em class="sig-param">x</em>,</span>\n'
    assert mend(f"f({parameters})") == f"f({lines}{lines.replace('x<', 'y<')})"
    assert mend("<dl>\n<dt>a</dt>\n<dd>b</dd>\n</dl>") == "<dl>\n<dt>a</dt>\n<dd>b</dd>\n</dl>"


def test_a_formula_keeps_what_is_written_next_to_it():
    formula = '<span class="math notranslate nohighlight">\\(m_t\\)</span>'
    for glued in (f"{formula},", f"({formula}", f"({formula})", f"{formula}/{formula}", f"{formula}’s"):
        assert mend(f"<p>and {glued} then</p>") == f'<p>and <span class="no-break">{glued}</span> then</p>'
    assert mend(f"<p>and {formula} then {formula}</p>") == f"<p>and {formula} then {formula}</p>"


def listing(*lines: str) -> str:
    return f'<div class="highlight"><pre><span></span>{"".join(lines)}</pre></div>'


def test_a_long_line_of_code_knows_its_indent():
    short, long = "a = 1\n", f'    <span class="n">b</span> &lt; {"x" * 70}\n'
    mended = f'<span class="long-line" style="--indent: 4ch">{long}</span>'
    assert mend(listing(short, long, short)) == listing(short, mended, short)
    assert mend(f"<p>{long}</p>") == f"<p>{long}</p>"


def test_numbered_lines_stay_whole():
    numbered = [
        f'<span id="L-{i}"><span class="n">{"x" * size}</span>\n</span>' for i, size in ((1, 80), (2, 2), (3, 80))
    ]
    first, second, third = (line.removesuffix("\n</span>") + "</span>\n" for line in numbered)
    start = '<span class="long-line" style="--indent: 0ch">'
    assert mend(listing(*numbered)) == listing(f"{start}{first}</span>", second, f"{start}{third}</span>")
