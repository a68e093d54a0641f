"""``minigrad bench``: minigrad's speed, compared in one run with PyTorch's and with the machine's limits.

On a busy machine a single time is unreliable. The ratio of times measured in turns is better: each round times every
library once, for a fraction of a second, and the report gives the median and the quartiles of the rounds' ratios.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import sys
from pathlib import Path

from minigrad.train import write_json
from minigrad_book.tools.bench.measure import Bench
from minigrad_book.tools.bench.report import text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    cores = os.cpu_count() or 1
    parser.description = "Measure minigrad's speed, in turns with PyTorch's if it is installed."
    parser.add_argument(
        "--json", nargs="?", const="-", metavar="FILE", help="print JSON instead of text, or also write it to FILE"
    )
    parser.add_argument("--rounds", type=int, default=7, help="number of turns of each library (default: 7)")
    parser.add_argument("--seconds", type=float, default=0.15, help="length of a turn (default: 0.15)")
    parser.add_argument(
        "--threads",
        type=lambda text: [int(n) for n in text.split(",")],
        default=sorted({1, min(2, cores)}),
        metavar="N,…",
        help="numbers of threads (default: 1,2)",
    )
    parser.add_argument("--only", metavar="WORD", help="measure only the parts whose names contain WORD")
    parser.add_argument("--no-torch", action="store_true", help="leave PyTorch out even if it is installed")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Measure, print the report and return the exit status."""
    if options.rounds < 1 or options.seconds <= 0 or min(options.threads) < 1:
        raise ValueError("--rounds and --threads must be at least 1, --seconds more than 0")
    if options.json not in (None, "-") and not Path(options.json).absolute().parent.is_dir():
        raise ValueError(f"--json {options.json}: there is no such folder")
    with_torch = not options.no_torch and importlib.util.find_spec("torch") is not None
    if not with_torch and not options.no_torch:
        print("PyTorch isn't installed: measuring minigrad alone", file=sys.stderr)
    result = Bench(options.rounds, options.seconds, with_torch).run(options.threads, options.only or "")
    if options.json == "-":
        print(json.dumps(result, indent=1))
        return 0
    print(text(result))
    if options.json:
        write_json(options.json, result, indent=1)
    return 0
