"""Tables as Markdown, for a page and for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tabulate import tabulate


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The table's text. Cells are shown as they are: a number is formatted where it is known what it means."""
    return tabulate(rows, head, tablefmt="pipe", disable_numparse=True)


def show(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Any:
    """The table as a cell of a notebook displays it."""
    from IPython.display import Markdown

    return Markdown(markdown(head, rows))
