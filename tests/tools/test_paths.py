"""The path, the steps and the states of an optimizer for given gradients."""

import numpy as np
import pytest

import minigrad as mg
from minigrad_book.tools.paths import descent, path, states, steps


def test_steps_are_the_differences_of_the_path():
    gradients = np.random.default_rng(0).normal(size=(50, 3))
    for rule in (mg.optim.SGD, mg.optim.Adam, mg.optim.RMSprop):
        points = path(rule, gradients, start=[1.0, -2.0, 0.5], lr=0.1)
        assert points.shape == (51, 3)
        np.testing.assert_array_equal(points[0], [1.0, -2.0, 0.5])
        np.testing.assert_allclose(steps(rule, gradients, lr=0.1), -np.diff(points, axis=0), rtol=1e-9, atol=1e-14)


def test_a_single_parameter_adds_no_axes():
    assert path(mg.optim.SGD, [1.0, 2.0], lr=0.5).tolist() == [0.0, -0.5, -1.5]
    assert steps(mg.optim.SGD, [1.0, 2.0], lr=0.5).tolist() == [0.5, 1.0]


def test_states_are_yielded_after_each_step():
    first, second = states(mg.optim.Adam, [3.0, -1.0])
    assert (first["steps"], second["steps"]) == (1, 2)
    assert first["0.m"].item() == pytest.approx(0.3)
    assert second["0.m"].item() == pytest.approx(0.17)


def test_descent_computes_the_gradient_at_the_current_point():
    curvature = np.array([2.0, 0.5])
    points = descent(mg.optim.SGD, lambda theta: curvature * theta, [1.0, -3.0], 20, lr=0.1)
    np.testing.assert_allclose(points, [1.0, -3.0] * (1 - 0.1 * curvature) ** np.arange(21)[:, None], rtol=1e-12)
    same = path(mg.optim.SGD, curvature * points[:-1], [1.0, -3.0], lr=0.1)
    np.testing.assert_array_equal(points, same)
    other = descent(mg.optim.SGD, lambda theta: np.ones(2), [1.0, -3.0], 20, lr=0.1)
    assert not np.allclose(points, other)
