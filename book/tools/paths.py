"""The path, the steps and the states of an optimizer for given gradients.

    steps(mg.optim.Adam, [3.0, -1.0], lr=0.1)

Gradients have the shape (T,) for one parameter or (T, …) for an array of parameters. The settings are passed to the
optimizer. `descent` computes the gradients from θ instead. Everything is float64.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

import minigrad as mg
from minigrad.optim import Optimizer
from minigrad.tensor import Array

Rule = Callable[..., Optimizer]  # an optimizer's class, or a function with the same arguments


def path(rule: Rule, gradients: ArrayLike, start: ArrayLike = 0.0, **settings: Any) -> Array:
    """Return θ before the first step and after each of the T steps, of shape (T + 1, …)."""
    values, theta, optimizer = _begin(rule, gradients, start, settings)
    points = [theta.data.copy()]
    for gradient in values:
        theta.grad = gradient
        optimizer.step()
        points.append(theta.data.copy())
    return np.array(points)


def descent(rule: Rule, gradient: Callable[[Array], ArrayLike], start: ArrayLike, steps: int, **settings: Any) -> Array:
    """Return θ before the first step and after each of `steps` steps. `gradient(θ)` is the loss's gradient at θ.

    The shape is (steps + 1, …), where … is `start`'s shape. `gradient` is called once per step.
    """
    theta = mg.Tensor(np.array(start, np.float64), requires_grad=True)
    optimizer = rule([theta], **settings)
    points = [theta.data.copy()]
    for _ in range(steps):
        theta.grad = np.array(gradient(theta.data), np.float64)
        optimizer.step()
        points.append(theta.data.copy())
    return np.array(points)


def steps(rule: Rule, gradients: ArrayLike, **settings: Any) -> Array:
    """Return each of the T steps, θ before it minus θ after it, in the shape of the gradients.

    θ is reset to 0 before each step, so that no digits of a small step are lost in a large θ.
    """
    values, theta, optimizer = _begin(rule, gradients, 0.0, settings)
    taken = []
    for gradient in values:
        theta.data, theta.grad = np.zeros_like(gradient), gradient
        optimizer.step()
        taken.append(-theta.data)
    return np.array(taken)


def states(rule: Rule, gradients: ArrayLike, **settings: Any) -> Iterator[dict[str, Any]]:
    """Yield the optimizer's `state_dict()` after each step: "0.m" is Adam's m, and so on."""
    values, theta, optimizer = _begin(rule, gradients, 0.0, settings)
    for gradient in values:
        theta.grad = gradient
        optimizer.step()
        yield optimizer.state_dict()


def _begin(
    rule: Rule, gradients: ArrayLike, start: ArrayLike, settings: dict[str, Any]
) -> tuple[Array, mg.Tensor, Optimizer]:
    values = np.asarray(gradients, np.float64)
    theta = mg.Tensor(np.full(values.shape[1:], start, np.float64), requires_grad=True)
    return values, theta, rule([theta], **settings)
