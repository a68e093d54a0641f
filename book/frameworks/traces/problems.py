"""What is recorded: the problems (a start, and the gradient as a function of the parameters), rates and metrics."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

Arrays = list[np.ndarray]

STEPS = (1, 2, 10, 100, 500)
RATE = 5e-4
DECAY: dict[str, Any] = {"decay_steps": 50, "decay_rate": 0.5}  # for the runs whose rate changes
SCHEDULE_STEPS = [*range(61), 99, 100, 101, 250]

NAN, INF = float("nan"), float("inf")
Series = tuple[
    list[float], dict[str, Any]
]  # the metric after each epoch, and a plateau's arguments as minigrad names them
METRICS: dict[str, Series] = {
    "flat": ([1.0] * 12, {"patience": 2}),
    "flat, cooldown 1": ([1.0] * 12, {"patience": 2, "cooldown": 1}),
    "flat, cooldown 3": ([1.0] * 16, {"patience": 2, "cooldown": 3}),
    "flat, patience 0": ([1.0] * 5, {"patience": 0}),
    "flat, patience 1": ([1.0] * 5, {"patience": 1}),
    "falling, patience 0": ([1.0, 0.9, 0.8, 0.8, 0.7], {"patience": 0}),
    "flat to the minimum": ([1.0] * 14, {"patience": 1, "min_lr": 2e-3}),
    "flat at small rates": ([1.0] * 14, {"patience": 0, "factor": 0.01}),
    "flat at smaller rates": ([1.0] * 8, {"patience": 1, "factor": 0.01}),
    "flat and negative": ([-1.0] * 8, {"patience": 2}),
    "slow": ([1 - 1e-5 * i for i in range(14)], {"patience": 3}),
    "by the threshold": ([1.0, 0.9999, 0.99985, 0.9998, 0.9997, 0.9996], {"patience": 2}),
    "exactly by the threshold": ([1.0, 0.75, 0.75, 0.75], {"patience": 2, "min_delta": 0.25}),
    "by more than the threshold": ([1.0, 0.7421875, 0.75, 0.75], {"patience": 2, "min_delta": 0.25}),
    "absolute threshold": ([4.0, 3.5, 2.9375, 2.5, 2.4375], {"patience": 2, "min_delta": 0.5, "threshold_mode": "abs"}),
    "relative threshold of 1": ([1.0, 0.5, 0.25, 0.0, -1.0], {"patience": 2, "min_delta": 1.0}),
    "tiny losses": ([1e-5 * 0.5**i for i in range(8)], {"patience": 2}),
    "spike": ([1.0, 0.5, 3.0, 2.0, 1.0, 0.8, 0.6, 0.4, 0.3], {"patience": 3}),
    "best in the cooldown": ([1.0, 1.0, 1.0, 1.0, 0.5, 0.75, 0.75, 0.75, 0.75], {"patience": 2, "cooldown": 3}),
    "maximum": ([0.1, 0.2, 0.2, 0.2, 0.3, 0.3, 0.3, 0.3], {"patience": 2, "mode": "max"}),
    "NaN later": ([1.0, NAN, NAN, 0.5, NAN, NAN, NAN], {"patience": 2}),
    "NaN first": ([NAN, 1.0, 0.5, 0.25, 0.125], {"patience": 2}),
    "infinite first": ([INF, INF, INF, 1.0, 0.5], {"patience": 2}),
    "minus infinity": ([1.0, -INF, -INF, 0.0, 0.0, 0.0], {"patience": 2}),
    "means of two": ([2.0, 0.0, 1.5, 0.5, 0.0, 2.0, 3.0], {"patience": 2, "accumulation_size": 2}),
    "means of three, a NaN": ([3.0, 2.0, 1.0, NAN, 0.0, 0.0, 0.5, 0.5, 0.5], {"patience": 1, "accumulation_size": 3}),
}

PLATEAU_NAMES: dict[str, dict[str, str]] = {  # how each framework names minigrad's arguments; it has no others of them
    "keras": {name: name for name in ("factor", "patience", "min_delta", "cooldown", "min_lr", "mode")},
    "torch": {name: name for name in ("factor", "patience", "threshold_mode", "cooldown", "min_lr", "mode", "eps")}
    | {"min_delta": "threshold"},
    "optax": {name: name for name in ("factor", "patience", "cooldown", "accumulation_size")}
    | {"min_delta": "rtol", "threshold_mode": "", "min_lr": "min_scale"},
}


def plateau_arguments(framework: str, arguments: dict[str, Any]) -> dict[str, Any] | None:
    """The framework's own names for a plateau's arguments; None if it lacks one of them. The first rate is 1."""
    names = PLATEAU_NAMES[framework]
    if not arguments.keys() <= names.keys():
        return None
    theirs = {names[name]: value for name, value in arguments.items()}
    if framework == "optax" and theirs.pop("", "rel") == "abs":
        theirs |= {"rtol": 0.0, "atol": theirs["rtol"]}
    return theirs


def random_series(framework: str, number: int = 60, epochs: int = 30) -> list[Series]:
    """Metrics that often repeat or come back, in the cooldown too, and any arguments that the framework has."""
    rng = np.random.default_rng(5)
    drawn: list[Series] = []
    for _ in range(number):
        arguments = {
            "factor": float(rng.choice([0.5, 0.25])),
            "patience": int(rng.integers(0, 4)),
            "min_delta": float(rng.choice([2**-13, 0.25])),
            "threshold_mode": str(rng.choice(["rel", "abs"])),
            "cooldown": int(rng.integers(0, 4)),
            "min_lr": float(rng.choice([0.0, 2**-6])),
            "mode": str(rng.choice(["min", "max"])),
            "accumulation_size": int(rng.choice([1, 1, 2, 3])),
        }
        falls = rng.choice([1, -1]) * np.maximum(0, 8 - np.arange(epochs) / rng.integers(1, 6))
        metrics = falls + rng.integers(-2, 3, epochs)
        if rng.random() < 0.2:
            metrics[rng.integers(epochs, size=3)] = rng.choice([NAN, INF, -INF], 3)
        drawn.append((metrics.tolist(), {k: v for k, v in arguments.items() if k in PLATEAU_NAMES[framework]}))
    return drawn


class Parameter:
    """All that an optimizer needs of a parameter."""

    def __init__(self, data: np.ndarray) -> None:
        self.data = data
        self.grad: np.ndarray | None = None


class Problem(Protocol):
    """A function to minimise."""

    name: str

    def start(self) -> Arrays: ...

    def gradient(self, theta: Arrays) -> Arrays: ...


@dataclass
class Quadratic:
    """½ Σ cᵢ θᵢ², c from 1e-3 to 1e3: badly scaled."""

    name = "quadratic"
    curvature = np.logspace(-3, 3, 7)

    def start(self) -> Arrays:
        return [np.array([1.0, -2.0, 0.5, 1.5, -1.0, 0.25, 2.0])]

    def gradient(self, theta: Arrays) -> Arrays:
        return [self.curvature * theta[0]]


class Rosenbrock:
    """(1 − x)² + 100 (y − x²)²."""

    name = "rosenbrock"

    def start(self) -> Arrays:
        return [np.array([-1.2, 1.0])]

    def gradient(self, theta: Arrays) -> Arrays:
        x, y = theta[0]
        return [np.array([-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)])]


class SmallMLP:
    """Mean squared error of a 3-5-2 tanh network on 16 points, a different batch of 8 at every call."""

    name = "mlp"

    def __init__(self) -> None:
        rng = np.random.default_rng(7)
        self.x, self.y = rng.normal(size=(16, 3)), rng.normal(size=(16, 2))
        self.first = [rng.normal(size=(5, 3)) * 0.5, np.zeros(5), rng.normal(size=(2, 5)) * 0.5, np.zeros(2)]
        self.calls = 0

    def start(self) -> Arrays:
        self.calls = 0
        return [array.copy() for array in self.first]

    def gradient(self, theta: Arrays) -> Arrays:
        rows = slice(0, 8) if self.calls % 2 == 0 else slice(8, 16)
        self.calls += 1
        w1, b1, w2, b2 = theta
        x, y = self.x[rows], self.y[rows]
        hidden = np.tanh(x @ w1.T + b1)
        upstream = 2 * (hidden @ w2.T + b2 - y) / y.size
        inner = (upstream @ w2) * (1 - hidden**2)
        return [inner.T @ x, inner.sum(axis=0), upstream.T @ hidden, upstream.sum(axis=0)]


PROBLEMS: dict[str, Callable[[], Problem]] = {problem.name: problem for problem in (Quadratic, Rosenbrock, SmallMLP)}


def trajectory(problem: Problem, make_optimizer: Callable[[list[Parameter]], Any], steps: int) -> np.ndarray:
    """All parameters after each step of the optimizer on `problem`, flattened: (steps, number of parameters)."""
    parameters = [Parameter(array) for array in problem.start()]
    optimizer = make_optimizer(parameters)
    path = []
    for _ in range(steps):
        for parameter, grad in zip(parameters, problem.gradient([p.data for p in parameters]), strict=True):
            parameter.grad = grad
        optimizer.step()
        path.append(np.concatenate([p.data.ravel() for p in parameters]))
    return np.array(path)
