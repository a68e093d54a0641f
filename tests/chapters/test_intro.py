"""The landing page: its derivation, tested with SymPy, and its sentences, tested with its cells' results."""

import re
from pathlib import Path

import myst_nb
import pytest
import sympy as sp

from minigrad_book.should_you_decay import numbers

PAGE = (Path(numbers.__file__).parents[1] / "intro.md").read_text(encoding="utf-8")
CELLS = re.findall(r"^```{code-cell}\n(?::tags: [^\n]*\n)?(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def page():
    """Return the variables of the figure's cell, and as "glued" a dict of the glued numbers."""
    glued: dict[str, float] = {}
    scope: dict[str, object] = {"glued": glued}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(myst_nb, "glue", lambda name, value, display: glued.__setitem__(name, value))
        for cell in CELLS:
            if "def mean_loss" in cell or "glue(" in cell:
                exec(compile(cell, "intro.md", "exec"), scope)
    return scope


def test_the_floor_of_the_introduction():
    """s = (1−a)² s + a² σ² has the solution a σ²/(2 − a). For a = η/σ, half of it is ησ/4 to first order in η."""
    a, s, eta, sigma = sp.symbols("a s eta sigma", positive=True)
    (solution,) = sp.solve(sp.Eq(s, (1 - a) ** 2 * s + a**2 * sigma**2), s)
    assert sp.simplify(solution - a * sigma**2 / (2 - a)) == 0
    floor = sp.series((solution / 2).subs(a, eta / sigma), eta, 0, 2).removeO()
    assert sp.simplify(floor - eta * sigma / 4) == 0


def test_constant_rates_end_at_the_floor(page):
    for name in ("large", "small"):
        floor = page[name] * page["NOISE"] / 4
        assert page["glued"][f"intro-floor-{name}"] == pytest.approx(floor, rel=0.1)
        assert page["glued"][f"intro-floor-{name}"] != pytest.approx(2 * floor, rel=0.1)  # s itself isn't the mean loss


def test_decay_is_fast_and_ends_below_all_constant_rates(page):
    arms = page["arms"]
    assert arms["decayed"][100] < 2 * arms["large"][100] < arms["small"][100] / 10
    assert arms["decayed"][-1] < page["best_constant"] / 2 < arms["small"][-1] / 2
    best, ends = page["best_rate"], page["ends"]
    assert min(ends) < best < max(ends), "the rates tried enclose the best"


def test_the_numbers_in_the_figures_alternative_text(page):
    arms = page["arms"]
    described = [arms["large"][50], arms["large"][-1000:].mean(), arms["small"][-1000:].mean(), arms["decayed"][-1]]
    values = re.search(
        r"to (0\.\d+) at step 50, and settles at (0\.\d+)\..* stays at (0\.\d+)\..* to \"\n.*\"(0\.\d+) at",
        PAGE,
        re.DOTALL,
    )
    assert [float(value) for value in values.groups()] == pytest.approx(described, rel=0.15)


def test_only_the_large_rate_is_at_its_floor_at_step_50(page):
    """At step 50 the large rate has reached its floor, and the small rate is still far above its own."""
    arms = page["arms"]
    assert arms["small"][50] > 100 * page["glued"]["intro-floor-small"]
    assert arms["large"][50] < page["glued"]["intro-floor-large"] < 10 * arms["large"][50]


def test_the_sentences_about_the_article(page):
    """Most of the gain is the constant rate's loss by overfitting. With 0.0001 no difference can be shown."""
    glued = page["glued"]
    assert glued["intro-decay-last"] - glued["intro-decay-best"] > glued["intro-decay-last"] / 2
    assert glued["intro-decay-best"] > 0
    assert all(numbers.gain("article-2", "constant", "plateau", at).verdict == 0 for at in ("last", "best"))


def test_every_number_on_the_page_is_glued(page):
    assert set(re.findall(r"{glue:text}`([^`:]+)", PAGE)) == page["glued"].keys()
