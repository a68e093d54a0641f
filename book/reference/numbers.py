"""What the page "Every rule and schedule" computes: nine schedules over 1,000 updates, each with η = 1."""

from __future__ import annotations

from collections.abc import Callable

import minigrad as mg

SCHEDULES: dict[str, Callable[[int], float]] = {
    "exponential": mg.schedules.exponential_decay(1.0, 250, 0.5),
    "inverse time": mg.schedules.inverse_time_decay(1.0, 250, 1.0),
    "linear": mg.schedules.linear_decay(1.0, 1000),
    "polynomial, p = 2": mg.schedules.polynomial_decay(1.0, 1000, end_lr=0.0, power=2.0),
    "cosine": mg.schedules.cosine_decay(1.0, 1000),
    "cosine, restarts": mg.schedules.cosine_decay_restarts(1.0, 150),
    "linear cosine, n = 3": mg.schedules.linear_cosine_decay(1.0, 1000, num_periods=3),
    "multi-step": mg.schedules.multi_step_decay(1.0, [400, 800], gamma=0.3),
    "one cycle": mg.schedules.one_cycle(1.0, 1000),
    "warm-up, then cosine": mg.schedules.warmup(mg.schedules.cosine_decay(1.0, 1000), 100),
    "warm-up, stable, decay": mg.schedules.warmup_stable_decay(1.0, 100, 700, 200),
    "inverse square root": mg.schedules.inverse_sqrt(1.0, 100),
}
