"""Markdown tables, for pages and terminals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tabulate import tabulate


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return the table as text. Cells are shown as given, so format numbers before."""
    return tabulate(rows, head, tablefmt="pipe", disable_numparse=True)


def show(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Any:
    """Return the table as an object that a notebook displays."""
    from IPython.display import Markdown

    return Markdown(markdown(head, rows))
