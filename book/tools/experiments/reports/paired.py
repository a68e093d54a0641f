"""Arms compared pair by pair, such as runs with and without decay."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from minigrad.data import optional
from minigrad_book.tools.experiments import stats
from minigrad_book.tools.experiments.config import Experiment
from minigrad_book.tools.experiments.reports import shared
from minigrad_book.tools.experiments.reports.names import shown
from minigrad_book.tools.experiments.reports.shared import COLOURS, Drawing, Report, Table, epochs_of
from minigrad_book.tools.experiments.store import Scan
from minigrad_book.tools.figures import BLUE, ORANGE, label_line, style

EPOCHS = ("last", "best")
LOWEST = 1e-6  # a plateau rule goes on reducing; a rate this much smaller than the first does nothing


@dataclass(frozen=True)
class Paired(Report):
    """Accuracies and learning curves of all arms; where the arms are `constant` and `plateau`, also their difference.

    `published` are an article's test accuracies, by arm.
    """

    published: Mapping[str, float] | None = None

    def tables(self, experiment: Experiment, runs: Scan) -> dict[str, Table]:
        return {
            "Accuracies": shared.accuracies(experiment, runs, self.published),
            "Differences": differences(experiment, runs),
        }

    def figures(self, experiment: Experiment, runs: Scan) -> dict[str, Callable[[], Drawing]]:
        curves = {"curves": lambda: learning_curves(experiment, runs)}
        if _with_and_without_decay(experiment, runs):
            return {**curves, "differences": lambda: draw_differences({experiment.name: runs})}
        return curves

    def verdicts(self, experiment: Experiment, runs: Scan) -> list[str]:
        if not _with_and_without_decay(experiment, runs):
            return []
        found = stats.family({at: shared.gain(runs, "constant", "plateau", at) for at in EPOCHS})
        return [f"At the {at} epoch: {stats.in_words(one, 'decay', 'none')}." for at, one in found.items()]


def _with_and_without_decay(experiment: Experiment, runs: Scan) -> bool:
    return set(experiment.arms) == {"constant", "plateau"} and bool(runs.seeds("constant", "plateau"))


def differences(experiment: Experiment, runs: Scan) -> Table:
    """Test accuracy with decay minus without, in points, at the last and at the best epoch."""
    if not _with_and_without_decay(experiment, runs):
        return shared.differences({})
    rows: dict[str, stats.Estimate] = {}
    for at in EPOCHS:
        rows |= shared.gains(runs, [("constant", "plateau", f"plateau − constant, {at} epoch, points")], at)
    return shared.differences(rows)


def learning_curves(experiment: Experiment, runs: Scan) -> Drawing:
    """Accuracy, loss and, below them on the same axis, the rate: mean over the runs, band from lowest to highest.

    Runs that diverged are left out; the arm's label gives their number.
    """
    plt = optional("matplotlib.pyplot", "experiments")

    described, ends = [], []
    with style():
        fig, axes = plt.subplots(3, 1, figsize=(5.2, 5.8), sharex=True, height_ratios=(3, 3, 1.6))
        for arm in experiment.arms:
            histories = [run["history"] for run in shared.whole(runs, arm)]
            if not histories:
                continue
            label = shared.arm_label(runs, arm)
            colour = COLOURS.get(arm, BLUE)
            for ax, column in zip(axes, ("val_accuracy", "val_loss", "lr"), strict=True):
                line = _band(ax, np.array([history[column] for history in histories]), colour)
                if ax is axes[0]:
                    ends.append((line.get_ydata()[-1], label, line))
            described.append(f"{label} ends at {np.mean([history['val_accuracy'][-1] for history in histories]):.3f}")
            train = np.array([history["loss"] for history in histories])
            axes[1].plot(epochs_of(train), train.mean(axis=0), color=colour, linestyle=":", linewidth=1.5)
        if not described:
            shared.no_run_yet(axes[0])
        for i, (_, label, line) in enumerate(sorted(ends, key=lambda end: end[0])):
            label_line(line, label, dy=10 * i - 5 * (len(ends) - 1))  # apart where the ends meet
        axes[0].set(ylabel="validation accuracy", title=_message(experiment, runs))
        axes[1].set_ylabel("loss")
        axes[1].set_title("Line: validation; dots: training", fontsize=10, fontweight="normal")
        axes[2].set(ylabel="η", yscale="log", xlabel="epoch")
        low, high = axes[2].get_ylim()
        axes[2].set_ylim(max(low, LOWEST * high), high)
        axes[2].xaxis.get_major_locator().set_params(integer=True)
    return fig, (
        f"Learning curves of {experiment.name} over the epochs in three panels, as means with bands from the lowest to "
        "the highest run: validation accuracy, validation and training loss, learning rate. Validation accuracy: "
        f"{'; '.join(described) or 'no run is finished yet'}."
    )


def _message(experiment: Experiment, runs: Scan) -> str:
    ends = {arm: [shared.val_accuracy(run) for run in shared.whole(runs, arm)] for arm in experiment.arms}
    if set(ends) != {"constant", "plateau"} or not all(ends.values()):
        return "Validation accuracy"
    lead = 100 * (np.mean(ends["plateau"]) - np.mean(ends["constant"]))
    return f"On average, decay ends {abs(lead):.1f} points {'behind' if lead < 0 else 'ahead'}"


def _band(ax: Any, curves: np.ndarray, colour: str) -> Any:
    epochs = epochs_of(curves)
    ax.fill_between(epochs, curves.min(axis=0), curves.max(axis=0), color=colour, alpha=0.2, linewidth=0)
    (line,) = ax.plot(epochs, curves.mean(axis=0), color=colour)
    return line


def draw_differences(experiments: Mapping[str, Scan]) -> Drawing:
    """Test accuracy with decay minus without, pair by pair, with mean and t interval; last and best epoch.

    `experiments` maps names to stored runs.
    """
    plt = optional("matplotlib.pyplot", "experiments")

    rows = [(f"{shown(name)},\n{at} epoch", runs, at) for name, runs in experiments.items() for at in EPOCHS]
    rows = [row for row in rows if row[1].seeds("constant", "plateau")]
    described, above, below = [], 0, 0
    with style():
        fig, ax = plt.subplots(figsize=(5.2, 0.9 + 0.55 * max(1, len(rows))))
        if not rows:
            shared.no_run_yet(ax)
        ax.axvline(0, color="black", linewidth=1)
        for y, (name, runs, at) in enumerate(rows):
            gain = shared.gain(runs, "constant", "plateau", at)
            colour = BLUE if at == "last" else ORANGE
            ax.plot(100 * np.array(gain.values), [y] * len(gain.values), "o", color=colour, alpha=0.5, markersize=6)
            if gain.t is not None:
                ax.plot(100 * np.array(gain.t), [y + 0.25] * 2, color=colour)
                above += gain.t[0] > 0
                below += gain.t[1] < 0
            ax.plot(100 * gain.mean, y + 0.25, "D", color=colour, markersize=5)
            described.append(f"{name}: {100 * gain.mean:+.2f}")
        ax.set_yticks(range(len(rows)), [name for name, _, _ in rows])
        ax.set_ylim(len(rows) - 0.4, -0.5)
        ax.grid(axis="y", visible=False)
        ax.set(xlabel="test accuracy with decay − without, points")
        ax.set_title(f"Of {len(rows)} intervals, {above} are above 0, {below} below")
    return fig, (
        "Differences of test accuracy between paired runs with and without decay, as dots with mean and interval. "
        "Means in percentage points: " + ("; ".join(described) or "no pair is finished yet") + "."
    )
