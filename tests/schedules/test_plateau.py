"""ReduceLROnPlateau, epoch by epoch: the book's table, recorded Keras, PyTorch and optax, random metrics."""

from __future__ import annotations

import json
from math import inf, isnan, nan
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigrad.optim import SGD
from minigrad.schedules import ReduceLROnPlateau, constant
from minigrad_book.frameworks.traces import problems
from minigrad_book.frameworks.traces.problems import METRICS, PLATEAU_NAMES, Parameter, random_series

CONVENTIONS = ["keras", "torch", "optax"]
TRACES = {name: json.loads((Path(problems.__file__).parent / f"{name}.json").read_text()) for name in CONVENTIONS}


def make(lr=1.0, **arguments):
    return ReduceLROnPlateau(SGD([Parameter(np.zeros(1))], lr=lr), **arguments)


def reduced_after(metrics, **arguments) -> list[int]:
    """The epochs, counted from 0, after which the rate was reduced."""
    plateau = make(**arguments)
    return [epoch for epoch, metric in enumerate(metrics) if plateau.step(metric)]


FLAT = [1.0] * 13


@pytest.mark.parametrize(
    ("arguments", "keras", "torch", "optax"),
    [
        ({"patience": 2}, [2, 4, 6, 8], [3, 6, 9], [2, 4, 6, 8]),
        ({"patience": 2, "cooldown": 1}, [2, 4, 6, 8], [3, 7, 11], [2, 5, 8]),
        ({"patience": 2, "cooldown": 3}, [2, 6, 10], [3, 9], [2, 7, 12]),
        ({"patience": 0}, [1, 2, 3, 4], [1, 2, 3, 4], [0]),
        ({"patience": 1}, [1, 2, 3, 4], [2, 4, 6, 8], [1, 2, 3, 4]),
    ],
)
def test_flat_loss(arguments, keras, torch, optax):
    assert reduced_after(FLAT, **arguments)[: len(keras)] == keras
    assert reduced_after(FLAT, convention="torch", eps=0, **arguments)[: len(torch)] == torch
    assert reduced_after(FLAT, convention="optax", **arguments)[: max(2, len(optax))] == optax


@pytest.mark.equation("plateau-better-keras")
def test_keras_threshold_is_absolute():
    plateau = make()
    plateau.step(1.0)
    assert plateau.better(1 - 1.01e-4)
    assert not plateau.better(1 - 0.99e-4)
    plateau.step(1e-5)
    assert not plateau.better(0.0), "an absolute threshold is too coarse for a loss near 1e-5"


@pytest.mark.equation("plateau-better-torch")
def test_torch_threshold_is_relative_or_absolute():
    relative, absolute = make(convention="torch"), make(convention="torch", threshold_mode="abs")
    for plateau in (relative, absolute):
        plateau.step(1e-5)
    assert relative.better(0.99e-5)
    assert not absolute.better(0.0)


@pytest.mark.equation("plateau-reduce")
def test_reduction_and_its_floor():
    plateau = make(patience=0, factor=0.5, min_lr=0.3)
    rates = []
    for _ in range(4):
        plateau.step(1.0)
        rates.append(plateau.optimizer.lr)
    assert rates == [1.0, 0.5, 0.3, 0.3]


def test_a_reduction_is_reported_only_if_made():
    assert reduced_after(FLAT, patience=0, min_lr=0.02) == [1, 2]
    assert reduced_after(FLAT, patience=1, min_lr=0.02, convention="optax") == [1, 2]
    assert reduced_after(FLAT, patience=1, convention="optax") == list(range(1, 13)), "no eps"
    assert reduced_after(FLAT, patience=0, convention="torch") == list(range(1, 9))  # 1e-8 → 1e-9 changes less than eps
    assert reduced_after(FLAT, patience=0, convention="torch", eps=0) == list(range(1, 13))


def test_relative_threshold_takes_a_flat_negative_loss_for_progress():
    assert reduced_after([-1.0] * 20, patience=2, convention="torch") == []
    assert reduced_after([-1.0] * 20, patience=2, convention="torch", threshold_mode="abs")[:2] == [3, 6]
    assert reduced_after([-1.0] * 20, patience=2, convention="optax") == []
    assert reduced_after([-1.0] * 20, patience=2, convention="optax", threshold_mode="abs")[:2] == [2, 4]
    assert reduced_after([-1.0] * 20, patience=2)[:2] == [2, 4]


def test_a_steady_recovery_after_a_dip_counts_as_a_plateau():
    recovering = [1.0, 0.2, 3.0, 2.0, 1.5, 1.0, 0.7, 0.5, 0.3]
    assert reduced_after(recovering, patience=3) == [4, 7]


def test_nan_is_never_better():
    assert reduced_after([1.0, nan, nan, nan, nan], patience=2) == [2, 4]
    assert reduced_after([nan] * 5, patience=2) == [1, 3]
    assert reduced_after([nan] * 7, patience=2, convention="torch") == [2, 5]
    assert reduced_after([nan] * 7, patience=2, convention="optax") == [1, 3, 5]
    for convention in CONVENTIONS:
        plateau = make(convention=convention)
        for metric in (nan, 2.0, nan, 1.0):
            plateau.step(metric)
        assert plateau.best == 1.0


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_infinite_metrics(convention):
    plateau = make(convention=convention)
    for metric in (inf, 5.0, inf, -inf, 0.0):
        plateau.step(metric)
    assert plateau.best == -inf
    assert plateau.wait == 1


@pytest.mark.equation("plateau-better-torch")
def test_optax_threshold_is_pytorchs_or_absolute():
    plateau = make(convention="optax", min_delta=0.25)
    plateau.step(1.0)
    assert not plateau.better(0.75), "an improvement by the threshold isn't enough"
    assert plateau.better(np.nextafter(0.75, 0))
    absolute = make(convention="optax", min_delta=0.5, threshold_mode="abs")
    absolute.step(4.0)
    assert not absolute.better(3.5)
    assert absolute.better(np.nextafter(3.5, 0)), "relative, it would have to be below 2"


def test_optax_reduces_after_better_epochs_with_patience_0():
    assert reduced_after([1.0, 1.0, 0.5, 0.7, 0.3, 0.3], patience=0, convention="optax") == [0, 2, 4]
    assert reduced_after([1.0, 0.5, 0.4, 0.3], patience=0, convention="optax", cooldown=2) == [0, 3]


def test_an_ignored_epoch_can_be_the_best_and_a_reduction_keeps_it():
    for convention, cooldown in (("keras", 3), ("torch", 2), ("optax", 2)):  # all ignore two epochs
        plateau = make(convention=convention, patience=1, cooldown=cooldown)
        while not plateau.step(1.0):
            pass
        assert plateau.best == 1.0
        plateau.step(0.5)
        assert plateau.best == 0.5
        assert plateau.cooldown_left > 0


def test_at_min_lr_keras_waits_on_and_the_others_start_again():
    states = {}
    for convention in CONVENTIONS:
        plateau = make(convention=convention, patience=1, cooldown=2, min_lr=1.0)
        assert [plateau.step(1.0) for _ in range(4)] == [False] * 4
        states[convention] = (plateau.wait, plateau.cooldown_left)
    assert states == {"keras": (3, 0), "torch": (0, 1), "optax": (0, 0)}


def test_a_lower_rate_than_min_lr_stays():
    for convention in CONVENTIONS:
        plateau = make(lr=0.1, min_lr=0.5, patience=1, convention=convention)
        assert [plateau.step(1.0) for _ in range(6)] == [False] * 6
        assert plateau.optimizer.lr == 0.1


def test_min_lr_and_eps_are_rates_and_min_scale_is_none():
    """Half the rate from the start is half the rate at each epoch, unless min_lr or eps comes in."""

    def ratios(**arguments):
        plateaus = [make(lr=lr, patience=1, factor=0.5, **arguments) for lr in (2**-24, 2**-25)]
        rates = [[(plateau.step(metric), plateau.optimizer.lr)[1] for metric in FLAT] for plateau in plateaus]
        return {a / b for a, b in zip(*rates, strict=True)}

    assert ratios() == ratios(convention="optax") == ratios(convention="torch", eps=0) == {2.0}
    assert ratios(convention="torch") != {2.0}
    assert ratios(min_lr=2**-26) != {2.0}
    scaled = [make(lr=lr, convention="optax", min_lr=lr / 8, patience=1, factor=0.5) for lr in (1.0, 0.5)]
    for metric in FLAT:
        assert scaled[0].step(metric) == scaled[1].step(metric)
        assert scaled[0].optimizer.lr == 2 * scaled[1].optimizer.lr


def test_each_mean_of_a_group_counts_as_an_epoch():
    single = make(convention="optax", patience=1)
    grouped = make(convention="optax", patience=1, accumulation_size=4)
    for mean in (1.0, 0.5, 0.75, 0.25, 0.5):
        group = [grouped.step(mean + difference) for difference in (0.25, -0.25, 0.5, -0.5)]
        assert group == [False, False, False, single.step(mean)]
        assert (grouped.wait, grouped.best) == (single.wait, single.best)
        assert grouped.optimizer.lr == single.optimizer.lr


SERIES = [(convention, name) for convention in CONVENTIONS for name in TRACES[convention]["plateau"]]


@pytest.mark.parametrize(("convention", "name"), SERIES)
def test_agrees_with_the_recorded_rates(convention, name):
    metrics, arguments = METRICS[name]
    plateau, rates = make(convention=convention, **arguments), []
    for metric in metrics:
        plateau.step(metric)
        rates.append(plateau.optimizer.lr)
    theirs = TRACES[convention]["plateau"][name]
    if (convention, name) == ("keras", "NaN first"):
        assert theirs[-1] < 1.0, "Keras takes it for its best: nothing is better, and the rate falls and falls"
        assert rates == [1.0] * len(metrics)
    elif convention == "keras":
        np.testing.assert_allclose(rates, theirs, rtol=1e-6)  # Keras rounds the rate to float32
    else:
        assert rates == theirs


def test_every_series_is_recorded_where_the_framework_has_its_arguments():
    for convention in CONVENTIONS:
        having = {name for name, (_, chosen) in METRICS.items() if chosen.keys() <= PLATEAU_NAMES[convention].keys()}
        assert TRACES[convention]["plateau"].keys() == having


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_agrees_with_the_recorded_states_on_random_metrics(convention):
    recorded = TRACES[convention]["random plateaus"]
    reductions = cooling = 0
    for (metrics, arguments), theirs in zip(random_series(convention), recorded, strict=True):
        assert len(metrics) == len(theirs[0])
        if convention == "keras" and isnan(metrics[0]):
            continue  # see the series "NaN first"
        plateau = make(convention=convention, **arguments)
        for metric, rate, wait, cooldown in zip(metrics, *theirs, strict=True):
            reductions += plateau.step(metric)
            cooling += plateau.cooldown_left > 0
            assert (plateau.optimizer.lr, plateau.wait, plateau.cooldown_left) == (rate, wait, cooldown)
    assert min(reductions, cooling) > 3 * len(recorded)


def states_by_the_table(column, convention, metrics, *, patience, cooldown, factor, min_lr, better):
    """Follow the rules in a column of the page's table; yield the rate, the bad epochs and the cooldown left."""
    ascii_of = {"$": "", r"\le": "<=", r"\ge": ">=", " = ": " == ", r"\max": "max"}

    def holds(rule, **names):
        text = column[rule]
        for latex, python in ascii_of.items():
            text = text.replace(latex, python)
        return eval(text, {"max": max}, names)

    lr, best, w, c = 1.0, None, 0, 0
    for value in metrics:
        counts = holds("1. The epoch counts if", c=c)
        if c > 0 and column["If $c > 0$"] == r"$c \leftarrow c - 1$, $w \leftarrow 0$":
            c, w = c - 1, 0
        if better(value, best) and column["2. A better value"].startswith("becomes the best"):
            best, w = value, 0
        elif counts and column["Another value, if the epoch counts"] == r"$w \leftarrow w + 1$":
            w += 1
        if counts and holds("3. If the epoch counts, a reduction is due for", w=w, p=patience):
            if lr > min_lr or "except" not in column["4. If a reduction is due"]:
                w, c = 0, cooldown
            new = max(lr * factor, min_lr)
            lr = new if lr - new > (1e-8 if "eps" in column["The rate stays the same"] else 0) else lr
        yield lr, w, c


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_the_table_on_the_page_agrees_with_the_recorded_states(convention):
    page = (Path(problems.__file__).parents[2] / "schedules" / "index.md").read_text(encoding="utf-8")
    start = page.index("| | Keras | PyTorch | optax |")
    head, _, *rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in page[start:].split("\n\n")[0].splitlines()
    ]
    index = head.index({"keras": "Keras", "torch": "PyTorch", "optax": "optax"}[convention])
    column = {row[0]: row[1] if row[index] == "the same" else row[index] for row in rows}
    assert column["NaN"] == "is never better"
    assert len(column) == 8

    checked = 0
    for (metrics, chosen), theirs in zip(random_series(convention), TRACES[convention]["random plateaus"], strict=True):
        arguments = dict(chosen)
        sign = 1 if arguments.pop("mode", "min") == "min" else -1
        delta, mode = arguments.pop("min_delta"), arguments.pop("threshold_mode", "abs")
        if arguments.pop("accumulation_size", 1) != 1 or (convention == "keras" and isnan(metrics[0])):
            continue

        def better(value, best, sign=sign, delta=delta, relative=mode == "rel"):
            if best is None:
                return not isnan(value) and (convention == "keras" or sign * value < inf)
            below = best * (1 - sign * delta) if relative else best - sign * delta
            return sign * value < sign * below

        assert list(states_by_the_table(column, convention, metrics, better=better, **arguments)) == [
            tuple(state) for state in zip(*theirs, strict=True)
        ]
        checked += 1
    assert checked > len(TRACES[convention]["random plateaus"]) / 3


metrics = st.lists(
    st.one_of(st.floats(-2, 2), st.sampled_from([nan, inf, -inf, 0.0, 1.0, 1.0 - 1e-4, 0.9999])),
    min_size=1,
    max_size=40,
)


@given(
    metrics,
    st.sampled_from([0.1, 0.5, 0.9]),
    st.integers(0, 4),
    st.sampled_from([0.0, 1e-4, 0.1]),
    st.integers(0, 4),
    st.sampled_from([0.0, 0.05]),
    st.sampled_from(["min", "max"]),
    st.sampled_from(["rel", "abs"]),
)
def test_agrees_with_live_pytorch(values, factor, patience, threshold, cooldown, min_lr, mode, threshold_mode):
    torch = pytest.importorskip("torch")
    shared = {"factor": factor, "patience": patience, "cooldown": cooldown, "min_lr": min_lr, "mode": mode}
    mine = make(convention="torch", min_delta=threshold, threshold_mode=threshold_mode, **shared)
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, threshold=threshold, threshold_mode=threshold_mode, **shared
    )
    for value in values:
        mine.step(value)
        theirs.step(value)
        assert mine.optimizer.lr == optimizer.param_groups[0]["lr"]
        assert mine.wait == theirs.num_bad_epochs
        assert mine.cooldown_left == theirs.cooldown_counter


def transcribed_optax(values, factor, patience, rtol, atol, cooldown, min_scale, accumulation_size):
    """`_update_scale` and `update_fn` of optax 0.2.8, line by line; yields the state after each value."""
    scale, best_value, plateau_count, cooldown_count, count, avg_value = 1.0, inf, 0, 0, 0, 0.0
    for value in values:
        avg_value = (count * avg_value + value) / (count + 1)
        count += 1
        if count == accumulation_size:
            has_improved = avg_value < (1 - rtol) * best_value - atol
            best_value = avg_value if has_improved else best_value
            current = 0 if has_improved else plateau_count + 1
            if cooldown_count > 0:
                plateau_count, cooldown_count = 0, cooldown_count - 1
            else:
                plateau_count = 0 if current == patience else current
                scale = max(scale * factor if current == patience else scale, min_scale)
                cooldown_count = cooldown if current == patience else 0
            count, avg_value = 0, 0.0
        yield scale, best_value, plateau_count, cooldown_count, count, avg_value


@given(
    metrics,
    st.sampled_from([0.1, 0.5, 0.9]),
    st.integers(0, 4),
    st.sampled_from([1e-4, 0.1, 1.0]),
    st.booleans(),
    st.integers(0, 4),
    st.sampled_from([0.0, 0.05, 1.0]),
    st.integers(1, 4),
)
def test_agrees_with_a_transcription_of_optax(values, factor, patience, delta, absolute, cooldown, min_scale, size):
    rest = {"factor": factor, "patience": patience, "cooldown": cooldown, "accumulation_size": size}
    mode = "abs" if absolute else "rel"
    mine = make(convention="optax", min_delta=delta, threshold_mode=mode, min_lr=min_scale, **rest)
    rtol, atol = (0.0, delta) if absolute else (delta, 0.0)
    theirs = list(transcribed_optax(values, rtol=rtol, atol=atol, min_scale=min_scale, **rest))
    old = 1.0
    for value, state in zip(values, theirs, strict=True):
        reduced = mine.step(value)
        ours = (mine.optimizer.lr, mine.best, mine.wait, mine.cooldown_left, mine.gathered, mine.mean)
        np.testing.assert_array_equal(ours, state)  # NaN equals NaN
        assert reduced == (state[0] < old)
        old = state[0]


@given(
    metrics,
    st.sampled_from([{"convention": c, "mode": m} for c in ("keras", "torch") for m in ("min", "max")])
    | st.builds(lambda size: {"convention": "optax", "accumulation_size": size}, st.integers(1, 3)),
    st.integers(0, 39),
)
def test_goes_on_where_it_was_saved(values, rules, cut):
    arguments = {"patience": 1, "cooldown": 2} | rules
    whole, first, second = make(**arguments), make(**arguments), make(**arguments)
    rates = [(whole.step(value), whole.optimizer.lr) for value in values]
    again = [(first.step(value), first.optimizer.lr) for value in values[:cut]]
    second.load_state_dict(json.loads(json.dumps(first.state_dict())))
    second.optimizer.load_state_dict(first.optimizer.state_dict())
    assert again + [(second.step(value), second.optimizer.lr) for value in values[cut:]] == rates


@given(metrics, st.sampled_from(["keras", "torch"]))
def test_max_is_min_of_the_negative(values, convention):
    low, high = (make(patience=1, convention=convention, threshold_mode="abs", mode=mode) for mode in ("min", "max"))
    assert [low.step(value) for value in values] == [high.step(-value) for value in values]


BAD = {
    "factor": ({"factor": 1.0}, ValueError, "factor must be finite and > 0 and < 1, got 1.0"),
    "factor 0": ({"factor": 0}, ValueError, "factor"),
    "patience": ({"patience": -1}, ValueError, "patience must be ≥ 0, got -1"),
    "patience of half": ({"patience": 0.5}, TypeError, "patience must be an integer, got 0.5"),
    "min_delta": ({"min_delta": -1e-4}, ValueError, "min_delta"),
    "cooldown": ({"cooldown": -1}, ValueError, "cooldown"),
    "min_lr": ({"min_lr": nan}, ValueError, "min_lr"),
    "mode": ({"mode": "auto"}, ValueError, "mode must be one of 'min', 'max', got 'auto'"),
    "convention": ({"convention": "jax"}, ValueError, "'keras', 'torch', 'optax'"),
    "threshold_mode": ({"threshold_mode": "both"}, ValueError, "'rel', 'abs'"),
    "eps": ({"eps": -1}, ValueError, "eps"),
    "accumulation_size": ({"accumulation_size": 0, "convention": "optax"}, ValueError, "accumulation_size must be ≥ 1"),
    "accumulation_size in Keras": (
        {"accumulation_size": 2},
        ValueError,
        "needs convention='optax', got 2 with 'keras'",
    ),
    "optax, maximum": ({"mode": "max", "convention": "optax"}, ValueError, "the negative of the metric"),
    "optax, no threshold": ({"min_delta": 0, "convention": "optax"}, ValueError, "min_delta > 0, got 0"),
    "optax, threshold": ({"min_delta": 1.5, "convention": "optax"}, ValueError, "min_delta ≤ 1, got 1.5"),
    "an optimizer with a schedule": ({"lr": constant(0.1)}, ValueError, r"constant lr; its lr is constant\(lr=0.1\)"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_arguments_are_refused(name):
    arguments, error, message = BAD[name]
    with pytest.raises(error, match=message):
        make(**arguments)


def test_a_schedule_set_later_is_refused():
    plateau = make()
    plateau.optimizer.lr = constant(0.1)
    with pytest.raises(ValueError, match="was set to a schedule"):
        plateau.step(1.0)


def test_an_absolute_threshold_above_1_is_optaxs_too():
    plateau = make(min_delta=1.5, convention="optax", threshold_mode="abs")
    plateau.step(4.0)
    assert not plateau.better(2.5)
    assert plateau.better(2.4)


@pytest.mark.parametrize("optimizer", [..., None, 0.1, [Parameter(np.zeros(1))]])
def test_only_an_optimizer_is_accepted(optimizer):
    with pytest.raises(TypeError, match="optimizer must be an optimizer of minigrad"):
        ReduceLROnPlateau(optimizer)


SAVED = {"best": 1.0, "wait": 2, "cooldown_left": 0}


@pytest.mark.parametrize(
    ("convention", "state", "message"),
    [
        ("keras", {"best": 1.0, "num_bad_epochs": 2}, r"missing .*wait"),
        ("keras", SAVED | {"mean": 0.0, "gathered": 0}, r"unknown names .*gathered"),
        ("optax", SAVED, r"missing .*gathered.*mean"),
        ("torch", SAVED | {"wait": -1}, "wait must be ≥ 0, got -1"),
        ("torch", SAVED | {"wait": [1, 2]}, "wait has shape"),
        ("optax", SAVED | {"mean": 0.0, "gathered": -3}, "gathered must be ≥ 0, got -3"),
        ("optax", SAVED | {"mean": "no number", "gathered": 0}, "could not convert"),
    ],
)
def test_a_state_that_does_not_fit_is_refused_and_changes_nothing(convention, state, message):
    plateau = make(convention=convention)
    plateau.step(3.0)
    before = plateau.state_dict()
    with pytest.raises(ValueError, match=message):
        plateau.load_state_dict(state)
    assert plateau.state_dict() == before
