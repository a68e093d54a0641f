"""The experiments of the chapter "Should you decay?"."""

from __future__ import annotations

from dataclasses import replace

from minigrad_book.tools.experiments.config import Config, Experiment
from minigrad_book.tools.experiments.reports.grid import Grid
from minigrad_book.tools.experiments.reports.paired import Paired
from minigrad_book.tools.experiments.reports.rates import EffectiveRates
from minigrad_book.tools.experiments.reports.steps import FirstSteps
from minigrad_book.tools.experiments.reports.weight_decay import WeightDecay

RATES = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2)
SCHEDULES = ("constant", "plateau", "exponential", "cosine", "step", "warmup-cosine")

ARTICLE = {
    "article-1": {"constant": 0.5476, "plateau": 0.5617},  # means of two runs
    "article-2": {"constant": 0.5688, "plateau": 0.5636},  # means of three runs
}
"""The test accuracies that the article reports, by experiment and arm."""

_ARTICLE = Config(lr=1e-3, epochs=60)
_SUBSET = Config(train_size=10_000, epochs=20)
_FIRST_STEPS = Config(train_size=6_400, epochs=1, record_steps=True)


def _with_and_without_decay(config: Config) -> dict[str, Config]:
    return {schedule: replace(config, schedule=schedule) for schedule in ("constant", "plateau")}


def _weight_decay_arms() -> dict[str, Config]:
    """Both forms of weight decay, each with strengths around its customary one, with and without cosine."""
    strengths = {"adam": (1e-4, 1e-3, 1e-2), "adamw": (1e-2, 1e-1, 1.0)}
    return {
        f"{optimizer}-{strength:g}-{schedule}": replace(
            _SUBSET, optimizer=optimizer, weight_decay=strength, schedule=schedule
        )
        for optimizer, values in strengths.items()
        for strength in values
        for schedule in ("constant", "cosine")
    }


EXPERIMENTS = (
    Experiment(
        "first-look",
        "Does LeNet-5 learn CIFAR-10 with Adam's defaults?",
        {"adam": replace(_ARTICLE, epochs=3)},
        Paired(),
        seeds=(0,),
    ),
    Experiment(
        "article-1",
        "η = 1e-3, 60 epochs: is decay on a plateau better than none?",
        _with_and_without_decay(_ARTICLE),
        Paired(published=ARTICLE["article-1"]),
    ),
    Experiment(
        "article-2",
        "η = 1e-4, 120 epochs: is decay on a plateau better than none?",
        _with_and_without_decay(replace(_ARTICLE, lr=1e-4, epochs=120)),
        Paired(published=ARTICLE["article-2"]),
    ),
    Experiment(
        "grid",
        "At equal epochs, which initial rate goes with which schedule?",
        {f"{schedule}-{lr:g}": replace(_SUBSET, lr=lr, schedule=schedule) for schedule in SCHEDULES for lr in RATES},
        Grid(boxed=("constant-0.0001", "constant-0.001", "plateau-0.0001", "plateau-0.001")),
        seeds=(0, 1, 2),
    ),
    Experiment(
        "first-steps",
        "What do bias correction and the form of ε change in the first 200 updates?",
        {
            "corrected": _FIRST_STEPS,
            "uncorrected": replace(_FIRST_STEPS, bias_correction=False),
            "hat-1e-8": replace(_FIRST_STEPS, eps_form="hat"),
            "hat-1e-7": replace(_FIRST_STEPS, eps_form="hat", eps=1e-7),
        },
        FirstSteps(),
        seeds=tuple(range(10)),
    ),
    Experiment(
        "weight-decay",
        "AdamW or Adam with L2, with and without a cosine schedule?",
        _weight_decay_arms(),
        WeightDecay(),
        seeds=(0, 1, 2),
    ),
    Experiment(
        "effective-rates",
        "How are the effective rates distributed through training, with and without decay?",
        {schedule: replace(_SUBSET, schedule=schedule, record_rates=True) for schedule in ("constant", "cosine")},
        EffectiveRates(),
        seeds=(0,),
    ),
)
