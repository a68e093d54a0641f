"""Two forms of weight decay, each with several strengths, with and without a schedule."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

from minigrad.data import optional
from minigrad_book.tools.experiments.config import Experiment
from minigrad_book.tools.experiments.reports import shared
from minigrad_book.tools.experiments.reports.shared import COLOURS, Drawing, Report, Table
from minigrad_book.tools.experiments.store import Scan
from minigrad_book.tools.figures import style

FORMS = {"adam": "Adam + L2", "adamw": "AdamW"}
SCHEDULES = ("constant", "cosine")


class WeightDecay(Report):
    """Accuracies of all arms, and the forms and schedules compared at the strengths that validation chose."""

    def tables(self, experiment: Experiment, runs: Scan) -> dict[str, Table]:
        return {
            "Accuracies": shared.accuracies(experiment, runs),
            "Chosen by validation": chosen_strengths(experiment, runs),
            "Differences of the chosen": differences(experiment, runs),
        }

    def figures(self, experiment: Experiment, runs: Scan) -> dict[str, Callable[[], Drawing]]:
        return {"strengths": lambda: draw_strengths(experiment, runs)}


def chosen_arms(experiment: Experiment, runs: Scan) -> dict[tuple[str, str], str]:
    """By optimizer and schedule, the arm whose strength validation chose; those without runs are left out."""
    choices = {
        (optimizer, schedule): shared.chosen(runs, _arms(experiment, optimizer, schedule))
        for optimizer, schedule in product(FORMS, SCHEDULES)
    }
    return {key: arm for key, arm in choices.items() if arm is not None}


def _arms(experiment: Experiment, optimizer: str, schedule: str) -> list[str]:
    return [a for a, config in experiment.arms.items() if (config.optimizer, config.schedule) == (optimizer, schedule)]


def chosen_strengths(experiment: Experiment, runs: Scan) -> Table:
    """For each optimizer and schedule the strength that validation chose, and the test accuracy there."""
    rows = []
    for (optimizer, schedule), arm in chosen_arms(experiment, runs).items():
        accuracies = [shared.accuracy_on_test(run) for run in runs.of(arm)]
        strength = f"{experiment.arms[arm].weight_decay:g}"
        rows.append([FORMS[optimizer], schedule, strength, str(len(accuracies)), shared.spread(accuracies)])
    return Table(["optimizer", "schedule", "λ chosen", "runs", "test, last epoch"], rows)


def differences(experiment: Experiment, runs: Scan) -> Table:
    """The chosen strengths compared pair by pair: AdamW with Adam + L2, and cosine with a constant rate."""
    arms = chosen_arms(experiment, runs)
    comparisons = [(("adam", decay), ("adamw", decay), f"AdamW − (Adam + L2), {decay}") for decay in SCHEDULES]
    comparisons += [
        ((form, "constant"), (form, "cosine"), f"cosine − constant, {name}") for form, name in FORMS.items()
    ]
    there = [
        (arms[first], arms[second], f"{label}, points")
        for first, second, label in comparisons
        if {first, second} <= arms.keys()
    ]
    return shared.differences(shared.gains(runs, there))


def draw_strengths(experiment: Experiment, runs: Scan) -> Drawing:
    """Test accuracy against the strength of weight decay, with and without cosine, a panel for each form."""
    plt = optional("matplotlib.pyplot", "experiments")

    best = (float("-inf"), "")
    with style():
        fig, axes = plt.subplots(1, 2, figsize=(5.2, 3.2), sharey=True)
        for ax, (optimizer, title) in zip(axes, FORMS.items(), strict=True):
            for schedule in SCHEDULES:
                points = [
                    (experiment.arms[arm].weight_decay, 100 * shared.mean_accuracy(runs, arm))
                    for arm in _arms(experiment, optimizer, schedule)
                    if runs.of(arm)
                ]
                if points:
                    best = max(best, *((accuracy, f"{title}, λ = {decay:g}, {schedule}") for decay, accuracy in points))
                    ax.plot(*zip(*points, strict=True), "o-", color=COLOURS[schedule], label=schedule)
                    ax.legend()
            ax.set(xscale="log", xlabel="λ")
            ax.set_title(title, fontsize=10, fontweight="normal")
        if not runs.done:
            shared.no_run_yet(axes[0])
        axes[0].set_ylabel("test accuracy, last epoch, %")
        if best[1]:
            fig.suptitle(f"Best: {best[1]}", x=0.02, ha="left", fontsize=11, fontweight="bold")
    return fig, (
        "Mean test accuracy against the strength of weight decay, with Adam and L2 on the left and AdamW on the right, "
        "each with a constant rate and with cosine decay."
    )
