"""The files and versions that a page's code cells depend on."""

from __future__ import annotations

import ast
import platform
import re
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from hashlib import sha256
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import TYPE_CHECKING

from IPython.core.inputtransformer2 import TransformerManager

if TYPE_CHECKING:
    from sphinx.environment import BuildEnvironment

PACKAGE = "minigrad_book"  # the folder `book/`
DOORS = {"exercises.py", "cli.py", "__main__.py"}  # of the engine; they import the book's tools only when called
DATA_FOLDERS = ("results", "traces")
NOT_DATA = {".py", ".md", ".js", ".ipynb"}


def digest(root: Path, page: Path, cells: Iterable[str]) -> str:
    """Return a hex digest of everything that the cells of `page`, a file in the folder `root`, depend on.

    This is the engine, the book's modules that the cells import, the data next to the page and to these modules, and
    the versions of Python and of all imported packages. The cells themselves aren't included.
    """
    cells = list(cells)
    files = inputs(root, page, cells)
    codes = [plain(cells), *(path.read_text(encoding="utf-8") for path in files if path.suffix == ".py")]
    sha = sha256(f"{page.relative_to(root)}\n{versions(codes)}".encode())
    for path in sorted(files):
        sha.update(f"\0{path.relative_to(root).as_posix()}\0{path.stat().st_size}\0".encode())
        sha.update(path.read_bytes())
    return sha.hexdigest()[:16]


def inputs(root: Path, page: Path, cells: Iterable[str]) -> set[Path]:
    """Return the files that the cells of `page` depend on."""
    book, code = root / "book", plain(cells)
    used = modules(book, code)
    if uses_exercises(code):
        used |= modules(book, (root / "minigrad" / "exercises.py").read_text(encoding="utf-8"))
        used |= exercises(book, code)
    folders = {page.parent, *(path.parent for path in used)}
    if any(path.is_relative_to(book / "tools" / "experiments") for path in used):
        folders |= {path.parent for path in book.glob("*/results")}
    return engine(root) | used | {file for folder in folders for file in data(folder)}


def engine(root: Path) -> set[Path]:
    return {path for path in (root / "minigrad").rglob("*.py") if path.name not in DOORS}


def depend(env: BuildEnvironment, files: Iterable[Path]) -> None:
    """Make the current page depend on `files`: it is read again when one of them changes."""
    for path in files:
        env.note_dependency(str(path))


def plain(cells: Iterable[str]) -> str:
    """Return the cells as one Python text, IPython's commands as Python, and without cells that have a syntax error."""
    codes = (TransformerManager().transform_cell(cell) for cell in cells)
    return "\n".join(code for code in codes if parsed(code).body)


def parsed(code: str) -> ast.Module:
    """Return the syntax tree; an empty one if `code` has a syntax error, which executing the page reports."""
    try:
        return ast.parse(code)
    except SyntaxError:
        return ast.Module([], [])


def modules(book: Path, code: str) -> set[Path]:
    """Return the files of the book's modules that `code` imports, directly or indirectly, also inside functions."""
    found: set[Path] = set()
    todo = list(imported(code))
    while todo:
        for path in files_of(book, todo.pop()) - found:
            found.add(path)
            package = ".".join([PACKAGE, *path.relative_to(book).parts[:-1]])
            todo += imported(path.read_text(encoding="utf-8"), package)
    return found


@cache
def imported(code: str, package: str = "") -> list[str]:
    """Return the dotted names that `code` imports; `from a import b` gives `a` and `a.b`, since b may be a module."""
    names: list[str] = []
    for node in ast.walk(parsed(code)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*parents, *([node.module] if node.module else [])])
            names += [base, *(f"{base}.{alias.name}" for alias in node.names)]
    return names


def files_of(book: Path, name: str) -> set[Path]:
    """Return the files that run when the dotted `name` is imported, if it is one of the book's modules."""
    first, *parts = name.split(".")
    if first != PACKAGE:
        return set()
    packages = [book.joinpath(*parts[:i], "__init__.py") for i in range(len(parts) + 1)]
    module = book.joinpath(*parts).with_suffix(".py") if parts else book / "__init__.py"
    return {path for path in (*packages, module) if path.is_file()}


def uses_exercises(code: str) -> bool:
    """Return whether `code` uses `mg.exercises` or the catalogue of exercises, which finds them by name."""
    names = set(imported(code))
    return any(name.startswith(("minigrad.exercises", f"{PACKAGE}.tools.exercises")) for name in names) or any(
        isinstance(node, ast.Attribute) and node.attr == "exercises" for node in ast.walk(parsed(code))
    )


def exercises(book: Path, code: str) -> set[Path]:
    """Return the files of the exercises that `code` names, as in "bias-correction/2"; without a name, all files."""
    texts = (n.value for n in ast.walk(parsed(code)) if isinstance(n, ast.Constant) and isinstance(n.value, str))
    chapters = {match[1].replace("-", "_") for text in texts if (match := re.fullmatch(r"([a-z-]+)/\d+", text))}
    found = {path for path in book.glob("*/exercises.py") if not chapters or path.parent.name in chapters}
    return found.union(*(modules(book, path.read_text(encoding="utf-8")) for path in found))


def data(folder: Path) -> Iterator[Path]:
    """Yield the data files in `folder` and in its subfolders of results and recorded traces."""
    for path in (*folder.glob("*"), *(path for name in DATA_FOLDERS for path in (folder / name).rglob("*"))):
        if path.is_file() and path.suffix not in NOT_DATA:
            yield path


def versions(codes: Iterable[str]) -> str:
    """Return the versions of Python and of the installed packages that `codes` import."""
    names = {name.partition(".")[0] for code in codes for name in imported(code)} - sys.stdlib_module_names
    distributions = {d for name in names - {"minigrad", PACKAGE} for d in _distributions().get(name, [])}
    return " ".join([platform.python_version(), *(f"{name}={version(name)}" for name in sorted(distributions))])


@cache
def _distributions() -> dict[str, list[str]]:
    return dict(packages_distributions())
