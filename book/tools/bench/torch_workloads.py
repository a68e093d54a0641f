"""The same workloads in PyTorch, in its usual style. `variant` is "default" or "fused", the kind of Adam."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from minigrad_book.tools.bench.workloads import CHAIN, LENET5_LAYERS, Workload, batch_of, cifar10_or_noise


def model() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 6, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip


def _optimizer(parameters: list[torch.Tensor], variant: str) -> torch.optim.Adam:
    return torch.optim.Adam(parameters, fused=True if variant == "fused" else None)


def lenet5(size: int, variant: str) -> Workload:
    images, labels = map(torch.from_numpy, batch_of(size))
    network = model()
    optimizer = _optimizer(list(network.parameters()), variant)

    def step() -> None:
        optimizer.zero_grad()
        cross_entropy(network(images), labels).backward()
        optimizer.step()

    return step, size


def adam(size: int, variant: str) -> Workload:
    return _adam([(size,)], variant)


def adam_lenet5(size: int, variant: str) -> Workload:
    return _adam(LENET5_LAYERS, variant)


def _adam(shapes: tuple[tuple[int, ...], ...] | list[tuple[int, ...]], variant: str) -> Workload:
    parameters = [torch.zeros(shape, requires_grad=True) for shape in shapes]
    for parameter in parameters:
        parameter.grad = torch.rand(parameter.shape)
    return _optimizer(parameters, variant).step, 1


def scalars(size: int, variant: str) -> Workload:
    x = torch.tensor(1.0, requires_grad=True)

    def chain() -> None:
        y = x
        for _ in range(CHAIN // 2):
            y = y * 0.9 + x
        y.backward()
        x.grad = None

    return chain, CHAIN


def epoch(size: int, variant: str) -> Workload:
    images, labels = map(torch.from_numpy, map(np.asarray, cifar10_or_noise()))
    labels = labels.long()
    network = model()
    optimizer = _optimizer(list(network.parameters()), variant)

    def run() -> None:
        order = torch.randperm(len(labels))
        for begin in range(0, len(labels), size):
            chosen = order[begin : begin + size]
            optimizer.zero_grad()
            cross_entropy(network(images[chosen].float() / 255), labels[chosen]).backward()
            optimizer.step()

    return run, len(labels)


def set_threads(n: int) -> None:
    torch.set_num_threads(n)


WORKLOADS: dict[str, Callable[[int, str], Workload]] = {
    "lenet5": lenet5,
    "adam": adam,
    "adam lenet5": adam_lenet5,
    "scalars": scalars,
    "epoch": epoch,
}
