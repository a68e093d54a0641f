"""Figures are accessible, follow the page's colours, are reproducible and share no ids."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import pytest

from minigrad_book.tools import figures

matplotlib = pytest.importorskip("matplotlib")
plt = pytest.importorskip("matplotlib.pyplot")
plt.switch_backend("agg")

ALT = "A line rises from 1 to 3 & <ends>."


def drawing(slope: float = 1.0) -> str:
    with figures.style():
        fig, ax = plt.subplots()
        (line,) = ax.plot([1, 2, 3], [slope, 2 * slope, 3 * slope])
        figures.label_line(line, "slope", at=2)
        ax.set_title("Black as the text")
    return figures.show(fig, ALT).svg


def test_a_figure_has_its_alternative_text():
    root = ElementTree.fromstring(drawing())
    assert root.get("role") == "img"
    assert root.get("aria-label") == ALT


@pytest.mark.parametrize("alt", ["", "   ", "A line", None])
def test_an_empty_alternative_text_is_an_error(alt):
    with pytest.raises(ValueError, match="alt must describe the figure in a sentence"):
        figures.show(plt.figure(), alt)
    plt.close("all")


def test_a_figure_follows_the_theme_of_the_page():
    svg = drawing()
    assert "#000000" not in svg
    assert 'fill="currentColor"' in svg.split(">", 1)[0]
    assert f"stroke: var(--fig-blue, {figures.BLUE})" in svg
    assert f"fill: var(--fig-blue, {figures.BLUE})" in svg
    assert "#ffffff" not in svg


def test_figures_are_reproducible_and_share_no_id():
    assert drawing() == drawing()
    ids = [set(re.findall(r' id="([^"]*)"', svg)) for svg in (drawing(1), drawing(2))]
    assert all(ids)
    assert not ids[0] & ids[1]


def test_every_reference_in_a_figure_has_its_target():
    svg = drawing()
    assert set(re.findall(r'(?:url\(#|href="#)([^")]+)', svg)) == set(re.findall(r' id="([^"]*)"', svg))


def test_the_mime_bundle_has_the_drawing_and_its_alternative_text():
    bundle = figures.Picture("<svg></svg>", ALT)._repr_mimebundle_()
    assert bundle == {"text/html": '<div class="mg-figure"><svg></svg></div>', "text/plain": ALT}


def test_a_wide_title_is_not_cut_off():
    def width(title: str) -> float:
        with figures.style():
            fig, ax = plt.subplots()
            ax.set_title(title)
        return float(re.search(r'viewBox="0 0 ([0-9.]+)', figures.to_svg(fig, ALT))[1])

    assert width("x" * 100) > width("x") + 100


def test_show_closes_the_figure():
    drawing()
    assert plt.get_fignums() == []


def test_label_line_needs_a_line_on_axes():
    with pytest.raises(ValueError, match="not on any axes"):
        figures.label_line(matplotlib.lines.Line2D([0, 1], [0, 1]), "x")


def contrast(first: str, second: str) -> float:
    """Return the contrast ratio of two colours, as WCAG 2 defines it."""

    def luminance(colour: str) -> float:
        channels = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = sorted((luminance(first), luminance(second)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize(("theme", "page"), [("light", "#ffffff"), ("dark", "#121212")])
def test_the_palette_has_enough_contrast_in_both_themes(theme, page, request):
    css = (request.config.rootpath / "book" / "static" / "book.css").read_text(encoding="utf-8")
    block = re.search(rf'html\[data-theme="{theme}"\] {{(.*?)}}', css, re.DOTALL)[1]
    colours = dict(re.findall(r"--fig-(\w+): (#[0-9a-f]{6})", block))
    assert list(colours) == list(figures.PALETTE)
    assert min(contrast(colour, page) for colour in colours.values()) >= 4.5
    if theme == "light":
        assert colours == figures.PALETTE
