"""The page "What frameworks do differently": the rows that aren't computed on the page itself, against the traces."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from minigrad_book.frameworks.traces import problems
from minigrad_book.frameworks.traces.problems import SCHEDULE_STEPS

from minigrad import schedules as s

FOLDER = Path(problems.__file__).parent
TRACES = {name: json.loads((FOLDER / f"{name}.json").read_text()) for name in ("keras", "optax", "torch")}
PAGE = (FOLDER.parent / "index.md").read_text(encoding="utf-8")


def rate(framework: str, schedule: str, t: int) -> float:
    return TRACES[framework]["schedules"][schedule][SCHEDULE_STEPS.index(t)]


def row(start: str) -> list[str]:
    """The cells of the page's table row that starts so."""
    (line,) = [line for line in PAGE.splitlines() if line.startswith(f"| {start} |")]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_a_boundary_belongs_to():
    _, keras, torch, optax, _ = row("a boundary belongs to")
    assert "before" in keras
    assert rate("keras", "piecewise_constant", 10) == pytest.approx(0.1)
    assert "after" in torch
    assert rate("torch", "MultiStepLR", 10) == pytest.approx(0.05)
    assert "after" in optax
    assert rate("optax", "piecewise_constant", 10) == pytest.approx(0.05)


def test_after_the_last_step():
    _, keras, torch, optax, ours = row("after the last step")
    assert (keras, optax, ours) == ("stays", "stays", "stays")
    for framework in ("keras", "optax"):
        assert rate(framework, "cosine_decay", 250) == pytest.approx(0.01)
    assert s.cosine_decay(0.1, 40, 0.1)(250) == pytest.approx(0.01)
    assert "cosine turns up again" in torch
    assert rate("torch", "CosineAnnealingLR", 60) > 0.05
    assert "one-cycle raises" in torch
    assert len(TRACES["torch"]["schedules"]["OneCycleLR"]) == 41
    assert s.one_cycle(0.1, 40)(250) == s.one_cycle(0.1, 40)(39)


def test_warm_up():
    _, keras, torch, optax, ours = row("warm-up")
    for framework, cell in (("keras", keras), ("optax", optax)):
        assert "from the rate you give; the decay starts after it" in cell
        rates = [rate(framework, "cosine_decay with warm-up", t) for t in (0, 5, 10, 30, 50)]
        assert rates == pytest.approx([0.02, 0.06, 0.1, 0.05, 0.0], abs=1e-8)
    assert "from a third by default" in torch
    assert rate("torch", "LinearLR", 0) == pytest.approx(0.1 / 3)
    assert "from $\\eta/W$; the decay runs from the start" in ours
    warm = s.warmup(s.cosine_decay(0.1, 40), 10)
    assert (warm(0), warm(30)) == pytest.approx((0.01, s.cosine_decay(0.1, 40)(30)))


def test_computed_in():
    assert row("computed in")[1:3] == ["float32", "float64"]
    exact = np.array([s.cosine_decay(0.1, 40, 0.1)(t) for t in range(40)])
    for framework, name, bits in (("keras", "cosine_decay", 32), ("torch", "CosineAnnealingLR", 64)):
        error = np.abs(np.array(TRACES[framework]["schedules"][name][:40]) / exact - 1).max()
        assert (error > 1e-10) == (bits == 32)


def test_weight_decay_defaults():
    assert row("default λ of AdamW")[1:] == ["0.01", "0.004", "0.0001"]
    defaults = [(TRACES[f]["defaults"][r]["weight_decay"]) for f, r in (("torch", "AdamW"), ("keras", "AdamW"))]
    assert [*defaults, TRACES["optax"]["defaults"]["adamw"]["weight_decay"]] == [0.01, 0.004, 0.0001]


def test_frameworks_without_a_weight_decay_argument():
    assert row("`SGD(weight_decay=λ)`")[3].startswith("no such argument")
    assert row("`Adam(weight_decay=λ)`")[3] == "no such argument"
    assert "weight_decay" not in TRACES["optax"]["defaults"]["sgd"]
    assert "weight_decay" not in TRACES["optax"]["defaults"]["adam"]
