"""The site's JavaScript modules parse and are small."""

from __future__ import annotations

import gzip
import re
import subprocess
from pathlib import Path

import pytest

BOOK = Path(__file__).parents[2] / "book"
NAMES = sorted(path.name for folder in ("*", "static/explorables") for path in BOOK.glob(f"{folder}/*.js"))


@pytest.mark.parametrize("name", [name for name in NAMES if name != "scrollable.js"])
def test_module_parses_and_stays_small(name: str, node: str, modules: Path) -> None:
    path = modules / name
    done = subprocess.run([node, "--check", "--input-type=module"], input=path.read_bytes(), capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    assert total(path) <= 10_000, "more than 10 KB gzipped, including imports"


def total(path: Path) -> int:
    """Return the gzipped size of a module and its imports, in bytes."""
    seen, todo = set(), [path]
    while todo:
        module = todo.pop()
        if module not in seen:
            seen.add(module)
            names = re.findall(r'from "\./([^"]+)"', module.read_text(encoding="utf-8"))
            todo += [module.parent / name for name in names]
    return sum(len(gzip.compress(module.read_bytes())) for module in seen)
