"""The exercises on a page."""

from __future__ import annotations

import pytest

pytest.importorskip("sphinx")

from minigrad_book.extensions.practice import as_myst, named
from minigrad_book.tools.exercises.catalogue import catalogue, exercises


@pytest.mark.parametrize("exercise", exercises(), ids=lambda e: e.name)
def test_a_page_has_statement_stub_hint_and_solution(exercise) -> None:
    statement, hint, solution = as_myst(exercise).split("{dropdown}")
    assert exercise.statement in statement
    assert f":label: exercise-{exercise.name.replace('/', '-')}" in statement
    assert hint.strip().startswith("Hint")
    assert exercise.hint in hint
    assert solution.strip().startswith("Solution")
    assert exercise.explanation in solution
    if exercise.solution is not None:
        assert exercise.stub in statement
        assert exercise.code in solution
        assert exercise.code not in statement + hint


def test_a_name_selects_an_exercise_or_a_whole_chapter() -> None:
    for name, chapter in catalogue().items():
        assert named(name) == chapter.exercises
        assert named(f"{name}/1") == chapter.exercises[:1]
    with pytest.raises(ValueError, match="there is no exercise"):
        named("nothing/1")
