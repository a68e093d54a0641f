"""ReduceLROnPlateau, epoch by epoch: the book's table, recorded Keras and PyTorch, live PyTorch on random metrics."""

from __future__ import annotations

import json
from math import inf, nan
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigrad.optim import SGD
from minigrad.schedules import ReduceLROnPlateau, constant
from minigrad_book.frameworks.traces import problems
from minigrad_book.frameworks.traces.problems import METRICS, Parameter

TRACES = {
    name: json.loads((Path(problems.__file__).parent / f"{name}.json").read_text())["plateau"]
    for name in ("keras", "torch")
}


def make(lr=1.0, **arguments):
    return ReduceLROnPlateau(SGD([Parameter(np.zeros(1))], lr=lr), **arguments)


def reduced_after(metrics, **arguments) -> list[int]:
    """The epochs, counted from 0, after which the rate was reduced."""
    plateau = make(**arguments)
    return [epoch for epoch, metric in enumerate(metrics) if plateau.step(metric)]


FLAT = [1.0] * 13


@pytest.mark.parametrize(
    ("arguments", "keras", "torch"),
    [
        ({"patience": 2}, [2, 4, 6, 8], [3, 6, 9]),
        ({"patience": 2, "cooldown": 1}, [2, 4, 6, 8], [3, 7, 11]),
        ({"patience": 2, "cooldown": 3}, [2, 6, 10], [3, 9]),
        ({"patience": 0}, [1, 2, 3, 4], [1, 2, 3, 4]),
        ({"patience": 1}, [1, 2, 3, 4], [2, 4, 6, 8]),
    ],
)
def test_flat_loss(arguments, keras, torch):
    assert reduced_after(FLAT, **arguments)[: len(keras)] == keras
    assert reduced_after(FLAT, convention="torch", eps=0, **arguments)[: len(torch)] == torch


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
    assert reduced_after(FLAT, patience=0, convention="torch") == list(range(1, 9))  # 1e-8 → 1e-9 changes less than eps
    assert reduced_after(FLAT, patience=0, convention="torch", eps=0) == list(range(1, 13))


def test_relative_threshold_takes_a_flat_negative_loss_for_progress():
    assert reduced_after([-1.0] * 20, patience=2, convention="torch") == []
    assert reduced_after([-1.0] * 20, patience=2, convention="torch", threshold_mode="abs")[:2] == [3, 6]
    assert reduced_after([-1.0] * 20, patience=2)[:2] == [2, 4]


def test_a_steady_recovery_after_a_dip_counts_as_a_plateau():
    recovering = [1.0, 0.2, 3.0, 2.0, 1.5, 1.0, 0.7, 0.5, 0.3]
    assert reduced_after(recovering, patience=3) == [4, 7]


def test_nan_is_never_better():
    assert reduced_after([1.0, nan, nan, nan, nan], patience=2) == [2, 4]
    assert reduced_after([nan] * 5, patience=2) == [1, 3]
    assert reduced_after([nan] * 7, patience=2, convention="torch") == [2, 5]
    plateau = make()
    for metric in (nan, 2.0, nan, 1.0):
        plateau.step(metric)
    assert plateau.best == 1.0


@pytest.mark.parametrize("convention", ["keras", "torch"])
def test_infinite_metrics(convention):
    plateau = make(convention=convention)
    for metric in (inf, 5.0, inf, -inf, 0.0):
        plateau.step(metric)
    assert plateau.best == -inf
    assert plateau.wait == 1


@pytest.mark.parametrize("name", METRICS)
def test_agrees_with_recorded_pytorch(name):
    metrics, arguments = METRICS[name]
    plateau = make(convention="torch", **arguments)
    for metric, rate in zip(metrics, TRACES["torch"][name], strict=True):
        plateau.step(metric)
        assert plateau.optimizer.lr == rate


@pytest.mark.parametrize("name", METRICS)
def test_agrees_with_recorded_keras(name):
    metrics, arguments = METRICS[name]
    plateau, rates = make(**arguments), []
    for metric in metrics:
        plateau.step(metric)
        rates.append(plateau.optimizer.lr)
    theirs = TRACES["keras"][name]
    if name == "NaN first":  # Keras takes it for its best: nothing that follows is better, the rate falls and falls
        assert theirs[-1] < 1.0
        assert rates == [1.0] * len(metrics)
    else:
        np.testing.assert_allclose(rates, theirs, rtol=1e-6)  # Keras rounds the rate to float32


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


@given(metrics, st.sampled_from(["keras", "torch"]), st.sampled_from(["min", "max"]), st.integers(0, 39))
def test_goes_on_where_it_was_saved(values, convention, mode, cut):
    arguments = {"patience": 1, "cooldown": 2, "convention": convention, "mode": mode}
    whole, first, second = make(**arguments), make(**arguments), make(**arguments)
    rates = [(whole.step(value), whole.optimizer.lr) for value in values]
    again = [(first.step(value), first.optimizer.lr) for value in values[:cut]]
    second.load_state_dict(first.state_dict())
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
    "convention": ({"convention": "jax"}, ValueError, "'keras', 'torch'"),
    "threshold_mode": ({"threshold_mode": "both"}, ValueError, "'rel', 'abs'"),
    "eps": ({"eps": -1}, ValueError, "eps"),
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


def test_foreign_state_is_refused():
    with pytest.raises(ValueError, match=r"missing .*wait"):
        make().load_state_dict({"best": 1.0, "num_bad_epochs": 2})
