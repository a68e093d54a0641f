"""The book's two networks."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from minigrad import nn
from minigrad.arguments import choice

ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}
POOLS = {"max": nn.MaxPool2d, "avg": nn.AvgPool2d}


class MLP(nn.Sequential):
    """Linear layers of the given sizes with an activation between them; any (batch, …) input is flattened.

    `sizes` are the features of the input, of each hidden layer and of the output: `MLP([64, 32, 10])`.
    """

    def __init__(self, sizes: Sequence[int], activation: str = "relu", rng: nn.Rng = None) -> None:
        if len(sizes) < 2:
            raise ValueError(f"MLP needs at least an input and an output size; got {list(sizes)}")
        super().__init__(nn.Flatten(), *_dense(sizes, _activation(activation), np.random.default_rng(rng)))


class LeNet5(nn.Sequential):
    """LeCun et al. 1998, fig. 2, as it is used today: 5×5 convolutions, 2×2 pooling, three dense layers.

    Input (batch, in_channels, 32, 32), output (batch, num_classes): the logits. 62,006 parameters by default.

        in_channels → 6 @ 28×28 → 6 @ 14×14 → 16 @ 10×10 → 16 @ 5×5 → 400 → 120 → 84 → num_classes

    `activation` is "relu", "tanh" or "sigmoid"; `pool` is "max" or "avg".
    """

    def __init__(
        self,
        num_classes: int = 10,
        in_channels: int = 3,
        activation: str = "relu",
        pool: str = "max",
        rng: nn.Rng = None,
    ) -> None:
        act, pool_of = _activation(activation), POOLS[choice("pool", pool, tuple(POOLS))]
        rng = np.random.default_rng(rng)
        super().__init__(
            nn.Conv2d(in_channels, 6, 5, rng=rng), act(), pool_of(2),
            nn.Conv2d(6, 16, 5, rng=rng), act(), pool_of(2),
            nn.Flatten(),
            *_dense([400, 120, 84, num_classes], act, rng),
        )  # fmt: skip


def _activation(name: str) -> type[nn.Module]:
    return ACTIVATIONS[choice("activation", name, tuple(ACTIVATIONS))]


def _dense(sizes: Sequence[int], activation: type[nn.Module], rng: np.random.Generator) -> list[nn.Module]:
    """Linear layers from each size to the next, with the activation between them."""
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise(sizes):
        layers += [nn.Linear(n_in, n_out, rng=rng), activation()]
    return layers[:-1]
