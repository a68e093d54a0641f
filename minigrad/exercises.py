"""The book's exercises; their code is in the package `minigrad_book`.

There are three functions:

    mg.exercises.show("bias-correction/2")             # the statement and the starting code
    mg.exercises.check("bias-correction/2", answer)    # whether the answer is right, and if not, why
    mg.exercises.progress()                            # the exercises solved so far
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from minigrad_book.tools.exercises import Progress, Task, Verdict

__all__ = ["check", "progress", "show"]


def show(name: str) -> Task:
    """Return the statement of an exercise and its starting code; a notebook renders them.

    Parameters
    ----------
    name
        "chapter/number", such as "bias-correction/2".

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
        "chapter/number", such as "bias-correction/2".
    answer
        A function, a number, an array or a word, depending on the exercise.

    Returns
    -------
    Verdict
        True if the answer is right. Otherwise its text names the mistake, if it is a known one, or shows an input for
        which the answer is wrong.

    Raises
    ------
    ValueError
        If there is no such exercise; the message lists similar names. (TypeError if `name` isn't text.)
    """
    from minigrad_book.tools import exercises

    return exercises.check(name, answer)


def progress() -> Progress:
    """Return the exercises solved so far, in this and earlier sessions: one line per chapter."""
    from minigrad_book.tools import exercises

    return exercises.progress()
