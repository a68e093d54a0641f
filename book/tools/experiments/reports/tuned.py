"""Groups of arms, such as a schedule at several rates: each at its tuned rate, compared with a reference group."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from minigrad.data import optional
from minigrad_book.tools.experiments import stats
from minigrad_book.tools.experiments.config import Config, Experiment
from minigrad_book.tools.experiments.reports import shared
from minigrad_book.tools.experiments.reports.shared import COLOURS, COMPARISON, Drawing, Report, Table
from minigrad_book.tools.experiments.store import Scan
from minigrad_book.tools.figures import BLUE, GREY, PURPLE, style

MEASURE = "tail"  # the mean over the last five epochs
LEARNS = 0.15  # the mixed model has one variance for all arms, so it leaves out those with a run near chance
BELOW_THE_BEST = 12  # points of accuracy that the figures show

Pair = tuple[str, str]  # of groups: the reference and the one that is compared with it


@dataclass(frozen=True)
class Tuned(Report):
    """Accuracy by rate; each group at the arm that validation chose, against the reference groups; checks of this.

    A group is a schedule, or the averaged weights. A plateau rule's settings are one group, and several lines of the
    table and the figure.

    Attributes
    ----------
    references
        The groups that each of the others is compared with.
    by_mean_rate
        The table's columns are mean rates, not initial rates.
    """

    references: tuple[str, ...] = ("constant",)
    by_mean_rate: bool = False

    def tables(self, experiment: Experiment, runs: Scan) -> dict[str, Table]:
        gains = compared(experiment, runs, self.references)
        return {
            "Test accuracy in %, mean of the last five epochs (bold: chosen by validation)": by_rate(
                experiment, runs, self.by_mean_rate
            ),
            "At the chosen rates": at_chosen_rates(experiment, runs),
            "Differences at the chosen rates, points": _differences(gains),
            "Check: the rate for each seed chosen from the other seeds": _differences(
                cross_checked(experiment, runs, self.references)
            ),
            "Check: a mixed model of the arms whose runs all get further than 15 %": by_mixed_model(
                experiment, runs, gains
            ),
        }

    def figures(self, experiment: Experiment, runs: Scan) -> dict[str, Callable[[], Drawing]]:
        return {
            "rates": lambda: draw_rates(experiment, runs, self.references, by_mean_rate=False),
            "mean-rates": lambda: draw_rates(experiment, runs, self.references, by_mean_rate=True),
        }

    def verdicts(self, experiment: Experiment, runs: Scan) -> list[str]:
        return [*answers(compared(experiment, runs, self.references)), *what_is_missing(experiment, runs)]


# Groups and their chosen arms


def group_of(config: Config) -> str:
    """What an arm's rate is tuned within."""
    return "averaged weights" if config.average else config.schedule


def groups(arms: Mapping[str, Config]) -> dict[str, list[str]]:
    """Group → arms."""
    found: dict[str, list[str]] = {}
    for arm, config in arms.items():
        found.setdefault(group_of(config), []).append(arm)
    return found


def lines(arms: Mapping[str, Config]) -> dict[str, list[str]]:
    """The groups, a plateau rule's settings apart where there are several: name → arms, which differ in rate."""
    found: dict[str, list[str]] = {}
    for group, members in groups(arms).items():
        settings = {arm: (arms[arm].patience, arms[arm].factor) for arm in members}
        for arm, (patience, factor) in settings.items():
            several = len(set(settings.values())) > 1
            found.setdefault(f"{group}, {patience} epochs, × {factor:g}" if several else group, []).append(arm)
    return found


def chosen_arms(arms: Mapping[str, Config], runs: Scan, without: int | None = None) -> dict[str, str]:
    """Group → the arm that validation chose; groups without finished runs are left out."""
    choices = {group: shared.chosen(runs, members, MEASURE, without) for group, members in groups(arms).items()}
    return {group: arm for group, arm in choices.items() if arm is not None}


def pairs_of_groups(arms: Mapping[str, Config], references: Iterable[str]) -> list[Pair]:
    """Each reference group with each of the other groups."""
    references = tuple(references)
    return [(first, second) for second, first in product(groups(arms), references) if second not in references]


def gains_at_chosen(arms: Mapping[str, Config], runs: Scan, references: Iterable[str]) -> dict[Pair, Any]:
    """For each pair of groups the gain at the chosen arms; ``None`` where no pair of runs is finished."""
    choice = chosen_arms(arms, runs)
    return {
        (first, second): shared.gain(runs, choice[first], choice[second], MEASURE)
        if {first, second} <= choice.keys() and runs.seeds(choice[first], choice[second])
        else None
        for first, second in pairs_of_groups(arms, references)
    }


def compared(experiment: Experiment, runs: Scan, references: Iterable[str]) -> dict[Pair, stats.Comparison]:
    """The family of the experiment: each group against each reference group, at the chosen arms."""
    return stats.family(gains_at_chosen(experiment.arms, runs, references))


def cross_checked(experiment: Experiment, runs: Scan, references: Iterable[str]) -> dict[Pair, stats.Comparison]:
    """The same with, for each seed, the arms that validation chose from the other seeds alone."""
    seeds = sorted({seed for _, seed in runs.done})
    measured = {seed: _of_others_choice(experiment.arms, runs, seed) for seed in seeds}
    found: dict[Pair, stats.Estimate | None] = {}
    for first, second in pairs_of_groups(experiment.arms, references):
        both = [(of[first], of[second]) for of in measured.values() if {first, second} <= of.keys()]
        found[first, second] = stats.difference(*zip(*both, strict=True)) if both else None
    return stats.family(found)


def _of_others_choice(arms: Mapping[str, Config], runs: Scan, seed: int) -> dict[str, float]:
    """Group → accuracy of this seed in the arm that the other seeds choose."""
    choice = chosen_arms(arms, runs, without=seed)
    return {
        group: shared.accuracy_on_test(runs.done[arm, seed], MEASURE)
        for group, arm in choice.items()
        if (arm, seed) in runs.done
    }


# Tables


def by_rate(experiment: Experiment, runs: Scan, by_mean_rate: bool = False) -> Table:
    """Mean and standard deviation of the accuracy; the number of runs where it isn't that of the seeds."""
    choice = set(chosen_arms(experiment.arms, runs).values())
    rates = {arm: f"{_rate(experiment, runs, arm, by_mean_rate):.3g}" for arm in experiment.arms if runs.of(arm)}
    columns = sorted(set(rates.values()), key=float)
    rows = []
    for name, arms in lines(experiment.arms).items():
        cells = {rates[arm]: _accuracy_cell(experiment, runs, arm, arm in choice) for arm in arms if arm in rates}
        if cells:
            rows.append([name, *(cells.get(column, "–") for column in columns)])
    what = "mean rate" if by_mean_rate else "initial rate"
    return Table([what, *columns], rows)


def _accuracy_cell(experiment: Experiment, runs: Scan, arm: str, bold: bool) -> str:
    values = [100 * shared.accuracy_on_test(run, MEASURE) for run in runs.of(arm)]
    text = shared.spread(values, digits=1)
    text = f"**{text}**" if bold else text
    return text if len(values) == len(experiment.seeds) else f"{text} ({len(values)})"


def _rate(experiment: Experiment, runs: Scan, arm: str, by_mean_rate: bool) -> float:
    if by_mean_rate:
        return float(np.mean([shared.mean_rate(run) for run in runs.of(arm)]))
    return experiment.arms[arm].lr


def at_chosen_rates(experiment: Experiment, runs: Scan) -> Table:
    """For each group the arm that validation chose, and its test accuracies in percent."""
    name_of = {arm: name for name, arms in lines(experiment.arms).items() for arm in arms}
    rows = []
    for arm in chosen_arms(experiment.arms, runs).values():
        of_arm = runs.of(arm)
        accuracies = [
            shared.spread([100 * shared.accuracy_on_test(run, at) for run in of_arm], digits=2)
            for at in (MEASURE, "last", "best")
        ]
        rates = [f"{_rate(experiment, runs, arm, mean):.3g}" for mean in (False, True)]
        rows.append([name_of[arm], *rates, str(len(of_arm)), *accuracies])
    head = ["chosen", "initial rate", "mean rate", "runs", "test, last five epochs", "test, last", "test, best epoch"]
    return Table(head, rows)


def _label(pair: Pair) -> str:
    first, second = pair
    return f"{second} − {first}"


def _differences(comparisons: Mapping[Pair, stats.Comparison]) -> Table:
    rows = [[_label(pair), *shared.comparison_cells(comparison)] for pair, comparison in comparisons.items()]
    return Table(["difference", *COMPARISON], rows)


def by_mixed_model(experiment: Experiment, runs: Scan, gains: Mapping[Pair, stats.Comparison]) -> Table:
    """The differences by the mixed model, and whether it agrees with the t tests in sign and in what is shown."""
    choice = chosen_arms(experiment.arms, runs)
    values = {
        (arm, run["seed"]): shared.accuracy_on_test(run, MEASURE)
        for arm in experiment.arms
        if all(shared.accuracy_on_test(run, MEASURE) > LEARNS for run in runs.of(arm))
        for run in runs.of(arm)
    }
    models = {first: stats.mixed_model(values, choice[first]) for first, _ in gains if first in choice}
    found = {
        (first, second): models[first][choice[second]]
        for first, second in gains
        if first in models and choice.get(second) in models[first]
    }
    corrected = dict(zip(gains, stats.holm([found[pair].p if pair in found else 1.0 for pair in gains]), strict=True))
    rows = []
    for pair, contrast in found.items():
        p = corrected[pair]
        mean, interval = f"{100 * contrast.mean:+.2f}", shared.between(contrast.interval)
        agrees = _agreement(gains[pair], contrast, p)
        rows.append([_label(pair), mean, interval, shared.p_value(contrast.p), shared.p_value(p), agrees])
    return Table(["difference", "mean", "95 % interval", "p", "p, Holm", "agrees with the t test"], rows)


def _agreement(comparison: stats.Comparison, contrast: stats.Contrast, p: float) -> str:
    if comparison.difference is not None and comparison.difference.mean * contrast.mean < 0:
        return "no, in sign"
    return "yes" if comparison.shown == (p < stats.LEVEL) else "no, in what is shown"


# Sentences


def answers(comparisons: Mapping[Any, stats.Comparison], name: Callable[[Any], str] = _label) -> list[str]:
    """What is shown, what makes no difference, and what is undecided."""
    found: dict[str, list[str]] = {}
    for key, comparison in comparisons.items():
        text = name(key)
        if comparison.difference is not None:
            bounds = shared.between(comparison.difference.t)
            text += f" ({100 * comparison.difference.mean:+.2f} points, {bounds})"
        found.setdefault(comparison.verdict, []).append(text)
    shown_first = sorted(found, key=lambda verdict: (not verdict.startswith(stats.SHOWN), verdict))
    return [f"{_sentence(verdict)}: {'; '.join(found[verdict])}." for verdict in shown_first]


def _sentence(verdict: str) -> str:
    words = verdict.replace(f"{stats.SHOWN}: ", f"{stats.SHOWN} to be ")
    return words[0].upper() + words[1:]


def what_is_missing(experiment: Experiment, runs: Scan) -> list[str]:
    """A sentence with the number of runs that each group lacks; none if every run is stored."""
    lacking = {
        name: sum((arm, seed) not in runs.done for arm in arms for seed in experiment.seeds)
        for name, arms in lines(experiment.arms).items()
    }
    words = [f"{count} of {name}" for name, count in lacking.items() if count]
    return [f"This rests on a part of the runs. Missing: {', '.join(words)}."] if words else []


# The figure


def draw_rates(experiment: Experiment, runs: Scan, references: Iterable[str], by_mean_rate: bool) -> Drawing:
    """Accuracy against rate, a panel for each line of the table, with the references in each panel.

    Bands are the 95 % intervals of the means, dots the arms that validation chose.
    """
    plt = optional("matplotlib.pyplot", "experiments")

    named = {name: [arm for arm in arms if runs.of(arm)] for name, arms in lines(experiment.arms).items()}
    named = {name: arms for name, arms in named.items() if arms}
    behind = {name: arms for name, arms in named.items() if name in references}
    panels = {name: arms for name, arms in named.items() if name not in references} or behind
    choice = set(chosen_arms(experiment.arms, runs).values())
    curves = {name: _curve(experiment, runs, arms, by_mean_rate) for name, arms in named.items()}
    rate = "mean rate" if by_mean_rate else "initial rate"
    rows = max(1, -(-len(panels) // 2))
    with style():
        fig, axes = plt.subplots(rows, 2, figsize=(4.3, 0.9 + 1.5 * rows), sharex=True, sharey=True, squeeze=False)
        for ax in axes.flat[len(panels) :]:
            ax.set_axis_off()
        for ax in axes.flat[max(0, len(panels) - 2) : len(panels)]:
            ax.tick_params(labelbottom=True)
        for ax, (name, arms) in zip(axes.flat, panels.items(), strict=False):
            for reference, dashes in zip(behind, ("-", ":"), strict=False):
                _draw_curve(ax, behind[reference], curves[reference], choice, GREY, dashes)
            colour = GREY if name in behind else _colour(experiment.arms[arms[0]])
            _draw_curve(ax, arms, curves[name], choice, colour)
            ax.set_title(name, color=colour, fontsize=9)
        if panels:
            axes[0, 0].set(xscale="log")
            _limits(axes[0, 0], curves.values())
        else:
            axes[0, 0].set_axis_on()
            shared.no_run_yet(axes[0, 0])
        grey = " and ".join(f"{name}{' (dotted)' * (i > 0)}" for i, name in enumerate(behind))
        fig.suptitle(f"Test accuracy in %{f'; grey: {grey}' * bool(grey)}", x=0.02, ha="left", fontsize=10)
        fig.supxlabel(f"{rate} (logarithmic)", fontsize=10)
    best = (
        f"{name} {max(means):.1f} % at {rates[int(np.argmax(means))]:.2g}" for name, (rates, means, _) in curves.items()
    )
    return fig, (
        f"Test accuracy against the {rate}, a panel for each of {len(panels)} lines, with 95 % intervals as bands. "
        f"Highest means: {'; '.join(best) or 'no run is finished yet'}."
    )


def _colour(config: Config) -> str:
    """Of a line that isn't a reference, which are grey."""
    colour = PURPLE if config.average else COLOURS[config.schedule]
    return BLUE if colour == GREY else colour


Curve = tuple[list[float], list[float], list[stats.Interval]]


def _curve(experiment: Experiment, runs: Scan, arms: list[str], by_mean_rate: bool) -> Curve:
    """Rates, mean accuracies in percent, and their 95 % intervals."""
    rates = [_rate(experiment, runs, arm, by_mean_rate) for arm in arms]
    found = [stats.estimate(100 * shared.accuracy_on_test(run, MEASURE) for run in runs.of(arm)) for arm in arms]
    return rates, [one.mean for one in found], [one.t or (one.mean, one.mean) for one in found]


def _draw_curve(ax: Any, arms: list[str], curve: Curve, choice: set[str], colour: str, dashes: str = "-") -> None:
    rates, means, intervals = curve
    low, high = zip(*intervals, strict=True)
    ax.fill_between(rates, low, high, color=colour, alpha=0.2, linewidth=0)
    ax.plot(rates, means, dashes, color=colour, linewidth=1.5)
    for arm, rate, mean in zip(arms, rates, means, strict=True):
        if arm in choice:
            ax.plot(rate, mean, "o", color=colour, markersize=5)


def _limits(ax: Any, curves: Iterable[Curve]) -> None:
    """The accuracies from the best down to those that are no longer of interest; few and short ticks."""
    curves = list(curves)
    means = [mean for _, means, _ in curves for mean in means]
    ax.set_ylim(max(min(means), max(means) - BELOW_THE_BEST) - 0.5, max(means) + 1.5)
    rates = [rate for rates, _, _ in curves for rate in rates]
    powers = [power for power in 10.0 ** np.arange(-8, 1) if min(rates) * 0.99 <= power <= max(rates) * 1.01]
    ticks = powers if len(powers) > 1 else sorted({min(rates), max(rates)})
    ax.set_xticks(ticks, [f"{tick:.2g}" for tick in ticks])
    ax.minorticks_off()
