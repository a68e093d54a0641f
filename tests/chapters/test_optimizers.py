"""The derivations of book/optimizers/, tested with SymPy and the engine."""

import numpy as np
import pytest
import sympy as sp

import minigrad as mg
from minigrad_book.optimizers import exercises, numbers
from minigrad_book.tools.paths import steps


def test_the_best_rate_for_two_curvatures():
    flat, kappa, eta = sp.symbols("lambda2 kappa eta", positive=True)
    (best,) = sp.solve(sp.Eq(1 - eta * flat, eta * kappa * flat - 1), eta)
    assert sp.simplify(best - 2 / (flat + kappa * flat)) == 0
    assert sp.simplify((1 - best * flat) - (kappa - 1) / (kappa + 1)) == 0
    assert sp.limit(((kappa - 1) / (kappa + 1) - (1 - 2 / kappa)) * kappa, kappa, sp.oo) == 0
    np.testing.assert_allclose(exercises.best_rate(100.0, 1.0), [2 / 101, 99 / 101], rtol=1e-12)


def test_the_first_steps_in_the_table():
    t = np.arange(1, 101)
    large = {name: steps(rule, np.full(100, 1e3), lr=1.0) for name, rule in numbers.RULES.items()}
    np.testing.assert_allclose(large["SGD"], 1e3, rtol=1e-12)
    np.testing.assert_allclose(large["momentum"], 1e3 * (1 - 0.9**t) / 0.1, rtol=1e-9)
    np.testing.assert_allclose(large["Adagrad"], 1 / np.sqrt(t), rtol=1e-9)
    np.testing.assert_allclose(large["RMSprop"], 1 / np.sqrt(1 - 0.99**t), rtol=1e-9)
    assert large["Adadelta"][0] == pytest.approx(np.sqrt(1e-6 / 0.1), rel=1e-6)
    for name in ("Adam", "AMSGrad", "Adamax"):
        np.testing.assert_allclose(large[name], 1, rtol=1e-9)


def test_the_first_step_of_nadam():
    """The first m̄ for a gradient g is (weight of g)·g + (weight of m)·(1 − β₁)·g."""
    mu = [0.9 * (1 - 0.5 * 0.96 ** (t * 0.004)) for t in (1, 2)]
    first = (1 - mu[0]) / (1 - mu[0]) + mu[1] / (1 - mu[0] * mu[1]) * (1 - 0.9)
    assert steps(mg.optim.NAdam, [5.0], lr=1.0)[0] == pytest.approx(first, rel=1e-8)


def test_both_momenta_agree_while_the_rate_is_constant():
    g = sp.symbols("g1:7")
    mu, eta = sp.symbols("mu eta")
    torch = keras = sp.Integer(0)
    for gradient in g:
        torch, keras = mu * torch + gradient, mu * keras - eta * gradient
        assert sp.expand(keras + eta * torch) == 0


def test_the_steps_of_adamax_are_less_than_1_01_times_the_rate():
    """For a gradient g of k steps ago, u ≥ β₂ᵏ|g|, so |m̂|/u ≤ Σ w β₂⁻ᵏ with m̂'s weights w."""
    gradients = np.random.default_rng(0).standard_cauchy(2000)
    weights = 0.1 * (0.9 / 0.999) ** np.arange(2000)
    assert np.abs(steps(mg.optim.Adamax, gradients, lr=1.0)).max() <= weights.sum() < 1.01


def test_the_responses_to_a_jump():
    answers = numbers.answers()
    jump = {name: numbers.jump(answer) for name, answer in answers.items()}
    back = {name: numbers.back(answer) for name, answer in answers.items()}
    assert jump["momentum"] == pytest.approx(10)
    assert all(2 < jump[name] < 10 for name in ("RMSprop", "Adam", "AMSGrad", "NAdam"))
    assert jump["NAdam"] > jump["Adam"]
    assert jump["Adamax"] == pytest.approx(1)  # never longer than η
    assert answers["Adamax"][400] < answers["Adamax"][399]
    assert back["Adagrad"] < back["AMSGrad"] < back["Adam"] < back["RMSprop"] < 1
    still = {name for name, answer in answers.items() if not answer[1200:].any()}
    assert still == {"Adagrad", "RMSprop", "Adadelta"}


def test_l2_and_decoupled_weight_decay_differ():
    alone = (1 - 1e-3 * 0.1) ** 2000
    loud, quiet = numbers.decayed(mg.optim.Adam)
    assert loud > 0.95
    assert abs(quiet) < 0.05
    np.testing.assert_allclose(numbers.decayed(mg.optim.AdamW), alone, atol=0.05)


def test_amsgrad_can_take_far_shorter_steps_than_adam():
    gradients = np.repeat([100.0, 1.0], [100, 6000])
    adam, amsgrad = (steps(numbers.RULES[name], gradients, lr=1.0)[-1] for name in ("Adam", "AMSGrad"))
    assert round(adam / amsgrad) == 17
