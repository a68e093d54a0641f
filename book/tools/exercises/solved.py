"""The record of solved exercises: in the user's data folder, or in memory if that isn't writable."""

from __future__ import annotations

import json
from pathlib import Path

import platformdirs

from minigrad.train import write_json
from minigrad_book.tools.exercises.catalogue import catalogue
from minigrad_book.tools.exercises.entry import Exercise

_session: set[str] = set()


class Progress:
    """The names of the solved exercises, `done`. When printed, it has one line per chapter."""

    def __init__(self, done: set[str], note: str = "") -> None:
        self.done, self.note = done, note

    def __repr__(self) -> str:
        rows = []
        for chapter in catalogue().values():
            names = [exercise.name for exercise in chapter.exercises if exercise.solution is not None]
            marks = "".join("■" if name in self.done else "□" for name in names)
            todo = [name for name in names if name not in self.done]
            row = f"{chapter.name:<24} {marks:<10} {len(names) - len(todo)} of {len(names)}"
            rows.append(row + (f", next: {todo[0]}" if todo else ", done"))
        return "\n".join([*rows, self.note] if self.note else rows)


def progress() -> Progress:
    """Return the exercises solved so far, in this and earlier sessions."""
    done, note = _read()
    return Progress(done | _session, note)


def add(exercise: Exercise) -> str:
    """Record that `exercise` is solved. Return a sentence that names the next one."""
    _session.add(exercise.name)
    done, note = _read()
    if exercise.name not in done:
        note = _write(done | _session)
    total = [e.name for e in catalogue()[exercise.chapter].exercises if e.solution is not None]
    left = [name for name in total if name not in done | _session]
    text = f" Next: {left[0]}." if left else f" All exercises of {exercise.chapter} are solved."
    return text + (f"\n({note})" if note else "")


def data_file() -> Path | None:
    """Return the path of `exercises.json` in the user's data folder; None for a user without a home directory."""
    try:
        folder = platformdirs.user_data_path("minigrad", appauthor=False)
    except RuntimeError:
        return None
    return folder / "exercises.json" if folder.is_absolute() else None  # old platformdirs: "~/.local/share/minigrad"


def _read() -> tuple[set[str], str]:
    path = data_file()
    try:
        names = json.loads(path.read_text(encoding="utf-8"))["done"] if path else []
        return {name for name in names if isinstance(name, str)}, ""
    except FileNotFoundError:
        return set(), ""
    except (OSError, ValueError, TypeError, KeyError) as error:
        return set(), f"the record of solved exercises can't be read: {path}: {error}"


def _write(done: set[str]) -> str:
    path = data_file()
    try:
        if path is None:
            raise OSError("there is no home directory")
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, {"done": sorted(done)})
    except OSError as error:
        return f"solved exercises are recorded for this session only: {error}"
    return ""
