"""Adamax (Kingma & Ba, 2015, section 7.1): Adam with a decaying maximum instead of the root mean square."""

from __future__ import annotations

from collections import namedtuple

from numba import prange

from minigrad.jit import kernel
from minigrad.optim.adam import Adam
from minigrad.optim.base import LearningRate, Params, ParamState, unpack
from minigrad.tensor import Array

AdamaxCoefficients = namedtuple("AdamaxCoefficients", "eta beta1 one_minus_beta1 beta2 inverse_bias_correction1 eps")


class Adamax(Adam):
    """Adamax: Adam with the ∞-norm, a decaying maximum, instead of the root of the second moment.

    With g the gradient, t = 1 at the first update, elementwise:

        m ← β₁·m + (1 − β₁)·g
        u ← max(β₂·u, abs(g) + ε)
        θ ← θ − η/(1 − β₁ᵗ)·m/u

    `effective_lr()` is η/u. Source: Kingma & Ba, arXiv:1412.6980, Algorithm 2, where ε = 0. ε, arguments and defaults
    as in `torch.optim.Adamax`; Keras has max(β₂·u, abs(g)) and divides by u + ε.

    Parameters
    ----------
    params, lr, betas, eps
        As for `Adam`.
    weight_decay : float
        λ ≥ 0, L2 regularisation: g is replaced by g + λ·θ.

    Raises
    ------
    ValueError, TypeError
        As for `Adam`.
    """

    array_names = ("m", "u")

    @staticmethod
    @kernel(parallel=True)
    def update(theta, grad, m, u, coefficients):
        """One step."""
        c = AdamaxCoefficients(*unpack(coefficients, 6))
        for i in prange(theta.size):
            g = grad[i]
            m[i] = c.beta1 * m[i] + c.one_minus_beta1 * g
            u[i] = max(abs(g) + c.eps, c.beta2 * u[i])  # eq:adamax-u
            theta[i] -= c.eta * c.inverse_bias_correction1 / u[i] * m[i]  # eq:adamax-update

    def __init__(
        self,
        params: Params,
        lr: LearningRate = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay)

    def coefficients(self, rate: float, t: int) -> AdamaxCoefficients:
        beta1, beta2 = self.betas
        return AdamaxCoefficients(rate, beta1, 1 - beta1, beta2, 1 / (1 - beta1**t), self.eps)

    def _effective(self, state: ParamState) -> Array:
        return state.rate / state.arrays["u"]
