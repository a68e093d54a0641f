"""Tables of the stored results, as Markdown, which a terminal shows well enough."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from minigrad.experiments import stats
from minigrad.experiments.catalogue import RATES
from minigrad.experiments.config import SCHEDULES, Experiment
from minigrad.experiments.single import PERCENTILES
from minigrad.experiments.store import Record, Scan

ARTICLE = {
    "article-1": {"constant": 0.5476, "plateau": 0.5617, "runs": 2},
    "article-2": {"constant": 0.5688, "plateau": 0.5636, "runs": 3},
}
"""Test accuracies of the article the book grows from: means of so many runs."""

Table = list[list[str]]  # the first row is the header


def progress(experiment: Experiment, found: Scan) -> str:
    """How many of the experiment's own runs there are."""
    wanted = {(arm, seed) for arm in experiment.arms for seed in experiment.seeds}
    more = len(found.done.keys() - wanted)
    extra = f", and {more} with other seeds" if more else ""
    return f"{len(found.done.keys() & wanted)} of {len(wanted)} runs{extra}"


def data_note(found: Scan) -> str:
    """What data the runs used, and on what machine."""
    whats = sorted({record["data"]["what"] for record in found.done.values()})
    machines = sorted({f"{r['machine']['cpu']} ({r['machine']['cores']} cores)" for r in found.done.values()})
    return f"data: {'; '.join(whats)}; computed on {'; '.join(machines)}, one thread a run"


def verdicts(experiment: Experiment, found: Scan) -> list[str]:
    """In a sentence each, what the pairs with and without decay show."""
    if not _asks_for_decay(experiment) or not found.seeds("constant", "plateau"):
        return []
    return [
        f"At the {at} epoch: {stats.shown(paired(found, 'constant', 'plateau', at), 'decay', 'none')}."
        for at in ("last", "best")
    ]


def _asks_for_decay(experiment: Experiment) -> bool:
    return set(experiment.arms) == {"constant", "plateau"}


def accuracy_on_test(record: Record, at: str = "last") -> float:
    """Test accuracy with the last epoch's weights, or with those of the best epoch by validation."""
    return float(record["test_accuracy"][at])


def val_accuracy(record: Record, at: str = "last") -> float:
    """Validation accuracy of the last or the best epoch; chance for a run that diverged at once."""
    values = record["history"]["val_accuracy"] or [0.1]
    return float(max(values) if at == "best" else values[-1])


def first_reduction(record: Record) -> int | None:
    """The epoch, counted from 1, after which a plateau rule first reduced the rate; ``None`` if it didn't."""
    lr = record["history"]["lr"]
    return next((epoch for epoch in range(1, len(lr)) if lr[epoch] < lr[0]), None)


def paired(found: Scan, first: str, second: str, at: str = "last") -> stats.Mean:
    """Test accuracy of the second arm minus the first's, over the seeds that both have."""
    seeds = found.seeds(first, second)
    with_first, with_second = (
        [accuracy_on_test(found.done[arm, seed], at) for seed in seeds] for arm in (first, second)
    )
    return stats.paired(with_first, with_second)


def differences(experiment: Experiment, found: Scan) -> Table:
    """Differences between arms, pair by pair, with both 95 % intervals: of accuracy, or of the first updates' loss."""
    rows = [["difference", "pairs", "mean", "Student's t, 95 %", "bootstrap, 95 %", "shown"]]
    if experiment.kind == "steps":
        for arm in list(experiment.arms)[1:]:
            for what, part in (("1–20", slice(20)), ("101–200", slice(100, 200))):
                losses = [
                    (_mean_loss(found, "corrected", seed, part), _mean_loss(found, arm, seed, part))
                    for seed in found.seeds("corrected", arm)
                ]
                if losses and not np.isnan(losses).any():
                    label = f"{arm} − corrected, loss of updates {what}"
                    rows.append(_difference(label, stats.mean([b - a for a, b in losses]), digits=4))
    elif _asks_for_decay(experiment) and found.seeds("constant", "plateau"):
        for at in ("last", "best"):
            label = f"plateau − constant, {at} epoch, points"
            rows.append(_difference(label, paired(found, "constant", "plateau", at), scale=100))
    return rows


def _difference(label: str, result: stats.Mean, scale: float = 1, digits: int = 2) -> list[str]:
    ranges = [
        f"{scale * bounds[0]:+.{digits}f} to {scale * bounds[1]:+.{digits}f}" if bounds else "–"
        for bounds in (result.t, result.bootstrap)
    ]
    shown = {1: "higher", -1: "lower", 0: "nothing"}[result.verdict]
    return [label, str(len(result.values)), f"{scale * result.mean:+.{digits}f}", *ranges, shown]


def _mean_loss(found: Scan, arm: str, seed: int, part: slice) -> float:
    """Mean training loss over some updates; NaN if the run hasn't got that far."""
    losses = found.done[arm, seed]["history"]["step_loss"][part]
    return float(np.mean(losses)) if losses else float("nan")


def accuracies(experiment: Experiment, found: Scan) -> Table:
    """Per arm: seeds, test accuracy at the last and the best epoch, where the best was, and time."""
    article = ARTICLE.get(experiment.name, {})
    header = ["arm", "runs", "test, last epoch", "test, best epoch", "best epoch", "first reduction", "s per epoch"]
    rows = [header + ["article"] * bool(article)]
    for arm in experiment.arms:
        records = found.records(arm)
        if not records:
            continue
        row = [arm, str(len(records))]
        row += [spread([accuracy_on_test(record, at) for record in records]) for at in ("last", "best")]
        row.append(spread([record["best_epoch"] or 0 for record in records], digits=0))
        reductions = [epoch for record in records if (epoch := first_reduction(record)) is not None]
        row.append(spread(reductions, digits=0) if reductions and experiment.arms[arm].schedule == "plateau" else "–")
        row.append(f"{np.mean([s for record in records for s in record['history']['seconds']] or [0]):.2f}")
        rows.append(row + ([f"{article[arm]:.4f}"] if article else []))
    return rows


def grid(found: Scan, at: str = "last") -> Table:
    """Mean test accuracy by initial rate and schedule, with the number of runs where it isn't the full one."""
    rows = [["schedule", *(f"η₀ = {lr:g}" for lr in RATES)]]
    for schedule in SCHEDULES:
        cells = [found.records(f"{schedule}-{lr:g}") for lr in RATES]
        rows.append([schedule, *(spread([accuracy_on_test(r, at) for r in cell]) if cell else "–" for cell in cells)])
    return rows


def against_constant(found: Scan) -> Table:
    """The grid's mean gains over the constant rate of the same initial rate, in points; bold where t excludes 0."""
    rows = [["schedule", *(f"η₀ = {lr:g}" for lr in RATES)]]
    for schedule in SCHEDULES[1:]:
        row = [schedule]
        for lr in RATES:
            first, second = f"constant-{lr:g}", f"{schedule}-{lr:g}"
            if not found.seeds(first, second):
                row.append("–")
                continue
            gain = paired(found, first, second)
            text = f"{100 * gain.mean:+.1f}"
            row.append(f"**{text}**" if gain.t is not None and gain.t[0] * gain.t[1] > 0 else text)
        rows.append(row)
    return rows


def best_rates(found: Scan) -> Table:
    """For each schedule of the grid the initial rate chosen by validation, and the test accuracy there."""
    rows = [["schedule", "η₀ chosen", "runs", "test, last epoch", "test, best epoch"]]
    for schedule in SCHEDULES:
        arms = {f"{schedule}-{lr:g}": lr for lr in RATES}
        if (arm := chosen(found, arms)) is None:
            continue
        records = found.records(arm)
        accuracies = [spread([accuracy_on_test(record, at) for record in records]) for at in ("last", "best")]
        rows.append([schedule, f"{arms[arm]:g}", str(len(records)), *accuracies])
    return rows


def chosen(found: Scan, arms: Iterable[str]) -> str | None:
    """Of the arms with finished runs, the one with the highest mean validation accuracy after the last epoch."""
    there = [arm for arm in arms if found.records(arm)]
    return max(there, key=lambda arm: np.mean([val_accuracy(r) for r in found.records(arm)]), default=None)


def weight_decay(experiment: Experiment, found: Scan) -> Table:
    """For each optimizer and schedule the strength chosen by validation, and the test accuracy there."""
    rows = [["optimizer", "schedule", "λ chosen", "runs", "test, last epoch"]]
    for optimizer, label in (("adam", "Adam + L2"), ("adamw", "AdamW")):
        for schedule in ("constant", "cosine"):
            arms = [a for a, c in experiment.arms.items() if (c.optimizer, c.schedule) == (optimizer, schedule)]
            if (arm := chosen(found, arms)) is None:
                continue
            records = found.records(arm)
            accuracy = spread([accuracy_on_test(record) for record in records])
            strength = f"{experiment.arms[arm].weight_decay:g}"
            rows.append([label, schedule, strength, str(len(records)), accuracy])
    return rows


def first_steps(experiment: Experiment, found: Scan) -> Table:
    """Per arm: mean training loss over parts of the first updates, and validation accuracy after them."""
    rows = [["arm", "runs", "loss, updates 1–20", "21–100", "101–200", "validation accuracy"]]
    for arm in experiment.arms:
        records = found.records(arm)
        if not records:
            continue
        losses = [np.array(record["history"]["step_loss"]) for record in records]
        parts = [
            [float(loss[a:b].mean()) for loss in losses if len(loss) > a] for a, b in ((0, 20), (20, 100), (100, 200))
        ]
        cells = [spread(part, digits=3) if part else "–" for part in parts]
        rows.append([arm, str(len(records)), *cells, spread([val_accuracy(record) for record in records])])
    return rows


def effective_rates(experiment: Experiment, found: Scan) -> Table:
    """Per arm, percentiles of η/(√v̂ + ε) after the first, the middle and the last epoch (of the first seed)."""
    rows = [["arm", "epoch", *(f"{p} %" for p in PERCENTILES)]]
    for arm in experiment.arms:
        for record in found.records(arm)[:1]:
            percentiles = record["effective_rates"]["all"]
            for epoch in sorted({1, (len(percentiles) + 1) // 2, len(percentiles)}):
                rows.append([arm, str(epoch), *(f"{value:.2g}" for value in percentiles[epoch - 1])])
    return rows


def spread(values: Sequence[float], digits: int = 4) -> str:
    """Mean ± standard deviation over the runs."""
    text = f"{np.mean(values):.{digits}f}"
    return text if len(values) < 2 else f"{text} ± {np.std(values, ddof=1):.{digits}f}"


def markdown(table: Table) -> str:
    """A table as Markdown, its columns aligned; a sentence if it has no rows."""
    if len(table) < 2:
        return "Nothing is finished yet."
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in table
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])
