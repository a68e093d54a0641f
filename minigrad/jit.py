"""The one place with Numba's flags."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba


def kernel(function: Callable[..., Any] | None = None, *, parallel: bool = False) -> Any:
    """Compile a loop over arrays to machine code on its first call.

    The flags are the same for every kernel: compiled code is cached on disk; division and square root follow NumPy
    (no exceptions, so they vectorise); sums may be reordered and multiply-adds fused, but NaN and infinity keep
    their meaning. With ``NUMBA_DISABLE_JIT=1`` the plain Python function runs instead.
    """
    compiler = numba.njit(
        cache=True, error_model="numpy", fastmath={"reassoc", "contract"}, nogil=True, parallel=parallel
    )
    return compiler if function is None else compiler(function)
