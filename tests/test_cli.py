"""The command line: help for every command, errors on one line without a traceback."""

import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import pytest

import minigrad as mg
from minigrad import cli
from minigrad_book.tools import experiments
from minigrad_book.tools.experiments import catalogue


def minigrad(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "minigrad", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=120,
    )


@pytest.mark.parametrize(
    "command",
    [
        "",
        "experiment",
        "experiment list",
        "experiment run",
        "experiment report",
        "experiment verify",
        "data",
        "data cifar10",
    ],
)
def test_every_command_has_help(command, capsys):
    with pytest.raises(SystemExit) as done:
        cli.main([*command.split(), "--help"])
    assert done.value.code == 0
    assert "usage: minigrad " + command in capsys.readouterr().out


@pytest.mark.parametrize("command", ["", "experiment", "data", "data mnist", "experiment run", "dance"])
def test_an_incomplete_or_unknown_command_is_an_error(command, capsys):
    with pytest.raises(SystemExit) as done:
        cli.main(command.split())
    assert done.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_the_experiments_are_listed(capsys):
    assert cli.main(["experiment", "list"]) == 0
    _, *lines, _ = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(catalogue())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["experiment", "run", "gird"], "unknown experiment 'gird'"),
        (["experiment", "run", "grid", "--seeds", "x"], "seeds must look like 0-4"),
        (["experiment", "run", "grid", "--quick", "--jobs", "0"], "jobs must be ≥ 1"),
        (["experiment", "report", "grid", "--out", "nowhere"], "no finished run of grid"),
        (["experiment", "verify", "gird"], "unknown experiment 'gird'"),
        (["experiment", "verify", "grid", "--out", "nowhere"], "no finished run of grid"),
        (["experiment", "verify", "grid", "--sample", "0"], "sample must be ≥ 1"),
        (["data", "cifar10", "--root", "nowhere"], "--download"),
    ],
)
def test_an_error_is_one_line(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(arguments) == 1
    error = capsys.readouterr().err
    assert error.startswith("minigrad: error: ")
    assert message in error
    assert len(error.splitlines()) == 1


def test_ctrl_c_prints_no_traceback(capsys, monkeypatch):
    monkeypatch.setattr(experiments, "catalogue", lambda: (_ for _ in ()).throw(KeyboardInterrupt))
    assert cli.main(["experiment", "list"]) == 130
    assert "interrupted" in capsys.readouterr().err


@pytest.mark.slow
def test_a_quick_experiment_can_be_run_reported_and_verified(tmp_path):
    pytest.importorskip("sklearn")
    pytest.importorskip("matplotlib")
    done = minigrad("experiment", "run", "first-look", "--quick", "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "s an epoch" in done.stdout + done.stderr
    figures = tmp_path / "figures"
    report = minigrad(
        "experiment", "report", "first-look", "--quick", "--out", str(tmp_path), "--figures", str(figures)
    )
    assert report.returncode == 0, report.stderr
    assert "1 of 1 runs" in report.stdout
    verified = minigrad("experiment", "verify", "first-look", "--quick", "--out", str(tmp_path), "--always")
    assert verified.returncode == 0, verified.stderr
    assert "adam, seed 0: the same to the last bit" in verified.stdout, "in another process"


def test_run_all_continues_after_a_failed_experiment(capsys, monkeypatch):
    begun = []

    def run(name, *options):
        begun.append(name)
        if name == "article-1":
            raise RuntimeError("1 of 10 runs failed")

    monkeypatch.setattr(experiments, "run", run)
    assert cli.main(["experiment", "run", "all"]) == 1
    assert begun == list(catalogue())
    assert "minigrad: error: 1 of 10 runs failed\n" in capsys.readouterr().err


def test_stored_runs_are_not_run_again(capsys):
    stored = Path(__file__).parents[1] / "book" / "should_you_decay" / "results"
    assert cli.main(["experiment", "run", "first-look", "--out", str(stored)]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(f"first-look: all 1 runs are stored in {stored / 'first-look'} (a JPEG (quality 75) copy")
    assert "nothing was run. To compute them again, give --out another folder" in printed


def test_missing_data_is_an_error_without_a_traceback(tmp_path):
    done = minigrad("experiment", "run", "first-look", "--out", str(tmp_path), MINIGRAD_DATA=str(tmp_path))
    assert done.returncode == 1
    assert "minigrad data cifar10 --download" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_benchmark_has_help_and_is_imported_only_for_its_command(capsys):
    pytest.importorskip("minigrad_book.tools.bench")
    with pytest.raises(SystemExit) as done:
        cli.main(["bench", "--help"])
    assert done.value.code == 0
    assert "usage: minigrad bench" in capsys.readouterr().out
    code = "import sys; from minigrad.cli import main; main(['experiment', 'list']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "minigrad_book.tools.bench" not in done.stdout.splitlines()[-1].split()


def test_the_version(capsys, monkeypatch):
    with pytest.raises(SystemExit) as done:
        cli.main(["--version"])
    assert done.value.code == 0
    assert capsys.readouterr().out == f"minigrad {mg.__version__}\n"
    assert mg.__version__ == importlib.metadata.version("minigrad-book")


def test_the_version_without_an_installed_distribution():
    code = """
import importlib.metadata
def version(name):
    raise importlib.metadata.PackageNotFoundError(name)
importlib.metadata.version = version
import minigrad
print(minigrad.__version__)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "unknown\n"
