"""What a figure calls an experiment, a schedule or an arm."""

from __future__ import annotations

NAMES = {
    "article-1": "experiment 1",
    "article-2": "experiment 2",
    "hat-1e-7": "hat form, ε̂ = 10⁻⁷",
    "hat-1e-8": "hat form, ε̂ = 10⁻⁸",
    "warmup-cosine": "warm-up, cosine",
    "warmup-linear": "warm-up, linear",
    "warmup-stable-decay": "warm-up, stable, decay",
}


def shown(name: str) -> str:
    """`name` in words; any other name as it is."""
    return NAMES.get(name, name)
