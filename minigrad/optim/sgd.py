"""Stochastic gradient descent, with momentum as PyTorch or Keras defines it."""

from __future__ import annotations

from collections import namedtuple

from numba import prange

from minigrad.arguments import choice, number
from minigrad.jit import kernel
from minigrad.optim.base import LearningRate, Optimizer, Params, unpack

SGDCoefficients = namedtuple("SGDCoefficients", "eta mu gradient_weight nesterov")


class SGD(Optimizer):
    """Stochastic gradient descent, θ ← θ − η·g, optionally with momentum μ, dampening τ and weight decay λ.

    convention="torch" is the documented algorithm of `torch.optim.SGD`. The velocity u accumulates gradients and is
    multiplied by the rate in each update:

        g ← g + λ·θ
        u ← μ·u + (1 − τ)·g         (u ← g at the first update)
        θ ← θ − η·u                 (with nesterov: θ ← θ − η·(g + μ·u))

    convention="keras" is `keras.optimizers.SGD`. The velocity accumulates steps, each with the rate at its time:

        θ ← θ − η·λ·θ
        u ← μ·u − η·g
        θ ← θ + u                   (with nesterov: θ ← θ + μ·u − η·g)

    For a constant η and λ = 0 both give the same θ; they differ when η changes. Source: momentum, Polyak 1964;
    Nesterov's form, Sutskever et al., ICML 2013. Arguments and defaults as in PyTorch.

    Parameters
    ----------
    params, lr
        As for every `Optimizer`.
    momentum : float
        μ ≥ 0.
    dampening : float
        τ; 0 in the Keras convention.
    nesterov : bool
        Needs momentum > 0 and dampening = 0, as in PyTorch.
    weight_decay : float
        λ ≥ 0.
    convention : str
        "torch" or "keras".

    Raises
    ------
    ValueError, TypeError
        As for every `Optimizer`; settings that can't be combined, as above.
    """

    @staticmethod
    @kernel(parallel=True)
    def update_torch(theta, grad, u, coefficients):
        """One step as PyTorch writes it."""
        c = SGDCoefficients(*unpack(coefficients, 4))
        for i in prange(theta.size):
            direction = grad[i]
            if u is not None:
                u[i] = c.mu * u[i] + c.gradient_weight * grad[i]  # eq:sgd-momentum
                direction = grad[i] + c.mu * u[i] if c.nesterov else u[i]  # eq:sgd-nesterov
            theta[i] -= c.eta * direction  # eq:sgd-update

    @staticmethod
    @kernel(parallel=True)
    def update_keras(theta, grad, u, coefficients):
        """One step as Keras writes it."""
        c = SGDCoefficients(*unpack(coefficients, 4))
        for i in prange(theta.size):
            u[i] = c.mu * u[i] - c.eta * grad[i]  # eq:sgd-keras-momentum
            step = c.mu * u[i] - c.eta * grad[i] if c.nesterov else u[i]  # eq:sgd-keras-nesterov
            theta[i] += step  # eq:sgd-keras-update

    def __init__(
        self,
        params: Params,
        lr: LearningRate = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
        convention: str = "torch",
    ) -> None:
        self.momentum = number("momentum", momentum, least=0)
        self.dampening = number("dampening", dampening)
        self.nesterov = nesterov
        self.convention = choice("convention", convention, ("torch", "keras"))
        if nesterov and (momentum == 0 or dampening != 0):
            raise ValueError(f"nesterov needs momentum > 0 and dampening = 0, got {momentum} and {dampening}")
        if convention == "keras" and dampening != 0:
            raise ValueError(f"Keras's convention has no dampening, got {dampening}")
        self.decoupled = convention == "keras"
        self.update = self.update_keras if convention == "keras" else self.update_torch
        self.array_names = ("u" if momentum > 0 or convention == "keras" else None,)
        super().__init__(params, lr, weight_decay)

    def coefficients(self, rate: float, t: int) -> SGDCoefficients:
        return SGDCoefficients(rate, self.momentum, 1.0 if t == 1 else 1 - self.dampening, self.nesterov)
