"""Each recorded run: the framework's call, and the call in minigrad that gives the same.

record.py evaluates `theirs` among the framework's optimizers, the tests evaluate `ours` among minigrad's, and the page
shows both. `decayed` is the rate RATE·0.5^(t/50). `ours` is None where nothing in minigrad gives the same. `nearest` is
a call that looks the same, and `why` is what the framework does instead.
"""

from __future__ import annotations

from typing import NamedTuple


class Run(NamedTuple):
    framework: str
    name: str
    theirs: str
    ours: str | None
    nearest: str | None = None
    why: str = ""


INSIDE_ROOT = "ε is inside the root, √(v + ε), where it acts like √ε outside"

RUNS = [
    Run("keras", "sgd", "SGD(5e-4)", "SGD(p, 5e-4)"),
    Run("keras", "sgd momentum", "SGD(5e-4, momentum=0.9)", "SGD(p, 5e-4, momentum=0.9, convention='keras')"),
    Run(
        "keras",
        "sgd nesterov",
        "SGD(5e-4, momentum=0.9, nesterov=True)",
        "SGD(p, 5e-4, momentum=0.9, nesterov=True, convention='keras')",
    ),
    Run(
        "keras",
        "sgd momentum, rate decays",
        "SGD(decayed, momentum=0.9)",
        "SGD(p, decayed, momentum=0.9, convention='keras')",
        "SGD(p, decayed, momentum=0.9)",
        "the velocity accumulates steps, each with the rate of its own update",
    ),
    Run(
        "keras",
        "sgd momentum, weight decay",
        "SGD(5e-4, momentum=0.9, weight_decay=0.1)",
        "SGD(p, 5e-4, momentum=0.9, weight_decay=0.1, convention='keras')",
        "SGD(p, 5e-4, momentum=0.9, weight_decay=0.1)",
        "weight decay is decoupled, so it is not part of the velocity",
    ),
    Run(
        "keras",
        "adam",
        "Adam(1e-2)",
        "Adam(p, 1e-2, eps=1e-7, eps_form='hat')",
        "Adam(p, 1e-2)",
        "ε is ten times as large, and added to √v instead of √v̂",
    ),
    Run("keras", "adam, rate decays", "Adam(decayed)", "Adam(p, decayed, eps=1e-7, eps_form='hat')"),
    Run(
        "keras",
        "adam amsgrad",
        "Adam(1e-2, amsgrad=True)",
        "Adam(p, 1e-2, eps=1e-7, eps_form='hat', amsgrad=True)",
    ),
    Run(
        "keras",
        "adam, weight decay",
        "Adam(1e-2, weight_decay=0.1)",
        "AdamW(p, 1e-2, weight_decay=0.1, eps=1e-7, eps_form='hat')",
        "Adam(p, 1e-2, weight_decay=0.1, eps=1e-7, eps_form='hat')",
        "weight decay is decoupled: it is AdamW",
    ),
    Run(
        "keras",
        "adamw",
        "AdamW(1e-2, weight_decay=0.1)",
        "AdamW(p, 1e-2, weight_decay=0.1, eps=1e-7, eps_form='hat')",
    ),
    Run(
        "keras",
        "adamax",
        "Adamax(1e-2)",
        None,
        "Adamax(p, 1e-2, eps=1e-7)",
        "ε is added to u, after the maximum",
    ),
    Run(
        "keras",
        "nadam",
        "Nadam(1e-2)",
        "NAdam(p, 1e-2, eps=1e-7, momentum_decay=1.0)",
        "NAdam(p, 1e-2, eps=1e-7)",
        "ψ = 1, so the momentum is near β₁ after a few dozen steps, not after thousands",
    ),
    Run(
        "keras",
        "adagrad",
        "Adagrad(1e-2)",
        "Adagrad(p, 1e-2, initial_accumulator_value=0.1 + 1e-7, eps=0)",
        "Adagrad(p, 1e-2)",
        "the sum starts at 0.1, and ε is inside the root",
    ),
    Run("keras", "adadelta", "Adadelta(0.1)", "Adadelta(p, 0.1, rho=0.95, eps=1e-7)"),
    Run(
        "keras",
        "rmsprop",
        "RMSprop(1e-3)",
        None,
        "RMSprop(p, 1e-3, alpha=0.9, eps=1e-7)",
        INSIDE_ROOT,
    ),
    Run(
        "keras",
        "rmsprop momentum",
        "RMSprop(1e-3, momentum=0.9)",
        None,
        "RMSprop(p, 1e-3, alpha=0.9, eps=1e-7, momentum=0.9)",
        INSIDE_ROOT,
    ),
    Run(
        "keras",
        "rmsprop momentum, rate decays",
        "RMSprop(decayed, momentum=0.9)",
        None,
        "RMSprop(p, decayed, alpha=0.9, eps=1e-7, momentum=0.9)",
        "ε is inside the root, and the velocity accumulates steps with their rates",
    ),
    Run(
        "keras",
        "rmsprop centered",
        "RMSprop(1e-3, rho=0.99, epsilon=1e-3, centered=True)",
        None,
        "RMSprop(p, 1e-3, alpha=0.99, eps=1e-3, centered=True)",
        INSIDE_ROOT,
    ),
    Run("optax", "sgd", "sgd(5e-4)", "SGD(p, 5e-4)"),
    Run("optax", "sgd momentum", "sgd(5e-4, momentum=0.9)", "SGD(p, 5e-4, momentum=0.9)"),
    Run(
        "optax",
        "sgd nesterov",
        "sgd(5e-4, momentum=0.9, nesterov=True)",
        "SGD(p, 5e-4, momentum=0.9, nesterov=True)",
    ),
    Run("optax", "sgd momentum, rate decays", "sgd(decayed, momentum=0.9)", "SGD(p, decayed, momentum=0.9)"),
    Run("optax", "adam", "adam(1e-2)", "Adam(p, 1e-2)"),
    Run("optax", "adam, rate decays", "adam(decayed)", "Adam(p, decayed)"),
    Run(
        "optax",
        "adam amsgrad",
        "amsgrad(1e-2)",
        None,
        "Adam(p, 1e-2, amsgrad=True)",
        "the maximum is taken over v̂, so the large v̂ of the first steps stay in it",
    ),
    Run("optax", "adamw", "adamw(1e-2, weight_decay=0.1)", "AdamW(p, 1e-2, weight_decay=0.1)"),
    Run("optax", "adamax", "adamax(1e-2)", "Adamax(p, 1e-2)"),
    Run(
        "optax",
        "nadam",
        "nadam(1e-2)",
        "NAdam(p, 1e-2, momentum_decay=1e9)",
        "NAdam(p, 1e-2)",
        "the momentum is β₁ from the start",
    ),
    Run(
        "optax",
        "adagrad",
        "adagrad(1e-2)",
        "Adagrad(p, 1e-2, initial_accumulator_value=0.1 + 1e-7, eps=0)",
        "Adagrad(p, 1e-2)",
        "the sum starts at 0.1, and ε is inside the root",
    ),
    Run("optax", "adadelta", "adadelta(0.1)", "Adadelta(p, 0.1)"),
    Run(
        "optax",
        "rmsprop",
        "rmsprop(1e-3)",
        None,
        "RMSprop(p, 1e-3, alpha=0.9)",
        INSIDE_ROOT,
    ),
    Run("optax", "rmsprop, eps outside", "rmsprop(1e-3, eps_in_sqrt=False)", "RMSprop(p, 1e-3, alpha=0.9)"),
    Run(
        "optax",
        "rmsprop momentum",
        "rmsprop(1e-3, momentum=0.9)",
        None,
        "RMSprop(p, 1e-3, alpha=0.9, momentum=0.9)",
        INSIDE_ROOT,
    ),
    Run(
        "optax",
        "rmsprop momentum, rate decays",
        "rmsprop(decayed, momentum=0.9)",
        None,
        "RMSprop(p, decayed, alpha=0.9, momentum=0.9)",
        "ε is inside the root, and the velocity accumulates steps with their rates",
    ),
    Run(
        "optax",
        "rmsprop centered",
        "rmsprop(1e-3, decay=0.99, eps=1e-3, centered=True)",
        None,
        "RMSprop(p, 1e-3, alpha=0.99, eps=1e-3, centered=True)",
        INSIDE_ROOT,
    ),
    Run("torch", "sgd", "SGD(p, 5e-4)", "SGD(p, 5e-4)"),
    Run("torch", "sgd momentum", "SGD(p, 5e-4, momentum=0.9)", "SGD(p, 5e-4, momentum=0.9)"),
    Run(
        "torch",
        "sgd nesterov",
        "SGD(p, 5e-4, momentum=0.9, nesterov=True)",
        "SGD(p, 5e-4, momentum=0.9, nesterov=True)",
    ),
    Run(
        "torch",
        "sgd momentum, rate decays",
        "SGD(p, decayed, momentum=0.9)",
        "SGD(p, decayed, momentum=0.9)",
        "SGD(p, decayed, momentum=0.9, convention='keras')",
        "the velocity accumulates gradients, and the current rate multiplies the whole sum",
    ),
    Run(
        "torch",
        "sgd momentum, weight decay",
        "SGD(p, 5e-4, momentum=0.9, weight_decay=0.1)",
        "SGD(p, 5e-4, momentum=0.9, weight_decay=0.1)",
    ),
    Run("torch", "adam", "Adam(p, 1e-2)", "Adam(p, 1e-2)"),
    Run("torch", "adam, rate decays", "Adam(p, decayed)", "Adam(p, decayed)"),
    Run("torch", "adam amsgrad", "Adam(p, 1e-2, amsgrad=True)", "Adam(p, 1e-2, amsgrad=True)"),
    Run(
        "torch",
        "adam, weight decay",
        "Adam(p, 1e-2, weight_decay=0.1)",
        "Adam(p, 1e-2, weight_decay=0.1)",
        "AdamW(p, 1e-2, weight_decay=0.1)",
        "weight decay is L2: λθ is added to the gradient",
    ),
    Run("torch", "adamw", "AdamW(p, 1e-2, weight_decay=0.1)", "AdamW(p, 1e-2, weight_decay=0.1)"),
    Run("torch", "adamax", "Adamax(p, 1e-2)", "Adamax(p, 1e-2)"),
    Run(
        "torch",
        "nadam",
        "NAdam(p, 1e-2)",
        "NAdam(p, 1e-2)",
        "NAdam(p, 1e-2, momentum_decay=1.0)",
        "ψ = 0.004, so the momentum starts near β₁/2 and takes thousands of steps to reach β₁",
    ),
    Run("torch", "adagrad", "Adagrad(p, 1e-2)", "Adagrad(p, 1e-2)"),
    Run("torch", "adadelta", "Adadelta(p, 0.1)", "Adadelta(p, 0.1)"),
    Run("torch", "rmsprop", "RMSprop(p, 1e-3)", "RMSprop(p, 1e-3)"),
    Run("torch", "rmsprop momentum", "RMSprop(p, 1e-3, momentum=0.9)", "RMSprop(p, 1e-3, momentum=0.9)"),
    Run(
        "torch",
        "rmsprop momentum, rate decays",
        "RMSprop(p, decayed, momentum=0.9)",
        "RMSprop(p, decayed, momentum=0.9)",
    ),
    Run("torch", "rmsprop centered", "RMSprop(p, 1e-3, centered=True)", "RMSprop(p, 1e-3, centered=True)"),
]
