"""The page "How fast is it?": its numbers, and its conclusions from the stored benchmark."""

from __future__ import annotations

import re
from math import prod
from pathlib import Path

import pytest

from minigrad_book.how_fast import exercises, numbers
from minigrad_book.tools.bench.workloads import LENET5_LAYERS

PAGE = Path(numbers.__file__).with_name("index.md").read_text(encoding="utf-8")
ONE = numbers.THREADS[0]


@pytest.fixture(scope="module")
def counted():
    """Return the variables of the page's cell that counts the operations of a training step."""
    (cell,) = [cell for cell in re.findall(r"```{code-cell}\n(.*?)```", PAGE, re.DOTALL) if "step_flop =" in cell]
    scope: dict[str, float] = {}
    exec(compile(cell, "index.md", "exec"), scope)
    return scope


def test_the_number_of_operations_of_a_step(counted):
    conv1, conv2 = exercises.forward_flop(6, 3, 5, 32), exercises.forward_flop(16, 6, 5, 14)
    dense = 2 * sum(prod(shape) for shape in LENET5_LAYERS if len(shape) == 2)
    assert (counted["conv1"], counted["conv2"], counted["dense"]) == (conv1, conv2, dense)
    assert counted["step_flop"] == 3 * (conv1 + conv2 + dense) - conv1  # the images need no gradient


def test_a_time_is_the_fastest_peers():
    both = numbers.microseconds("lenet5", 32, ONE, *numbers.TORCH)
    assert both == min(numbers.microseconds("lenet5", 32, ONE, peer) for peer in numbers.TORCH)
    ours = numbers.microseconds("lenet5", 32, ONE, "minigrad")
    assert numbers.ratio("lenet5", 32, ONE)["median"] == pytest.approx(ours / both, rel=0.05)
    with pytest.raises(ValueError, match="empty"):
        numbers.seconds("lenet5", 32, ONE, "nobody")


def test_both_libraries_take_over_twice_the_arithmetic_limit(counted):
    for threads in numbers.THREADS:
        limit = numbers.least(counted["step_flop"], threads)
        assert limit * numbers.peak(threads) == pytest.approx(counted["step_flop"] * 1e6)
        for peers in (("minigrad",), numbers.TORCH):
            assert all(numbers.microseconds("lenet5", size, threads, *peers) > 2 * limit for size in (32, 128, 512))


def test_a_matrix_product_is_faster_than_a_loop():
    assert numbers.peak(ONE) == numbers.rate("matrix product", ONE) > numbers.rate("multiply-adds", ONE)
    assert numbers.share_of_peak("conv2 both, batch 32", ONE) == pytest.approx(
        numbers.rate("conv2 both, batch 32", ONE) / numbers.peak(ONE), rel=0.05
    )


def test_adam_is_limited_by_the_call_and_then_by_memory():
    counts = (1_000, 10_000, 100_000, 1_000_000, 20_000_000)
    first, *between, last = (numbers.adam_nanoseconds(count, ONE, "minigrad") for count in counts)
    assert first > last > min(between)
    assert numbers.rate("adam", ONE) > numbers.rate("copy", ONE)
    assert numbers.rate("adam", ONE) / 28 == pytest.approx(1e9 / last, rel=0.2)  # 28 bytes for each parameter


def test_kept_memory_saves_page_faults_and_time():
    given_back, kept = (numbers.START[f"page faults a step, {what}"] for what in ("freed memory given back", "kept"))
    assert kept < 1 < given_back
    assert numbers.START["time of a step, kept / given back"] < 1


def test_the_tables_show_every_measurement_once():
    work = numbers.work()
    assert len({(row[0], row[1]) for row in work}) == len(work)
    assert all(len(row) == 5 and "nan" not in "".join(row) for row in work)
    assert [row[0] for row in numbers.fresh_process()][:2] == ["import minigrad", "import numba"]
