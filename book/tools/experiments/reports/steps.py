"""The losses of the first updates."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from minigrad.data import optional
from minigrad_book.tools.experiments import stats
from minigrad_book.tools.experiments.config import Experiment
from minigrad_book.tools.experiments.reports import shared
from minigrad_book.tools.experiments.reports.names import shown
from minigrad_book.tools.experiments.reports.shared import Drawing, Report, Table, spread
from minigrad_book.tools.experiments.store import Scan
from minigrad_book.tools.figures import PALETTE, style


class FirstSteps(Report):
    """Losses of 200 updates, and their differences to those of the first arm."""

    def tables(self, experiment: Experiment, runs: Scan) -> dict[str, Table]:
        return {"The first updates": losses(experiment, runs), "Differences": differences(experiment, runs)}

    def figures(self, experiment: Experiment, runs: Scan) -> dict[str, Callable[[], Drawing]]:
        return {"losses": lambda: draw_losses(experiment, runs)}


def losses(experiment: Experiment, runs: Scan) -> Table:
    """Per arm: mean training loss over parts of the first updates, and validation accuracy after them."""
    rows = []
    for arm in experiment.arms:
        of_arm = runs.of(arm)
        if not of_arm:
            continue
        step_losses = [np.array(run["history"]["step_loss"]) for run in of_arm]
        parts = [
            [float(loss[a:b].mean()) for loss in step_losses if len(loss) > a]
            for a, b in ((0, 20), (20, 100), (100, 200))
        ]
        cells = [spread(part, digits=3) if part else "–" for part in parts]
        rows.append([arm, str(len(of_arm)), *cells, spread([shared.val_accuracy(run) for run in of_arm])])
    return Table(["arm", "runs", "loss, updates 1–20", "21–100", "101–200", "validation accuracy"], rows)


def differences(experiment: Experiment, runs: Scan) -> Table:
    """Each arm's mean loss minus the first arm's, early and late."""
    first, *others = experiment.arms
    rows = {}
    for arm in others:
        for name, part in (("1–20", slice(20)), ("101–200", slice(100, 200))):
            if gaps := loss_gaps(runs, first, arm, part):
                rows[f"{arm} − {first}, loss of updates {name}"] = stats.estimate(gaps)
    return shared.differences(rows, scale=1, digits=4, margin=None)


def loss_gaps(runs: Scan, first: str, second: str, part: slice) -> list[float]:
    """The second arm's mean loss over some updates minus the first's, for the pairs that both made them all."""
    pairs = [
        [runs.done[arm, seed]["history"]["step_loss"][part] for arm in (first, second)]
        for seed in runs.seeds(first, second)
    ]
    return [float(np.mean(b) - np.mean(a)) for a, b in pairs if len(a) == len(b) > 0]


def draw_losses(experiment: Experiment, runs: Scan) -> Drawing:
    """Training loss at each of the first updates: mean over the seeds, smoothed over five updates."""
    plt = optional("matplotlib.pyplot", "experiments")

    described, ends = [], {}
    with style():
        fig, ax = plt.subplots(figsize=(5.2, 3.4))
        styles = zip(experiment.arms, PALETTE.values(), ("-", "-", "--", ":"), strict=False)
        for arm, colour, dashes in styles:
            step_losses = [run["history"]["step_loss"] for run in shared.whole(runs, arm)]
            if not step_losses:
                continue
            mean = np.convolve(np.mean(step_losses, axis=0), np.ones(5) / 5, mode="valid")
            label = shared.arm_label(runs, arm)
            ends[shown(arm)] = mean[-1]
            ax.plot(np.arange(len(mean)) + 3, mean, color=colour, linestyle=dashes, label=shown(label))
            described.append(f"{label} ends at {mean[-1]:.2f}")
        if described:
            ax.legend()
        else:
            shared.no_run_yet(ax)
        ax.set(xlabel="update", ylabel="training loss")
        ax.set_title(f"Highest at the end: {max(ends, key=ends.__getitem__)}" if ends else "Training loss")
    losses = "; ".join(described) or "no run is finished yet"
    return fig, f"Training loss over the first 200 updates for each form of Adam: {losses}."
