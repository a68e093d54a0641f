"""NAdam (Dozat, 2016): Adam with Nesterov's momentum."""

from __future__ import annotations

from math import sqrt

from numba import prange

from minigrad.arguments import number
from minigrad.jit import kernel
from minigrad.optim.adam import Adam
from minigrad.optim.base import Params, Rate, unpack


@kernel(parallel=True)
def nadam_update(theta, grad, m, v, constants):
    """One step; rest = 1 − β, unbias2 = 1/(1 − β₂ᵗ), now and ahead weigh the gradient and the momentum to come."""
    eta, beta1, rest1, beta2, rest2, now, ahead, unbias2, eps = unpack(constants, 9)
    for i in prange(theta.size):
        g = grad[i]
        m[i] = beta1 * m[i] + rest1 * g
        v[i] = beta2 * v[i] + rest2 * g * g
        m_bar = now * g + ahead * m[i]  # eq:nadam-m-bar
        v_hat = v[i] * unbias2
        theta[i] -= eta / (sqrt(v_hat) + eps) * m_bar  # eq:nadam-update


class NAdam(Adam):
    """NAdam: Adam that looks ahead as Nesterov's momentum does, with a momentum that rises to β₁.

        μ_t = β₁·(1 − ½·0.96^(t·ψ)),   ψ = momentum_decay
        m ← β₁·m + (1 − β₁)·g,   v ← β₂·v + (1 − β₂)·g²,   v̂ = v/(1 − β₂ᵗ)
        m̄ = (1 − μ_t)/(1 − Π_{i≤t} μ_i)·g + μ_{t+1}/(1 − Π_{i≤t+1} μ_i)·m
        θ ← θ − η·m̄/(√v̂ + ε)

    Dozat, ICLR workshop 2016; arguments and defaults of `torch.optim.NAdam`. Keras 3 has ψ = 1; optax's momentum is β₁
    throughout, which is the limit of a large ψ. weight_decay is L2 or, with decoupled_weight_decay, as in `AdamW`.
    """

    update = staticmethod(nadam_update)
    arrays = ("m", "v")

    def __init__(
        self,
        params: Params,
        lr: Rate = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
    ) -> None:
        self.momentum_decay = number("momentum_decay", momentum_decay, least=0)
        self.decoupled = decoupled_weight_decay
        self._product = 0, 1.0  # t and Π_{i≤t} μ_i
        super().__init__(params, lr, betas, eps, weight_decay)

    def constants(self, rate: float, t: int) -> tuple[float, ...]:
        *most, _, unbias2, eps = super().constants(rate, t)
        product, mu, mu_next = self._momentum_product(t), self._momentum(t), self._momentum(t + 1)
        now, ahead = (1 - mu) / (1 - product), mu_next / (1 - product * mu_next)
        return *most, now, ahead, unbias2, eps

    def _momentum(self, t: int) -> float:
        return self.betas[0] * (1 - 0.5 * 0.96 ** (t * self.momentum_decay))  # eq:nadam-mu

    def _momentum_product(self, t: int) -> float:
        """Π_{i≤t} μ_i, from the last one asked for where that helps: the same bits either way."""
        done, product = self._product if self._product[0] <= t else (0, 1.0)
        for i in range(done + 1, t + 1):
            product *= self._momentum(i)
        self._product = t, product
        return product
