"""The derivations of book/optimizers/ and book/schedules/, by SymPy and against the engine."""

import numpy as np
import pytest
import sympy as sp

import minigrad as mg


def steps(optimizer_class, gradients, **settings):
    theta = mg.Tensor(np.zeros(1), requires_grad=True)
    optimizer = optimizer_class([theta], lr=1.0, **settings)
    path = [0.0]
    for g in gradients:
        theta.grad = np.array([float(g)])
        optimizer.step()
        path.append(theta.data.item())
    return -np.diff(path)


def test_one_rate_for_two_curvatures():
    flat, kappa, eta = sp.symbols("lambda2 kappa eta", positive=True)
    (best,) = sp.solve(sp.Eq(1 - eta * flat, eta * kappa * flat - 1), eta)
    assert sp.simplify(best - 2 / (flat + kappa * flat)) == 0
    assert sp.simplify((1 - best * flat) - (kappa - 1) / (kappa + 1)) == 0
    assert sp.limit(((kappa - 1) / (kappa + 1) - (1 - 2 / kappa)) * kappa, kappa, sp.oo) == 0


def test_first_steps_of_the_table():
    t = np.arange(1, 101)
    np.testing.assert_allclose(steps(mg.optim.Adagrad, np.full(100, 1e3)), 1 / np.sqrt(t), rtol=1e-9)
    np.testing.assert_allclose(steps(mg.optim.RMSprop, np.full(100, 1e3)), 1 / np.sqrt(1 - 0.99**t), rtol=1e-9)
    np.testing.assert_allclose(steps(mg.optim.SGD, np.full(100, 2.0), momentum=0.9), 2 * (1 - 0.9**t) / 0.1, rtol=1e-9)
    assert steps(mg.optim.Adadelta, [1e3])[0] == pytest.approx(np.sqrt(1e-6 / 0.1), rel=1e-6)
    for rule in (mg.optim.Adam, mg.optim.Adamax):
        np.testing.assert_allclose(steps(rule, np.full(100, 1e3)), 1, rtol=1e-9)


def test_nadam_looks_ahead():
    """For a constant gradient g the first momentum is now·g + ahead·(1 − β₁)·g."""
    mu = [0.9 * (1 - 0.5 * 0.96 ** (t * 0.004)) for t in (1, 2)]
    first = (1 - mu[0]) / (1 - mu[0]) + mu[1] / (1 - mu[0] * mu[1]) * (1 - 0.9)
    assert steps(mg.optim.NAdam, [5.0])[0] == pytest.approx(first, rel=1e-8)


def test_both_momenta_agree_while_the_rate_is_constant():
    g = sp.symbols("g1:7")
    mu, eta = sp.symbols("mu eta")
    torch = keras = sp.Integer(0)
    for gradient in g:
        torch, keras = mu * torch + gradient, mu * keras - eta * gradient
        assert sp.expand(keras + eta * torch) == 0


def test_adamax_steps_stay_below_a_little_more_than_the_rate():
    """u ≥ β₂ᵏ|g| for a gradient k steps ago, so |m̂|/u ≤ Σ w β₂⁻ᵏ with Adam's normalised weights w."""
    gradients = np.random.default_rng(0).standard_cauchy(2000)
    weights = 0.1 * (0.9 / 0.999) ** np.arange(2000)
    assert np.abs(steps(mg.optim.Adamax, gradients)).max() <= weights.sum() < 1.01
