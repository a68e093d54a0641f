"""Large parameters are updated by several threads, each with one contiguous part.

A kernel releases the GIL, so Python's own threads do: the kernel is the same for both cases, nothing is compiled twice,
and as every element is computed alone, the result doesn't depend on the number of threads.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from typing import Any

import numba
import numpy as np

PARALLEL_FROM = 200_000  # elements; below, waking a second thread costs more than it saves (measured on 2 cores)


def in_chunks(update: Callable[..., None]) -> Callable[..., None]:
    """A function that calls `update` once per thread, with its part of every array."""

    def run(*arguments: Any) -> None:
        threads = numba.get_num_threads()
        cuts = [arguments[0].size * i // threads for i in range(threads + 1)]
        *others, own = [
            [a[start:stop] if isinstance(a, np.ndarray) else a for a in arguments] for start, stop in pairwise(cuts)
        ]
        waiting = [_pool(os.getpid()).submit(update, *part) for part in others]
        update(*own)
        for part in waiting:
            part.result()

    return run


@cache
def _pool(process: int) -> ThreadPoolExecutor:
    """The threads of this process; a forked child gets its own."""
    return ThreadPoolExecutor(max_workers=os.cpu_count(), thread_name_prefix="optimizer")
