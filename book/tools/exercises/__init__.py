"""The book's exercises, with a check that explains what is wrong with an answer.

    mg.exercises.show("bias-correction/2")             # the statement and the starting code
    mg.exercises.check("bias-correction/2", answer)    # whether the answer is right, and if not, why
    mg.exercises.progress()                            # the exercises solved so far

`minigrad_book.tools.exercises.entry` explains how to write one.
"""

from __future__ import annotations

from minigrad_book.tools.exercises.catalogue import exercise_named
from minigrad_book.tools.exercises.checking import Verdict, judge
from minigrad_book.tools.exercises.entry import Task
from minigrad_book.tools.exercises.solved import Progress, add, progress

__all__ = ["Progress", "Task", "Verdict", "check", "progress", "show"]


def show(name: str) -> Task:
    """Return the statement of the exercise `name` and its starting code. A notebook renders them."""
    return Task(exercise_named(name))


def check(name: str, answer: object) -> Verdict:
    """Check the `answer` to the exercise `name` ("chapter/number"); if it is right, record the exercise as solved.

    See `minigrad.exercises.check`.
    """
    exercise = exercise_named(name)
    verdict = judge(exercise, answer)
    return verdict if not verdict else Verdict(True, verdict.message + add(exercise))
