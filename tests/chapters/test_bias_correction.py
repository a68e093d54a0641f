"""The derivations, statements and explorable of book/bias_correction/, tested with SymPy and the engine."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy as sp
from hypothesis import assume, given
from hypothesis import strategies as st

import minigrad as mg
from minigrad.optim import Adam
from minigrad_book.bias_correction import exercises as solutions
from minigrad_book.bias_correction import numbers
from minigrad_book.bias_correction.numbers import BETA1, BETA2, rho
from minigrad_book.tools.paths import steps

beta, mu, r = sp.symbols("beta mu r", positive=True)
t = sp.Symbol("t", positive=True, integer=True)


def solves(a_t, x_t):
    """Return whether a_t, a formula in t, is 0 at t = 0 and satisfies the recurrence of x_t's moving average."""
    start = sp.simplify(a_t.subs(t, 0))
    return start == 0 and sp.simplify(a_t - beta * a_t.subs(t, t - 1) - (1 - beta) * x_t) == 0


def test_the_average_unrolled():
    a_0, *x = a, *values = sp.symbols("a0 x1:7")
    for value in values:
        a = beta * a + (1 - beta) * value
    last = len(x)
    unrolled = (1 - beta) * sum(beta ** (last - i) * x_i for i, x_i in enumerate(x, 1)) + beta**last * a_0
    assert sp.expand(a - unrolled) == 0


def test_the_weights_sum_to_one_minus_beta_to_the_t():
    """By induction: the sum is 0 at t = 0, and each step adds the weight (1 − β)βᵗ⁻¹ of the oldest value."""
    total = 1 - beta**t
    assert total.subs(t, 0) == 0
    assert sp.simplify(total - total.subs(t, t - 1) - (1 - beta) * beta ** (t - 1)) == 0


@pytest.mark.equation("adam-m-hat")
@pytest.mark.equation("adam-v-hat")
def test_the_mean_of_a_moving_average():
    assert solves((1 - beta**t) * mu, mu)
    assert not solves((1 - beta ** (t + 1)) * mu, mu)  # t counted from 0
    assert not solves((1 - beta) * mu, mu)  # the correction of t = 1 at every step


def test_the_error_of_the_average_under_drift():
    means = sp.symbols("E1:6")
    a, last = 0, len(means)
    for mean in means:
        a = beta * a + (1 - beta) * mean
    zeta = (1 - beta) * sum(beta ** (last - i) * (mean - means[-1]) for i, mean in enumerate(means, 1))
    assert sp.expand(a - (1 - beta**last) * means[-1] - zeta) == 0
    assert sp.simplify(zeta.subs(dict.fromkeys(means, mu))) == 0


def test_the_averages_of_a_trend_and_of_a_fall():
    trend = sp.simplify(numbers.trend(t, beta) * (1 - beta**t))
    fall = sp.simplify(numbers.fall(t, beta, r) * (1 - beta**t))
    assert solves(trend, t)
    assert solves(fall, r**t)
    assert not solves(trend, t - 1)
    assert not solves(fall, r ** (t - 1))  # powers counted from 0
    late = 20_000
    assert late - numbers.trend(late, BETA1) == pytest.approx(9)
    assert late - numbers.trend(late, BETA2) == pytest.approx(999, rel=1e-4)
    assert len(numbers.STEPS) == late


def test_the_average_on_a_network_overestimates_the_gradients():
    assert np.median(numbers.overestimate()) > 1.2


def test_the_root_of_an_unbiased_estimate_is_biased():
    """Jensen's inequality for g = ±1 or ±2 with equal probability, at t = 1, where √v̂ = |g|."""
    assert np.sqrt((1 + 4) / 2) > (1 + 2) / 2


def test_the_ratio_of_steps():
    m, v, eta, b1, b2 = sp.symbols("m v eta beta1 beta2", positive=True)
    c1, c2 = sp.symbols("c1 c2", positive=True)  # 1 − β1ᵗ, 1 − β2ᵗ
    corrected = eta * (m / c1) / sp.sqrt(v / c2)
    assert sp.simplify(eta * m / sp.sqrt(v) / corrected - c1 / sp.sqrt(c2)) == 0
    stated = (c1 / sp.sqrt(c2)).subs({c1: 1 - b1**t, c2: 1 - b2**t})
    assert sp.simplify(stated.subs(b2, b1) ** 2 - (1 - b1**t)) == 0
    for step, *betas in ((1, 0.9, 0.999), (7, 0.9, 0.95), (40, 0.5, 0.3)):
        value = stated.subs({t: step, b1: betas[0], b2: betas[1]})
        assert rho(step, *betas) == pytest.approx(float(value), rel=1e-12)


@given(st.integers(0, 2**32 - 1), st.floats(0, 0.99), st.floats(0.01, 0.9999), st.floats(-6, 6))
def test_the_ratio_holds_for_all_gradients(seed, beta1, beta2, magnitude):
    gradients = 10**magnitude * np.random.default_rng(seed).normal(size=(30, 4))
    betas = (beta1, beta2)
    full = steps(Adam, gradients, betas=betas, eps=0)
    neither = steps(Adam, gradients, betas=betas, eps=0, bias_correction=False)
    expected = rho(np.arange(1, 31)[:, None], *betas)
    np.testing.assert_allclose(neither, expected * full, rtol=1e-9, atol=1e-18)


def test_the_proof_of_the_shape_of_rho():
    x, u, a, b = sp.symbols("x u a b", positive=True)
    h, k = u / (sp.exp(u) - 1), u * sp.exp(u) / (sp.exp(u) - 1)
    log_rho = sp.log(1 - sp.exp(-a * x)) - sp.log(1 - sp.exp(-b * x)) / 2
    assert sp.simplify(sp.diff(log_rho, x) - (h.subs(u, a * x) - h.subs(u, b * x) / 2) / x) == 0
    assert sp.limit(h, u, 0) == 1
    assert sp.limit(h, u, sp.oo) == 0
    assert sp.simplify(sp.diff(h, u) - (sp.exp(u) - 1 - u * sp.exp(u)) / (sp.exp(u) - 1) ** 2) == 0
    assert sp.simplify(sp.diff(sp.exp(u) - 1 - u * sp.exp(u), u) + u * sp.exp(u)) == 0
    assert sp.simplify(sp.diff(k, u) - sp.exp(u) * (sp.exp(u) - 1 - u) / (sp.exp(u) - 1) ** 2) == 0
    log_q = sp.log(h.subs(u, a * x)) - sp.log(h.subs(u, b * x))
    assert sp.simplify(sp.diff(log_q, x) - (k.subs(u, b * x) - k.subs(u, a * x)) / x) == 0
    half = h.subs(u, a * x) / h.subs(u, b * x) - sp.Rational(1, 2)
    stated = 2 * a * (sp.exp(b * x) - 1) - b * (sp.exp(a * x) - 1)
    assert sp.simplify(half * 2 * b * (sp.exp(a * x) - 1) - stated) == 0


@given(st.floats(0.01, 0.99), st.floats(0.01, 0.9999))
def test_the_shape_of_rho(beta1, beta2):
    assume(abs(beta1 - beta2) > 1e-3 and abs((1 - beta1) ** 2 - (1 - beta2)) > 1e-9)
    a, b = -np.log(beta1), -np.log(beta2)
    end = 8 / min(a, b)
    x = np.linspace(0, end, 4001)[1:]
    log_rho = np.log(-np.expm1(-a * x)) - np.log(-np.expm1(-b * x)) / 2
    rising = np.diff(log_rho) > 1e-13
    if beta1 >= beta2:
        assert np.all(log_rho < 0)
        assert np.all(np.diff(log_rho) > -1e-13)
    elif a * end - b * end > np.log(4 * a / b):  # t* lies in the range
        turn = int(np.argmax(log_rho))
        assert np.all(np.diff(log_rho)[turn + 1 :] < 1e-13)
        assert np.all(rising[: max(turn - 1, 0)])
        assert np.all(log_rho[turn:] > -1e-12)
        assert (rho(1, beta1, beta2) > 1) == ((1 - beta1) ** 2 > 1 - beta2)
        if rho(1, beta1, beta2) > 1:  # in this case no later step is too small
            assert np.all(rho(np.arange(1, 2001), beta1, beta2) > 1 - 1e-12)


def test_the_numbers_for_the_default_betas():
    assert rho(1) == pytest.approx(3.1623, abs=1e-4)
    assert numbers.peak() == 12
    assert rho(12) == pytest.approx(6.5685, abs=1e-4)
    assert rho(12) > max(rho(11), rho(13))
    assert numbers.turning_point() == pytest.approx(12.020, abs=5e-4)
    assert numbers.settled() == 3925
    assert rho(3924) > 1.01 >= rho(3925)
    assert numbers.filled(BETA1) == 44
    assert 1 - BETA1**43 < 0.99 <= 1 - BETA1**44


def test_the_numbers_for_other_betas():
    assert rho(1, 0.9, 0.95) < 1
    assert numbers.crossing(0.9, 0.95) == 9
    assert rho(8, 0.9, 0.95) < 1 < rho(9, 0.9, 0.95)
    assert numbers.crossing(0.9, 0.9) is None
    with pytest.raises(ValueError, match="different signs"):
        numbers.turning_point(0.95, 0.9)


@given(st.floats(0.5, 0.99), st.floats(0.5, 0.999))
def test_the_turning_point_is_the_maximum(beta1, beta2):
    assume(beta1 + 0.01 < beta2)
    turn = numbers.turning_point(beta1, beta2)
    around = rho(turn * np.array([0.9, 1, 1.1]), beta1, beta2)
    assert around.argmax() == 1
    assert abs(numbers.peak(beta1, beta2) - turn) < 1


def test_correcting_one_moment_is_equivalent_to_a_schedule():
    gradients = np.random.default_rng(0).normal(size=(100, 3))
    full = steps(Adam, gradients, eps=0)
    only_v = steps(Adam, gradients, lr=lambda s: 1e-3 * (1 - BETA1 ** (s + 1)), eps=0)
    only_m = steps(Adam, gradients, lr=lambda s: 1e-3 * numbers.root_factor(s + 1), eps=0)
    neither = steps(Adam, gradients, eps=0, bias_correction=False)
    np.testing.assert_allclose(only_v * only_m, neither * full, rtol=1e-9, atol=0)
    np.testing.assert_allclose(only_m[0] / full[0], 1 / np.sqrt(1 - BETA2), rtol=1e-9)
    restored = steps(Adam, gradients, lr=lambda s: 1e-3 / rho(s + 1), eps=0, bias_correction=False)
    np.testing.assert_allclose(restored, full, rtol=1e-9)


@pytest.mark.equation("adam-eps-hat")
def test_the_hat_form():
    m, v, eta, eps, c1, c2 = sp.symbols("m v eta epsilon c1 c2", positive=True)
    algorithm1 = eta * (m / c1) / (sp.sqrt(v / c2) + eps)

    def hat_form(eps_hat):
        return eta * sp.sqrt(c2) / c1 * m / (sp.sqrt(v) + eps_hat)

    assert sp.simplify(algorithm1 - hat_form(eps * sp.sqrt(c2))) == 0
    assert sp.simplify(algorithm1 - hat_form(eps * c2)) != 0  # the conversion without the root
    assert sp.simplify(hat_form(eps) - algorithm1.subs(eps, eps / sp.sqrt(c2))) == 0


@pytest.mark.equation("adam-eps-hat")
@given(st.floats(-12, 2), st.floats(-12, -1))
def test_the_first_step_in_both_eps_forms(log_gradient, log_eps):
    g, eps = 10**log_gradient, 10**log_eps
    gradient = np.array([[g]])
    assert steps(Adam, gradient, eps=eps)[0, 0] == pytest.approx(1e-3 * g / (g + eps), rel=1e-9)
    acting = eps * numbers.root_factor(1)
    assert steps(Adam, gradient, eps=eps, eps_form="hat")[0, 0] == pytest.approx(1e-3 * g / (g + acting), rel=1e-9)


def test_the_factor_between_eps_hat_and_eps():
    assert [round(numbers.root_factor(n), 2) for n in (1, 100, 1000)] == [31.62, 3.24, 1.26]


def test_the_numbers_of_the_exercises():
    assert solutions.frozen(BETA1, BETA2) == pytest.approx(0.316, abs=5e-4)
    assert pytest.approx(0.906, abs=5e-4) == 0.9 * BETA2**99 / 0.9
    assert pytest.approx(0.0095, abs=5e-5) == (1 - BETA2) * BETA2**99 / (1 - BETA2**100)
    weights = [(1 - beta) * beta ** (5 - i) for i in range(1, 6)]
    assert sp.expand(sum(weights) + beta**5 - 1) == 0  # the start at g1: weights sum to 1 …
    assert sp.expand(weights[0] + beta**5 - beta**4) == 0  # … and g1 has β^(t−1)
    assert solutions.warm_up() == 2375
    assert solutions.peak() == 25
    assert solutions.second_average() == pytest.approx(3.05, abs=5e-3)


SETTINGS = 250  # random settings of the explorable
Javascript = Callable[[str, list[Any]], list[Any]]


def random_beta(rng: np.random.Generator) -> float:
    return float(1 - 10 ** rng.uniform(-4, 0))


class TestBiasCorrection:
    def settings(self) -> list[tuple[list[float], dict[str, Any]]]:
        rng = np.random.default_rng(1)
        drawn = []
        for i in range(SETTINGS):
            gradients = rng.normal(size=60) if i % 2 else np.ones(60)
            eps = float(rng.choice([0, 1e-8, 1e-3, 1]))
            correct = ("both", "neither", "m", "v")[i % 4]
            drawn.append(
                (
                    gradients.tolist(),
                    {"beta1": random_beta(rng), "beta2": random_beta(rng), "eps": eps, "correct": correct},
                )
            )
        return drawn

    def test_averages_and_steps_agree_with_the_engine(self, javascript: Javascript) -> None:
        drawn = self.settings()
        results = javascript("bias-correction.model.js", [["adam", [g, s]] for g, s in drawn])
        for (gradients, s), result in zip(drawn, results, strict=True):
            m = mg.ema(np.array(gradients), s["beta1"], bias_correction=s["correct"] in ("both", "m"))
            v = mg.ema(np.array(gradients) ** 2, s["beta2"], bias_correction=s["correct"] in ("both", "v"))
            np.testing.assert_allclose(result["m"], m, rtol=1e-12, atol=1e-12 * abs(m).max())
            np.testing.assert_allclose(result["v"], v, rtol=1e-12)
            np.testing.assert_allclose(result["step"], m / (np.sqrt(v) + s["eps"]), rtol=1e-12, atol=1e-12)

    def test_steps_agree_with_the_optimizer(self, javascript: Javascript) -> None:
        drawn = [(g, s) for g, s in self.settings() if s["correct"] in ("both", "neither")]
        results = javascript("bias-correction.model.js", [["adam", [g, s]] for g, s in drawn])
        for (gradients, s), result in zip(drawn, results, strict=True):
            settings = {"betas": (s["beta1"], s["beta2"]), "eps": s["eps"], "bias_correction": s["correct"] == "both"}
            taken = steps(Adam, gradients, lr=1.0, **settings)
            np.testing.assert_allclose(result["step"], taken, rtol=1e-12, atol=1e-12)

    def test_extremes(self, javascript: Javascript) -> None:
        known, swapped = javascript(
            "bias-correction.model.js", [["extremes", [0.9, 0.999]], ["extremes", [0.999, 0.9]]]
        )
        highest = numbers.peak()
        assert known == {
            "t": highest,
            "ratio": pytest.approx(rho(highest), rel=1e-12),
            "settled": numbers.settled(),
        }
        assert swapped["ratio"] == pytest.approx(0.001 / np.sqrt(0.1), rel=1e-12)

    def test_extremes_over_many_betas(self, javascript: Javascript) -> None:
        rng = np.random.default_rng(2)
        betas = [(float(1 - 10 ** rng.uniform(-3, 0)), float(1 - 10 ** rng.uniform(-3, 0))) for _ in range(SETTINGS)]
        for (b1, b2), got in zip(
            betas, javascript("bias-correction.model.js", [["extremes", b] for b in betas]), strict=True
        ):
            ratio = rho(numbers.STEPS, b1, b2)
            assert got["ratio"] == pytest.approx(ratio[np.abs(np.log(ratio)).argmax()], rel=1e-12)
            assert got["settled"] == numbers.settled(b1, b2)
