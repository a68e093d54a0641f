"""Tables of the stored results, as Markdown, which a terminal shows well enough."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product

import numpy as np
from minigrad_book.tools.experiments import stats
from minigrad_book.tools.experiments.catalogue import RATES
from minigrad_book.tools.experiments.config import SCHEDULES, Experiment
from minigrad_book.tools.experiments.single import PERCENTILES
from minigrad_book.tools.experiments.store import Record, Scan

ARTICLE = {
    "article-1": {"constant": 0.5476, "plateau": 0.5617, "runs": 2},
    "article-2": {"constant": 0.5688, "plateau": 0.5636, "runs": 3},
}
"""Test accuracies of the article the book grows from: means of so many runs."""

Table = list[list[str]]  # the first row is the header

DIFFERENCES = ["difference", "pairs", "mean", "Student's t, 95 %", "bootstrap, 95 %", "shown"]
WAYS = {"adam": "Adam + L2", "adamw": "AdamW"}
DECAYS = ("constant", "cosine")


def progress(experiment: Experiment, found: Scan) -> str:
    """How many of the experiment's own runs there are, and how many diverged."""
    wanted = {(arm, seed) for arm in experiment.arms for seed in experiment.seeds}
    more = len(found.done.keys() - wanted)
    extra = f", and {more} with other seeds" if more else ""
    count = sum(diverged(found, arm) for arm in experiment.arms)
    lost = f"; {count} diverged, and count{'s' * (count == 1)} with the accuracy at that moment" if count else ""
    return f"{len(found.done.keys() & wanted)} of {len(wanted)} runs{extra}{lost}"


def data_note(found: Scan) -> str:
    """What data the runs used, and on what machine; `ValueError` if they didn't all use the same data."""
    by_digest = {record["data"]["sha256"]: (*run, record["data"]["what"]) for run, record in found.done.items()}
    if len(by_digest) > 1:
        examples = "; ".join(f"{arm}, seed {seed}: {what} ({sha[:8]})" for sha, (arm, seed, what) in by_digest.items())
        raise ValueError(
            f"the stored runs used different data and can't be compared ({examples}); move those of all but one away"
        )
    whats = {what for _, _, what in by_digest.values()}
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


def diverged(found: Scan, *arms: str) -> int:
    """How many runs of these arms diverged, over the seeds that all of them have."""
    return sum(found.done[arm, seed]["diverged"] is not None for seed in found.seeds(*arms) for arm in arms)


def paired(found: Scan, first: str, second: str, at: str = "last") -> stats.Mean:
    """Test accuracy of the second arm minus the first's, over the seeds that both have."""
    seeds = found.seeds(first, second)
    with_first, with_second = (
        [accuracy_on_test(found.done[arm, seed], at) for seed in seeds] for arm in (first, second)
    )
    return stats.paired(with_first, with_second)


def differences(experiment: Experiment, found: Scan) -> Table:
    """Differences between arms, pair by pair, with both 95 % intervals: of accuracy, or of the first updates' loss."""
    rows = [DIFFERENCES]
    if experiment.kind == "steps":
        for arm in list(experiment.arms)[1:]:
            for what, part in (("1–20", slice(20)), ("101–200", slice(100, 200))):
                if gaps := _loss_gaps(found, "corrected", arm, part):
                    label = f"{arm} − corrected, loss of updates {what}"
                    rows.append(_difference(label, stats.mean(gaps), digits=4))
    elif _asks_for_decay(experiment) and found.seeds("constant", "plateau"):
        for at in ("last", "best"):
            rows.append(_gain(found, "constant", "plateau", f"plateau − constant, {at} epoch, points", at))
    return rows


def _gain(found: Scan, first: str, second: str, label: str, at: str = "last") -> list[str]:
    lost = diverged(found, first, second)
    return _difference(label + f" ({lost} diverged)" * bool(lost), paired(found, first, second, at), scale=100)


def _difference(label: str, result: stats.Mean, scale: float = 1, digits: int = 2) -> list[str]:
    ranges = [
        f"{scale * bounds[0]:+.{digits}f} to {scale * bounds[1]:+.{digits}f}" if bounds else "–"
        for bounds in (result.t, result.bootstrap)
    ]
    shown = {1: "higher", -1: "lower", 0: "nothing"}[result.verdict]
    return [label, str(len(result.values)), f"{scale * result.mean:+.{digits}f}", *ranges, shown]


def _loss_gaps(found: Scan, first: str, second: str, part: slice) -> list[float]:
    """The second arm's mean loss over some updates minus the first's, for the pairs that both made them all."""
    losses = [
        [found.done[arm, seed]["history"]["step_loss"][part] for arm in (first, second)]
        for seed in found.seeds(first, second)
    ]
    return [float(np.mean(b) - np.mean(a)) for a, b in losses if len(a) == len(b) > 0]


def accuracies(experiment: Experiment, found: Scan) -> Table:
    """Per arm: runs, test accuracy at the last and the best epoch, where the best was, and time."""
    article = ARTICLE.get(experiment.name, {})
    header = ["arm", "runs", "test, last epoch", "test, best epoch", "best epoch", "first reduction", "s per epoch"]
    lost = {arm: diverged(found, arm) for arm in experiment.arms}
    rows = [header + ["diverged"] * any(lost.values()) + ["article"] * bool(article)]
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
        row += [str(lost[arm])] * any(lost.values())
        rows.append(row + ([f"{article[arm]:.4f}"] if article else []))
    return rows


def grid(found: Scan, at: str = "last") -> Table:
    """Mean test accuracy by initial rate and schedule."""
    rows = [["schedule", *(f"η₀ = {lr:g}" for lr in RATES)]]
    for schedule in SCHEDULES:
        cells = [found.records(f"{schedule}-{lr:g}") for lr in RATES]
        rows.append([schedule, *(spread([accuracy_on_test(r, at) for r in cell]) if cell else "–" for cell in cells)])
    return rows


def against_constant(found: Scan) -> Table:
    """The grid's mean gains over the constant rate of the same initial rate, in points.

    Bold where both 95 % intervals exclude 0.
    """
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
            row.append(f"**{text}**" if gain.verdict else text)
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
    """The arm with the highest mean validation accuracy after the last epoch.

    Compared are the arms that have finished runs, over the seeds that they have in common; ``None`` without any.
    """
    there = [arm for arm in arms if found.records(arm)]
    seeds = found.seeds(*there) if there else []
    if not seeds:
        return None
    return max(there, key=lambda arm: np.mean([val_accuracy(found.done[arm, seed]) for seed in seeds]))


def weight_decay(experiment: Experiment, found: Scan) -> Table:
    """For each optimizer and schedule the strength chosen by validation, and the test accuracy there."""
    rows = [["optimizer", "schedule", "λ chosen", "runs", "test, last epoch"]]
    for (optimizer, schedule), arm in _chosen_strengths(experiment, found).items():
        records = found.records(arm)
        accuracy = spread([accuracy_on_test(record) for record in records])
        rows.append([WAYS[optimizer], schedule, f"{experiment.arms[arm].weight_decay:g}", str(len(records)), accuracy])
    return rows


def weight_decay_differences(experiment: Experiment, found: Scan) -> Table:
    """The chosen strengths compared pair by pair: AdamW with Adam + L2, and cosine with a constant rate."""
    arms = _chosen_strengths(experiment, found)
    comparisons = [(("adam", decay), ("adamw", decay), f"AdamW − (Adam + L2), {decay}") for decay in DECAYS]
    comparisons += [((way, "constant"), (way, "cosine"), f"cosine − constant, {label}") for way, label in WAYS.items()]
    rows = [DIFFERENCES]
    for first, second, label in comparisons:
        if {first, second} <= arms.keys() and found.seeds(arms[first], arms[second]):
            rows.append(_gain(found, arms[first], arms[second], f"{label}, points"))
    return rows


def _chosen_strengths(experiment: Experiment, found: Scan) -> dict[tuple[str, str], str]:
    """By optimizer and schedule, the arm whose strength validation chose; those without runs left out."""
    choices = {}
    for key in product(WAYS, DECAYS):
        arms = [arm for arm, config in experiment.arms.items() if (config.optimizer, config.schedule) == key]
        if (arm := chosen(found, arms)) is not None:
            choices[key] = arm
    return choices


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
    """Per arm, percentiles of η/(√v̂ + ε) after the first, the middle and the last epoch, of one run."""
    rows = [["arm", "epoch", *(f"{p} %" for p in PERCENTILES)]]
    for arm in experiment.arms:
        for record in with_rates(found, arm)[:1]:
            percentiles = record["effective_rates"]["all"]
            for epoch in sorted({1, (len(percentiles) + 1) // 2, len(percentiles)}):
                rows.append([arm, str(epoch), *(f"{value:.2g}" for value in percentiles[epoch - 1])])
    return rows


def with_rates(found: Scan, arm: str) -> list[Record]:
    """The arm's runs that have percentiles of effective rates: one that diverged in its first epoch has none."""
    return [record for record in found.records(arm) if record["effective_rates"]]


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
