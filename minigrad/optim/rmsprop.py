"""RMSprop (Tieleman & Hinton, 2012), plain, with momentum, centered (Graves, 2013)."""

from __future__ import annotations

from math import sqrt

from numba import prange

from minigrad.arguments import number
from minigrad.jit import kernel
from minigrad.optim.base import Optimizer, Params, Rate, unpack


@kernel(parallel=True)
def rmsprop_update(theta, grad, v, mean, u, constants):
    """One step; rest = 1 − α. Rounding can take v − mean² a little below 0: its absolute value is as good."""
    eta, alpha, rest, mu, eps = unpack(constants, 5)
    for i in prange(theta.size):
        g = grad[i]
        v[i] = alpha * v[i] + rest * g * g  # eq:rmsprop-v
        second = v[i]
        if mean is not None:
            mean[i] = alpha * mean[i] + rest * g
            second = abs(v[i] - mean[i] * mean[i])  # eq:rmsprop-centered
        step = g / (sqrt(second) + eps)
        if u is not None:
            u[i] = mu * u[i] + step  # eq:rmsprop-momentum
            step = u[i]
        theta[i] -= eta * step  # eq:rmsprop-update


class RMSprop(Optimizer):
    """RMSprop: each element's gradient over the root of a moving average of its square.

        v ← α·v + (1 − α)·g²
        θ ← θ − η·g/(√v + ε)

    With `centered`, v less the square of the moving average of g stands under the root; with momentum μ > 0,
    u ← μ·u + g/(√v + ε) is the step instead. Tieleman & Hinton, Coursera lecture 6.5 (2012); Graves, arXiv:1308.0850;
    arguments and defaults of `torch.optim.RMSprop`. Keras and TensorFlow put ε under the root, √(v + ε), decay by 0.9
    (`alpha` is their `rho`), and multiply by η before the step enters u. weight_decay is L2, λ·θ added to g.
    """

    update = staticmethod(rmsprop_update)

    def __init__(
        self,
        params: Params,
        lr: Rate = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
    ) -> None:
        self.alpha = number("alpha", alpha, least=0, below=1)
        self.eps = number("eps", eps, least=0)
        self.momentum = number("momentum", momentum, least=0)
        self.arrays = ("v", "mean" if centered else None, "u" if momentum > 0 else None)
        super().__init__(params, lr, weight_decay)

    def constants(self, rate: float, t: int) -> tuple[float, ...]:
        return rate, self.alpha, 1 - self.alpha, self.momentum, self.eps
