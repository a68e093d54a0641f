"""A grid of schedules by initial rates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from minigrad.data import optional
from minigrad_book.tools.experiments import stats
from minigrad_book.tools.experiments.config import Experiment
from minigrad_book.tools.experiments.reports import shared
from minigrad_book.tools.experiments.reports.names import shown
from minigrad_book.tools.experiments.reports.shared import Drawing, Report, Table, spread
from minigrad_book.tools.experiments.store import Scan
from minigrad_book.tools.figures import BLUE, ORANGE, style


@dataclass(frozen=True)
class Grid(Report):
    """Accuracy by schedule and initial rate, against the constant rate, and at the rate that validation chose.

    `boxed` are the arms that the figure marks as the article's.
    """

    boxed: tuple[str, ...] = ()

    def tables(self, experiment: Experiment, runs: Scan) -> dict[str, Table]:
        return {
            "Test accuracy after the last epoch": by_cell(experiment, runs),
            "Gain over the constant rate, points (bold: shown after Holm's correction)": over_constant(
                experiment, runs
            ),
            "Initial rate chosen by validation": chosen_rates(experiment, runs),
        }

    def figures(self, experiment: Experiment, runs: Scan) -> dict[str, Callable[[], Drawing]]:
        return {"heat-map": lambda: heat_map(experiment, runs, self.boxed)}


def _cells(experiment: Experiment) -> dict[str, dict[float, str]]:
    """Schedule → initial rate → arm."""
    cells: dict[str, dict[float, str]] = {}
    for arm, config in experiment.arms.items():
        cells.setdefault(config.schedule, {})[config.lr] = arm
    return cells


def _head(experiment: Experiment) -> list[str]:
    return ["schedule", *(f"η₀ = {lr:g}" for lr in next(iter(_cells(experiment).values())))]


def by_cell(experiment: Experiment, runs: Scan) -> Table:
    """Mean test accuracy by initial rate and schedule."""
    rows = []
    for schedule, arms in _cells(experiment).items():
        accuracies = [[shared.accuracy_on_test(run) for run in runs.of(arm)] for arm in arms.values()]
        rows.append([schedule, *(spread(values) if values else "–" for values in accuracies)])
    return Table(_head(experiment), rows)


def over_constant(experiment: Experiment, runs: Scan) -> Table:
    """Mean gains over the constant rate of the same η₀, in points; bold where a difference is shown.

    All cells of the table are one family for Holm's method.
    """
    gains = gains_over_constant(experiment, runs)
    cells = _cells(experiment)
    del cells["constant"]
    rows = [[schedule, *(_gain_cell(gains[arm]) for arm in arms.values())] for schedule, arms in cells.items()]
    return Table(_head(experiment), rows)


def gains_over_constant(experiment: Experiment, runs: Scan) -> dict[str, stats.Comparison]:
    """Arm → its gain over the constant rate of the same η₀."""
    cells = _cells(experiment)
    constant = cells.pop("constant")
    return stats.family(
        {
            arm: shared.gain(runs, constant[lr], arm) if runs.seeds(constant[lr], arm) else None
            for arms in cells.values()
            for lr, arm in arms.items()
        }
    )


def _gain_cell(comparison: stats.Comparison) -> str:
    if comparison.difference is None:
        return "–"
    text = f"{100 * comparison.difference.mean:+.1f}"
    return f"**{text}**" if comparison.shown else text


def chosen_rates(experiment: Experiment, runs: Scan) -> Table:
    """For each schedule the initial rate that validation chose, and the test accuracy there."""
    rows = []
    for schedule, arms in _cells(experiment).items():
        if (arm := shared.chosen(runs, arms.values())) is None:
            continue
        of_arm = runs.of(arm)
        accuracies = [spread([shared.accuracy_on_test(run, at) for run in of_arm]) for at in ("last", "best")]
        rows.append([schedule, f"{experiment.arms[arm].lr:g}", str(len(of_arm)), *accuracies])
    return Table(["schedule", "η₀ chosen", "runs", "test, last epoch", "test, best epoch"], rows)


def heat_map(experiment: Experiment, runs: Scan, boxed: tuple[str, ...] = ()) -> Drawing:
    """Mean test accuracy after the last epoch, by initial rate and schedule."""
    plt = optional("matplotlib.pyplot", "experiments")

    cells = _cells(experiment)
    rates = list(next(iter(cells.values())))
    arms = [list(row.values()) for row in cells.values()]
    values = np.array([[shared.mean_accuracy(runs, arm) for arm in row] for row in arms])
    best = np.unravel_index(np.nanargmax(values), values.shape) if np.isfinite(values).any() else None
    learning = values[values > 0.15]  # runs that stayed at chance, 0.1, would flatten the other shades
    low = float(learning.min()) if learning.size else 0.0
    with style():
        fig, ax = plt.subplots(figsize=(5.2, 3.6))
        ax.grid(visible=False)
        span = (float(np.nanmax(values)) - low if best else 1.0) or 1.0
        for (i, j), value in np.ndenumerate(values):
            shade = 0.0 if np.isnan(value) else 0.06 + 0.5 * max(0.0, value - low) / span
            ax.add_patch(plt.Rectangle((j - 0.5, i - 0.5), 1, 1, color=BLUE, alpha=shade, linewidth=0))
            weight = "bold" if (i, j) == best else "normal"
            text = "–" if np.isnan(value) else f"{100 * value:.1f}"
            ax.text(j, i, text, ha="center", va="center", fontweight=weight)
        for i, row in enumerate(arms):
            for j, arm in enumerate(row):
                if arm in boxed:
                    box = plt.Rectangle((j - 0.46, i - 0.46), 0.92, 0.92, fill=False, edgecolor=ORANGE, linewidth=2)
                    ax.add_patch(box)
        ax.set_xticks(range(len(rates)), [f"{lr:g}" for lr in rates])
        ax.set_yticks(range(len(cells)), map(shown, cells))
        ax.set(xlim=(-0.5, len(rates) - 0.5), ylim=(len(cells) - 0.5, -0.5), xlabel="initial rate η₀")
        ax.spines[:].set_visible(False)
        ax.tick_params(length=0)
        ax.set_title("Test accuracy in %" + (f", best with {shown(list(cells)[best[0]])}" if best else ""))
    highest = f" The highest mean is {100 * values[best]:.1f} % with {arms[best[0]][best[1]]}." if best else ""
    return fig, (
        f"A table of {len(cells)} schedules by {len(rates)} initial rates, shaded by mean test accuracy.{highest}"
    )
