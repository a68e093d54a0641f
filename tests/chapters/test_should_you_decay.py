"""The chapter "Should you decay?": its algebra, its numbers, and its statements about the stored runs."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import sympy as sp

from minigrad_book.bias_correction import numbers as bias_correction
from minigrad_book.should_you_decay import numbers
from minigrad_book.should_you_decay.experiments import ARTICLE, EXPERIMENTS
from minigrad_book.tools import experiments
from minigrad_book.tools.experiments import single, stats, store
from minigrad_book.tools.experiments.reporting import data_note
from minigrad_book.tools.experiments.reports import shared
from minigrad_book.tools.experiments.reports.grid import gains_over_constant
from minigrad_book.tools.experiments.reports.weight_decay import chosen_arms

PAGE = Path(__file__).parents[2] / "book" / "should_you_decay" / "index.md"


def test_pairing_reduces_the_variance():
    """The equations pair-model and pair-variance follow from the variances of independent terms."""
    sigma, tau, mu, delta = sp.symbols("sigma tau mu delta", positive=True)
    c, c2, e, e2 = sp.symbols("c c_2 e e_2", real=True)
    variances = {c: sigma**2, c2: sigma**2, e: tau**2, e2: tau**2}

    def variance(expression):
        return sum(sp.diff(expression, term) ** 2 * value for term, value in variances.items())

    pair = (mu + delta + c + e2) - (mu + c + e)
    unpaired = (mu + delta + c2 + e2) - (mu + c + e)
    assert sp.simplify(variance(pair) - 2 * tau**2) == 0
    assert sp.simplify(variance(unpaired) - (2 * sigma**2 + 2 * tau**2)) == 0
    assert sp.simplify(variance(pair) - 2 * sigma**2) != 0


def test_the_sample_variance_is_unbiased_with_n_minus_1():
    """In the equation t-interval, E[s²] = τ² for three independent values of variance τ²; with n it would be less."""
    tau = sp.symbols("tau", positive=True)
    d = sp.symbols("d1:4", real=True)
    squares = sp.expand(sum((x - sum(d) / 3) ** 2 for x in d))
    expected = squares.subs({x**2: tau**2 for x in d}).subs(dict.fromkeys(d, 0))  # independent: products average to 0
    assert sp.simplify(expected / 2 - tau**2) == 0
    assert sp.simplify(expected / 3 - tau**2) != 0


def test_the_critical_values_on_the_page_are_of_students_t():
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


def test_the_page_and_the_tables_have_the_same_numbers_from_the_article():
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
def test_the_stored_results_are_complete_small_and_up_to_date(experiment):
    found = numbers.runs(experiment.name)
    assert found.unreadable == []
    for (arm, seed), record in found.done.items():
        path = store.path_of(RESULTS, experiment, arm, seed)
        assert path.stat().st_size < 30_000
        assert "/" not in json.dumps({**record, "versions": {}, "data": {}}), "no path of the machine that computed it"
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


def test_three_epochs_classify_half_of_the_test_images():
    assert all(run["test_accuracy"]["last"] >= 0.5 for run in numbers.runs("first-look").of("adam"))


@pytest.mark.parametrize("name", ["article-1", "article-2"])
def test_pairs_are_the_same_run_until_the_first_reduction(name):
    for without, decayed, acted in numbers.pairs(name):
        assert without["loss"][:acted] == decayed["loss"][:acted]
        assert without["loss"][: acted + 1] != decayed["loss"][: acted + 1]


def test_the_sentences_about_data_and_machines():
    """All runs have the same data and the same kind of machine, as on the page."""
    values = numbers.data_numbers()
    assert not any(";" in value for value in values.values())
    for experiment in EXPERIMENTS:
        assert data_note(numbers.runs(experiment.name)) == (
            f"data: {values['data']}; computed on {values['machines']}, one thread a run"
        )


def test_the_sentences_about_the_articles_experiments():
    """The sentences without glued numbers in "Should you decay?", the introduction and the claims are right."""
    verdicts = {
        (name, at): numbers.gain(name, "constant", "plateau", at).verdict for name in ARTICLE for at in ("last", "best")
    }
    assert verdicts == {("article-1", "last"): 1, ("article-1", "best"): 1} | {
        ("article-2", at): 0 for at in ("last", "best")
    }
    first, second = (numbers.article_numbers(name) for name in ARTICLE)
    assert first["acted-article-1"] > first["lowest-article-1"], "the rule acts after the loss has turned"
    assert second["acted-article-2"] < second["lowest-article-2"], "the rule acts before the loss has turned"


def test_the_sentences_about_experiment_1():
    values = numbers.article_numbers("article-1")
    assert values["given-back-article-1"] > values["gain-article-1-last"] / 2, (
        "most of the gain is the constant rate's loss"
    )
    assert values["jump-article-1"] > 5 * values["twin-article-1"] > 0, "the jump is due to the reduction"
    assert values["after-article-1"] < values["before-article-1"]
    lowest = [min(decayed["val_loss"]) - min(without["val_loss"]) for without, decayed, _ in numbers.pairs("article-1")]
    assert np.abs(lowest).max() < 0.02, "the lowest validation loss hardly changes"
    assert numbers.accuracy("article-1", "constant") == pytest.approx(100 * ARTICLE["article-1"]["constant"], abs=2)
    assert numbers.accuracy("article-1", "plateau") > 100 * ARTICLE["article-1"]["plateau"] + 5


def test_the_sentences_about_experiment_2():
    values = numbers.article_numbers("article-2")
    assert values["gain-article-2-best"] < 0 < values["gain-article-2-last"]
    assert values["jump-article-2"] > 5 * values["twin-article-2"] > 0, "the jump is due to the reduction"
    jumps = [
        (numbers.jump(without, acted), numbers.jump(decayed, acted))
        for without, decayed, acted in numbers.pairs("article-2")
    ]
    assert stats.difference(*zip(*jumps, strict=True)).verdict == 1, "the gain is real"
    for without, decayed, acted in numbers.pairs("article-2"):
        assert max(without["val_accuracy"][acted:]) >= decayed["val_accuracy"][acted], (
            "the other run gets as far, later"
        )


def test_the_sentences_about_two_and_three_runs():
    """The article's differences are well inside the intervals for unpaired runs; those for pairs may be wider."""
    reach = {name: [float(cell.lstrip("±")) for cell in numbers.interval(name, name)[1:]] for name in ARTICLE}
    two_unpaired, three_unpaired = reach["article-1"][1], reach["article-2"][3]
    assert numbers.article_numbers("article-1")["article-article-1"] < two_unpaired
    assert numbers.article_numbers("article-2")["article-article-2"] > -three_unpaired
    assert reach["article-2"][0] > reach["article-2"][1], "with two runs, pairing costs more than it gains"


def test_an_interval_is_the_equation():
    """The interval of two pairs is ±t·s/√n, with the critical value t = 12.706."""
    label, two_pairs, *_ = numbers.interval("experiment 1", "article-1")
    gains = 100 * np.array(numbers.gain("article-1", "constant", "plateau").values)
    assert f"= {gains.std(ddof=1):.2f} in pairs" in label
    assert two_pairs == f"±{12.706 * gains.std(ddof=1) / np.sqrt(2):.1f}"


def test_the_sentences_about_the_grid():
    by_clock = ("exponential", "cosine", "step", "warmup-cosine")
    for lr in ("0.0001", "0.0003"):
        never_acts = numbers.gain("grid", f"constant-{lr}", f"plateau-{lr}")
        assert set(never_acts.values) == {0.0}, "the rule never acts"
        assert all(numbers.points("grid", f"constant-{lr}", f"{schedule}-{lr}") < 0 for schedule in by_clock)
    for schedule in ("plateau", *by_clock):
        small, large = (numbers.points("grid", f"constant-{lr}", f"{schedule}-{lr}") for lr in ("0.001", "0.003"))
        assert 0 < small < large, "every schedule is better, and more so at the larger rate"
    for schedule in ("plateau", "cosine", "step"):
        small, large = (
            numbers.points("grid", f"constant-{lr}", f"{schedule}-{lr}", "best") for lr in ("0.001", "0.003")
        )
        assert large <= small, "for the best epochs the gain isn't larger"
    failed = {tuple(numbers.at_chance(f"{schedule}-0.01")) for schedule in ("constant", "plateau", *by_clock[:3])}
    assert [len(seeds) for seeds in failed] == [2], "the same two seeds under all five schedules"
    low, high = numbers.gain("grid", *numbers.tuned()).t
    assert low < 0 < high, "three pairs don't show that a schedule adds anything to the best constant rate"
    values = numbers.grid_numbers()
    assert values["scheduled_rate"] > values["tuned_rate"], "the best rate with a schedule is larger"
    assert values["gain-exponential-0.0001"] < values["gain-exponential-0.0003"], "a little less of it"
    assert 0 < values["too-large-exponential"] < values["too-large-cosine"] < values["too-large-constant"]
    shares = [shared.mean_rate(numbers.runs("grid").of(f"{s}-0.001")[0]) for s in ("exponential", "cosine", "constant")]
    assert shares == sorted(shares), "the mean rate is the smallest of the three"
    compared = gains_over_constant(experiments.named("grid"), numbers.runs("grid")).values()
    assert not any(comparison.shown for comparison in compared), "no single cell is shown"
    assert any(comparison.difference.verdict for comparison in compared), "without the correction, some would be"
    assert values["warmed_alive"] == values["warmed"], "with a warm-up all train"
    assert values["warmed_test"] < min(numbers.accuracy("grid", f"warmup-cosine-{lr}") for lr in ("0.001", "0.003"))


def test_the_sentences_about_the_first_updates():
    shown = {row[0]: row[-1] for row in experiments.table("first-steps", "Differences").rows}
    higher = "uncorrected − corrected, loss of updates 101–200"
    assert shown.pop(higher) == "shown: higher"
    assert len(shown) == 5
    assert set(shown.values()) == {"undecided"}
    values = numbers.first_steps_numbers()
    assert values["corrected_after"] > values["uncorrected_after"]
    too_long = bias_correction.rho(np.arange(1, 201))
    assert 3 < too_long[:100].min() < too_long[:100].max() < 7
    assert 2 < too_long[199] < 3, "still more than twice at update 200"


def test_the_sentences_about_the_effective_rates():
    values = numbers.effective_rates_numbers()
    assert 1 < values["fall_early"] < values["fall_constant"], "the median falls before the loss turns, and after"
    assert values["tail_rise"] > 1, "the 95th percentile ends higher"
    assert values["fall_cosine"] > values["fall_eta"], "part of the fall with cosine decay is due to Adam"


def test_the_sentences_about_weight_decay():
    shown = {row[0]: row[-1] for row in experiments.table("weight-decay", "Differences of the chosen").rows}
    words = {form: {word for label, word in shown.items() if label.startswith(form)} for form in ("AdamW", "cosine")}
    assert words["cosine"] == {"shown: higher"}
    assert not any(word.startswith("shown") for word in words["AdamW"])
    assert len(shown) == 4
    chosen = {tuple(row[:2]): row[2] for row in experiments.table("weight-decay", "Chosen by validation").rows}
    for form in {form for form, _ in chosen}:
        assert chosen[form, "constant"] == chosen[form, "cosine"], "one λ for each form, as on the page"


def test_the_sentences_about_weight_decay_and_none():
    """Weight decay gains about one point over the grid's cosine decay; for AdamW the interval contains zero."""
    arms = chosen_arms(experiments.named("weight-decay"), numbers.runs("weight-decay"))
    without = [shared.accuracy_on_test(run) for run in numbers.runs("grid").of("cosine-0.001")]
    l2, adamw = (
        stats.difference(
            without, [shared.accuracy_on_test(run) for run in numbers.runs("weight-decay").of(arms[form, "cosine"])]
        )
        for form in ("adam", "adamw")
    )
    assert [100 * l2.mean, 100 * adamw.mean] == pytest.approx([1, 1], abs=0.2)
    assert l2.verdict == 1
    assert adamw.t[0] < 0 < adamw.t[1]


def test_every_number_on_the_page_is_computed_and_used():
    computed = numbers.setup_numbers() | numbers.data_numbers() | numbers.later_numbers() | numbers.grid_numbers()
    computed |= numbers.first_steps_numbers() | numbers.effective_rates_numbers() | numbers.weight_decay_numbers()
    for name in ARTICLE:
        computed |= numbers.article_numbers(name)
    shown = set(re.findall(r"{glue:text}`decay-([^`:]+)", PAGE.read_text(encoding="utf-8")))
    assert shown <= computed.keys()
    measured_but_not_shown = {"acted-article-1", "lowest-article-1"}  # the sentences about experiment 1 depend on them
    measured_but_not_shown |= {f"{what}-article-2" for what in ("given-back", "before", "after")}
    assert {name for name in computed.keys() - shown if not name.startswith("gain-")} == measured_but_not_shown
