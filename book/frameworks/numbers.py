"""The numbers of the page: minigrad compared with the recorded runs of Keras, optax and PyTorch in `traces/`."""

from __future__ import annotations

import inspect
import json
from pathlib import Path

import numpy as np

import minigrad as mg
from minigrad.tensor import Array
from minigrad_book.frameworks.traces.porting import RUNS, Run
from minigrad_book.frameworks.traces.problems import DECAY, METRICS, PROBLEMS, RATE, STEPS, Parameter, trajectory
from minigrad_book.tools.paths import steps

FOLDER = Path(__file__).with_name("traces")
TRACES = {name: json.loads((FOLDER / f"{name}.json").read_text()) for name in ("torch", "keras", "optax")}
VERSIONS: dict[str, str] = {package: v for trace in TRACES.values() for package, v in trace["versions"].items()}
NAMES = {"torch": "PyTorch", "keras": "Keras", "optax": "optax", "minigrad": "minigrad"}

DEFAULTS = [  # rule, argument: its name in PyTorch, Keras, optax, minigrad
    ("SGD", "rate", "SGD.lr", "SGD.learning_rate", None, "SGD.lr"),
    ("Adam", "rate", "Adam.lr", "Adam.learning_rate", None, "Adam.lr"),
    ("Adam", "ε", "Adam.eps", "Adam.epsilon", "adam.eps", "Adam.eps"),
    ("AdamW", "weight decay", "AdamW.weight_decay", "AdamW.weight_decay", "adamw.weight_decay", "AdamW.weight_decay"),
    ("Adamax", "rate", "Adamax.lr", "Adamax.learning_rate", None, "Adamax.lr"),
    ("NAdam", "rate", "NAdam.lr", "Nadam.learning_rate", None, "NAdam.lr"),
    ("Adagrad", "rate", "Adagrad.lr", "Adagrad.learning_rate", None, "Adagrad.lr"),
    (
        "Adagrad",
        "sum at the start",
        "Adagrad.initial_accumulator_value",
        "Adagrad.initial_accumulator_value",
        "adagrad.initial_accumulator_value",
        "Adagrad.initial_accumulator_value",
    ),
    ("Adagrad", "ε", "Adagrad.eps", "Adagrad.epsilon", "adagrad.eps", "Adagrad.eps"),
    ("Adadelta", "rate", "Adadelta.lr", "Adadelta.learning_rate", None, "Adadelta.lr"),
    ("Adadelta", "ρ", "Adadelta.rho", "Adadelta.rho", "adadelta.rho", "Adadelta.rho"),
    ("Adadelta", "ε", "Adadelta.eps", "Adadelta.epsilon", "adadelta.eps", "Adadelta.eps"),
    ("RMSprop", "rate", "RMSprop.lr", "RMSprop.learning_rate", None, "RMSprop.lr"),
    ("RMSprop", "α", "RMSprop.alpha", "RMSprop.rho", "rmsprop.decay", "RMSprop.alpha"),
    ("RMSprop", "ε", "RMSprop.eps", "RMSprop.epsilon", "rmsprop.eps", "RMSprop.eps"),
    (
        "plateau",
        "threshold",
        "ReduceLROnPlateau.threshold",
        "ReduceLROnPlateau.min_delta",
        "reduce_on_plateau.rtol",
        "ReduceLROnPlateau.min_delta",
    ),
]


def default(framework: str, argument: str) -> float:
    """The default of `argument`, "Adam.eps" for example: recorded, or minigrad's own."""
    rule, name = argument.split(".")
    if framework != "minigrad":
        return TRACES[framework]["defaults"][rule][name]  # type: ignore[no-any-return]  # read from JSON
    made = getattr(mg.optim, rule, None) or getattr(mg.schedules, rule)
    return inspect.signature(made).parameters[name].default  # type: ignore[no-any-return]  # whatever the default is


def defaults() -> list[list[str]]:
    """The rows of the table of defaults: rule, argument, and the default in each of NAMES."""
    return [
        [rule, argument, *(f"{default(f, name):g}" if name else "–" for f, name in zip(NAMES, names, strict=True))]
        for rule, argument, *names in DEFAULTS
    ]


def difference(run: Run, code: str) -> float:
    """How far `code`, which makes an optimizer of minigrad, is from the recorded run on the quadratic after 500 steps.

    It is the largest difference of a parameter, relative to the largest parameter.
    """
    rate = mg.schedules.exponential_decay(RATE, **DECAY)

    def make(parameters: list[Parameter]) -> mg.optim.Optimizer:
        return eval(code, vars(mg.optim) | {"p": parameters, "decayed": rate})  # type: ignore[no-any-return]

    ours = trajectory(PROBLEMS["quadratic"](), make, STEPS[-1])[-1]
    theirs = np.array(TRACES[run.framework]["trajectories"][run.name]["quadratic"][-1])
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max())


def look_alikes() -> list[Run]:
    """The runs that have a call in minigrad which looks the same and isn't, one for each framework and reason."""
    first = {(run.framework, run.why): run for run in reversed(RUNS) if run.nearest}
    return [*reversed(first.values())]


def costs() -> list[list[str]]:
    """The rows of the table of look-alikes: the calls, the difference, the reason."""
    return [
        [_calls(run, ("=", run.ours), ("≠", run.nearest)), _power_of_ten(difference(run, run.nearest)), run.why]
        for run in look_alikes()
        if run.nearest
    ]


def same() -> list[list[str]]:
    """The rows of the table of runs that minigrad repeats: the calls, and how little they differ."""
    return [[_calls(run, ("=", run.ours)), _power_of_ten(difference(run, run.ours))] for run in RUNS if run.ours]


def _calls(run: Run, *others: tuple[str, str | None]) -> str:
    lines = [f"{NAMES[run.framework]}: `{run.theirs}`", *(f"{sign} `{code}`" for sign, code in others if code)]
    return "<br>".join(lines)


def _power_of_ten(number: float) -> str:
    if number == 0:
        return "0"
    mantissa, exponent = f"{number:.0e}".split("e")
    return f"${mantissa}\\cdot 10^{{{int(exponent)}}}$"


CUT = 40  # the step before which the rate is cut to a tenth


def momentum_steps(convention: str) -> Array:
    """120 steps of SGD with momentum 0.9 and gradients of 1, over the rate before the cut."""
    rate = mg.schedules.multi_step_decay(0.1, [CUT])
    return steps(mg.optim.SGD, np.ones(120), lr=rate, momentum=0.9, convention=convention) / 0.1


def coasting() -> tuple[float, int]:
    """After the cut: how many times as far Keras's parameter moves in 40 steps, and its first step within 10 %."""
    keras, torch = momentum_steps("keras")[CUT:], momentum_steps("torch")[CUT:]
    return float(keras[:40].sum() / torch[:40].sum()), 1 + int(np.flatnonzero(keras < 1.1 * torch)[0])


def reductions(framework: str, series: str) -> list[int]:
    """The epochs, counted from 0, after which the framework's plateau rule reduced the rate in a recorded series."""
    rates = TRACES[framework]["plateau"][series]
    before = [1.0, *rates[:-1]]
    return [epoch for epoch, (old, new) in enumerate(zip(before, rates, strict=True)) if new < old * (1 - 1e-6)]


PLATEAUS = ("keras", "torch", "optax")


def plateaus() -> list[list[str]]:
    """The rows of the table of plateaus: series, metric, arguments, and the epochs in each of PLATEAUS."""
    rows = []
    for series, (metrics, arguments) in METRICS.items():
        values = ", ".join(f"{m:.6g}" for m in metrics[:6]) + (", …" if len(metrics) > 6 else "")
        settings = ", ".join(f"{name}={value}" for name, value in arguments.items())
        rows.append([series, values, f"`{settings}`", *(_epochs(framework, series) for framework in PLATEAUS)])
    return rows


def _epochs(framework: str, series: str) -> str:
    if series not in TRACES[framework]["plateau"]:
        return "–"
    return ", ".join(map(str, reductions(framework, series))) or "never"
