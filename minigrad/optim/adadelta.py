"""Adadelta (Zeiler, 2012)."""

from __future__ import annotations

from collections import namedtuple
from math import sqrt

from numba import prange

from minigrad.arguments import number
from minigrad.jit import kernel
from minigrad.optim.base import LearningRate, Optimizer, Params, unpack

AdadeltaCoefficients = namedtuple("AdadeltaCoefficients", "eta rho one_minus_rho eps")


class Adadelta(Optimizer):
    """Adadelta: the rate is the root mean square of recent steps divided by the root mean square of recent gradients.

    With g the gradient, elementwise:

        v ← ρ·v + (1 − ρ)·g²
        Δ = √(d + ε)/√(v + ε)·g
        d ← ρ·d + (1 − ρ)·Δ²
        θ ← θ − η·Δ

    Source: Zeiler, arXiv:1212.5701, Algorithm 1, which has η = 1. Arguments and defaults as in `torch.optim.Adadelta`;
    Keras's default rate is 0.001, which makes tiny steps.

    Parameters
    ----------
    params, lr
        As for every `Optimizer`.
    rho : float
        ρ in [0, 1), the decay rate of both averages.
    eps : float
        ε ≥ 0, inside both roots; the size of the first steps is about √ε.
    weight_decay : float
        λ ≥ 0, L2 regularisation: g is replaced by g + λ·θ.

    Raises
    ------
    ValueError, TypeError
        As for every `Optimizer`; ρ outside [0, 1), ε < 0.
    """

    array_names = ("v", "d")

    @staticmethod
    @kernel(parallel=True)
    def update(theta, grad, v, d, coefficients):
        """One step."""
        c = AdadeltaCoefficients(*unpack(coefficients, 4))
        for i in prange(theta.size):
            g = grad[i]
            v[i] = c.rho * v[i] + c.one_minus_rho * g * g  # eq:adadelta-v
            delta = sqrt(d[i] + c.eps) / sqrt(v[i] + c.eps) * g  # eq:adadelta-delta
            d[i] = c.rho * d[i] + c.one_minus_rho * delta * delta  # eq:adadelta-d
            theta[i] -= c.eta * delta  # eq:adadelta-update

    def __init__(
        self, params: Params, lr: LearningRate = 1.0, rho: float = 0.9, eps: float = 1e-6, weight_decay: float = 0.0
    ) -> None:
        self.rho = number("rho", rho, least=0, below=1)
        self.eps = number("eps", eps, least=0)
        super().__init__(params, lr, weight_decay)

    def coefficients(self, rate: float, t: int) -> AdadeltaCoefficients:
        return AdadeltaCoefficients(eta=rate, rho=self.rho, one_minus_rho=1 - self.rho, eps=self.eps)
