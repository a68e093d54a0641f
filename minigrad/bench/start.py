"""What a fresh process pays: time to import, to the first training step, and memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile

IMPORT = """
import time; begin = time.perf_counter()
import {module}
print(time.perf_counter() - begin)
"""

FIRST_STEP = """
import time; begin = time.perf_counter()
from minigrad.bench.workloads import lenet5, set_threads
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


def _run(program: str, **environment: str) -> float:
    done = subprocess.run(
        [sys.executable, "-c", program], env=os.environ | environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"a benchmark process failed:\n{done.stderr}")
    value: float = json.loads(done.stdout)
    return value


def import_seconds(module: str) -> float:
    return _run(IMPORT.format(module=module))


def first_step_seconds(threads: int, cold: bool) -> float:
    """From the start of `import` to the end of the first step; cold: with nothing compiled on disk."""
    program = FIRST_STEP.format(threads=threads)
    if not cold:
        return _run(program)
    with tempfile.TemporaryDirectory() as folder:
        return _run(program, NUMBA_CACHE_DIR=folder)


def epoch_memory() -> float:
    """Bytes at the peak of an epoch of LeNet-5 at batch 128, beyond the data's own; Python and Numba included."""
    return _run(MEMORY)
