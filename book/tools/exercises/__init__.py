"""The book's exercises: the tasks, and a check that explains what is wrong with an answer.

    mg.exercises.show("bias-correction/2")             # the statement and the code to start from
    mg.exercises.check("bias-correction/2", answer)    # right, or what is wrong
    mg.exercises.progress()                            # which exercises are solved

`minigrad_book.tools.exercises.entry` explains how to write one.
"""

from __future__ import annotations

from minigrad_book.tools.exercises.catalogue import exercise_named
from minigrad_book.tools.exercises.checking import Verdict, judge
from minigrad_book.tools.exercises.entry import Task
from minigrad_book.tools.exercises.solved import Progress, add, progress

__all__ = ["Progress", "Task", "Verdict", "check", "progress", "show"]


def show(name: str) -> Task:
    """The statement of the exercise `name` and the code to start from. A notebook renders it."""
    return Task(exercise_named(name))


def check(name: str, answer: object) -> Verdict:
    """Judge `answer` to the exercise `name` ("chapter/number"); if it is right, record that the exercise is solved.

    See `minigrad.exercises.check`.
    """
    exercise = exercise_named(name)
    verdict = judge(exercise, answer)
    return verdict if not verdict else Verdict(True, verdict.message + add(exercise))
