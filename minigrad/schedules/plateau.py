"""Reduce the rate when a metric has stopped improving: one small state machine, the rules of three frameworks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import inf, isnan, nan
from typing import NamedTuple

from minigrad.arguments import check_state, choice, integer, number
from minigrad.optim.base import Optimizer


class Rules(NamedTuple):
    """Where the conventions differ, apart from what is better."""

    counts_in_cooldown: int
    """An epoch counts if the epochs left of the cooldown before it are at most this many."""
    due: Callable[[int, int], bool]
    """Whether a reduction is due, from `wait` and `patience`."""
    acts_at_min_lr: bool
    """A reduction that is due at min_lr resets `wait` and starts the cooldown, though the rate stays the same."""
    uses_eps: bool
    """The rate stays the same if it would change by at most `eps`."""


RULES = {
    "keras": Rules(
        counts_in_cooldown=1,
        due=lambda wait, patience: wait >= max(patience, 1),
        acts_at_min_lr=False,
        uses_eps=False,
    ),
    "torch": Rules(
        counts_in_cooldown=0,
        due=lambda wait, patience: wait > patience,
        acts_at_min_lr=True,
        uses_eps=True,
    ),
    "optax": Rules(
        counts_in_cooldown=0,
        due=lambda wait, patience: wait == patience,
        acts_at_min_lr=True,
        uses_eps=False,
    ),
}


class ReduceLROnPlateau:
    """Multiply the optimizer's rate by `factor` when a metric hasn't improved for `patience` epochs.

    convention="keras" (`keras.callbacks.ReduceLROnPlateau`): better means value + min_delta < best; the rate is reduced
    when the number of epochs without improvement reaches `patience`, and 0 acts as 1. An epoch first counts down the
    cooldown and is ignored only if some is left, so a cooldown of c skips c − 1 epochs. The first metric is always
    better.

    convention="torch" (`torch.optim.lr_scheduler.ReduceLROnPlateau`): better means value < best·(1 − min_delta), or
    best − min_delta with threshold_mode="abs"; the rate is reduced when the number exceeds `patience`. A cooldown of c
    skips c epochs. The rate stays the same if it would change by at most `eps`.

    convention="optax" (`optax.contrib.reduce_on_plateau` of optax 0.2.8): PyTorch's threshold and cooldown, but the
    rate is reduced when the number equals `patience`. So `patience=0` reduces after each epoch that *is* better and
    after no other. Each mean of `accumulation_size` metrics counts as one epoch. optax's `rtol` is min_delta, its
    `atol` is min_delta with threshold_mode="abs" (both at once aren't offered), and its `min_scale` is min_lr divided
    by the first rate. It has no `mode`, and its threshold is above 0. optax multiplies the updates, so there the rate
    may be a schedule, and a reduction already applies to the update that is passed with the metric. A `min_scale` above
    1 would raise the rate there; here no rate is raised.

    With mode="max" better means greater, and min_delta has the opposite sign. In all three an ignored epoch can be the
    new best, and a reduction doesn't change the best value. NaN is never better (Keras 3.15.1 accepts a first NaN as
    its best, and then nothing is ever better). For a negative metric the relative threshold is above the best value,
    so a constant negative loss always counts as an improvement.

    Parameters
    ----------
    optimizer : Optimizer
        Its `lr` must be a number, not a schedule.
    factor : float
        Between 0 and 1: what the rate is multiplied by.
    patience, cooldown : int
        ≥ 0, in epochs. An epoch is one call of `step`, or `accumulation_size` calls.
    min_delta : float
        ≥ 0, in the metric's unit or, with a relative threshold, a share of it. PyTorch calls it `threshold`. For optax
        it is > 0, and ≤ 1 if relative.
    min_lr : float
        ≥ 0: the rate isn't reduced further. A lower rate stays the same.
    mode : str
        "min" or "max"; for optax "min".
    convention : str
        "keras", "torch" or "optax".
    threshold_mode : str
        "rel" or "abs"; the Keras convention doesn't use it.
    eps : float
        ≥ 0, a rate; only the PyTorch convention uses it.
    accumulation_size : int
        ≥ 1; only the optax convention has it.

    Attributes
    ----------
    best : float
        The best metric so far; NaN (Keras) or ±∞ (PyTorch, optax) before the first.
    wait, cooldown_left : int
        Epochs without improvement, and epochs of the cooldown still to come.
    mean, gathered : float, int
        The mean of the metrics since the last full group, and their number; 0 after a full one.

    Raises
    ------
    ValueError, TypeError
        The optimizer's lr is a schedule, or an argument is out of its range.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        factor: float = 0.1,
        patience: int = 10,
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
        mode: str = "min",
        convention: str = "keras",
        threshold_mode: str = "rel",
        eps: float = 1e-8,
        accumulation_size: int = 1,
    ) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"optimizer must be an optimizer of minigrad.optim, got {optimizer!r}")
        if optimizer.schedule is not None:
            raise ValueError(f"a plateau needs an optimizer with a constant lr; its lr is {optimizer.schedule!r}")
        self.optimizer = optimizer
        self.factor = number("factor", factor, above=0, below=1)
        self.patience = integer("patience", patience, least=0)
        self.min_delta = number("min_delta", min_delta, least=0)
        self.cooldown = integer("cooldown", cooldown, least=0)
        self.min_lr = number("min_lr", min_lr, least=0)
        self.mode = choice("mode", mode, ("min", "max"))
        self.convention = choice("convention", convention, tuple(RULES))
        self.threshold_mode = choice("threshold_mode", threshold_mode, ("rel", "abs"))
        self.eps = number("eps", eps, least=0)
        self.accumulation_size = integer("accumulation_size", accumulation_size, least=1)
        if convention == "optax":
            self._check_optax()
        elif accumulation_size != 1:
            raise ValueError(f"accumulation_size needs convention='optax', got {accumulation_size} with {convention!r}")
        self.best = nan if convention == "keras" else inf if mode == "min" else -inf  # nan: none yet
        self.wait = self.cooldown_left = self.gathered = 0
        self.mean = 0.0

    def _check_optax(self) -> None:
        if self.mode == "max":
            raise ValueError("convention='optax' has mode='min' only: give step() the negative of the metric")
        if self.min_delta == 0:
            raise ValueError("convention='optax' needs min_delta > 0, got 0")
        if self.threshold_mode == "rel" and self.min_delta > 1:
            raise ValueError(f"convention='optax' needs a relative min_delta ≤ 1, got {self.min_delta!r}")

    def step(self, metric: float) -> bool:
        """Take in the metric of an epoch; True if the rate was reduced. ValueError if the lr is now a schedule."""
        if self.optimizer.schedule is not None:
            raise ValueError(f"the optimizer's lr was set to a schedule: {self.optimizer.schedule!r}")
        self.mean = (self.gathered * self.mean + float(metric)) / (self.gathered + 1)
        self.gathered += 1
        if self.gathered < self.accumulation_size:
            return False
        value, self.mean, self.gathered = self.mean, 0.0, 0
        return self._update(value)

    def _update(self, value: float) -> bool:
        rules = RULES[self.convention]
        counts = self.cooldown_left <= rules.counts_in_cooldown
        if self.cooldown_left > 0:
            self.cooldown_left, self.wait = self.cooldown_left - 1, 0
        if self.better(value):
            self.best, self.wait = value, 0
        elif counts:
            self.wait += 1
        return counts and rules.due(self.wait, self.patience) and self._reduce(rules)

    def better(self, metric: float) -> bool:
        """Whether `metric` improves on the best so far by more than the threshold."""
        sign = 1 if self.mode == "min" else -1
        value, best = sign * metric, sign * self.best
        if self.convention == "keras":
            return value + self.min_delta < best or (isnan(best) and not isnan(value))  # eq:plateau-better-keras
        if self.threshold_mode == "rel":
            return value < best * (1 - sign * self.min_delta)  # eq:plateau-better-torch
        return value < best - self.min_delta

    def _reduce(self, rules: Rules) -> bool:
        """Start the cooldown and set the new rate; False if the rate stays the same."""
        old = self.optimizer.lr
        if old > self.min_lr or rules.acts_at_min_lr:
            self.wait, self.cooldown_left = 0, self.cooldown
        new = max(old * self.factor, self.min_lr)  # eq:plateau-reduce
        if old - new <= (self.eps if rules.uses_eps else 0):
            return False
        self.optimizer.lr = new
        return True

    def state_dict(self) -> dict[str, float]:
        """What changes from epoch to epoch; the rate is part of the optimizer's state."""
        state = {"best": self.best, "wait": self.wait, "cooldown_left": self.cooldown_left}
        return state | ({"mean": self.mean, "gathered": self.gathered} if self.convention == "optax" else {})

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Go on from `state_dict()`'s result; ValueError if a name is unknown or missing, or a count is below 0."""
        check_state(self, state, self.state_dict())
        metrics = {name: float(state[name]) for name in state if name in ("best", "mean")}
        counts = {name: integer(name, int(state[name]), least=0) for name in state if name not in metrics}
        vars(self).update(metrics | counts)
