"""Reports of the plan, on simulated runs with known means: tuned groups, budgets, and Adam's own decay."""

import math
from dataclasses import replace

import numpy as np
import pytest

from minigrad_book.plan.experiments import mean_share
from minigrad_book.tools.experiments import named
from minigrad_book.tools.experiments.config import Config
from minigrad_book.tools.experiments.reports import budgets, rates, shared, tuned
from minigrad_book.tools.experiments.store import Scan

pytest.importorskip("statsmodels")

REFERENCE = ("constant",)


def record(config, arm, seed, validation, tail, diverged=None):
    """As much of a stored run as the reports read; `tail` are test accuracies of the last epochs."""
    history = {"val_accuracy": validation, "lr": [config.lr] * len(validation), "seconds": [1.0], "loss": [1.0]}
    accuracies = {"best": max(tail, default=0.1), "last": tail[-1] if tail else 0.1, "tail": tail}
    return {
        "arm": arm,
        "seed": seed,
        "config": config.to_dict(),
        "history": history,
        "test_accuracy": accuracies,
        "best_epoch": 1,
        "effective_rates": None,
        "diverged": diverged,
    }


def simulated(experiment, accuracy, spread=0.006, seed_spread=0.01, seeds=None):
    """Runs of a whole experiment: `accuracy` gives each configuration's true mean; validation has noise of its own."""
    rng = np.random.default_rng(0)
    done = {}
    for seed in experiment.seeds if seeds is None else seeds:
        common = rng.normal(0, seed_spread)
        for arm, config in experiment.arms.items():
            mean = accuracy(config) + common
            test, validation = mean + rng.normal(0, spread), mean + rng.normal(0, spread)
            tail = [test] * min(5, config.epochs)
            done[arm, seed] = record(config, arm, seed, [validation] * config.epochs, tail)
    return Scan(done)


def by_distance(best, gain):
    """An accuracy that falls with the distance of the rate, in factors of ten, from the schedule's best rate."""
    return lambda config: (
        0.6 + gain.get(config.schedule, 0.0) - 0.06 * math.log10(config.lr / best.get(config.schedule, 1e-3)) ** 2
    )


# The measure


def test_the_measure_is_the_mean_over_the_last_five_epochs():
    config = Config(epochs=8)
    run = record(config, "arm", 0, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.9], [0.4, 0.5, 0.6, 0.7, 0.9])
    assert shared.accuracy_on_test(run, "tail") == pytest.approx(0.62)
    assert shared.val_accuracy(run, "tail") == pytest.approx(0.62)
    assert (shared.accuracy_on_test(run), shared.val_accuracy(run, "best")) == (0.9, 0.9)
    short = record(Config(epochs=2), "arm", 0, [0.2, 0.4], [0.2, 0.4])
    assert shared.accuracy_on_test(short, "tail") == shared.val_accuracy(short, "tail") == pytest.approx(0.3)


def test_epochs_that_a_diverged_run_did_not_finish_count_as_chance():
    run = record(Config(epochs=8), "arm", 0, [0.5] * 5, [0.5, 0.5], "the loss is nan")
    assert shared.accuracy_on_test(run, "tail") == pytest.approx((0.5 + 0.5 + 0.3) / 5)
    assert shared.val_accuracy(run, "tail") == pytest.approx((0.5 + 0.5 + 0.3) / 5)
    at_once = record(Config(epochs=8), "arm", 0, [], [], "the loss is nan")
    assert shared.accuracy_on_test(at_once, "tail") == shared.val_accuracy(at_once, "tail") == pytest.approx(0.1)


def test_a_run_from_before_the_measure_has_none():
    run = record(Config(), "arm", 7, [0.5], [0.5])
    del run["test_accuracy"]["tail"]
    with pytest.raises(ValueError, match="arm, seed 7: the test accuracy of the last five epochs isn't stored"):
        shared.accuracy_on_test(run, "tail")


@pytest.mark.parametrize(("arm", "config"), list(named("mean-rates").arms.items())[::4])
def test_the_mean_rate_is_the_plans(arm, config):
    assert shared.mean_rate(record(config, arm, 0, [0.5], [0.5])) == pytest.approx(config.lr * mean_share(config))


def test_the_mean_rate_of_a_plateau_rule_is_that_of_its_run():
    run = record(Config(schedule="plateau", lr=1e-3, epochs=4), "arm", 0, [0.5] * 4, [0.5] * 4)
    run["history"]["lr"] = [1e-3, 1e-3, 1e-4, 1e-4]
    assert shared.mean_rate(run) == pytest.approx(5.5e-4)


# Tuned groups


@pytest.fixture(scope="module")
def schedules():
    """Cosine and linear are two points better than constant at their own best rates; the others are equal to it."""
    experiment = named("schedules")
    best = {"constant": 3e-4}
    return experiment, simulated(experiment, by_distance(best, {"cosine": 0.02, "linear": 0.02}))


@pytest.mark.slow
def test_each_group_is_compared_at_its_own_rate(schedules):
    experiment, runs = schedules
    choice = tuned.chosen_arms(experiment.arms, runs)
    assert (choice["constant"], choice["cosine"], choice["linear"]) == (
        "constant-0.0003",
        "cosine-0.001",
        "linear-0.001",
    )
    found = tuned.compared(experiment, runs, REFERENCE)
    assert len(found) == 8
    assert found["constant", "cosine"].verdict == found["constant", "linear"].verdict == "shown: higher"
    means = {arm: np.mean([shared.accuracy_on_test(run) for run in runs.of(arm)]) for arm in choice.values()}
    assert found["constant", "cosine"].difference.mean == pytest.approx(
        means["cosine-0.001"] - means["constant-0.0003"]
    )
    assert not found["constant", "step"].shown
    table = experiment.report.tables(experiment, runs)["Differences at the chosen rates, points"]
    assert table.rows[2] == ["cosine − constant", *shared.comparison_cells(found["constant", "cosine"])]


def test_rates_are_chosen_by_validation_over_five_epochs_not_by_test(schedules):
    experiment, runs = schedules
    runs = Scan(dict(runs.done))
    for seed in experiment.seeds:
        arm = "cosine-0.003"
        validation = [0.99] * 15 + [0.1] * 4 + [0.99]  # high before, and in the last epoch alone
        runs.done[arm, seed] = record(experiment.arms[arm], arm, seed, validation, [0.99] * 5)
    assert tuned.chosen_arms(experiment.arms, runs)["cosine"] == "cosine-0.001"


def test_the_check_leaves_each_seed_out_of_its_own_choice():
    """Only seed 0 favours the large rate, but decides the choice for all; without it, the small one wins."""
    experiment = replace(named("schedules"), seeds=(0, 1, 2))
    experiment = replace(
        experiment, arms={arm: experiment.arms[arm] for arm in ("constant-0.001", "cosine-0.001", "cosine-0.003")}
    )
    accuracies = {"constant-0.001": [0.5] * 3, "cosine-0.001": [0.5, 0.6, 0.6], "cosine-0.003": [0.9, 0.55, 0.55]}
    runs = Scan({
        (arm, seed): record(experiment.arms[arm], arm, seed, [value] * 20, [value] * 5)
        for arm, values in accuracies.items()
        for seed, value in enumerate(values)
    })  # fmt: skip
    pair = ("constant", "cosine")
    assert tuned.compared(experiment, runs, REFERENCE)[pair].difference.values == pytest.approx([0.4, 0.05, 0.05])
    assert tuned.cross_checked(experiment, runs, REFERENCE)[pair].difference.values == pytest.approx([0.0, 0.05, 0.05])


def test_plateau_settings_are_lines_of_the_table_and_one_group():
    experiment = named("plateaus-and-averages")
    runs = simulated(experiment, by_distance({"constant": 3e-4}, {"plateau": 0.02, "linear": 0.02}))
    found = tuned.compared(experiment, runs, ("constant", "linear"))
    assert list(found) == [(a, b) for b in ("plateau", "averaged weights") for a in ("constant", "linear")]
    assert found["constant", "plateau"].shown
    head, rows = tuned.by_rate(experiment, runs)
    assert head == ["initial rate", "0.0003", "0.001", "0.003"]
    assert [row[0] for row in rows][:2] == ["plateau, 2 epochs, × 0.1", "plateau, 2 epochs, × 0.5"]
    assert len(rows) == 6 + 3
    assert sum(cell.startswith("**") for row in rows for cell in row) == 4, "one chosen arm for each group"


def test_the_table_by_mean_rate_has_the_planned_columns():
    experiment = named("mean-rates")
    runs = simulated(experiment, by_distance({}, {}), seeds=experiment.seeds[:2])
    head, rows = tuned.by_rate(experiment, runs, by_mean_rate=True)
    assert head == ["mean rate", "0.0001", "0.0002", "0.0004", "0.0008", "0.0016"]
    assert all(cell.endswith(("(2)", "(2)**")) for row in rows for cell in row[1:]), "two of ten runs"


@pytest.mark.slow
def test_the_mixed_model_is_a_check_that_can_disagree(schedules):
    experiment, runs = schedules
    gains = tuned.compared(experiment, runs, REFERENCE)
    table = tuned.by_mixed_model(experiment, runs, gains)
    assert [row[0] for row in table.rows] == [f"{second} − {first}" for first, second in gains]
    assert table.rows[2][-1] == "yes"
    turned = {pair: replace(one, p=1 - one.p) for pair, one in gains.items()}
    assert tuned.by_mixed_model(experiment, runs, turned).rows[2][-1] == "no, in what is shown"
    negative = {pair: replace(one, difference=tuned.stats.estimate([-1.0, -1.1])) for pair, one in gains.items()}
    assert tuned.by_mixed_model(experiment, runs, negative).rows[2][-1] == "no, in sign"


@pytest.mark.slow
def test_the_mixed_model_leaves_out_arms_with_runs_at_chance(schedules):
    experiment, runs = schedules
    with_chance = Scan(dict(runs.done))
    arm, seed = "step-0.01", experiment.seeds[0]
    with_chance.done[arm, seed] = record(experiment.arms[arm], arm, seed, [0.1] * 20, [0.1] * 5)
    without = Scan({key: run for key, run in runs.done.items() if key[0] != arm})
    gains = tuned.compared(experiment, runs, REFERENCE)
    rows = [tuned.by_mixed_model(experiment, found, gains).rows for found in (with_chance, without, runs)]
    assert rows[0] == rows[1] != rows[2]


def test_verdicts_name_what_is_shown_and_what_is_missing(schedules):
    experiment, runs = schedules
    shown, *_ = [text for text in experiment.report.verdicts(experiment, runs) if text.startswith("Shown")]
    assert shown.startswith("Shown to be higher: cosine − constant (+")
    assert "linear − constant" in shown
    assert "Missing" not in " ".join(experiment.report.verdicts(experiment, runs))
    part = Scan({key: run for key, run in runs.done.items() if key[1] < 12 and key[0] != "cosine-0.01"})
    assert experiment.report.verdicts(experiment, part)[-1].startswith(
        "This rests on a part of the runs. Missing: 40 of constant, 40 of plateau, 40 of exponential, 42 of cosine"
    )


@pytest.mark.parametrize("name", ["schedules", "mean-rates", "plateaus-and-averages", "varied-images-pilot", "budgets"])
@pytest.mark.parametrize("count", [0, 1, 7, pytest.param(60, marks=pytest.mark.slow)])
def test_reports_work_on_what_there_is(name, count):
    plt = pytest.importorskip("matplotlib.pyplot")
    experiment = named(name)
    whole = simulated(experiment, by_distance({}, {}), seeds=experiment.seeds[:3])
    runs = Scan(dict(list(whole.done.items())[:count]))
    for table in experiment.report.tables(experiment, runs).values():
        assert all(len(row) == len(table.head) for row in table.rows)
    assert count >= len(experiment.arms) * len(experiment.seeds) or any(
        "part of the runs" in text for text in experiment.report.verdicts(experiment, runs)
    )
    for draw in experiment.report.figures(experiment, runs).values():
        fig, alt = draw()
        plt.close(fig)
        assert ("is finished yet" in alt) == (count == 0 or (name == "budgets" and count < 4))


@pytest.mark.slow
def test_the_figure_has_a_panel_for_each_schedule_with_the_constant_rate_in_each(schedules):
    plt = pytest.importorskip("matplotlib.pyplot")
    experiment, runs = schedules
    fig, alt = tuned.draw_rates(experiment, runs, REFERENCE, by_mean_rate=False)
    drawn = {name: ax for ax in fig.axes if (name := ax.get_title(loc="left"))}
    assert list(drawn) == [name for name in tuned.lines(experiment.arms) if name != "constant"]
    ax = drawn["cosine"]
    (reference, line) = [one for one in ax.lines if len(one.get_xdata()) == 5]
    assert list(line.get_xdata()) == [1e-4, 3e-4, 1e-3, 3e-3, 1e-2]
    means = [
        100 * np.mean([shared.accuracy_on_test(run) for run in runs.of(f"cosine-{lr:.3g}")]) for lr in line.get_xdata()
    ]
    np.testing.assert_allclose(line.get_ydata(), means)
    assert max(reference.get_ydata()) < max(means)
    band = ax.collections[1].get_paths()[0].vertices
    interval = 100 * np.array(
        shared.stats.estimate([shared.accuracy_on_test(run) for run in runs.of("cosine-0.001")]).t
    )
    np.testing.assert_allclose(sorted({y for x, y in band if x == 1e-3}), interval)
    assert ax.get_xscale() == "log"
    assert f"cosine {max(means):.1f} % at 0.001" in alt
    plt.close(fig)
    fig, _ = tuned.draw_rates(experiment, runs, REFERENCE, by_mean_rate=True)
    line = [one for one in fig.axes[2].lines if len(one.get_xdata()) == 5][1]
    np.testing.assert_allclose(line.get_xdata(), 0.5 * np.array([1e-4, 3e-4, 1e-3, 3e-3, 1e-2]), rtol=1e-3)
    plt.close(fig)


# Budgets


def growing(config):
    """Linear gains 1 point when the epochs are doubled; warm-up–stable–decay gains as much at each budget."""
    gain = {"linear": 0.01 * math.log2(config.epochs / 5), "warmup-stable-decay": 0.01}.get(config.schedule, 0.0)
    return by_distance({"constant": 3e-4}, {config.schedule: gain})(config)


def test_the_budgets_differences_are_one_family_and_each_is_tuned():
    experiment = named("budgets")
    runs = simulated(experiment, growing, spread=0.002)
    found = budgets.compared(experiment, runs)
    assert list(found)[:3] == [(5, "linear"), (5, "warmup-stable-decay"), (10, "linear")]
    assert len(found) == 10
    assert found[80, "linear"].difference.mean == pytest.approx(0.04, abs=0.005)
    assert not found[5, "linear"].shown
    assert found[80, "linear"].p > found[80, "linear"].difference.p
    assert budgets.differences(experiment, runs).rows[0][:4] == ["5", "linear", "0.001", "0.0003"]


def test_the_slope_is_the_mean_of_the_seeds_slopes():
    experiment = named("budgets")
    runs = simulated(experiment, growing, spread=0.002)
    found = budgets.slopes_of(experiment, runs)
    assert found["linear"].difference.mean == pytest.approx(0.01, abs=0.001)
    assert (found["linear"].verdict, found["warmup-stable-decay"].verdict) == ("shown: higher", "undecided")
    del runs.done["linear-0.001-40", 12]
    assert len(budgets.slopes_of(experiment, runs)["linear"].difference.values) == 4, "a seed without a budget has none"


@pytest.mark.slow
def test_a_slope_from_clusters_keeps_its_level_where_pooled_points_do_not():
    """No true slope, but each seed has its own: 5 % of false alarms by seeds, far more by independent points."""
    import scipy.stats

    rng = np.random.default_rng(7)
    doublings = np.arange(5.0)
    by_seed = pooled = 0
    for _ in range(1000):
        d = rng.normal(0, 0.01, (5, 1)) * doublings + rng.normal(0, 0.002, (5, 5))
        slopes = [np.polyfit(doublings, row, 1)[0] for row in d]
        by_seed += shared.stats.estimate(slopes).p < 0.05
        pooled += scipy.stats.linregress(np.tile(doublings, 5), d.ravel()).pvalue < 0.05
    assert by_seed / 1000 == pytest.approx(0.05, abs=0.02)
    assert pooled / 1000 > 0.15


# Adam's own decay


def with_effective_rates(experiment, factors, diverged=()):
    """Runs whose median effective rate changes by a factor, with some noise; the lower percentiles do the opposite."""
    rng = np.random.default_rng(0)
    done = {}
    for arm, config in experiment.arms.items():
        for seed in experiment.seeds:
            shares = np.linspace(0, 1, config.epochs)[:, None] * (math.log(factors[arm]) + rng.normal(0, 0.05))
            rows = np.exp(np.log([1e-5, 1e-4, 1e-3, 2e-3, 1e-2]) + shares * np.array([-1, -1, 1, 1, 1]))
            done[arm, seed] = record(config, arm, seed, [0.5] * config.epochs, [0.5] * 5)
            done[arm, seed]["effective_rates"] = {"all": rows.tolist()}
    for arm, seed in diverged:
        done[arm, seed] |= {"diverged": "the loss is nan", "effective_rates": {"all": [[1.0] * 5, [9.0] * 5]}}
    return Scan(done)


def test_own_decay_is_the_change_of_the_median_where_the_rate_is_constant():
    experiment = named("own-decay")
    factors = {"lenet5-constant": 0.25, "mlp-constant": 1.0, "lenet5-linear": 0.1, "mlp-linear": 0.1}
    runs = with_effective_rates(experiment, factors, diverged=[("mlp-constant", 10)])
    found = rates.compared(experiment, runs)
    assert list(found) == ["lenet5-constant", "mlp-constant"], "one family of two"
    assert found["lenet5-constant"].difference.mean == pytest.approx(math.log(0.25), abs=0.1)
    assert len(found["mlp-constant"].difference.values) == 4, "the diverged run has no last epoch"
    first, second = experiment.report.verdicts(experiment, runs)
    assert first.startswith("lenet5-constant: the median effective rate falls by a factor of 3.99 (5")
    assert second == "mlp-constant: undecided whether the median effective rate falls or grows (4 runs)."
    growing_median = with_effective_rates(experiment, dict.fromkeys(factors, 3.0))
    assert "grows by a factor of 3" in experiment.report.verdicts(experiment, growing_median)[0]
    assert experiment.report.verdicts(experiment, Scan())[0].endswith("(0 runs).")


def test_percentiles_of_several_seeds_are_their_geometric_mean():
    experiment = named("own-decay")
    runs = with_effective_rates(experiment, dict.fromkeys(experiment.arms, 0.5))
    rows = [run["effective_rates"]["all"] for run in runs.of("mlp-constant")]
    expected = np.prod(rows, axis=0) ** (1 / len(rows))
    np.testing.assert_allclose(rates.mean_percentiles(runs, "mlp-constant"), expected)
    runs.done["mlp-constant", 10]["effective_rates"]["all"][-1] = [0.0] * 5  # η is 0 after the last update
    assert (rates.mean_percentiles(runs, "mlp-constant")[-1] == 0).all()
