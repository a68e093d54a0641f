"""A process that times one library's workloads. It reads requests and writes answers, one JSON line each.

Each library has its own process, because its threads spin while they wait and would slow down another library.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

MODULES = {"minigrad": "minigrad_book.tools.bench.workloads", "torch": "minigrad_book.tools.bench.torch_workloads"}

SETTLE = 0.05  # seconds until the threads of the last workload have stopped spinning


def time_calls(call: Callable[[], object], seconds: float) -> float:
    """Return the median time of as many calls as fit into `seconds`: at least three, unless the first takes longer."""
    times: list[float] = []
    end = time.perf_counter() + seconds
    while not times or (time.perf_counter() < end) or (len(times) < 3 and sum(times) < seconds):
        begin = time.perf_counter()
        call()
        times.append(time.perf_counter() - begin)
    return sorted(times)[len(times) // 2]


def main(library: str, threads: int) -> None:
    module = importlib.import_module(MODULES[library])
    module.set_threads(threads)
    made: dict[tuple[str, int, str], Any] = {}
    for line in sys.stdin:
        name, size, variant, seconds = json.loads(line)
        if (name, size, variant) not in made:
            made[name, size, variant] = module.WORKLOADS[name](size, variant)
            for _ in range(3 if name != "epoch" else 0):
                made[name, size, variant][0]()
        call, units = made[name, size, variant]
        time.sleep(SETTLE)
        print(json.dumps(time_calls(call, seconds) / units), flush=True)


class Worker:
    """The client: starts the process and sends requests to it."""

    def __init__(self, library: str, threads: int) -> None:
        command = [
            sys.executable,
            "-c",
            f"from minigrad_book.tools.bench.worker import main; main({library!r}, {threads})",
        ]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def seconds(self, name: str, size: int, variant: str, budget: float) -> float:
        """Return the seconds per unit of this workload."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps([name, size, variant, budget]) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"the process that measures {name} exited with status {self.process.wait()}")
        value: float = json.loads(answer)
        return value

    def close(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()
