"""Format the results as text for a terminal."""

from __future__ import annotations

from typing import Any

WORKLOADS = {
    "lenet5": "LeNet-5 training step, batch {size} (per image)",
    "adam": "Adam step, {size:,} parameters (per step)",
    "adam lenet5": "Adam step, LeNet-5's {size:,} parameters (per step)",
    "scalars": "scalar op, forward and backward (per op)",
    "epoch": "epoch over 50,000 images, batch {size} (per image)",
}
PEERS = ("minigrad", "torch default", "torch fused")
MOVING_MEMORY = ("copy", "adam")  # limits in GB/s; the others are in GFLOP/s
NOT_IN_SECONDS = {  # results of a fresh process: label and scale
    "bytes of memory beyond the data": ("MB of memory beyond the data, LeNet-5 epoch", 1e-6),
    "page faults a step, freed memory given back": ("page faults per step, freed memory returned", 1),
    "page faults a step, kept": ("page faults per step, freed memory kept", 1),
    "time of a step, kept / given back": ("time per step, kept / returned", 1),
}


def text(result: dict[str, Any]) -> str:
    """Return the text that `minigrad bench` prints."""
    lines = [*_about(result["about"]), ""]
    if result["rows"]:
        head = _label("µs per unit; ratio: minigrad / PyTorch's fastest")
        lines += [f"{head}threads  minigrad     torch     fused  ratio", *map(_row, result["rows"])]
    for limits in result["limits"]:
        lines += ["", f"limits, {limits['threads']} thread(s): rate, and fraction of the limit"]
        lines += [_limit(name, rate, limits["part of limit"].get(name)) for name, rate in limits["rate"].items()]
    if "start" in result:
        lines += ["", "a fresh process", *(_start(name, value) for name, value in result["start"].items())]
    return "\n".join(lines)


def _label(name: str) -> str:
    return f"{name:52s}"


def _range(value: dict[str, float], form: str) -> str:
    """Format the median and the quartiles."""
    return f"  {value['median']:{form}} ({value['low']:{form}}–{value['high']:{form}})"


def _about(about: dict[str, Any]) -> list[str]:
    machine, versions = about["machine"], about["versions"]
    return [
        f"{machine['cpu']}, {machine['cores']} cores, threading layer {about['threading layer']}",
        ", ".join(f"{name} {versions[name]}" for name in ("python", "numpy", "numba", "torch") if name in versions),
    ]


def _row(row: dict[str, Any]) -> str:
    times = [row["seconds"].get(peer) for peer in PEERS]
    columns = "".join(f"{time['median'] * 1e6:10.4g}" if time else f"{'–':>10}" for time in times)
    ratio = row["ratio"].get("fastest")
    end = _range(ratio, ".2f") if ratio else ""
    return f"{_label(WORKLOADS[row['name']].format(**row))}{row['threads']:7d}{columns}{end}"


def _limit(name: str, rate: dict[str, float], part: dict[str, float] | None) -> str:
    unit = "GB/s" if name in MOVING_MEMORY else "GFLOP/s"
    return f"{_label(name)}{rate['median'] / 1e9:10.1f} {unit}{_range(part, '.0%') if part else ''}"


def _start(name: str, value: dict[str, float]) -> str:
    if name in NOT_IN_SECONDS:
        label, scale = NOT_IN_SECONDS[name]
        return f"{_label(label)}{value['median'] * scale:10.{0 if scale < 1 else 2}f}"
    return f"{_label(name)}{value['median']:10.2f} s"
