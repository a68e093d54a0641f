"""The door to the book's exercises, which are in the package `minigrad_book`.

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
    """The statement of the exercise `name` and the code to start from. A notebook renders it."""
    from minigrad_book.tools import exercises

    return exercises.show(name)


def check(name: str, answer: object) -> Verdict:
    """Say whether `answer` solves the exercise `name` ("chapter/number"), and if not, what is wrong with it.

    The answer is a function, a number, an array or a word, as the exercise asks. The verdict is true if it is right;
    what it prints names the mistake where it is a known one, and otherwise shows an input for which the answer fails.
    ValueError if there is no such exercise; it lists the names that come near.
    """
    from minigrad_book.tools import exercises

    return exercises.check(name, answer)


def progress() -> Progress:
    """What has been solved so far, here and in earlier sessions: a line per chapter."""
    from minigrad_book.tools import exercises

    return exercises.progress()
