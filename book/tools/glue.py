"""Numbers for the text of a page."""

from __future__ import annotations


def glue(name: str, value: object, display: bool = False) -> None:
    """Let the page's text show `value` as `name`; do nothing in a notebook, whose text has its numbers already."""
    try:
        from myst_nb import glue as keep
    except ModuleNotFoundError:
        return
    keep(name, value, display=display)
