"""The experiments, by name."""

from __future__ import annotations

from dataclasses import replace

from minigrad_book.tools.experiments.config import SCHEDULES, Config, Experiment

RATES = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2)

_ARTICLE = Config(lr=1e-3, epochs=60)
_SUBSET = Config(train_size=10_000, epochs=20)
_FIRST_STEPS = Config(train_size=6_400, epochs=1, record_steps=True)


def _decay_arms(config: Config) -> dict[str, Config]:
    return {schedule: replace(config, schedule=schedule) for schedule in ("constant", "plateau")}


def _weight_decay_arms() -> dict[str, Config]:
    """Both ways of weight decay, each with strengths around its customary one, with and without cosine."""
    strengths = {"adam": (1e-4, 1e-3, 1e-2), "adamw": (1e-2, 1e-1, 1.0)}
    return {
        f"{optimizer}-{strength:g}-{schedule}": replace(
            _SUBSET, optimizer=optimizer, weight_decay=strength, schedule=schedule
        )
        for optimizer, values in strengths.items()
        for strength in values
        for schedule in ("constant", "cosine")
    }


_EXPERIMENTS = (
    Experiment(
        "first-look",
        "Does LeNet-5 learn CIFAR-10 with Adam's defaults?",
        {"adam": replace(_ARTICLE, epochs=3)},
        seeds=(0,),
    ),
    Experiment("article-1", "η = 1e-3, 60 epochs: is decay on a plateau better than none?", _decay_arms(_ARTICLE)),
    Experiment(
        "article-2",
        "η = 1e-4, 120 epochs: is decay on a plateau better than none?",
        _decay_arms(replace(_ARTICLE, lr=1e-4, epochs=120)),
    ),
    Experiment(
        "grid",
        "At equal epochs, which initial rate goes with which schedule?",
        {f"{schedule}-{lr:g}": replace(_SUBSET, lr=lr, schedule=schedule) for schedule in SCHEDULES for lr in RATES},
        seeds=(0, 1, 2),
        kind="grid",
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
        seeds=tuple(range(10)),
        kind="steps",
    ),
    Experiment(
        "weight-decay",
        "AdamW or Adam with L2, with and without a cosine schedule?",
        _weight_decay_arms(),
        seeds=(0, 1, 2),
        kind="weight-decay",
    ),
    Experiment(
        "effective-rates",
        "How are the effective rates distributed through training, with and without decay?",
        {schedule: replace(_SUBSET, schedule=schedule, record_rates=True) for schedule in ("constant", "cosine")},
        seeds=(0,),
        kind="rates",
    ),
)

CATALOGUE = {experiment.name: experiment for experiment in _EXPERIMENTS}


def find(name: str, quick: bool = False) -> Experiment:
    """The experiment of this name; ValueError lists the names there are."""
    if name not in CATALOGUE:
        raise ValueError(f"unknown experiment {name!r}; there are {', '.join(CATALOGUE)}")
    return CATALOGUE[name].quick() if quick else CATALOGUE[name]
