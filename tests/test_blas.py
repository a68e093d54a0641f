"""The number of threads of matrix products."""

from __future__ import annotations

import numpy as np
import pytest

import minigrad as mg
from minigrad import blas


@pytest.fixture
def openblas():
    """Return the functions that get and set the number of OpenBLAS's threads; restore the number afterwards."""
    get_threads, set_threads = blas._thread_functions()
    before = get_threads()
    set_threads(2)
    if get_threads() != 2:
        pytest.skip("NumPy has another BLAS, or one core")
    yield get_threads, set_threads
    set_threads(before)


@pytest.fixture
def seen(openblas, monkeypatch):
    """The number of OpenBLAS's threads during a small and a large product."""
    numbers = []

    class Spy(np.ndarray):
        def __matmul__(self, other):
            numbers.append(openblas[0]())
            return np.asarray(self) @ np.asarray(other)

    monkeypatch.setattr(blas, "MIN_PARALLEL", 1000)
    blas.dot(np.ones((9, 10)).view(Spy), np.ones((10, 10)))
    blas.dot(np.ones((10, 10)).view(Spy), np.ones((10, 10)))
    return numbers


def test_small_products_run_on_one_thread_and_large_ones_on_all(threads, seen, openblas):
    assert seen == [1, mg.get_num_threads()]
    assert openblas[0]() == 2


def test_an_error_does_not_change_the_number_of_threads(openblas):
    with pytest.raises(ValueError, match="matmul"):
        blas.dot(np.ones((4, 4)), np.ones((3, 4)))
    assert openblas[0]() == 2


def test_the_openblas_is_numpys_not_scipys(openblas):
    """SciPy's wheel has its own OpenBLAS; minigrad must set NumPy's."""
    pytest.importorskip("scipy.linalg")
    from threadpoolctl import threadpool_info

    openblas[1](1)
    numpys = [library for library in threadpool_info() if "numpy" in library["filepath"].split("site-packages")[-1]]
    assert [library["num_threads"] for library in numpys] in ([1], [])
