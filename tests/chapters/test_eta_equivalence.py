"""The derivations, statements and explorable of book/eta_equivalence/, tested with SymPy and the engine."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

import minigrad as mg
from minigrad.schedules import ReduceLROnPlateau
from minigrad_book.eta_equivalence import exercises as solutions
from minigrad_book.eta_equivalence import numbers

eta, eps, s, mu, lam = sp.symbols("eta epsilon s mu lambda", positive=True)
b1, b2 = sp.symbols("beta1 beta2", positive=True)
gradient = sp.Function("g")
U = 2.0**-53


def adam_run(scale_eta, scale_rate, decay=lambda theta, rate: 0):
    """Return θ after three symbolic steps of Adam with any gradient; the last two have the factors."""
    theta, m, v = sp.Symbol("theta0"), sp.Integer(0), sp.Integer(0)
    for t in (1, 2, 3):
        on_eta, on_rate = (scale_eta, scale_rate) if t > 1 else (1, 1)
        g = gradient(theta)
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
        rate = on_eta * eta
        effective = on_rate * (rate / (sp.sqrt(v / (1 - b2**t)) + eps))
        theta = theta - decay(theta, rate) - effective * (m / (1 - b1**t))
    return theta


def momentum_run(convention, s_eta, s_step, steps=3):
    theta, u = sp.Symbol("theta0"), sp.Integer(0)
    for t in range(1, steps + 1):
        on_eta, on_step = (s_eta, s_step) if t > 1 else (1, 1)
        if convention == "torch":
            u = mu * u + gradient(theta)
            theta = theta - on_step * (on_eta * eta * u)
        else:
            u = mu * u - on_eta * eta * gradient(theta)
            theta = theta + on_step * u
    return theta


@pytest.mark.equation("effective-rate")
def test_the_theorem_for_adam():
    assert adam_run(s, 1) == adam_run(1, s)
    assert adam_run(s, 1) != adam_run(1, s**2)


def test_the_theorem_for_momentum_and_its_first_exception():
    assert sp.expand(momentum_run("torch", s, 1) - momentum_run("torch", 1, s)) == 0
    assert sp.expand(momentum_run("keras", s, 1, 2) - momentum_run("keras", 1, s, 2)) != 0
    assert sp.expand(momentum_run("keras", 1, 1, 2) - momentum_run("torch", 1, 1, 2)) == 0


def test_decoupled_weight_decay_is_the_second_exception():
    def with_rate(theta, rate):
        return rate * lam * theta

    def without_rate(theta, rate):
        return lam * theta

    assert adam_run(s, 1, with_rate) != adam_run(1, s, with_rate)
    assert adam_run(s, 1, without_rate) == adam_run(1, s, without_rate)


@pytest.mark.equation("effective-rate")
@pytest.mark.equation("adam-update")
@pytest.mark.parametrize("factor", [0.5, 2.0, 0.1, 0.3])
def test_two_runs_of_a_network_agree(factor):
    a, b = numbers.pair(factor, start=20, steps=40)
    engine = numbers.run(mg.optim.Adam, lr=numbers.decay(factor, start=20), steps=40)
    if np.log2(factor).is_integer():
        np.testing.assert_array_equal(a, b)
    else:
        assert np.any(a != b)
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(a, engine, rtol=1e-11, atol=1e-13)
    undecayed = numbers.run(mg.optim.Adam, lr=numbers.ETA, steps=40)
    np.testing.assert_array_equal(engine[:20], undecayed[:20])
    assert not np.allclose(engine[-1], undecayed[-1], rtol=1e-3)


@pytest.mark.parametrize("name", numbers.RULES)
def test_the_engines_rules_on_a_noisy_quadratic(name):
    half, tenth = (numbers.gap(numbers.RULES[name], s) for s in (0.5, 0.1))
    if name.endswith("Keras"):
        assert half > 1e-4
        assert tenth > 1e-4
    else:
        assert half == 0
        assert tenth < 1e-13


normal = st.floats(1e-100, 1e100) | st.floats(-1e100, -1e-100)


@given(normal, normal, st.integers(-100, 100))
def test_scaling_by_powers_of_two_is_exact(x, y, k):
    factor = 2.0**k
    assert (factor * x) * y == factor * (x * y)
    assert (factor * x) / y == factor * (x / y)
    assert np.sqrt(factor**2 * abs(x)) == factor * np.sqrt(abs(x))


def test_scaling_by_other_factors_or_of_subnormal_numbers_is_not_exact():
    x = np.random.default_rng(0).uniform(1, 2, 1000)
    assert solutions.exact(0.25, 1e-3, x)
    assert not solutions.exact(0.1, 1e-3, x)
    shift, tiny, d = np.float32(2.0**-42), np.float32(1e-30), x.astype(np.float32)
    assert solutions.exact(float(shift), float(tiny), x)
    assert not solutions.exact(shift, tiny, d)


@given(st.floats(1e-3, 1e3), st.floats(1e-8, 1e3), st.floats(1e-10, 1e10))
def test_scaling_by_other_factors_is_exact_up_to_four_units(factor, rate, d):
    assert abs(((factor * rate) / d) / (factor * (rate / d)) - 1) <= 5.5 * U  # 4 units, and the comparison's rounding


def test_momentum_unrolled():
    g, rates = sp.symbols("g1:6"), sp.symbols("eta1:6")
    u_torch = u_keras = sp.Integer(0)
    for g_i, rate in zip(g, rates, strict=True):
        u_torch, u_keras = mu * u_torch + g_i, mu * u_keras - rate * g_i
    n = len(g)
    assert sp.expand(u_torch - sum(mu ** (n - i) * g[i - 1] for i in range(1, n + 1))) == 0
    assert sp.expand(u_keras + sum(mu ** (n - i) * rates[i - 1] * g[i - 1] for i in range(1, n + 1))) == 0


def test_the_steps_of_keras_momentum_after_a_decay():
    k, g = sp.Symbol("k", integer=True, positive=True), sp.Symbol("g")
    step = -g * eta / (1 - mu) * (s + (1 - s) * mu**k)
    assert sp.simplify(step.subs(k, 0) + g * eta / (1 - mu)) == 0  # settled
    assert sp.simplify(step - (mu * step.subs(k, k - 1) - s * eta * g)) == 0
    assert solutions.steps_until(0.9, 0.1, 0.01) == 65
    excess = numbers.steps_after_decay("keras") / 0.1 - 1
    np.testing.assert_allclose(excess, 9 * 0.9 ** np.arange(1, 81), rtol=1e-9)
    assert np.flatnonzero(excess <= 0.01)[0] + 1 == 65
    np.testing.assert_allclose(numbers.steps_after_decay("torch"), 0.1, rtol=1e-9)


def test_both_momenta_on_a_network_differ_only_after_a_decay():
    torch, keras = numbers.momentum_pair(0.05)
    np.testing.assert_allclose(torch, keras, rtol=0, atol=1e-12)
    torch, keras = numbers.momentum_pair(numbers.decay(0.1, 0.05))
    assert abs(torch[-1] - keras[-1]).max() > 1e-3


def test_a_rescaled_velocity_makes_keras_agree_with_pytorch():
    """Exercise 5 in the engine: if u is multiplied by new/old at each change of the rate, both conventions agree."""

    def run(convention, repair):
        theta = mg.Tensor(np.ones(3), requires_grad=True)
        sgd = mg.optim.SGD([theta], lr=0.1, momentum=0.9, convention=convention)
        for t in range(30):
            if t == 15:
                if repair:
                    state = sgd.state_dict()
                    state["0.u"] = solutions.repaired(state["0.u"], 0.1, 0.01)
                    sgd.load_state_dict(state)
                sgd.lr = 0.01
            theta.grad = np.array([1.0, 2.0, 3.0]) * theta.data
            sgd.step()
        return theta.data

    torch = run("torch", repair=False)
    np.testing.assert_allclose(run("keras", repair=True), torch, rtol=1e-12)
    assert not np.allclose(run("keras", repair=False), torch, rtol=1e-2)


def test_the_eps_that_scales_the_rate_by_a_factor():
    r_ = sp.Symbol("r", positive=True)
    new = (r_ + eps) / s - r_
    assert sp.simplify(eta / (r_ + new) - s * eta / (r_ + eps)) == 0
    assert [round(solutions.eps_for(r, 1e-8, 0.1), 6) for r in (1e-4, 1e-1)] == [0.0009, 0.9]
    assert pytest.approx(9000, rel=0.01) == (1e-4 + 0.9) / (1e-4 + 1e-8)


def test_no_eps_scales_all_rates_by_the_same_factor():
    a, b, factors = numbers.eps_pair()
    low, median, high = np.quantile(factors, (0.05, 0.5, 0.95))
    assert median == pytest.approx(0.1)
    assert low < 0.01
    assert high > 0.2
    assert abs(a[-1] - b[-1]).max() > 1e-3
    np.testing.assert_array_equal(a[: numbers.START], b[: numbers.START])


def test_scaling_the_rate_of_adamw_also_scales_the_decay():
    both, only_rates = numbers.pair(0.1, mg.optim.AdamW, weight_decay=0.1)
    engine = numbers.run(mg.optim.AdamW, lr=numbers.decay(0.1), weight_decay=0.1)
    np.testing.assert_allclose(both, engine, rtol=1e-9, atol=1e-12)
    assert np.linalg.norm(both[-1]) > 1.01 * np.linalg.norm(only_rates[-1])


def test_a_plateau_rule_may_decide_differently():
    parting = numbers.parting()
    e, (a, b) = parting.epoch, (parting.a, parting.b)
    assert np.isclose(a.rates[e], b.rates[e])
    assert abs(np.log(a.rates[e + 1] / b.rates[e + 1])) > np.log(5)
    np.testing.assert_allclose(a.path[: parting.step], b.path[: parting.step], atol=1e-12)
    assert abs(a.path[parting.step + 40] - b.path[parting.step + 40]).max() > 1e-3
    half = [numbers.plateau_run(arm, parting.min_delta, 0.5) for arm in "AB"]
    for first, second in zip(*half, strict=True):
        np.testing.assert_array_equal(first, second)


def test_each_seed_has_its_own_plateau_schedule():
    assert len({tuple(numbers.reductions(seed)) for seed in range(4)}) > 1
    assert numbers.reductions(0) == numbers.reductions(0)


def test_the_conversion_of_the_papers_weight_decay():
    alpha, theta, step = sp.symbols("alpha theta step", positive=True)
    paper = theta - s * (alpha * step + lam * theta)
    rate = s * alpha
    assert sp.expand(paper - (theta - rate * (step + lam / alpha * theta))) == 0


def test_the_effective_rates_of_a_network():
    turn, eta = 400, 3e-3
    decayed, longest = numbers.watch(numbers.decay(0.1, eta, turn))
    constant, _ = numbers.watch(eta)
    low, median, _ = decayed[turn - 1].T
    np.testing.assert_allclose(decayed[turn, :, 1] / median, 0.1, atol=0.005)
    assert low.min() > eta, "η is no upper limit"
    assert longest > 1.5
    lowest = constant[:, :, 1].argmin(axis=0)
    assert np.all(lowest < turn)
    assert np.all(constant[-1, :, 1] > 1.2 * constant[:, :, 1].min(axis=0)), "Adam does not decay them"


def test_a_step_can_be_several_times_eta():
    assert numbers.growing_step() == pytest.approx(5.78, abs=0.01)


def test_the_spread_of_sgd_on_a_noisy_quadratic():
    """SGD at rate α on θ²/2 with unit noise: Var = (1 − α)²·Var + α² has the solution α/(2 − α), about α/2."""
    alpha, variance = sp.symbols("alpha V", positive=True)
    (stationary,) = sp.solve(sp.Eq(variance, (1 - alpha) ** 2 * variance + alpha**2), variance)
    assert sp.simplify(stationary - alpha / (2 - alpha)) == 0
    assert sp.series(stationary, alpha, 0, 2).removeO() == alpha / 2
    large, small = (numbers.bowl(lr)[0] for lr in (0.03, 0.003))
    assert large[-1000:].mean() == pytest.approx(np.sqrt(0.03 / 2), rel=0.1)
    assert solutions.rate_for(large[-1000:].mean()) == pytest.approx(0.03, rel=0.2)
    falling, rate = numbers.bowl(mg.schedules.exponential_decay(0.03, 3000, 0.01))
    assert falling[-1] < large[-200:].min() / 2
    assert falling[299] < small[299] / 2
    assert rate[-1] < 4e-4


SETTINGS = 250  # random settings of the explorable
RULES = ["adam", "momentum", "keras", "weight-decay", "eps", "plateau"]
Javascript = Callable[[str, list[Any]], list[Any]]


def parameter(theta: float = 0.0) -> mg.Tensor:
    return mg.Tensor(np.array([theta]), requires_grad=True)


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
        """Return θ in a run of minigrad's optimizer, with either its rate or (effective) its steps decayed."""
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

    def test_both_runs_agree_with_the_engine(self, javascript: Javascript) -> None:
        drawn = self.settings()
        for s, (first, second) in zip(
            drawn, javascript("eta-equivalence.model.js", [["runs", [s]] for s in drawn]), strict=True
        ):
            for got, effective in ((first, False), (second, True)):
                want = self.path(s, effective)
                np.testing.assert_allclose(
                    got, want, rtol=1e-12, atol=1e-12 * np.abs(want).max(), err_msg=str(s["rule"])
                )

    def test_the_runs_agree_only_if_the_theorem_holds(self, javascript: Javascript) -> None:
        drawn = [s | {"factor": 0.25, "decayAt": 40, "eta": 0.05} for s in self.settings()]
        for s, (first, second) in zip(
            drawn, javascript("eta-equivalence.model.js", [["runs", [s]] for s in drawn]), strict=True
        ):
            gap = np.abs(np.subtract(first, second)).max()
            if s["rule"] in ("adam", "momentum"):
                assert gap == 0, "for a power of two both runs have the same bits"
            elif s["rule"] != "plateau" and s["strength"] > 0.01:
                assert gap > 1e-6

    def test_the_runs_agree_if_the_strength_of_an_exception_is_zero(self, javascript: Javascript) -> None:
        drawn = [s | {"strength": 0, "factor": 0.3} for s in self.settings() if s["rule"] != "momentum"]
        for first, second in javascript("eta-equivalence.model.js", [["runs", [s]] for s in drawn]):
            np.testing.assert_allclose(first, second, rtol=1e-12, atol=1e-12)

    def test_noise_is_standard_normal_and_seeded(self, javascript: Javascript) -> None:
        first, again, other = javascript("eta-equivalence.model.js", [["normal", [10_000, seed]] for seed in (1, 1, 2)])
        assert first == again != other
        assert abs(np.mean(first)) < 0.03
        assert abs(np.std(first) - 1) < 0.03
