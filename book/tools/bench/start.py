"""Measure a fresh process: the time to import, the time to the first training step, and the memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from typing import Any

IMPORT = """
import time; begin = time.perf_counter()
import {module}
print(time.perf_counter() - begin)
"""

FIRST_STEP = """
import time; begin = time.perf_counter()
from minigrad_book.tools.bench.workloads import lenet5, set_threads
set_threads({threads}); lenet5(32)[0]()
print(time.perf_counter() - begin)
"""

MEMORY = """
import resource, sys
import minigrad as mg, numpy as np
rng = np.random.default_rng(0)
images = rng.random((10_000, 3, 32, 32), np.float32)
labels = rng.integers(0, 10, len(images))
model = mg.models.LeNet5(rng=0)
mg.fit(model, mg.optim.Adam(model.parameters()), (images, labels), batch_size=128, progress=False)
unit = 1 if sys.platform == "darwin" else 1024
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit - images.nbytes - labels.nbytes)
"""

PAGES = """
import json, resource, time
from minigrad_book.tools.bench.workloads import lenet5, set_threads
from minigrad.ops.memory import keep_memory
if not {kept}:
    keep_memory(128 * 1024, 128 * 1024)  # glibc's initial thresholds
set_threads(1)
step, _ = lenet5(128)
for _ in range(5):
    step()
faults, begin = resource.getrusage(resource.RUSAGE_SELF).ru_minflt, time.perf_counter()
for _ in range(20):
    step()
seconds = (time.perf_counter() - begin) / 20
print(json.dumps([(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - faults) / 20, seconds]))
"""


def _run(script: str, **environment: str) -> Any:
    done = subprocess.run(
        [sys.executable, "-c", script], env=os.environ | environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"a benchmark process failed:\n{done.stderr}")
    return json.loads(done.stdout)


def import_seconds(module: str) -> float:
    return float(_run(IMPORT.format(module=module)))


def first_step_seconds(threads: int, cold: bool) -> float:
    """Time from the start of `import` to the end of the first step; if `cold`, with no compiled code on disk."""
    script = FIRST_STEP.format(threads=threads)
    if not cold:
        return float(_run(script))
    with tempfile.TemporaryDirectory() as folder:
        return float(_run(script, NUMBA_CACHE_DIR=folder))


def epoch_memory() -> float:
    """Peak memory of an epoch of LeNet-5 at batch size 128, in bytes, without the data, with Python and Numba."""
    return float(_run(MEMORY))


def pages(kept: bool) -> tuple[float, float]:
    """Page faults and seconds per step at batch size 128, with freed memory kept or returned to the system."""
    faults, seconds = _run(PAGES.format(kept=kept))
    return faults, seconds
