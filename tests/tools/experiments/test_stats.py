"""Intervals, tests and verdicts, against scipy, against equations, and on simulated runs with a known effect."""

import gc

import numpy as np
import pytest

from minigrad_book.tools.experiments import stats
from minigrad_book.tools.experiments.reports.shared import COMPARISON, comparison_cells

scipy_stats = pytest.importorskip("scipy.stats")
pytest.importorskip("statsmodels")

MANY = 5000  # simulated experiments
PAIRS, SEED_SPREAD, NOISE = 5, 0.01, 0.007  # in each: pairs, spread of what a seed contributes, spread of the rest


def simulated_pairs(effect, rng, pairs=PAIRS):
    """Accuracies of two arms that share what their seed contributes."""
    seeds = rng.normal(0.6, SEED_SPREAD, pairs)
    return seeds + rng.normal(0, NOISE, pairs), seeds + effect + rng.normal(0, NOISE, pairs)


def printed_interval(difference):
    """As a report prints it, read back."""
    cells = dict(zip(COMPARISON, comparison_cells(stats.Comparison(difference, p=1.0)), strict=True))
    return tuple(float(bound) / 100 for bound in cells["95 % interval"].split(" to "))


def within_monte_carlo_error(share, expected, repetitions=MANY):
    return abs(share - expected) < 3 * np.sqrt(expected * (1 - expected) / repetitions)


def test_interval_and_p_value_are_scipys_paired_ones():
    rng = np.random.default_rng(0)
    a = rng.normal(size=7)
    b = a + rng.normal(0.3, 0.2, size=7)
    ours, theirs = stats.difference(a.tolist(), b.tolist()), scipy_stats.ttest_rel(b, a)
    np.testing.assert_allclose(ours.t, theirs.confidence_interval(0.95))
    np.testing.assert_allclose(ours.interval(0.9), theirs.confidence_interval(0.9))
    assert ours.mean == pytest.approx((b - a).mean())
    assert ours.p == pytest.approx(theirs.pvalue)
    assert ours.effect == pytest.approx((b - a).mean() / (b - a).std(ddof=1))


def test_the_equivalence_test_is_two_one_sided_t_tests_and_the_90_percent_interval():
    rng = np.random.default_rng(1)
    decided = set()
    for _ in range(200):
        d = rng.normal(0.1, 0.25, 6)
        sides = [
            scipy_stats.ttest_1samp(d, -0.5, alternative="greater"),
            scipy_stats.ttest_1samp(d, 0.5, alternative="less"),
        ]
        one = stats.estimate(d)
        assert one.equivalence_p(0.5) == pytest.approx(max(side.pvalue for side in sides))
        low, high = one.interval(0.9)
        assert (one.equivalence_p(0.5) < 0.05) == (low > -0.5 and high < 0.5)
        decided.add(one.equivalence_p(0.5) < 0.05)
    assert decided == {True, False}


def test_equal_values_need_no_distribution():
    equal = stats.estimate([0.25, 0.25, 0.25])
    assert equal.t == (0.25, 0.25)
    assert (equal.p, equal.effect, equal.equivalence_p(0.3), equal.equivalence_p(0.2)) == (0.0, None, 0.0, 1.0)
    zero = stats.estimate([0.0, 0.0])
    assert (zero.p, zero.equivalence_p()) == (1.0, 0.0)


def test_one_value_has_a_mean_and_nothing_else():
    one = stats.estimate([0.5])
    assert (one.mean, one.deviation, one.t, one.p, one.effect, one.equivalence_p(), one.verdict) == (
        0.5,
        *[None] * 5,
        0,
    )
    with pytest.raises(ValueError, match="at least one value"):
        stats.estimate([])


@pytest.mark.slow
def test_the_printed_interval_covers_a_known_effect_as_often_as_it_promises():
    """95 % of the simulated experiments; four wrong intervals don't pass the same test."""
    rng = np.random.default_rng(2)
    effect = 0.008
    critical, critical_of_strangers = scipy_stats.t.ppf(0.975, [PAIRS - 1, 2 * PAIRS - 2])
    covered = dict.fromkeys(("paired t", "n for n − 1", "as strangers", "1.96", "percentile bootstrap"), 0)
    draws = rng.integers(0, PAIRS, (300, PAIRS))
    for _ in range(MANY):
        first, second = simulated_pairs(effect, rng)
        d = second - first
        strangers = critical_of_strangers * np.sqrt((first.var(ddof=1) + second.var(ddof=1)) / PAIRS)
        low, high = np.quantile(d[draws].mean(axis=1), [0.025, 0.975])
        reach = {
            "n for n − 1": critical * d.std() / np.sqrt(PAIRS),
            "as strangers": strangers,
            "1.96": 1.96 * d.std(ddof=1) / np.sqrt(PAIRS),
        }
        bounds = {name: (d.mean() - half, d.mean() + half) for name, half in reach.items()}
        bounds |= {"paired t": printed_interval(stats.difference(first, second)), "percentile bootstrap": (low, high)}
        for name, (below, above) in bounds.items():
            covered[name] += below <= effect <= above
    shares = {name: count / MANY for name, count in covered.items()}
    assert within_monte_carlo_error(shares.pop("paired t"), 0.95)
    assert not any(within_monte_carlo_error(share, 0.95) for share in shares.values()), shares
    assert shares["percentile bootstrap"] < 0.87


@pytest.mark.slow
def test_holms_method_keeps_the_risk_of_any_false_alarm(monkeypatch):
    """Eight true nulls that share a reference arm, as the schedules do: at most 5 % of families have a false alarm."""
    monkeypatch.setattr(gc, "collect", lambda: 0)  # statsmodels collects garbage in each call, which takes 0.1 s
    rng = np.random.default_rng(3)
    families = 1000
    alarms = uncorrected = 0
    for _ in range(families):
        seeds = rng.normal(0.6, SEED_SPREAD, 10)
        arms = seeds + rng.normal(0, NOISE, (9, 10))
        found = stats.family({i: stats.difference(arms[0], arms[i]) for i in range(1, 9)})
        alarms += any(one.shown for one in found.values())
        uncorrected += any(one.difference.p < 0.05 for one in found.values())
    assert alarms / families <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / families)
    assert alarms / families > 0.01, "and it isn't kept by showing nothing"
    assert uncorrected / families > 0.15, "without the correction the risk is much larger"


@pytest.mark.slow
def test_the_equivalence_test_keeps_its_level_at_the_margin():
    """A true difference of just the margin is called "no difference that matters" in 5 % of cases at most."""
    rng = np.random.default_rng(4)
    verdicts = [
        stats.difference(*simulated_pairs(stats.MARGIN, rng, pairs=40)).equivalence_p() < 0.05 for _ in range(MANY)
    ]
    assert within_monte_carlo_error(np.mean(verdicts), 0.05)
    equal = [stats.difference(*simulated_pairs(0.0, rng, pairs=40)).equivalence_p() < 0.05 for _ in range(200)]
    assert np.mean(equal) > 0.8, "and it finds equal arms"


def test_holms_p_values_are_the_definition():
    assert stats.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])


@pytest.mark.parametrize(
    ("differences", "verdict", "words"),
    [
        ([0.01, 0.012, 0.011, 0.009, 0.01], "shown: higher", "decay is better than none (5 pairs)"),
        ([-0.01, -0.012, -0.011, -0.009, -0.01], "shown: lower", "decay is worse than none (5 pairs)"),
        ([0.01, -0.012, 0.011, -0.009, 0.01], "undecided", "no difference between decay and none can be shown from 5"),
        ([0.001, -0.001, 0.002, -0.001, 0.0], "no difference that matters", "there is no difference that matters"),
        (
            [0.001, 0.0011, 0.0012],
            "shown: higher, but no difference that matters",
            "better than none, but by less than",
        ),
        ([0.01, 0.03], "undecided", "no difference"),  # same signs, but two values tell little
        ([0.5], "undecided", "1 pair: nothing can be said"),
        (None, "undecided", "0 pairs: nothing can be said"),
    ],
)
def test_the_verdicts_of_the_plan(differences, verdict, words):
    one = stats.family({"it": None if differences is None else stats.estimate(differences)})["it"]
    assert one.verdict == verdict
    assert words in stats.in_words(one, "decay", "none")


def test_a_part_of_a_family_is_no_easier_than_the_whole():
    clear = stats.estimate([0.0100, 0.0112, 0.0089, 0.0131])
    alone = stats.family({"a": clear})["a"]
    with_others = stats.family({"a": clear, "b": None, "c": stats.estimate([0.3])})["a"]
    assert with_others.p == pytest.approx(3 * alone.p)
    assert stats.family({}) == {}


def test_without_a_margin_nothing_is_too_small_to_matter():
    assert stats.family({"loss": stats.estimate([0.0, 1e-9, -1e-9])}, margin=None)["loss"].verdict == "undecided"


def simulated_arms(rng, arms=6, seeds=10):
    shared = rng.normal(0.6, SEED_SPREAD, seeds)
    return {
        (f"arm {i}", seed): shared[seed] + 0.01 * i + rng.normal(0, NOISE) for i in range(arms) for seed in range(seeds)
    }


def test_the_mixed_model_is_the_analysis_of_variance_of_a_complete_design():
    """Each contrast is the mean difference; its variance is that of the residuals without arms and seeds."""
    values = simulated_arms(np.random.default_rng(5))
    table = np.array(list(values.values())).reshape(6, 10)
    found = stats.mixed_model(values, "arm 0")
    assert list(found) == [f"arm {i}" for i in range(1, 6)]
    residuals = table - table.mean(axis=0) - table.mean(axis=1, keepdims=True) + table.mean()
    error = np.sqrt(2 * (residuals**2).sum() / (5 * 9) / 10)
    for i, contrast in enumerate(found.values(), start=1):
        assert contrast.mean == pytest.approx((table[i] - table[0]).mean(), abs=1e-8)
        half = (contrast.interval[1] - contrast.interval[0]) / 2
        assert half == pytest.approx(1.96 * error, rel=2e-3)
        strangers = np.sqrt((table[i].var(ddof=1) + table[0].var(ddof=1)) / 10)
        assert half != pytest.approx(1.96 * strangers, rel=0.05), "without the seeds it would be wider"


def test_the_mixed_model_takes_incomplete_designs_and_says_when_it_has_none():
    values = simulated_arms(np.random.default_rng(6))
    del values["arm 2", 3], values["arm 2", 4]
    assert stats.mixed_model(values, "arm 0")["arm 2"].mean == pytest.approx(0.02, abs=0.01)
    assert stats.mixed_model(values, "no such arm") == {}
    assert stats.mixed_model({key: value for key, value in values.items() if key[1] == 0}, "arm 0") == {}
    exact = {key: 0.1 * int(key[0][-1]) for key in values}
    assert stats.mixed_model(exact, "arm 0") == {}, "without noise there is nothing to fit"
