"""The one place with Numba's flags and with the policy on threads.

Kernels run on `get_num_threads()` threads: those of the machine, but at most 8 unless more are asked for, since the
book's networks don't keep more busy. Work too small to be worth waking a thread runs on the calling one. NumPy's
matrix products get one thread where they are small: OpenBLAS's threads, which wait spinning, and Numba's would fight
for the same cores. Nothing outside minigrad's own calls is changed. A forked child computes on one thread: GNU OpenMP,
once used, ends a child that would use it too.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from functools import cache, wraps
from types import FunctionType
from typing import Any

import numba
import numpy as np

MIN_PARALLEL = 200_000  # entries, below which one thread is done with simple arithmetic before others are awake
MIN_PARALLEL_BLAS = 2**26  # multiply-adds of a matrix product, likewise
MOST_THREADS = 8

config: Any = numba.config  # its names are made at import, unseen by type checkers
_threads = min(config.NUMBA_NUM_THREADS, MOST_THREADS)


def get_num_threads() -> int:
    """The number of threads that kernels and large matrix products use."""
    return _threads


def set_num_threads(n: int) -> None:
    """Let kernels and large matrix products use n threads; ValueError unless 1 ≤ n ≤ the machine's.

    Results don't depend on n beyond rounding, and with the same n are the same from run to run, bit for bit.
    """
    global _threads
    most = config.NUMBA_NUM_THREADS
    if not isinstance(n, int) or not 1 <= n <= most:
        raise ValueError(f"the number of threads must be an integer from 1 to {most}; got {n!r}")
    _threads = n


def _alone() -> None:
    global _threads
    _threads = 1


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_alone)


def kernel(function: Callable[..., Any] | None = None, *, parallel: bool = False, least: int = MIN_PARALLEL) -> Any:
    """Compile a loop over arrays to machine code on its first call.

    The flags are the same for every kernel: compiled code is cached on disk; division and square root follow NumPy
    (no exceptions, so they vectorise); sums may be reordered and multiply-adds fused, but NaN and infinity keep
    their meaning. With ``NUMBA_DISABLE_JIT=1`` the plain Python function runs instead.

    With `parallel`, the loops over ``numba.prange`` are shared among threads if the first array has at least `least`
    entries. Such a kernel can't be called from another.
    """
    if function is None:
        return lambda f: kernel(f, parallel=parallel, least=least)
    serial = _compiled(function)
    if not parallel or config.DISABLE_JIT:
        return serial
    threaded = _compiled(_renamed(function), parallel=True)

    @wraps(function)
    def launch(*arguments: Any) -> Any:
        if arguments[0].size < least or _threads == 1:
            return serial(*arguments)
        if numba.get_num_threads() != _threads:  # Numba keeps a setting per calling thread
            numba.set_num_threads(_threads)
        return threaded(*arguments)

    return launch


def _compiled(function: Callable[..., Any], **flags: Any) -> Any:
    flags |= {"error_model": "numpy", "fastmath": {"reassoc", "contract"}, "nogil": True}
    try:
        return numba.njit(cache=True, **flags)(function)
    except RuntimeError:  # neither beside the source nor in a home can anything be stored
        return numba.njit(**flags)(function)


def _renamed(function: Any) -> FunctionType:
    """A copy with a name of its own, by which Numba's cache tells it from the original: its key has no flags."""
    copy = FunctionType(function.__code__, function.__globals__, function.__name__, function.__defaults__)
    copy.__qualname__ = function.__qualname__ + "_threaded"
    copy.__module__ = function.__module__
    return copy


def dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """NumPy's ``a @ b``, on one thread where the product is small."""
    get, limit = _blas()
    wanted = 1 if a.size * b.shape[-1] < MIN_PARALLEL_BLAS else _threads
    before = get()
    if before <= wanted:
        return a @ b
    limit(wanted)
    try:
        return a @ b
    finally:
        limit(before)


@cache
def _blas() -> tuple[Callable[[], int], Callable[[int], Any]]:
    """How to read and set the number of threads of the OpenBLAS that NumPy is linked to; does nothing for others."""
    try:
        library = ctypes.CDLL(np._core._multiarray_umath.__file__)  # type: ignore[attr-defined]  # finds what it links to
    except (AttributeError, OSError):
        return (lambda: 1), (lambda n: None)
    for name in ("scipy_openblas_{}64_", "openblas_{}64_", "openblas_{}"):
        try:
            return library[name.format("get_num_threads")], library[name.format("set_num_threads")]
        except AttributeError:
            continue
    return (lambda: 1), (lambda n: None)


def set_blas_threads(n: int) -> None:
    """Let NumPy's own matrix products use n threads."""
    _blas()[1](n)
