"""How long runs take, and one progress bar over all that are to be done."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TextIO

import numpy as np

from minigrad_book.tools.experiments.config import Config, Experiment
from minigrad_book.tools.experiments.store import Scan, StoredRun

SECONDS_PER_IMAGE = {"lenet5": 1e-4, "mlp": 5e-6}  # in each epoch, on one thread of a usual core, validation included


def estimated(config: Config) -> float:
    """A run's seconds, guessed from its epochs and its number of training images."""
    return SECONDS_PER_IMAGE[config.model] * config.epochs * config.train_size


@dataclass(frozen=True)
class Times:
    """What an experiment takes, in seconds on one thread.

    Attributes
    ----------
    runs, stored
        How many runs it has, and how many of them are finished.
    each, rest
        The mean of its runs, and the sum of those that aren't stored.
    measured
        Whether both come from stored runs of the same arms alone; otherwise they are estimates from epochs × images,
        scaled to the stored runs where there are any.
    """

    runs: int
    stored: int
    each: float
    rest: float
    measured: bool


def times(experiment: Experiment, runs: Scan) -> Times:
    """How long the experiment's runs take."""
    measured = {arm: [run["seconds"] for run in runs.of(arm)] for arm in experiment.arms}
    done = [(run["seconds"], estimated(experiment.arms[arm])) for (arm, _), run in runs.done.items()]
    scale = sum(seconds for seconds, _ in done) / sum(guess for _, guess in done) if done else 1.0
    each = {
        arm: float(np.mean(measured[arm])) if measured[arm] else scale * estimated(config)
        for arm, config in experiment.arms.items()
    }
    missing = [arm for arm in experiment.arms for seed in experiment.seeds if (arm, seed) not in runs.done]
    count = len(experiment.arms) * len(experiment.seeds)
    rest = sum(each[arm] for arm in missing)
    return Times(count, count - len(missing), float(np.mean(list(each.values()))), rest, all(measured.values()))


def in_words(seconds: float) -> str:
    """A duration with two digits or so: "0.4 s", "17 s", "5 min", "2 h 05 min"."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


class Bar:
    """One progress bar over the runs of several experiments, with the time left.

    It moves on by the estimated seconds of each run, since runs differ in length by a factor of thousands; so what is
    left can be told from what is done.
    """

    def __init__(self, bar: Any, runs: int, todo: Mapping[str, Iterable[Config]]) -> None:
        self._bar = bar
        self._runs = runs
        self._todo = {name: list(configs) for name, configs in todo.items()}

    def start(self, name: str, missing: Iterable[Config]) -> None:
        """An experiment begins; these of its runs are missing, which can be others than it looked at first."""
        self._set(name, list(missing))

    def advance(self, name: str, config: Config, run: str, outcome: StoredRun) -> None:
        """A run is finished: print a line about it."""
        seconds = outcome["history"]["seconds"]
        mean = f", {sum(seconds) / len(seconds):.1f} s an epoch" if seconds else ""
        self.write(f"{run}: test accuracy {outcome['test_accuracy']['last']:.4f}{mean}")
        self._todo[name].remove(config)
        self._bar.update(estimated(config))
        self._describe(name)

    def stop(self, name: str) -> None:
        """An experiment is over; what it hasn't done isn't waited for."""
        self._set(name, [])

    def write(self, text: str, file: TextIO | None = None) -> None:
        """Print above the bar, by default to the standard output."""
        self._bar.write(text, file)

    def _set(self, name: str, configs: list[Config]) -> None:
        before = self._todo.get(name, [])
        self._todo[name] = configs
        self._bar.total += sum(map(estimated, configs)) - sum(map(estimated, before))
        self._describe(name)

    def _describe(self, name: str) -> None:
        left = sum(map(len, self._todo.values()))
        self._bar.set_description_str(f"{name}: {self._runs - left} of {self._runs} runs")


@contextmanager
def progress_bar(plans: Mapping[str, tuple[Iterable[Config], Iterable[Config]]]) -> Iterator[Bar]:
    """A bar over experiments, each given by its name with the configurations of its finished and its missing runs."""
    from tqdm import tqdm

    finished = [config for done, _ in plans.values() for config in done]
    todo = {name: list(missing) for name, (_, missing) in plans.items()}
    seconds = sum(map(estimated, finished))
    total = seconds + sum(estimated(config) for configs in todo.values() for config in configs)
    layout = "{desc} {percentage:3.0f}%|{bar}| {elapsed}, {remaining} left"
    with tqdm(total=total, initial=seconds, bar_format=layout, smoothing=0, dynamic_ncols=True) as bar:
        yield Bar(bar, len(finished) + sum(map(len, todo.values())), todo)
