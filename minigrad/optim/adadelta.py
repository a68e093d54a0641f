"""Adadelta (Zeiler, 2012)."""

from __future__ import annotations

from math import sqrt

from numba import prange

from minigrad.arguments import number
from minigrad.jit import kernel
from minigrad.optim.base import Optimizer, Params, Rate, unpack


@kernel(parallel=True)
def adadelta_update(theta, grad, v, d, constants):
    """One step; rest = 1 − ρ."""
    eta, rho, rest, eps = unpack(constants, 4)
    for i in prange(theta.size):
        g = grad[i]
        v[i] = rho * v[i] + rest * g * g  # eq:adadelta-v
        delta = sqrt(d[i] + eps) / sqrt(v[i] + eps) * g  # eq:adadelta-delta
        d[i] = rho * d[i] + rest * delta * delta  # eq:adadelta-d
        theta[i] -= eta * delta  # eq:adadelta-update


class Adadelta(Optimizer):
    """Adadelta: the root mean square of recent steps over that of recent gradients takes the place of a rate.

        v ← ρ·v + (1 − ρ)·g²
        Δ = √(d + ε)/√(v + ε)·g
        d ← ρ·d + (1 − ρ)·Δ²
        θ ← θ − η·Δ

    Zeiler, arXiv:1212.5701, Algorithm 1, which has η = 1; arguments and defaults of `torch.optim.Adadelta` (lr is 1.0;
    Keras's default is 0.001, which hardly moves). weight_decay is L2, λ·θ added to g.
    """

    update = staticmethod(adadelta_update)
    arrays = ("v", "d")

    def __init__(
        self, params: Params, lr: Rate = 1.0, rho: float = 0.9, eps: float = 1e-6, weight_decay: float = 0.0
    ) -> None:
        self.rho = number("rho", rho, least=0, below=1)
        self.eps = number("eps", eps, least=0)
        super().__init__(params, lr, weight_decay)

    def constants(self, rate: float, t: int) -> tuple[float, ...]:
        return rate, self.rho, 1 - self.rho, self.eps
