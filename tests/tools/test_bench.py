"""The parts of the benchmark. No test depends on timing."""

from __future__ import annotations

import argparse
import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg
from minigrad.cli import main
from minigrad_book.tools import bench
from minigrad_book.tools.bench import measure, worker, workloads
from minigrad_book.tools.bench.report import text

STORED = Path(__file__).parents[2] / "book" / "how_fast" / "results" / "bench.json"

SHORT = ["--only", "scalars", "--rounds", "2", "--seconds", "0.001", "--threads", "1"]


def options(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    bench.add_arguments(parser)
    return parser.parse_args(arguments)


def test_a_run_without_pytorch_measures_minigrad_alone(capsys):
    assert main(["bench", "--no-torch", *SHORT]) == 0
    out, _ = capsys.readouterr()
    assert "scalar op, forward and backward" in out
    assert "–" in out


@pytest.mark.slow
def test_the_json_of_a_run_with_pytorch(capsys, tmp_path):
    pytest.importorskip("torch")
    file = tmp_path / "bench.json"
    assert bench.run(options(*SHORT, "--json", str(file))) == 0
    result = json.loads(file.read_text())
    (row,) = result["rows"]
    assert (row["name"], row["size"], row["threads"]) == ("scalars", 1, 1)
    for peer in ("minigrad", "torch default"):
        times = row["seconds"][peer]
        assert 0 < times["low"] <= times["median"] <= times["high"]
    assert row["ratio"]["fastest"] == row["ratio"]["torch default"]
    assert {"numpy", "numba", "torch"} <= result["about"]["versions"].keys()
    assert result["about"]["threading layer"]


def test_spread():
    assert measure.spread([3.0]) == {"median": 3.0, "low": 3.0, "high": 3.0}
    assert measure.spread([5, 1, 4, 2, 3]) == {"median": 3, "low": 2, "high": 4}


@pytest.mark.parametrize(
    "arguments", [["--rounds", "0"], ["--seconds", "0"], ["--threads", "0"], ["--json", "/no/such/folder/file.json"]]
)
def test_bad_options_are_an_error(arguments, capsys):
    assert main(["bench", *arguments]) == 1
    assert "minigrad: error:" in capsys.readouterr().err


def test_at_least_three_calls_are_timed_unless_one_takes_too_long():
    calls = []
    worker.time_calls(lambda: calls.append(1), 1e-9)
    assert len(calls) >= 1
    calls.clear()
    worker.time_calls(lambda: calls.append(1), 0.002)
    assert len(calls) >= 3


def test_lenet5_has_the_parameters_that_adam_is_timed_on():
    shapes = tuple(parameter.shape for parameter in mg.models.LeNet5().parameters())
    assert shapes == workloads.LENET5_LAYERS
    assert sum(int(np.prod(shape)) for shape in shapes) == measure.SIZES["adam lenet5"][0]


def test_the_operations_of_a_step_are_those_in_the_chapter():
    total = 0
    for layer in ("conv1", "conv2"):
        total += workloads.convolution(1, f"{layer} both")[1]
    total += 3 * 2 * (400 * 120 + 120 * 84 + 84 * 10)
    assert round(total / 1e6, 1) == 3.2


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="compares with PyTorch")
def test_both_libraries_have_the_same_network():
    from minigrad_book.tools.bench import torch_workloads

    ours = [parameter.shape for parameter in mg.models.LeNet5().parameters()]
    assert [tuple(parameter.shape) for parameter in torch_workloads.model().parameters()] == ours
    assert torch_workloads.WORKLOADS.keys() <= workloads.WORKLOADS.keys()


@pytest.mark.parametrize("name", ["lenet5", "adam lenet5", "scalars"])
def test_workloads_run(name):
    call, units = workloads.WORKLOADS[name](4, "")
    call()
    call()
    assert units > 0


def test_the_stored_results_are_complete():
    """The chapter reads every row, each ratio, the limits and the start."""
    stored = json.loads(STORED.read_text())
    found = {(row["name"], row["size"], row["threads"]) for row in stored["rows"]}
    assert found == {
        (name, size, n) for name, sizes in measure.SIZES.items() for size in sizes for n in stored["about"]["threads"]
    }
    assert all(row["ratio"]["fastest"]["median"] > 0 for row in stored["rows"])
    assert [entry["threads"] for entry in stored["limits"]] == stored["about"]["threads"]
    assert "import minigrad" in stored["start"]
    assert len(text(stored).splitlines()) > len(found)
