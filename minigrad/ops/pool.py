"""Pooling: one number from each window of an image. As in `conv`, the batch is last in memory."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numba import prange

from minigrad.jit import kernel
from minigrad.ops.images import MIN_PARALLEL, Pair, batch_first, batch_last, output_size, pair
from minigrad.ops.memory import empty
from minigrad.tensor import Array, Operand, Tensor, as_tensor, record


@kernel(parallel=True, min_size=MIN_PARALLEL)
def max_forward(images, out, where, window, stride):
    """out: the largest pixel of each window; where: its number in the window, counted along the rows."""
    channels, height, width, batch = out.shape
    for c in prange(channels):
        for y in range(height):
            for x in range(width):
                for b in range(np.uintp(batch)):
                    out[c, y, x, b] = images[c, y * stride[0], x * stride[1], b]
                    where[c, y, x, b] = 0
                for tap in range(1, window[0] * window[1]):
                    i, j = divmod(tap, window[1])
                    for b in range(np.uintp(batch)):
                        pixel, best = images[c, y * stride[0] + i, x * stride[1] + j, b], out[c, y, x, b]
                        better = pixel > best or pixel != pixel  # NaN wins
                        out[c, y, x, b] = pixel if better else best
                        where[c, y, x, b] = tap if better else where[c, y, x, b]


@kernel(parallel=True, min_size=MIN_PARALLEL)
def max_backward(grad, where, out, window, stride):
    """out: the gradient of each window, at the pixel that was its largest."""
    channels, height, width, batch = grad.shape
    for c in prange(channels):
        out[c] = 0
        for y in range(height):
            for x in range(width):
                for tap in range(window[0] * window[1]):
                    i, j = divmod(tap, window[1])
                    for b in range(np.uintp(batch)):
                        part = grad[c, y, x, b] if where[c, y, x, b] == tap else grad.dtype.type(0)
                        out[c, y * stride[0] + i, x * stride[1] + j, b] += part


@kernel(parallel=True, min_size=MIN_PARALLEL)
def average_forward(images, out, where, window, stride):
    """out: the mean of each window. `where`, here and below, is there only to be called as `max_forward` is."""
    channels, height, width, batch = out.shape
    share = images.dtype.type(1 / (window[0] * window[1]))
    for c in prange(channels):
        out[c] = 0
        for y in range(height):
            for x in range(width):
                for i in range(window[0]):
                    for j in range(window[1]):
                        for b in range(np.uintp(batch)):
                            out[c, y, x, b] += share * images[c, y * stride[0] + i, x * stride[1] + j, b]


@kernel(parallel=True, min_size=MIN_PARALLEL)
def average_backward(grad, where, out, window, stride):
    """out: the gradient of each window, shared by its pixels."""
    channels, height, width, batch = grad.shape
    share = grad.dtype.type(1 / (window[0] * window[1]))
    for c in prange(channels):
        out[c] = 0
        for y in range(height):
            for x in range(width):
                for i in range(window[0]):
                    for j in range(window[1]):
                        for b in range(np.uintp(batch)):
                            out[c, y * stride[0] + i, x * stride[1] + j, b] += share * grad[c, y, x, b]


def max_pool2d(x: Operand, kernel_size: Pair, stride: Pair | None = None) -> Tensor:
    """Largest pixel of each window; its gradient goes to that pixel, of several the first; NaN counts as largest.

    Parameters
    ----------
    x
        Images, (batch, channels, height, width).
    kernel_size, stride
        Of the window and between windows: an integer, or (down, across). By default windows touch:
        stride = kernel_size. Rows and columns that fill no whole window are left out.

    Returns
    -------
    Tensor
        (batch, channels, (height − kernel_size) // stride + 1, the same across).
    """
    return _pool(x, kernel_size, stride, max_forward, max_backward)


def avg_pool2d(x: Operand, kernel_size: Pair, stride: Pair | None = None) -> Tensor:
    """Mean of each window; each of its pixels gets the same share of the gradient. Arguments as for `max_pool2d`."""
    return _pool(x, kernel_size, stride, average_forward, average_backward)


def _pool(
    x: Operand, kernel_size: Pair, stride: Pair | None, forward: Callable[..., None], to_pixels: Callable[..., None]
) -> Tensor:
    x = as_tensor(x)
    window = pair(kernel_size, "kernel_size", 1)
    steps = window if stride is None else pair(stride, "stride", 1)
    size = output_size(x, window, steps)
    images = batch_last(x.data)
    out = empty((images.shape[0], *size, images.shape[3]), images.dtype)
    where = np.empty(out.shape, np.uint8 if window[0] * window[1] <= 256 else np.uint32)
    forward(images, out, where, window, steps)

    def backward(grad: Array) -> tuple[Array]:
        by_x = empty(images.shape, grad.dtype)
        to_pixels(batch_last(grad), where, by_x, window, steps)
        return (batch_first(by_x),)

    return record(batch_first(out), (x,), backward)
