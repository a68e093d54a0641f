"""A fixture that builds a small book with this book's extensions."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest


class Built(NamedTuple):
    warnings: list[str]
    site: Path

    def page(self, name: str) -> str:
        return (self.site / f"{name}.html").read_text(encoding="utf-8")


@pytest.fixture
def build(tmp_path: Path) -> Callable[..., Built]:
    """`build({"index.md": …}, "equations", …)` writes and builds the files; it returns the warnings and the site."""
    pytest.importorskip("myst_parser", reason="needs the extra `book`")
    from sphinx.application import Sphinx
    from sphinx.util.docutils import docutils_namespace, patch_docutils

    def build(files: dict[str, str], *names: str, **config: Any) -> Built:
        extensions = [name if "." in name else f"minigrad_book.extensions.{name}" for name in names]
        for name, text in files.items():
            path = tmp_path / "source" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        overrides = {
            "exclude_patterns": ["tests", "minigrad"],
            "extensions": ["myst_parser", *extensions],
            "html_theme": "basic",
            "myst_enable_extensions": ["dollarmath", "html_image"],
        }
        source, site, doctrees = (str(tmp_path / folder) for folder in ("source", "site", "doctrees"))
        log = io.StringIO()
        with patch_docutils(), docutils_namespace():
            Sphinx(source, None, site, doctrees, "html", overrides | config, None, log).build()
        lines = re.sub(r"\x1b\[[0-9;]*m", "", log.getvalue()).splitlines()
        return Built([line for line in lines if line.strip()], tmp_path / "site")

    return build
