"""The experiments of the page "Plan of the experiments", in the order in which they are run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from math import fsum

from minigrad_book.tools.experiments.config import SCHEDULES, Config, Experiment
from minigrad_book.tools.experiments.reports.budgets import Budgets
from minigrad_book.tools.experiments.reports.rates import EffectiveRates
from minigrad_book.tools.experiments.reports.tuned import Tuned
from minigrad_book.tools.experiments.single import build_schedule

RATES = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2)
NEAR = tuple(1e-3 * 3 ** (k / 2) for k in (-3, -2, -1, 0, 1))  # steps of √3
MEAN_RATES = (1e-4, 2e-4, 4e-4, 8e-4, 1.6e-3)
BUDGETS = (5, 10, 20, 40, 80)  # epochs
AVERAGE = 0.999  # β of the averaged weights

SUBSET = Config(train_size=10_000, epochs=20)
VARIED = Config(augment=True, epochs=60)
DIGITS = Config("digits", 1_000, 390, 350, model="mlp", epochs=20)


def grid(base: Config, schedules: Iterable[str], rates: Iterable[float]) -> dict[str, Config]:
    """An arm for each schedule and rate."""
    return {f"{one}-{lr:.3g}": replace(base, schedule=one, lr=lr) for one in schedules for lr in rates}


def mean_share(config: Config) -> float:
    """The mean rate of a run as a share of its initial rate."""
    rate = build_schedule(config)
    return fsum(rate(t) for t in range(config.steps)) / config.steps / config.lr if callable(rate) else 1.0


def with_mean_rate(config: Config, mean: float) -> Config:
    """The configuration with the initial rate, to six digits, that gives this mean rate."""
    return replace(config, lr=float(f"{mean / mean_share(config):.6g}"))


def _plateaus() -> dict[str, Config]:
    """The settings of the plateau rule, and what they are compared with."""
    rates = (3e-4, 1e-3, 3e-3)
    plateau = replace(SUBSET, schedule="plateau")
    arms = {
        f"plateau-{patience}-{factor:g}-{lr:g}": replace(plateau, patience=patience, factor=factor, lr=lr)
        for patience in (2, 5, 10)
        for factor in (0.1, 0.5)
        for lr in rates
    }
    averaged = {f"averaged-{lr:g}": replace(SUBSET, average=AVERAGE, lr=lr) for lr in rates}
    return arms | averaged | grid(SUBSET, ("constant", "linear"), rates)


EXPERIMENTS = (
    Experiment(
        "schedules",
        "Does a tuned schedule beat a tuned constant rate?",
        grid(SUBSET, SCHEDULES, RATES),
        Tuned(),
        seeds=tuple(range(10, 20)),
    ),
    Experiment(
        "near-the-optimum",
        "The same with finer steps of the rate and more seeds: what is left of the difference?",
        grid(SUBSET, ("constant", "cosine", "linear", "warmup-linear"), NEAR),
        Tuned(),
        seeds=tuple(range(20, 40)),
    ),
    Experiment(
        "mean-rates",
        "Is it the shape of a schedule or its mean rate?",
        {
            f"{schedule}-{mean:g}": with_mean_rate(replace(SUBSET, schedule=schedule), mean)
            for schedule in ("constant", "linear", "cosine", "exponential")
            for mean in MEAN_RATES
        },
        Tuned(by_mean_rate=True),
        seeds=tuple(range(10, 20)),
    ),
    Experiment(
        "own-decay",
        "Does Adam decay its own rates?",
        {
            f"{model}-{schedule}": replace(base, schedule=schedule, record_rates=True)
            for model, base in (("lenet5", SUBSET), ("mlp", DIGITS))
            for schedule in ("constant", "linear")
        },
        EffectiveRates(),
        seeds=tuple(range(10, 15)),
    ),
    Experiment(
        "digits",
        "Does a tuned schedule beat a tuned constant rate on a second task?",
        grid(DIGITS, SCHEDULES, (3e-4, 1e-3, 3e-3, 1e-2, 3e-2)),
        Tuned(),
        seeds=tuple(range(10, 30)),
    ),
    Experiment(
        "varied-images-pilot",
        "Which rate suits a run that is limited by noise and not by overfitting?",
        grid(VARIED, ("constant", "cosine", "linear"), (3e-4, 1e-3, 3e-3)),
        Tuned(),
        seeds=(100,),
    ),
    Experiment(
        "budgets",
        "Does the number of epochs decide whether a schedule helps?",
        {
            f"{arm}-{epochs}": config
            for epochs in BUDGETS
            for arm, config in (
                grid(replace(SUBSET, epochs=epochs), ("constant",), (1e-4, 3e-4, 1e-3))
                | grid(replace(SUBSET, epochs=epochs), ("linear", "warmup-stable-decay"), (3e-4, 1e-3, 3e-3))
            ).items()
        },
        Budgets(),
        seeds=tuple(range(10, 15)),
    ),
    Experiment(
        "plateaus-and-averages",
        "What do a tuned plateau rule and averaged weights give?",
        _plateaus(),
        Tuned(references=("constant", "linear")),
        seeds=tuple(range(10, 20)),
    ),
)
