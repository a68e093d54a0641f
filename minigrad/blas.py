"""NumPy's matrix product, with small products on one thread.

OpenBLAS's threads spin while they wait, and would compete with Numba's for the same cores. Each product sets OpenBLAS's
number of threads and restores it afterwards, so nothing changes outside minigrad's own calls.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
from threadpoolctl import ThreadpoolController

from minigrad.threads import get_num_threads

MIN_PARALLEL = 2**26  # multiply-adds; with fewer, one thread finishes the product before other threads wake up


def dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return NumPy's ``a @ b``, computed on one thread if it takes fewer than `MIN_PARALLEL` multiply-adds."""
    get_threads, set_threads = _thread_functions()
    wanted = 1 if a.size * b.shape[-1] < MIN_PARALLEL else get_num_threads()
    before = get_threads()
    if before <= wanted:
        return a @ b
    set_threads(wanted)
    try:
        return a @ b
    finally:
        set_threads(before)


@cache
def _thread_functions() -> tuple[Callable[[], int], Callable[[int], object]]:
    """Return the functions that get and set the number of OpenBLAS's threads. For another BLAS they do nothing.

    They are the library's own functions. threadpoolctl's wrappers would add 3 µs to each product.
    """
    own = str(Path(np.__file__).resolve().parent)  # SciPy ships its own OpenBLAS
    libraries = ThreadpoolController().select(internal_api="openblas").lib_controllers
    for library in sorted(libraries, key=lambda library: not library.filepath.startswith(own)):
        for name in library.check_symbols:  # "openblas_get_num_threads", with the build's prefix and suffix
            if get_threads := getattr(library.dynlib, name, None):
                return get_threads, getattr(library.dynlib, name.replace("_get_", "_set_"))
    return (lambda: 1), (lambda n: None)
