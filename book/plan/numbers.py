"""What the page says about its experiments: their size, their arms, and the power of their tests."""

from __future__ import annotations

import numpy as np
import scipy.stats

from minigrad_book.plan.experiments import EXPERIMENTS
from minigrad_book.tools import experiments
from minigrad_book.tools.experiments.config import Experiment

SPREAD = 0.96  # points: the standard deviation of a paired difference, from ten pairs looked at before


def overview() -> list[list[str]]:
    """Name, arms, seeds and runs of each experiment, and how many of the runs are stored."""
    return [
        [f"`{one.name}`", str(len(one.arms)), _seeds(one), f"{len(one.arms) * len(one.seeds):,}", f"{stored(one):,}"]
        for one in EXPERIMENTS
    ]


def stored(experiment: Experiment) -> int:
    """How many of the planned runs are there."""
    wanted = {(arm, seed) for arm in experiment.arms for seed in experiment.seeds}
    return len(wanted & experiments.results(experiment.name).done.keys())


def _seeds(experiment: Experiment) -> str:
    first, last = min(experiment.seeds), max(experiment.seeds)
    return str(first) if first == last else f"{first} to {last}"


def power(effect: float, pairs: int, tests: int, level: float = 0.05) -> float:
    """The probability that a two-sided paired t test shows an effect, given in points, at the level shared by `tests`.

    That is the level of the first step of Holm's method, so with Holm's the power is at least this.
    """
    freedom = pairs - 1
    critical = scipy.stats.t.ppf(1 - level / tests / 2, freedom)
    shift = effect / SPREAD * np.sqrt(pairs)
    distribution = scipy.stats.nct(freedom, shift)
    return float(distribution.sf(critical) + distribution.cdf(-critical))


def power_numbers() -> dict[str, float]:
    """The power of the first two experiments for one point, and for half a point."""
    return {
        "schedules-one": 100 * power(1.0, 10, 8),
        "schedules-half": 100 * power(0.5, 10, 8),
        "near-one": 100 * power(1.0, 20, 3),
        "near-half": 100 * power(0.5, 20, 3),
        "before-one": 100 * power(1.0, 3, 1),
    }
