"""The machine's limits: the highest speeds of copying memory and of multiply-adds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numba import prange

from minigrad.jit import kernel

COPIED = 20_000_000  # float32 numbers, 80 MB: far more than a core's caches hold
MATRIX = 768  # a square product of this size: 0.9 GFLOP
POLYNOMIAL_FLOPS = 2 * 8 * 6 + 7  # for one number in `polynomials`


@kernel(parallel=True)
def copy(source, target):
    """Copy source to target; each number moves 4 bytes twice."""
    for i in prange(source.size):
        target[i] = source[i]


@kernel(parallel=True, min_size=1)
def polynomials(x, y, rounds, k0, k1, k2, k3, k4, k5, k6, k7):
    """Evaluate eight independent polynomials in each number: independent multiply-adds with little memory traffic."""
    for block in prange(x.shape[0]):
        for _ in range(rounds):
            for i in range(x.shape[1]):
                v = x[block, i]
                a = (((((v * v + k0) * v + k0) * v + k0) * v + k0) * v + k0) * v + k0
                b = (((((v * v + k1) * v + k1) * v + k1) * v + k1) * v + k1) * v + k1
                c = (((((v * v + k2) * v + k2) * v + k2) * v + k2) * v + k2) * v + k2
                d = (((((v * v + k3) * v + k3) * v + k3) * v + k3) * v + k3) * v + k3
                e = (((((v * v + k4) * v + k4) * v + k4) * v + k4) * v + k4) * v + k4
                f = (((((v * v + k5) * v + k5) * v + k5) * v + k5) * v + k5) * v + k5
                g = (((((v * v + k6) * v + k6) * v + k6) * v + k6) * v + k6) * v + k6
                h = (((((v * v + k7) * v + k7) * v + k7) * v + k7) * v + k7) * v + k7
                y[block, i] = ((a + b) + (c + d)) + ((e + f) + (g + h))


def copy_workload() -> tuple[Callable[[], object], float]:
    """Return a call and the number of bytes it moves."""
    source, target = np.ones(COPIED, np.float32), np.zeros(COPIED, np.float32)
    return lambda: copy(source, target), 8 * COPIED


def polynomial_workload() -> tuple[Callable[[], object], float]:
    """Return a call and the number of its floating-point operations."""
    blocks, rounds = 64, 32
    x = np.full((blocks, 4096), 0.5, np.float32)
    y = np.zeros_like(x)
    constants = np.linspace(0.1, 0.8, 8, dtype=np.float32)
    return lambda: polynomials(x, y, rounds, *constants), POLYNOMIAL_FLOPS * x.size * rounds


def matrix_workload() -> tuple[Callable[[], object], float]:
    """Return a call and the number of its floating-point operations: NumPy's product, optimized for the processor."""
    a = np.ones((MATRIX, MATRIX), np.float32)
    return lambda: a @ a, 2 * MATRIX**3
