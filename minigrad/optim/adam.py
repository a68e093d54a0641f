"""Adam (Kingma & Ba, 2015), with AMSGrad's maximum on request."""

from __future__ import annotations

from math import sqrt

import numpy as np
from numba import prange

from minigrad.arguments import choice, number
from minigrad.jit import kernel
from minigrad.optim.base import Optimizer, Params, Rate, Slot, unpack
from minigrad.tensor import Array


@kernel(parallel=True, min_size=32_768)  # the root and the division make two threads worth waking earlier
def adam_update(theta, grad, m, v, v_max, constants):
    """One step. rest = 1 − β and unbias = 1/(1 − βᵗ) come as numbers: computed once, in float64, not per element."""
    eta, beta1, rest1, beta2, rest2, unbias1, unbias2, eps = unpack(constants, 8)
    for i in prange(theta.size):
        g = grad[i]
        m[i] = beta1 * m[i] + rest1 * g  # eq:adam-m
        v[i] = beta2 * v[i] + rest2 * g * g  # eq:adam-v
        second = v[i]
        if v_max is not None:
            v_max[i] = max(v[i], v_max[i])  # eq:amsgrad-max
            second = v_max[i]
        m_hat = m[i] * unbias1  # eq:adam-m-hat
        v_hat = second * unbias2  # eq:adam-v-hat
        theta[i] -= eta / (sqrt(v_hat) + eps) * m_hat  # eq:adam-update


class Adam(Optimizer):
    """Adam: steps along the mean gradient, divided by the root of the mean squared gradient.

    With g the gradient, t = 1 at the first update, elementwise (Kingma & Ba, arXiv:1412.6980, Algorithm 1):

        m ← β₁·m + (1 − β₁)·g
        v ← β₂·v + (1 − β₂)·g²
        m̂ = m/(1 − β₁ᵗ)
        v̂ = v/(1 − β₂ᵗ)
        θ ← θ − η·m̂/(√v̂ + ε)

    Parameters
    ----------
    params, lr
        As for every `Optimizer`.
    betas
        (β₁, β₂), each in [0, 1).
    eps
        ε ≥ 0. PyTorch and optax use 1e-8, Keras and TensorFlow 1e-7.
    weight_decay
        λ ≥ 0, as L2 regularisation in PyTorch's way: g + λ·θ takes the place of g. `AdamW` decouples it.
    amsgrad
        Divide by the root of the largest v so far (Reddi et al., arXiv:1904.09237). As in PyTorch and Keras, and unlike
        optax, the maximum is taken of v, not of v̂, and corrected afterwards.
    bias_correction
        False leaves out both divisions: m̂ = m, v̂ = v.
    eps_form
        "algorithm1" as above; "hat" as at the end of the paper's section 2, in Keras and in TensorFlow:
        θ ← θ − η·√(1 − β₂ᵗ)/(1 − β₁ᵗ)·m/(√v + ε̂), which is the same with ε = ε̂/√(1 − β₂ᵗ).
    """

    update = staticmethod(adam_update)
    arrays: tuple[str | None, ...] = ("m", "v", None)

    def __init__(
        self,
        params: Params,
        lr: Rate = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        bias_correction: bool = True,
        eps_form: str = "algorithm1",
    ) -> None:
        self.betas = _check_betas(betas)
        self.eps = number("eps", eps, least=0)
        self.bias_correction = bias_correction
        self.eps_form = choice("eps_form", eps_form, ("algorithm1", "hat"))
        if amsgrad:
            self.arrays = ("m", "v", "v_max")
        super().__init__(params, lr, weight_decay)

    def constants(self, rate: float, t: int) -> tuple[float, ...]:
        beta1, beta2 = self.betas
        unbias1, unbias2 = (1 / (1 - beta1**t), 1 / (1 - beta2**t)) if self.bias_correction else (1.0, 1.0)
        eps = self.eps * sqrt(unbias2) if self.eps_form == "hat" else self.eps  # eq:adam-eps-hat
        return rate, beta1, 1 - beta1, beta2, 1 - beta2, unbias1, unbias2, eps

    def effective_lr(self) -> list[Array]:
        """η/(√v̂ + ε) of the step just taken: per parameter an array of its shape, NaN before its first update."""
        return [
            self._effective(slot).reshape(slot.shape) if slot.t else np.full(slot.shape, np.nan, slot.theta.dtype)
            for slot in self._slots
        ]

    def _effective(self, slot: Slot) -> Array:
        v = slot.state.get("v_max", slot.state["v"])
        rate, *_, unbias2, eps = map(v.dtype.type, self.constants(slot.rate, slot.t))
        return np.asarray(rate / (np.sqrt(v * unbias2) + eps))  # eq:effective-rate


def _check_betas(betas: tuple[float, float]) -> tuple[float, float]:
    """(β₁, β₂) if both lie in [0, 1)."""
    if len(betas) != 2:
        raise ValueError(f"betas must be two numbers, got {betas!r}")
    return number("betas[0]", betas[0], least=0, below=1), number("betas[1]", betas[1], least=0, below=1)
