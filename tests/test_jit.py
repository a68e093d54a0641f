"""Compiled kernels: their flags, their cache (tested in new processes) and the memory of their arrays."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg
from minigrad import jit
from minigrad.ops import memory

PACKAGE = Path(mg.__file__).parent

SCRIPT = """
import numpy as np
import minigrad as mg
x = mg.Tensor(np.arange(-3, 3, dtype=np.float32), requires_grad=True)
y = mg.relu(x).sum()
y.backward()
print(y.item(), x.grad.tolist())
"""
ANSWER = "3.0 [0.0, 0.0, 0.0, 0.0, 1.0, 1.0]"


def environment(root: Path, **changes: str | None) -> dict[str, str]:
    """Return this process's environment without Numba's settings, with `root` as PYTHONPATH."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
    changed = {"PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1", **changes}
    return {name: value for name, value in (kept | changed).items() if value is not None}


def start(script: str, env: dict[str, str], folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "error::UserWarning", "-c", script]
    return subprocess.Popen(command, env=env, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def run(script: str, env: dict[str, str], folder: Path) -> str:
    process = start(script, env, folder)
    out, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    return out.strip()


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return a folder with a copy of the package, without compiled code."""
    shutil.copytree(PACKAGE, tmp_path / "site" / "minigrad", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "site"


def compiled(folder: Path) -> set[Path]:
    return set(folder.rglob("*.nbc"))


@pytest.mark.slow
def test_compiled_code_is_cached_next_to_the_source(copy, tmp_path):
    env = environment(copy)
    assert run(SCRIPT, env, tmp_path) == ANSWER
    first = compiled(copy)
    stamps = {path: path.stat().st_mtime_ns for path in first}
    assert len(first) == 2  # relu and its gradient
    assert run(SCRIPT, env, tmp_path) == ANSWER
    assert {path: path.stat().st_mtime_ns for path in compiled(copy)} == stamps


@pytest.mark.slow
def test_four_processes_may_compile_at_the_same_time(copy, tmp_path):
    processes = [start(SCRIPT, environment(copy), tmp_path) for _ in range(4)]
    for process in processes:
        out, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
        assert out.strip() == ANSWER


@pytest.mark.slow
def test_a_changed_kernel_is_recompiled(copy, tmp_path):
    env = environment(copy)
    assert run(SCRIPT, env, tmp_path) == ANSWER
    source = copy / "minigrad" / "ops" / "relu.py"
    text = source.read_text()
    assert "grad[i] if out[i] > zero" in text
    source.write_text(text.replace("grad[i] if out[i] > zero", "2 * grad[i] if out[i] > zero"))
    assert run(SCRIPT, env, tmp_path) == "3.0 [0.0, 0.0, 0.0, 0.0, 2.0, 2.0]"


@pytest.fixture
def read_only(copy: Path) -> Path:
    """Return the copy with a file in place of each cache folder, so that not even root can store compiled code."""
    for folder in [copy / "minigrad", *(path for path in (copy / "minigrad").rglob("*") if path.is_dir())]:
        (folder / "__pycache__").touch()
    return copy


@pytest.mark.slow
def test_a_read_only_install_uses_the_users_cache(read_only, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    assert run(SCRIPT, environment(read_only, HOME=str(home), XDG_CACHE_HOME=None), tmp_path) == ANSWER
    assert not compiled(read_only)
    assert sys.platform != "linux" or compiled(home)


@pytest.mark.slow
def test_kernels_run_without_any_writable_cache(read_only, tmp_path):
    nowhere = str(tmp_path / "site" / "minigrad" / "jit.py")  # a file, so no folder can be made in it
    env = environment(read_only, HOME=nowhere, XDG_CACHE_HOME=nowhere, LOCALAPPDATA=nowhere)
    assert run(SCRIPT, env, tmp_path) == ANSWER
    assert not compiled(tmp_path)


def test_kernels_run_without_compilation(tmp_path):
    """Python runs the kernels' source, so that readers can step through it, and the results are the same."""
    script = f"""{SCRIPT}
x = mg.Tensor(np.arange(16, dtype=np.float64).reshape(1, 1, 4, 4), requires_grad=True)
w = mg.Tensor(np.ones((1, 1, 2, 2)), requires_grad=True)
y = mg.avg_pool2d(mg.conv2d(x, w, padding=1, stride=2), 2).sum(); y.backward()
print(y.item(), w.grad.ravel().tolist(), x.grad.sum())
"""
    results = [
        run(script, environment(PACKAGE.parent, NUMBA_DISABLE_JIT=disabled), tmp_path).splitlines()
        for disabled in ("0", "1")
    ]
    assert results[0] == results[1]
    assert results[0][0] == ANSWER
    assert len(results[0]) == 2


def test_kernels_keep_nan_and_division_raises_no_error():
    """The flags `nnan` and `ninf`, which make NaN and infinity undefined, are off; division raises no error."""

    @jit.kernel
    def ratio(x, out):
        for i in range(x.size):
            out[i] = x[i] / x[i] if x[i] == x[i] else x[i]

    x, out = np.array([0.0, np.nan, np.inf, 2.0]), np.empty(4)
    ratio(x, out)
    np.testing.assert_array_equal(out, [np.nan, np.nan, np.nan, 1])


@pytest.mark.parametrize("shape", [(), (0, 3), (5,), (2000,), (6, 7, 5, 11)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint8])
def test_arrays_are_aligned(shape, dtype):
    array = memory.empty(shape, dtype)
    assert array.shape == shape
    assert array.dtype == dtype
    assert array.ctypes.data % memory.CACHE_LINE == 0 or array.size == 0
    assert array.flags.c_contiguous
    assert array.flags.writeable


@pytest.mark.parametrize("axes", [(0, 1, 2), (2, 0, 1), (1, 2, 0), (2, 1, 0)])
@pytest.mark.parametrize("scale", [1, 20])
def test_like_keeps_the_order_of_the_axes(axes, scale):
    array = np.arange(60.0 * scale).reshape(3, 4, 5 * scale).transpose(axes)
    same = memory.like(array)
    assert (same.shape, same.strides) == (array.shape, array.strides)
    same[...] = array
    np.testing.assert_array_equal(memory.flat(array, array), memory.flat(np.ascontiguousarray(array), same))
