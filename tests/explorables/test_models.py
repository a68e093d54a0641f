"""The explorables compute what minigrad computes, to 1e-12 over hundreds of random settings.

Their modules run in Node: the system's, or the one that comes with playwright.
"""

from __future__ import annotations

import gzip
import json
import re
import shutil
import subprocess
from functools import cache
from math import inf, nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad.schedules import ReduceLROnPlateau

MODULES = Path(__file__).parents[2] / "book" / "_static" / "explorables"
SETTINGS = 250  # random settings per explorable
TEXTS = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}  # how JSON carries them


@cache
def node() -> str:
    found = shutil.which("node")
    if not found:
        try:
            import playwright
        except ModuleNotFoundError:
            pytest.skip("needs Node: neither `node` nor the package playwright is installed")
        found = str(Path(playwright.__file__).parent / "driver" / "node")
    return found


def javascript(module: str, calls: list[Any]) -> list[Any]:
    """The results of `calls`, pairs of a function's name and its arguments."""
    task = json.dumps({"module": (MODULES / module).as_uri(), "calls": special(calls, str)})
    script = Path(__file__).with_name("run.mjs")
    done = subprocess.run([node(), str(script)], input=task, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return special(json.loads(done.stdout), float)  # type: ignore[no-any-return]


def special(value: Any, kind: type) -> Any:
    """`value` with each NaN or infinity as a text (kind=str), or each such text as a number (kind=float)."""
    if isinstance(value, dict):
        return {key: special(item, kind) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [special(item, kind) for item in value]
    if kind is str and isinstance(value, float):
        return TEXTS.get(str(value), value)
    return float(value) if kind is float and value in TEXTS.values() else value


def parameter(theta: float = 0.0) -> mg.Tensor:
    return mg.Tensor(np.array([theta]), requires_grad=True)


def beta(rng: np.random.Generator) -> float:
    return float(1 - 10 ** rng.uniform(-4, 0))


class TestBiasCorrection:
    def settings(self) -> list[tuple[list[float], dict[str, Any]]]:
        rng = np.random.default_rng(1)
        drawn = []
        for i in range(SETTINGS):
            gradients = rng.normal(size=60) if i % 2 else np.ones(60)
            eps = float(rng.choice([0, 1e-8, 1e-3, 1]))
            correct = ("both", "neither", "m", "v")[i % 4]
            drawn.append((gradients.tolist(), {"beta1": beta(rng), "beta2": beta(rng), "eps": eps, "correct": correct}))
        return drawn

    def test_averages_and_steps_are_the_engines(self) -> None:
        drawn = self.settings()
        results = javascript("bias-correction.model.js", [["adam", [g, s]] for g, s in drawn])
        for (gradients, s), result in zip(drawn, results, strict=True):
            m = mg.ema(np.array(gradients), s["beta1"], bias_correction=s["correct"] in ("both", "m"))
            v = mg.ema(np.array(gradients) ** 2, s["beta2"], bias_correction=s["correct"] in ("both", "v"))
            np.testing.assert_allclose(result["m"], m, rtol=1e-12, atol=1e-12 * abs(m).max())
            np.testing.assert_allclose(result["v"], v, rtol=1e-12)
            np.testing.assert_allclose(result["step"], m / (np.sqrt(v) + s["eps"]), rtol=1e-12, atol=1e-12)

    def test_steps_are_those_of_the_optimizer(self) -> None:
        drawn = [(g, s) for g, s in self.settings() if s["correct"] in ("both", "neither")]
        results = javascript("bias-correction.model.js", [["adam", [g, s]] for g, s in drawn])
        for (gradients, s), result in zip(drawn, results, strict=True):
            theta = parameter()
            settings = {"betas": (s["beta1"], s["beta2"]), "eps": s["eps"], "bias_correction": s["correct"] == "both"}
            optimizer = mg.optim.Adam([theta], lr=1.0, **settings)
            for gradient, step in zip(gradients, result["step"], strict=True):
                theta.data[:] = 0
                theta.grad = np.array([gradient])
                optimizer.step()
                assert -theta.data[0] == pytest.approx(step, rel=1e-12, abs=1e-12)

    def test_extremes(self) -> None:
        known, swapped = javascript(
            "bias-correction.model.js", [["extremes", [0.9, 0.999]], ["extremes", [0.999, 0.9]]]
        )
        t = np.arange(1, 20_000)
        ratio = (1 - 0.9**t) / np.sqrt(1 - 0.999**t)
        assert known == {"t": 12, "ratio": pytest.approx(ratio.max(), rel=1e-12), "settled": 3925}
        assert swapped["ratio"] == pytest.approx(0.001 / np.sqrt(0.1), rel=1e-12)

    def test_extremes_over_many_betas(self) -> None:
        rng = np.random.default_rng(2)
        betas = [(float(1 - 10 ** rng.uniform(-3, 0)), float(1 - 10 ** rng.uniform(-3, 0))) for _ in range(SETTINGS)]
        t = np.arange(1, 20_000)
        for (b1, b2), got in zip(
            betas, javascript("bias-correction.model.js", [["extremes", b] for b in betas]), strict=True
        ):
            ratio = (1 - b1**t) / np.sqrt(1 - b2**t)
            outside = np.flatnonzero(abs(ratio - 1) > 0.01)
            assert got["ratio"] == pytest.approx(ratio[np.abs(np.log(ratio)).argmax()], rel=1e-12)
            assert got["settled"] == (outside[-1] + 2 if outside.size else 1)


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
    def test_every_epochs_state_is_the_engines(self, convention: str) -> None:
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

    def test_the_documented_epochs(self) -> None:
        rule = {"lr": 1, "factor": 0.5, "patience": 2, "minDelta": 1e-4, "cooldown": 0, "minLr": 0}
        calls = [[name, [[1] * 12, rule | {"cooldown": c}]] for name in ("keras", "torch") for c in (0, 1)]
        results = javascript("plateau.model.js", calls)
        at = [[i for i, epoch in enumerate(epochs) if epoch["reduced"]][:3] for epochs in results]
        assert at == [[2, 4, 6], [2, 4, 6], [3, 6, 9], [3, 7, 11]]


RULES = ["adam", "momentum", "keras", "weight-decay", "eps", "plateau"]


class TestEtaEquivalence:
    @staticmethod
    def settings() -> list[dict[str, Any]]:
        rng = np.random.default_rng(4)
        strength = {"adam": 0, "momentum": 0.95, "keras": 0.95, "weight-decay": 0.5, "eps": 1.0, "plateau": 0.5}
        drawn = []
        for i in range(SETTINGS):
            rule, steps = RULES[i % len(RULES)], 80
            drawn.append(
                {
                    "rule": rule,
                    "strength": float(strength[rule] * rng.uniform()),
                    "eta": float(10 ** rng.uniform(-3, -1)),
                    "factor": float(rng.choice([0.5, 0.25, rng.uniform(0.01, 1)])),
                    "decayAt": int(rng.integers(0, steps)),
                    "theta": float(rng.normal()),
                    "curvature": float(rng.uniform(0.1, 3)),
                    "noise": rng.normal(size=steps).tolist(),
                    "validation": rng.normal(size=(2, steps // 10)).tolist(),
                }
            )
        return drawn

    @staticmethod
    def optimizer(s: dict[str, Any], theta: mg.Tensor) -> Any:
        if s["rule"] in ("momentum", "keras"):
            convention = "torch" if s["rule"] == "momentum" else "keras"
            return mg.optim.SGD([theta], lr=s["eta"], momentum=s["strength"], convention=convention)
        if s["rule"] == "weight-decay":
            return mg.optim.AdamW([theta], lr=s["eta"], weight_decay=s["strength"])
        return mg.optim.Adam([theta], lr=s["eta"], eps=s["strength"] if s["rule"] == "eps" else 1e-8)

    def path(self, s: dict[str, Any], effective: bool) -> list[float]:
        """The run by minigrad's optimizer: its rate is decayed, or (effective) the step that it takes."""
        theta = parameter(s["theta"])
        optimizer = self.optimizer(s, theta)
        probe = mg.optim.SGD([parameter()], lr=1.0)
        plateau = ReduceLROnPlateau(probe, factor=s["factor"], patience=2)
        path, losses, scale = [s["theta"]], 0, 1.0
        for t, noise in enumerate(s["noise"]):
            before = theta.data[0]
            if s["rule"] == "plateau" and t and t % 10 == 0:
                plateau.step(0.5 * s["curvature"] * before**2 + s["strength"] * s["validation"][effective][losses])
                losses, scale = losses + 1, probe.lr
            elif s["rule"] != "plateau":
                scale = s["factor"] if t >= s["decayAt"] else 1.0
            theta.grad = s["curvature"] * theta.data + noise
            if not effective:
                optimizer.lr = scale * s["eta"]
                optimizer.step()
            elif s["rule"] == "eps":  # η/(√v̂/s + ε) = sη/(√v̂ + sε)
                optimizer.lr, optimizer.eps = scale * s["eta"], scale * s["strength"]
                optimizer.step()
            else:
                optimizer.step()
                shrunk = before * s["eta"] * s["strength"] if s["rule"] == "weight-decay" else 0.0
                theta.data[0] = before - shrunk + scale * (theta.data[0] - before + shrunk)
            path.append(float(theta.data[0]))
        return path

    def test_both_runs_are_the_engines(self) -> None:
        drawn = self.settings()
        for s, (first, second) in zip(
            drawn, javascript("eta-equivalence.model.js", [["runs", [s]] for s in drawn]), strict=True
        ):
            for got, effective in ((first, False), (second, True)):
                want = self.path(s, effective)
                np.testing.assert_allclose(
                    got, want, rtol=1e-12, atol=1e-12 * np.abs(want).max(), err_msg=str(s["rule"])
                )

    def test_the_runs_coincide_where_the_theorem_holds_and_part_where_it_ends(self) -> None:
        drawn = [s | {"factor": 0.25, "decayAt": 40, "eta": 0.05} for s in self.settings()]
        for s, (first, second) in zip(
            drawn, javascript("eta-equivalence.model.js", [["runs", [s]] for s in drawn]), strict=True
        ):
            gap = np.abs(np.subtract(first, second)).max()
            if s["rule"] in ("adam", "momentum"):
                assert gap == 0, "for a power of two both runs have the same bits"
            elif s["rule"] != "plateau" and s["strength"] > 0.01:
                assert gap > 1e-6

    def test_without_their_cause_the_limits_vanish(self) -> None:
        drawn = [s | {"strength": 0, "factor": 0.3} for s in self.settings() if s["rule"] != "momentum"]
        for first, second in javascript("eta-equivalence.model.js", [["runs", [s]] for s in drawn]):
            np.testing.assert_allclose(first, second, rtol=1e-12, atol=1e-12)

    def test_noise_is_standard_normal_and_seeded(self) -> None:
        first, again, other = javascript("eta-equivalence.model.js", [["normal", [10_000, seed]] for seed in (1, 1, 2)])
        assert first == again != other
        assert abs(np.mean(first)) < 0.03
        assert abs(np.std(first) - 1) < 0.03


class TestSelfCheck:
    SAID = {
        **dict.fromkeys(["3", "3.02", " 3,0 ", "6/2", "3e0"], "Right."),
        **dict.fromkeys(["-3", "−3"], "the sign isn’t"),
        "3.1": "Close",
        "30": "factor of 10.",
        "0.003": "factor of 1000",
        "7": "Too large",
        **dict.fromkeys(["1", "-7", "0"], "Too small"),
        **dict.fromkeys(["", "three", "1/0", "1/2/3", "1/"], "Type a number"),
    }

    def test_an_answer_is_told_what_is_wrong(self) -> None:
        task = {"answer": 3.0, "rtol": 0.01, "mistakes": [0.3, 3.333]}
        verdicts = javascript(
            "../self-check.model.js", [["judge", [typed, task]] for typed in [*self.SAID, "0.3", "3.33"]]
        )
        for (typed, said), verdict in zip(self.SAID.items(), verdicts, strict=False):
            assert said in verdict["message"], typed
            assert verdict["right"] == (said == "Right.")
        assert [verdict["mistake"] for verdict in verdicts[-2:]] == [0, 1]

    def test_an_answer_of_zero(self) -> None:
        task = {"answer": 0.0, "rtol": 0.01, "mistakes": [1.0]}
        calls = [["judge", [typed, task]] for typed in ("0", "0.001", "0.5", "-2")]
        verdicts = javascript("../self-check.model.js", calls)
        assert [verdict["message"] for verdict in verdicts] == ["Right.", "Right.", "Too large.", "Too small."]


@pytest.mark.parametrize(
    "path", sorted([*MODULES.glob("*.js"), *MODULES.parent.glob("self-check*.js")]), ids=lambda path: path.name
)
def test_module_parses_and_stays_small(path: Path) -> None:
    done = subprocess.run([node(), "--check", "--input-type=module"], input=path.read_bytes(), capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    assert total(path) <= 10_000, "more than 10 KB gzipped, with all it imports"


def total(path: Path) -> int:
    """Gzipped bytes of a module and of all that it imports."""
    seen, todo = set(), [path]
    while todo:
        module = todo.pop()
        if module not in seen:
            seen.add(module)
            todo += [
                module.parent / name for name in re.findall(r'from "\./([^"]+)"', module.read_text(encoding="utf-8"))
            ]
    return sum(len(gzip.compress(module.read_bytes())) for module in seen)
