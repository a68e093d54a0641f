"""Bad input raises the right error, with a message that shows what was given and what is needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad as mg

X = mg.Tensor(np.ones((2, 3)))
IMAGES = np.ones((2, 3, 8, 8))


def parameter() -> mg.Tensor:
    return mg.Tensor([1.0, 2.0], requires_grad=True)


def backward_twice() -> None:
    y = parameter().sum()
    y.backward()
    y.backward()


def backward_through_a_freed_part() -> None:
    x = parameter()
    y = x * x
    y.sum().backward()
    (y + 1).sum().backward()


def plateau_with_a_schedule() -> None:
    optimizer = mg.optim.Adam([parameter()], lr=mg.schedules.constant(0.1))
    mg.schedules.ReduceLROnPlateau(optimizer)


def step_with(grad: np.ndarray) -> None:
    x = parameter()
    x.grad = grad
    mg.optim.SGD([x]).step()


# name → (call, type of the error, pattern of its message)
CASES: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "text in a tensor": (lambda: mg.Tensor(["a"]), TypeError, "real numbers"),
    "complex numbers": (lambda: mg.Tensor(np.array([1j])), TypeError, "complex128"),
    "None as an operand": (lambda: X + None, TypeError, "NoneType"),
    "a ragged list": (lambda: mg.Tensor([[1.0], [1.0, 2.0]]), ValueError, "inhomogeneous"),
    "integer with requires_grad": (lambda: mg.Tensor(np.arange(3), requires_grad=True), TypeError, "int64"),
    "boolean with requires_grad": (lambda: mg.Tensor(np.ones(3, bool), requires_grad=True), TypeError, "bool"),
    "item of several": (lambda: X.item(), ValueError, r"\(2, 3\)"),
    "truth of several": (lambda: bool(X > 0), ValueError, r"\(2, 3\)"),
    "shapes that don't broadcast": (lambda: X + np.ones(4), ValueError, r"\(2,3\) \(4,\)"),
    "reshape to another size": (lambda: X.reshape(4), ValueError, "size 6"),
    "an axis that isn't there": (lambda: X.sum(axis=2), ValueError, "axis 2"),
    "another axis that isn't there": (lambda: X.max(axis=(0, -3)), ValueError, "axis -3"),
    "mean of nothing": (lambda: mg.Tensor(np.ones((0, 3))).mean(), ValueError, r"\(0, 3\)"),
    "max of nothing": (lambda: mg.Tensor(np.ones((0, 3))).max(), ValueError, "empty"),
    "an index out of range": (lambda: X[2], IndexError, "size 2"),
    "clip without a limit": (lambda: X.clip(), ValueError, "limit"),
    "clip the wrong way round": (lambda: X.clip(1, 0), ValueError, "low=1, high=0"),
    "concatenate nothing": (lambda: mg.concatenate([]), ValueError, "at least one"),
    "stack different shapes": (lambda: mg.stack([X, X.T]), ValueError, "same shape"),
    "matmul": (lambda: X @ X, ValueError, r"\(2, 3\) and \(2, 3\)"),
    "matmul with a scalar": (lambda: X @ 2.0, ValueError, r"\(\)"),
    "linear": (lambda: mg.linear(X, np.ones((4, 5))), ValueError, r"\(2, 3\).*\(4, 5\)"),
    "linear bias": (lambda: mg.linear(X, np.ones((4, 3)), np.ones(3)), ValueError, r"\(3,\)"),
    "conv2d channels": (
        lambda: mg.conv2d(IMAGES, np.ones((4, 2, 3, 3))),
        ValueError,
        r"\(4, 2, 3, 3\).*\(2, 3, 8, 8\)",
    ),
    "conv2d kernel too large": (lambda: mg.conv2d(IMAGES, np.ones((4, 3, 9, 3))), ValueError, "9"),
    "conv2d bias": (lambda: mg.conv2d(IMAGES, np.ones((4, 3, 3, 3)), np.ones(3)), ValueError, r"\(3,\)"),
    "conv2d of a matrix": (lambda: mg.conv2d(X, np.ones((4, 3, 3, 3))), ValueError, r"\(2, 3\)"),
    "conv2d stride 0": (lambda: mg.conv2d(IMAGES, np.ones((4, 3, 3, 3)), stride=0), ValueError, "stride"),
    "conv2d negative padding": (lambda: mg.conv2d(IMAGES, np.ones((4, 3, 3, 3)), padding=-1), ValueError, "padding"),
    "max_pool2d window": (lambda: mg.max_pool2d(IMAGES, 9), ValueError, "9"),
    "max_pool2d window 0": (lambda: mg.max_pool2d(IMAGES, 0), ValueError, "kernel_size"),
    "avg_pool2d of a matrix": (lambda: mg.avg_pool2d(X, 2), ValueError, r"\(2, 3\)"),
    "softmax axis": (lambda: mg.softmax(X, axis=2), ValueError, "axis 2"),
    "labels out of range": (lambda: mg.cross_entropy(X, np.array([0, 3])), ValueError, "3"),
    "negative label": (lambda: mg.cross_entropy(X, np.array([0, -1])), ValueError, "-1"),
    "too few labels": (lambda: mg.cross_entropy(X, np.array([0])), ValueError, r"\(1,\)"),
    "labels that are no integers": (lambda: mg.cross_entropy(X, np.array([0.0, 1.0])), TypeError, "float64"),
    "cross_entropy of no images": (lambda: mg.cross_entropy(np.ones((0, 3)), np.ones(0, int)), ValueError, r"\(0, 3\)"),
    "mse_loss": (lambda: mg.mse_loss(X, np.ones((2, 1))), ValueError, r"\(2, 3\).*\(2, 1\)"),
    "backward of several": (lambda: (parameter() * 2).backward(), ValueError, r"\(2,\)"),
    "backward with the wrong shape": (lambda: (parameter() * 2).backward([1.0]), ValueError, r"\(2,\).*\(1,\)"),
    "backward without requires_grad": (lambda: X.sum().backward(), ValueError, "requires a gradient"),
    "backward twice": (backward_twice, ValueError, "already freed"),
    "backward through a freed part": (backward_through_a_freed_part, ValueError, "already freed"),
    "dropout probability": (lambda: mg.nn.Dropout(1.0), ValueError, "1.0"),
    "no features": (lambda: mg.nn.Linear(0, 3), ValueError, "in_features"),
    "no kernel": (lambda: mg.nn.Conv2d(1, 1, 0), ValueError, "kernel_size"),
    "sequence of functions": (lambda: mg.nn.Sequential(mg.relu), TypeError, "function"),
    "activation": (lambda: mg.models.MLP([2, 2], activation="gelu"), ValueError, "relu.*gelu"),
    "pool": (lambda: mg.models.LeNet5(pool="sum"), ValueError, "max.*sum"),
    "one size": (lambda: mg.models.MLP([3]), ValueError, r"\[3\]"),
    "wrong input for LeNet5": (lambda: mg.models.LeNet5()(np.ones((2, 1, 32, 32))), ValueError, r"\(2, 1, 32, 32\)"),
    "unknown name in a state dict": (
        lambda: mg.models.MLP([2, 2]).load_state_dict({"x": np.ones(1)}),
        ValueError,
        "'x'",
    ),
    "no parameters": (lambda: mg.optim.SGD([]), ValueError, "parameter"),
    "parameters that are no tensors": (lambda: mg.optim.SGD([np.ones(3)]), TypeError, "array"),
    "lr negative": (lambda: mg.optim.SGD([parameter()], lr=-0.1), ValueError, "-0.1"),
    "lr nan": (lambda: mg.optim.Adam([parameter()], lr=float("nan")), ValueError, "nan"),
    "lr infinite": (lambda: mg.optim.Adam([parameter()], lr=float("inf")), ValueError, "inf"),
    "lr text": (lambda: mg.optim.Adam([parameter()], lr="0.1"), TypeError, "'0.1'"),
    "beta1": (lambda: mg.optim.Adam([parameter()], betas=(1.0, 0.9)), ValueError, "1.0"),
    "beta2": (lambda: mg.optim.Adam([parameter()], betas=(0.9, -0.1)), ValueError, "-0.1"),
    "eps": (lambda: mg.optim.Adam([parameter()], eps=-1e-8), ValueError, "-1e-08"),
    "eps_form": (lambda: mg.optim.Adam([parameter()], eps_form="tilde"), ValueError, "algorithm1.*tilde"),
    "momentum": (lambda: mg.optim.SGD([parameter()], momentum=-0.9), ValueError, "-0.9"),
    "convention": (lambda: mg.optim.SGD([parameter()], convention="jax"), ValueError, "keras.*jax"),
    "nesterov without momentum": (lambda: mg.optim.SGD([parameter()], nesterov=True), ValueError, "momentum"),
    "weight_decay": (lambda: mg.optim.Adam([parameter()], weight_decay=-1), ValueError, "-1"),
    "gradient of another shape": (
        lambda: step_with(np.ones(3, np.float32)),
        ValueError,
        r"\(3,\).*\(2,\)|\(2,\).*\(3,\)",
    ),
    "plateau with a schedule": (plateau_with_a_schedule, ValueError, "constant lr"),
    "decay_steps": (lambda: mg.schedules.exponential_decay(0.1, 0, 0.9), ValueError, "0"),
    "decay_steps negative": (lambda: mg.schedules.cosine_decay(0.1, -5), ValueError, "-5"),
    "schedule lr": (lambda: mg.schedules.constant(-1.0), ValueError, "-1.0"),
    "optimizer state": (lambda: mg.optim.SGD([parameter()]).load_state_dict({"what": 1}), ValueError, "what"),
}


@pytest.mark.parametrize("name", CASES)
def test_bad_input_raises_an_error(name: str) -> None:
    call, error, message = CASES[name]
    with pytest.raises(error, match=message):
        call()
