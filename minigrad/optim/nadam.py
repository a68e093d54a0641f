"""NAdam (Dozat, 2016): Adam with Nesterov's momentum."""

from __future__ import annotations

from collections import namedtuple
from math import sqrt

from numba import prange

from minigrad.arguments import number
from minigrad.jit import kernel
from minigrad.optim.adam import Adam
from minigrad.optim.base import LearningRate, Params, unpack

NAdamCoefficients = namedtuple(
    "NAdamCoefficients",
    "eta beta1 one_minus_beta1 beta2 one_minus_beta2 gradient_weight momentum_weight inverse_bias_correction2 eps",
)


class NAdam(Adam):
    """NAdam: Adam with Nesterov momentum, which rises to β₁.

    With g the gradient, t = 1 at the first update, ψ = momentum_decay, elementwise:

        μ_t = β₁·(1 − ½·0.96^(t·ψ))
        m ← β₁·m + (1 − β₁)·g
        v ← β₂·v + (1 − β₂)·g²
        m̄ = (1 − μ_t)/(1 − Π_{i≤t} μ_i)·g + μ_{t+1}/(1 − Π_{i≤t+1} μ_i)·m
        v̂ = v/(1 − β₂ᵗ)
        θ ← θ − η·m̄/(√v̂ + ε)

    Source: Dozat, ICLR workshop 2016. Arguments and defaults as in `torch.optim.NAdam`. Keras 3 has ψ = 1; optax's
    momentum is always β₁, the limit for ψ → ∞.

    Parameters
    ----------
    params, lr, betas, eps
        As for `Adam`.
    weight_decay : float
        λ ≥ 0, L2 regularisation: g is replaced by g + λ·θ; or, with `decoupled_weight_decay`, as in `AdamW`.
    momentum_decay : float
        ψ ≥ 0, the speed at which μ_t rises from about β₁/2 to β₁.
    decoupled_weight_decay : bool
        If True, θ is multiplied by 1 − η·λ and g is unchanged.

    Raises
    ------
    ValueError, TypeError
        As for `Adam`; ψ < 0.
    """

    array_names = ("m", "v")

    @staticmethod
    @kernel(parallel=True)
    def update(theta, grad, m, v, coefficients):
        """One step. m_bar is a weighted sum of the gradient and m, with the momentum of the next step."""
        c = NAdamCoefficients(*unpack(coefficients, 9))
        for i in prange(theta.size):
            g = grad[i]
            m[i] = c.beta1 * m[i] + c.one_minus_beta1 * g
            v[i] = c.beta2 * v[i] + c.one_minus_beta2 * g * g
            m_bar = c.gradient_weight * g + c.momentum_weight * m[i]  # eq:nadam-m-bar
            v_hat = v[i] * c.inverse_bias_correction2
            theta[i] -= c.eta / (sqrt(v_hat) + c.eps) * m_bar  # eq:nadam-update

    def __init__(
        self,
        params: Params,
        lr: LearningRate = 2e-3,
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

    def coefficients(self, rate: float, t: int) -> NAdamCoefficients:
        beta1, beta2 = self.betas
        product, mu, mu_next = self._momentum_product(t), self._momentum(t), self._momentum(t + 1)
        now, next_ = (1 - mu) / (1 - product), mu_next / (1 - product * mu_next)
        return NAdamCoefficients(rate, beta1, 1 - beta1, beta2, 1 - beta2, now, next_, 1 / (1 - beta2**t), self.eps)

    def _momentum(self, t: int) -> float:
        return self.betas[0] * (1 - 0.5 * 0.96 ** (t * self.momentum_decay))  # eq:nadam-mu

    def _momentum_product(self, t: int) -> float:
        """Return Π_{i≤t} μ_i, continued from the last product if possible; the result is the same, bit for bit."""
        done, product = self._product if self._product[0] <= t else (0, 1.0)
        for i in range(done + 1, t + 1):
            product *= self._momentum(i)
        self._product = t, product
        return product
