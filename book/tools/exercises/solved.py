"""What is done, kept in the user's data folder; in memory where there is none that can be written."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from minigrad_book.tools.exercises.catalogue import catalogue
from minigrad_book.tools.exercises.entry import Exercise

from minigrad.train import write_json

_session: set[str] = set()


class Progress:
    """The names of the exercises that are done; prints a line per chapter."""

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
    """What has been solved so far, here and in earlier sessions."""
    done, note = _read()
    return Progress(done | _session, note)


def add(exercise: Exercise) -> str:
    """Note that `exercise` is done; returns what to say about it."""
    _session.add(exercise.name)
    done, note = _read()
    if exercise.name not in done:
        note = _write(done | _session)
    total = [e.name for e in catalogue()[exercise.chapter].exercises if e.solution is not None]
    left = [name for name in total if name not in done | _session]
    text = f" Next: {left[0]}." if left else f" All of {exercise.chapter} is done."
    return text + (f"\n({note})" if note else "")


def data_file() -> Path | None:
    """Where progress is kept: a file in the user's data folder, or None if the user has no home."""
    try:
        if sys.platform == "win32":
            base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
        elif sys.platform == "darwin":
            base = Path.home() / "Library" / "Application Support"
        else:
            base = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    except RuntimeError:
        return None
    return base / "minigrad" / "exercises.json"


def _read() -> tuple[set[str], str]:
    path = data_file()
    try:
        names = json.loads(path.read_text(encoding="utf-8"))["done"] if path else []
        return {name for name in names if isinstance(name, str)}, ""
    except FileNotFoundError:
        return set(), ""
    except (OSError, ValueError, TypeError, KeyError) as error:
        return set(), f"the record of what is done can't be read: {path}: {error}"


def _write(done: set[str]) -> str:
    path = data_file()
    try:
        if path is None:
            raise OSError("there is no home directory")
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, {"done": sorted(done)})
    except OSError as error:
        return f"what is done is kept for this session only: {error}"
    return ""
