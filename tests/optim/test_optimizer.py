"""The behaviour that all optimizers share: updates, learning rates, saved states and errors."""

from __future__ import annotations

import io
import math

import numba
import numpy as np
import pytest

import minigrad as mg
from minigrad import jit, optim
from minigrad.schedules import cosine_decay, warmup
from minigrad_book.frameworks.traces.problems import Parameter

RULES = [getattr(optim, name) for name in optim.__all__ if name != "Optimizer"]
SETTINGS = {
    **{rule.__name__: (rule, {}) for rule in RULES},
    "SGD keras": (optim.SGD, {"momentum": 0.9, "convention": "keras"}),
    "SGD momentum": (optim.SGD, {"momentum": 0.9, "dampening": 0.5}),
    "AMSGrad": (optim.Adam, {"amsgrad": True, "weight_decay": 0.1}),
    "RMSprop centered": (optim.RMSprop, {"momentum": 0.9, "centered": True}),
}


def parameters(dtype=np.float32) -> list[Parameter]:
    rng = np.random.default_rng(0)
    return [Parameter(rng.normal(size=shape).astype(dtype)) for shape in ((3, 4), (5,), ())]


def run(optimizer, params, steps, seed):
    rng = np.random.default_rng(seed)
    for step in range(steps):
        for i, parameter in enumerate(params):
            gradient = rng.normal(size=parameter.data.shape).astype(parameter.data.dtype)
            parameter.grad = None if (step + i) % 7 == 6 else gradient
        optimizer.step()


@pytest.mark.parametrize("lr", [0.01, warmup(cosine_decay(0.01, 150), 20)], ids=["rate", "schedule"])
@pytest.mark.parametrize("name", SETTINGS)
def test_a_restored_run_continues_bit_for_bit(name, lr):
    rule, arguments = SETTINGS[name]
    whole, first, second = parameters(), parameters(), parameters()
    optimizer = rule(whole, lr, **arguments)
    run(optimizer, whole, 100, seed=1)
    run(optimizer, whole, 100, seed=2)

    before = rule(first, lr, **arguments)
    run(before, first, 100, seed=1)
    file = io.BytesIO()
    np.savez(file, **before.state_dict())
    file.seek(0)
    after = rule(second, lr, **arguments)
    after.load_state_dict(np.load(file))
    for mine, saved in zip(second, first, strict=True):
        mine.data = saved.data.copy()
    run(after, second, 100, seed=2)

    assert after.steps == 200
    for mine, expected in zip(second, whole, strict=True):
        np.testing.assert_array_equal(mine.data, expected.data)


def test_a_state_is_a_copy():
    params = parameters()
    optimizer = optim.Adam(params)
    run(optimizer, params, 3, seed=1)
    state = optimizer.state_dict()
    kept = state["0.m"].copy()
    run(optimizer, params, 3, seed=2)
    np.testing.assert_array_equal(state["0.m"], kept)


def test_an_invalid_state_is_an_error_and_changes_nothing():
    optimizer = optim.Adam(parameters())
    state = optimizer.state_dict()
    for wrong, message in [
        (state | {"0.q": np.zeros(12)}, r"unknown names \['0.q'\]"),
        ({name: value for name, value in state.items() if name != "1.v"}, r"missing \['1.v'\]"),
        (state | {"steps": 7, "2.v": np.zeros(5)}, r"2.v has shape \(1,\); in the state dict it has shape \(5,\)"),
        (optim.Adam(parameters(), amsgrad=True).state_dict(), "0.v_max"),
        (optim.Adam(parameters(), lr=cosine_decay(0.1, 10)).state_dict(), r"missing \['lr'\]"),
    ]:
        with pytest.raises(ValueError, match=message):
            optimizer.load_state_dict(wrong)
        assert optimizer.steps == 0


def test_a_reduced_rate_is_restored():
    saved = optim.SGD(parameters(), lr=0.1)
    saved.lr = 0.01
    restored = optim.SGD(parameters(), lr=0.1)
    restored.load_state_dict(saved.state_dict())
    assert restored.lr == 0.01


def test_tied_parameters_are_updated_once():
    tied, other = Parameter(np.ones(3)), Parameter(np.ones(3))
    optimizer = optim.SGD(iter([tied, other, tied]), lr=0.5)
    tied.grad = other.grad = np.ones(3)
    optimizer.step()
    np.testing.assert_array_equal(tied.data, 0.5)
    np.testing.assert_array_equal(other.data, 0.5)


@pytest.mark.parametrize("name", SETTINGS)
def test_a_parameter_without_a_gradient_is_not_updated(name):
    """A parameter without a gradient keeps its data and its t, so its first update has t = 1 at any step."""
    rule, arguments = SETTINGS[name]
    busy, idle, alone = (Parameter(np.ones(3)) for _ in range(3))
    optimizer = rule([busy, idle], lr=0.1, **arguments)
    for _ in range(5):
        busy.grad = np.ones(3)
        optimizer.step()
    np.testing.assert_array_equal(idle.data, 1.0)
    idle.grad = alone.grad = np.array([1.0, -2.0, 3.0])
    optimizer.step()
    rule([alone], lr=0.1, **arguments).step()
    fresh = rule([alone], lr=0.1, **arguments)
    alone.data = np.ones(3)
    fresh.step()
    np.testing.assert_array_equal(idle.data, alone.data)


@pytest.mark.parametrize("name", SETTINGS)
def test_parameters_may_have_any_memory_layout(name):
    rule, arguments = SETTINGS[name]
    base = np.random.default_rng(0).normal(size=(4, 6))
    layouts = [base.copy(), np.asfortranarray(base), np.repeat(base, 2, axis=1)[:, ::2], base[::-1].copy()[::-1]]
    params = [Parameter(array) for array in layouts]
    optimizer = rule(params, lr=0.1, **arguments)
    for step in range(3):
        gradient = np.sin(base + step)
        grads = [gradient, np.asfortranarray(gradient), np.repeat(gradient, 2, axis=1)[:, ::2], gradient]
        for parameter, grad in zip(params, grads, strict=True):
            parameter.grad = grad
        optimizer.step()
    for parameter, array in zip(params, layouts, strict=True):
        assert parameter.data is array, "parameters are updated in place"
        np.testing.assert_array_equal(parameter.data, params[0].data)


def test_data_may_be_replaced_between_steps():
    parameter = Parameter(np.zeros(3))
    optimizer = optim.SGD([parameter], lr=1.0)
    parameter.grad = np.ones(3)
    optimizer.step()
    parameter.data = np.full(3, 10.0)
    optimizer.step()
    np.testing.assert_array_equal(parameter.data, 9.0)


@pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="not compiled, kernels use one thread")
@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_threads_change_only_the_rounding(name, dtype, threads):
    rule, arguments = SETTINGS[name]
    results = []
    for n in threads:
        mg.set_num_threads(n)
        params = [Parameter(np.linspace(-1, 1, 2 * jit.MIN_PARALLEL + 3, dtype=dtype))]
        optimizer = rule(params, lr=0.1, **arguments)
        run(optimizer, params, 3, seed=3)
        results.append(params[0].data)
    for result in results[1:]:
        np.testing.assert_allclose(result, results[0], rtol=1e-6 if dtype is np.float32 else 1e-14)


def test_a_schedule_sets_the_rate_of_every_step():
    parameter = Parameter(np.zeros(()))
    schedule = warmup(cosine_decay(1.0, 20), 5)
    optimizer = optim.SGD([parameter], lr=schedule)
    used = []
    for step in range(20):
        parameter.grad = np.ones(())
        expected, before = optimizer.lr, parameter.data.copy()
        optimizer.step()
        used.append(float(before - parameter.data))
        assert expected == schedule(step)
    np.testing.assert_allclose(used, [schedule(step) for step in range(20)], atol=1e-15)
    assert optimizer.lr == schedule(20)
    [schedule(step) for step in range(1000)]  # looking ahead, as for a plot, changes nothing
    assert optimizer.lr == schedule(20)
    optimizer.lr = 0.5
    assert optimizer.lr == 0.5
    optimizer.lr = lambda step: step / 100
    assert optimizer.lr == 0.2


def counting(rates):
    """Return a schedule with the given rates, one after the other, and the list of the steps of its calls."""
    given, calls = iter(rates), []

    def schedule(step):
        calls.append(step)
        return next(given)

    return schedule, calls


def test_a_schedule_is_called_once_per_step():
    schedule, calls = counting([0.5, 0.25, 0.125])
    parameter = Parameter(np.zeros(1))
    optimizer = optim.SGD([parameter], lr=schedule)
    assert calls == []
    for rate in (0.5, 0.25):
        before = parameter.data.copy()
        parameter.grad = np.ones(1)
        assert [optimizer.lr for _ in range(3)] == [rate] * 3
        optimizer.step()
        assert before - parameter.data == rate
    assert calls == [0, 1]
    assert optimizer.lr == optimizer.lr == 0.125, "the rate of the next step"
    assert calls == [0, 1, 2]


def test_a_step_after_a_failed_one_has_the_same_rate():
    schedule, calls = counting([0.5, 0.25])
    parameter = Parameter(np.zeros(1))
    optimizer = optim.SGD([parameter], lr=schedule)
    parameter.grad = np.ones(2)
    with pytest.raises(ValueError, match="shape"):
        optimizer.step()
    parameter.grad = np.ones(1)
    optimizer.step()
    assert parameter.data == -0.5
    assert calls == [0]


def test_a_schedule_is_called_again_after_a_new_lr_or_load_state_dict():
    (first, _), (second, calls) = counting([0.5]), counting([0.25, 0.125])
    optimizer = optim.SGD([Parameter(np.zeros(1))], lr=first)
    assert optimizer.lr == 0.5
    optimizer.lr = second
    assert optimizer.lr == 0.25
    optimizer.load_state_dict({**optimizer.state_dict(), "steps": 0})
    assert optimizer.lr == 0.125
    assert calls == [0, 0]


@pytest.mark.equation("effective-rate")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("amsgrad", [False, True])
def test_effective_rate(dtype, amsgrad):
    used, never = Parameter(np.zeros((2, 3), dtype)), Parameter(np.zeros(2, dtype))
    optimizer = optim.Adam([used, never], lr=cosine_decay(0.1, 100), amsgrad=amsgrad, eps=1e-3)
    v = m = v_max = 0.0
    for t in range(1, 30):
        used.grad = np.sin(np.arange(6.0) * t).reshape(2, 3).astype(dtype) * 100 / t
        rate, before = optimizer.lr, used.data.copy()
        optimizer.step()
        m, v = 0.9 * m + 0.1 * used.grad, 0.999 * v + 0.001 * used.grad.astype(float) ** 2
        v_max = np.maximum(v, v_max)
        effective, untouched = optimizer.effective_lr()
        expected = rate / (np.sqrt((v_max if amsgrad else v) / (1 - 0.999**t)) + 1e-3)
        tolerance = 1e-5 if dtype is np.float32 else 1e-12
        np.testing.assert_allclose(effective, expected, rtol=tolerance)
        np.testing.assert_allclose(before - used.data, effective * m / (1 - 0.9**t), atol=tolerance)
        assert effective.dtype == dtype
        assert untouched.shape == (2,)
        assert np.isnan(untouched).all()


@pytest.mark.parametrize("rule", [optim.AdamW, optim.NAdam, optim.Adamax])
def test_the_effective_rate_of_subclasses_of_adam(rule):
    parameter = Parameter(np.zeros(3))
    optimizer = rule([parameter], lr=0.1, eps=0.0)
    parameter.grad = np.array([1.0, -2.0, 4.0])
    optimizer.step()
    np.testing.assert_allclose(optimizer.effective_lr()[0], [0.1, 0.05, 0.025])


def test_every_rule_trains_a_model():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 2)).astype(np.float32)
    y = x @ np.array([[2.0], [-3.0]], np.float32) + 0.5
    for rule in RULES:
        model = mg.nn.Linear(2, 1, rng=0)
        optimizer = rule(model.parameters(), lr=1.0 if rule is optim.Adadelta else 0.05)
        losses = []
        for _ in range(60):
            loss = mg.mse_loss(model(mg.Tensor(x)), mg.Tensor(y))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        assert losses[-1] < losses[0]
        optimizer.zero_grad()
        assert all(parameter.grad is None for parameter in model.parameters())


P = [Parameter(np.ones(3))]
READ_ONLY = [Parameter(np.broadcast_to(1.0, 3))]
BAD = {
    "no parameters": (lambda: optim.Adam([]), ValueError, "at least one parameter, got none"),
    "a number": (lambda: optim.Adam([1.0]), TypeError, "must be a float32 or float64 tensor, got 1.0"),
    "integers": (lambda: optim.Adam([Parameter(np.ones(3, int))]), TypeError, "float32 or float64"),
    "read-only": (lambda: optim.Adam(READ_ONLY), ValueError, "must be writable; .* is read-only"),
    "negative rate": (lambda: optim.SGD(P, lr=-0.1), ValueError, "lr must be finite and ≥ 0, got -0.1"),
    "NaN rate": (lambda: optim.SGD(P, lr=math.nan), ValueError, "lr must be finite and ≥ 0, got nan"),
    "rate of text": (lambda: optim.SGD(P, lr="1e-3"), TypeError, "lr must be a number, got '1e-3'"),
    "rate True": (lambda: optim.SGD(P, lr=True), TypeError, "lr must be a number, got True"),
    "rate set later": (lambda: setattr(optim.SGD(P), "lr", math.inf), ValueError, "got inf"),
    "a schedule gone wrong": (lambda: optim.SGD(P, lr=lambda t: -1.0).step(), ValueError, "the schedule's rate"),
    "beta of one": (lambda: optim.Adam(P, betas=(0.9, 1.0)), ValueError, r"betas\[1\] must be .*< 1, got 1.0"),
    "negative beta": (lambda: optim.NAdam(P, betas=(-0.1, 0.9)), ValueError, r"betas\[0\] must be .*≥ 0"),
    "three betas": (lambda: optim.AdamW(P, betas=(0.9, 0.9, 0.9)), ValueError, "betas must be two numbers"),
    "negative eps": (lambda: optim.Adamax(P, eps=-1e-8), ValueError, "eps"),
    "negative momentum": (lambda: optim.SGD(P, momentum=-0.9), ValueError, "momentum"),
    "negative weight decay": (lambda: optim.AdamW(P, weight_decay=-0.1), ValueError, "weight_decay"),
    "eps form": (lambda: optim.Adam(P, eps_form="tf"), ValueError, "one of 'algorithm1', 'hat', got 'tf'"),
    "convention": (lambda: optim.SGD(P, convention="tf"), ValueError, "one of 'torch', 'keras', got 'tf'"),
    "nesterov alone": (lambda: optim.SGD(P, nesterov=True), ValueError, "momentum > 0 and dampening = 0"),
    "dampening with keras": (lambda: optim.SGD(P, dampening=0.1, convention="keras"), ValueError, "no dampening"),
    "rho": (lambda: optim.Adadelta(P, rho=1.0), ValueError, "rho"),
    "alpha": (lambda: optim.RMSprop(P, alpha=-0.1), ValueError, "alpha"),
    "accumulator": (lambda: optim.Adagrad(P, initial_accumulator_value=-1), ValueError, "initial_accumulator_value"),
    "lr_decay": (lambda: optim.Adagrad(P, lr_decay=-1), ValueError, "lr_decay"),
    "momentum_decay": (lambda: optim.NAdam(P, momentum_decay=-1), ValueError, "momentum_decay"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_arguments_raise_an_error(name):
    call, error, message = BAD[name]
    with pytest.raises(error, match=message):
        call()


def test_shapes_that_do_not_match_raise_an_error():
    parameter = Parameter(np.ones(3))
    optimizer = optim.Adam([parameter])
    parameter.grad = np.ones(4)
    with pytest.raises(ValueError, match=r"shape \(3,\) has a gradient of shape \(4,\)"):
        optimizer.step()
    parameter.data = parameter.grad
    with pytest.raises(ValueError, match=r"shape \(3,\)"):
        optimizer.step()
