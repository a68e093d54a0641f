"""Every rule agrees with its recurrence in NumPy, in both precisions, and its kernel compiles to float32 vectors."""

from __future__ import annotations

import numba
import numpy as np
import pytest

from minigrad import optim
from minigrad.optim import base
from minigrad.schedules import exponential_decay
from minigrad_book.frameworks.traces.problems import Parameter

GRADIENTS = np.random.default_rng(1).normal(size=(40, 6)) * np.logspace(-3, 2, 6)
START = np.linspace(-2, 2, 6)
B1, B2 = 0.8, 0.95
LR = exponential_decay(0.1, 10, 0.7)


def sgd_torch(t, theta, g, s, eta, nesterov=False):
    g = g + 0.01 * theta
    s["u"] = g if t == 1 else 0.9 * s["u"] + (1.0 if nesterov else 0.7) * g
    return theta - eta * (g + 0.9 * s["u"] if nesterov else s["u"])


def sgd_keras(t, theta, g, s, eta, nesterov=False):
    theta = theta - eta * 0.01 * theta
    s["u"] = 0.9 * s.get("u", 0) - eta * g
    return theta + 0.9 * s["u"] - eta * g if nesterov else theta + s["u"]


def moments(t, g, s):
    s["m"] = B1 * s.get("m", 0) + (1 - B1) * g
    s["v"] = B2 * s.get("v", 0) + (1 - B2) * g**2
    return s["m"] / (1 - B1**t), s["v"] / (1 - B2**t)


def adam(t, theta, g, s, eta, amsgrad=False, hat=False, correct=True, l2=0.0, decoupled=0.0):
    m_hat, v_hat = moments(t, g + l2 * theta, s)
    s["max"] = np.maximum(s.get("max", 0), s["v"])
    if amsgrad:
        v_hat = s["max"] / (1 - B2**t)
    theta = theta - eta * decoupled * theta
    if not correct:
        return theta - eta * s["m"] / (np.sqrt(s["v"]) + 1e-3)
    if hat:
        return theta - eta * np.sqrt(1 - B2**t) / (1 - B1**t) * s["m"] / (np.sqrt(s["v"]) + 1e-3)
    return theta - eta * m_hat / (np.sqrt(v_hat) + 1e-3)


def adamax(t, theta, g, s, eta):
    m_hat, _ = moments(t, g, s)
    s["u"] = np.maximum(B2 * s.get("u", 0), abs(g) + 1e-3)
    return theta - eta * m_hat / s["u"]


def nadam(t, theta, g, s, eta):
    _, v_hat = moments(t, g, s)
    mu = [B1 * (1 - 0.5 * 0.96 ** (i * 0.1)) for i in range(1, t + 2)]
    m_bar = (1 - mu[-2]) * g / (1 - np.prod(mu[:-1])) + mu[-1] * s["m"] / (1 - np.prod(mu))
    return theta - eta * m_bar / (np.sqrt(v_hat) + 1e-3)


def adagrad(t, theta, g, s, eta):
    s["s"] = s.get("s", 0.5) + g**2
    return theta - eta / (1 + (t - 1) * 0.1) * g / (np.sqrt(s["s"]) + 1e-3)


def adadelta(t, theta, g, s, eta):
    s["v"] = B2 * s.get("v", 0) + (1 - B2) * g**2
    delta = np.sqrt(s.get("d", 0) + 1e-3) / np.sqrt(s["v"] + 1e-3) * g
    s["d"] = B2 * s.get("d", 0) + (1 - B2) * delta**2
    return theta - eta * delta


def rmsprop(t, theta, g, s, eta, centered=False, momentum=0.0):
    s["v"] = B2 * s.get("v", 0) + (1 - B2) * g**2
    s["mean"] = B2 * s.get("mean", 0) + (1 - B2) * g
    s["u"] = momentum * s.get("u", 0) + g / (np.sqrt(s["v"] - s["mean"] ** 2 * centered) + 1e-3)
    return theta - eta * s["u"]


def rule(reference, make, **arguments):
    return (lambda *state: reference(*state, **arguments)), make


SHARED = {"betas": (B1, B2), "eps": 1e-3}
RULES = {  # name → (the recurrence, minigrad's)
    "sgd": rule(lambda t, theta, g, s, eta: theta - eta * g, lambda p: optim.SGD(p, LR)),
    "sgd momentum": rule(sgd_torch, lambda p: optim.SGD(p, LR, momentum=0.9, dampening=0.3, weight_decay=0.01)),
    "sgd nesterov": rule(
        sgd_torch, lambda p: optim.SGD(p, LR, momentum=0.9, nesterov=True, weight_decay=0.01), nesterov=True
    ),
    "sgd keras": rule(sgd_keras, lambda p: optim.SGD(p, LR, momentum=0.9, weight_decay=0.01, convention="keras")),
    "sgd keras nesterov": rule(
        sgd_keras,
        lambda p: optim.SGD(p, LR, momentum=0.9, nesterov=True, weight_decay=0.01, convention="keras"),
        nesterov=True,
    ),
    "adam": rule(adam, lambda p: optim.Adam(p, LR, **SHARED)),
    "adam amsgrad": rule(adam, lambda p: optim.Adam(p, LR, **SHARED, amsgrad=True), amsgrad=True),
    "adam hat": rule(adam, lambda p: optim.Adam(p, LR, **SHARED, eps_form="hat"), hat=True),
    "adam uncorrected": rule(adam, lambda p: optim.Adam(p, LR, **SHARED, bias_correction=False), correct=False),
    "adam uncorrected hat": rule(
        adam, lambda p: optim.Adam(p, LR, **SHARED, bias_correction=False, eps_form="hat"), correct=False
    ),
    "adam l2": rule(adam, lambda p: optim.Adam(p, LR, **SHARED, weight_decay=0.1), l2=0.1),
    "adamw": rule(adam, lambda p: optim.AdamW(p, LR, **SHARED, weight_decay=0.1), decoupled=0.1),
    "adamax": rule(adamax, lambda p: optim.Adamax(p, LR, **SHARED)),
    "nadam": rule(nadam, lambda p: optim.NAdam(p, LR, **SHARED, momentum_decay=0.1)),
    "adagrad": rule(adagrad, lambda p: optim.Adagrad(p, LR, lr_decay=0.1, initial_accumulator_value=0.5, eps=1e-3)),
    "adadelta": rule(adadelta, lambda p: optim.Adadelta(p, LR, rho=B2, eps=1e-3)),
    "rmsprop": rule(rmsprop, lambda p: optim.RMSprop(p, LR, alpha=B2, eps=1e-3)),
    "rmsprop centered": rule(
        rmsprop,
        lambda p: optim.RMSprop(p, LR, alpha=B2, eps=1e-3, centered=True, momentum=0.5),
        centered=True,
        momentum=0.5,
    ),
}


@pytest.mark.equation("sgd-update")
@pytest.mark.equation("sgd-momentum")
@pytest.mark.equation("sgd-nesterov")
@pytest.mark.equation("sgd-keras-momentum")
@pytest.mark.equation("sgd-keras-nesterov")
@pytest.mark.equation("sgd-keras-update")
@pytest.mark.equation("adam-m")
@pytest.mark.equation("adam-v")
@pytest.mark.equation("adam-m-hat")
@pytest.mark.equation("adam-v-hat")
@pytest.mark.equation("adam-update")
@pytest.mark.equation("adam-eps-hat")
@pytest.mark.equation("amsgrad-max")
@pytest.mark.equation("l2-gradient")
@pytest.mark.equation("adamw-decay")
@pytest.mark.equation("adamax-u")
@pytest.mark.equation("adamax-update")
@pytest.mark.equation("nadam-mu")
@pytest.mark.equation("nadam-m-bar")
@pytest.mark.equation("nadam-update")
@pytest.mark.equation("adagrad-sum")
@pytest.mark.equation("adagrad-update")
@pytest.mark.equation("adadelta-v")
@pytest.mark.equation("adadelta-delta")
@pytest.mark.equation("adadelta-d")
@pytest.mark.equation("adadelta-update")
@pytest.mark.equation("rmsprop-v")
@pytest.mark.equation("rmsprop-centered")
@pytest.mark.equation("rmsprop-momentum")
@pytest.mark.equation("rmsprop-update")
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", RULES)
def test_rule(name, dtype):
    recurrence, make = RULES[name]
    parameter = Parameter(START.reshape(2, 3).astype(dtype))
    optimizer = make([parameter])
    theta, state = START, {}
    for t, g in enumerate(GRADIENTS, start=1):
        assert optimizer.lr == LR(t - 1)
        theta = recurrence(t, theta, g, state, LR(t - 1))
        parameter.grad = g.reshape(2, 3).astype(dtype)
        optimizer.step()
        assert parameter.data.dtype == dtype
        tolerance = 1e-12 if dtype is np.float64 else 2e-5
        np.testing.assert_allclose(parameter.data.ravel(), theta, rtol=tolerance, atol=tolerance)
    assert optimizer.steps == len(GRADIENTS)


def llvm(function, arguments) -> str:
    """Compile with `kernel`'s flags and return the intermediate code, which cached kernels don't have."""
    fresh = numba.njit(error_model="numpy", fastmath={"reassoc", "contract"})(function)
    fresh(*arguments)
    return fresh.inspect_llvm(fresh.signatures[0])


@pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="there is no compiled code to look at")
@pytest.mark.parametrize("name", RULES)
def test_float32_kernels_are_vectorized_and_use_only_float32(name, monkeypatch):
    """No value is converted to float64 on the way, and LLVM has vectorized the loop."""
    parameter = Parameter(np.ones(4, np.float32))
    parameter.grad = np.ones(4, np.float32)
    optimizer = RULES[name][1]([parameter])
    calls = []
    for kernel, owner in [(optimizer.update, optimizer), (base.add_decay, base)]:

        def spy(*arguments, kernel=kernel):
            calls.append((kernel.__wrapped__, arguments))
            kernel(*arguments)

        monkeypatch.setattr(owner, "update" if owner is optimizer else kernel.__name__, spy)
    optimizer.step()
    assert len(calls) == (2 if optimizer.weight_decay and not optimizer.decoupled else 1)
    for function, arguments in calls:
        code = llvm(function, arguments)
        assert "fpext" not in code
        assert " x float>" in code


@pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="there is no compiled code to look at")
def test_the_check_finds_a_conversion_to_float64():
    def widened(x, beta):
        for i in range(x.size):
            x[i] = (1 - beta) * x[i]

    assert "fpext" in llvm(widened, (np.ones(4, np.float32), np.float32(0.9)))


def test_centered_rmsprop_stays_finite_for_a_constant_gradient():
    """With a constant gradient v − mean² approaches 0, and rounding may make it negative."""
    parameter = Parameter(np.zeros(64))
    optimizer = optim.RMSprop([parameter], centered=True, alpha=0.5)
    gradient = np.random.default_rng(0).normal(size=64)
    for _ in range(200):
        parameter.grad = gradient
        optimizer.step()
    assert np.isfinite(parameter.data).all()


@pytest.mark.parametrize("name", RULES)
def test_a_nan_gradient_gives_nan(name):
    """A NaN appears in θ and in every array of the rule, also in a maximum."""
    parameter = Parameter(np.ones(3))
    parameter.grad = np.array([1.0, np.nan, 1.0])
    optimizer = RULES[name][1]([parameter])
    optimizer.step()
    kept = {key: value for key, value in optimizer.state_dict().items() if np.shape(value) == (3,)}
    for array in (parameter.data, *kept.values()):
        assert np.isnan(array).tolist() == [False, True, False]
