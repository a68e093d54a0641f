"""An experiment as data: frozen, comparable, and the same after a trip through JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

from minigrad.arguments import choice, integer, number

if TYPE_CHECKING:
    from minigrad_book.tools.experiments.reports.shared import Report

SCHEDULES = (
    *("constant", "plateau", "exponential", "cosine", "step", "warmup-cosine"),
    *("linear", "warmup-linear", "warmup-stable-decay"),
)


@dataclass(frozen=True)
class Config:
    """Everything that decides a run's result, apart from its seed.

    Attributes
    ----------
    data
        "cifar10"; or "digits", scikit-learn's 8×8 pixels, which need no download.
    train_size, validation_size, test_size
        Numbers of images to train on, to choose by, and to report on: fixed sets, as many images of each class.
    augment
        Before each epoch, shift each training image at random by up to four pixels and mirror half of the images.
    model
        "lenet5", which sees the digits magnified to 32×32 pixels; or "mlp", with one hidden layer of 64 units.
    lr, betas, eps, weight_decay, bias_correction, eps_form
        The optimizer's settings; lr is the initial rate η₀. AdamW always corrects the bias.
    schedule
        With T the number of updates of the whole run:
        "constant" η₀;
        "plateau" `ReduceLROnPlateau` on the validation loss, Keras's convention, with `factor` and `patience` epochs;
        "exponential" from η₀ to η₀/100 over T;
        "cosine" from η₀ to 0 over T;
        "step" a tenth after T/2 and a hundredth after 3T/4;
        "linear" from η₀ to 0 over T;
        "warmup-cosine", "warmup-linear" the same, multiplied by a ramp over the first T/20 updates;
        "warmup-stable-decay" such a ramp, then η₀, then in the last T/5 updates linearly to 0.
    average
        β of a moving average of the weights (`WeightAverage`), which then are validated and tested; 0 for none.
    record_steps
        Keep each update's loss and rate.
    record_rates
        After each epoch keep percentiles of the effective rates η/(√v̂ + ε) of each layer's weights.
    """

    data: str = "cifar10"
    train_size: int = 45_000
    validation_size: int = 5_000
    test_size: int = 10_000
    augment: bool = False
    model: str = "lenet5"
    optimizer: str = "adam"
    lr: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0
    bias_correction: bool = True
    eps_form: str = "algorithm1"
    schedule: str = "constant"
    patience: int = 5
    factor: float = 0.1
    average: float = 0.0
    epochs: int = 60
    batch_size: int = 32
    record_steps: bool = False
    record_rates: bool = False

    def __post_init__(self) -> None:
        choice("data", self.data, ("cifar10", "digits"))
        choice("model", self.model, ("lenet5", "mlp"))
        choice("optimizer", self.optimizer, ("adam", "adamw"))
        choice("schedule", self.schedule, SCHEDULES)
        choice("eps_form", self.eps_form, ("algorithm1", "hat"))
        for name in ("train_size", "validation_size", "test_size", "epochs", "batch_size"):
            integer(name, getattr(self, name), least=1)
        integer("patience", self.patience, least=0)
        number("lr", self.lr, above=0)
        number("eps", self.eps, least=0)
        number("weight_decay", self.weight_decay, least=0)
        number("factor", self.factor, least=0, below=1)
        number("average", self.average, least=0, below=1)
        if not isinstance(self.betas, tuple) or len(self.betas) != 2:
            raise ValueError(f"betas must be a tuple of two numbers, got {self.betas!r}")
        for i, beta in enumerate(self.betas):
            number(f"betas[{i}]", beta, least=0, below=1)
        for name in ("augment", "bias_correction", "record_steps", "record_rates"):
            if not isinstance(getattr(self, name), bool):
                raise TypeError(f"{name} must be True or False, got {getattr(self, name)!r}")
        if self.optimizer == "adamw" and not self.bias_correction:
            raise ValueError("bias_correction=False needs optimizer='adam', got 'adamw', which has no such option")

    @property
    def steps(self) -> int:
        """The number of updates of the whole run."""
        return self.epochs * -(-self.train_size // self.batch_size)

    def to_dict(self) -> dict[str, Any]:
        """As a JSON file holds it."""
        return {**asdict(self), "betas": list(self.betas)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Config:
        """The inverse of `to_dict`; ValueError for unknown or missing entries."""
        names = {column.name for column in fields(cls)}
        if values.keys() != names:
            raise ValueError(
                f"not a configuration: unknown {sorted(values.keys() - names)}, missing {sorted(names - values.keys())}"
            )
        return cls(**{**values, "betas": tuple(values["betas"])})

    def quick(self) -> Config:
        """The same on a few hundred digits and for at most three epochs: seconds instead of minutes."""
        return replace(
            self,
            data="digits",
            train_size=400,
            validation_size=200,
            test_size=300,
            epochs=min(self.epochs, 3),
            patience=1,
        )


@dataclass(frozen=True)
class Experiment:
    """A question, and the configurations, here called arms, whose runs answer it.

    Runs of several arms with the same seed are a pair: same initial weights, same order of the batches.

    Attributes
    ----------
    report
        The tables, figures and verdicts that its runs give.
    chapter
        The chapter's folder in the book, whose `results/` holds the runs; empty for a quick version.
    """

    name: str
    question: str
    arms: Mapping[str, Config] = field(hash=False)
    report: Report = field(hash=False)
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    chapter: str = ""

    def quick(self) -> Experiment:
        """The quick version, whose results are kept apart."""
        arms = {arm: config.quick() for arm, config in self.arms.items()}
        return replace(self, name=f"{self.name}-quick", arms=arms, seeds=self.seeds[:2], chapter="")
