"""The derivations of book/schedules/, by SymPy and against the engine, and its explorable against the engine."""

from collections.abc import Callable
from math import inf, nan
from typing import Any

import numpy as np
import pytest
import sympy as sp

import minigrad as mg
from minigrad.schedules import ReduceLROnPlateau

SETTINGS = 250  # random settings of the explorable
Javascript = Callable[[str, list[Any]], list[Any]]


def test_natural_exponential_is_exponential():
    t, s, k = sp.symbols("t s k", positive=True)
    assert sp.simplify(sp.exp(-k) ** (t / s) - sp.exp(-k * t / s)) == 0
    assert sp.solve(sp.Eq(sp.exp(-k * t / s), sp.Rational(1, 2)), t) == [s * sp.log(2) / k]
    inverse = 1 / (1 + k * t / s)
    assert [inverse.subs(t, n * s / k) for n in (1, 2)] == [sp.Rational(1, 2), sp.Rational(1, 3)]


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
        return loss.tolist()  # type: ignore[no-any-return]

    @pytest.mark.parametrize("convention", ["keras", "torch"])
    def test_every_epochs_state_is_the_engines(self, javascript: Javascript, convention: str) -> None:
        rng = np.random.default_rng(3)
        drawn = []
        for i in range(SETTINGS):
            rule = {
                "factor": float(rng.uniform(0.05, 0.95)),
                "patience": int(rng.integers(0, 6)),
                "min_delta": float(rng.choice([0, 1e-4, 0.05])),
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

    def test_the_documented_epochs(self, javascript: Javascript) -> None:
        rule = {"lr": 1, "factor": 0.5, "patience": 2, "minDelta": 1e-4, "cooldown": 0, "minLr": 0}
        calls = [[name, [[1] * 12, rule | {"cooldown": c}]] for name in ("keras", "torch") for c in (0, 1)]
        results = javascript("plateau.model.js", calls)
        at = [[i for i, epoch in enumerate(epochs) if epoch["reduced"]][:3] for epochs in results]
        assert at == [[2, 4, 6], [2, 4, 6], [3, 6, 9], [3, 7, 11]]


RULES = ["adam", "momentum", "keras", "weight-decay", "eps", "plateau"]
