"""One run: from a configuration and a seed to everything that was measured."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import cache
from typing import Any

import numpy as np
from minigrad_book.tools.experiments.config import Config
from minigrad_book.tools.experiments.provenance import code_sha256, machine, versions

from minigrad import data, get_num_threads, models, optim, schedules, set_num_threads
from minigrad.train import History, evaluate, fit

PERCENTILES = (5, 25, 50, 75, 95)
CLASSES = 10

# What a data set with these bytes is, by the digest that `describe_data` makes.
JPEG_COPY = "a JPEG (quality 75) copy of CIFAR-10"
KNOWN = {"38f858c0f8dfecbc5fc11933f86a644aaa90b6610181fafb30ff4b48a9d59918": JPEG_COPY}


def run_once(config: Config, seed: int) -> dict[str, Any]:
    """Train and evaluate once, on one thread.

    With the same code, on one kind of processor and with one set of versions, the result is the same to the last bit,
    times apart; elsewhere rounding differs, and the difference grows as the run goes on.

    The best epoch is the one with the highest validation accuracy (the first of equals). The test images are used
    twice: with the weights of the last epoch and with those of the best.
    """
    start = time.perf_counter()
    # First: by the end of a long run the source on disk may be another.
    about = {"code_sha256": code_sha256(), "versions": versions(), "machine": machine(), "threads": 1}
    about["data"] = describe_data(config.data)
    with _one_thread:
        model, best, measured = _train(config, seed, config.epochs)
        test = load_data(config)[2]
        last_accuracy = evaluate(model, test)[1]
        model.load_state_dict(best)
        measured["test_accuracy"] = {"best": evaluate(model, test)[1], "last": last_accuracy}
    return {**measured, **about, "seconds": round(time.perf_counter() - start, 3)}


def first_epoch(config: Config, seed: int) -> dict[str, Any]:
    """What `run_once` measures in the first epoch: the history, effective rates, and whether it diverged.

    The schedule is that of the whole run, which stops after the epoch.
    """
    with _one_thread:
        return _train(config, seed, 1)[2]


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


def _train(config: Config, seed: int, epochs: int) -> tuple[models.LeNet5, dict[str, np.ndarray], dict[str, Any]]:
    """The model after so many epochs of the run, the best epoch's weights, and what was measured."""
    train, validation, _ = load_data(config)
    initial, order = (np.random.default_rng(part) for part in np.random.SeedSequence(seed).spawn(2))
    model = models.LeNet5(in_channels=train[0].shape[1], rng=initial)
    optimizer, plateau = build_optimizer(config, model.parameters())
    history, best, rates = History(), model.state_dict(), _EffectiveRates(model, optimizer)
    diverged = None
    for _ in range(epochs):
        try:
            history.extend(fit(model, optimizer, train, validation, 1, config.batch_size, plateau, order, False))
        except FloatingPointError as error:
            diverged = str(error)
            history.extend(error.history)  # type: ignore[attr-defined]  # the unfinished epoch's updates
            break
        if best_epoch(history.val_accuracy) == len(history):
            best = model.state_dict()
        if config.record_rates:
            rates.record()
    measured = {
        "history": _history(history, config.record_steps),
        "effective_rates": rates.percentiles if config.record_rates else None,
        "best_epoch": best_epoch(history.val_accuracy),
        "diverged": diverged,
    }
    return model, best, measured


def best_epoch(val_accuracy: list[float]) -> int | None:
    """The epoch, counted from 1, with the highest validation accuracy, the first of equals; ``None`` without epochs."""
    return 1 + int(np.argmax(val_accuracy)) if val_accuracy else None


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
    plateau = schedules.ReduceLROnPlateau(optimizer, patience=config.patience) if config.schedule == "plateau" else None
    return optimizer, plateau


def build_schedule(config: Config) -> float | Callable[[int], float]:
    """The rate as an optimizer takes it; `Config` describes the schedules."""
    steps, lr = config.steps, config.lr
    match config.schedule:
        case "exponential":
            return schedules.exponential_decay(lr, steps, 0.01)
        case "cosine":
            return schedules.cosine_decay(lr, steps)
        case "step":
            return schedules.multi_step_decay(lr, [steps // 2, steps * 3 // 4])
        case "warmup-cosine":
            return schedules.warmup(schedules.cosine_decay(lr, steps), max(1, steps // 20))
        case _:
            return lr


def load_data(config: Config) -> tuple[data.Pair, data.Pair, data.Pair]:
    """The images to train on, to choose by and to report on.

    Of each class, these are the first and the last training images and the first test images. ValueError if there are
    too few.
    """
    train, test = _load(config.data)
    for name, wanted, there in (
        ("train_size + validation_size", config.train_size + config.validation_size, train),
        ("test_size", config.test_size, test),
    ):
        if wanted > CLASSES * np.bincount(there[1]).min():
            raise ValueError(f"{config.data} has fewer images than {name} = {wanted:,}")
    return (
        _first_of_each_class(*train, config.train_size),
        _first_of_each_class(train[0][::-1], train[1][::-1], config.validation_size),
        _first_of_each_class(*test, config.test_size),
    )


@cache
def _load(name: str) -> tuple[data.Pair, data.Pair]:
    if name == "cifar10":
        return data.cifar10()
    train, test = data.digits()
    return _magnified(*train), _magnified(*test)


def _magnified(images: np.ndarray, labels: np.ndarray) -> data.Pair:
    """8×8 to 32×32 pixels, each repeated 4×4 times."""
    return images.repeat(4, axis=2).repeat(4, axis=3), labels


def _first_of_each_class(images: np.ndarray, labels: np.ndarray, count: int) -> data.Pair:
    if count % CLASSES:
        raise ValueError(f"sizes must be multiples of {CLASSES}, to have as many images of each class; got {count}")
    chosen = [np.flatnonzero(labels == label)[: count // CLASSES] for label in range(CLASSES)]
    order = np.sort(np.concatenate(chosen))
    return images[order], labels[order]


@cache
def describe_data(name: str) -> dict[str, str]:
    """The data set's name, the SHA-256 of its bytes, and what those bytes are.

    Digested are images, then labels as bytes; training, then test.
    """
    digest = hashlib.sha256()
    for images, labels in _load(name):
        digest.update(np.ascontiguousarray(images).data)
        digest.update(labels.astype(np.uint8).data)
    sha256 = digest.hexdigest()
    other = "scikit-learn's digits" if name == "digits" else "unknown data in CIFAR-10's binary format"
    return {"name": name, "sha256": sha256, "what": KNOWN.get(sha256, other)}


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
