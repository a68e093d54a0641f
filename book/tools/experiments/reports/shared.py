"""What several kinds of report share: the interface, measures of runs, rows of tables, parts of figures."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from minigrad_book.tools import figures
from minigrad_book.tools.experiments import stats
from minigrad_book.tools.experiments.config import SCHEDULES, Config, Experiment
from minigrad_book.tools.experiments.single import TAIL, build_schedule
from minigrad_book.tools.experiments.store import Scan, StoredRun

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Drawing = tuple["Figure", str]
"""A figure and its alternative text."""

CHANCE = 0.1
MEASURES = {"last": "last epoch", "best": "best epoch", "tail": "last five epochs"}
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
    """Test accuracy with the weights of the last epoch, of the best epoch by validation, or of the last five ("tail").

    "tail" is the mean over the last five epochs, in which an epoch that a diverged run didn't finish counts 0.1.
    ValueError if the run was stored before these were measured.
    """
    if at != "tail":
        return float(run["test_accuracy"][at])
    if not has_tail(run):
        raise ValueError(f"{run['arm']}, seed {run['seed']}: the test accuracy of the last five epochs isn't stored")
    return _mean_with_chance(run["test_accuracy"]["tail"], min(TAIL, run["config"]["epochs"]))


def has_tail(run: StoredRun) -> bool:
    """Whether the test accuracy was measured after each of the last five epochs."""
    return "tail" in run["test_accuracy"]


def val_accuracy(run: StoredRun, at: str = "last") -> float:
    """Validation accuracy of the last or the best epoch, or the mean over the last five, as in `accuracy_on_test`."""
    values = run["history"]["val_accuracy"]
    if at == "tail":
        epochs = run["config"]["epochs"]
        return _mean_with_chance(values[max(0, epochs - TAIL) :], min(TAIL, epochs))
    values = values or [CHANCE]
    return float(max(values) if at == "best" else values[-1])


def _mean_with_chance(values: Sequence[float], count: int) -> float:
    """The mean of so many values, of which the missing ones are chance."""
    return float(np.mean([*values, *[CHANCE] * (count - len(values))]))


def mean_rate(run: StoredRun) -> float:
    """The mean of η over the updates of the whole run; of a plateau rule, over the epochs that it made."""
    config = Config.from_dict(run["config"])
    if config.schedule == "plateau":
        return float(np.mean(run["history"]["lr"] or [config.lr]))
    rate: Any = build_schedule(config)
    return float(np.mean(rate(np.arange(config.steps)))) if callable(rate) else rate


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


def chosen(runs: Scan, arms: Iterable[str], at: str = "last", without: int | None = None) -> str | None:
    """The arm with the highest mean validation accuracy; `without` names a seed that has no part in the choice.

    Compared are the arms that have finished runs, over the seeds that they have in common; ``None`` without any.
    """
    there = [arm for arm in arms if runs.of(arm)]
    seeds = [seed for seed in (runs.seeds(*there) if there else []) if seed != without]
    if not seeds:
        return None
    return max(there, key=lambda arm: np.mean([val_accuracy(runs.done[arm, seed], at) for seed in seeds]))


# Rows of tables


def spread(values: Sequence[float], digits: int = 4) -> str:
    """Mean ± standard deviation over the runs."""
    text = f"{np.mean(values):.{digits}f}"
    return text if len(values) < 2 else f"{text} ± {np.std(values, ddof=1):.{digits}f}"


def accuracies(experiment: Experiment, runs: Scan, published: Mapping[str, float] | None = None) -> Table:
    """Per arm: runs, test accuracies, where the best epoch was, and time.

    `published` are an article's accuracies, by arm.
    """
    lost = {arm: diverged(runs, arm) for arm in experiment.arms}
    measures = measures_of(runs)
    head = [
        "arm",
        "runs",
        *(f"test, {MEASURES[at]}" for at in measures),
        "best epoch",
        "first reduction",
        "s per epoch",
    ]
    head += ["diverged"] * any(lost.values()) + ["article"] * bool(published)
    rows = []
    for arm, config in experiment.arms.items():
        of_arm = runs.of(arm)
        if not of_arm:
            continue
        row = [arm, str(len(of_arm)), *(spread([accuracy_on_test(run, at) for run in of_arm]) for at in measures)]
        row.append(spread([run["best_epoch"] or 0 for run in of_arm], digits=0))
        reductions = [epoch for run in of_arm if (epoch := first_reduction(run)) is not None]
        row.append(spread(reductions, digits=0) if reductions and config.schedule == "plateau" else "–")
        row.append(f"{np.mean([s for run in of_arm for s in run['history']['seconds']] or [0]):.2f}")
        row += [str(lost[arm])] * any(lost.values())
        rows.append(row + ([f"{published[arm]:.4f}"] if published else []))
    return Table(head, rows)


def measures_of(runs: Scan) -> list[str]:
    """The kinds of test accuracy that all of the runs have."""
    return [at for at in MEASURES if at != "tail" or all(map(has_tail, runs.done.values()))]


def gains(runs: Scan, pairs: Iterable[tuple[str, str, str]], at: str = "last") -> dict[str, stats.Estimate]:
    """Gains of the second arms over the first, in test accuracy, by label; the label counts the runs that diverged.

    `pairs` gives first, second, label. What has no finished pair is left out.
    """
    found = {}
    for first, second, label in pairs:
        if runs.seeds(first, second):
            lost = diverged(runs, first, second)
            found[label + f" ({lost} diverged)" * bool(lost)] = gain(runs, first, second, at)
    return found


def differences(
    estimates: Mapping[str, stats.Estimate],
    scale: float = 100,
    digits: int = 2,
    margin: float | None = stats.MARGIN,
) -> Table:
    """A table of differences, which are one family for Holm's method; by default in percentage points of accuracy."""
    rows = [[label, *comparison_cells(one, scale, digits)] for label, one in stats.family(estimates, margin).items()]
    return Table(["difference", *COMPARISON], rows)


COMPARISON = ("pairs", "mean", "95 % interval", "effect size", "p", "p, Holm", "verdict")


def comparison_cells(comparison: stats.Comparison, scale: float = 100, digits: int = 2) -> list[str]:
    """The cells under the head `COMPARISON`."""
    found = comparison.difference
    if found is None:
        return ["0", *["–"] * 5, comparison.verdict]
    return [
        str(len(found.values)),
        f"{scale * found.mean:+.{digits}f}",
        between(found.t, scale, digits),
        "–" if found.effect is None else f"{found.effect:+.2f}",
        p_value(found.p),
        "–" if found.p is None else p_value(comparison.p),
        comparison.verdict,
    ]


def between(bounds: stats.Interval | None, scale: float = 100, digits: int = 2) -> str:
    """An interval, by default in percentage points, such as "-1.30 to +3.20"."""
    return "–" if bounds is None else f"{scale * bounds[0]:+.{digits}f} to {scale * bounds[1]:+.{digits}f}"


def p_value(p: float | None) -> str:
    if p is None:
        return "–"
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


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
