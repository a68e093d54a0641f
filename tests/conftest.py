"""Settings and fixtures for all tests: numbers of threads, Node for the site's modules, a copy of the repository."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

import minigrad as mg
from minigrad.threads import AVAILABLE

ROOT = Path(__file__).parents[1]

settings.register_profile(
    "minigrad",  # deterministic, without a database of examples
    deadline=None,  # the first example compiles kernels
    derandomize=True,
    database=None,
    max_examples=100,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("minigrad")


@pytest.fixture
def threads() -> Iterator[list[int]]:
    """Numbers of threads to test, up to the number of cores: 1, 2 and all."""
    if AVAILABLE == 1:
        pytest.skip("one core")
    before = mg.get_num_threads()
    yield sorted({1, 2, AVAILABLE})
    mg.set_num_threads(before)


@pytest.fixture(scope="session")
def node() -> str:
    """Return the path of Node, which runs the site's modules: the system's or the one in playwright."""
    found = shutil.which("node")
    if not found:
        playwright = pytest.importorskip("playwright", reason="needs Node: neither `node` nor playwright is installed")
        found = str(Path(playwright.__file__).parent / "driver" / "node")
    return found


@pytest.fixture(scope="session")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with all modules next to each other, as on the site."""
    folder = tmp_path_factory.mktemp("modules")
    book = Path(__file__).parents[1] / "book"
    for module in (*book.glob("*/*.js"), *book.glob("static/explorables/*.js")):
        shutil.copy(module, folder)
    return folder


@pytest.fixture(scope="session")
def javascript(node: str, modules: Path) -> Callable[[str, list[Any]], list[Any]]:
    """`javascript(module, calls)` returns the results of `calls`, pairs of a function's name and its arguments."""

    def javascript(module: str, calls: list[Any]) -> list[Any]:
        task = json.dumps({"module": (modules / module).as_uri(), "calls": _special(calls, str)})
        script = Path(__file__).with_name("run.mjs")
        done = subprocess.run([node, str(script)], input=task, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return _special(json.loads(done.stdout), float)  # type: ignore[no-any-return]

    return javascript


TEXTS = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}  # as text, because JSON has no such numbers


def _special(value: Any, kind: type) -> Any:
    """Return `value` with each NaN or infinity as text (kind=str), or each such text as a number (kind=float)."""
    if isinstance(value, dict):
        return {key: _special(item, kind) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_special(item, kind) for item in value]
    if kind is str and isinstance(value, float):
        return TEXTS.get(str(value), value)
    return float(value) if kind is float and value in TEXTS.values() else value


@pytest.fixture
def repository_copy(tmp_path: Path) -> Path:
    """Return a copy of the repository's files with Numba's cache, and with the modification times that it compares."""
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("needs git and the repository, for the list of its files")
    folder = tmp_path / "copy"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    files = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    compiled = ROOT.glob("minigrad/**/__pycache__/*.nb?")
    for path in (*filter(Path.is_file, files), *compiled):
        target = folder / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target)
    return folder


@pytest.fixture
def run_in_copy(repository_copy: Path) -> Callable[[str], tuple[int, str]]:
    """`run_in_copy(command)` runs a command in the copy, with its code, and returns the exit status and the output."""
    return lambda command: _run(command, repository_copy)


def _run(command: str, folder: Path) -> tuple[int, str]:
    names = folder.parent / "names"  # links to the copy's two packages, with their import names
    names.mkdir(exist_ok=True)
    for name, source in (("minigrad", "minigrad"), ("minigrad_book", "book")):
        if not (names / name).exists():
            (names / name).symlink_to(folder / source, target_is_directory=True)
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "MINIGRAD_SITE"))
    }
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environment["PATH"]])
    environment["PYTHONPATH"] = str(names)
    done = subprocess.run(
        command, shell=True, cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    return done.returncode, re.sub(r"\x1b\[[0-9;]*m", "", done.stdout)
