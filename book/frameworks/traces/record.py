"""Record what Keras, optax and PyTorch compute, so that the tests and the book can compare without them.

    python -m minigrad_book.frameworks.traces.record keras optax torch

writes keras.json, optax.json and torch.json next to this file, for the frameworks that are named. Each needs only its
own framework (Keras runs on JAX here). Everything is float64. A trace holds versions, the optimizers' defaults,
trajectories on the problems of `problems.py` at the steps STEPS, the rates of some schedules at SCHEDULE_STEPS (up to
the step at which the framework raises an error), and what the plateau rules do: the rate after each epoch of METRICS,
and for `random_series` the rate, the number of epochs waited and the cooldown left, in one list after another.
"""

from __future__ import annotations

import inspect
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from minigrad_book.frameworks.traces.porting import RUNS
from minigrad_book.frameworks.traces.problems import (
    DECAY,
    METRICS,
    PROBLEMS,
    RATE,
    SCHEDULE_STEPS,
    STEPS,
    Arrays,
    Problem,
    Series,
    plateau_arguments,
    random_series,
)


def at_steps(
    problem: Problem, parameters: Callable[[], Arrays], gradients_to_step: Callable[[Arrays], None]
) -> list[list[float]]:
    """Parameters after each of STEPS; `gradients_to_step(gradients)` takes one step, `parameters()` reads them."""
    rows = []
    for step in range(1, max(STEPS) + 1):
        gradients_to_step(problem.gradient(parameters()))
        if step in STEPS:
            rows.append([float(x) for array in parameters() for x in np.ravel(array)])
    return rows


def trajectories(framework: str, run: Callable[[str, Problem], list[list[float]]]) -> dict[str, Any]:
    """`run(theirs, problem)` for each of the framework's runs and each problem: run → problem → rows."""
    mine = [r for r in RUNS if r.framework == framework]
    return {r.name: {name: run(r.theirs, problem()) for name, problem in PROBLEMS.items()} for r in mine}


def defaults_of(makers: dict[str, Callable[..., Any]]) -> dict[str, Any]:
    """The default arguments of each class or function, as far as they are numbers."""
    return {
        name: {
            argument: parameter.default
            for argument, parameter in inspect.signature(make).parameters.items()
            if isinstance(parameter.default, int | float | tuple)
        }
        for name, make in makers.items()
    }


Plateau = Callable[[list[float], dict[str, Any]], list[tuple[float, int, int]]]


def plateaus(framework: str, run: Plateau) -> dict[str, Any]:
    """`run(metrics, the framework's arguments)` gives the rate, the epochs waited and the cooldown after each epoch."""

    def state(series: Series) -> list[list[float]] | None:
        arguments = plateau_arguments(framework, series[1])
        return None if arguments is None else [list(column) for column in zip(*run(series[0], arguments), strict=True)]

    recorded = {name: states[0] for name, series in METRICS.items() if (states := state(series))}
    return {"plateau": recorded, "random plateaus": [state(series) for series in random_series(framework)]}


def keras_trace() -> dict[str, Any]:
    os.environ["KERAS_BACKEND"] = "jax"
    import jax

    jax.config.update("jax_enable_x64", True)
    import keras

    keras.config.set_floatx("float64")
    o, s = keras.optimizers, keras.optimizers.schedules
    decayed = s.ExponentialDecay(RATE, **DECAY)

    def run(theirs, problem):
        variables = [keras.Variable(array, dtype="float64") for array in problem.start()]
        optimizer = eval(theirs, vars(o) | {"decayed": decayed})
        optimizer.build(variables)
        return at_steps(
            problem,
            lambda: [np.asarray(variable.value) for variable in variables],
            lambda gradients: optimizer.apply([jax.numpy.asarray(g) for g in gradients], variables),
        )

    schedules = {
        "exponential_decay": s.ExponentialDecay(0.1, 20, 0.5),
        "exponential_decay staircase": s.ExponentialDecay(0.1, 20, 0.5, staircase=True),
        "inverse_time_decay": s.InverseTimeDecay(0.1, 20, 0.5),
        "inverse_time_decay staircase": s.InverseTimeDecay(0.1, 20, 0.5, staircase=True),
        "polynomial_decay": s.PolynomialDecay(0.1, 40, 0.01, power=2.0),
        "polynomial_decay cycle": s.PolynomialDecay(0.1, 20, 0.01, power=0.5, cycle=True),
        "piecewise_constant": s.PiecewiseConstantDecay([10, 30], [0.1, 0.05, 0.01]),
        "cosine_decay": s.CosineDecay(0.1, 40, alpha=0.1),
        "cosine_decay with warm-up": s.CosineDecay(0.02, 40, warmup_target=0.1, warmup_steps=10),
        "cosine_decay_restarts": s.CosineDecayRestarts(0.1, 10, t_mul=2.0, m_mul=0.5, alpha=0.1),
        "cosine_decay_restarts equal": s.CosineDecayRestarts(0.1, 10, t_mul=1.0, m_mul=0.9),
    }

    def plateau(metrics, arguments):
        model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        model.compile(o.SGD(1.0), "mse")
        callback = keras.callbacks.ReduceLROnPlateau(monitor="val_loss", **({"mode": "min"} | arguments))
        callback.set_model(model)
        callback.on_train_begin()
        states = []
        for epoch, metric in enumerate(metrics):
            callback.on_epoch_end(epoch, {"val_loss": metric})
            states.append((float(model.optimizer.learning_rate), callback.wait, callback.cooldown_counter))
        return states

    classes = [o.SGD, o.Adam, o.AdamW, o.Adamax, o.Nadam, o.Adagrad, o.Adadelta, o.RMSprop]
    classes.append(keras.callbacks.ReduceLROnPlateau)
    return {
        "versions": {"keras": keras.__version__, "jax": jax.__version__},
        "defaults": defaults_of({c.__name__: c for c in classes}),
        "trajectories": trajectories("keras", run),
        "schedules": {name: [float(f(t)) for t in SCHEDULE_STEPS] for name, f in schedules.items()},
    } | plateaus("keras", plateau)


def optax_trace() -> dict[str, Any]:
    import jax

    jax.config.update("jax_enable_x64", True)
    import optax
    import optax.contrib

    def decayed(count):  # optax.exponential_decay, but that one computes in float32
        return RATE * DECAY["decay_rate"] ** (count.astype(jax.numpy.float64) / DECAY["decay_steps"])

    def run(theirs, problem):
        transformation = eval(theirs, vars(optax) | {"decayed": decayed})
        parameters = [jax.numpy.asarray(array) for array in problem.start()]
        state = transformation.init(parameters)
        update = jax.jit(transformation.update)

        def step(gradients):
            nonlocal parameters, state
            updates, state = update([jax.numpy.asarray(g) for g in gradients], state, parameters)
            parameters = optax.apply_updates(parameters, updates)

        return at_steps(problem, lambda: [np.array(p) for p in parameters], step)

    schedules = {
        "piecewise_constant": optax.piecewise_constant_schedule(0.1, {10: 0.5, 30: 0.2}),
        "cosine_decay": optax.cosine_decay_schedule(0.1, 40, alpha=0.1),
        "cosine_decay with warm-up": optax.warmup_cosine_decay_schedule(0.02, 0.1, 10, 50),
    }

    def plateau(metrics, arguments):
        rule = optax.contrib.reduce_on_plateau(**arguments)
        update = jax.jit(rule.update)
        gradient, state, states = jax.numpy.ones(1), rule.init(jax.numpy.ones(1)), []
        for metric in metrics:
            updates, state = update(gradient, state, value=metric)
            states.append((float(updates[0]), int(state.plateau_count), int(state.cooldown_count)))
        return states

    names = ["sgd", "adam", "amsgrad", "adamw", "adamax", "nadam", "adagrad", "adadelta", "rmsprop"]
    makers = {name: getattr(optax, name) for name in names}
    return {
        "versions": {"optax": optax.__version__, "jax": jax.__version__},
        "defaults": defaults_of(makers | {"reduce_on_plateau": optax.contrib.reduce_on_plateau}),
        "trajectories": trajectories("optax", run),
        "schedules": {name: [float(f(t)) for t in SCHEDULE_STEPS] for name, f in schedules.items()},
    } | plateaus("optax", plateau)


def torch_trace() -> dict[str, Any]:
    import torch

    torch.set_default_dtype(torch.float64)  # NAdam keeps its momentum's product in the default dtype
    o = torch.optim

    def run(theirs, problem):
        parameters = [torch.tensor(array, requires_grad=True) for array in problem.start()]
        optimizer = eval(theirs, vars(o) | {"p": parameters, "decayed": RATE})
        taken = 0

        def step(gradients):
            nonlocal taken
            if "decayed" in theirs:
                optimizer.param_groups[0]["lr"] = RATE * DECAY["decay_rate"] ** (taken / DECAY["decay_steps"])
            for parameter, gradient in zip(parameters, gradients, strict=True):
                parameter.grad = torch.tensor(gradient)
            optimizer.step()
            taken += 1

        return at_steps(problem, lambda: [p.detach().numpy() for p in parameters], step)

    def schedule(make):
        optimizer = o.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
        scheduler, rates = make(optimizer), []
        for _ in range(max(SCHEDULE_STEPS) + 1):
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            try:
                scheduler.step()
            except ValueError:
                break
        return [rates[t] for t in SCHEDULE_STEPS if t < len(rates)]

    schedules = {
        "MultiStepLR": lambda optimizer: o.lr_scheduler.MultiStepLR(optimizer, [10, 30], gamma=0.5),
        "CosineAnnealingLR": lambda optimizer: o.lr_scheduler.CosineAnnealingLR(optimizer, 40, eta_min=0.01),
        "LinearLR": o.lr_scheduler.LinearLR,
        "OneCycleLR": lambda optimizer: o.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=40),
    }

    def plateau(metrics, arguments):
        optimizer = o.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
        scheduler = o.lr_scheduler.ReduceLROnPlateau(optimizer, **arguments)
        states = []
        for metric in metrics:
            scheduler.step(metric)
            states.append((optimizer.param_groups[0]["lr"], scheduler.num_bad_epochs, scheduler.cooldown_counter))
        return states

    classes = [o.SGD, o.Adam, o.AdamW, o.Adamax, o.NAdam, o.Adagrad, o.Adadelta, o.RMSprop]
    classes.append(o.lr_scheduler.ReduceLROnPlateau)
    return {
        "versions": {"torch": torch.__version__.split("+")[0]},
        "defaults": defaults_of({c.__name__: c for c in classes}),
        "trajectories": trajectories("torch", run),
        "schedules": {name: schedule(make) for name, make in schedules.items()},
    } | plateaus("torch", plateau)


if __name__ == "__main__":
    recorders = {"keras": keras_trace, "optax": optax_trace, "torch": torch_trace}
    if not sys.argv[1:] or not set(sys.argv[1:]) <= recorders.keys():
        sys.exit(f"usage: record.py {' '.join(f'[{name}]' for name in recorders)}")
    for name in sys.argv[1:]:
        trace = {"steps": STEPS} | recorders[name]()
        text = json.dumps(trace, indent=0, separators=(",", ":"))
        Path(__file__).with_name(f"{name}.json").write_text(text.replace(",\n", ",").replace("[\n", "[") + "\n")
        print(f"{name}: {len(text):,} characters")
