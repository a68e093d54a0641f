"""Find the lines of code and the tests that name an equation.

A line of code that computes the equation `eq:NAME` ends in the comment `# eq:NAME`. A test that checks it has the mark
`@pytest.mark.equation("NAME")`, on itself or on its class.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

SOURCE = "minigrad"  # folders with tagged lines and with marked tests
TESTS = "tests"
NAME = r"[A-Za-z0-9](?:[\w-]*[A-Za-z0-9])?"
TAG = re.compile(rf"\beq:({NAME})")


class Place(NamedTuple):
    """A line of a file; `name` is the function that contains it, or the test."""

    path: str
    line: int
    name: str


def source_tags(root: Path, folder: str) -> dict[str, list[Place]]:
    """Return a dict from equation name to the lines in `folder`'s Python files that are tagged with it."""
    found: dict[str, list[Place]] = {}
    for path, text in python_files(root, folder):
        if "eq:" not in text:
            continue
        functions = list(functions_of(ast.parse(text, path)))
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                line = token.start[0]
                for name in TAG.findall(token.string):
                    found.setdefault(name, []).append(Place(path, line, innermost(functions, line)))
    return found


def test_tags(root: Path, folder: str) -> dict[str, list[Place]]:
    """Return a dict from equation name to the tests in `folder` that are marked with it."""
    found: dict[str, list[Place]] = {}
    for path, text in python_files(root, folder):
        if "mark.equation" in text:
            for name, place in marked(ast.parse(text, path).body, path, ()):
                found.setdefault(name, []).append(place)
    return found


def python_files(root: Path, folder: str) -> Iterator[tuple[str, str]]:
    for path in sorted((root / folder).rglob("*.py")):
        yield path.relative_to(root).as_posix(), path.read_text(encoding="utf-8")


def functions_of(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, int, int]]:
    """Yield (qualified name, first line, last line) of each function and class."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            name = prefix + node.name
            yield name, node.lineno, node.end_lineno or node.lineno
            yield from functions_of(node, name + ".")
        else:
            yield from functions_of(node, prefix)


def innermost(functions: Iterable[tuple[str, int, int]], line: int) -> str:
    return next((name for name, first, last in reversed(list(functions)) if first <= line <= last), "")


def marked(body: Iterable[ast.stmt], path: str, inherited: tuple[str, ...]) -> Iterator[tuple[str, Place]]:
    """Yield (equation, test) for each test in `body`. A class's marks apply to its tests."""
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield from marked(node.body, path, inherited + marks(node))
        elif isinstance(node, ast.FunctionDef) and node.name.startswith("test"):
            for name in inherited + marks(node):
                yield name, Place(path, node.lineno, node.name)


def marks(node: ast.ClassDef | ast.FunctionDef) -> tuple[str, ...]:
    calls = (
        d for d in node.decorator_list if isinstance(d, ast.Call) and ast.unparse(d.func) == "pytest.mark.equation"
    )
    return tuple(a.value for c in calls for a in c.args if isinstance(a, ast.Constant) and isinstance(a.value, str))
