"""The derivations and statements of book/adam_at_a_glance/, tested with SymPy and the engine."""

import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

import minigrad as mg
from minigrad.optim import Adam
from minigrad_book.adam_at_a_glance import exercises, numbers
from minigrad_book.tools.paths import path, states, steps

b1, b2 = sp.symbols("beta1 beta2", positive=True)
ETA = 0.1


def unrolled(beta, values):
    """Return (1 − β) Σ βᵗ⁻ⁱ xᵢ, the solution of the two moments' recurrence."""
    t = len(values)
    return (1 - beta) * sum(beta ** (t - i) * x for i, x in enumerate(values, start=1))


@pytest.mark.equation("adam-m")
@pytest.mark.equation("adam-v")
def test_moments_are_weighted_sums():
    gradients = sp.symbols("g1:6")
    m = v = sp.Integer(0)
    for g in gradients:
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
    assert sp.expand(m - unrolled(b1, gradients)) == 0
    assert sp.expand(v - unrolled(b2, [g**2 for g in gradients])) == 0

    values = [3.0, -1.0, 0.5, 2.0, -4.0]
    for t, state in enumerate(states(Adam, values), start=1):
        assert state["0.m"].item() == pytest.approx(unrolled(0.9, values[:t]), rel=1e-14)
        assert state["0.v"].item() == pytest.approx(unrolled(0.999, np.square(values[:t])), rel=1e-14)


def test_the_reach_of_an_average():
    assert numbers.recent_share(0.9) == pytest.approx(unrolled(0.9, np.ones(10)), rel=1e-14)
    assert numbers.recent_share(0.9) == pytest.approx(0.651, abs=5e-4)
    assert numbers.recent_share(0.999) == pytest.approx(1 - 1 / np.e, abs=5e-4)
    for beta, steps_back in ((0.9, 6.6), (0.999, 692.8)):
        assert exercises.half_life(beta) == pytest.approx(steps_back, abs=0.05)


@pytest.mark.equation("adam-m-hat")
@pytest.mark.equation("adam-v-hat")
def test_corrected_moments_of_a_constant_gradient_are_exact():
    t, i = sp.symbols("t i", positive=True)
    for beta in (b1, b2):
        weights = (1 - beta) * sp.Sum(beta ** (t - i), (i, 1, t)).doit()
        for last in (1, 2, 7):
            assert sp.simplify(weights.subs(t, last).doit() - (1 - beta**last)) == 0
    theta = path(Adam, [2.5] * 300, lr=ETA, eps=0.0)
    np.testing.assert_allclose(theta, -ETA * np.arange(301), rtol=1e-12)  # m̂ = g, v̂ = g²: every step is η


@pytest.mark.equation("adam-update")
@pytest.mark.equation("adam-m-hat")
@pytest.mark.equation("adam-v-hat")
def test_the_five_equations_in_exact_arithmetic():
    """The engine agrees with the five equations, computed with exact rationals and 40-digit roots."""
    gradients = [3, -1, sp.Rational(1, 2), 0, 7]
    beta1, beta2, eta, eps = sp.Rational(9, 10), sp.Rational(999, 1000), sp.Rational(1, 10), sp.Rational(1, 10**8)
    m = v = theta = sp.Integer(0)
    _, *found = path(Adam, np.array(gradients, float), lr=ETA)
    for t, g in enumerate(gradients, start=1):
        m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2
        m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
        theta -= sp.N(eta / (sp.sqrt(v_hat) + eps) * m_hat, 40)
        assert found[t - 1] == pytest.approx(float(theta), rel=1e-13)


@pytest.mark.equation("adam-update")
def test_the_two_steps_computed_by_hand():
    """The numbers in the page's table, with ε = 0."""
    moments = [(state["0.m"].item(), state["0.v"].item()) for state in states(Adam, [3, -1])]
    np.testing.assert_allclose(moments, [(0.3, 0.009), (0.17, 0.009991)], rtol=1e-14)
    np.testing.assert_allclose(path(Adam, [3, -1], lr=ETA, eps=0), [0, -0.1, -0.1400218572], rtol=1e-9)


@given(st.lists(st.floats(0.01, 100) | st.floats(-100, -0.01), min_size=1, max_size=30), st.floats(1e-3, 1e3))
def test_the_scale_of_the_gradients_cancels(gradients, c):
    once = path(Adam, gradients, lr=ETA, eps=0.0)
    scaled = path(Adam, np.multiply(gradients, c), lr=ETA, eps=0.0)
    np.testing.assert_allclose(scaled, once, rtol=1e-9, atol=1e-12)


def test_the_bound_on_a_step():
    """The bound by Cauchy–Schwarz, with w₁ = (1−β₁)β₁ᵏ and w₂ = (1−β₂)β₂ᵏ; equality if g is proportional to w₁/w₂."""
    w1, w2, r = (1 - b1), (1 - b2), sp.symbols("r", positive=True)
    geometric = sp.summation(r ** sp.Symbol("k"), (sp.Symbol("k"), 0, sp.oo)).args[0][0]  # for r < 1
    squared = (w1**2 / w2) * geometric.subs(r, b1**2 / b2)
    assert sp.simplify(squared - (1 - b1) ** 2 / ((1 - b2) * (1 - b1**2 / b2))) == 0
    exact = sp.sqrt(squared).subs({b1: sp.Rational(9, 10), b2: sp.Rational(999, 1000)})
    assert numbers.step_bound() == pytest.approx(float(exact), rel=1e-12)
    assert round(numbers.step_bound(), 3) == 7.270
    growing = steps(Adam, (0.999 / 0.9) ** np.arange(3000), lr=1.0, eps=0.0)
    assert 7 < np.abs(growing).max() < numbers.step_bound()


def test_a_first_gradient_equal_to_eps_halves_the_step():
    assert steps(Adam, [1e-8], lr=ETA)[0] == pytest.approx(ETA / 2, rel=1e-12)


def test_a_weight_without_gradient_has_the_largest_rate():
    theta = mg.Tensor(np.zeros(3), requires_grad=True)
    optimizer = Adam([theta], lr=ETA)
    theta.grad = np.array([0.0, 1e-9, 2.0])
    optimizer.step()
    assert numbers.without_gradient(optimizer.effective_lr()[0], ETA).tolist() == [True, False, False]
