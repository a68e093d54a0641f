"""AdamW (Loshchilov & Hutter, 2019): Adam with decoupled weight decay."""

from __future__ import annotations

from minigrad.optim.adam import Adam
from minigrad.optim.base import LearningRate, Params


class AdamW(Adam):
    """Adam with decoupled weight decay: θ is multiplied by 1 − η·λ, independently of the gradient.

    With m̂ and v̂ from the gradient alone, as in `Adam`:

        θ ← (1 − η·λ)·θ − η·m̂/(√v̂ + ε)

    Source: Loshchilov & Hutter, arXiv:1711.05101, Algorithm 2, with the decay multiplied by the whole rate, as in
    `torch.optim.AdamW`, Keras and optax; the paper multiplies it by the schedule's factor only. Arguments and defaults
    as in PyTorch. Keras's `Adam(weight_decay=)` is this rule with eps_form="hat".

    Parameters
    ----------
    params, lr, betas, eps, amsgrad, eps_form
        As for `Adam`.
    weight_decay : float
        λ ≥ 0, decoupled.

    Raises
    ------
    ValueError, TypeError
        As for `Adam`.
    """

    decoupled = True

    def __init__(
        self,
        params: Params,
        lr: LearningRate = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        eps_form: str = "algorithm1",
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, eps_form=eps_form)
