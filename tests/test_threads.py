"""The number of threads: valid values, and one thread in forked processes."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import minigrad as mg


@pytest.mark.parametrize("n", [0, -1, 2.0, "2", 10**6])
def test_a_bad_number_of_threads_raises_an_error(n):
    with pytest.raises(ValueError, match=r"from 1 to \d+; got"):
        mg.set_num_threads(n)


def test_set_num_threads_sets_the_number(threads):
    for n in threads:
        mg.set_num_threads(n)
        assert mg.get_num_threads() == n


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_computes_on_one_thread():
    """GNU OpenMP would abort a forked child that uses it after the parent has."""
    script = """
import os
import numpy as np
import minigrad as mg
from minigrad.threads import AVAILABLE

mg.set_num_threads(min(2, AVAILABLE))
big = np.ones(300_000, np.float32)
mg.relu(big)
child = os.fork()
if child == 0:
    assert mg.get_num_threads() == 1
    assert mg.relu(big).data.sum() == big.size
    os._exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), mg.relu(big).data.sum() == big.size)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["7", "True"], done.stderr
