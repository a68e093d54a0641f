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
    """Linear layers with an activation between them: a multilayer perceptron.

    Input (batch, …), flattened to (batch, sizes[0]); output (batch, sizes[-1]): the logits.

    Parameters
    ----------
    sizes
        The number of features of the input, each hidden layer and the output, as in ``MLP([64, 32, 10])``.
    activation
        "relu", "tanh" or "sigmoid".
    rng
        A Generator or a seed for the weights. If None, they differ each time.

    Raises
    ------
    ValueError
        If there are fewer than two sizes, a size < 1, or an unknown activation.
    """

    def __init__(self, sizes: Sequence[int], activation: str = "relu", rng: nn.Rng = None) -> None:
        if len(sizes) < 2:
            raise ValueError(f"MLP needs at least an input and an output size; got {list(sizes)}")
        super().__init__(nn.Flatten(), *_dense(sizes, _activation(activation), np.random.default_rng(rng)))


class LeNet5(nn.Sequential):
    """LeNet-5 as it is used today: 5×5 convolutions, 2×2 pooling, three dense layers; by default 62,006 parameters.

    Input (batch, in_channels, 32, 32), output (batch, num_classes): the logits. The sizes in between:

        in_channels → 6 @ 28×28 → 6 @ 14×14 → 16 @ 10×10 → 16 @ 5×5 → 400 → 120 → 84 → num_classes

    Parameters
    ----------
    num_classes, in_channels
        Integers ≥ 1; 10 and 3 for CIFAR-10.
    activation
        "relu", "tanh" or "sigmoid".
    pool
        "max" or "avg".
    rng
        A Generator or a seed for the weights. If None, they differ each time.

    Raises
    ------
    ValueError
        If the activation or the pool is unknown, or a number is < 1.

    References
    ----------
    LeCun et al., Gradient-Based Learning Applied to Document Recognition, 1998, fig. 2.
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
    """Return a linear layer from each size to the next, with the activation between them."""
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise(sizes):
        layers += [nn.Linear(n_in, n_out, rng=rng), activation()]
    return layers[:-1]
