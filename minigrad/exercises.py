"""The door to the book's exercises, which are in the package `minigrad_book`.

Three calls are all that is needed:

    mg.exercises.show("bias-correction/2")             # the statement and the code to start from
    mg.exercises.check("bias-correction/2", answer)    # right, or what is wrong
    mg.exercises.progress()                            # what is done
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from minigrad_book.tools.exercises import Progress, Task, Verdict

__all__ = ["check", "progress", "show"]


def show(name: str) -> Task:
    """Return the statement of an exercise and the code to start from; a notebook renders it.

    Parameters
    ----------
    name
        "chapter/number", as "bias-correction/2".

    Raises
    ------
    ValueError
        If there is no such exercise; the message lists similar names. (TypeError if `name` isn't text.)
    """
    from minigrad_book.tools import exercises

    return exercises.show(name)


def check(name: str, answer: object) -> Verdict:
    """Check whether `answer` solves an exercise, and if not, find what is wrong with it.

    Parameters
    ----------
    name
        "chapter/number", as "bias-correction/2".
    answer
        A function, a number, an array or a word, as the exercise asks.

    Returns
    -------
    Verdict
        True if the answer is right. Its text names the mistake if it is a known one; otherwise it shows an input for
        which the answer fails.

    Raises
    ------
    ValueError
        If there is no such exercise; the message lists similar names. (TypeError if `name` isn't text.)
    """
    from minigrad_book.tools import exercises

    return exercises.check(name, answer)


def progress() -> Progress:
    """Return what is solved so far, here and in earlier sessions: a line for each chapter."""
    from minigrad_book.tools import exercises

    return exercises.progress()
