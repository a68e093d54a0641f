"""Every exercise: its solution passes; its stub and its mistakes fail, each with its own message."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg
from minigrad_book.tools.exercises import solved
from minigrad_book.tools.exercises.catalogue import catalogue, exercises
from minigrad_book.tools.exercises.checking import judge
from minigrad_book.tools.exercises.entry import Chapter

RUNNABLE = [exercise for exercise in exercises() if exercise.solution is not None]
MISTAKES = [(exercise, message) for exercise in RUNNABLE for message in exercise.mistakes]


@pytest.fixture(autouse=True)
def own_data_file(tmp_path, monkeypatch):
    """Keep the tests away from the user's own file."""
    monkeypatch.setattr(solved, "_session", set())
    monkeypatch.setattr(solved, "data_file", lambda: tmp_path / "minigrad" / "exercises.json")


def run(code: str, answer: str) -> object:
    """Run `code` and return the value of `answer`."""
    scope: dict[str, object] = {"__name__": "notebook"}
    exec(compile(code, "<notebook>", "exec"), scope)
    return scope[answer]


def solve(exercise):
    return run(exercise.code, exercise.answer)


@pytest.mark.parametrize("exercise", RUNNABLE, ids=lambda e: e.name)
def test_the_solution_on_the_page_is_right(exercise):
    verdict = mg.exercises.check(exercise.name, solve(exercise))
    assert verdict, verdict
    assert exercise.name in mg.exercises.progress().done


@pytest.mark.parametrize("exercise", RUNNABLE, ids=lambda e: e.name)
def test_the_stub_runs_and_is_recognised(exercise):
    verdict = mg.exercises.check(exercise.name, run(exercise.stub, exercise.answer))
    assert not verdict
    assert "stub" in verdict.message


@pytest.mark.parametrize(("exercise", "message"), MISTAKES, ids=lambda value: getattr(value, "name", ""))
def test_a_mistake_gets_its_message(exercise, message):
    wrong = exercise.mistaken(exercise.mistakes[message])
    verdict = mg.exercises.check(exercise.name, wrong if exercise.asks_for_function else wrong())
    assert not verdict
    assert message in verdict.message
    assert len(message) > 20


@pytest.mark.parametrize("exercise", exercises(), ids=lambda e: e.name)
def test_every_exercise_has_its_texts(exercise):
    assert exercise.title
    assert exercise.statement
    assert exercise.hint
    assert exercise.explanation or exercise.solution
    assert exercise.solution is None or exercise.mistakes
    assert exercise.name in repr(mg.exercises.show(exercise.name))


def test_every_chapter_is_found_by_its_file_name():
    assert catalogue()
    for name, chapter in catalogue().items():
        assert chapter.exercises, name
        assert [exercise.number for exercise in chapter.exercises] == [*range(1, len(chapter.exercises) + 1)]


# How answers are checked, with exercises made for these tests

made = Chapter("made.for_tests.exercises")


@made.exercise(
    "A function",
    statement="Halve.",
    hint="Divide.",
    cases=[([2.0, 4.0],), ([6.0, 1.0],)],
    mistakes={"You have doubled it instead of halving it.": {"/ 2": "* 2"}},
)
def halve(x):
    """Half of x."""
    return np.asarray(x) / 2


@made.exercise(
    "A number", statement="200/3?", hint="Divide 200.", mistakes={"That is 100/3, half of it.": {"200": "100"}}
)
def number():
    return 200 / 3


@made.exercise(
    "A word", statement="Larger?", hint="Look.", mistakes={"It is the other way round.": {"larger": "smaller"}}
)
def word():
    return "larger"


@made.exercise("Two values", statement="Split.", hint="divmod", cases=[(7, 2)], mistakes={})
def split(a, b):
    return a // b, a % b


FUNCTION, NUMBER, WORD, TWO = made.exercises


@pytest.mark.parametrize(
    ("exercise", "answer", "explanation"),
    [
        (FUNCTION, lambda x: np.asarray(x) * 2, "You have doubled it"),
        (
            FUNCTION,
            lambda x: np.asarray(x) / 3,
            "halve([2, 4]) returned [0.6667, 1.3333], but the right result is [1., 2.]",
        ),
        (FUNCTION, lambda x: -np.asarray(x) / 2, "The sign is wrong"),
        (FUNCTION, lambda x: np.asarray(x) * 5, "a factor of 10"),
        (FUNCTION, lambda x: np.asarray(x) * np.nan, "isn't finite"),
        (FUNCTION, lambda x: np.asarray(x)[:1] / 2, "The shape is (1,), but must be (2,)"),
        (FUNCTION, lambda x: 1 / 0, "raised ZeroDivisionError"),
        (FUNCTION, lambda x: None, "`return` missing"),
        (FUNCTION, lambda: 1, "must take (x), but it takes ()"),
        (FUNCTION, 3.0, "the answer must be a function halve(x), got 3. Pass the function itself, don't call it"),
        (FUNCTION, lambda x: "text", "returned 'text'"),
        (FUNCTION, lambda x: x[1 if x[0] == 2 else 0], "but the right result is"),
        (NUMBER, 100 / 3, "half of it"),
        (NUMBER, 66, "66 is wrong. Close: the relative error is 0.01. Keep more digits."),
        (NUMBER, 50, "too small"),
        (NUMBER, -200 / 3, "sign"),
        (NUMBER, 2000 / 3, "a factor of 10"),
        (NUMBER, float("nan"), "isn't finite"),
        (NUMBER, 50, "Hint: Divide 200."),
        (NUMBER, ..., "stub"),
        (NUMBER, None, "must be a number"),
        (NUMBER, "66.7", "must be a number, got '66.7'"),
        (NUMBER, [66.7, 1], "must be a number, got shape (2,)"),
        (NUMBER, lambda: 66.7, "call it first"),
        (WORD, "smaller", "other way round"),
        (WORD, "larg", "one of 'larger', 'smaller'"),
        (WORD, 3, "one of 'larger', 'smaller'"),
        (TWO, lambda a, b: 3, "must return 2 values, but it returned 3"),
        (TWO, lambda a, b: (3, 2), "returned (3, 2), but the right result is (3, 1)"),
    ],
)
def test_the_verdict_on_a_wrong_answer_explains_what_is_wrong(exercise, answer, explanation):
    verdict = judge(exercise, answer)
    assert not verdict
    assert explanation in verdict.message
    assert repr(verdict).startswith("✗ for-tests/")


@pytest.mark.parametrize(
    ("exercise", "answer"),
    [
        (FUNCTION, lambda x: [0.5 * value for value in x]),
        (FUNCTION, lambda x: mg.Tensor(np.asarray(x)) / 2),
        (NUMBER, 66.67),
        (NUMBER, np.float32(66.6667)),
        (NUMBER, mg.Tensor(66.6667)),
        (WORD, " Larger "),
        (TWO, lambda a, b: [3, 1]),
        (TWO, divmod),
    ],
)
def test_a_right_answer_may_have_several_types(exercise, answer):
    assert judge(exercise, answer)


def test_an_answer_may_change_its_arguments():
    def halve(x):
        x[:] = [value / 2 for value in x]
        return x

    assert judge(FUNCTION, halve)
    assert judge(FUNCTION, halve)


def test_an_edit_must_occur_once_in_the_solution():
    with pytest.raises(ValueError, match="must occur once in the solution, but occurs 0 times"):
        FUNCTION.mistaken({"/ 3": "* 2"})


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("bias-corection/2", "did you mean .*bias-correction/2"),
        ("bias-correction/99", "that chapter has bias-correction/1 to"),
        ("?", "the chapters are .*bias-correction"),
    ],
)
def test_an_unknown_name_is_an_error_with_similar_names(name, message):
    with pytest.raises(ValueError, match=message):
        mg.exercises.check(name, 1)


def test_a_name_must_be_text():
    with pytest.raises(TypeError, match="an exercise name must be text such as"):
        mg.exercises.show(2)


# The record of solved exercises


def test_progress_is_saved(tmp_path):
    first = RUNNABLE[0]
    assert not mg.exercises.progress().done
    assert mg.exercises.check(first.name, solve(first))
    solved._session.clear()  # a new session
    assert mg.exercises.progress().done == {first.name}
    assert "■" in repr(mg.exercises.progress())


def test_a_wrong_answer_is_not_recorded_as_solved():
    assert not mg.exercises.check(NUMBER_NAME, "?")
    assert not mg.exercises.progress().done


NUMBER_NAME = next(exercise.name for exercise in RUNNABLE if not exercise.asks_for_function)


def test_progress_without_a_home_directory_lasts_for_the_session(monkeypatch):
    monkeypatch.setattr(solved, "data_file", lambda: None)
    verdict = mg.exercises.check(RUNNABLE[0].name, solve(RUNNABLE[0]))
    assert verdict
    assert "this session only" in verdict.message
    assert mg.exercises.progress().done == {RUNNABLE[0].name}


@pytest.mark.skipif(sys.platform != "linux", reason="other systems find the folder without a home directory")
def test_there_is_no_data_file_without_a_home_directory(monkeypatch):
    def no_entry(user):
        raise KeyError(user)

    monkeypatch.undo()
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setenv("HOME", "/somewhere")
    assert solved.data_file() == Path("/somewhere/.local/share/minigrad/exercises.json")
    monkeypatch.delenv("HOME")
    monkeypatch.setattr("pwd.getpwuid", no_entry)
    assert solved.data_file() is None


def test_progress_in_an_unwritable_folder_lasts_for_the_session(tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    monkeypatch.setattr(solved, "data_file", lambda: blocked / "minigrad" / "exercises.json")
    assert "this session only" in mg.exercises.check(RUNNABLE[0].name, solve(RUNNABLE[0])).message


@pytest.mark.parametrize("text", ["{", "[]", '{"done": 3}', "null", "\xff"])
def test_a_broken_file_is_reported_and_replaced(text):
    path = solved.data_file()
    path.parent.mkdir(parents=True)
    path.write_text(text)
    assert "can't be read" in repr(mg.exercises.progress())
    assert mg.exercises.check(RUNNABLE[0].name, solve(RUNNABLE[0]))
    assert RUNNABLE[0].name in path.read_text()


def test_the_data_file_is_in_the_users_data_folder(tmp_path):
    code = "from minigrad_book.tools.exercises.solved import data_file; print(data_file())"
    environment = {**os.environ, "XDG_DATA_HOME": str(tmp_path)}
    found = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    if sys.platform == "linux":
        assert found.stdout.strip() == str(tmp_path / "minigrad" / "exercises.json")
