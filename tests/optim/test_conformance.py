"""Trajectories of 500 steps in float64, compared with recorded ones of Keras, optax and PyTorch, and with live PyTorch.

porting.py lists the arguments with which minigrad computes the same as a framework, or the nearest ones if none do. In
the second case the framework's recurrence, written out below, reproduces the trace.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from minigrad import optim
from minigrad.schedules import exponential_decay
from minigrad_book.frameworks.traces import problems
from minigrad_book.frameworks.traces.porting import RUNS
from minigrad_book.frameworks.traces.problems import DECAY, PROBLEMS, RATE, STEPS

TRACES = {
    name: json.loads((Path(problems.__file__).parent / f"{name}.json").read_text())
    for name in ("keras", "optax", "torch")
}
DECAYED = exponential_decay(RATE, **DECAY)


def make(code: str):
    """Return a function that makes the optimizer in `code` for given parameters."""
    return lambda parameters: eval(code, vars(optim) | {"p": parameters, "decayed": DECAYED})


def amsgrad_of_corrected(t, g, s):
    """optax: the maximum is taken of v̂."""
    s["m"] = 0.9 * s["m"] + 0.1 * g
    s["v"] = 0.999 * s["v"] + 0.001 * g * g
    s["max"] = np.maximum(s["max"], s["v"] / (1 - 0.999**t))
    return 1e-2 * s["m"] / (1 - 0.9**t) / (np.sqrt(s["max"]) + 1e-8)


def adamax_keras(t, g, s):
    """Keras: ε is added to u, not inside the maximum."""
    s["m"] = 0.9 * s["m"] + 0.1 * g
    s["u"] = np.maximum(0.999 * s["u"], abs(g))
    return 1e-2 * s["m"] / ((1 - 0.9**t) * (s["u"] + 1e-7))


def rmsprop_under_root(rate, eps, momentum=0.0, centered=False, rho=0.9):
    """Keras and optax: ε is inside the root, and the momentum buffer contains the rate."""

    def step(t, g, s):
        s["v"] = rho * s["v"] + (1 - rho) * g * g
        s["mean"] = rho * s["mean"] + (1 - rho) * g if centered else s["mean"]
        increment = rate(t) * g / np.sqrt(s["v"] - s["mean"] ** 2 + eps)
        s["u"] = momentum * s["u"] + increment
        return s["u"]

    return step


def decayed(t):
    return RATE * DECAY["decay_rate"] ** ((t - 1) / DECAY["decay_steps"])


DIFFER = {  # (framework, run) → the framework's recurrence, if no arguments of minigrad's give the same
    ("optax", "adam amsgrad"): amsgrad_of_corrected,
    ("keras", "adamax"): adamax_keras,
    ("keras", "rmsprop"): rmsprop_under_root(lambda t: 1e-3, 1e-7),
    ("keras", "rmsprop momentum"): rmsprop_under_root(lambda t: 1e-3, 1e-7, momentum=0.9),
    ("keras", "rmsprop momentum, rate decays"): rmsprop_under_root(decayed, 1e-7, momentum=0.9),
    ("keras", "rmsprop centered"): rmsprop_under_root(lambda t: 1e-3, 1e-3, centered=True, rho=0.99),
    ("optax", "rmsprop"): rmsprop_under_root(lambda t: 1e-3, 1e-8),
    ("optax", "rmsprop momentum"): rmsprop_under_root(lambda t: 1e-3, 1e-8, momentum=0.9),
    ("optax", "rmsprop momentum, rate decays"): rmsprop_under_root(decayed, 1e-8, momentum=0.9),
    ("optax", "rmsprop centered"): rmsprop_under_root(lambda t: 1e-3, 1e-3, centered=True, rho=0.99),
}


class Recurrence:
    """An optimizer in plain NumPy, with a function (t, gradient, state) → step as its rule."""

    def __init__(self, params, rule):
        self.params, self.rule, self.t = params, rule, 0
        self.states = [dict.fromkeys(("m", "v", "max", "u", "mean"), np.zeros_like(p.data)) for p in params]

    def step(self):
        self.t += 1
        for parameter, state in zip(self.params, self.states, strict=True):
            parameter.data = parameter.data - self.rule(self.t, parameter.grad, state)


def relative_error(problem: str, make, trace) -> float:
    """Return the largest difference at any recorded step, divided by the largest parameter at that step."""
    path = problems.trajectory(PROBLEMS[problem](), make, max(STEPS))[np.array(STEPS) - 1]
    trace = np.array(trace)
    return float(np.max(np.abs(path - trace).max(axis=1) / np.abs(trace).max(axis=1)))


def cases(chosen):
    return [pytest.param(run, id=f"{run.framework} {run.name}") for run in RUNS if chosen(run)]


def trace_of(run, problem):
    return TRACES[run.framework]["trajectories"][run.name][problem]


def test_every_recorded_run_is_compared():
    recorded = [(framework, name) for framework, trace in TRACES.items() for name in trace["trajectories"]]
    assert sorted(recorded) == sorted((run.framework, run.name) for run in RUNS)
    assert {(run.framework, run.name) for run in RUNS if run.ours is None} == DIFFER.keys()
    assert all(trace["steps"] == list(STEPS) for trace in TRACES.values())


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("run", cases(lambda run: run.ours))
def test_a_run_agrees_with_its_trace(run, problem):
    assert relative_error(problem, make(run.ours), trace_of(run, problem)) < 1e-9


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("run", cases(lambda run: run.ours is None))
def test_the_frameworks_recurrence_agrees_with_its_trace(run, problem):
    recurrence = DIFFER[run.framework, run.name]
    assert relative_error(problem, lambda p: Recurrence(p, recurrence), trace_of(run, problem)) < 1e-9


@pytest.mark.parametrize("run", cases(lambda run: run.nearest))
def test_the_nearest_arguments_differ_from_the_trace(run):
    """The difference is large enough to see on the problem whose gradients are from 1e-3 to 1e3."""
    assert run.why
    assert relative_error("quadratic", make(run.nearest), trace_of(run, "quadratic")) > 1e-7


def test_keras_and_pytorch_momentum_agree_while_the_rate_is_constant():
    keras, torch = (TRACES[f]["trajectories"]["sgd momentum"]["mlp"] for f in ("keras", "torch"))
    np.testing.assert_allclose(keras, torch, rtol=1e-9)


LIVE = {  # arguments beyond those of the traces, against PyTorch itself: (class, arguments)
    "sgd dampening": ("SGD", {"lr": 5e-4, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.01}),
    "sgd nesterov decay": ("SGD", {"lr": 5e-4, "momentum": 0.5, "nesterov": True, "weight_decay": 0.01}),
    "adam": ("Adam", {"lr": 3e-3}),
    "adam betas": ("Adam", {"lr": 3e-3, "betas": (0.5, 0.9), "eps": 1e-3, "weight_decay": 0.01, "amsgrad": True}),
    "adamw amsgrad": ("AdamW", {"lr": 3e-3, "amsgrad": True, "weight_decay": 0.3}),
    "adamax": ("Adamax", {"lr": 3e-4, "betas": (0.8, 0.95), "eps": 1e-3, "weight_decay": 0.01}),
    "nadam": ("NAdam", {"lr": 3e-4, "betas": (0.8, 0.95), "momentum_decay": 0.1, "weight_decay": 0.01}),
    "nadam decoupled": ("NAdam", {"lr": 3e-3, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    "adagrad": ("Adagrad", {"lr": 1e-2, "lr_decay": 0.01, "initial_accumulator_value": 0.5, "weight_decay": 0.01}),
    "adadelta": ("Adadelta", {"lr": 0.5, "rho": 0.8, "eps": 1e-4, "weight_decay": 0.01}),
    "rmsprop": ("RMSprop", {"lr": 1e-4, "alpha": 0.98, "momentum": 0.5, "centered": True, "weight_decay": 0.01}),
}


@pytest.fixture
def torch():
    """PyTorch with float64 as default dtype, because its NAdam keeps the momentum's product in that dtype."""
    torch = pytest.importorskip("torch")
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield torch
    torch.set_default_dtype(before)


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("name", LIVE)
def test_a_rule_agrees_with_live_pytorch(torch, name, problem):
    rule, arguments = LIVE[name]

    class Peer:
        def __init__(self, params):
            self.params = params
            self.theirs = [torch.tensor(p.data, requires_grad=True) for p in params]
            self.optimizer = getattr(torch.optim, rule)(self.theirs, **arguments)

        def step(self):
            for mine, theirs in zip(self.params, self.theirs, strict=True):
                theirs.grad = torch.tensor(mine.grad)
            self.optimizer.step()
            for mine, theirs in zip(self.params, self.theirs, strict=True):
                mine.data = theirs.detach().numpy().copy()

    mine = problems.trajectory(PROBLEMS[problem](), lambda p: getattr(optim, rule)(p, **arguments), 500)
    theirs = problems.trajectory(PROBLEMS[problem](), Peer, 500)
    scale = np.abs(theirs).max(axis=1, keepdims=True)
    np.testing.assert_array_less(np.abs(mine[:200] - theirs[:200]) / scale[:200], 1e-10)
    np.testing.assert_array_less(np.abs(mine - theirs) / scale, 1e-9)


@pytest.mark.parametrize(
    ("rule", "peer", "framework"),
    [(getattr(optim, name), name, "torch") for name in optim.__all__ if name != "Optimizer"],
)
def test_the_defaults_are_those_of_pytorch(rule, peer, framework):
    import inspect

    theirs = TRACES[framework]["defaults"][peer]
    ours = {
        n: p.default for n, p in inspect.signature(rule).parameters.items() if p.default is not inspect.Parameter.empty
    }
    shared = {name: value for name, value in theirs.items() if name in ours}
    expected = {
        name: list(value) if isinstance(value, tuple) else value for name, value in ours.items() if name in theirs
    }
    assert shared == expected
    assert set(ours) - set(theirs) <= {"bias_correction", "eps_form", "convention"}
