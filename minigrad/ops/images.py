"""Helpers of convolution and pooling: images with the batch last in memory, and the size of the output.

The ops take and return images of shape (batch, channels, height, width). In memory their results have the batch last.
Neighbouring numbers are then the same pixel of neighbouring images. A loop over them is long and contiguous and crosses
no border, whatever the size of images and windows. NumPy's elementwise functions keep this order.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import prange
from numpy.typing import DTypeLike

from minigrad.jit import kernel
from minigrad.ops.memory import empty
from minigrad.tensor import Array, Tensor

Size2d = int | tuple[int, int]  # the same in both directions, or (down, across)

MIN_PARALLEL = 2**15  # entries; with fewer, one thread moves or pools them before a second one wakes up


@kernel(parallel=True, min_size=MIN_PARALLEL)
def move_batch_last(images, out):
    """``out[c, y, x, b] = images[b, c, y, x]``, eight images at a time: their rows stay in the first-level cache."""
    batch, channels, height, width = images.shape
    for c in prange(channels):
        for y in range(height):
            for start in range(0, batch, 8):
                end = min(start + 8, batch)
                for x in range(width):
                    for b in range(start, end):
                        out[c, y, x, b] = images[b, c, y, x]


def batch_last(images: Array, dtype: DTypeLike | None = None, padding: tuple[int, int] = (0, 0)) -> Array:
    """Return images (batch, channels, height, width) as a C-contiguous (channels, height, width, batch), padded."""
    dtype = np.dtype(dtype or images.dtype)
    moved = images.transpose(1, 2, 3, 0)
    if not moved.flags.c_contiguous or moved.dtype != dtype:
        moved = empty(moved.shape, dtype)
        move_batch_last(np.ascontiguousarray(images, dtype), moved)
    if padding == (0, 0):
        return moved
    channels, height, width, batch = moved.shape
    down, across = padding
    padded = empty((channels, height + 2 * down, width + 2 * across, batch), dtype)
    padded[...] = 0
    padded[:, down : height + down, across : width + across] = moved
    return padded


def batch_first(images: Array) -> Array:
    """Undo `batch_last`; the result is a view."""
    return images.transpose(3, 0, 1, 2)


def size2d(value: Any, name: str, least: int) -> tuple[int, int]:
    """Return the argument `name` as (down, across); ValueError unless it is an integer ≥ `least`, or two of them."""
    both = tuple(value) if isinstance(value, tuple | list) else (value, value)
    if len(both) != 2 or not all(isinstance(v, int | np.integer) and v >= least for v in both):
        raise ValueError(f"{name} must be an integer ≥ {least}, or two of them (down, across); got {value!r}")
    return int(both[0]), int(both[1])


def output_size(
    x: Tensor | Array, window: tuple[int, int], stride: tuple[int, int], padding: tuple[int, int] = (0, 0)
) -> tuple[int, int]:
    """Return how many windows fit, down and across: (size + 2·padding − window) // stride + 1; ValueError if none."""
    if x.ndim != 4:
        raise ValueError(f"images must have the shape (batch, channels, height, width); got {x.shape}")
    height, width = x.shape[2] + 2 * padding[0], x.shape[3] + 2 * padding[1]
    if window[0] > height or window[1] > width:
        raise ValueError(f"a window of {window} doesn't fit into images of shape {x.shape} with padding {padding}")
    return (height - window[0]) // stride[0] + 1, (width - window[1]) // stride[1] + 1
