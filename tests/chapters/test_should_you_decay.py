"""The chapter "Should you decay?": its algebra, and the numbers it types."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import sympy as sp
from minigrad_book.tools.experiments import CATALOGUE, single, stats, store, tables

PAGE = Path(__file__).parents[2] / "book" / "should_you_decay" / "index.md"


def test_what_pairing_buys():
    """pair-model and pair-variance, by the algebra of variances of independent terms."""
    sigma, tau, mu, delta = sp.symbols("sigma tau mu delta", positive=True)
    c, c2, e, e2 = sp.symbols("c c_2 e e_2", real=True)
    variances = {c: sigma**2, c2: sigma**2, e: tau**2, e2: tau**2}

    def variance(expression):
        return sum(sp.diff(expression, term) ** 2 * value for term, value in variances.items())

    pair = (mu + delta + c + e2) - (mu + c + e)
    strangers = (mu + delta + c2 + e2) - (mu + c + e)
    assert sp.simplify(variance(pair) - 2 * tau**2) == 0
    assert sp.simplify(variance(strangers) - (2 * sigma**2 + 2 * tau**2)) == 0
    assert sp.simplify(variance(pair) - 2 * sigma**2) != 0


def test_the_sample_variance_is_unbiased_with_n_minus_1():
    """The s² of t-interval: for three independent values of variance τ², E[s²] = τ²; with n it would be less."""
    tau = sp.symbols("tau", positive=True)
    d = sp.symbols("d1:4", real=True)
    squares = sp.expand(sum((x - sum(d) / 3) ** 2 for x in d))
    expected = squares.subs({x**2: tau**2 for x in d}).subs(dict.fromkeys(d, 0))  # independent: products average to 0
    assert sp.simplify(expected / 2 - tau**2) == 0
    assert sp.simplify(expected / 3 - tau**2) != 0


def test_the_critical_values_on_the_page_are_students():
    scipy_stats = pytest.importorskip("scipy.stats")
    line = re.search(r"critical = \{(.*)\}", PAGE.read_text(encoding="utf-8"))[1]
    values = {int(n): float(t) for n, t in (pair.split(":") for pair in line.split(","))}
    assert {2, 3, 5} <= values.keys()
    for n, t in values.items():
        assert t == pytest.approx(scipy_stats.t.ppf(0.975, n - 1), abs=5e-4)


def test_the_interval_is_the_equation():
    d = np.array([0.4, 1.1, -0.2, 0.9, 0.6])
    low, high = stats.mean(d.tolist()).t
    half = 2.776445 * np.sqrt(((d - d.mean()) ** 2).sum() / 4) / np.sqrt(5)
    assert (low, high) == pytest.approx((d.mean() - half, d.mean() + half))


def test_the_articles_numbers_are_the_same_on_the_page_and_in_the_tables():
    text = PAGE.read_text(encoding="utf-8")
    for row, numbers in zip(("experiment 1", "experiment 2"), tables.ARTICLE.values(), strict=True):
        line = next(line for line in text.splitlines() if line.startswith(f"| {row}"))
        assert f"| {numbers['constant']:.4f} | {numbers['plateau']:.4f} | {numbers['runs']} runs |" in line


def test_every_experiment_is_on_the_page():
    text = PAGE.read_text(encoding="utf-8")
    for name in set(CATALOGUE) - {"first-look"}:
        assert f'"{name}"' in text


RESULTS = PAGE.parent / "results"


@pytest.mark.parametrize("experiment", CATALOGUE.values(), ids=CATALOGUE)
def test_the_stored_results_are_whole_small_and_of_todays_configurations(experiment):
    found = store.scan(experiment, RESULTS)
    assert found.unreadable == []
    for (arm, seed), record in found.done.items():
        path = store.path_of(RESULTS, experiment, arm, seed)
        assert path.stat().st_size < 30_000
        assert "/" not in json.dumps({**record, "versions": {}, "data": {}}), (
            "no path of the machine it was computed on"
        )
        assert record["data"]["what"] == "a JPEG (quality 75) copy of CIFAR-10"
        assert record["best_epoch"] == single.best_epoch(record["history"]["val_accuracy"])
    stray = set((RESULTS / experiment.name).glob("*")) - {
        store.path_of(RESULTS, experiment, *run) for run in found.done
    }
    assert not stray


def test_three_epochs_reach_half_of_the_test_images():
    found = store.scan(CATALOGUE["first-look"], RESULTS)
    assert all(record["test_accuracy"]["last"] >= 0.5 for record in found.done.values())


def test_pairs_are_the_same_run_until_the_first_reduction():
    for name in ("article-1", "article-2"):
        found = store.scan(CATALOGUE[name], RESULTS)
        for seed in found.seeds("constant", "plateau"):
            constant, plateau = (found.done[arm, seed] for arm in ("constant", "plateau"))
            same = tables.first_reduction(plateau)
            assert constant["history"]["loss"][:same] == plateau["history"]["loss"][:same]


def gain(name, first, second, at="last"):
    return tables.paired(store.scan(CATALOGUE[name], RESULTS), first, second, at)


def test_every_run_is_stored():
    for experiment in CATALOGUE.values():
        wanted = {(arm, seed) for arm in experiment.arms for seed in experiment.seeds}
        assert wanted == store.scan(experiment, RESULTS).done.keys(), experiment.name


def test_the_words_about_the_articles_experiments():
    """The sentences of "Should you decay?", of the introduction and of the claims that no number can change."""
    verdicts = {
        (name, at): gain(name, "constant", "plateau", at).verdict
        for name in ("article-1", "article-2")
        for at in ("last", "best")
    }
    assert verdicts == {("article-1", "last"): 1, ("article-1", "best"): 1} | {
        ("article-2", at): 0 for at in ("last", "best")
    }
    assert gain("article-2", "constant", "plateau").bootstrap[0] > 0, "the bootstrap alone would have said better"
    for name, after in (("article-1", True), ("article-2", False)):
        found = store.scan(CATALOGUE[name], RESULTS)
        lowest = np.mean([1 + np.argmin(r["history"]["val_loss"]) for r in found.records("constant")])
        acted = np.mean([tables.first_reduction(r) for r in found.records("plateau")])
        assert (acted > lowest) == after, "the rule acts after the loss has turned, or before"


def test_the_words_about_the_grid():
    by_clock = ("exponential", "cosine", "step", "warmup-cosine")
    for lr in ("0.0001", "0.0003"):
        assert set(gain("grid", f"constant-{lr}", f"plateau-{lr}").values) == {0.0}, "the rule never acts"
        assert all(gain("grid", f"constant-{lr}", f"{schedule}-{lr}").mean < 0 for schedule in by_clock)
    for schedule in ("plateau", *by_clock):
        gains = [gain("grid", f"constant-{lr}", f"{schedule}-{lr}").mean for lr in ("0.001", "0.003")]
        assert 0 < gains[0] < gains[1], "every schedule is ahead, and further at the larger rate"
    for schedule in ("plateau", "cosine", "step"):
        gains = [gain("grid", f"constant-{lr}", f"{schedule}-{lr}", "best").mean for lr in ("0.001", "0.003")]
        assert gains[1] <= gains[0], "between best epochs no more is gained"
    found = store.scan(CATALOGUE["grid"], RESULTS)
    at_chance = {
        tuple(seed for seed in (0, 1, 2) if tables.accuracy_on_test(found.done[f"{schedule}-0.01", seed]) < 0.11)
        for schedule in ("constant", "plateau", "exponential", "cosine", "step")
    }
    assert [len(seeds) for seeds in at_chance] == [2], "the same two seeds under all five schedules"
    constant, scheduled = (
        tables.chosen(found, [arm for arm in CATALOGUE["grid"].arms if arm.startswith("constant") == without])
        for without in (True, False)
    )
    low, high = tables.paired(found, constant, scheduled).t
    assert low < 0 < high, "three pairs don't show that a schedule adds anything to the best constant rate"


def test_the_words_about_weight_decay():
    experiment = CATALOGUE["weight-decay"]
    found = store.scan(experiment, RESULTS)
    shown = {row[0]: row[-1] for row in tables.weight_decay_differences(experiment, found)[1:]}
    assert {label.split(" − ")[0]: word for label, word in shown.items()} == {"AdamW": "nothing", "cosine": "higher"}
    assert len(shown) == 4
    chosen = {tuple(row[:2]): row[2] for row in tables.weight_decay(experiment, found)[1:]}
    for way in {way for way, _ in chosen}:
        assert chosen[way, "constant"] == chosen[way, "cosine"], "one λ for each way, as the page has it"
