"""The book's exercises: what to do, and a check that says what is wrong.

    mg.exercises.show("bias-correction/2")             # the statement and the code to start from
    mg.exercises.check("bias-correction/2", answer)    # right, or what is wrong
    mg.exercises.progress()                            # what is done

How to write one is said in `minigrad_book.tools.exercises.entry`.
"""

from __future__ import annotations

from minigrad_book.tools.exercises.catalogue import find
from minigrad_book.tools.exercises.checking import Verdict, judge
from minigrad_book.tools.exercises.entry import Task
from minigrad_book.tools.exercises.solved import Progress, add, progress

__all__ = ["Progress", "Task", "Verdict", "check", "progress", "show"]


def show(name: str) -> Task:
    """The statement of the exercise `name` and the code to start from. A notebook renders it."""
    return Task(find(name))


def check(name: str, answer: object) -> Verdict:
    """Say whether `answer` solves the exercise `name` ("chapter/number"), and if not, what is wrong with it.

    The answer is a function, a number, an array or a word, as the exercise asks. The verdict is true if it is right;
    what it prints names the mistake where it is a known one, and otherwise shows an input for which the answer fails.
    ValueError if there is no such exercise; it lists the names that come near.
    """
    exercise = find(name)
    verdict = judge(exercise, answer)
    return verdict if not verdict else Verdict(True, verdict.message + add(exercise))
