"""RMSprop (Tieleman & Hinton, 2012), optionally with momentum or centered (Graves, 2013)."""

from __future__ import annotations

from collections import namedtuple
from math import sqrt

from numba import prange

from minigrad.arguments import number
from minigrad.jit import kernel
from minigrad.optim.base import LearningRate, Optimizer, Params, unpack

RMSpropCoefficients = namedtuple("RMSpropCoefficients", "eta alpha one_minus_alpha mu eps")


class RMSprop(Optimizer):
    """RMSprop: each element's gradient is divided by the root of a moving average of its square.

    With g the gradient, elementwise:

        v ← α·v + (1 − α)·g²
        θ ← θ − η·g/(√v + ε)

    With `centered`, √(v − ḡ²) replaces √v, where ḡ is the moving average of g. With momentum μ > 0 the step is η·u,
    where u ← μ·u + g/(√v + ε). Source: Tieleman & Hinton, Coursera lecture 6.5 (2012); centered: Graves,
    arXiv:1308.0850, equations 38 to 45. Arguments and defaults as in `torch.optim.RMSprop`. Keras and TensorFlow put ε
    inside the root, √(v + ε), have 0.9 as default for α (their `rho`), and multiply by η before adding to u.

    Parameters
    ----------
    params, lr
        As for every `Optimizer`.
    alpha : float
        α in [0, 1), the decay rate of the averages.
    eps : float
        ε ≥ 0, outside the root.
    weight_decay : float
        λ ≥ 0, L2 regularisation: g is replaced by g + λ·θ.
    momentum : float
        μ ≥ 0.
    centered : bool
        Divide by the root of the variance instead of the root of the mean square.

    Raises
    ------
    ValueError, TypeError
        As for every `Optimizer`; α outside [0, 1), ε < 0, μ < 0.
    """

    @staticmethod
    @kernel(parallel=True)
    def update(theta, grad, v, mean, u, coefficients):
        """One step. Rounding can make v − mean² slightly negative, so its absolute value is used."""
        c = RMSpropCoefficients(*unpack(coefficients, 5))
        for i in prange(theta.size):
            g = grad[i]
            v[i] = c.alpha * v[i] + c.one_minus_alpha * g * g  # eq:rmsprop-v
            second = v[i]
            if mean is not None:
                mean[i] = c.alpha * mean[i] + c.one_minus_alpha * g
                second = abs(v[i] - mean[i] * mean[i])  # eq:rmsprop-centered
            step = g / (sqrt(second) + c.eps)
            if u is not None:
                u[i] = c.mu * u[i] + step  # eq:rmsprop-momentum
                step = u[i]
            theta[i] -= c.eta * step  # eq:rmsprop-update

    def __init__(
        self,
        params: Params,
        lr: LearningRate = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
    ) -> None:
        self.alpha = number("alpha", alpha, least=0, below=1)
        self.eps = number("eps", eps, least=0)
        self.momentum = number("momentum", momentum, least=0)
        self.array_names = ("v", "mean" if centered else None, "u" if momentum > 0 else None)
        super().__init__(params, lr, weight_decay)

    def coefficients(self, rate: float, t: int) -> RMSpropCoefficients:
        return RMSpropCoefficients(rate, self.alpha, 1 - self.alpha, self.momentum, self.eps)
