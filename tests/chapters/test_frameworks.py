"""The page "What frameworks do differently": its numbers and the words in its tables agree with the traces."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg
from minigrad import schedules as s
from minigrad_book.frameworks import exercises, numbers
from minigrad_book.frameworks.numbers import TRACES
from minigrad_book.frameworks.traces.problems import METRICS, PLATEAU_NAMES, SCHEDULE_STEPS, Parameter

PAGE = Path(numbers.__file__).with_name("index.md").read_text(encoding="utf-8")


def test_defaults():
    assert numbers.default("minigrad", "Adam.eps") == numbers.default("torch", "Adam.eps") == 1e-8
    rows = {(rule, argument): values for rule, argument, *values in numbers.defaults()}
    assert rows["Adam", "ε"] == ["1e-08", "1e-07", "1e-08", "1e-08"]
    for rule, argument, torch, _, _, ours in numbers.DEFAULTS:
        same = numbers.default("torch", torch) == numbers.default("minigrad", ours)
        assert same, f"{rule}, {argument}: minigrad has PyTorch's defaults"


@pytest.mark.parametrize("run", numbers.look_alikes(), ids=lambda run: f"{run.framework} {run.name}")
def test_the_calls_marked_as_same_or_different(run):
    assert run.ours is None or numbers.difference(run, run.ours) < 1e-9
    assert numbers.difference(run, run.nearest) > 1e-7


def test_each_reason_has_one_row():
    reasons = [(run.framework, run.why) for run in numbers.look_alikes()]
    assert len(set(reasons)) == len(reasons) == len(numbers.costs())
    assert [row[-1] for row in numbers.costs()] == [why for _, why in reasons]


@pytest.mark.equation("sgd-momentum")
@pytest.mark.equation("sgd-keras-momentum")
def test_momentum_after_a_reduction_of_the_rate():
    keras, torch = numbers.momentum_steps("keras"), numbers.momentum_steps("torch")
    np.testing.assert_allclose(keras[: numbers.CUT], torch[: numbers.CUT])
    velocity = 0.0
    for t, taken in enumerate(keras):
        velocity = 0.9 * velocity + (1 if t < numbers.CUT else 0.1)
        assert taken == pytest.approx(velocity)
    excess, reached = numbers.coasting()
    limit = [exercises.coasting(0.9, 1.0, 0.1, k) for k in range(1, 41)]  # for a rate that was constant for a long time
    assert excess == pytest.approx(np.mean(limit), rel=0.02)
    assert keras[40 + reached - 1] < 1.1 * torch[40 + reached - 1]
    assert keras[40 + reached - 2] >= 1.1 * torch[40 + reached - 2]


SERIES = [(framework, series) for framework in numbers.PLATEAUS for series in TRACES[framework]["plateau"]]


@pytest.mark.parametrize(("convention", "series"), SERIES)
def test_the_plateau_table_agrees_with_minigrad_except_for_one_cell(convention, series):
    metrics, arguments = METRICS[series]
    optimizer = mg.optim.SGD([Parameter(np.zeros(1))], lr=1.0)
    plateau = s.ReduceLROnPlateau(optimizer, convention=convention, **arguments)
    ours = [epoch for epoch, metric in enumerate(metrics) if plateau.step(metric)]
    same = ours == numbers.reductions(convention, series)
    assert same != ((convention, series) == ("keras", "NaN first"))


def test_the_cells_of_the_plateau_table():
    rows = {name: cells for name, _, _, *cells in numbers.plateaus()}
    assert rows.keys() == METRICS.keys()
    assert rows["flat"] == ["2, 4, 6, 8, 10", "3, 6, 9", "2, 4, 6, 8, 10"]
    assert rows["flat, cooldown 1"] == ["2, 4, 6, 8, 10", "3, 7, 11", "2, 5, 8, 11"]
    assert rows["flat, patience 0"] == ["1, 2, 3, 4", "1, 2, 3, 4", "0"]
    assert rows["falling, patience 0"] == ["3", "3", "0, 1, 2, 4"]
    assert rows["flat at smaller rates"][1] == "2, 4, 6", "a change of the rate from 1e-8 isn't made"
    assert rows["exactly by the threshold"] == ["2", "3", "2"]
    assert rows["by more than the threshold"] == ["3", "never", "3"]
    assert rows["absolute threshold"] == ["–", "never", "4"]
    assert rows["flat and negative"] == ["2, 4, 6", "never", "never"]
    assert rows["maximum"][2] == rows["means of two"][0] == "–"


PLATEAU_RULES = {"keras": "ReduceLROnPlateau", "torch": "ReduceLROnPlateau", "optax": "reduce_on_plateau"}
PLATEAU_ARGUMENTS = [
    "factor=0.1",
    "patience=10",
    "min_delta=0.0001",
    'threshold_mode="rel"',
    "cooldown=0",
    "min_lr=0.0",
    "eps=1e-08",
    'mode="min"',
    "accumulation_size=1",
]


@pytest.mark.parametrize("argument", PLATEAU_ARGUMENTS)
def test_the_rows_of_the_plateau_arguments(argument):
    """The names, and the defaults that are numbers, agree with the traces. A dash means: no such argument."""
    name, value = argument.split("=")
    assert inspect.signature(s.ReduceLROnPlateau).parameters[name].default == ast.literal_eval(value)
    _, *cells = row(f"`{argument}`")
    for framework, cell in zip(numbers.PLATEAUS, cells, strict=True):
        recorded = TRACES[framework]["defaults"][PLATEAU_RULES[framework]]
        translated = PLATEAU_NAMES[framework].get(name)
        if cell.startswith("–"):
            assert translated is None
            assert name not in recorded
        else:
            theirs, default = cell.split("`")[1].split("=")
            assert theirs == (translated or "atol")
            text = default.startswith('"')
            assert (theirs in recorded) != text, "defaults that are strings aren't recorded"
            assert text or recorded[theirs] == float(default)


def test_the_page_shows_all_recorded_plateau_arguments():
    other = {"monitor", "verbose"}  # in Keras: the metric's name, and whether to print
    start = PAGE.index("| `minigrad` | Keras | PyTorch | optax |")
    table = PAGE[start : PAGE.index("\n\n", start)]
    for framework, rule in PLATEAU_RULES.items():
        for name in TRACES[framework]["defaults"][rule].keys() - other:
            assert f"`{name}" in table


def test_the_page_shows_all_plateau_arguments_of_minigrad():
    names = [argument.split("=")[0] for argument in PLATEAU_ARGUMENTS]
    assert {*names, "optimizer", "convention"} == set(inspect.signature(s.ReduceLROnPlateau).parameters)


def rate(framework: str, schedule: str, t: int) -> float:
    return TRACES[framework]["schedules"][schedule][SCHEDULE_STEPS.index(t)]


def row(start: str) -> list[str]:
    """Return the cells of the row, in a table of the page, whose first cell is `start`."""
    (line,) = [line for line in PAGE.splitlines() if line.startswith(f"| {start} |")]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_row_a_boundary_belongs_to():
    _, keras, torch, optax, ours = row("a boundary belongs to")
    assert "before" in keras
    assert rate("keras", "piecewise_constant", 10) == pytest.approx(0.1)
    assert "after" in torch
    assert rate("torch", "MultiStepLR", 10) == pytest.approx(0.05)
    assert "after" in optax
    assert rate("optax", "piecewise_constant", 10) == pytest.approx(0.05)
    assert "`piecewise_constant` as in TensorFlow" in ours
    assert "`multi_step_decay` as in PyTorch" in ours
    assert s.piecewise_constant([10], [1.0, 0.1])(10) == 1.0
    assert s.multi_step_decay(1.0, [10], 0.1)(10) == 0.1


def test_the_row_after_the_last_step():
    _, keras, torch, optax, ours = row("after the last step")
    assert (keras, optax, ours) == ("stays", "stays", "stays")
    for framework in ("keras", "optax"):
        assert rate(framework, "cosine_decay", 250) == pytest.approx(0.01)
    assert s.cosine_decay(0.1, 40, 0.1)(250) == pytest.approx(0.01)
    assert "cosine rises again" in torch
    assert rate("torch", "CosineAnnealingLR", 60) > 0.05
    assert "one-cycle raises an error" in torch
    assert len(TRACES["torch"]["schedules"]["OneCycleLR"]) == 41
    assert s.one_cycle(0.1, 40)(250) == s.one_cycle(0.1, 40)(39)


def test_the_row_warm_up():
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


def test_the_row_computed_in():
    assert row("computed in")[1:3] == ["float32", "float64"]
    exact = np.array([s.cosine_decay(0.1, 40, 0.1)(t) for t in range(40)])
    for framework, name, bits in (("keras", "cosine_decay", 32), ("torch", "CosineAnnealingLR", 64)):
        error = np.abs(np.array(TRACES[framework]["schedules"][name][:40]) / exact - 1).max()
        assert (error > 1e-10) == (bits == 32)


def test_the_row_default_of_adamws_weight_decay():
    rules = (("torch", "AdamW"), ("keras", "AdamW"), ("optax", "adamw"))
    defaults = [numbers.default(framework, f"{rule}.weight_decay") for framework, rule in rules]
    assert row("default λ of AdamW")[1:] == [f"{value:g}" for value in defaults]


def test_frameworks_without_a_weight_decay_argument():
    assert row("`SGD(weight_decay=λ)`")[3].startswith("no such argument")
    assert row("`Adam(weight_decay=λ)`")[3] == "no such argument"
    assert "weight_decay" not in TRACES["optax"]["defaults"]["sgd"]
    assert "weight_decay" not in TRACES["optax"]["defaults"]["adam"]
