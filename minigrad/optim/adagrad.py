"""Adagrad (Duchi, Hazan & Singer, 2011)."""

from __future__ import annotations

from collections import namedtuple
from math import sqrt

from numba import prange

from minigrad.arguments import number
from minigrad.jit import kernel
from minigrad.optim.base import LearningRate, Optimizer, Params, unpack

AdagradCoefficients = namedtuple("AdagradCoefficients", "eta eps")


class Adagrad(Optimizer):
    """Adagrad: the rate of each element is divided by the root of the sum of all its squared gradients.

    With g the gradient, t = 1 at the first update, elementwise:

        s ← s + g²
        θ ← θ − η_t·g/(√s + ε),   η_t = η/(1 + (t − 1)·lr_decay)

    Source: Duchi, Hazan & Singer, JMLR 12 (2011), the version with the matrix's diagonal only. Arguments and defaults
    as in `torch.optim.Adagrad`.

    Parameters
    ----------
    params, lr
        As for every `Optimizer`.
    lr_decay : float
        The decay of η_t per update, ≥ 0.
    weight_decay : float
        λ ≥ 0, L2 regularisation: g is replaced by g + λ·θ.
    initial_accumulator_value : float
        The initial s, ≥ 0.
    eps : float
        ε ≥ 0.

    Raises
    ------
    ValueError, TypeError
        As for every `Optimizer`; a setting < 0.
    """

    array_names = ("s",)

    @staticmethod
    @kernel(parallel=True)
    def update(theta, grad, s, coefficients):
        """One step."""
        c = AdagradCoefficients(*unpack(coefficients, 2))
        for i in prange(theta.size):
            g = grad[i]
            s[i] += g * g  # eq:adagrad-sum
            theta[i] -= c.eta / (sqrt(s[i]) + c.eps) * g  # eq:adagrad-update

    def __init__(
        self,
        params: Params,
        lr: LearningRate = 1e-2,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
    ) -> None:
        self.lr_decay = number("lr_decay", lr_decay, least=0)
        self.eps = number("eps", eps, least=0)
        super().__init__(params, lr, weight_decay)
        start = number("initial_accumulator_value", initial_accumulator_value, least=0)
        for state in self._states:
            state.arrays["s"].fill(start)

    def coefficients(self, rate: float, t: int) -> AdagradCoefficients:
        return AdagradCoefficients(eta=rate / (1 + (t - 1) * self.lr_decay), eps=self.eps)
