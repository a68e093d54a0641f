"""What the chapter reads off its stored runs: accuracies in percent, gains in percentage points, epochs from 1.

A function whose name ends in `_numbers` gives the numbers of one section's sentences by name; the page glues them
under that name with `decay-` before it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import scipy.stats

from minigrad_book.should_you_decay.experiments import ARTICLE, EXPERIMENTS
from minigrad_book.tools import experiments
from minigrad_book.tools.experiments.reporting import machines
from minigrad_book.tools.experiments.reports import shared
from minigrad_book.tools.experiments.reports.grid import gains_over_constant
from minigrad_book.tools.experiments.reports.rates import with_rates
from minigrad_book.tools.experiments.reports.weight_decay import chosen_arms
from minigrad_book.tools.experiments.stats import Estimate
from minigrad_book.tools.experiments.store import Scan

Numbers = dict[str, int | float | str]
History = dict[str, list[float]]

NEAR_CHANCE = 0.11  # a guess is right in 0.1 of the images; a run below this has not learned
TRAINABLE = ("0.0001", "0.0003", "0.001", "0.003")  # the initial rates at which every schedule learns


@cache
def runs(name: str) -> Scan:
    """The stored runs of an experiment."""
    return experiments.results(name)


def gain(name: str, first: str, second: str, at: str = "last") -> Estimate:
    """Test accuracy of the second arm minus the first's, as a fraction, over the pairs."""
    return shared.gain(runs(name), first, second, at)


def points(name: str, first: str, second: str, at: str = "last") -> float:
    """The mean gain in percentage points."""
    return 100 * gain(name, first, second, at).mean


def accuracy(name: str, arm: str, at: str = "last") -> float:
    """Mean test accuracy in percent."""
    return 100 * shared.mean_accuracy(runs(name), arm, at)


def between(bounds: tuple[float, float] | None) -> str:
    """An interval in percentage points, such as "−1.3 to +3.2"; "–" if there is none."""
    return "–" if bounds is None else f"{100 * bounds[0]:+.1f} to {100 * bounds[1]:+.1f}"


# The set-up


def setup_numbers() -> Numbers:
    config = experiments.named("article-1").arms["plateau"]
    return {"train": config.train_size, "validation": config.validation_size, "test": config.test_size}


def data_numbers() -> Numbers:
    """The data and the machines of all stored runs."""
    everything = [runs(experiment.name) for experiment in EXPERIMENTS]
    return {
        "data": "; ".join(sorted({run["data"]["what"] for scan in everything for run in scan.done.values()})),
        "machines": "; ".join(sorted({machine for scan in everything for machine in machines(scan)})),
    }


# The article's two experiments


def pairs(name: str) -> Iterator[tuple[History, History, int]]:
    """Of each pair: the histories without and with decay, and the epoch after which the rate was first reduced."""
    done = runs(name).done
    for seed in runs(name).seeds("constant", "plateau"):
        plateau = done["plateau", seed]
        acted = shared.first_reduction(plateau)
        if acted is None:
            raise ValueError(f"{name}, seed {seed}: the plateau rule never acted")
        yield done["constant", seed]["history"], plateau["history"], acted


def jump(history: History, epoch: int) -> float:
    """How the validation accuracy changed in the epoch after this one, in points."""
    return 100 * (history["val_accuracy"][epoch] - history["val_accuracy"][epoch - 1])


def lowest_loss(history: History) -> int:
    """The epoch with the lowest validation loss."""
    return 1 + int(np.argmin(history["val_loss"]))


def article_numbers(name: str) -> Numbers:
    """Gains, and means over the pairs: when the rule first acted, and what happened in the next epoch."""
    means: dict[str, list[float]] = {
        "acted": [epoch for _, _, epoch in pairs(name)],
        "lowest": [lowest_loss(twin) for twin, _, _ in pairs(name)],
        "jump": [jump(decayed, epoch) for _, decayed, epoch in pairs(name)],
        "twin": [jump(twin, epoch) for twin, _, epoch in pairs(name)],
        "before": [decayed["loss"][epoch - 1] for _, decayed, epoch in pairs(name)],
        "after": [decayed["loss"][epoch] for _, decayed, epoch in pairs(name)],
    }
    return {
        f"pairs-{name}": len(runs(name).seeds("constant", "plateau")),
        **{f"gain-{name}-{at}": points(name, "constant", "plateau", at) for at in ("last", "best")},
        f"given-back-{name}": accuracy(name, "constant", "best") - accuracy(name, "constant"),
        f"article-{name}": 100 * (ARTICLE[name]["plateau"] - ARTICLE[name]["constant"]),
        **{f"{what}-{name}": float(np.mean(values)) for what, values in means.items()},
    }


def later_numbers() -> Numbers:
    """In experiment 2, epochs until a twin is as good as the decayed run is in the epoch after its first reduction."""
    later = [
        int(np.argmax(np.array(twin["val_accuracy"][epoch:]) >= decayed["val_accuracy"][epoch]))
        for twin, decayed, epoch in pairs("article-2")
    ]
    return {"later-first": min(later), "later-last": max(later)}


def interval(title: str, name: str) -> list[str]:
    """A row: how far a 95 % interval reaches with two and with three runs an arm, in pairs and as strangers."""
    without, decayed = (
        100 * np.array([shared.accuracy_on_test(run) for run in runs(name).of(arm)]) for arm in ("constant", "plateau")
    )
    within = (decayed - without).std(ddof=1)
    strangers = np.sqrt(without.var(ddof=1) + decayed.var(ddof=1))
    reach = [
        s * scipy.stats.t.ppf(0.975, degrees) / np.sqrt(n)
        for n in (2, 3)
        for s, degrees in ((within, n - 1), (strangers, 2 * n - 2))
    ]
    return [f"{title}: $s$ = {within:.2f} in pairs, {strangers:.2f} of strangers", *(f"±{r:.1f}" for r in reach)]


# The grid


def tuned() -> tuple[str, str]:
    """The arms that validation chose among the constant rates, and among everything with a schedule."""
    arms = experiments.named("grid").arms.items()
    without, scheduled = (
        shared.chosen(runs("grid"), [arm for arm, config in arms if (config.schedule == "constant") == constant])
        for constant in (True, False)
    )
    if without is None or scheduled is None:
        raise ValueError("no run of the grid is stored")
    return without, scheduled


def at_chance(arm: str) -> list[int]:
    """The seeds of an arm of the grid that didn't learn."""
    return [run["seed"] for run in runs("grid").of(arm) if shared.accuracy_on_test(run) < NEAR_CHANCE]


def grid_numbers() -> Numbers:
    arms = experiments.named("grid").arms
    gains = {
        f"gain-{schedule}-{lr}": points("grid", f"constant-{lr}", f"{schedule}-{lr}")
        for schedule in ("plateau", "cosine", "exponential")
        for lr in TRAINABLE
    }
    hot = [arm for arm, config in arms.items() if config.lr == 0.01 and config.schedule != "warmup-cosine"]
    warmed = runs("grid").of("warmup-cosine-0.01")
    too_large = {
        f"too-large-{schedule}": accuracy("grid", f"{schedule}-0.001") - accuracy("grid", f"{schedule}-0.003")
        for schedule in ("constant", "cosine", "exponential")
    }
    constant, scheduled = tuned()
    by_schedule = gain("grid", constant, scheduled)
    return {
        **gains,
        "cells": len(gains_over_constant(experiments.named("grid"), runs("grid"))),
        "dead": sum(len(at_chance(arm)) for arm in hot),
        "at_1e-2": sum(len(runs("grid").of(arm)) for arm in hot),
        "warmed": len(warmed),
        "warmed_alive": sum(shared.accuracy_on_test(run) > 0.4 for run in warmed),
        "warmed_test": accuracy("grid", "warmup-cosine-0.01"),
        **too_large,
        "tuned_rate": arms[constant].lr,
        "tuned_test": accuracy("grid", constant),
        "scheduled_rate": arms[scheduled].lr,
        "scheduled_test": accuracy("grid", scheduled),
        "scheduled_name": arms[scheduled].schedule,
        "by_schedule": 100 * by_schedule.mean,
        "by_schedule_t": between(by_schedule.t),
    }


# The other experiments


def first_steps_numbers() -> Numbers:
    """Validation accuracy after 200 updates, with and without the bias correction."""
    corrected, uncorrected = (
        [shared.val_accuracy(run) for run in runs("first-steps").of(arm)] for arm in ("corrected", "uncorrected")
    )
    return {
        "corrected_after": 100 * float(np.mean(corrected)),
        "uncorrected_after": 100 * float(np.mean(uncorrected)),
        "stuck": sum(accuracy <= NEAR_CHANCE for accuracy in uncorrected),
        "uncorrected_runs": len(uncorrected),
    }


def effective_rates_numbers() -> Numbers:
    """By what factors the percentiles of the effective rates change; the last epoch but one is the end."""

    def of(arm: str) -> tuple[History, Any]:
        run = with_rates(runs("effective-rates"), arm)[0]
        return run["history"], np.array(run["effective_rates"]["all"])

    history, constant = of("constant")
    cosine_history, cosine = of("cosine")
    turn = lowest_loss(history) - 1
    return {
        "spread_first": float(constant[0, 4] / constant[0, 0]),
        "fall_constant": float(constant[0, 2] / constant[-2, 2]),
        "fall_early": float(constant[0, 2] / constant[turn, 2]),
        "tail_rise": float(constant[-1, 4] / constant[0, 4]),
        "fall_cosine": float(cosine[0, 2] / cosine[-2, 2]),
        "fall_eta": cosine_history["lr"][0] / cosine_history["lr"][-2],
    }


def weight_decay_numbers() -> Numbers:
    """For each form of weight decay, at the strength chosen with cosine: what cosine gains, and its accuracy."""
    experiment, numbers = experiments.named("weight-decay"), Numbers()
    for (form, schedule), arm in chosen_arms(experiment, runs("weight-decay")).items():
        if schedule == "cosine":
            numbers[f"lambda-{form}"] = experiment.arms[arm].weight_decay
            numbers[f"cosine-{form}"] = points("weight-decay", arm.replace("cosine", "constant"), arm)
            numbers[f"test-{form}"] = accuracy("weight-decay", arm)
    return {**numbers, "without-weight-decay": accuracy("grid", "cosine-0.001")}
