"""Figures of the stored results: each function returns a matplotlib figure and its alternative text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from minigrad_book.tools import figures
from minigrad_book.tools.experiments.catalogue import RATES
from minigrad_book.tools.experiments.config import SCHEDULES, Experiment
from minigrad_book.tools.experiments.single import PERCENTILES
from minigrad_book.tools.experiments.store import Record, Scan
from minigrad_book.tools.experiments.tables import DECAYS, WAYS, accuracy_on_test, diverged, paired, with_rates

from minigrad.data import optional

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Drawing = tuple["Figure", str]

COLOURS = dict(zip(SCHEDULES, figures.PALETTE.values(), strict=True))


def write(experiment: Experiment, found: Scan, folder: Path) -> list[Path]:
    """Draw an experiment's figures as SVG files into ``folder``, and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, draw in drawings(experiment, found).items():
        path = folder / f"{experiment.name}-{name}.svg"
        path.write_text(figures.to_svg(*draw()), encoding="utf-8")
        paths.append(path)
    return paths


def drawings(experiment: Experiment, found: Scan) -> dict[str, Callable[[], Drawing]]:
    """What there is to draw of an experiment with the runs that are there."""
    if experiment.kind == "grid":
        return {"heat-map": lambda: heat_map(found)}
    if experiment.kind == "steps":
        return {"losses": lambda: first_losses(experiment, found)}
    if experiment.kind == "weight-decay":
        return {"strengths": lambda: strengths(experiment, found)}
    if experiment.kind == "rates":
        return {"percentiles": lambda: effective_rates(experiment, found)}
    curves = {"curves": lambda: learning_curves(experiment, found)}
    if {"constant", "plateau"} <= experiment.arms.keys() and found.seeds("constant", "plateau"):
        return {**curves, "differences": lambda: differences({experiment.name: found})}
    return curves


def learning_curves(experiment: Experiment, found: Scan) -> Drawing:
    """Accuracy, loss and, below them on the same axis, the rate: mean over the runs, band from lowest to highest.

    Runs that diverged are left out and counted beside the arm's name.
    """
    plt = optional("matplotlib.pyplot", "experiments")

    told, ends = [], []
    with figures.style():
        fig, axes = plt.subplots(3, 1, figsize=(5.6, 5.8), sharex=True, height_ratios=(3, 3, 1.6))
        for arm in experiment.arms:
            histories = [record["history"] for record in _whole(found, arm)]
            if not histories:
                continue
            label = _name(found, arm)
            colour = COLOURS.get(arm, figures.BLUE)
            for ax, column in zip(axes, ("val_accuracy", "val_loss", "lr"), strict=True):
                line = _band(ax, np.array([history[column] for history in histories]), colour)
                if ax is axes[0]:
                    ends.append((line.get_ydata()[-1], label, line))
            told.append(f"{label} ends at {np.mean([history['val_accuracy'][-1] for history in histories]):.3f}")
            train = np.array([history["loss"] for history in histories])
            axes[1].plot(_epochs(train), train.mean(axis=0), color=colour, linestyle=":", linewidth=1.5)
        if not told:
            _say_nothing_yet(axes[0])
        for i, (_, label, line) in enumerate(sorted(ends, key=lambda end: end[0])):
            figures.label_line(line, label, dy=10 * i - 5 * (len(ends) - 1))  # apart where the ends meet
        axes[0].set(ylabel="accuracy", title="Validation accuracy")
        axes[1].set(ylabel="cross-entropy", title="Loss: validation (line), training (dots)")
        axes[2].set(ylabel="η", yscale="log", xlabel="epoch", title="Learning rate")
        axes[2].xaxis.get_major_locator().set_params(integer=True)
    return fig, (
        f"Learning curves of {experiment.name} over the epochs in three panels, as means with bands from the lowest to "
        "the highest run: validation accuracy, validation and training loss, learning rate. Validation accuracy: "
        f"{'; '.join(told) or 'no run is finished yet'}."
    )


def differences(found: dict[str, Scan]) -> Drawing:
    """Test accuracy with decay minus without, pair by pair, with mean and t interval; last and best epoch."""
    plt = optional("matplotlib.pyplot", "experiments")

    there = {name: scan for name, scan in found.items() if scan.seeds("constant", "plateau")}
    rows = [(name, scan, at) for name, scan in there.items() for at in ("last", "best")]
    told = []
    with figures.style():
        fig, ax = plt.subplots(figsize=(5.6, 0.9 + 0.55 * max(1, len(rows))))
        if not rows:
            _say_nothing_yet(ax)
        ax.axvline(0, color="black", linewidth=1)
        for y, (name, scan, at) in enumerate(rows):
            result = paired(scan, "constant", "plateau", at)
            colour = figures.BLUE if at == "last" else figures.ORANGE
            ax.plot(100 * np.array(result.values), [y] * len(result.values), "o", color=colour, alpha=0.5, markersize=6)
            if result.t is not None:
                ax.plot(100 * np.array(result.t), [y + 0.25] * 2, color=colour)
            ax.plot(100 * result.mean, y + 0.25, "D", color=colour, markersize=5)
            told.append(f"{name}, {at} epoch: {100 * result.mean:+.2f}")
        ax.set_yticks(range(len(rows)), [f"{name}, {at} epoch" for name, _, at in rows])
        ax.set_ylim(len(rows) - 0.4, -0.5)
        ax.grid(axis="y", visible=False)
        ax.set(xlabel="test accuracy with decay − without, percentage points", title="Each dot is one pair of runs")
    return fig, (
        "Differences of test accuracy between paired runs with and without decay, as dots with mean and interval. "
        "Means in percentage points: " + ("; ".join(told) or "no pair is finished yet") + "."
    )


def heat_map(found: Scan) -> Drawing:
    """The grid: mean test accuracy after the last epoch, by initial rate and schedule; the article's are boxed."""
    plt = optional("matplotlib.pyplot", "experiments")

    arms = [[f"{schedule}-{lr:g}" for lr in RATES] for schedule in SCHEDULES]
    values = np.array([[_mean_accuracy(found, arm) for arm in row] for row in arms])
    best = np.unravel_index(np.nanargmax(values), values.shape) if np.isfinite(values).any() else None
    learning = values[values > 0.15]  # runs that stayed at chance, 0.1, would flatten the other shades
    low = float(learning.min()) if learning.size else 0.0
    with figures.style():
        fig, ax = plt.subplots(figsize=(5.6, 3.6))
        ax.grid(visible=False)
        span = (float(np.nanmax(values)) - low if best else 1.0) or 1.0
        for (i, j), value in np.ndenumerate(values):
            shade = 0.0 if np.isnan(value) else 0.06 + 0.5 * max(0.0, value - low) / span
            ax.add_patch(plt.Rectangle((j - 0.5, i - 0.5), 1, 1, color=figures.BLUE, alpha=shade, linewidth=0))
            weight = "bold" if (i, j) == best else "normal"
            text = "–" if np.isnan(value) else f"{100 * value:.1f}"
            ax.text(j, i, text, ha="center", va="center", fontweight=weight)
        for i, j in ((0, 0), (1, 0), (0, 2), (1, 2)):  # constant and plateau, at 1e-4 and 1e-3
            ax.add_patch(
                plt.Rectangle((j - 0.46, i - 0.46), 0.92, 0.92, fill=False, edgecolor=figures.ORANGE, linewidth=2)
            )
        ax.set_xticks(range(len(RATES)), [f"{lr:g}" for lr in RATES])
        ax.set_yticks(range(len(SCHEDULES)), SCHEDULES)
        ax.set(xlim=(-0.5, len(RATES) - 0.5), ylim=(len(SCHEDULES) - 0.5, -0.5), xlabel="initial rate η₀")
        ax.spines[:].set_visible(False)
        ax.tick_params(length=0)
        ax.set_title("Test accuracy in %; boxed: the article's cells")
    told = f" The highest mean is {100 * values[best]:.1f} % with {arms[best[0]][best[1]]}." if best else ""
    return fig, f"A table of six schedules by five initial rates, shaded by mean test accuracy.{told}"


def first_losses(experiment: Experiment, found: Scan) -> Drawing:
    """Training loss at each of the first updates: mean over the seeds, smoothed over five updates."""
    plt = optional("matplotlib.pyplot", "experiments")

    told = []
    with figures.style():
        fig, ax = plt.subplots(figsize=(5.6, 3.4))
        styles = zip(experiment.arms, figures.PALETTE.values(), ("-", "-", "--", ":"), strict=False)
        for arm, colour, dashes in styles:
            losses = [record["history"]["step_loss"] for record in _whole(found, arm)]
            if not losses:
                continue
            mean = np.convolve(np.mean(losses, axis=0), np.ones(5) / 5, mode="valid")
            ax.plot(np.arange(len(mean)) + 3, mean, color=colour, linestyle=dashes, label=_name(found, arm))
            told.append(f"{_name(found, arm)} ends at {mean[-1]:.2f}")
        if told:
            ax.legend()
        else:
            _say_nothing_yet(ax)
        ax.set(xlabel="update", ylabel="training loss", title="The first updates, mean of the seeds")
    ends = "; ".join(told) or "no run is finished yet"
    return fig, f"Training loss over the first 200 updates for each form of Adam: {ends}."


def strengths(experiment: Experiment, found: Scan) -> Drawing:
    """Test accuracy against the strength of weight decay, with and without cosine, a panel for each kind."""
    plt = optional("matplotlib.pyplot", "experiments")

    with figures.style():
        fig, axes = plt.subplots(1, 2, figsize=(5.6, 3.2), sharey=True)
        for ax, (optimizer, title) in zip(axes, WAYS.items(), strict=True):
            for schedule in DECAYS:
                arms = [a for a, c in experiment.arms.items() if (c.optimizer, c.schedule) == (optimizer, schedule)]
                points = [
                    (experiment.arms[arm].weight_decay, 100 * _mean_accuracy(found, arm))
                    for arm in arms
                    if found.records(arm)
                ]
                if points:
                    ax.plot(*zip(*points, strict=True), "o-", color=COLOURS[schedule], label=schedule)
                    ax.legend()
            ax.set(xscale="log", xlabel="λ", title=title)
        if not found.done:
            _say_nothing_yet(axes[0])
        axes[0].set_ylabel("test accuracy, last epoch, %")
    return fig, (
        "Mean test accuracy against the strength of weight decay, with Adam and L2 on the left and AdamW on the right, "
        "each with a constant rate and with cosine decay."
    )


def effective_rates(experiment: Experiment, found: Scan) -> Drawing:
    """Percentiles of η/(√v̂ + ε) over all parameters, epoch by epoch, a panel for each arm."""
    plt = optional("matplotlib.pyplot", "experiments")

    told = []
    with figures.style():
        fig, axes = plt.subplots(1, len(experiment.arms), figsize=(5.6, 3.4), sharey=True, squeeze=False)
        for ax, arm in zip(axes[0], experiment.arms, strict=True):
            for record in with_rates(found, arm)[:1]:
                rows = np.array(record["effective_rates"]["all"])
                epochs = _epochs(rows.T)
                colour = COLOURS[arm]
                for low, high, alpha in ((0, 4, 0.15), (1, 3, 0.3)):
                    ax.fill_between(epochs, rows[:, low], rows[:, high], color=colour, alpha=alpha, linewidth=0)
                ax.plot(epochs, rows[:, 2], color=colour)
                ax.plot(epochs, record["history"]["lr"], color="black", linewidth=1, linestyle="--")
                told.append(f"{arm}: median {rows[0, 2]:.2g} after the first epoch, {rows[-1, 2]:.2g} after the last")
            ax.set(yscale="log", xlabel="epoch", title=arm)
            ax.xaxis.get_major_locator().set_params(integer=True)
        axes[0, 0].set(ylabel="η/(√v̂ + ε)", ylim=(1e-5, None))  # cosine's very last rates are next to nothing
    shares = f"{PERCENTILES[0]}–{PERCENTILES[-1]} % and {PERCENTILES[1]}–{PERCENTILES[-2]} %"
    medians = "; ".join(told) or "No run is finished yet"
    return fig, f"Effective rates over the epochs, median and bands ({shares}), with η dashed. {medians}."


def _whole(found: Scan, arm: str) -> list[Record]:
    return [record for record in found.records(arm) if record["diverged"] is None]


def _name(found: Scan, arm: str) -> str:
    count = diverged(found, arm)
    return f"{arm} ({count} diverged)" if count else arm


def _mean_accuracy(found: Scan, arm: str) -> float:
    records = found.records(arm)
    return float(np.mean([accuracy_on_test(record) for record in records])) if records else float("nan")


def _say_nothing_yet(ax: Any) -> None:
    ax.text(0.5, 0.5, "no run is finished yet", transform=ax.transAxes, ha="center", va="center")


def _band(ax: Any, curves: np.ndarray, colour: str) -> Any:
    epochs = _epochs(curves)
    ax.fill_between(epochs, curves.min(axis=0), curves.max(axis=0), color=colour, alpha=0.2, linewidth=0)
    (line,) = ax.plot(epochs, curves.mean(axis=0), color=colour)
    return line


def _epochs(curves: np.ndarray) -> np.ndarray:
    return np.arange(1, curves.shape[1] + 1)
