"""Adamax (Kingma & Ba, 2015, section 7.1): Adam with a decaying maximum in the place of the root mean square."""

from __future__ import annotations

from numba import prange

from minigrad.jit import kernel
from minigrad.optim.adam import Adam
from minigrad.optim.base import Params, Rate, Slot, unpack
from minigrad.tensor import Array


@kernel(parallel=True)
def adamax_update(theta, grad, m, u, constants):
    """One step; rest1 = 1 − β₁ and unbias1 = 1/(1 − β₁ᵗ)."""
    eta, beta1, rest1, beta2, unbias1, eps = unpack(constants, 6)
    for i in prange(theta.size):
        g = grad[i]
        m[i] = beta1 * m[i] + rest1 * g
        u[i] = max(abs(g) + eps, beta2 * u[i])  # eq:adamax-u
        theta[i] -= eta * unbias1 / u[i] * m[i]  # eq:adamax-update


class Adamax(Adam):
    """Adamax: Adam's second moment taken to the limit of the ∞-norm, a maximum that decays.

        m ← β₁·m + (1 − β₁)·g
        u ← max(β₂·u, |g| + ε)
        θ ← θ − η/(1 − β₁ᵗ)·m/u

    Kingma & Ba, arXiv:1412.6980, Algorithm 2, where ε = 0; ε, arguments and defaults as in `torch.optim.Adamax`. Keras
    has max(β₂·u, |g|) and divides by u + ε. weight_decay is L2, λ·θ added to g; `effective_lr()` is η/u.
    """

    update = staticmethod(adamax_update)
    arrays = ("m", "u")

    def __init__(
        self,
        params: Params,
        lr: Rate = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay)

    def constants(self, rate: float, t: int) -> tuple[float, ...]:
        rate, beta1, rest1, beta2, _, unbias1, _, eps = super().constants(rate, t)
        return rate, beta1, rest1, beta2, unbias1, eps

    def _effective(self, slot: Slot) -> Array:
        return slot.theta.dtype.type(slot.rate) / slot.state["u"]
