"""Adam (Kingma & Ba, 2015), optionally with AMSGrad's maximum."""

from __future__ import annotations

from collections import namedtuple
from math import sqrt
from typing import Any

import numpy as np
from numba import prange

from minigrad.arguments import choice, number
from minigrad.jit import kernel
from minigrad.optim.base import LearningRate, Optimizer, Params, ParamState, unpack
from minigrad.tensor import Array

AdamCoefficients = namedtuple(
    "AdamCoefficients",
    "eta beta1 one_minus_beta1 beta2 one_minus_beta2 inverse_bias_correction1 inverse_bias_correction2 eps",
)


class Adam(Optimizer):
    """Adam: steps along the mean gradient, divided by the root of the mean squared gradient.

    With g the gradient, t = 1 at the first update, elementwise:

        m ← β₁·m + (1 − β₁)·g
        v ← β₂·v + (1 − β₂)·g²
        m̂ = m/(1 − β₁ᵗ)
        v̂ = v/(1 − β₂ᵗ)
        θ ← θ − η·m̂/(√v̂ + ε)

    Source: Kingma & Ba, arXiv:1412.6980, Algorithm 1. Arguments and defaults as in `torch.optim.Adam`.

    Parameters
    ----------
    params, lr
        As for every `Optimizer`.
    betas : (float, float)
        (β₁, β₂), each in [0, 1).
    eps : float
        ε ≥ 0. PyTorch and optax use 1e-8, Keras and TensorFlow 1e-7.
    weight_decay : float
        λ ≥ 0, L2 regularisation as in PyTorch: g is replaced by g + λ·θ. `AdamW` has decoupled weight decay.
    amsgrad : bool
        Divide by the root of the largest v so far (Reddi et al., arXiv:1904.09237). As in PyTorch and Keras, and unlike
        optax, the maximum is taken of v, not of v̂, and its bias is corrected afterwards.
    bias_correction : bool
        If False, both divisions are left out: m̂ = m, v̂ = v.
    eps_form : str
        "algorithm1" is the rule above. "hat" is the rule at the end of the paper's section 2, also in Keras and
        TensorFlow: θ ← θ − η·√(1 − β₂ᵗ)/(1 − β₁ᵗ)·m/(√v + ε̂). Both are equal if ε = ε̂/√(1 − β₂ᵗ).

    Raises
    ------
    ValueError, TypeError
        As for every `Optimizer`; betas outside [0, 1), ε < 0, an unknown `eps_form`.
    """

    array_names: tuple[str | None, ...] = ("m", "v", None)

    @staticmethod
    @kernel(parallel=True, min_size=32_768)  # with the root and the division, threads pay off earlier
    def update(theta, grad, m, v, v_max, coefficients):
        """One step. The coefficients are computed once, in float64, not for each element."""
        c = AdamCoefficients(*unpack(coefficients, 8))
        for i in prange(theta.size):
            g = grad[i]
            m[i] = c.beta1 * m[i] + c.one_minus_beta1 * g  # eq:adam-m
            v[i] = c.beta2 * v[i] + c.one_minus_beta2 * g * g  # eq:adam-v
            second = v[i]
            if v_max is not None:
                v_max[i] = max(v[i], v_max[i])  # eq:amsgrad-max
                second = v_max[i]
            m_hat = m[i] * c.inverse_bias_correction1  # eq:adam-m-hat
            v_hat = second * c.inverse_bias_correction2  # eq:adam-v-hat
            theta[i] -= c.eta / (sqrt(v_hat) + c.eps) * m_hat  # eq:adam-update

    def __init__(
        self,
        params: Params,
        lr: LearningRate = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        bias_correction: bool = True,
        eps_form: str = "algorithm1",
    ) -> None:
        if len(betas) != 2:
            raise ValueError(f"betas must be two numbers, got {betas!r}")
        self.betas = tuple(number(f"betas[{i}]", beta, least=0, below=1) for i, beta in enumerate(betas))
        self.eps = number("eps", eps, least=0)
        self.bias_correction = bias_correction
        self.eps_form = choice("eps_form", eps_form, ("algorithm1", "hat"))
        if amsgrad:
            self.array_names = ("m", "v", "v_max")
        super().__init__(params, lr, weight_decay)

    def coefficients(self, rate: float, t: int) -> Any:
        beta1, beta2 = self.betas
        inverse1, inverse2 = (1 / (1 - beta1**t), 1 / (1 - beta2**t)) if self.bias_correction else (1.0, 1.0)
        eps = self.eps * sqrt(inverse2) if self.eps_form == "hat" else self.eps  # eq:adam-eps-hat
        return AdamCoefficients(rate, beta1, 1 - beta1, beta2, 1 - beta2, inverse1, inverse2, eps)

    def effective_lr(self) -> list[Array]:
        """Return η/(√v̂ + ε) of the last step: one array per parameter, of its shape; NaN before its first update."""
        return [self._effective(s).reshape(s.shape) if s.t else np.full_like(s.data, np.nan) for s in self._states]

    def _effective(self, state: ParamState) -> Array:
        c = self.coefficients(state.rate, state.t)
        v = state.arrays.get("v_max", state.arrays["v"])
        return c.eta / (np.sqrt(v * c.inverse_bias_correction2) + c.eps)  # eq:effective-rate
