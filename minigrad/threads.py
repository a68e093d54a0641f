"""The number of threads that kernels and large matrix products use.

Kernels use every core, up to 8 by default; the book's networks can't use more. A forked child computes on one thread:
GNU OpenMP aborts a forked child that uses it after the parent has.
"""

from __future__ import annotations

import os

import numba

MOST_BY_DEFAULT = 8
AVAILABLE: int = numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]  # Numba defines it at import

_threads = min(AVAILABLE, MOST_BY_DEFAULT)


def get_num_threads() -> int:
    """Return the number of threads that kernels and large matrix products use.

    The default is the number of cores, at most 8. Work that is too small to share runs on one thread.
    """
    return _threads


def set_num_threads(n: int) -> None:
    """Use `n` threads for kernels and large matrix products, in every Python thread of this process.

    With the same `n`, results are the same from run to run, bit for bit. With another `n`, sums may be rounded
    differently.

    Parameters
    ----------
    n : int
        From 1 to the number of cores (or to ``NUMBA_NUM_THREADS``, if it is set).

    Raises
    ------
    ValueError
        If `n` isn't an integer in this range.
    """
    global _threads
    if not isinstance(n, int) or not 1 <= n <= AVAILABLE:
        raise ValueError(f"the number of threads must be an integer from 1 to {AVAILABLE}; got {n!r}")
    _threads = n


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: set_num_threads(1))
