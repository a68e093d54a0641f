"""The book's claims about the rules, tested with random inputs and with worst cases."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from minigrad.optim import SGD, Adadelta, Adagrad, Adam, Adamax, AdamW, NAdam, RMSprop
from minigrad.schedules import piecewise_constant
from minigrad_book.frameworks.traces.problems import Parameter, Rosenbrock

B1, B2 = 0.9, 0.999
magnitudes = st.floats(1e-6, 1e6) | st.floats(-1e6, -1e-6)


def gradients(least=1, most=40):
    return st.integers(least, most).flatmap(lambda steps: arrays(float, (steps, 3), elements=magnitudes))


def steps_taken(make, grads) -> np.ndarray:
    """Return the change in each step. The parameter is reset to 0 before, so that rounding doesn't hide the change."""
    parameter = Parameter(np.zeros(grads.shape[1:]))
    optimizer = make([parameter])
    taken = []
    for parameter.grad in grads:
        parameter.data[...] = 0
        optimizer.step()
        taken.append(parameter.data.copy())
    return np.array(taken)


@given(gradients(), magnitudes, st.booleans(), st.booleans())
def test_adam_ignores_the_scale_of_the_gradient(grads, scale, amsgrad, corrected):
    def make(p):
        return Adam(p, lr=0.1, eps=0, amsgrad=amsgrad, bias_correction=corrected)

    scaled = steps_taken(make, scale * grads)
    np.testing.assert_allclose(scaled, math.copysign(1, scale) * steps_taken(make, grads), rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(steps_taken(make, 2.0**10 * grads), steps_taken(make, grads))


@given(gradients(1, 1), st.floats(1e-5, 1), st.floats(0, 0.99), st.floats(0, 0.9999))
def test_the_first_corrected_step_is_the_rate(grads, lr, beta1, beta2):
    steps = steps_taken(lambda p: Adam(p, lr, (beta1, beta2), eps=0), grads)
    np.testing.assert_allclose(steps, -lr * np.sign(grads), rtol=1e-9)


def test_eps_makes_the_first_step_smaller():
    steps = steps_taken(lambda p: Adam(p, lr=1.0), np.array([[1e-8, 1.0, 0.0]]))
    np.testing.assert_allclose(steps, [[-0.5, -1 / (1 + 1e-8), 0]], rtol=1e-12)


BOUND = (1 - B1) / math.sqrt((1 - B2) * (1 - B1**2 / B2))


def test_the_bound_is_7_270():
    assert round(BOUND, 3) == 7.27


@given(gradients(1, 60))
def test_uncorrected_steps_do_not_exceed_the_bound(grads):
    steps = steps_taken(lambda p: Adam(p, lr=1.0, eps=0, bias_correction=False), grads)
    assert np.abs(steps).max() <= BOUND * (1 + 1e-12)


def test_growing_gradients_come_within_one_percent_of_the_bound():
    grads = ((B2 / B1) ** np.arange(400.0))[:, np.newaxis]
    last = abs(steps_taken(lambda p: Adam(p, lr=1.0, eps=0, bias_correction=False), grads)[-1, 0])
    assert 0.99 * BOUND < last <= BOUND * (1 + 1e-12)


@pytest.mark.parametrize(("t", "supremum"), [(1, 1.000), (100, 2.243), (1000, 5.781)])
def test_the_suprema_of_corrected_steps(t, supremum):
    grads = ((B2 / B1) ** np.arange(float(t)))[:, np.newaxis]
    last = abs(steps_taken(lambda p: Adam(p, lr=1.0, eps=0), grads)[-1, 0])
    assert last == pytest.approx(supremum, abs=6e-4)


def test_the_step_for_a_spike_after_zero_gradients():
    steps = steps_taken(lambda p: Adam(p, lr=1.0, eps=1e-30, bias_correction=False), np.array([[0.0], [0.0], [1.0]]))
    assert round(abs(steps[-1, 0]), 3) == 3.162


def test_without_correction_early_steps_are_too_large():
    grads = np.ones((4000, 1))
    plain = steps_taken(lambda p: Adam(p, lr=1.0, eps=0, bias_correction=False), grads)
    corrected = steps_taken(lambda p: Adam(p, lr=1.0, eps=0), grads)
    t = np.arange(1, 4001)[:, np.newaxis]
    ratio = plain / corrected
    np.testing.assert_allclose(ratio, (1 - B1**t) / np.sqrt(1 - B2**t), rtol=1e-9)
    assert (round(ratio[0, 0], 3), round(ratio.max(), 3), 1 + ratio.argmax()) == (3.162, 6.569, 12)
    assert 1 + np.flatnonzero(ratio > 1.01)[-1] + 1 == 3925


@given(gradients(1, 30), st.floats(1e-10, 1e-2))
def test_the_two_eps_forms_are_equivalent(grads, eps):
    """They are equal if ε̂ = ε·√(1 − β₂ᵗ). So a fixed ε̂ corresponds to an ε that is 31.6 times as large at t = 1."""
    last = len(grads)
    hat = steps_taken(lambda p: Adam(p, eps=eps * math.sqrt(1 - B2**last), eps_form="hat"), grads)[-1]
    np.testing.assert_allclose(hat, steps_taken(lambda p: Adam(p, eps=eps), grads)[-1], rtol=1e-9)


def test_the_factor_between_eps_and_a_fixed_eps_hat():
    assert round(1 / math.sqrt(1 - B2), 1) == 31.6
    assert round(1 / math.sqrt(1 - B2**100), 2) == 3.24


# Decaying the rate decays the effective rate by the same factor

COVERED = {
    "SGD": lambda p, lr: SGD(p, lr),
    "SGD momentum": lambda p, lr: SGD(p, lr, momentum=0.9, dampening=0.1),
    "SGD nesterov": lambda p, lr: SGD(p, lr, momentum=0.9, nesterov=True),
    "Adagrad": lambda p, lr: Adagrad(p, lr, lr_decay=0.1),
    "Adadelta": lambda p, lr: Adadelta(p, lr),
    "RMSprop": lambda p, lr: RMSprop(p, lr),
    "RMSprop centered, momentum": lambda p, lr: RMSprop(p, lr, momentum=0.9, centered=True),
    "Adam": lambda p, lr: Adam(p, lr),
    "Adam hat": lambda p, lr: Adam(p, lr, eps_form="hat", bias_correction=False),
    "AMSGrad": lambda p, lr: Adam(p, lr, amsgrad=True),
    "Adamax": lambda p, lr: Adamax(p, lr),
    "NAdam": lambda p, lr: NAdam(p, lr),
}
NOT_COVERED = {
    "Keras momentum": lambda p, lr: SGD(p, lr, momentum=0.9, convention="keras"),
    "decoupled weight decay": lambda p, lr: AdamW(p, lr, weight_decay=0.5),
}
RATE = 1e-3


def closed_loop(make, factors, scale_rate, steps=60, plain=False) -> np.ndarray:
    """Return θ after each step on Rosenbrock's function, where either the optimizer's rate or its step is scaled.

    To scale the step, the optimizer has a constant rate and a parameter that is reset to 0 and then holds the step
    alone. plain=True runs the kernel's Python source, because compiled code rounds θ − η·d once, not twice.
    """
    problem = Rosenbrock()
    theta = problem.start()[0]
    parameter = Parameter(theta.copy())
    optimizer = make([parameter], factors if scale_rate else RATE)
    if plain:
        optimizer.update = getattr(optimizer.update, "__wrapped__", optimizer.update)
    path = []
    for t in range(steps):
        parameter.grad = problem.gradient([theta])[0]
        if scale_rate:
            optimizer.step()
            theta = parameter.data.copy()
        else:
            parameter.data[...] = 0
            optimizer.step()
            theta = theta + factors(t) / RATE * parameter.data
        path.append(theta)
    return np.array(path)


POWERS = piecewise_constant([10, 20, 40], [RATE, RATE / 2, RATE / 8, RATE / 4])


@pytest.mark.parametrize("name", COVERED)
def test_powers_of_two_give_bit_identical_paths(name):
    scaled, decayed = (closed_loop(COVERED[name], POWERS, way, plain=True) for way in (False, True))
    np.testing.assert_array_equal(scaled, decayed)


@pytest.mark.parametrize("name", COVERED)
@given(grads=gradients(2, 20), exponents=st.lists(st.integers(-8, 3), min_size=20, max_size=20))
@settings(max_examples=20)
def test_compiled_steps_scale_by_powers_of_two_bit_for_bit(name, grads, exponents):
    constant = steps_taken(lambda p: COVERED[name](p, RATE), grads)
    scheduled = steps_taken(lambda p: COVERED[name](p, lambda t: RATE * 2.0 ** exponents[t]), grads)
    np.testing.assert_array_equal(scheduled, np.array([2.0**k for k in exponents[: len(grads)]])[:, None] * constant)


@pytest.mark.parametrize("name", COVERED)
@given(factors=st.lists(st.floats(0.01, 1), min_size=60, max_size=60))
@settings(max_examples=10)
def test_other_factors_give_equal_paths_up_to_rounding(name, factors):
    scaled, decayed = (closed_loop(COVERED[name], lambda t: RATE * factors[t], way) for way in (False, True))
    # relative to the whole path, because near 0 rounding errors are large relative to θ
    np.testing.assert_allclose(scaled, decayed, rtol=1e-12, atol=1e-12 * np.abs(decayed).max())


@pytest.mark.parametrize("name", NOT_COVERED)
def test_paths_differ_if_the_rate_enters_the_state_or_another_term(name):
    scaled, decayed = (closed_loop(NOT_COVERED[name], POWERS, way) for way in (False, True))
    np.testing.assert_allclose(
        scaled[: 1 if "weight" in name else 10], decayed[: 1 if "weight" in name else 10], rtol=2e-3
    )
    assert np.abs(scaled - decayed).max() > 1e-4


def test_keras_and_pytorch_momentum_differ_when_the_rate_changes():
    def path(convention, lr):
        return closed_loop(lambda p, rate: SGD(p, rate, momentum=0.9, convention=convention), lr, scale_rate=True)

    np.testing.assert_allclose(path("keras", lambda t: RATE), path("torch", lambda t: RATE), rtol=1e-9)
    keras, torch = path("keras", POWERS), path("torch", POWERS)
    np.testing.assert_allclose(keras[:11], torch[:11], rtol=1e-9)
    assert np.abs(keras - torch).max() > 1e-2
