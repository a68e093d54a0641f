"""Allocation of arrays: aligned to cache lines, in memory that the process keeps.

By default glibc returns the memory of large arrays to the system as soon as they are freed, and each training step
requests it again, page by page. For LeNet-5 at batch size 128 that was 2,767 page faults per step, measured, and
doubled the time of a step. So importing this module makes the process keep up to 256 MiB of freed memory
(`keep_memory`).
"""

from __future__ import annotations

import ctypes
from math import prod

import numpy as np
from numpy.typing import DTypeLike

from minigrad.tensor import Array

CACHE_LINE = 64  # bytes
SMALL = 1024  # entries; with fewer, alignment costs more than it saves

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # from glibc's malloc.h


def keep_memory(below: int = 32 * 2**20, at_most: int = 256 * 2**20) -> bool:
    """Keep the memory of freed arrays of up to `below` bytes, `at_most` bytes in all; return False without glibc.

    32 MiB is also the largest value of glibc's own adaptive threshold. Larger arrays are returned when freed.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    return bool(mallopt(M_MMAP_THRESHOLD, below) and mallopt(M_TRIM_THRESHOLD, at_most))


keep_memory()


def empty(shape: tuple[int, ...], dtype: DTypeLike) -> Array:
    """Like `numpy.empty`, but aligned: reading a vector that crosses a cache line takes twice as long.

    With NumPy's own alignment (16 bytes) a convolution was measured to lose a quarter of its speed.
    """
    dtype = np.dtype(dtype)
    size = prod(shape) * dtype.itemsize
    room = np.empty(size + CACHE_LINE, np.uint8)
    start = -room.__array_interface__["data"][0] % CACHE_LINE
    return room[start : start + size].view(dtype).reshape(shape)


def like(array: Array) -> Array:
    """Like `numpy.empty_like` (same shape, dtype and memory layout), but aligned if the array isn't small."""
    if array.size < SMALL:
        return np.empty_like(array)
    if array.flags.c_contiguous:
        return empty(array.shape, array.dtype)
    order = sorted(range(array.ndim), key=lambda axis: -abs(array.strides[axis]))
    back = sorted(range(array.ndim), key=order.__getitem__)
    return empty(tuple(array.shape[axis] for axis in order), array.dtype).transpose(back)


def flat(array: Array, pattern: Array) -> Array:
    """Return the entries of `array` in the memory order of `pattern`, an array made by `like`."""
    if array.strides != pattern.strides:
        array, given = like(pattern), array
        array[...] = given
    return array.ravel(order="K")
