"""The training loop and the history that it records."""

from __future__ import annotations

import json
import math
import os
import time
import uuid
from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from minigrad.arguments import integer
from minigrad.average import WeightAverage
from minigrad.data import Pair, as_inputs, batches, check_pair
from minigrad.ops import cross_entropy
from minigrad.tensor import Tensor, no_grad


@dataclass
class History:
    """What `fit` measured, one entry per finished epoch.

    Attributes
    ----------
    loss, accuracy : list of float
        Means over the epoch's training examples. Each batch is evaluated just before its update.
    val_loss, val_accuracy : list of float
        The same on the validation data at the end of the epoch; empty without validation data.
    lr : list of float
        The learning rate that the epoch's last update used.
    seconds : list of float
        Wall time of the epoch, validation included.
    step_loss, step_lr : list of float
        For each update: the mean loss of its batch before the update, and the learning rate used. After an
        interruption they also hold the updates of the unfinished epoch.
    """

    loss: list[float] = field(default_factory=list)
    accuracy: list[float] = field(default_factory=list)
    val_loss: list[float] = field(default_factory=list)
    val_accuracy: list[float] = field(default_factory=list)
    lr: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    step_loss: list[float] = field(default_factory=list)
    step_lr: list[float] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.loss)

    def extend(self, other: History) -> None:
        """Append another history's epochs."""
        for column in fields(self):
            getattr(self, column.name).extend(getattr(other, column.name))

    def to_json(self, path: str | os.PathLike[str]) -> None:
        """Write the history to ``path``, atomically."""
        write_json(path, asdict(self))

    @classmethod
    def from_json(cls, path: str | os.PathLike[str]) -> History:
        """Read a history that `to_json` wrote, bit for bit. `ValueError` if the file holds something else."""
        try:
            content = json.loads(Path(path).read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(f"{path} is not a JSON file: {error}") from error
        names = [column.name for column in fields(cls)]
        if not isinstance(content, dict) or sorted(content) != sorted(names):
            raise ValueError(f"{path} is not a training history: it needs exactly the lists {', '.join(names)}")
        return cls(**content)


def write_json(path: str | os.PathLike[str], content: Any, indent: int | None = None) -> None:
    """Write JSON to ``path`` atomically: if the process is killed, the file has the old or the new content."""
    path = Path(path)
    temporary = path.with_name(f".{path.name}-{uuid.uuid4().hex}.part")
    try:
        with temporary.open("w", encoding="utf-8") as sink:
            json.dump(content, sink, allow_nan=False, indent=indent)
            sink.write("\n")
            sink.flush()
            os.fsync(sink.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def fit(
    model: Any,
    optimizer: Any,
    train: Pair,
    validation: Pair | None = None,
    epochs: int = 1,
    batch_size: int = 32,
    plateau: Any = None,
    rng: np.random.Generator | int | None = None,
    progress: bool = True,
    average: WeightAverage | None = None,
) -> History:
    """Train a classifier: minimise the mean cross-entropy over shuffled batches, and record what happens.

    Parameters
    ----------
    model : Module
        From inputs (N, …) to logits (N, classes).
    optimizer : Optimizer
        An optimizer of the model's parameters, with a constant learning rate or a schedule.
    train, validation : (inputs, labels)
        NumPy arrays. uint8 inputs are images: each batch is converted to floating point and divided by 255.
        Floating inputs are passed on in the model's dtype. Labels are integers from 0.
    epochs, batch_size : int
        Integers ≥ 1. The last batch of an epoch may be smaller.
    plateau : ReduceLROnPlateau, optional
        Gets the validation loss after each epoch; a reduced rate is used from the next epoch on.
    rng : numpy.random.Generator or int, optional
        Shuffles the examples anew for each epoch. The same seed gives the same run; with ``None`` runs differ.
    progress : bool
        Show tqdm's progress bar.
    average : WeightAverage, optional
        Updated after each step of the optimizer; the model is then validated with the averaged weights.

    Returns
    -------
    History
        One entry per epoch.

    Raises
    ------
    FloatingPointError
        If the loss becomes infinite or NaN. Training stops at that step, before its update.
    ValueError, TypeError
        If inputs, labels or options are invalid or don't fit together.

    Notes
    -----
    After Ctrl-C or an error, the exception's attribute ``history`` holds the finished epochs (in an interactive
    session: ``sys.last_value.history``), and the model and the optimizer keep the state of the last update.
    """
    count = check_pair("train", *train)
    if validation is not None:
        check_pair("validation", *validation)
    epochs, batch_size = integer("epochs", epochs, least=1), integer("batch_size", batch_size, least=1)
    if plateau is not None and validation is None:
        raise ValueError("plateau needs the validation loss: give validation=(inputs, labels) too")
    generator = np.random.default_rng(rng)
    history = History()
    bar = tqdm(total=epochs * math.ceil(count / batch_size), unit="step", disable=not progress)
    try:
        for epoch in range(1, epochs + 1):
            bar.set_description(f"epoch {epoch}/{epochs}")
            start = time.perf_counter()
            loss, accuracy = _train_epoch(
                model, optimizer, batches(*train, batch_size, generator), history, bar, average
            )
            if validation is not None:
                with average.applied() if average is not None else nullcontext():
                    val_loss, val_accuracy = evaluate(model, validation)
                if not math.isfinite(val_loss):
                    raise FloatingPointError(f"the validation loss is {val_loss} after epoch {epoch}")
                if plateau is not None:
                    plateau.step(val_loss)
                history.val_loss.append(val_loss)
                history.val_accuracy.append(val_accuracy)
            history.loss.append(loss)
            history.accuracy.append(accuracy)
            history.lr.append(history.step_lr[-1])
            history.seconds.append(time.perf_counter() - start)
            bar.set_postfix_str(_summary(history))
    except BaseException as error:
        error.history = history  # type: ignore[attr-defined]  # for the caller
        error.add_note(f"fit stopped in epoch {len(history) + 1}; this exception's `history` has the finished epochs")
        raise
    finally:
        bar.close()
    return history


def evaluate(model: Any, data: Pair, batch_size: int = 256) -> tuple[float, float]:
    """Return the mean cross-entropy and the accuracy (0 to 1) of `model` on `data = (inputs, labels)`, in eval mode.

    Inputs and labels are as for `fit`; ValueError or TypeError if they don't fit together.
    """
    count = check_pair("data", *data)
    dtype = _dtype(model)
    loss, correct = 0.0, 0
    training = model.training
    model.eval()
    try:
        with no_grad():
            for inputs, labels in batches(*data, batch_size):
                logits = model(Tensor(as_inputs(inputs, dtype)))
                loss += cross_entropy(logits, labels).item() * len(labels)
                correct += _correct(logits, labels)
    finally:
        model.train(training)
    return loss / count, correct / count


def _train_epoch(
    model: Any, optimizer: Any, data: Iterable[Pair], history: History, bar: tqdm, average: WeightAverage | None
) -> tuple[float, float]:
    """Make one update per batch of `data`, record it in `history`, and return the mean loss and the accuracy."""
    dtype = _dtype(model)
    total, correct, count = 0.0, 0, 0
    model.train()
    for step, (inputs, labels) in enumerate(data, 1):
        logits = model(Tensor(as_inputs(inputs, dtype)))
        loss = cross_entropy(logits, labels)
        value = loss.item()
        if not math.isfinite(value):
            raise FloatingPointError(
                f"the training loss is {value} in epoch {len(history) + 1}, step {step}, "
                f"at the learning rate {optimizer.lr:g}: try a smaller one, and look for NaN in the inputs"
            )
        optimizer.zero_grad()
        loss.backward()
        rate = optimizer.lr
        optimizer.step()
        if average is not None:
            average.update()
        history.step_loss.append(value)
        history.step_lr.append(rate)
        total += value * len(labels)
        correct += _correct(logits, labels)
        count += len(labels)
        bar.update()
    return total / count, correct / count


def _correct(logits: Tensor, labels: np.ndarray) -> int:
    return int(np.count_nonzero(logits.data.argmax(axis=-1) == labels))


def _dtype(model: Any) -> np.dtype[Any]:
    """Return the dtype of the model's parameters."""
    parameter = next(iter(model.parameters()), None)
    return np.dtype(np.float32) if parameter is None else parameter.dtype


def _summary(history: History) -> str:
    names = ("loss", "accuracy", "val_loss", "val_accuracy")
    return ", ".join(f"{name} {getattr(history, name)[-1]:.4f}" for name in names if getattr(history, name))
