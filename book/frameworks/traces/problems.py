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
METRICS: dict[str, tuple[list[float], dict[str, Any]]] = {  # (metric after each epoch, arguments as Keras names them)
    "flat": ([1.0] * 12, {"patience": 2}),
    "flat, cooldown 1": ([1.0] * 12, {"patience": 2, "cooldown": 1}),
    "flat, cooldown 3": ([1.0] * 16, {"patience": 2, "cooldown": 3}),
    "flat, patience 0": ([1.0] * 5, {"patience": 0}),
    "flat, patience 1": ([1.0] * 5, {"patience": 1}),
    "flat to the minimum": ([1.0] * 14, {"patience": 1, "min_lr": 2e-3}),
    "flat at small rates": ([1.0] * 14, {"patience": 0, "factor": 0.01}),
    "flat and negative": ([-1.0] * 8, {"patience": 2}),
    "slow": ([1 - 1e-5 * i for i in range(14)], {"patience": 3}),
    "by the threshold": ([1.0, 0.9999, 0.99985, 0.9998, 0.9997, 0.9996], {"patience": 2}),
    "tiny losses": ([1e-5 * 0.5**i for i in range(8)], {"patience": 2}),
    "spike": ([1.0, 0.5, 3.0, 2.0, 1.0, 0.8, 0.6, 0.4, 0.3], {"patience": 3}),
    "maximum": ([0.1, 0.2, 0.2, 0.2, 0.3, 0.3, 0.3, 0.3], {"patience": 2, "mode": "max"}),
    "NaN later": ([1.0, NAN, NAN, 0.5, NAN, NAN, NAN], {"patience": 2}),
    "NaN first": ([NAN, 1.0, 0.5, 0.25, 0.125], {"patience": 2}),
    "infinite first": ([INF, INF, INF, 1.0, 0.5], {"patience": 2}),
    "minus infinity": ([1.0, -INF, -INF, 0.0, 0.0, 0.0], {"patience": 2}),
}


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
