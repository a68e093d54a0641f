"""Settings for every test: one deterministic hypothesis profile, no example database; and numbers of threads to try."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from minigrad import jit

settings.register_profile(
    "minigrad",
    deadline=None,  # the first example compiles kernels
    derandomize=True,
    database=None,
    max_examples=100,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("minigrad")


@pytest.fixture
def threads() -> Iterator[list[int]]:
    """The numbers of threads that this machine can be asked for, 1 and more."""
    before, most = jit.get_num_threads(), jit.config.NUMBA_NUM_THREADS
    if most == 1:
        pytest.skip("one core")
    yield sorted({1, 2, most})
    jit.set_num_threads(before)
