"""Time every library in turn, on every workload."""

from __future__ import annotations

import importlib.metadata
import statistics
import sys
from collections.abc import Iterable
from typing import Any

from minigrad_book.tools.bench import start
from minigrad_book.tools.bench.worker import Worker
from minigrad_book.tools.experiments.single import machine, versions

SIZES = {
    "lenet5": (32, 128, 512),
    "adam": (1_000, 10_000, 100_000, 1_000_000, 20_000_000),
    "adam lenet5": (62_006,),
    "scalars": (1,),
    "epoch": (32,),
}
TORCH_VARIANTS = {"scalars": ("default",)}
CONVOLUTIONS = ("conv1 forward", "conv1 both", "conv2 forward", "conv2 both")  # both: forward and backward


def spread(values: Iterable[float]) -> dict[str, float]:
    """Return the median and the quartiles of at least one value."""
    ordered = sorted(values)
    low, middle, high = statistics.quantiles(ordered, n=4, method="inclusive") if len(ordered) > 1 else ordered * 3
    return {"median": middle, "low": low, "high": high}


class Bench:
    """The benchmark, with `rounds` turns of `seconds` each."""

    def __init__(self, rounds: int, seconds: float, with_torch: bool) -> None:
        self.rounds, self.seconds, self.with_torch = rounds, seconds, with_torch

    def run(self, threads: list[int], only: str = "") -> dict[str, Any]:
        """Measure everything whose name contains `only`. The result fits JSON; times are in seconds per unit."""
        result: dict[str, Any] = {"about": self.about(threads), "rows": [], "limits": []}
        if only in "start":
            result["start"] = self.start(threads[0])
        for n in threads:
            workers = {library: Worker(library, n) for library in ("minigrad", "torch")[: 1 + self.with_torch]}
            try:
                result["rows"] += self.rows(workers, n, only)
                if only in "limits":
                    result["limits"].append({"threads": n, **self.limits(workers["minigrad"])})
            finally:
                for worker in workers.values():
                    worker.close()
        return result

    def about(self, threads: list[int]) -> dict[str, Any]:
        torch = {"torch": importlib.metadata.version("torch")} if self.with_torch else {}
        about = {"rounds": self.rounds, "seconds": self.seconds, "threads": threads}
        return {"machine": machine(), "versions": versions() | torch, "threading layer": threading_layer(), **about}

    def rows(self, workers: dict[str, Worker], threads: int, only: str) -> list[dict[str, Any]]:
        return [
            {"name": name, "size": size, "threads": threads, **self.row(workers, name, size)}
            for name, sizes in SIZES.items()
            for size in sizes
            if only in name
        ]

    def row(self, workers: dict[str, Worker], name: str, size: int) -> dict[str, Any]:
        """Measure one workload: each peer's time, and minigrad's time divided by each other's and by the fastest's."""
        announce(f"{name} {size}")
        peers = {"minigrad": ("minigrad", "")}
        if "torch" in workers:
            peers |= {f"torch {v}": ("torch", v) for v in TORCH_VARIANTS.get(name, ("default", "fused"))}
        turns = [
            {
                peer: workers[library].seconds(name, size, variant, self.seconds)
                for peer, (library, variant) in peers.items()
            }
            for _ in range(self.rounds if name != "epoch" else max(1, self.rounds // 3))
        ]
        others = [peer for peer in peers if peer != "minigrad"]
        ratio = {peer: spread(turn["minigrad"] / turn[peer] for turn in turns) for peer in others}
        if others:
            ratio["fastest"] = spread(turn["minigrad"] / min(turn[peer] for peer in others) for turn in turns)
        return {"seconds": {peer: spread(turn[peer] for turn in turns) for peer in peers}, "ratio": ratio}

    def limits(self, worker: Worker) -> dict[str, Any]:
        """Compare Adam with the speed of copying, and the convolutions with the fastest arithmetic."""
        size = max(SIZES["adam"])
        tasks = {"copy": ("copy", 0, ""), "adam": ("adam", size, "")}
        tasks |= {"multiply-adds": ("multiply-adds", 0, ""), "matrix product": ("matrix product", 0, "")}
        for batch in (32, 128):
            tasks |= {f"{layer}, batch {batch}": ("convolution", batch, layer) for layer in CONVOLUTIONS}
        rates: dict[str, list[float]] = {key: [] for key in tasks}
        for turn in range(self.rounds):
            announce(f"limits, round {turn + 1}")
            for key, task in tasks.items():
                work = 7 * 4 * size if key == "adam" else 1  # reads θ, g, m, v and writes θ, m, v, 4 bytes each
                rates[key].append(work / worker.seconds(*task, self.seconds))
        peaks = [max(pair) for pair in zip(rates["multiply-adds"], rates["matrix product"], strict=True)]
        limit = {"adam": rates["copy"]} | {key: peaks for key in rates if key.startswith("conv")}
        parts = {key: spread(got / most for got, most in zip(rates[key], limit[key], strict=True)) for key in limit}
        return {"rate": {key: spread(values) for key, values in rates.items()}, "part of limit": parts}

    def start(self, threads: int) -> dict[str, Any]:
        few = range(min(3, self.rounds))
        announce("start")
        kept, given_back = ([start.pages(kept) for _ in few] for kept in (True, False))
        start.first_step_seconds(threads, cold=False)  # fills the cache
        return {
            "import minigrad": spread(start.import_seconds("minigrad") for _ in few),
            "import numba": spread(start.import_seconds("numba") for _ in few),
            "first step, compiled code on disk": spread(start.first_step_seconds(threads, cold=False) for _ in few),
            "first step, nothing compiled": spread([start.first_step_seconds(threads, cold=True)]),
            "bytes of memory beyond the data": spread(start.epoch_memory() for _ in few),
            "page faults a step, freed memory given back": spread(faults for faults, _ in given_back),
            "page faults a step, kept": spread(faults for faults, _ in kept),
            "time of a step, kept / given back": spread(k / g for (_, k), (_, g) in zip(kept, given_back, strict=True)),
        }


def announce(what: str) -> None:
    print(f"measuring {what} …", file=sys.stderr, flush=True)


def threading_layer() -> str:
    """Return the name of Numba's threading layer, which Numba chooses at its first parallel loop."""
    import numba
    import numpy as np

    from minigrad_book.tools.bench.limits import copy

    copy(np.zeros(1_000_000, np.float32), np.zeros(1_000_000, np.float32))
    try:
        return str(numba.threading_layer())
    except ValueError:
        return "none (one thread)"
