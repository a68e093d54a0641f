"""Finished runs, each a JSON file ``OUT/EXPERIMENT/ARM-seedN.json``."""

from __future__ import annotations

import json
import os
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from minigrad.arguments import integer, number
from minigrad.train import write_json
from minigrad_book.tools.experiments.chapters import BOOK, named
from minigrad_book.tools.experiments.config import Config, Experiment
from minigrad_book.tools.experiments.images import describe_data
from minigrad_book.tools.experiments.single import PERCENTILES, TAIL, run_once

FORMAT = 3
_FORMAT_1 = frozenset(
    {"format", "experiment", "arm", "seed", "config", "history", "effective_rates", "best_epoch", "test_accuracy"}
    | {"diverged", "data", "versions", "machine", "threads", "seconds"}
)
_FORMAT_2 = _FORMAT_1 | {"code_sha256"}  # format 1 has a digest of the whole package among its versions
KEYS = {1: _FORMAT_1, 2: _FORMAT_2, 3: _FORMAT_2}
LATER = {"augment": False, "factor": 0.1, "average": 0.0}  # settings that runs of formats 1 and 2 had, but don't name
COLUMNS = ("loss", "accuracy", "val_loss", "val_accuracy", "lr", "seconds")
STEP_COLUMNS = ("step_loss", "step_lr")
KEPT = "nothing was overwritten. Choose another --out, or move that file away"

StoredRun = dict[str, Any]


class UnreadableError(ValueError):
    """A file that isn't JSON: empty, cut off or damaged, so that nothing is lost if the run is done again."""


def default_out(experiment: Experiment) -> Path:
    """The chapter's `results/` in a checkout of the book; elsewhere, and for quick versions, ``results`` here."""
    in_checkout = (BOOK / "intro.md").is_file()  # an installed package has no pages
    return BOOK / experiment.chapter / "results" if experiment.chapter and in_checkout else Path("results")


def path_of(out: Path, experiment: Experiment, arm: str, seed: int) -> Path:
    return out / experiment.name / f"{arm}-seed{seed}.json"


def save(out: Path, experiment: Experiment, arm: str, seed: int, outcome: dict[str, Any]) -> Path:
    """Write one finished run; after a kill the file is whole or not there."""
    identity = {"format": FORMAT, "experiment": experiment.name, "arm": arm, "seed": seed}
    path = path_of(out, experiment, arm, seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, {**identity, "config": experiment.arms[arm].to_dict(), **outcome})
    return path


def load(path: str | os.PathLike[str]) -> StoredRun:
    """Read one finished run.

    Raises
    ------
    UnreadableError
        The file isn't JSON.
    ValueError
        It holds something else than a whole run.
    """
    try:
        record = json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:
        raise UnreadableError(f"{path} is not readable as JSON: {error}") from error
    try:
        _check(record)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path} is not a result of an experiment (format 1, 2 or 3): {error}") from error
    return record


def rerun(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Do a stored run again, from its file alone; `ValueError` if the data here isn't what it was computed on."""
    record = load(path)
    check_repeatable(path, record)
    return run_once(Config.from_dict(record["config"]), record["seed"])


def check_repeatable(path: str | os.PathLike[str], record: StoredRun) -> None:
    """ValueError if a stored run was computed on other data than is here."""
    if difference := _other_data(record, describe_data(record["config"]["data"])):
        raise ValueError(f"{path} can't be done again here: it was computed on {difference}")


def check_data(out: Path, experiment: Experiment, found: Scan, data: Mapping[str, str]) -> None:
    """ValueError if one of these runs was computed on other data than this, so that they can't be compared."""
    for (arm, seed), record in found.done.items():
        if difference := _other_data(record, data):
            raise ValueError(f"{path_of(out, experiment, arm, seed)} was computed on {difference}; {KEPT}")


def _other_data(record: StoredRun, data: Mapping[str, str]) -> str:
    """Two sets of data of one name in words if their bytes differ, else nothing."""
    stored = record["data"]
    if stored["name"] != data["name"] or stored["sha256"] == data["sha256"]:
        return ""
    first, second = (f"{one['what']} (SHA-256 {one['sha256'][:12]}…)" for one in (stored, data))
    return f"{first}, not on {second}"


def _check(record: Any) -> None:
    """TypeError or ValueError unless everything that reports and repetitions read is there and of the right kind."""
    if not isinstance(record, dict) or record.get("format") not in KEYS:
        raise ValueError(f"it needs an object with that format, got {reprlib.repr(record)}")
    keys = KEYS[record["format"]]
    if record.keys() != keys:
        raise ValueError(f"unknown {sorted(record.keys() - keys)}, missing {sorted(keys - record.keys())}")
    if record["format"] < 3:
        record["config"] = LATER | _with("config", record["config"])
    config = Config.from_dict(_with("config", record["config"]))
    integer("seed", record["seed"], least=0)
    if record["diverged"] is not None:
        _text("diverged", record["diverged"])
    if "code_sha256" in keys:
        _text("code_sha256", record["code_sha256"])
    for name, value in _with("data", record["data"], "name", "sha256", "what").items():
        _text(f"data.{name}", value)
    _with("machine", record["machine"], "cpu", "cores")
    _with("versions", record["versions"])
    epochs = _check_history(record, config)
    _check_accuracies(record, config, epochs)
    best = record["best_epoch"]
    if (epochs or best is not None) and integer("best_epoch", best, least=1) > epochs:
        raise ValueError(f"best_epoch must be ≤ {epochs}, the number of epochs, got {best}")
    if config.record_rates:
        _check_rates(record["effective_rates"], epochs)


def _check_accuracies(record: StoredRun, config: Config, epochs: int) -> None:
    accuracies = dict(_with("test_accuracy", record["test_accuracy"], "best", "last"))
    if record["format"] > 2:
        tail = _numbers("test_accuracy.tail", _with("test_accuracy", accuracies, "tail").pop("tail"))
        expected = max(0, epochs - max(0, config.epochs - TAIL))
        if len(tail) != expected:
            raise ValueError(f"test_accuracy.tail must hold {expected} numbers, got {len(tail)}")
        accuracies |= {f"tail[{i}]": value for i, value in enumerate(tail)}
    for at, value in accuracies.items():
        if not 0 <= number(f"test_accuracy.{at}", value) <= 1:
            raise ValueError(f"test_accuracy.{at} must lie in [0, 1], got {value}")


def _check_history(record: StoredRun, config: Config) -> int:
    """The number of epochs that the history holds: all, or those before the run diverged."""
    steps = STEP_COLUMNS if config.record_steps else ()
    history = _with("history", record["history"], *COLUMNS, *steps)
    for name, values in history.items():
        _numbers(f"history.{name}", values)
    for columns, whole, what in ((COLUMNS, config.epochs, "epochs"), (steps, config.steps, "steps")):
        lengths = sorted({len(history[name]) for name in columns})
        if len(lengths) > 1:
            raise ValueError(f"the columns {', '.join(columns)} must be equally long, got {lengths}")
        if lengths and (lengths[0] > whole or (lengths[0] < whole and record["diverged"] is None)):
            raise ValueError(f"it holds {lengths[0]} {what} of {whole}")
    return len(history["loss"])


def _check_rates(rates: Any, epochs: int) -> None:
    for name, rows in _with("effective_rates", rates, *["all"] * bool(epochs)).items():
        if not isinstance(rows, list) or len(rows) != epochs:
            raise ValueError(f"effective_rates.{name} must hold {epochs} rows, got {reprlib.repr(rows)}")
        for row in rows:
            if len(_numbers(f"effective_rates.{name}", row)) != len(PERCENTILES):
                raise ValueError(f"effective_rates.{name} must hold {len(PERCENTILES)} percentiles, got {row}")


def _with(name: str, value: Any, *names: str) -> dict[str, Any]:
    if not isinstance(value, dict) or not value.keys() >= set(names):
        raise ValueError(f"{name} must be an object with {', '.join(names) or 'entries'}, got {reprlib.repr(value)}")
    return value


def _numbers(name: str, values: Any) -> list[float]:
    if not isinstance(values, list):
        raise TypeError(f"{name} must be a list of numbers, got {reprlib.repr(values)}")
    return [number(name, value) for value in values]


def _text(name: str, value: Any) -> None:
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a text, got {reprlib.repr(value)}")


@dataclass
class Scan:
    """What a results folder holds of an experiment: readable runs by arm and seed, and complaints about the others."""

    done: dict[tuple[str, int], StoredRun] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)

    def seeds(self, *arms: str) -> list[int]:
        """The seeds for which each of these arms is finished."""
        return sorted(set.intersection(*({seed for arm, seed in self.done if arm == one} for one in arms)))

    def of(self, arm: str) -> list[StoredRun]:
        """The finished runs of an arm, by seed."""
        return [self.done[arm, seed] for seed in self.seeds(arm)]


def scan(experiment: Experiment, out: Path) -> Scan:
    """Read an experiment's stored runs.

    Raises
    ------
    ValueError
        A file holds something else than a run, or a run of another configuration, arm or seed than its file name gives.
    """
    found = Scan()
    for arm in experiment.arms:
        for seed in _seeds_there(out, experiment, arm):
            path = path_of(out, experiment, arm, seed)
            try:
                record = load(path)
            except UnreadableError as error:
                found.unreadable.append(str(error))
                continue
            except ValueError as error:
                raise ValueError(f"{error}; {KEPT}") from error
            if difference := _difference(record, experiment, arm, seed):
                raise ValueError(f"{path} holds a run of another configuration ({difference}); {KEPT}")
            found.done[arm, seed] = record
    return found


def results(name: str, quick: bool = False, out: str | os.PathLike[str] | None = None) -> Scan:
    """The stored runs of an experiment. Without `out`, outside a checkout and without runs here: the package's own."""
    experiment = named(name, quick)
    folder = default_out(experiment) if out is None else Path(out)
    shipped = BOOK / experiment.chapter / "results"
    if out is None and experiment.chapter and not (folder / experiment.name).is_dir() and shipped.is_dir():
        folder = shipped
    return scan(experiment, folder)


def _seeds_there(out: Path, experiment: Experiment, arm: str) -> list[int]:
    paths = (out / experiment.name).glob(f"{arm}-seed*.json")
    texts = (path.stem.removeprefix(f"{arm}-seed") for path in paths)
    return sorted(int(text) for text in texts if text.isdecimal() and text == str(int(text)))


def _difference(record: StoredRun, experiment: Experiment, arm: str, seed: int) -> str:
    """In what a run isn't the one that is wanted; nothing if it is."""
    wanted = {"experiment": experiment.name, "arm": arm, "seed": seed, **experiment.arms[arm].to_dict()}
    stored = {**record, **record["config"]}
    different = [name for name in wanted if stored.get(name) != wanted[name]]
    return ", ".join(f"{name} {stored.get(name)!r}, not {wanted[name]!r}" for name in different)
