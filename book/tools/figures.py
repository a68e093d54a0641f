"""One style for all figures: inline SVG that adapts to a light or dark page, with an alternative text.

    import matplotlib.pyplot as plt
    from minigrad_book.tools import figures

    with figures.style():
        fig, ax = plt.subplots()
        (line,) = ax.plot(steps, ratio)
        figures.label_line(line, "uncorrected / corrected")
        ax.set_title("Without the correction the early steps are too large")
    figures.show(fig, alt="The ratio rises from 3.2 at step 1 to 6.6 at step 12 and falls to 1 by step 4000.")

Black is drawn in the page's own text colour, the background is transparent, and a colour of the palette becomes a CSS
variable (`--fig-blue`, …) so that a dark page can lighten it. Needs matplotlib:
`pip install "minigrad-book[experiments]"`.
"""

from __future__ import annotations

import io
import re
from contextlib import AbstractContextManager
from hashlib import sha256
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.text import Annotation

# Distinct with any kind of colour vision, with a contrast of at least 4.5:1 to white; used in this order.
PALETTE = {
    "blue": "#0067a8",
    "orange": "#b34a00",
    "green": "#007a5a",
    "purple": "#8f4389",
    "olive": "#766100",
    "grey": "#636b73",
}
BLUE, ORANGE, GREEN, PURPLE, OLIVE, GREY = PALETTE.values()


def _matplotlib() -> Any:
    try:
        import matplotlib
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError('figures need matplotlib: pip install "minigrad-book[experiments]"') from error
    return matplotlib


def style() -> AbstractContextManager[None]:
    """Return a context in which matplotlib draws in the book's style.

    Text of 10 points in a figure of 5.2 inches, the default width, is 8 pixels high on a phone: use nothing smaller.
    """
    matplotlib = _matplotlib()
    settings = {
        "figure.figsize": (5.2, 3.0),
        "figure.constrained_layout.use": True,
        "figure.dpi": 96,
        "font.size": 10,
        "axes.titlesize": 11,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.titlepad": 8,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "axes.prop_cycle": matplotlib.cycler(color=list(PALETTE.values())),
        "grid.color": "black",
        "grid.alpha": 0.15,
        "grid.linewidth": 0.6,
        "lines.linewidth": 2.0,
        "lines.solid_capstyle": "round",
        "legend.frameon": False,
    }
    return matplotlib.rc_context(settings)


def label_line(line: Line2D, text: str, at: float | None = None, dx: float = 6, dy: float = 0) -> Annotation:
    """Write `text` next to `line`, in its colour: at its right end, or at the point nearest to x = `at`.

    dx and dy shift the text, in points. ValueError if the line is not on any axes.
    """
    import numpy as np

    x, y = (np.asarray(values, dtype=float) for values in line.get_data())
    i = len(x) - 1 if at is None else int(np.abs(x - at).argmin())
    axes: Any = line.axes
    if axes is None:
        raise ValueError("the line is not on any axes; plot it first")
    return axes.annotate(
        text,
        (x[i], y[i]),
        xytext=(dx, dy),
        textcoords="offset points",
        color=line.get_color(),
        va="center",
        annotation_clip=False,
    )


class Picture:
    """An SVG drawing with its alternative text, which a notebook and `glue` can show."""

    def __init__(self, svg: str, alt: str) -> None:
        self.svg, self.alt = svg, alt

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": f'<div class="mg-figure">{self.svg}</div>', "text/plain": self.alt}


def show(fig: Figure, alt: str) -> Picture:
    """Turn `fig` into a `Picture` and close it. `alt` describes the drawing for readers who can't see it.

    ValueError if `alt` has fewer than four words.
    """
    if not isinstance(alt, str) or len(alt.split()) < 4:
        raise ValueError(f"alt must describe the figure in a sentence, got {alt!r}")
    return Picture(to_svg(fig, alt), alt)


def to_svg(fig: Figure, alt: str) -> str:
    """Return `fig` as one `<svg>` element: the same drawing gives the same bytes, and no two figures share an id."""
    matplotlib = _matplotlib()
    from matplotlib import pyplot

    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "path", "svg.hashsalt": "minigrad"}):
        metadata = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        fig.savefig(buffer, format="svg", transparent=True, bbox_inches="tight", pad_inches=0.05, metadata=metadata)
    pyplot.close(fig)
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.DOTALL)
    return _sized(_coloured(_own_ids(svg)), alt)


def _own_ids(svg: str) -> str:
    prefix = "f" + sha256(svg.encode()).hexdigest()[:8]
    used = set(re.findall(r'(?:url\(#|href="#)([\w.-]+)', svg))

    def rename(match: re.Match[str]) -> str:
        return f' id="{prefix}-{match[1]}"' if match[1] in used else ""

    svg = re.sub(r' id="([^"]*)"', rename, svg)
    return re.sub(r'(url\(#|href="#)([\w.-]+)', rf"\g<1>{prefix}-\g<2>", svg)


def _coloured(svg: str) -> str:
    svg = re.sub(r"(fill|stroke): (?:#000000|black)\b", r"\1: currentColor", svg)
    for name, colour in PALETTE.items():
        svg = svg.replace(f": {colour}", f": var(--fig-{name}, {colour})")
    return svg


def _sized(svg: str, alt: str) -> str:
    head, body = svg.split(">", 1)
    width = float(re.search(r'width="([\d.]+)pt"', head)[1])  # type: ignore[index]
    view = re.search(r'viewBox="([^"]*)"', head)[1]  # type: ignore[index]
    size = f'viewBox="{view}" style="max-width: {width / 12:.1f}em"'
    names = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return f'<svg {names} {size} fill="currentColor" role="img" aria-label="{escape(alt)}">{body}'
