"""Layers: functions that own their parameters.

A layer is called with a tensor or an array. Parameters are float32; assign `data` to change their dtype.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Self

import numpy as np

from minigrad import ops
from minigrad.arguments import check_state, integer, number
from minigrad.ops.images import Size2d, size2d
from minigrad.tensor import Array, Tensor

Rng = np.random.Generator | int | None


class Module:
    """Base of all layers. A Tensor attribute is a parameter; a Module attribute, or a list of them, is a part.

    Attributes
    ----------
    training : bool
        Whether dropout acts; `train()` and `eval()` set it for the module and its parts.
    """

    training = True

    def forward(self, x: Tensor) -> Tensor:
        """Return the module's output; calling the module calls this. A subclass defines it."""
        raise NotImplementedError(f"{type(self).__name__} has no forward()")

    def __call__(self, x: Any) -> Tensor:
        return self.forward(x)

    def modules(self) -> Iterator[Module]:
        """Yield the module itself, then every part of it, at any depth."""
        yield self
        for _, part in self._parts():
            yield from part.modules()

    def named_parameters(self) -> Iterator[tuple[str, Tensor]]:
        """Yield each parameter with its dotted name, as "0.weight"; one used in several places comes once."""
        seen: set[int] = set()
        for name, parameter in self._named(""):
            if id(parameter) not in seen:
                seen.add(id(parameter))
                yield name, parameter

    def parameters(self) -> list[Tensor]:
        """Return every parameter, once, in the order of `named_parameters()`."""
        return [parameter for _, parameter in self.named_parameters()]

    def state_dict(self) -> dict[str, Array]:
        """Return a copy of every parameter's values, by name, each in the parameter's shape and dtype."""
        return {name: parameter.data.copy() for name, parameter in self._named("")}

    def load_state_dict(self, state: Mapping[str, Array]) -> None:
        """Set every parameter from the result of `state_dict()`; each keeps its dtype.

        Raises
        ------
        ValueError
            If a name is unknown or missing, or a shape differs. Nothing is changed then.
        """
        check_state(self, state, self.state_dict())
        for name, parameter in self._named(""):
            parameter.data[...] = state[name]

    def zero_grad(self) -> None:
        """Set every parameter's `grad` to None."""
        for parameter in self.parameters():
            parameter.zero_grad()

    def train(self, mode: bool = True) -> Self:
        """Switch this module and its parts to training (dropout acts) or, with False, to evaluation; return it."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """Switch to evaluation, as `train(False)` does; return the module."""
        return self.train(False)

    def _parts(self) -> Iterator[tuple[str, Module]]:
        for name, value in vars(self).items():
            if isinstance(value, Module):
                yield name, value
            elif isinstance(value, list | tuple):
                yield from ((f"{name}.{i}", part) for i, part in enumerate(value) if isinstance(part, Module))

    def _named(self, prefix: str) -> Iterator[tuple[str, Tensor]]:
        yield from ((prefix + name, value) for name, value in vars(self).items() if isinstance(value, Tensor))
        for name, part in self._parts():
            yield from part._named(f"{prefix}{name}.")


def glorot_uniform(shape: tuple[int, ...], fan_in: int, fan_out: int, rng: Rng = None) -> Tensor:
    """Draw a float32 parameter from U(-a, a) with a = √(6 / (fan_in + fan_out)).

    Parameters
    ----------
    shape
        The parameter's shape.
    fan_in, fan_out
        How many inputs an output is the sum of, and how many outputs an input reaches.
    rng
        A Generator or a seed; None: other numbers each time.

    References
    ----------
    Glorot and Bengio, Understanding the Difficulty of Training Deep Feedforward Neural Networks, 2010, eq. 16.
    """
    limit = np.sqrt(6 / (fan_in + fan_out))
    return Tensor(np.random.default_rng(rng).uniform(-limit, limit, shape).astype(np.float32), requires_grad=True)


def zeros(size: int) -> Tensor:
    """Make a float32 parameter (size,) of zeros."""
    return Tensor(np.zeros(size, np.float32), requires_grad=True)


class Linear(Module):
    """x Wᵀ + b, from (…, in_features) to (…, out_features).

    Parameters
    ----------
    in_features, out_features
        Integers ≥ 1.
    bias
        Whether b is added.
    rng
        A Generator or a seed for W; None: other weights each time.

    Attributes
    ----------
    weight : Tensor
        W, (out_features, in_features), drawn by `glorot_uniform`, which is also the default in Keras.
    bias : Tensor or None
        b, (out_features,), zeros at first.

    Raises
    ------
    ValueError
        If a number of features is < 1 (TypeError if it isn't an integer).
    """

    def __init__(self, in_features: int, out_features: int, bias: bool = True, rng: Rng = None) -> None:
        integer("in_features", in_features, least=1)
        integer("out_features", out_features, least=1)
        self.weight = glorot_uniform((out_features, in_features), in_features, out_features, rng)
        self.bias = zeros(out_features) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        return ops.linear(x, self.weight, self.bias)


class Conv2d(Module):
    """A convolutional layer: `conv2d` with its own weight and bias.

    From (batch, in_channels, height, width) to (batch, out_channels, …): `conv2d` has the formula.

    Parameters
    ----------
    in_channels, out_channels
        Integers ≥ 1.
    kernel_size, stride, padding
        In pixels: an integer each, or (down, across).
    bias
        Whether a bias is added.
    rng
        A Generator or a seed for the weight; None: other weights each time.

    Attributes
    ----------
    weight : Tensor
        (out_channels, in_channels, kernel height, kernel width), drawn by `glorot_uniform`.
    bias : Tensor or None
        (out_channels,), zeros at first.

    Raises
    ------
    ValueError
        If a number of channels or the kernel is < 1 (TypeError if a number of channels isn't an integer).
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size2d,
        stride: Size2d = 1,
        padding: Size2d = 0,
        bias: bool = True,
        rng: Rng = None,
    ) -> None:
        kh, kw = size2d(kernel_size, "kernel_size", 1)
        integer("in_channels", in_channels, least=1)
        integer("out_channels", out_channels, least=1)
        shape = (out_channels, in_channels, kh, kw)
        self.weight = glorot_uniform(shape, in_channels * kh * kw, out_channels * kh * kw, rng)
        self.bias = zeros(out_channels) if bias else None
        self.stride = stride
        self.padding = padding

    def forward(self, x: Tensor) -> Tensor:
        return ops.conv2d(x, self.weight, self.bias, self.stride, self.padding)


class MaxPool2d(Module):
    """`max_pool2d` as a layer; the stride is the window's size unless given."""

    def __init__(self, kernel_size: Size2d, stride: Size2d | None = None) -> None:
        self.kernel_size = kernel_size
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        return ops.max_pool2d(x, self.kernel_size, self.stride)


class AvgPool2d(MaxPool2d):
    """`avg_pool2d` as a layer; the stride is the window's size unless given."""

    def forward(self, x: Tensor) -> Tensor:
        return ops.avg_pool2d(x, self.kernel_size, self.stride)


class Flatten(Module):
    """From (batch, …) to (batch, features)."""

    def forward(self, x: Tensor) -> Tensor:
        x = ops.as_tensor(x)
        return x.reshape(x.shape[0], int(np.prod(x.shape[1:])))


class ReLU(Module):
    """max(x, 0), entry by entry."""

    def forward(self, x: Tensor) -> Tensor:
        return ops.relu(x)


class Tanh(Module):
    """tanh x, entry by entry."""

    def forward(self, x: Tensor) -> Tensor:
        return ops.tanh(x)


class Sigmoid(Module):
    """1 / (1 + e^-x), entry by entry."""

    def forward(self, x: Tensor) -> Tensor:
        return ops.sigmoid(x)


class Dropout(Module):
    """In training, sets each entry to 0 with probability p and divides the others by 1 - p; else does nothing.

    Parameters
    ----------
    p
        In [0, 1); ValueError otherwise.
    rng
        A Generator or a seed; None: other entries each time.
    """

    def __init__(self, p: float = 0.5, rng: Rng = None) -> None:
        self.p = number("p", p, least=0, below=1)
        self.rng = np.random.default_rng(rng)

    def forward(self, x: Tensor) -> Tensor:
        return ops.dropout(x, self.p, self.rng) if self.training else ops.as_tensor(x)


class Sequential(Module):
    """One layer after another; `model[i]` is the i-th, and its parameters' names start with i.

    Raises
    ------
    TypeError
        If an argument isn't a module.
    """

    def __init__(self, *layers: Module) -> None:
        for i, layer in enumerate(layers):
            if not isinstance(layer, Module):
                raise TypeError(f"Sequential needs modules; number {i} is {type(layer).__name__}")
        self.layers = list(layers)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        return x

    def _parts(self) -> Iterator[tuple[str, Module]]:
        return ((str(i), layer) for i, layer in enumerate(self.layers))

    def __getitem__(self, i: int) -> Module:
        return self.layers[i]

    def __len__(self) -> int:
        return len(self.layers)
