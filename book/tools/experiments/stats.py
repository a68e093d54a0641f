"""Means with intervals, and the plain verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from minigrad.data import optional

RESAMPLES = 10_000


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds and its 95 % intervals, which are ``None`` for fewer than two values."""

    values: tuple[float, ...]
    mean: float
    t: tuple[float, float] | None
    bootstrap: tuple[float, float] | None

    @property
    def verdict(self) -> int:
        """+1 or −1 if both intervals lie on that side of 0; 0 if they don't: nothing is shown."""
        if self.t is None or self.bootstrap is None:
            return 0
        low, high = min(self.t[0], self.bootstrap[0]), max(self.t[1], self.bootstrap[1])
        return int(low > 0) - int(high < 0)


def estimate(values: Sequence[float], level: float = 0.95) -> Estimate:
    """The mean with Student's t interval and the percentile bootstrap's (10,000 resamples, a fixed seed).

    The t interval assumes normal values. The bootstrap doesn't, but with few values it is too narrow: it takes their
    spread for the true one, where t allows for the error of that guess. ValueError without values.
    """
    if not values:
        raise ValueError("a mean needs at least one value, got none")
    x = np.asarray(values, dtype=float)
    mean = float(x.mean())
    if len(x) < 2:
        return Estimate(tuple(values), mean, None, None)
    scipy_stats = optional("scipy.stats", "experiments")
    half = float(scipy_stats.t.ppf((1 + level) / 2, len(x) - 1) * scipy_stats.sem(x))
    low, high = scipy_stats.bootstrap(
        (x,), np.mean, n_resamples=RESAMPLES, confidence_level=level, method="percentile", rng=np.random.default_rng(0)
    ).confidence_interval
    return Estimate(tuple(values), mean, (mean - half, mean + half), (float(low), float(high)))


def difference(first: Sequence[float], second: Sequence[float], level: float = 0.95) -> Estimate:
    """The mean of second − first, pair by pair; what the two of a pair have in common (their seed) drops out."""
    return estimate([b - a for a, b in zip(first, second, strict=True)], level)


def in_words(gain: Estimate, what: str, than: str) -> str:
    """The verdict in words."""
    count = len(gain.values)
    if count < 2:
        return f"{count} pair: nothing can be said about chance"
    if gain.verdict == 0:
        return f"no difference between {what} and {than} can be shown from {count} pairs"
    return f"{what} is {'better' if gain.verdict > 0 else 'worse'} than {than} ({count} pairs)"
