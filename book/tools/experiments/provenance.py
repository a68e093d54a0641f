"""Where a run's numbers come from, besides its configuration: the code, the versions and the machine."""

from __future__ import annotations

import ast
import hashlib
import importlib.metadata
import os
import platform
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import minigrad

DOORS = ("__main__.py", "cli.py", "exercises.py")  # of the engine's package; no run goes through them
OWN = ("config.py", "images.py", "provenance.py", "single.py", "store.py")  # what does a run and stores it
LIBRARIES = ("numpy", "numba", "llvmlite")


@cache
def code_sha256() -> str:
    """The digest of the code that a run executes: the engine, and the modules that do a run and store it."""
    return digest(Path(minigrad.__file__).parent, Path(__file__).parent)


def digest(engine: Path, experiments: Path) -> str:
    """SHA-256 of the two packages' files, as far as a run executes them: of what they do, not of how it is written.

    Comments, docstrings and layout don't change it, nor does the version of Python that reads the files.
    """
    files = {path.relative_to(engine).as_posix(): path for path in engine.rglob("*.py")}
    files = {name: path for name, path in files.items() if name not in DOORS}
    files |= {f"experiments/{name}": experiments / name for name in OWN}
    sha256 = hashlib.sha256()
    for name, path in sorted(files.items()):
        sha256.update(f"{name}\n{_structure(ast.parse(path.read_text(encoding='utf-8')))}\n".encode())
    return sha256.hexdigest()


def _structure(part: Any) -> Any:
    """A syntax tree as nested tuples, without docstrings and without empty fields, which newer Pythons add."""
    if isinstance(part, list):
        return tuple(_structure(item) for item in part if not _is_text(item))
    if isinstance(part, ast.AST):
        fields = ((name, value) for name, value in ast.iter_fields(part) if value not in (None, []))
        return (type(part).__name__, *((name, _structure(value)) for name, value in fields))
    return part


def _is_text(statement: Any) -> bool:
    value = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


@cache
def versions() -> dict[str, str]:
    """Versions of minigrad, Python and the libraries that compute."""
    try:
        version = importlib.metadata.version("minigrad-book")
    except importlib.metadata.PackageNotFoundError:  # used from a checkout
        version = "not installed"
    libraries = {name: importlib.metadata.version(name) for name in LIBRARIES}
    return {"minigrad": version, "python": platform.python_version(), **libraries}


@cache
def machine() -> dict[str, Any]:
    """The kind of machine, without anything that identifies it."""
    from llvmlite import binding

    return {
        "system": platform.system(),
        "architecture": platform.machine(),
        "cpu": binding.get_host_cpu_name(),
        "cores": os.cpu_count(),
    }


def elsewhere(run: Mapping[str, Any]) -> list[str]:
    """What can make a stored run's rounding differ from today's here, such as "cpu rocketlake, here znver3"."""
    parts = (
        (run["machine"], machine(), ("system", "architecture", "cpu")),
        (run["versions"], versions(), ("python", *LIBRARIES)),
    )
    return [
        f"{name} {stored[name]}, here {here[name]}"
        for stored, here, names in parts
        for name in names
        if name in stored and stored[name] != here[name]
    ]
