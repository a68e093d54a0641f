"""The results as a table."""

from __future__ import annotations

from typing import Any

UNITS = {"lenet5": "image", "adam": "step", "adam lenet5": "step", "scalars": "op", "epoch": "image"}
NAMES = {
    "lenet5": "LeNet-5 training step, batch {size}",
    "adam": "Adam step, {size:,} parameters",
    "adam lenet5": "Adam step, LeNet-5's {size:,} parameters",
    "scalars": "scalar op, forward and backward",
    "epoch": "epoch over 50,000 images, batch {size}",
}


def table(result: dict[str, Any]) -> str:
    """What `minigrad bench` prints."""
    lines = [*_about(result["about"]), ""]
    if result["rows"]:
        lines += [
            f"{'µs a unit; ratio: minigrad / the fastest of PyTorch':52s}threads  minigrad     torch     fused  ratio"
        ]
        lines += [_row(row) for row in result["rows"]]
    for limits in result["limits"]:
        lines += ["", f"limits, {limits['threads']} thread(s): rate, and part of the limit reached"]
        lines += [_limit(name, rate, limits["part of limit"].get(name)) for name, rate in limits["rate"].items()]
    if "start" in result:
        lines += ["", "a fresh process"]
        lines += [_start(name, value) for name, value in result["start"].items()]
    return "\n".join(lines)


def _about(about: dict[str, Any]) -> list[str]:
    machine, versions = about["machine"], about["versions"]
    names = ("python", "numpy", "numba", "torch")
    return [
        f"{machine['cpu']}, {machine['cores']} cores, threading layer {about['threading layer']}",
        ", ".join(f"{name} {versions[name]}" for name in names if name in versions),
    ]


def _row(row: dict[str, Any]) -> str:
    name = f"{NAMES[row['name']].format(**row)} (per {UNITS[row['name']]})"
    times = [row["seconds"].get(peer) for peer in ("minigrad", "torch default", "torch fused")]
    columns = "".join(f"{time['median'] * 1e6:10.4g}" if time else f"{'–':>10}" for time in times)
    ratio = row["ratio"].get("fastest")
    end = f"  {ratio['median']:.2f} ({ratio['low']:.2f}–{ratio['high']:.2f})" if ratio else ""
    return f"{name:52s}{row['threads']:7d}{columns}{end}"


def _limit(name: str, rate: dict[str, float], part: dict[str, float] | None) -> str:
    unit = "GB/s" if name in ("copy", "adam") else "GFLOP/s"
    end = f"  {part['median']:.0%} ({part['low']:.0%}–{part['high']:.0%})" if part else ""
    return f"{name:52s}{rate['median'] / 1e9:10.1f} {unit}{end}"


def _start(name: str, value: dict[str, float]) -> str:
    if name.startswith("bytes"):
        return f"{'MB of memory beyond the data, LeNet-5 epoch':52s}{value['median'] / 1e6:10.0f}"
    return f"{name:52s}{value['median']:10.2f}{'' if name.startswith(('page', 'time')) else ' s'}"
