"""Adagrad (Duchi, Hazan & Singer, 2011)."""

from __future__ import annotations

from math import sqrt

from numba import prange

from minigrad.arguments import number
from minigrad.jit import kernel
from minigrad.optim.base import Optimizer, Params, Rate, unpack


@kernel(parallel=True)
def adagrad_update(theta, grad, s, constants):
    """One step."""
    eta, eps = unpack(constants, 2)
    for i in prange(theta.size):
        g = grad[i]
        s[i] += g * g  # eq:adagrad-sum
        theta[i] -= eta / (sqrt(s[i]) + eps) * g  # eq:adagrad-update


class Adagrad(Optimizer):
    """Adagrad: the rate of each element falls with the root of the sum of all its squared gradients.

        s ← s + g²
        θ ← θ − η_t·g/(√s + ε),   η_t = η/(1 + (t − 1)·lr_decay)

    Duchi, Hazan & Singer, JMLR 12 (2011); arguments and defaults of `torch.optim.Adagrad`. s starts at
    initial_accumulator_value ≥ 0; weight_decay is L2, λ·θ added to g.
    """

    update = staticmethod(adagrad_update)
    arrays = ("s",)

    def __init__(
        self,
        params: Params,
        lr: Rate = 1e-2,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
    ) -> None:
        self.lr_decay = number("lr_decay", lr_decay, least=0)
        self.eps = number("eps", eps, least=0)
        super().__init__(params, lr, weight_decay)
        start = number("initial_accumulator_value", initial_accumulator_value, least=0)
        for slot in self._slots:
            slot.state["s"].fill(start)

    def constants(self, rate: float, t: int) -> tuple[float, ...]:
        return rate / (1 + (t - 1) * self.lr_decay), self.eps
