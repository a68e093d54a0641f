"""The workloads in minigrad. A workload is a call and the number of units (images, ops, …) that it processes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from threadpoolctl import threadpool_limits

import minigrad as mg
from minigrad_book.tools.bench import limits

Workload = tuple[Callable[[], object], float]

CHAIN = 20  # ops of the scalar chain
LENET5_LAYERS = ((6, 3, 5, 5), (6,), (16, 6, 5, 5), (16,), (120, 400), (120,), (84, 120), (84,), (10, 84), (10,))
CONVOLUTIONS = {"conv1": ((3, 32, 32), (6, 3, 5, 5)), "conv2": ((6, 14, 14), (16, 6, 5, 5))}


def batch_of(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return `size` random images and labels, the same for every peer."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(size, 3, 32, 32)).astype(np.float32), rng.integers(0, 10, size)


def lenet5(size: int, variant: str = "") -> Workload:
    """A training step of LeNet-5 with Adam."""
    images, labels = batch_of(size)
    model = mg.models.LeNet5(rng=0)
    optimizer = mg.optim.Adam(model.parameters())

    def step() -> None:
        optimizer.zero_grad()
        mg.cross_entropy(model(images), labels).backward()
        optimizer.step()

    return step, size


def adam(size: int, variant: str = "") -> Workload:
    """A step of Adam on one array of parameters."""
    return _adam([(size,)])


def adam_lenet5(size: int, variant: str = "") -> Workload:
    """A step of Adam on LeNet-5's ten arrays, 62,006 parameters."""
    return _adam(LENET5_LAYERS)


def _adam(shapes: tuple[tuple[int, ...], ...] | list[tuple[int, ...]]) -> Workload:
    rng = np.random.default_rng(0)
    parameters = [mg.Tensor(np.zeros(shape, np.float32), requires_grad=True) for shape in shapes]
    for parameter in parameters:
        parameter.grad = rng.random(parameter.shape, np.float32)
    return mg.optim.Adam(parameters).step, 1


def scalars(size: int, variant: str = "") -> Workload:
    """A chain of products and sums of scalars, forward and backward; the unit is one op."""
    x = mg.Tensor(1.0, requires_grad=True)

    def chain() -> None:
        y = x
        for _ in range(CHAIN // 2):
            y = y * 0.9 + x
        y.backward()
        x.zero_grad()

    return chain, CHAIN


def convolution(size: int, variant: str) -> Workload:
    """One of LeNet-5's convolutions ("conv1 forward", "conv1 both", …); the unit is a floating-point operation."""
    layer, direction = variant.split()
    image_shape, weight_shape = CONVOLUTIONS[layer]
    rng = np.random.default_rng(0)
    images, weight, bias = (
        rng.normal(size=shape).astype(np.float32) for shape in ((size, *image_shape), weight_shape, weight_shape[:1])
    )
    x = mg.Tensor(images, requires_grad=layer != "conv1")  # as in training, where the images need no gradient
    w, b = mg.Tensor(weight, requires_grad=True), mg.Tensor(bias, requires_grad=True)
    out = mg.conv2d(x, w, b)
    products = 2 * weight[0].size * out.size
    if direction == "forward":
        return lambda: mg.conv2d(x, w, b), products
    gradient = np.ones_like(out.data)
    return lambda: mg.conv2d(x, w, b).backward(gradient), products * (2 if layer == "conv1" else 3)


def copy(size: int, variant: str = "") -> Workload:
    return limits.copy_workload()


def multiply_adds(size: int, variant: str = "") -> Workload:
    return limits.polynomial_workload()


def matrix_product(size: int, variant: str = "") -> Workload:
    return limits.matrix_workload()


def epoch(size: int, variant: str = "") -> Workload:
    """An epoch of LeNet-5 over 50,000 images of CIFAR-10's shape, uint8; the unit is one image."""
    images, labels = cifar10_or_noise()
    model = mg.models.LeNet5(rng=0)
    optimizer = mg.optim.Adam(model.parameters())
    rng = np.random.default_rng(0)

    def run() -> None:
        order = rng.permutation(len(labels))
        for begin in range(0, len(labels), size):
            chosen = order[begin : begin + size]
            optimizer.zero_grad()
            loss = mg.cross_entropy(model(images[chosen].astype(np.float32) / 255), labels[chosen])
            loss.backward()
            optimizer.step()

    return run, len(labels)


def cifar10_or_noise() -> tuple[np.ndarray, np.ndarray]:
    """Return CIFAR-10's training images if they are installed, else noise of the same shape, which takes as long."""
    try:
        return mg.data.cifar10()[0]
    except (OSError, ValueError):
        rng = np.random.default_rng(0)
        return rng.integers(0, 256, (50_000, 3, 32, 32), np.uint8), rng.integers(0, 10, 50_000)


def set_threads(n: int) -> None:
    mg.set_num_threads(n)
    threadpool_limits(n, user_api="blas")  # for `matrix_product`; minigrad's own products set it in each call


WORKLOADS: dict[str, Callable[[int, str], Workload]] = {
    "lenet5": lenet5,
    "adam": adam,
    "adam lenet5": adam_lenet5,
    "scalars": scalars,
    "convolution": convolution,
    "copy": copy,
    "multiply-adds": multiply_adds,
    "matrix product": matrix_product,
    "epoch": epoch,
}
