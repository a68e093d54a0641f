"""Effective rates through training."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from minigrad.data import optional
from minigrad_book.tools.experiments import stats
from minigrad_book.tools.experiments.config import Experiment
from minigrad_book.tools.experiments.reports import shared
from minigrad_book.tools.experiments.reports.shared import COLOURS, Drawing, Report, Table, epochs_of
from minigrad_book.tools.experiments.single import PERCENTILES
from minigrad_book.tools.experiments.store import Scan, StoredRun
from minigrad_book.tools.figures import style

MEDIAN = PERCENTILES.index(50)


class EffectiveRates(Report):
    """Percentiles of η/(√v̂ + ε) over all parameters, and how the median changes where η is constant.

    Over several seeds, a percentile is the geometric mean of the runs'.
    """

    def tables(self, experiment: Experiment, runs: Scan) -> dict[str, Table]:
        return {
            "Effective rates of all parameters": percentiles(experiment, runs),
            "Logarithm of the median after the last epoch over that after the first": changes(experiment, runs),
        }

    def figures(self, experiment: Experiment, runs: Scan) -> dict[str, Callable[[], Drawing]]:
        return {"percentiles": lambda: draw_percentiles(experiment, runs)}

    def verdicts(self, experiment: Experiment, runs: Scan) -> list[str]:
        return [in_words(arm, comparison) for arm, comparison in compared(experiment, runs).items()]


def with_rates(runs: Scan, arm: str) -> list[StoredRun]:
    """The arm's runs that have percentiles of effective rates: one that diverged in its first epoch has none."""
    return [run for run in runs.of(arm) if run["effective_rates"]]


def mean_percentiles(runs: Scan, arm: str) -> np.ndarray | None:
    """By epoch and percentile, the geometric mean over the runs that made as many epochs as any; ``None`` without runs.

    A percentile is 0 where η is.
    """
    of_arm = [run["effective_rates"]["all"] for run in with_rates(runs, arm)]
    if not of_arm:
        return None
    whole = [rates for rates in of_arm if len(rates) == max(map(len, of_arm))]
    if len(whole) == 1:
        return np.array(whole[0])
    with np.errstate(divide="ignore"):
        return np.exp(np.mean(np.log(whole), axis=0))


def percentiles(experiment: Experiment, runs: Scan) -> Table:
    """Per arm, percentiles after the first, the middle and the last epoch."""
    rows = []
    for arm in experiment.arms:
        by_epoch = mean_percentiles(runs, arm)
        if by_epoch is None:
            continue
        for epoch in sorted({1, (len(by_epoch) + 1) // 2, len(by_epoch)}):
            rows.append([arm, str(epoch), *(f"{value:.2g}" for value in by_epoch[epoch - 1])])
    return Table(["arm", "epoch", *(f"{p} %" for p in PERCENTILES)], rows)


def compared(experiment: Experiment, runs: Scan) -> dict[str, stats.Comparison]:
    """By arm with a constant η, the natural logarithm of the median effective rate's last value over its first.

    The arms are one family. A run that diverged has no last value and is left out.
    """
    found: dict[str, stats.Estimate | None] = {}
    for arm, config in experiment.arms.items():
        if config.schedule == "constant":
            medians = [
                [row[MEDIAN] for row in run["effective_rates"]["all"]]
                for run in with_rates(runs, arm)
                if run["diverged"] is None
            ]
            found[arm] = stats.estimate(math.log(median[-1] / median[0]) for median in medians) if medians else None
    return stats.family(found, margin=None)


def changes(experiment: Experiment, runs: Scan) -> Table:
    """The comparisons, and the mean as a factor."""
    rows = []
    for arm, comparison in compared(experiment, runs).items():
        factor = "–" if comparison.difference is None else f"{math.exp(comparison.difference.mean):.3g}"
        rows.append([arm, factor, *shared.comparison_cells(comparison, scale=1)])
    return Table(["arm", "factor", "runs", *shared.COMPARISON[1:]], rows)


def in_words(arm: str, comparison: stats.Comparison) -> str:
    """Whether the median effective rate falls by itself, as the plan asks."""
    count = 0 if comparison.difference is None else len(comparison.difference.values)
    runs = f"{count} run{'s' * (count != 1)}"
    if comparison.difference is None or not comparison.shown:
        return f"{arm}: {stats.UNDECIDED} whether the median effective rate falls or grows ({runs})."
    factor = math.exp(abs(comparison.difference.mean))
    change = "grows" if comparison.sign > 0 else "falls"
    return f"{arm}: the median effective rate {change} by a factor of {factor:.3g} ({runs})."


def draw_percentiles(experiment: Experiment, runs: Scan) -> Drawing:
    """Percentiles epoch by epoch, a panel for each arm."""
    plt = optional("matplotlib.pyplot", "experiments")

    described = []
    rows_of_panels = -(-len(experiment.arms) // 2)
    with style():
        fig, axes = plt.subplots(
            rows_of_panels,
            min(2, len(experiment.arms)),
            figsize=(5.2, 1.0 + 2.4 * rows_of_panels),
            sharey=True,
            squeeze=False,
        )
        for ax, arm in zip(axes.flat, experiment.arms, strict=False):
            rows = mean_percentiles(runs, arm)
            if rows is not None:
                run = max(with_rates(runs, arm), key=lambda run: len(run["history"]["lr"]))
                epochs = epochs_of(rows.T)
                colour = COLOURS[experiment.arms[arm].schedule]
                for low, high, alpha in ((0, 4, 0.15), (1, 3, 0.3)):
                    ax.fill_between(epochs, rows[:, low], rows[:, high], color=colour, alpha=alpha, linewidth=0)
                ax.plot(epochs, rows[:, MEDIAN], color=colour)
                ax.plot(epochs, run["history"]["lr"], color="black", linewidth=1, linestyle="--")
                medians = f"median {rows[0, MEDIAN]:.2g} after the first epoch, {rows[-1, MEDIAN]:.2g} after the last"
                described.append(f"{arm}: {medians}")
            ax.set(yscale="log", xlabel="epoch", title=arm)
            ax.xaxis.get_major_locator().set_params(integer=True)
        for ax in axes[:, 0]:
            ax.set(ylabel="η/(√v̂ + ε)")
        axes[0, 0].set(ylim=(1e-5, None))  # cosine's very last rates are next to nothing
    shares = f"{PERCENTILES[0]}–{PERCENTILES[-1]} % and {PERCENTILES[1]}–{PERCENTILES[-2]} %"
    ends = "; ".join(described) or "No run is finished yet"
    return fig, f"Effective rates over the epochs, median and bands ({shares}), with η dashed. {ends}."
