"""The wheel has the engine, the book's tools and exercises, and nothing that only the site needs."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest


@pytest.fixture
def wheel(repository_copy: Path, tmp_path: Path) -> zipfile.ZipFile:
    """Build the wheel with the installed setuptools, without the network."""
    pytest.importorskip("setuptools", minversion="77")
    pytest.importorskip("wheel")
    options = ["--no-deps", "--no-build-isolation", "--no-index", "-q"]
    command = [sys.executable, "-m", "pip", "wheel", *options, "-w", str(tmp_path / "made"), str(repository_copy)]
    subprocess.run(command, check=True)
    (path,) = (tmp_path / "made").glob("*.whl")
    return zipfile.ZipFile(path)


@pytest.mark.slow
def test_the_wheel_has_the_engine_and_the_tools_but_not_the_site(wheel: zipfile.ZipFile, repository_copy: Path) -> None:
    names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert {path.relative_to(repository_copy).as_posix() for path in repository_copy.glob("minigrad/**/*.py")} <= names
    assert "minigrad/py.typed" in names
    book = repository_copy / "book"
    wanted = [*book.glob("tools/**/*.py"), *book.glob("*/exercises.py"), *book.glob("*/experiments.py")]
    assert {f"minigrad_book/{path.relative_to(book).as_posix()}" for path in wanted} <= names
    stored = [*book.glob("*/results/**/*.json"), *book.glob("*/traces/*.json")]  # what pages read
    assert stored
    assert {name for name in names if name.endswith(".json")} == {
        f"minigrad_book/{path.relative_to(book).as_posix()}" for path in stored
    }
    assert {Path(name).suffix for name in names} <= {".py", ".typed", ".json"}
    assert not any(name.startswith(("minigrad_book/extensions", "minigrad_book/static")) for name in names)


@pytest.mark.slow
def test_the_installed_package_works_without_the_repository(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    site = tmp_path / "site"
    wheel.extractall(site)
    code = (
        f"import sys; sys.path.insert(0, {str(site)!r})\n"
        "import minigrad as mg, minigrad_book\n"
        "from minigrad.cli import main\n"
        f"assert minigrad_book.__file__.startswith({str(site)!r}) and mg.__file__.startswith({str(site)!r})\n"
        "right, wrong = (mg.exercises.check('bias-correction/1', x) for x in (3.0526315789, 2))\n"
        "assert right and not wrong\n"
        "assert main(['experiment', 'list']) == 0\n"
        "from minigrad_book.tools.experiments import results\n"
        "assert results('first-look').done, 'the stored runs are in the package'\n"
    )
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "first-look" in done.stdout
