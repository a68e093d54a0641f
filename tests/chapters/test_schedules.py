"""The derivations and the explorable of book/schedules/, tested with SymPy and the engine."""

from collections.abc import Callable
from math import inf, nan
from typing import Any

import numpy as np
import pytest
import sympy as sp

import minigrad as mg
from minigrad.schedules import ReduceLROnPlateau
from minigrad_book.reference.numbers import SCHEDULES
from minigrad_book.schedules import exercises, numbers

SETTINGS = 250  # random settings of the explorable
Javascript = Callable[[str, list[Any]], list[Any]]


def test_natural_exponential_decay_is_exponential_decay():
    t, s, k = sp.symbols("t s k", positive=True)
    assert sp.simplify(sp.exp(-k) ** (t / s) - sp.exp(-k * t / s)) == 0
    assert sp.solve(sp.Eq(sp.exp(-k * t / s), sp.Rational(1, 2)), t) == [s * sp.log(2) / k]
    inverse = 1 / (1 + k * t / s)
    assert [inverse.subs(t, n * s / k) for n in (1, 2)] == [sp.Rational(1, 2), sp.Rational(1, 3)]


def test_the_rates_in_the_figure():
    t = np.arange(1000)
    rates = {name: [np.array([f(step) for step in t]) for f in variants] for name, variants in numbers.EXAMPLES.items()}
    for name in ("exponential", "inverse time"):
        smooth, stairs = rates[name]
        assert np.all(np.diff(smooth) < 0)
        assert np.all(stairs >= smooth)
        assert len(np.unique(stairs)) == 5
    polynomial, cycling = rates["polynomial, p = 2"]
    np.testing.assert_allclose(polynomial[500:], 0.05)
    assert cycling[501] > 0.2
    assert len(np.unique(rates["piecewise constant"][0])) == 3
    assert len(np.unique(rates["step"][0])) == 4
    assert np.all(np.diff(rates["cosine"][0]) < 0)
    restarts = 1 + np.flatnonzero(np.diff(rates["cosine, restarts"][0]) > 0)
    assert restarts.tolist() == [143, 429]
    noisy, mean = rates["linear cosine, noisy"]
    assert np.abs(noisy - mean).max() > 0.1
    assert abs(np.mean(noisy - mean)) < 0.01
    assert rates["warm-up, then cosine"][0].argmax() == pytest.approx(150, abs=2)
    assert rates["one-cycle"][0].argmax() == pytest.approx(300, abs=1)


def test_the_schedules_in_the_reference():
    rates = {name: np.array([rate(t) for t in range(1001)]) for name, rate in SCHEDULES.items()}
    assert all(np.all((rate >= 0) & (rate <= 1.05)) for rate in rates.values())
    for name in ("polynomial, p = 2", "cosine"):
        assert rates[name][-1] == pytest.approx(0, abs=1e-12)
    restarts = 1 + np.flatnonzero(np.diff(rates["cosine, restarts"]) > 0)
    assert restarts.tolist() == [150, 450]
    assert (1 + np.flatnonzero(np.diff(rates["multi-step"]))).tolist() == [400, 800]
    assert rates["one cycle"].argmax() == pytest.approx(300, abs=1)
    assert rates["warm-up, then cosine"].argmax() == pytest.approx(100, abs=2)
    slopes = np.sign(np.diff(rates["linear cosine, n = 3"]))
    assert np.count_nonzero(np.diff(slopes) > 0) == 3  # minima


@pytest.mark.parametrize(
    ("convention", "cooldown", "epochs"),
    [("keras", 0, [2, 4, 6]), ("keras", 1, [2, 4, 6]), ("torch", 0, [3, 6, 9]), ("torch", 1, [3, 7, 11])],
)
def test_the_reductions_for_a_flat_loss(convention, cooldown, epochs):
    settings = {"patience": 2, "cooldown": cooldown, "convention": convention}
    assert numbers.reductions([1.0] * 12, **settings)[0][:3] == epochs


def test_pytorch_reduces_later_than_keras_for_the_loss_in_the_figure():
    keras, torch = (
        numbers.reductions(numbers.wavering_loss(), patience=4, factor=0.5, convention=convention)[0]
        for convention in ("keras", "torch")
    )
    assert len(keras) >= len(torch) > 1
    assert all(first < second for first, second in zip(keras, torch, strict=False))


def test_the_exercise_implements_the_rule_of_keras():
    rng = np.random.default_rng(0)
    for patience in (1, 2, 4):
        losses = np.exp(-np.arange(40) / 5) + 0.1 * rng.normal(size=40)
        assert exercises.reductions(losses, patience) == numbers.reductions(losses, patience=patience)[0]


def parameter(theta: float = 0.0) -> mg.Tensor:
    return mg.Tensor(np.array([theta]), requires_grad=True)


class TestPlateau:
    @staticmethod
    def losses(rng: np.random.Generator, kind: int) -> list[float]:
        loss = rng.choice([1, 1e-5, -1]) * np.exp(-np.arange(30) / 5) + rng.choice([0, 1e-4, 0.1]) * rng.normal(size=30)
        if kind % 3 == 0:
            loss = np.round(loss, 2)  # ties
        if kind % 10 == 1:
            loss[rng.integers(30, size=3)] = rng.choice([nan, inf, -inf], size=3)
        return loss.tolist()  # type: ignore[no-any-return]  # NumPy's stub returns Any

    @pytest.mark.parametrize("convention", ["keras", "torch", "optax"])
    def test_the_state_in_every_epoch_agrees_with_the_engine(self, javascript: Javascript, convention: str) -> None:
        rng = np.random.default_rng(3)
        drawn = []
        for i in range(SETTINGS):
            rule = {
                "factor": float(rng.uniform(0.05, 0.95)),
                "patience": int(rng.integers(0, 6)),
                "min_delta": float(rng.choice([0 if convention != "optax" else 0.2, 1e-4, 0.05])),
                "cooldown": int(rng.integers(0, 4)),
                "min_lr": float(rng.choice([0, 1e-3, 0.2])),
            }
            drawn.append((self.losses(rng, i), rule))
        names = {"min_delta": "minDelta", "min_lr": "minLr"}
        calls = [[convention, [x, {"lr": 0.1} | {names.get(k, k): v for k, v in rule.items()}]] for x, rule in drawn]
        reductions = 0
        for (losses, rule), epochs in zip(drawn, javascript("plateau.model.js", calls), strict=True):
            optimizer = mg.optim.SGD([parameter()], lr=0.1)
            plateau = ReduceLROnPlateau(optimizer, convention=convention, **rule)
            for loss, epoch in zip(losses, epochs, strict=True):
                better = plateau.better(loss)
                reduced = plateau.step(loss)
                reductions += reduced
                state = (plateau.wait, plateau.cooldown_left, better, reduced)
                assert (epoch["wait"], epoch["cooldown"], epoch["better"], epoch["reduced"]) == state
                np.testing.assert_array_equal(epoch["best"], plateau.best)
                assert epoch["lr"] == pytest.approx(optimizer.lr, rel=1e-12, abs=0)
                assert ("so the rate is reduced" in epoch["why"]) == reduced
        assert reductions > SETTINGS

    def test_with_half_the_rate_pytorch_stops_reducing_earlier(self) -> None:
        epochs = [numbers.reductions([1.0] * 8, lr=lr, patience=1, convention="torch")[0] for lr in (2e-6, 1e-6)]
        assert epochs == [[2, 4, 6], [2, 4]]
        one, half = (numbers.reductions([1.0] * 8, lr=lr, patience=1, convention="optax")[0] for lr in (2e-6, 1e-6))
        assert one == half == list(range(1, 8))

    def test_the_documented_epochs(self, javascript: Javascript) -> None:
        rule = {"lr": 1, "factor": 0.5, "patience": 2, "minDelta": 1e-4, "cooldown": 0, "minLr": 0}
        calls = [[name, [[1] * 12, rule | {"cooldown": c}]] for name in ("keras", "torch", "optax") for c in (0, 1)]
        results = javascript("plateau.model.js", calls)
        at = [[i for i, epoch in enumerate(epochs) if epoch["reduced"]][:3] for epochs in results]
        assert at == [[2, 4, 6], [2, 4, 6], [3, 6, 9], [3, 7, 11], [2, 4, 6], [2, 5, 8]]
