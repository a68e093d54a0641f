"""All of the book's Sphinx extensions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

EXTENSIONS = ("equations", "execution", "explorables", "notebooks", "practice", "reference", "site", "source")


def setup(app: Sphinx) -> dict[str, Any]:
    for name in EXTENSIONS:
        app.setup_extension(f"minigrad_book.extensions.{name}")
    return {"version": "1", "parallel_read_safe": False, "parallel_write_safe": True}
