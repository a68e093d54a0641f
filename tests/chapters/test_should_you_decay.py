"""The chapter "Should you decay?": its algebra, its numbers, and the sentences that rest on stored runs."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import sympy as sp
from minigrad_book.should_you_decay import numbers
from minigrad_book.should_you_decay.experiments import ARTICLE, EXPERIMENTS
from minigrad_book.tools import experiments
from minigrad_book.tools.experiments import single, stats, store
from minigrad_book.tools.experiments.reporting import data_note

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
    low, high = stats.estimate(d.tolist()).t
    half = 2.776445 * np.sqrt(((d - d.mean()) ** 2).sum() / 4) / np.sqrt(5)
    assert (low, high) == pytest.approx((d.mean() - half, d.mean() + half))


def test_the_articles_numbers_are_the_same_on_the_page_and_in_the_tables():
    text = PAGE.read_text(encoding="utf-8")
    for row, accuracies in zip(("experiment 1", "experiment 2"), ARTICLE.values(), strict=True):
        line = next(line for line in text.splitlines() if line.startswith(f"| {row}"))
        assert f"| {accuracies['constant']:.4f} | {accuracies['plateau']:.4f} |" in line


def test_every_experiment_is_on_the_page():
    text = PAGE.read_text(encoding="utf-8")
    for experiment in EXPERIMENTS:
        assert f'"{experiment.name}"' in text or experiment.name == "first-look"


RESULTS = PAGE.parent / "results"


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda experiment: experiment.name)
def test_the_stored_results_are_whole_small_and_of_todays_configurations(experiment):
    found = numbers.runs(experiment.name)
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


def test_every_run_is_stored():
    for experiment in EXPERIMENTS:
        wanted = {(arm, seed) for arm in experiment.arms for seed in experiment.seeds}
        assert wanted == numbers.runs(experiment.name).done.keys(), experiment.name


def test_three_epochs_reach_half_of_the_test_images():
    assert all(run["test_accuracy"]["last"] >= 0.5 for run in numbers.runs("first-look").of("adam"))


@pytest.mark.parametrize("name", ["article-1", "article-2"])
def test_pairs_are_the_same_run_until_the_first_reduction(name):
    for without, decayed, acted in numbers.pairs(name):
        assert without["loss"][:acted] == decayed["loss"][:acted]
        assert without["loss"][: acted + 1] != decayed["loss"][: acted + 1]


def test_the_words_about_data_and_machines():
    """One set of data and one kind of machine, as the page has it."""
    values = numbers.data_numbers()
    assert not any(";" in value for value in values.values())
    for experiment in EXPERIMENTS:
        assert data_note(numbers.runs(experiment.name)) == (
            f"data: {values['decay-data']}; computed on {values['decay-machines']}, one thread a run"
        )


def test_the_words_about_the_articles_experiments():
    """The sentences of "Should you decay?", of the introduction and of the claims that no number can change."""
    verdicts = {
        (name, at): numbers.gain(name, "constant", "plateau", at).verdict for name in ARTICLE for at in ("last", "best")
    }
    assert verdicts == {("article-1", "last"): 1, ("article-1", "best"): 1} | {
        ("article-2", at): 0 for at in ("last", "best")
    }
    bootstrap = numbers.gain("article-2", "constant", "plateau").bootstrap
    assert bootstrap[0] > 0, "the bootstrap alone would have said better"
    first, second = (numbers.article_numbers(name) for name in ARTICLE)
    assert first["acted-article-1"] > first["lowest-article-1"], "the rule acts after the loss has turned"
    assert second["acted-article-2"] < second["lowest-article-2"], "the rule acts before the loss has turned"


def test_an_interval_is_the_equation():
    """±t s/√n: of two pairs with s, of which the critical value is 12.706."""
    label, two_pairs, *_ = numbers.interval("experiment 1", "article-1")
    gains = 100 * np.array(numbers.gain("article-1", "constant", "plateau").values)
    assert f"= {gains.std(ddof=1):.2f} in pairs" in label
    assert two_pairs == f"±{12.706 * gains.std(ddof=1) / np.sqrt(2):.1f}"


def test_the_words_about_the_grid():
    by_clock = ("exponential", "cosine", "step", "warmup-cosine")
    for lr in ("0.0001", "0.0003"):
        never_acts = numbers.gain("grid", f"constant-{lr}", f"plateau-{lr}")
        assert set(never_acts.values) == {0.0}, "the rule never acts"
        assert all(numbers.points("grid", f"constant-{lr}", f"{schedule}-{lr}") < 0 for schedule in by_clock)
    for schedule in ("plateau", *by_clock):
        small, large = (numbers.points("grid", f"constant-{lr}", f"{schedule}-{lr}") for lr in ("0.001", "0.003"))
        assert 0 < small < large, "every schedule is ahead, and further at the larger rate"
    for schedule in ("plateau", "cosine", "step"):
        small, large = (
            numbers.points("grid", f"constant-{lr}", f"{schedule}-{lr}", "best") for lr in ("0.001", "0.003")
        )
        assert large <= small, "between best epochs no more is gained"
    failed = {tuple(numbers.at_chance(f"{schedule}-0.01")) for schedule in ("constant", "plateau", *by_clock[:3])}
    assert [len(seeds) for seeds in failed] == [2], "the same two seeds under all five schedules"
    low, high = numbers.gain("grid", *numbers.tuned()).t
    assert low < 0 < high, "three pairs don't show that a schedule adds anything to the best constant rate"


def test_the_words_about_weight_decay():
    shown = {row[0]: row[-1] for row in experiments.table("weight-decay", "Differences of the chosen").rows}
    assert {label.split(" − ")[0]: word for label, word in shown.items()} == {"AdamW": "nothing", "cosine": "higher"}
    assert len(shown) == 4
    chosen = {tuple(row[:2]): row[2] for row in experiments.table("weight-decay", "Chosen by validation").rows}
    for form in {form for form, _ in chosen}:
        assert chosen[form, "constant"] == chosen[form, "cosine"], "one λ for each form, as the page has it"


@pytest.mark.parametrize(
    "compute",
    [
        numbers.setup_numbers,
        numbers.data_numbers,
        numbers.later_numbers,
        numbers.grid_numbers,
        numbers.first_steps_numbers,
        numbers.effective_rates_numbers,
        numbers.weight_decay_numbers,
    ],
)
def test_every_number_that_a_section_glues_is_on_the_page(compute):
    text = PAGE.read_text(encoding="utf-8")
    unused = {name for name in compute() if f"`{name}" not in text}
    assert all(name.startswith("gain-") for name in unused), unused
