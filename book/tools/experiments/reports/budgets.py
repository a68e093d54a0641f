"""Schedules and a constant rate at several numbers of epochs, each tuned for each number."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from minigrad.data import optional
from minigrad_book.tools.experiments import stats
from minigrad_book.tools.experiments.config import Config, Experiment
from minigrad_book.tools.experiments.reports import shared, tuned
from minigrad_book.tools.experiments.reports.shared import COLOURS, COMPARISON, Drawing, Report, Table
from minigrad_book.tools.experiments.store import Scan
from minigrad_book.tools.figures import label_line, style

REFERENCE = "constant"

Key = tuple[int, str]  # epochs and schedule


class Budgets(Report):
    """The difference to the constant rate by the number of epochs, all rates tuned, and its slope."""

    def tables(self, experiment: Experiment, runs: Scan) -> dict[str, Table]:
        return {
            "Differences to the constant rate at the chosen rates, points": differences(experiment, runs),
            "Slopes: change of the difference when the epochs are doubled, points": _slopes(experiment, runs),
            "Accuracies": shared.accuracies(experiment, runs),
        }

    def figures(self, experiment: Experiment, runs: Scan) -> dict[str, Callable[[], Drawing]]:
        return {"budgets": lambda: draw_differences(experiment, runs)}

    def verdicts(self, experiment: Experiment, runs: Scan) -> list[str]:
        by_budget = tuned.answers(compared(experiment, runs), lambda key: f"{key[1]} at {key[0]} epochs")
        slopes = tuned.answers(slopes_of(experiment, runs), lambda schedule: f"slope of {schedule}")
        return [*by_budget, *slopes, *tuned.what_is_missing(experiment, runs)]


def by_epochs(experiment: Experiment) -> dict[int, dict[str, Config]]:
    """Epochs → arms."""
    found: dict[int, dict[str, Config]] = {}
    for arm, config in experiment.arms.items():
        found.setdefault(config.epochs, {})[arm] = config
    return dict(sorted(found.items()))


def compared(experiment: Experiment, runs: Scan) -> dict[Key, stats.Comparison]:
    """The family of the experiment: each schedule at each number of epochs against the constant rate."""
    return stats.family(
        {
            (epochs, second): gain
            for epochs, arms in by_epochs(experiment).items()
            for (_, second), gain in tuned.gains_at_chosen(arms, runs, (REFERENCE,)).items()
        }
    )


def slopes_of(experiment: Experiment, runs: Scan) -> dict[str, stats.Comparison]:
    """By schedule, the slope of the difference over the binary logarithm of the epochs.

    Differences of one seed aren't independent, so the seeds are the clusters: each gives one slope, by least squares
    over its budgets, and the t test is on these. Seeds that lack a budget are left out. No margin is planned.
    """
    slopes: dict[str, stats.Estimate | None] = {}
    for schedule, by_seed in _differences_by_seed(experiment, runs).items():
        found = [np.polyfit(np.log2(list(by)), list(by.values()), 1)[0] for by in by_seed.values()]
        slopes[schedule] = stats.estimate(found) if found else None
    return stats.family(slopes, margin=None)


def _differences_by_seed(experiment: Experiment, runs: Scan) -> dict[str, dict[int, dict[int, float]]]:
    """Schedule → seed → epochs → difference at the chosen rates, for the seeds that have all budgets."""
    budgets = by_epochs(experiment)
    schedules = dict.fromkeys(tuned.group_of(config) for config in experiment.arms.values())
    choices = {epochs: tuned.chosen_arms(arms, runs) for epochs, arms in budgets.items()}
    found: dict[str, dict[int, dict[int, float]]] = {name: {} for name in schedules if name != REFERENCE}
    for schedule, by_seed in found.items():
        if not all({schedule, REFERENCE} <= choice.keys() for choice in choices.values()):
            continue
        pairs = {epochs: (choice[REFERENCE], choice[schedule]) for epochs, choice in choices.items()}
        for seed in runs.seeds(*(arm for pair in pairs.values() for arm in pair)):
            by_seed[seed] = {
                epochs: shared.accuracy_on_test(runs.done[second, seed], tuned.MEASURE)
                - shared.accuracy_on_test(runs.done[first, seed], tuned.MEASURE)
                for epochs, (first, second) in pairs.items()
            }
    return found


def differences(experiment: Experiment, runs: Scan) -> Table:
    """Epochs, schedule, the rates that validation chose for both, and their difference."""
    choices = {epochs: tuned.chosen_arms(arms, runs) for epochs, arms in by_epochs(experiment).items()}

    def rate(epochs: int, schedule: str) -> str:
        arm = choices[epochs].get(schedule)
        return "–" if arm is None else f"{experiment.arms[arm].lr:g}"

    rows = [
        [str(epochs), schedule, rate(epochs, schedule), rate(epochs, REFERENCE), *shared.comparison_cells(comparison)]
        for (epochs, schedule), comparison in compared(experiment, runs).items()
    ]
    return Table(["epochs", "schedule", "η₀", "η₀, constant", *COMPARISON], rows)


def _slopes(experiment: Experiment, runs: Scan) -> Table:
    rows = [[name, *shared.comparison_cells(slope)] for name, slope in slopes_of(experiment, runs).items()]
    return Table(["schedule", "seeds", *COMPARISON[1:]], rows)


def draw_differences(experiment: Experiment, runs: Scan) -> Drawing:
    """The difference to the constant rate against the number of epochs, with 95 % intervals."""
    plt = optional("matplotlib.pyplot", "experiments")

    curves: dict[str, list[tuple[int, stats.Estimate]]] = {}
    for (epochs, schedule), comparison in compared(experiment, runs).items():
        if comparison.difference is not None:
            curves.setdefault(schedule, []).append((epochs, comparison.difference))
    described, ends = [], []
    with style():
        fig, ax = plt.subplots(figsize=(4.3, 3.2))
        ax.axhline(0, color="black", linewidth=1)
        for i, (schedule, points) in enumerate(curves.items()):
            place = [epochs * 1.04 ** (i - (len(curves) - 1) / 2) for epochs, _ in points]  # bars next to each other
            means = [100 * one.mean for _, one in points]
            reach = [100 * (one.t[1] - one.mean) if one.t else 0.0 for _, one in points]
            (line, *_) = ax.errorbar(
                place, means, reach, color=COLOURS[schedule], fmt="o-", markersize=4, linewidth=1.5
            )
            ends.append((means[-1], schedule, line))
            described.append(
                f"{schedule} {means[0]:+.1f} at {points[0][0]} and {means[-1]:+.1f} at {points[-1][0]} epochs"
            )
        for i, (_, schedule, line) in enumerate(sorted(ends, key=lambda end: end[0])):
            label_line(line, schedule.replace("-", "-\n", 1), dy=12 * i - 6 * (len(ends) - 1))
        if curves:
            budgets = list(by_epochs(experiment))
            ax.set(xscale="log")
            ax.set_xticks(budgets, [str(epochs) for epochs in budgets])
            ax.minorticks_off()
        else:
            shared.no_run_yet(ax)
        ax.set(xlabel="epochs", ylabel="points", title="Difference to the constant rate")
    return fig, (
        "Difference of test accuracy to the tuned constant rate against the number of epochs, in percentage points "
        f"with 95 % intervals: {'; '.join(described) or 'no pair is finished yet'}."
    )
