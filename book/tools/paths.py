"""What an optimizer does with given gradients: its path, its steps and its state.

    steps(mg.optim.Adam, [3.0, -1.0], lr=0.1)

Gradients have the shape (T,) for one parameter or (T, …) for an array of them; the settings go to the optimizer.
`descent` computes them from θ instead. Everything is float64.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

import minigrad as mg
from minigrad.optim import Optimizer
from minigrad.tensor import Array

Rule = Callable[..., Optimizer]  # an optimizer's class, or what is called like one


def path(rule: Rule, gradients: ArrayLike, start: ArrayLike = 0.0, **settings: Any) -> Array:
    """θ before the first step and after each of T steps, of shape (T + 1, …)."""
    values, theta, optimizer = _begin(rule, gradients, start, settings)
    points = [theta.data.copy()]
    for gradient in values:
        theta.grad = gradient
        optimizer.step()
        points.append(theta.data.copy())
    return np.array(points)


def descent(rule: Rule, gradient: Callable[[Array], ArrayLike], start: ArrayLike, steps: int, **settings: Any) -> Array:
    """θ before the first of `steps` steps and after each, where `gradient(θ)` is the gradient of the loss at θ.

    Shape (steps + 1, …), with `start`'s shape at the end. `gradient` is called once a step.
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
    """Each of the T steps, θ before it minus θ after it, of the shape of the gradients.

    θ is put back to 0 before each step, so that no digit of a small step is lost in a large θ.
    """
    values, theta, optimizer = _begin(rule, gradients, 0.0, settings)
    taken = []
    for gradient in values:
        theta.data, theta.grad = np.zeros_like(gradient), gradient
        optimizer.step()
        taken.append(-theta.data)
    return np.array(taken)


def states(rule: Rule, gradients: ArrayLike, **settings: Any) -> Iterator[dict[str, Any]]:
    """The optimizer's `state_dict()` after each step: "0.m" is Adam's m, and so on."""
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
