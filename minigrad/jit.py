"""Kernels: loops over arrays, which Numba compiles, all with the same flags."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from types import FunctionType
from typing import Any

import numba

from minigrad.threads import get_num_threads

MIN_PARALLEL = 200_000  # entries; with fewer, one thread finishes simple arithmetic before other threads wake up


def kernel(function: Callable[..., Any] | None = None, *, parallel: bool = False, min_size: int = MIN_PARALLEL) -> Any:
    """Compile a loop over arrays to machine code on its first call.

    The flags are the same for every kernel: compiled code is cached on disk; division and square root follow NumPy
    (no exceptions, so they vectorise); sums may be reordered and multiply-adds fused, but NaN and infinity keep
    their meaning. With ``NUMBA_DISABLE_JIT=1`` the plain Python function runs instead.

    Parameters
    ----------
    function
        The loop; its first argument is an array.
    parallel
        Run loops over ``numba.prange`` on `get_num_threads()` threads. Other kernels can't call such a kernel.
    min_size
        Use several threads only if the first array has at least this many entries.
    """
    if function is None:
        return lambda f: kernel(f, parallel=parallel, min_size=min_size)
    serial = _compiled(function)
    if not parallel or serial is function:  # nothing is compiled with NUMBA_DISABLE_JIT=1
        return serial
    threaded = _compiled(_renamed(function), parallel=True)

    @wraps(function)
    def launch(*arguments: Any) -> Any:
        threads = get_num_threads()
        if arguments[0].size < min_size or threads == 1:
            return serial(*arguments)
        if numba.get_num_threads() != threads:  # Numba keeps a setting per calling thread
            numba.set_num_threads(threads)
        return threaded(*arguments)

    return launch


def _compiled(function: Callable[..., Any], **flags: Any) -> Any:
    flags |= {"error_model": "numpy", "fastmath": {"reassoc", "contract"}, "nogil": True}
    try:
        return numba.njit(cache=True, **flags)(function)
    except RuntimeError:  # neither the source folder nor the user's cache is writable
        return numba.njit(**flags)(function)


def _renamed(function: Any) -> FunctionType:
    """Copy a function under another name: the keys of Numba's cache are names without flags, so two are needed."""
    copy = FunctionType(function.__code__, function.__globals__, function.__name__, function.__defaults__)
    copy.__qualname__ = function.__qualname__ + "_threaded"
    copy.__module__ = function.__module__
    return copy
