"""Serve MathJax from the site itself: copy what the pages load from the package `sphinx-mathjax-offline`.

Loaded are one script (TeX in, HTML out), its fonts and, when a formula asks for one, a TeX extension.
"""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path
from shutil import copytree
from typing import TYPE_CHECKING, Any

from sphinx.errors import ExtensionError

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.config import Config

SCRIPT = "tex-chtml.js"
PARTS = (SCRIPT, "output/chtml/fonts/woff-v2", "input/tex/extensions")


def use_local(app: Sphinx, config: Config) -> None:
    config.mathjax_path = f"mathjax/{SCRIPT}"


def copy_mathjax(app: Sphinx, exception: Exception | None) -> None:
    if exception is not None or app.builder.format != "html":
        return
    try:
        package = files("sphinx-mathjax-offline")
    except ModuleNotFoundError as error:
        raise ExtensionError('MathJax is missing: pip install "minigrad-book[book]"') from error
    with as_file(package / "static" / "mathjax") as source:
        for part in PARTS:
            target = Path(app.outdir, "_static", "mathjax", part)
            if (source / part).is_dir():
                copytree(source / part, target, dirs_exist_ok=True)
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes((source / part).read_bytes())


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("config-inited", use_local)
    app.connect("build-finished", copy_mathjax)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
