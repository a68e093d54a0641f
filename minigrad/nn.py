"""Layers, which are functions with parameters.

Call a layer with a tensor or an array. Parameters are float32; assign `data` to change their dtype.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Self

import numpy as np

from minigrad import ops
from minigrad.arguments import check_state, integer, number
from minigrad.ops.images import Size2d, size2d
from minigrad.tensor import Array, Tensor

__all__ = [
    "AvgPool2d",
    "Conv2d",
    "Dropout",
    "Flatten",
    "Linear",
    "MaxPool2d",
    "Module",
    "ReLU",
    "Sequential",
    "Sigmoid",
    "Tanh",
    "glorot_uniform",
]

Rng = np.random.Generator | int | None


class Module:
    """Base of all layers. A Tensor attribute is a parameter; a Module attribute, or a list of modules, is a submodule.

    Attributes
    ----------
    training : bool
        Whether dropout is active; `train()` and `eval()` set it for the module and its submodules.
    """

    training = True

    def forward(self, x: Tensor) -> Tensor:
        """Return the module's output. Subclasses define this method; calling the module calls it."""
        raise NotImplementedError(f"{type(self).__name__} has no forward()")

    def __call__(self, x: Any) -> Tensor:
        return self.forward(x)

    def modules(self) -> Iterator[Module]:
        """Yield the module itself, then all its submodules, at any depth."""
        yield self
        for _, child in self._children():
            yield from child.modules()

    def named_parameters(self) -> Iterator[tuple[str, Tensor]]:
        """Yield each parameter with its dotted name, such as "0.weight"; a shared parameter is yielded once."""
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
        """Load every parameter's values from the result of `state_dict()`; each parameter keeps its dtype.

        Raises
        ------
        ValueError
            If a name is unknown or missing, or a shape differs. In that case nothing is changed.
        """
        check_state(self, state, self.state_dict())
        for name, parameter in self._named(""):
            parameter.data[...] = state[name]

    def zero_grad(self) -> None:
        """Set every parameter's `grad` to None."""
        for parameter in self.parameters():
            parameter.zero_grad()

    def train(self, mode: bool = True) -> Self:
        """Switch the module and its submodules to training (or, with False, to evaluation) mode; return the module."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """Switch to evaluation mode, as `train(False)` does; return the module."""
        return self.train(False)

    def _children(self) -> Iterator[tuple[str, Module]]:
        for name, value in vars(self).items():
            if isinstance(value, Module):
                yield name, value
            elif isinstance(value, list | tuple):
                yield from ((f"{name}.{i}", child) for i, child in enumerate(value) if isinstance(child, Module))

    def _named(self, prefix: str) -> Iterator[tuple[str, Tensor]]:
        yield from ((prefix + name, value) for name, value in vars(self).items() if isinstance(value, Tensor))
        for name, child in self._children():
            yield from child._named(f"{prefix}{name}.")


def glorot_uniform(shape: tuple[int, ...], fan_in: int, fan_out: int, rng: Rng = None) -> Tensor:
    """Draw a float32 parameter from U(-a, a) with a = √(6 / (fan_in + fan_out)).

    Parameters
    ----------
    shape
        The parameter's shape.
    fan_in, fan_out
        The number of inputs of each output, and of outputs of each input.
    rng
        A Generator or a seed. If None, the numbers differ each time.

    References
    ----------
    Glorot and Bengio, Understanding the Difficulty of Training Deep Feedforward Neural Networks, 2010, eq. 16.
    """
    limit = np.sqrt(6 / (fan_in + fan_out))
    return Tensor(np.random.default_rng(rng).uniform(-limit, limit, shape).astype(np.float32), requires_grad=True)


def zeros(size: int) -> Tensor:
    """Return a float32 parameter of zeros, of shape (size,)."""
    return Tensor(np.zeros(size, np.float32), requires_grad=True)


class Linear(Module):
    """x Wᵀ + b, from (…, in_features) to (…, out_features).

    Parameters
    ----------
    in_features, out_features
        Integers ≥ 1.
    bias
        Whether to add b.
    rng
        A Generator or a seed for W. If None, W differs each time.

    Attributes
    ----------
    weight : Tensor
        W, (out_features, in_features), drawn by `glorot_uniform`, which is also the default in Keras.
    bias : Tensor or None
        b, (out_features,), initially zeros.

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
        Whether to add a bias.
    rng
        A Generator or a seed for the weight. If None, the weight differs each time.

    Attributes
    ----------
    weight : Tensor
        (out_channels, in_channels, kernel height, kernel width), drawn by `glorot_uniform`.
    bias : Tensor or None
        (out_channels,), initially zeros.

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
    """max(x, 0), elementwise."""

    def forward(self, x: Tensor) -> Tensor:
        return ops.relu(x)


class Tanh(Module):
    """tanh x, elementwise."""

    def forward(self, x: Tensor) -> Tensor:
        return ops.tanh(x)


class Sigmoid(Module):
    """1 / (1 + e^-x), elementwise."""

    def forward(self, x: Tensor) -> Tensor:
        return ops.sigmoid(x)


class Dropout(Module):
    """In training, set each entry to 0 with probability p and divide the others by 1 - p; otherwise do nothing.

    Parameters
    ----------
    p
        The probability, in [0, 1); ValueError otherwise.
    rng
        A Generator or a seed. If None, the entries set to 0 differ each time.
    """

    def __init__(self, p: float = 0.5, rng: Rng = None) -> None:
        self.p = number("p", p, least=0, below=1)
        self.rng = np.random.default_rng(rng)

    def forward(self, x: Tensor) -> Tensor:
        return ops.dropout(x, self.p, self.rng) if self.training else ops.as_tensor(x)


class Sequential(Module):
    """Layers applied one after another. `model[i]` is the i-th; its parameters' names start with i.

    Raises
    ------
    TypeError
        If an argument isn't a module.
    """

    def __init__(self, *layers: Module) -> None:
        for i, layer in enumerate(layers):
            if not isinstance(layer, Module):
                raise TypeError(f"Sequential needs modules; argument {i} is {type(layer).__name__}")
        self.layers = list(layers)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        return x

    def _children(self) -> Iterator[tuple[str, Module]]:
        return ((str(i), layer) for i, layer in enumerate(self.layers))

    def __getitem__(self, i: int) -> Module:
        return self.layers[i]

    def __len__(self) -> int:
        return len(self.layers)
