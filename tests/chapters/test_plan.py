"""The plan of the experiments: its arms are what its page says, and its stored runs are what it plans."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy.stats

from minigrad_book.plan import numbers
from minigrad_book.plan.experiments import EXPERIMENTS, MEAN_RATES, NEAR, RATES, SUBSET, mean_share
from minigrad_book.tools import experiments
from minigrad_book.tools.experiments import single, store
from minigrad_book.tools.experiments.config import SCHEDULES

PAGE = Path(__file__).parents[2] / "book" / "plan" / "index.md"
RESULTS = PAGE.parent / "results"
BY_NAME = {experiment.name: experiment for experiment in EXPERIMENTS}


def test_the_page_names_every_experiment_in_the_order_of_the_runs():
    text = PAGE.read_text(encoding="utf-8").partition("## The experiments")[2]
    places = [text.index(f"`{name}`", text.index("### Does a tuned")) for name in BY_NAME]
    assert places == sorted(places)


def test_the_arms_are_those_of_the_page():
    schedules = BY_NAME["schedules"]
    assert {(c.schedule, c.lr) for c in schedules.arms.values()} == {(s, lr) for s in SCHEDULES for lr in RATES}
    assert all(replace(c, schedule="constant", lr=1e-3) == SUBSET for c in schedules.arms.values())
    assert (SUBSET.train_size, SUBSET.epochs, SUBSET.batch_size, SUBSET.validation_size) == (10_000, 20, 32, 5_000)
    np.testing.assert_allclose(np.divide(NEAR[1:], NEAR[:-1]), np.sqrt(3))
    assert {c.schedule for c in BY_NAME["near-the-optimum"].arms.values()} == {
        "constant", "cosine", "linear", "warmup-linear",
    }  # fmt: skip
    assert {c.epochs for c in BY_NAME["budgets"].arms.values()} == {5, 10, 20, 40, 80}
    plateaus = [c for c in BY_NAME["plateaus-and-averages"].arms.values() if c.schedule == "plateau"]
    assert {(c.patience, c.factor) for c in plateaus} == {(p, f) for p in (2, 5, 10) for f in (0.1, 0.5)}
    assert all(c.augment and c.train_size == 45_000 for c in BY_NAME["varied-images-pilot"].arms.values())


def test_no_seed_that_was_looked_at_is_used():
    assert all(min(experiment.seeds) >= 10 for experiment in EXPERIMENTS)
    assert not set(BY_NAME["schedules"].seeds) & set(BY_NAME["near-the-optimum"].seeds)


@pytest.mark.parametrize(("arm", "config"), BY_NAME["mean-rates"].arms.items())
def test_the_mean_of_the_rates_of_all_updates_is_the_one_planned(arm, config):
    optimizer, _ = single.build_optimizer(config, single.models.MLP([2, 2], rng=0).parameters())
    rates = []
    for step in range(config.steps):
        optimizer.steps = step
        rates.append(optimizer.lr)
    mean = float(arm.rpartition("-")[2])
    assert mean in MEAN_RATES
    assert np.mean(rates) == pytest.approx(mean, rel=1e-5)
    assert config.lr == pytest.approx(mean / mean_share(config), rel=1e-5)


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda experiment: experiment.name)
def test_what_is_stored_is_what_was_planned(experiment):
    found = store.scan(experiment, RESULTS)
    assert found.unreadable == []
    for (arm, seed), record in found.done.items():
        assert seed in experiment.seeds
        assert record["data"]["what"] in ("a JPEG (quality 75) copy of CIFAR-10", "scikit-learn's digits")
        assert store.path_of(RESULTS, experiment, arm, seed).stat().st_size < 30_000
        assert "/" not in json.dumps({**record, "versions": {}, "data": {}})
    stray = set((RESULTS / experiment.name).glob("*")) - {
        store.path_of(RESULTS, experiment, *run) for run in found.done
    }
    assert not stray


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda experiment: experiment.name)
def test_the_finished_runs_of_a_seed_are_from_one_kind_of_machine(experiment):
    machines = {}
    for (_, seed), record in store.scan(experiment, RESULTS).done.items():
        machines.setdefault(seed, set()).add((record["machine"]["cpu"], *sorted(record["versions"].items())))
    assert all(len(kinds) == 1 for kinds in machines.values())


def test_the_power_is_that_of_simulated_t_tests():
    rng = np.random.default_rng(0)
    differences = rng.normal(1.0, numbers.SPREAD, (20_000, 10))
    p = scipy.stats.ttest_1samp(differences, 0, axis=1).pvalue
    assert np.mean(p < 0.05 / 8) == pytest.approx(numbers.power(1.0, 10, 8), abs=0.015)
    assert numbers.power(0.0, 10, 8) == pytest.approx(0.05 / 8)
    assert numbers.power(1.0, 20, 3) > numbers.power(1.0, 10, 3) > numbers.power(0.5, 10, 3)


def test_the_overview_counts_the_runs():
    rows = {row[0].strip("`"): row for row in numbers.overview()}
    assert rows["schedules"][1:4] == ["45", "10 to 19", "450"]
    for name, row in rows.items():
        assert 0 <= int(row[4].replace(",", "")) <= int(row[3].replace(",", "")), name
    assert sum(int(row[4].replace(",", "")) for row in rows.values()) == sum(
        len(experiments.results(name).done) for name in rows
    )
