"""Means with intervals, families of tests, and the verdicts of the plan of the experiments."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from minigrad.data import optional

LEVEL = 0.05
MARGIN = 0.005  # half a percentage point: a smaller difference in accuracy doesn't matter

SHOWN, NO_DIFFERENCE, UNDECIDED = "shown", "no difference that matters", "undecided"

Interval = tuple[float, float]
Name = TypeVar("Name")


@dataclass(frozen=True)
class Estimate:
    """The mean of independent values, such as the differences of pairs, and what Student's t distribution gives.

    The intervals and the tests assume normal values. They are about further values of the same kind: other seeds, not
    other images. With fewer than two values there are none.
    """

    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        return float(np.mean(self.values))

    @property
    def deviation(self) -> float | None:
        """The standard deviation of the values, with n − 1 in the denominator; 0 for equal values."""
        if len(self.values) < 2:
            return None
        return 0.0 if len(set(self.values)) == 1 else float(np.std(self.values, ddof=1))

    @property
    def effect(self) -> float | None:
        """The effect size: the mean over the standard deviation, without a correction for few values."""
        return self.mean / self.deviation if self.deviation else None

    def interval(self, level: float = 1 - LEVEL) -> Interval | None:
        """Student's confidence interval for the mean."""
        if self.deviation is None:
            return None
        if self.deviation == 0:
            return self.mean, self.mean
        low, high = self._described.tconfint_mean(1 - level)
        return float(low), float(high)

    @property
    def t(self) -> Interval | None:
        """Student's 95 % interval."""
        return self.interval()

    @property
    def p(self) -> float | None:
        """The two-sided p-value of the hypothesis that the true mean is 0."""
        if self.deviation is None:
            return None
        if self.deviation == 0:
            return float(self.mean == 0)
        return float(self._described.ttest_mean(0)[1])

    def equivalence_p(self, margin: float = MARGIN) -> float | None:
        """The p-value of two one-sided tests: small if the true mean lies within ± `margin`.

        It is below 5 % where the 90 % interval lies within the margins.
        """
        if self.deviation is None:
            return None
        if self.deviation == 0:
            return float(abs(self.mean) >= margin)
        return float(self._described.ttost_mean(-margin, margin)[0])

    @property
    def verdict(self) -> int:
        """+1 or −1 if the 95 % interval lies on that side of 0, else 0; for one comparison, not for a family."""
        return 0 if self.t is None else int(self.t[0] > 0) - int(self.t[1] < 0)

    @cached_property
    def _described(self) -> Any:
        return optional("statsmodels.stats.weightstats", "experiments").DescrStatsW(np.array(self.values, dtype=float))


def estimate(values: Iterable[float]) -> Estimate:
    """The mean with its interval; ValueError without values."""
    found = Estimate(tuple(float(value) for value in values))
    if not found.values:
        raise ValueError("a mean needs at least one value, got none")
    return found


def difference(first: Sequence[float], second: Sequence[float]) -> Estimate:
    """The mean of second − first, pair by pair; what the two of a pair have in common (their seed) drops out."""
    return estimate(b - a for a, b in zip(first, second, strict=True))


@dataclass(frozen=True)
class Comparison:
    """A difference as one of a family of comparisons.

    Attributes
    ----------
    difference
        ``None`` if no pair is finished.
    p
        The p-value after Holm's correction.
    margin
        Differences within ± this don't matter; ``None`` where no such margin is known.
    """

    difference: Estimate | None
    p: float
    margin: float | None = MARGIN

    @property
    def shown(self) -> bool:
        """Whether the true difference isn't 0, at 5 % for the family."""
        return self.p < LEVEL

    @property
    def sign(self) -> int:
        """+1 or −1 where a difference is shown, else 0."""
        return int(np.sign(self.difference.mean)) if self.shown and self.difference else 0

    @property
    def too_small(self) -> bool:
        """Whether the 90 % interval lies within the margins; a difference can be shown and be too small to matter."""
        p = None if self.difference is None or self.margin is None else self.difference.equivalence_p(self.margin)
        return p is not None and p < LEVEL

    @property
    def verdict(self) -> str:
        """The plan's words; both of them where a difference is shown and too small to matter."""
        words = [f"{SHOWN}: {'higher' if self.sign > 0 else 'lower'}"] * self.shown + [NO_DIFFERENCE] * self.too_small
        return ", but ".join(words) or UNDECIDED


def family(differences: Mapping[Name, Estimate | None], margin: float | None = MARGIN) -> dict[Name, Comparison]:
    """The differences with p-values corrected by Holm's method, which keeps the risk of any false "shown" at 5 %.

    A comparison of which fewer than two pairs are finished counts with p = 1. So a verdict on a part of the runs is no
    easier than one on all of them.
    """
    corrected = holm([1.0 if one is None or one.p is None else one.p for one in differences.values()])
    return {name: Comparison(one, p, margin) for (name, one), p in zip(differences.items(), corrected, strict=True)}


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values corrected by Holm's method, in the same order."""
    if not p_values:
        return []
    corrected = optional("statsmodels.stats.multitest", "experiments").multipletests(p_values, method="holm")[1]
    return [float(p) for p in corrected]


@dataclass(frozen=True)
class Contrast:
    """A difference of two arms by the mixed model: its estimate, 95 % interval and p-value."""

    mean: float
    interval: Interval
    p: float


def mixed_model(values: Mapping[tuple[str, int], float], reference: str) -> dict[str, Contrast]:
    """Differences to the reference arm by a linear mixed model: a mean for each arm, a random term for each seed.

    Where the arms are schedules × rates, this is the model "schedule, rate and their interaction", with the rate as
    categories. It estimates one variance of the noise from all arms, where a t test uses the two that it compares; so
    it is wrong where some arms vary much more than others.

    Parameters
    ----------
    values
        By arm and seed, what was measured. A seed may lack arms.
    reference
        The arm with which the others are compared.

    Returns
    -------
    Arm → contrast, without the reference; empty if the model can't be fitted: with fewer than two seeds, or without
    noise.
    """
    arms = [reference, *dict.fromkeys(arm for arm, _ in values if arm != reference)]
    seeds = [seed for _, seed in values]
    spare = len(values) - len(arms)
    if len(set(seeds)) < 2 or spare < 2 or reference not in (arm for arm, _ in values):
        return {}
    design = np.array([[1.0, *(float(arm == one) for one in arms[1:])] for arm, _ in values])
    measured = 100 * np.array(list(values.values()))  # percent: numbers near 1 suit the optimizer of the likelihood
    model = optional("statsmodels.regression.mixed_linear_model", "experiments").MixedLM(measured, design, seeds)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # of a variance of 0 between the seeds, which is a fair result
        try:
            fitted = model.fit(reml=True)
        except (np.linalg.LinAlgError, ValueError):
            return {}
        if not (np.isfinite(fitted.bse_fe) & (fitted.bse_fe > 1e-6)).all():
            return {}
        intervals = fitted.conf_int() / 100
    return {
        arm: Contrast(
            float(fitted.fe_params[i] / 100),
            (float(intervals[i][0]), float(intervals[i][1])),
            float(fitted.pvalues[i]),
        )
        for i, arm in enumerate(arms[1:], start=1)
    }


def in_words(gain: Comparison, what: str, than: str) -> str:
    """The verdict in a sentence."""
    count = 0 if gain.difference is None else len(gain.difference.values)
    if count < 2:
        return f"{count} pair{'s' * (count != 1)}: nothing can be said about chance"
    if gain.shown:
        small = ", but by less than matters" if gain.too_small else ""
        return f"{what} is {'better' if gain.sign > 0 else 'worse'} than {than}{small} ({count} pairs)"
    if gain.too_small:
        return f"there is {NO_DIFFERENCE} between {what} and {than} ({count} pairs)"
    return f"no difference between {what} and {than} can be shown from {count} pairs"
