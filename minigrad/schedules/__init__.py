"""Learning-rate schedules: pure functions of the step, and the plateau rule that listens to a metric instead."""

from minigrad.schedules.decay import (
    constant,
    cosine_decay,
    cosine_decay_restarts,
    exponential_decay,
    inverse_time_decay,
    linear_cosine_decay,
    multi_step_decay,
    natural_exp_decay,
    noisy_linear_cosine_decay,
    one_cycle,
    piecewise_constant,
    polynomial_decay,
    step_decay,
    warmup,
)
from minigrad.schedules.plateau import ReduceLROnPlateau
from minigrad.schedules.schedule import Schedule

__all__ = [
    "ReduceLROnPlateau",
    "Schedule",
    "constant",
    "cosine_decay",
    "cosine_decay_restarts",
    "exponential_decay",
    "inverse_time_decay",
    "linear_cosine_decay",
    "multi_step_decay",
    "natural_exp_decay",
    "noisy_linear_cosine_decay",
    "one_cycle",
    "piecewise_constant",
    "polynomial_decay",
    "step_decay",
    "warmup",
]
