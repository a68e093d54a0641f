"""How long runs take, and the bar that shows what is left."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from minigrad import cli
from minigrad_book.tools.experiments import bar_over, catalogue, named, run, store, sweep, timing
from minigrad_book.tools.experiments.store import Scan

pytest.importorskip("sklearn")

NAME = "article-1"  # two arms


def test_a_finished_experiments_times_are_measured():
    experiment = named("grid")
    found = timing.times(experiment, store.results("grid"))
    seconds = [stored["seconds"] for stored in store.results("grid").done.values()]
    assert (found.runs, found.stored, found.rest, found.measured) == (90, 90, 0, True)
    assert found.each == pytest.approx(sum(seconds) / 90)


def test_without_runs_times_are_estimates_from_epochs_and_images():
    experiment = named("budgets")
    found = timing.times(experiment, Scan())
    guesses = [timing.SECONDS_PER_IMAGE["lenet5"] * 10_000 * config.epochs for config in experiment.arms.values()]
    assert (found.stored, found.measured) == (0, False)
    assert found.rest == pytest.approx(5 * sum(guesses))
    assert found.each == pytest.approx(sum(guesses) / len(guesses))


def test_estimates_are_scaled_to_what_is_stored():
    experiment = replace(named("budgets"), seeds=(10, 11))
    slow = {
        ("linear-0.001-20", 10): {
            "arm": "linear-0.001-20",
            "seconds": 3 * timing.estimated(named("budgets").arms["linear-0.001-20"]),
        }
    }
    found, alone = timing.times(experiment, Scan(slow)), timing.times(experiment, Scan())
    one = timing.estimated(experiment.arms["linear-0.001-20"])
    assert found.rest == pytest.approx(3 * (alone.rest - one))
    assert not found.measured


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (9.9, "9.9 s"),
        (9.96, "10 s"),
        (99, "99 s"),
        (100, "2 min"),
        (3570, "1 h 00 min"),
        (7500, "2 h 05 min"),
    ],
)
def test_durations_in_words(seconds, text):
    assert timing.in_words(seconds) == text


def test_the_list_shows_what_is_stored_and_how_long_the_rest_takes(capsys, tmp_path):
    assert cli.main(["experiment", "list"]) == 0
    head, *lines, note = capsys.readouterr().out.splitlines()
    assert head.split()[:3] == ["experiment", "runs", "stored"]
    by_name = {line.split()[0]: line for line in lines}
    assert by_name.keys() == catalogue().keys()
    assert re.match(r"grid +90 +90 +\d+ s +–  At equal epochs", by_name["grid"])
    assert "with ≈, estimates from epochs × images" in note
    assert cli.main(["experiment", "list", "--out", str(tmp_path)]) == 0
    (grid,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("grid ")]
    assert re.match(r"grid +90 +0 +≈ 20 s +≈ 30 min  At equal epochs", grid)


@pytest.fixture
def cheap(monkeypatch):
    """Runs that cost nothing."""

    def fake(config, seed):
        return {
            "history": {column: [0.5] * config.epochs for column in store.COLUMNS},
            "effective_rates": {"all": [[1.0] * 5] * config.epochs} if config.record_rates else None,
            "best_epoch": 1,
            "test_accuracy": {"best": 0.5, "last": 0.5, "tail": [0.5] * min(5, config.epochs)},
            "diverged": None,
            "data": sweep.describe_data(config.data),
            "code_sha256": "0",
            "versions": {},
            "machine": {"cpu": "none", "cores": 0},
            "threads": 1,
            "seconds": 1.0,
        }

    monkeypatch.setattr(sweep, "run_once", fake)
    monkeypatch.setattr(sweep, "ProcessPoolExecutor", lambda *arguments, **options: ThreadPoolExecutor(1))


def last_state(text):
    """The bar's last line."""
    return text.replace("\r", "\n").strip().splitlines()[-1]


def test_the_bar_counts_runs_and_shows_the_time_left(cheap, tmp_path, capsys):
    run(NAME, (0, 1), quick=True, out=tmp_path)
    assert re.match(rf"{NAME}-quick: 4 of 4 runs 100%\|.*\| \d\d:\d\d, 00:00 left", last_state(capsys.readouterr().err))


def test_all_experiments_have_one_bar(cheap, tmp_path, capsys):
    """It counts the stored runs, goes on from one experiment to the next, and ends at 100 %."""
    names = ("first-look", NAME)
    run(NAME, (0,), quick=True, out=tmp_path, progress=False)
    with bar_over(names, (0, 1), True, tmp_path) as bar:
        for name in names:
            run(name, (0, 1), quick=True, out=tmp_path, progress=bar)
    told = capsys.readouterr()
    counts = [int(count) for count in re.findall(r"(\d+) of 6 runs", told.err)]
    assert counts[0] == 2
    assert counts == sorted(counts)
    assert re.match(rf"{NAME}-quick: 6 of 6 runs 100%", last_state(told.err))
    assert told.err.count("\n") == 1, "one bar, not one for each experiment"
    assert f"{NAME}-quick: 4 finished runs in" in told.out


def test_the_bar_moves_by_time_not_by_runs(cheap, tmp_path, capsys):
    """After the cheap half of the runs hardly any of the work is done."""
    small = replace(named("digits").arms["constant-0.001"], epochs=1)
    large = named("schedules").arms["constant-0.001"]
    with timing.progress_bar({"both": ([], [small, small, large, large])}) as bar:
        for config in (small, small):
            bar.advance("both", config, "run", {"history": {"seconds": []}, "test_accuracy": {"last": 0.5}})
    assert re.match(r"both: 2 of 4 runs +0%", last_state(capsys.readouterr().err))


def test_a_failed_experiment_is_taken_off_the_bar(cheap, tmp_path, capsys, monkeypatch):
    def fails(config, seed):
        raise MemoryError("no room")

    names = (NAME, "first-look")
    good = sweep.run_once
    with bar_over(names, (0,), True, tmp_path) as bar:
        monkeypatch.setattr(sweep, "run_once", fails)
        with pytest.raises(RuntimeError, match="2 of 2 runs failed"):
            run(NAME, (0,), quick=True, out=tmp_path, progress=bar)
        monkeypatch.setattr(sweep, "run_once", good)
        run("first-look", (0,), quick=True, out=tmp_path, progress=bar)
    assert re.match(r"first-look-quick: \d of 3 runs 100%\|", last_state(capsys.readouterr().err))


def test_an_experiment_that_cannot_begin_is_taken_off_the_bar(cheap, tmp_path, capsys):
    (tmp_path / f"{NAME}-quick").write_text("not a folder")
    with bar_over((NAME, "first-look"), (0,), True, tmp_path) as bar:
        with pytest.raises(OSError, match="can't write results"):
            run(NAME, (0,), quick=True, out=tmp_path, progress=bar)
        run("first-look", (0,), quick=True, out=tmp_path, progress=bar)
    assert re.match(r"first-look-quick: 3 of 3 runs 100%\|", last_state(capsys.readouterr().err))


def test_a_damaged_file_counts_as_missing_on_the_bar_too(cheap, tmp_path, capsys):
    (path, _) = run(NAME, (0,), quick=True, out=tmp_path, progress=False)
    path.write_text("{")
    with bar_over((NAME,), (0,), True, tmp_path) as bar:
        run(NAME, (0,), quick=True, out=tmp_path, progress=bar)
    assert re.match(rf"{NAME}-quick: 2 of 2 runs 100%\|", last_state(capsys.readouterr().err))
    assert json.loads(path.read_text())["seed"] == 0


def test_run_all_runs_everything_under_one_bar(cheap, tmp_path, capsys):
    assert cli.main(["experiment", "run", "all", "--quick", "--seeds", "0", "--out", str(tmp_path)]) == 0
    total = sum(len(experiment.arms) for experiment in catalogue().values())
    assert re.search(rf": {total} of {total} runs 100%\|", last_state(capsys.readouterr().err))
    assert len(list(tmp_path.rglob("*.json"))) == total
