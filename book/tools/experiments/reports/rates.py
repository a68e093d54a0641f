"""Effective rates through training."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from minigrad.data import optional
from minigrad_book.tools.experiments.config import Experiment
from minigrad_book.tools.experiments.reports.shared import COLOURS, Drawing, Report, Table, epochs_of
from minigrad_book.tools.experiments.single import PERCENTILES
from minigrad_book.tools.experiments.store import Scan, StoredRun
from minigrad_book.tools.figures import style


class EffectiveRates(Report):
    """Percentiles of η/(√v̂ + ε) over all parameters, in one run of each arm."""

    def tables(self, experiment: Experiment, runs: Scan) -> dict[str, Table]:
        return {"Effective rates of all parameters": percentiles(experiment, runs)}

    def figures(self, experiment: Experiment, runs: Scan) -> dict[str, Callable[[], Drawing]]:
        return {"percentiles": lambda: draw_percentiles(experiment, runs)}


def percentiles(experiment: Experiment, runs: Scan) -> Table:
    """Per arm, percentiles after the first, the middle and the last epoch."""
    rows = []
    for arm in experiment.arms:
        for run in with_rates(runs, arm)[:1]:
            by_epoch = run["effective_rates"]["all"]
            for epoch in sorted({1, (len(by_epoch) + 1) // 2, len(by_epoch)}):
                rows.append([arm, str(epoch), *(f"{value:.2g}" for value in by_epoch[epoch - 1])])
    return Table(["arm", "epoch", *(f"{p} %" for p in PERCENTILES)], rows)


def with_rates(runs: Scan, arm: str) -> list[StoredRun]:
    """The arm's runs that have percentiles of effective rates: one that diverged in its first epoch has none."""
    return [run for run in runs.of(arm) if run["effective_rates"]]


def draw_percentiles(experiment: Experiment, runs: Scan) -> Drawing:
    """Percentiles epoch by epoch, a panel for each arm."""
    plt = optional("matplotlib.pyplot", "experiments")

    described = []
    with style():
        fig, axes = plt.subplots(1, len(experiment.arms), figsize=(5.2, 3.4), sharey=True, squeeze=False)
        for ax, arm in zip(axes[0], experiment.arms, strict=True):
            for run in with_rates(runs, arm)[:1]:
                rows = np.array(run["effective_rates"]["all"])
                epochs = epochs_of(rows.T)
                colour = COLOURS[experiment.arms[arm].schedule]
                for low, high, alpha in ((0, 4, 0.15), (1, 3, 0.3)):
                    ax.fill_between(epochs, rows[:, low], rows[:, high], color=colour, alpha=alpha, linewidth=0)
                ax.plot(epochs, rows[:, 2], color=colour)
                ax.plot(epochs, run["history"]["lr"], color="black", linewidth=1, linestyle="--")
                medians = f"median {rows[0, 2]:.2g} after the first epoch, {rows[-1, 2]:.2g} after the last"
                described.append(f"{arm}: {medians}")
            ax.set(yscale="log", xlabel="epoch", title=arm)
            ax.xaxis.get_major_locator().set_params(integer=True)
        axes[0, 0].set(ylabel="η/(√v̂ + ε)", ylim=(1e-5, None))  # cosine's very last rates are next to nothing
    shares = f"{PERCENTILES[0]}–{PERCENTILES[-1]} % and {PERCENTILES[1]}–{PERCENTILES[-2]} %"
    ends = "; ".join(described) or "No run is finished yet"
    return fig, f"Effective rates over the epochs, median and bands ({shares}), with η dashed. {ends}."
