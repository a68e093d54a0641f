"""The numbers of the page, from the stored benchmark `results/bench.json` (written by `minigrad bench --json`)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

STORED = json.loads(Path(__file__).with_name("results").joinpath("bench.json").read_text())
ABOUT = STORED["about"]
THREADS: list[int] = ABOUT["threads"]
TORCH = ("torch default", "torch fused")  # the optimizer in PyTorch's training step
ROWS = {(row["name"], row["size"], row["threads"]): row for row in STORED["rows"]}
START = {name: value["median"] for name, value in STORED["start"].items()}
LIMITS = {limit["threads"]: limit for limit in STORED["limits"]}


def seconds(name: str, size: int, threads: int, *peers: str) -> float:
    """Median time of a unit of work (an image, a step, …) by the fastest of `peers`."""
    measured = ROWS[name, size, threads]["seconds"]
    return min(measured[peer]["median"] for peer in peers if peer in measured)


def microseconds(name: str, size: int, threads: int, *peers: str) -> float:
    return seconds(name, size, threads, *peers) * 1e6


def adam_nanoseconds(parameters: int, threads: int, peer: str) -> float:
    """Median time of a step of Adam for each of its parameters."""
    return seconds("adam", parameters, threads, peer) * 1e9 / parameters


def ratio(name: str, size: int, threads: int) -> dict[str, float]:
    """The time of minigrad over that of the fastest PyTorch: "median", "low" and "high" quartile."""
    return ROWS[name, size, threads]["ratio"]["fastest"]  # type: ignore[no-any-return]  # read from JSON


def rate(what: str, threads: int) -> float:
    """The machine's median rate: operations a second, or bytes a second for "copy" and "adam"."""
    return LIMITS[threads]["rate"][what]["median"]  # type: ignore[no-any-return]  # read from JSON


def peak(threads: int) -> float:
    """The machine's best rate, in operations a second."""
    return max(rate(what, threads) for what in ("multiply-adds", "matrix product"))


def share_of_peak(what: str, threads: int) -> float:
    """The rate of a convolution, "conv2 both, batch 32" for example, over the machine's best."""
    return LIMITS[threads]["part of limit"][what]["median"]  # type: ignore[no-any-return]  # read from JSON


def least(operations: float, threads: int) -> float:
    """The microseconds that so many operations take at the machine's best rate."""
    return operations / peak(threads) * 1e6


def work() -> list[list[str]]:
    """The rows of the first table: work, threads, µs of minigrad and of PyTorch, their ratio."""
    one = THREADS[0]
    shown: list[tuple[str, tuple[str, int, int]]] = [
        *((f"LeNet-5 step, batch {size}, per image", ("lenet5", size, n)) for size in (32, 128, 512) for n in THREADS),
        *(("epoch of CIFAR-10, batch 32, per image", ("epoch", 32, n)) for n in THREADS),
        ("Adam, LeNet-5's parameters", ("adam lenet5", 62006, one)),
        *(("Adam, 20 million parameters", ("adam", 20_000_000, n)) for n in THREADS),
        ("scalar operation, forward and backward", ("scalars", 1, one)),
    ]
    return [
        [
            name,
            str(key[2]),
            _time(microseconds(*key, "minigrad")),
            _time(microseconds(*key, *TORCH)),
            _spread(ratio(*key)),
        ]
        for name, key in shown
    ]


def fresh_process() -> list[list[str]]:
    """The rows of the last table: what a process does before it trains, and how long it takes."""
    times = [[name, f"{value:.2f} s"] for name, value in START.items() if name.startswith(("import", "first"))]
    memory = f"{START['bytes of memory beyond the data'] / 1e6:.0f} MB"
    return [*times, ["memory of an epoch at batch 128 beyond its data", memory]]


def _time(microseconds: float) -> str:
    return f"{microseconds:,.0f}" if microseconds > 1000 else f"{microseconds:.3g}"


def _spread(ratio: dict[str, Any]) -> str:
    return f"{ratio['median']:.2f} ({ratio['low']:.2f}–{ratio['high']:.2f})"
