"""Finished runs, each a JSON file ``OUT/EXPERIMENT/ARM-seedN.json``."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from minigrad.experiments.catalogue import find
from minigrad.experiments.config import Config, Experiment
from minigrad.experiments.single import run_once
from minigrad.train import write_json

FORMAT = 1
KEYS = frozenset(
    {"format", "experiment", "arm", "seed", "config", "history", "effective_rates", "best_epoch", "test_accuracy"}
    | {"diverged", "data", "versions", "machine", "threads", "seconds"}
)

Record = dict[str, Any]


def default_out() -> Path:
    """``book/results`` in a checkout of the book, else ``results``, below the current folder."""
    book = Path("book", "results")
    return book if book.is_dir() else Path("results")


def path_of(out: Path, experiment: Experiment, arm: str, seed: int) -> Path:
    return out / experiment.name / f"{arm}-seed{seed}.json"


def save(out: Path, experiment: Experiment, arm: str, seed: int, outcome: dict[str, Any]) -> Path:
    """Write one finished run, whole or not at all."""
    identity = {"format": FORMAT, "experiment": experiment.name, "arm": arm, "seed": seed}
    path = path_of(out, experiment, arm, seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, {**identity, "config": experiment.arms[arm].to_dict(), **outcome})
    return path


def load(path: str | os.PathLike[str]) -> Record:
    """Read one finished run; `ValueError` if the file is not one, or not whole."""
    try:
        record = json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not readable as JSON: {error}") from error
    if not isinstance(record, dict) or record.keys() != KEYS or record["format"] != FORMAT:
        raise ValueError(f"{path} is not a result of an experiment (format {FORMAT})")
    try:
        epochs, measured = Config.from_dict(record["config"]).epochs, len(record["history"]["loss"])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is not a result of an experiment: {error}") from error
    if record["diverged"] is None and measured != epochs:
        raise ValueError(f"{path} holds {measured} epochs of {epochs}")
    return record


def rerun(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Do a stored run again, from its file alone."""
    record = load(path)
    return run_once(Config.from_dict(record["config"]), record["seed"])


@dataclass
class Scan:
    """What a results folder holds of an experiment: readable runs by arm and seed, and complaints about the others."""

    done: dict[tuple[str, int], Record] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)

    def seeds(self, *arms: str) -> list[int]:
        """The seeds for which each of these arms is finished."""
        return sorted(set.intersection(*({seed for arm, seed in self.done if arm == one} for one in arms)))

    def records(self, arm: str) -> list[Record]:
        """The finished runs of an arm, by seed."""
        return [self.done[arm, seed] for seed in self.seeds(arm)]


def scan(experiment: Experiment, out: Path, seeds: tuple[int, ...] | None = None) -> Scan:
    """Read an experiment's stored runs: those of ``seeds``, or all.

    Raises
    ------
    ValueError
        A file holds a run of another configuration, arm or seed than its name says.
    """
    found = Scan()
    for arm, config in experiment.arms.items():
        wanted = _seeds_there(out, experiment, arm) if seeds is None else seeds
        for seed in wanted:
            path = path_of(out, experiment, arm, seed)
            if not path.exists():
                continue
            try:
                record = load(path)
            except ValueError as error:
                found.unreadable.append(str(error))
                continue
            stored = (record["experiment"], record["arm"], record["seed"], record["config"])
            if stored != (experiment.name, arm, seed, config.to_dict()):
                raise ValueError(
                    f"{path} holds a run of another configuration ({_difference(record, experiment, arm, seed)}); "
                    "nothing was overwritten. Choose another --out, or move that file away"
                )
            found.done[arm, seed] = record
    return found


def results(name: str, quick: bool = False, out: str | os.PathLike[str] | None = None) -> Scan:
    """The stored runs of an experiment."""
    return scan(find(name, quick), default_out() if out is None else Path(out))


def _seeds_there(out: Path, experiment: Experiment, arm: str) -> list[int]:
    paths = (out / experiment.name).glob(f"{arm}-seed*.json")
    numbers = (path.stem.removeprefix(f"{arm}-seed") for path in paths)
    return sorted(int(number) for number in numbers if number.isdigit())


def _difference(record: Record, experiment: Experiment, arm: str, seed: int) -> str:
    wanted = {"experiment": experiment.name, "arm": arm, "seed": seed, **experiment.arms[arm].to_dict()}
    stored = {**record, **record["config"]}
    different = [name for name in wanted if stored.get(name) != wanted[name]]
    return ", ".join(f"{name} {stored.get(name)!r}, not {wanted[name]!r}" for name in different) or "unknown entries"
