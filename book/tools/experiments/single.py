"""One run: from a configuration and a seed to everything that was measured."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict
from typing import Any

import numpy as np

from minigrad import WeightAverage, get_num_threads, models, nn, optim, schedules, set_num_threads
from minigrad.train import History, evaluate, fit
from minigrad_book.tools.experiments.config import Config
from minigrad_book.tools.experiments.images import CLASSES, describe_data, flip_and_crop, load_data
from minigrad_book.tools.experiments.provenance import code_sha256, machine, versions

PERCENTILES = (5, 25, 50, 75, 95)
TAIL = 5  # the test accuracy is measured after each of the last five epochs


def run_once(config: Config, seed: int) -> dict[str, Any]:
    """Train and evaluate once, on one thread.

    With the same code, on one kind of processor and with one set of versions, the result is the same to the last bit,
    times apart; elsewhere rounding differs, and the difference grows as the run goes on.

    The best epoch is the one with the highest validation accuracy (the first of equals). The test accuracy is measured
    with the weights of the best epoch, with those after each of the last five epochs ("tail"), and with the last ones.
    """
    start = time.perf_counter()
    # First: by the end of a long run the source on disk may be another.
    about = {"code_sha256": code_sha256(), "versions": versions(), "machine": machine(), "threads": 1}
    about["data"] = describe_data(config.data)
    with _one_thread:
        measured = _train(config, seed, config.epochs)
    return {**measured, **about, "seconds": round(time.perf_counter() - start, 3)}


def first_epoch(config: Config, seed: int) -> dict[str, Any]:
    """What `run_once` measures in the first epoch: the history, effective rates, and whether it diverged.

    The schedule is that of the whole run, which stops after the epoch.
    """
    with _one_thread:
        return _train(config, seed, 1)


class _OneThread:
    """While any run goes on, kernels use one thread. A process has one setting, and may do several runs at once."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.runs = 0
        self.before = 1

    def __enter__(self) -> None:
        with self.lock:
            if self.runs == 0:
                self.before = get_num_threads()
                set_num_threads(1)
            self.runs += 1

    def __exit__(self, *error: object) -> None:
        with self.lock:
            self.runs -= 1
            if self.runs == 0:
                set_num_threads(self.before)


_one_thread = _OneThread()


def _train(config: Config, seed: int, epochs: int) -> dict[str, Any]:
    """What is measured in so many epochs of the run."""
    train, validation, test = load_data(config)
    initial, order, shifts = (np.random.default_rng(part) for part in np.random.SeedSequence(seed).spawn(3))
    model = build_model(config, train[0].shape[1:], initial)
    optimizer, plateau = build_optimizer(config, model.parameters())
    average = WeightAverage(model.parameters(), config.average) if config.average else None
    history, best, rates, tail = History(), model.state_dict(), _EffectiveRates(model, optimizer), []
    diverged = None
    for epoch in range(1, epochs + 1):
        seen = (flip_and_crop(train[0], shifts), train[1]) if config.augment else train
        try:
            history.extend(
                fit(model, optimizer, seen, validation, 1, config.batch_size, plateau, order, False, average)
            )
        except FloatingPointError as error:
            diverged = str(error)
            history.extend(error.history)  # type: ignore[attr-defined]  # the unfinished epoch's updates
            break
        with average.applied() if average else nullcontext():
            if best_epoch(history.val_accuracy) == epoch:
                best = model.state_dict()
            if epoch > config.epochs - TAIL:
                tail.append(evaluate(model, test)[1])
        if config.record_rates:
            rates.record()
    last = tail[-1] if tail and not diverged else evaluate(model, test)[1]
    model.load_state_dict(best)
    return {
        "history": _history(history, config.record_steps),
        "effective_rates": rates.percentiles if config.record_rates else None,
        "best_epoch": best_epoch(history.val_accuracy),
        "test_accuracy": {"best": evaluate(model, test)[1], "last": last, "tail": tail},
        "diverged": diverged,
    }


def best_epoch(val_accuracy: list[float]) -> int | None:
    """The epoch, counted from 1, with the highest validation accuracy, the first of equals; ``None`` without epochs."""
    return 1 + int(np.argmax(val_accuracy)) if val_accuracy else None


def build_model(config: Config, shape: tuple[int, ...], rng: np.random.Generator) -> nn.Module:
    """A new model for images of this shape (channels, height, width)."""
    if config.model == "mlp":
        return models.MLP([math.prod(shape), 64, CLASSES], rng=rng)
    return models.LeNet5(in_channels=shape[0], rng=rng)


def build_optimizer(config: Config, parameters: list[Any]) -> tuple[optim.Adam, Any]:
    """The optimizer with its schedule, and the plateau rule if that is the schedule."""
    rate, betas, eps, weight_decay = build_schedule(config), config.betas, config.eps, config.weight_decay
    if config.optimizer == "adamw":
        optimizer: optim.Adam = optim.AdamW(parameters, rate, betas, eps, weight_decay, eps_form=config.eps_form)
    else:
        optimizer = optim.Adam(
            parameters,
            rate,
            betas,
            eps,
            weight_decay,
            bias_correction=config.bias_correction,
            eps_form=config.eps_form,
        )
    if config.schedule != "plateau":
        return optimizer, None
    return optimizer, schedules.ReduceLROnPlateau(optimizer, config.factor, config.patience)


def build_schedule(config: Config) -> float | Callable[[int], float]:
    """The rate as an optimizer takes it; `Config` describes the schedules."""
    steps, lr = config.steps, config.lr
    ramp, last_part = max(1, steps // 20), max(1, steps // 5)
    match config.schedule:
        case "exponential":
            return schedules.exponential_decay(lr, steps, 0.01)
        case "cosine":
            return schedules.cosine_decay(lr, steps)
        case "step":
            return schedules.multi_step_decay(lr, [steps // 2, steps * 3 // 4])
        case "warmup-cosine":
            return schedules.warmup(schedules.cosine_decay(lr, steps), ramp)
        case "linear":
            return schedules.linear_decay(lr, steps)
        case "warmup-linear":
            return schedules.warmup(schedules.linear_decay(lr, steps), ramp)
        case "warmup-stable-decay":
            return schedules.warmup_stable_decay(lr, ramp, max(0, steps - ramp - last_part), last_part)
        case _:
            return lr


def _history(history: History, record_steps: bool) -> dict[str, list[float]]:
    columns = asdict(history)
    columns["seconds"] = [round(seconds, 3) for seconds in history.seconds]
    if not record_steps:
        del columns["step_loss"], columns["step_lr"]
    return columns


class _EffectiveRates:
    """Percentiles of the effective rates of each weight array, and of all parameters together, epoch by epoch."""

    def __init__(self, model: Any, optimizer: optim.Adam) -> None:
        self.names = [name for name, _ in model.named_parameters()]
        self.optimizer = optimizer
        self.percentiles: dict[str, list[list[float]]] = {}

    def record(self) -> None:
        rates = [rate.ravel() for rate in self.optimizer.effective_lr()]
        groups = {name: rate for name, rate in zip(self.names, rates, strict=True) if name.endswith("weight")}
        groups["all"] = np.concatenate(rates)
        for name, group in groups.items():
            row = [float(f"{value:.4g}") for value in np.percentile(group, PERCENTILES)]
            self.percentiles.setdefault(name, []).append(row)
