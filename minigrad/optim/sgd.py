"""Stochastic gradient descent, with momentum in the two ways that frameworks write it."""

from __future__ import annotations

from numba import prange

from minigrad.arguments import choice, number
from minigrad.jit import kernel
from minigrad.optim.base import Optimizer, Params, Rate, unpack


@kernel(parallel=True)
def sgd_update(theta, grad, u, constants):
    """One step as PyTorch writes it: the velocity u gathers gradients; the rate multiplies it when it is used."""
    eta, mu, rest, nesterov = unpack(constants, 4)
    for i in prange(theta.size):
        direction = grad[i]
        if u is not None:
            u[i] = mu * u[i] + rest * grad[i]  # eq:sgd-momentum
            direction = grad[i] + mu * u[i] if nesterov else u[i]  # eq:sgd-nesterov
        theta[i] -= eta * direction  # eq:sgd-update


@kernel(parallel=True)
def sgd_update_keras(theta, grad, u, constants):
    """One step as Keras writes it: the velocity u gathers steps, each with the rate of its own time."""
    eta, mu, nesterov = unpack(constants, 3)
    for i in prange(theta.size):
        u[i] = mu * u[i] - eta * grad[i]  # eq:sgd-keras-momentum
        step = mu * u[i] - eta * grad[i] if nesterov else u[i]  # eq:sgd-keras-nesterov
        theta[i] += step  # eq:sgd-keras-update


class SGD(Optimizer):
    """Stochastic gradient descent, θ ← θ − η·g, with momentum μ, dampening τ and weight decay λ on request.

    convention="torch" (PyTorch's `torch.optim.SGD`, its documented algorithm):

        g ← g + λ·θ
        u ← μ·u + (1 − τ)·g         (u ← g at the first update)
        θ ← θ − η·u                 (with nesterov: θ ← θ − η·(g + μ·u))

    convention="keras" (`keras.optimizers.SGD`), where old rates stay in u:

        θ ← θ − η·λ·θ
        u ← μ·u − η·g
        θ ← θ + u                   (with nesterov: θ ← θ + μ·u − η·g)

    For a constant η and λ = 0 both give the same θ; they part when η changes. Momentum: Polyak 1964; Nesterov's as
    rewritten by Sutskever et al., ICML 2013.

    Raises ValueError for numbers below 0, dampening with the Keras convention, and, as PyTorch, nesterov without
    momentum or with dampening.
    """

    def __init__(
        self,
        params: Params,
        lr: Rate = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
        convention: str = "torch",
    ) -> None:
        self.momentum = number("momentum", momentum, least=0)
        self.dampening = number("dampening", dampening)
        self.nesterov = nesterov
        self.convention = choice("convention", convention, ("torch", "keras"))
        if nesterov and (momentum == 0 or dampening != 0):
            raise ValueError(f"nesterov needs momentum > 0 and dampening = 0, got {momentum} and {dampening}")
        if convention == "keras" and dampening != 0:
            raise ValueError(f"Keras's convention has no dampening, got {dampening}")
        self.decoupled = convention == "keras"
        self.update = sgd_update if convention == "torch" else sgd_update_keras
        self.arrays = ("u" if momentum > 0 or convention == "keras" else None,)
        super().__init__(params, lr, weight_decay)

    def constants(self, rate: float, t: int) -> tuple[float, ...]:
        if self.convention == "keras":
            return rate, self.momentum, self.nesterov
        return rate, self.momentum, 1.0 if t == 1 else 1 - self.dampening, self.nesterov
