"""Moving averages: the recurrence, its weights and the bias correction."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

import minigrad as mg

shapes = array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=7)
betas = st.floats(0, 0.9999)


def weighted_sum(values, beta):
    """m_t = (1 − β) Σ_i β^(t − i) x_i."""
    t = np.arange(len(values))
    weights = (1 - beta) * np.where(t[:, None] >= t, float(beta) ** np.maximum(t[:, None] - t, 0), 0)
    return np.tensordot(weights, values, axes=1)


@pytest.mark.equation("ema")
@given(shapes.flatmap(lambda shape: arrays(float, shape, elements=st.floats(-1e3, 1e3))), betas)
def test_ema_is_a_weighted_sum(values, beta):
    np.testing.assert_allclose(mg.ema(values, beta), weighted_sum(values, beta), rtol=1e-9, atol=1e-9)


@pytest.mark.equation("ema-corrected")
@given(st.floats(-1e3, 1e3), betas, st.integers(1, 50))
def test_the_corrected_average_of_a_constant_is_the_constant(value, beta, steps):
    np.testing.assert_allclose(mg.ema([value] * steps, beta, bias_correction=True), value, rtol=1e-9)


@given(arrays(float, (9, 2), elements=st.floats(-1e3, 1e3)), betas)
def test_the_correction_divides_by_the_sum_of_the_weights(values, beta):
    plain, corrected = mg.ema(values, beta), mg.ema(values, beta, bias_correction=True)
    np.testing.assert_allclose(corrected, plain / mg.ema(np.ones((9, 1)), beta), rtol=1e-9, atol=1e-12)


def test_first_and_last_values():
    np.testing.assert_allclose(mg.ema([3.0, 1.0], 0.9), [0.3, 0.37])
    np.testing.assert_allclose(mg.ema([3.0, 1.0], 0.9, bias_correction=True), [3.0, 0.37 / 0.19])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_ema_keeps_the_floating_dtype(dtype):
    for corrected in (False, True):
        assert mg.ema(np.ones((3, 2), dtype), 0.9, corrected).dtype == dtype
    assert mg.ema([1, 2, 3], 0.9).dtype == np.float64


def test_ema_does_not_change_its_input():
    values = np.arange(12.0).reshape(4, 3)[:, ::2]
    before = values.copy()
    values.flags.writeable = False
    np.testing.assert_allclose(mg.ema(values, 0.5, bias_correction=True)[0], before[0])
    np.testing.assert_array_equal(values, before)


@pytest.mark.parametrize("beta", [1.0, -0.1, float("nan")])
def test_a_bad_beta_raises_an_error(beta):
    with pytest.raises(ValueError, match="beta must be finite"):
        mg.ema([1.0], beta)


def test_a_single_number_raises_an_error():
    with pytest.raises(ValueError, match="axis 0, got the single number"):
        mg.ema(1.0, 0.9)
