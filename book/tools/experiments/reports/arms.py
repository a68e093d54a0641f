"""All arms of an experiment, one below the other."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from minigrad.data import optional
from minigrad_book.tools.experiments.config import Experiment
from minigrad_book.tools.experiments.reports import shared
from minigrad_book.tools.experiments.reports.shared import COLOURS, Drawing, Report, Table
from minigrad_book.tools.experiments.store import Scan
from minigrad_book.tools.figures import style


class Arms(Report):
    """Accuracies of every arm, in a table and as points with their spread over the runs."""

    def tables(self, experiment: Experiment, runs: Scan) -> dict[str, Table]:
        return {"Accuracies": shared.accuracies(experiment, runs)}

    def figures(self, experiment: Experiment, runs: Scan) -> dict[str, Callable[[], Drawing]]:
        return {"accuracies": lambda: draw_accuracies(experiment, runs)}


def draw_accuracies(experiment: Experiment, runs: Scan) -> Drawing:
    """Mean test accuracy after the last epoch, with a bar from the lowest to the highest run."""
    plt = optional("matplotlib.pyplot", "experiments")

    arms = [arm for arm in experiment.arms if runs.of(arm)]
    values = [100 * np.array([shared.accuracy_on_test(run) for run in runs.of(arm)]) for arm in arms]
    with style():
        fig, ax = plt.subplots(figsize=(5.2, 1.0 + 0.18 * max(4, len(arms))))
        for row, (arm, accuracies) in enumerate(zip(arms, values, strict=True)):
            colour = COLOURS[experiment.arms[arm].schedule]
            ax.plot([accuracies.min(), accuracies.max()], [row, row], color=colour, linewidth=1)
            ax.plot(accuracies.mean(), row, "o", color=colour)
        if not arms:
            shared.no_run_yet(ax)
        ax.set_yticks(range(len(arms)), arms, fontsize=7)
        ax.set(ylim=(len(arms) - 0.5, -0.5), xlabel="test accuracy in %", title="Test accuracy after the last epoch")
    best = max(range(len(arms)), key=lambda i: values[i].mean(), default=None)
    highest = "" if best is None else f" The highest mean is {values[best].mean():.1f} % with {arms[best]}."
    return fig, f"Mean test accuracy of {len(arms)} arms, with bars from the lowest to the highest run.{highest}"
