"""Pooling: one number from each window of an image. The kernels are the plain loops, with the batch last in memory."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numba import prange

from minigrad.jit import kernel
from minigrad.ops.images import MIN_PARALLEL, Size2d, batch_first, batch_last, output_size, size2d
from minigrad.ops.memory import empty
from minigrad.tensor import Array, Operand, Tensor, as_tensor, record


@kernel(parallel=True, min_size=MIN_PARALLEL)
def max_forward(images, out, argmax, window, stride):
    """Fill out with the largest pixel of each window, and argmax with its index in the window, row by row."""
    channels, height, width, batch = out.shape
    for c in prange(channels):
        for y in range(height):
            for x in range(width):
                for b in range(np.uintp(batch)):
                    out[c, y, x, b] = images[c, y * stride[0], x * stride[1], b]
                    argmax[c, y, x, b] = 0
                for tap in range(1, window[0] * window[1]):
                    i, j = divmod(tap, window[1])
                    for b in range(np.uintp(batch)):
                        pixel, best = images[c, y * stride[0] + i, x * stride[1] + j, b], out[c, y, x, b]
                        better = pixel > best or pixel != pixel  # NaN wins
                        out[c, y, x, b] = pixel if better else best
                        argmax[c, y, x, b] = tap if better else argmax[c, y, x, b]


@kernel(parallel=True, min_size=MIN_PARALLEL)
def max_backward(grad, argmax, out, window, stride):
    """Fill out with the gradient of each window, at the pixel that was the largest."""
    channels, height, width, batch = grad.shape
    for c in prange(channels):
        out[c] = 0
        for y in range(height):
            for x in range(width):
                for tap in range(window[0] * window[1]):
                    i, j = divmod(tap, window[1])
                    for b in range(np.uintp(batch)):
                        part = grad[c, y, x, b] if argmax[c, y, x, b] == tap else grad.dtype.type(0)
                        out[c, y * stride[0] + i, x * stride[1] + j, b] += part


@kernel(parallel=True, min_size=MIN_PARALLEL)
def average_forward(images, out, argmax, window, stride):
    """Fill out with the mean of each window. Here and below, argmax is unused: the signature is `max_forward`'s."""
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
def average_backward(grad, argmax, out, window, stride):
    """Fill out with the gradient of each window, divided equally among its pixels."""
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


def max_pool2d(x: Operand, kernel_size: Size2d, stride: Size2d | None = None) -> Tensor:
    """Return the largest pixel of each window; that pixel, or the first of several, gets the gradient.

    NaN counts as the largest.

    Parameters
    ----------
    x
        Images, (batch, channels, height, width).
    kernel_size, stride
        The window's size and its steps, in pixels: an integer, or (down, across). By default stride = kernel_size, so
        windows touch. Rows and columns that don't fill a whole window are ignored.

    Returns
    -------
    Tensor
        (batch, channels, (height − kernel_size) // stride + 1, the same across), of the dtype of `x`.

    Raises
    ------
    ValueError
        If `x` isn't 4-D, the window doesn't fit into the images, or a size isn't an integer ≥ 1.
    """
    return _pool(x, kernel_size, stride, max_forward, max_backward)


def avg_pool2d(x: Operand, kernel_size: Size2d, stride: Size2d | None = None) -> Tensor:
    """Return the mean of each window; each of its pixels gets the same share of the gradient.

    Parameters, result and errors are the same as for `max_pool2d`.
    """
    return _pool(x, kernel_size, stride, average_forward, average_backward)


def _pool(
    x: Operand, kernel_size: Size2d, stride: Size2d | None, forward: Callable[..., None], to_pixels: Callable[..., None]
) -> Tensor:
    x = as_tensor(x)
    window = size2d(kernel_size, "kernel_size", 1)
    steps = window if stride is None else size2d(stride, "stride", 1)
    size = output_size(x, window, steps)
    images = batch_last(x.data)
    out = empty((images.shape[0], *size, images.shape[3]), images.dtype)
    argmax = np.empty(out.shape, np.uint8 if window[0] * window[1] <= 256 else np.uint32)
    forward(images, out, argmax, window, steps)

    def backward(grad: Array) -> tuple[Array]:
        grad_x = empty(images.shape, grad.dtype)
        to_pixels(batch_last(grad), argmax, grad_x, window, steps)
        return (batch_first(grad_x),)

    return record(batch_first(out), (x,), backward)
