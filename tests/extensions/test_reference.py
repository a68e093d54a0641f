"""The API reference: the public names, their docstrings and the equations that they compute."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("sphinx")

import minigrad as mg
from minigrad_book.extensions import reference
from minigrad_book.extensions.reference import as_rst, computed_by, defined_in, link, names_of, public, undocumented
from minigrad_book.extensions.tags import SOURCE, source_tags

ROOT = Path(__file__).parents[2]


def test_the_public_names_of_a_module_are_those_of_its_all():
    functions = {name: getattr(mg.data, name) for name in ("digits", "optional")}
    module = SimpleNamespace(__name__="minigrad.data", np=np, _own=mg.data.digits, **functions)
    assert names_of(module) == ["digits", "optional"]
    module.__all__ = ["digits"]
    assert names_of(module) == ["digits"]


def test_helpers_are_not_public():
    names = {"as_inputs", "batches", "cifar10", "data_root", "digits"}
    assert {name for name in public() if name.startswith("data.")} == {f"data.{name}" for name in names}
    assert not {"data.optional", "data.check_pair", "data.extract", "nn.zeros"} & public().keys()


def test_every_public_name_has_a_docstring():
    assert undocumented(public()) == []


def test_a_public_name_without_a_docstring_is_found():
    class Documented:
        """Documented."""

        def method(self):
            pass

        def _private(self):
            pass

    def bare():
        pass

    assert undocumented({"bare": bare, "Documented": Documented}) == ["bare", "Documented.method"]


def test_the_page_shows_every_public_name_once():
    page = (ROOT / "book" / "reference" / "api.md").read_text(encoding="utf-8")
    parts = [line.split("}")[1].split() for line in page.splitlines() if line.startswith("```{api}")]
    assert sorted(name for part in parts for name in defined_in(part)) == sorted(public())
    assert {"Tensor", "conv2d", "nn.Linear", "optim.Adam", "schedules.warmup", "fit", "data.cifar10"} <= public().keys()


PAGE = "# Reference\n\n```{api} threads\n```\n"
FILES = {"index.md": PAGE, "minigrad/threads.py": (ROOT / "minigrad" / "threads.py").read_text(encoding="utf-8")}


@pytest.fixture
def names(monkeypatch):
    """The public names, here those of `minigrad/threads.py` alone, which `PAGE` shows."""
    names = {"get_num_threads": mg.get_num_threads, "set_num_threads": mg.set_num_threads}
    monkeypatch.setattr(reference, "public", lambda: names)
    return names


def test_a_reference_with_every_name_once_has_no_warning(build, names):
    built = build(FILES, "reference")
    assert built.warnings == []
    assert 'id="minigrad.get_num_threads"' in built.page("index")


def test_a_build_warns_of_a_public_name_without_a_docstring(build, names, monkeypatch):
    monkeypatch.setattr(mg.set_num_threads, "__doc__", None)
    assert build(FILES, "reference").warnings == ["WARNING: minigrad.set_num_threads has no docstring"]


def test_a_build_warns_of_a_public_name_that_no_page_shows(build, names):
    names["conv2d"] = mg.conv2d
    assert build(FILES, "reference").warnings == ["WARNING: minigrad.conv2d is shown 0 times, not once"]


def test_a_build_warns_of_a_public_name_that_two_pages_show(build, names):
    pages = {"index.md": f"{PAGE}\n```{{toctree}}\nagain\n```\n", "again.md": PAGE}
    warnings = build(FILES | pages, "reference").warnings
    shown_twice = [f"WARNING: minigrad.{name} is shown 2 times, not once" for name in names]
    assert [warning for warning in warnings if "duplicate" not in warning] == shown_twice


def equations(value):
    app = SimpleNamespace(srcdir=str(ROOT), equation_sources=source_tags(ROOT, SOURCE))
    return computed_by(app, value)


def test_equations_are_found_in_kernels_and_helpers_and_not_in_other_public_names():
    assert {"adam-m", "adam-v", "adam-m-hat", "adam-v-hat", "adam-update"} <= set(equations(mg.optim.Adam))
    assert "adam-m" not in equations(mg.optim.AdamW)
    assert equations(mg.schedules.cosine_decay) == ["cosine-decay"]
    assert "relu-gradient" in equations(mg.relu)
    assert equations(mg.abs) == []


def test_a_docstring_becomes_restructured_text():
    text = ["One *star* and `Adam`:", "", "    m ← β·m*2", "", "Parameters", "----------", "x", "    See `y`."]
    assert as_rst(text, link) == [
        r"One \*star\* and :py:obj:`~minigrad.optim.Adam`:",
        "",
        "::",
        "",
        "    m ← β·m*2",
        "",
        "Parameters",
        "----------",
        "x",
        "    See ``y``.",
    ]
