"""Reduce the rate when a metric has stopped improving: a small state machine, in Keras's and in PyTorch's version."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf, isnan, nan

from minigrad.arguments import check_state, choice, integer, number
from minigrad.optim.base import Optimizer


class ReduceLROnPlateau:
    """Multiply the optimizer's rate by `factor` when a metric hasn't improved for `patience` epochs.

    convention="keras" (`keras.callbacks.ReduceLROnPlateau`): better means value + min_delta < best; the rate is reduced
    when the number of epochs without improvement reaches `patience`. An epoch first counts down the cooldown and is
    ignored only if some is left, so a cooldown of c swallows c − 1 epochs. The first metric is always better.

    convention="torch" (`torch.optim.lr_scheduler.ReduceLROnPlateau`): better means value < best·(1 − min_delta), or
    best − min_delta with threshold_mode="abs"; the rate is reduced when the number exceeds `patience`. A cooldown of c
    swallows c epochs. A change of the rate by no more than `eps` is not made.

    With mode="max" better means greater, and the sign of min_delta turns. NaN is never better (Keras accepts a first
    NaN as its best, and then nothing is ever better). For a negative metric the relative threshold asks for less than
    no improvement: a flat negative loss counts as improving for ever.

    Parameters
    ----------
    optimizer : Optimizer
        Its `lr` must be a number, not a schedule.
    factor : float
        Between 0 and 1: what the rate is multiplied by.
    patience, cooldown : int
        ≥ 0, in epochs, that is in calls of `step`.
    min_delta : float
        ≥ 0, in the metric's unit or, with PyTorch's relative threshold, a share of it. PyTorch calls it `threshold`.
    min_lr : float
        ≥ 0: the rate isn't reduced further.
    mode : str
        "min" or "max".
    convention : str
        "keras" or "torch".
    threshold_mode : str
        "rel" or "abs"; the Keras convention doesn't use it.
    eps : float
        ≥ 0, a rate; the Keras convention doesn't use it.

    Attributes
    ----------
    best : float
        The best metric so far; NaN (Keras) or ±∞ (PyTorch) before the first.
    wait, cooldown_left : int
        Epochs without improvement, and epochs of the cooldown still to come.

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
    ) -> None:
        if optimizer.schedule is not None:
            raise ValueError(f"a plateau needs an optimizer with a constant lr; its lr is {optimizer.schedule!r}")
        self.optimizer = optimizer
        self.factor = number("factor", factor, above=0, below=1)
        self.patience = integer("patience", patience, least=0)
        self.min_delta = number("min_delta", min_delta, least=0)
        self.cooldown = integer("cooldown", cooldown, least=0)
        self.min_lr = number("min_lr", min_lr, least=0)
        self.mode = choice("mode", mode, ("min", "max"))
        self.convention = choice("convention", convention, ("keras", "torch"))
        self.threshold_mode = choice("threshold_mode", threshold_mode, ("rel", "abs"))
        self.eps = number("eps", eps, least=0)
        self.best = nan if convention == "keras" else inf if mode == "min" else -inf  # nan: none yet
        self.wait = self.cooldown_left = 0

    def step(self, metric: float) -> bool:
        """Take in the metric of an epoch; True if the rate was reduced. ValueError if the lr is now a schedule."""
        if self.optimizer.schedule is not None:
            raise ValueError(f"the optimizer's lr was set to a schedule: {self.optimizer.schedule!r}")
        return self._step_keras(float(metric)) if self.convention == "keras" else self._step_torch(float(metric))

    def better(self, metric: float) -> bool:
        """Whether `metric` improves on the best so far by more than the threshold."""
        sign = 1 if self.mode == "min" else -1
        value, best = sign * metric, sign * self.best
        if self.convention == "keras":
            return value + self.min_delta < best or (isnan(best) and not isnan(value))  # eq:plateau-better-keras
        if self.threshold_mode == "rel":
            return value < best * (1 - sign * self.min_delta)  # eq:plateau-better-torch
        return value < best - self.min_delta

    def _step_keras(self, metric: float) -> bool:
        if self.cooldown_left > 0:
            self.cooldown_left, self.wait = self.cooldown_left - 1, 0
        if self.better(metric):
            self.best, self.wait = metric, 0
        elif self.cooldown_left == 0:
            self.wait += 1
            if self.wait >= self.patience and self.optimizer.lr > self.min_lr:
                return self._reduce()
        return False

    def _step_torch(self, metric: float) -> bool:
        self.best, self.wait = (metric, 0) if self.better(metric) else (self.best, self.wait + 1)
        if self.cooldown_left > 0:
            self.cooldown_left, self.wait = self.cooldown_left - 1, 0
        return self.wait > self.patience and self._reduce()

    def _reduce(self) -> bool:
        """Start the cooldown and set the new rate; False if that changes nothing."""
        self.wait, self.cooldown_left = 0, self.cooldown
        old = self.optimizer.lr
        new = max(old * self.factor, self.min_lr)  # eq:plateau-reduce
        if self.convention == "torch" and old - new <= self.eps:
            return False
        self.optimizer.lr = new
        return True

    def state_dict(self) -> dict[str, float]:
        """What changes from epoch to epoch; the rate is part of the optimizer's state."""
        return {"best": self.best, "wait": self.wait, "cooldown_left": self.cooldown_left}

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Go on from `state_dict()`'s result; ValueError if a name is unknown or missing."""
        check_state(self, state, self.state_dict())
        self.best, self.wait, self.cooldown_left = float(state["best"]), int(state["wait"]), int(state["cooldown_left"])
