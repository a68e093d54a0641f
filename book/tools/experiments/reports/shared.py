"""What several kinds of report share: the interface, measures of runs, rows of tables, parts of figures."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from minigrad_book.tools import figures
from minigrad_book.tools.experiments import stats
from minigrad_book.tools.experiments.config import SCHEDULES, Experiment
from minigrad_book.tools.experiments.store import Scan, StoredRun

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Drawing = tuple["Figure", str]
"""A figure and its alternative text."""

COLOURS = dict(zip(SCHEDULES, cycle(figures.PALETTE.values()), strict=False))


class Table(NamedTuple):
    """A table's head and its rows, as `minigrad_book.tools.tables` shows them."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]


class Report(ABC):
    """One kind of report. Every method gets the experiment and those of its runs that are stored."""

    @abstractmethod
    def tables(self, experiment: Experiment, runs: Scan) -> dict[str, Table]:
        """Heading → table."""

    @abstractmethod
    def figures(self, experiment: Experiment, runs: Scan) -> dict[str, Callable[[], Drawing]]:
        """Name → function that draws the figure."""

    def verdicts(self, experiment: Experiment, runs: Scan) -> list[str]:
        """Sentences that answer the question; none where the answer is a table."""
        return []


# What a run measured


def accuracy_on_test(run: StoredRun, at: str = "last") -> float:
    """Test accuracy with the last epoch's weights, or with those of the best epoch by validation."""
    return float(run["test_accuracy"][at])


def val_accuracy(run: StoredRun, at: str = "last") -> float:
    """Validation accuracy of the last or the best epoch; chance for a run that diverged at once."""
    values = run["history"]["val_accuracy"] or [0.1]
    return float(max(values) if at == "best" else values[-1])


def first_reduction(run: StoredRun) -> int | None:
    """The epoch, counted from 1, after which a plateau rule first reduced the rate; ``None`` if it didn't."""
    lr = run["history"]["lr"]
    return next((epoch for epoch in range(1, len(lr)) if lr[epoch] < lr[0]), None)


# What the runs of an arm, or of two, measured


def diverged(runs: Scan, *arms: str) -> int:
    """How many runs of these arms diverged, over the seeds that all of them have."""
    return sum(runs.done[arm, seed]["diverged"] is not None for seed in runs.seeds(*arms) for arm in arms)


def mean_accuracy(runs: Scan, arm: str, at: str = "last") -> float:
    """The mean over the arm's runs; NaN without any."""
    values = [accuracy_on_test(run, at) for run in runs.of(arm)]
    return float(np.mean(values)) if values else float("nan")


def gain(runs: Scan, first: str, second: str, at: str = "last") -> stats.Estimate:
    """Test accuracy of the second arm minus the first's, over the seeds that both have."""
    seeds = runs.seeds(first, second)
    with_first, with_second = (
        [accuracy_on_test(runs.done[arm, seed], at) for seed in seeds] for arm in (first, second)
    )
    return stats.difference(with_first, with_second)


def chosen(runs: Scan, arms: Iterable[str]) -> str | None:
    """The arm with the highest mean validation accuracy after the last epoch.

    Compared are the arms that have finished runs, over the seeds that they have in common; ``None`` without any.
    """
    there = [arm for arm in arms if runs.of(arm)]
    seeds = runs.seeds(*there) if there else []
    if not seeds:
        return None
    return max(there, key=lambda arm: np.mean([val_accuracy(runs.done[arm, seed]) for seed in seeds]))


# Rows of tables


def spread(values: Sequence[float], digits: int = 4) -> str:
    """Mean ± standard deviation over the runs."""
    text = f"{np.mean(values):.{digits}f}"
    return text if len(values) < 2 else f"{text} ± {np.std(values, ddof=1):.{digits}f}"


def accuracies(experiment: Experiment, runs: Scan, published: Mapping[str, float] | None = None) -> Table:
    """Per arm: runs, test accuracy at the last and the best epoch, where the best was, and time.

    `published` are an article's accuracies, by arm.
    """
    lost = {arm: diverged(runs, arm) for arm in experiment.arms}
    head = ["arm", "runs", "test, last epoch", "test, best epoch", "best epoch", "first reduction", "s per epoch"]
    head += ["diverged"] * any(lost.values()) + ["article"] * bool(published)
    rows = []
    for arm, config in experiment.arms.items():
        of_arm = runs.of(arm)
        if not of_arm:
            continue
        row = [
            arm,
            str(len(of_arm)),
            *(spread([accuracy_on_test(run, at) for run in of_arm]) for at in ("last", "best")),
        ]
        row.append(spread([run["best_epoch"] or 0 for run in of_arm], digits=0))
        reductions = [epoch for run in of_arm if (epoch := first_reduction(run)) is not None]
        row.append(spread(reductions, digits=0) if reductions and config.schedule == "plateau" else "–")
        row.append(f"{np.mean([s for run in of_arm for s in run['history']['seconds']] or [0]):.2f}")
        row += [str(lost[arm])] * any(lost.values())
        rows.append(row + ([f"{published[arm]:.4f}"] if published else []))
    return Table(head, rows)


def differences(rows: Sequence[Sequence[str]]) -> Table:
    """A table of differences with both intervals, from rows that `difference_row` or `gain_row` made."""
    return Table(["difference", "pairs", "mean", "Student's t, 95 %", "bootstrap, 95 %", "shown"], rows)


def gain_row(runs: Scan, first: str, second: str, label: str, at: str = "last") -> list[str]:
    """The gain in test accuracy in percentage points; the label counts the runs that diverged."""
    lost = diverged(runs, first, second)
    return difference_row(label + f" ({lost} diverged)" * bool(lost), gain(runs, first, second, at), scale=100)


def difference_row(label: str, estimate: stats.Estimate, scale: float = 1, digits: int = 2) -> list[str]:
    ranges = [
        f"{scale * bounds[0]:+.{digits}f} to {scale * bounds[1]:+.{digits}f}" if bounds else "–"
        for bounds in (estimate.t, estimate.bootstrap)
    ]
    shown = {1: "higher", -1: "lower", 0: "nothing"}[estimate.verdict]
    return [label, str(len(estimate.values)), f"{scale * estimate.mean:+.{digits}f}", *ranges, shown]


# Parts of figures


def whole(runs: Scan, arm: str) -> list[StoredRun]:
    """The arm's runs that didn't diverge."""
    return [run for run in runs.of(arm) if run["diverged"] is None]


def arm_label(runs: Scan, arm: str) -> str:
    """The arm's name, with the number of its runs that diverged, which a figure leaves out."""
    count = diverged(runs, arm)
    return f"{arm} ({count} diverged)" if count else arm


def epochs_of(curves: np.ndarray) -> np.ndarray:
    """1, 2, …, for curves in rows."""
    return np.arange(1, curves.shape[1] + 1)


def no_run_yet(ax: Any) -> None:
    """Write that there is nothing to draw."""
    ax.text(0.5, 0.5, "no run is finished yet", transform=ax.transAxes, ha="center", va="center")
