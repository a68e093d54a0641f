"""Provenance: the digest of the code that ran, and the repetition of first epochs."""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from minigrad_book.tools import experiments
from minigrad_book.tools.experiments import named, provenance, run, single, verification, verify

import minigrad
from minigrad import cli

pytest.importorskip("sklearn")

NAME = "article-1"
ENGINE, EXPERIMENTS = Path(minigrad.__file__).parent, Path(provenance.__file__).parent


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    out = tmp_path_factory.mktemp("results")
    with ThreadPoolExecutor(1) as executor:
        run(NAME, (0,), quick=True, out=out, executor=executor, progress=False)
    return out


@pytest.fixture
def stored(finished, tmp_path):
    """A copy of the two quick runs."""
    shutil.copytree(finished, tmp_path / "results")
    return tmp_path / "results"


def change(out, **parts):
    """Change these parts of every stored run: replaced by a value, or by a function of what is there."""
    for path in out.rglob("*.json"):
        record = json.loads(path.read_text())
        for name, part in parts.items():
            record[name] = part(record[name]) if callable(part) else part
        path.write_text(json.dumps(record))


def tampered(history):
    return history | {"loss": [history["loss"][0] + 2**-10, *history["loss"][1:]]}


def test_runs_of_todays_code_are_the_same_and_nothing_is_repeated(stored, monkeypatch):
    monkeypatch.setattr(verification, "first_epoch", None)
    found = verify(NAME, quick=True, out=stored)
    assert found.explained
    assert found.lines == [
        "article-1-quick: 2 runs: 2 of today's code, 0 of other code; first epoch repeated: 0",
    ]


def test_runs_of_other_code_are_repeated_and_are_the_same(stored):
    change(stored, code_sha256="0")
    found = verify(NAME, quick=True, out=stored)
    assert found.explained
    assert found.lines[0].endswith("0 of today's code, 2 of other code; first epoch repeated: 2")
    assert found.lines[1:] == [f"  {arm}, seed 0: the same to the last bit" for arm in ("constant", "plateau")]


def test_a_tampered_loss_is_found_and_is_not_explained(stored, capsys):
    change(stored, history=tampered)
    command = ["experiment", "verify", NAME, "--quick", "--out", str(stored)]
    assert cli.main(command) == 0, "the digest is the same: nothing is repeated"
    assert cli.main([*command, "--always", "--sample", "1"]) == 1
    printed = capsys.readouterr().out.splitlines()
    assert printed[1].endswith("2 of today's code, 0 of other code; first epoch repeated: 1")
    assert "differs: loss by up to 0.00098 (" in printed[2]
    assert "accuracy" not in printed[2]
    assert printed[2].endswith("not explained: it was computed on this processor and with these versions")


@pytest.mark.parametrize(
    ("part", "reason"),
    [
        ({"machine": lambda machine: machine | {"cpu": "an abacus"}}, "cpu an abacus, here "),
        ({"versions": lambda versions: versions | {"numba": "0.1"}}, "numba 0.1, here "),
    ],
)
def test_another_processor_or_version_explains_it(stored, part, reason, capsys):
    change(stored, history=tampered, code_sha256="0", **part)
    assert cli.main(["experiment", "verify", NAME, "--quick", "--out", str(stored)]) == 0
    assert reason in capsys.readouterr().out


def test_format_1_counts_as_other_code(stored):
    for path in stored.rglob("*.json"):
        record = json.loads(path.read_text())
        record |= {"format": 1, "versions": record["versions"] | {"source_sha256": record.pop("code_sha256")}}
        path.write_text(json.dumps(record))
    found = verify(NAME, quick=True, out=stored, sample=1)
    assert found.explained
    assert "0 of today's code, 2 of other code" in found.lines[0]
    assert len(found.lines) == 2


def test_missing_or_other_data_is_an_error(stored, monkeypatch, tmp_path, capsys):
    change(stored, code_sha256="0")
    command = ["experiment", "verify", NAME, "--quick", "--out", str(stored)]
    with monkeypatch.context() as patch:
        patch.setattr(single, "_load", lambda name: (_ for _ in ()).throw(FileNotFoundError("no digits here")))
        single.describe_data.cache_clear()
        assert cli.main(command) == 1
        assert "no digits here" in capsys.readouterr().err
    change(stored, data=lambda data: data | {"sha256": "12" * 32})
    assert cli.main(command) == 1
    assert "can't be done again here" in capsys.readouterr().err
    assert cli.main(["experiment", "verify", NAME, "--out", str(tmp_path / "nothing")]) == 1
    assert "no finished run of article-1: `minigrad experiment run article-1` first" in capsys.readouterr().err


def test_all_experiments_are_verified_by_default(capsys, monkeypatch):
    verified = []

    def made_up(name, *options):
        verified.append(name)
        return experiments.Verification([name], name != "grid")

    monkeypatch.setattr(experiments, "verify", made_up)
    assert cli.main(["experiment", "verify"]) == 1
    assert verified == capsys.readouterr().out.split() == list(experiments.catalogue())


def test_the_first_epoch_alone_is_that_of_the_whole_run():
    """Also under a schedule that depends on the number of updates of the whole run."""
    config = named("grid", quick=True).arms["cosine-0.001"]
    whole, first = single.run_once(config, 3)["history"], single.first_epoch(config, 3)["history"]
    for column in ("loss", "accuracy", "val_loss", "val_accuracy", "lr"):
        assert first[column] == whole[column][:1]
    assert whole["lr"][-1] < whole["lr"][0]


@pytest.fixture
def sources(tmp_path):
    for name, package in (("minigrad", ENGINE), ("experiments", EXPERIMENTS)):
        shutil.copytree(package, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def digest_of(sources):
    return provenance.digest(sources / "minigrad", sources / "experiments")


@pytest.mark.parametrize("name", ["minigrad/optim/adam.py", "minigrad/train.py", "experiments/single.py"])
def test_the_digest_covers_the_code_that_runs(sources, name):
    before = digest_of(sources)
    assert before == provenance.code_sha256()
    with (sources / name).open("a") as file:
        file.write('\n# a comment\n"""A text of no effect."""\n')
    assert digest_of(sources) == before
    with (sources / name).open("a") as file:
        file.write("\nNEW = 1\n")
    assert digest_of(sources) != before


@pytest.mark.parametrize("name", ["minigrad/cli.py", "minigrad/exercises.py", "experiments/reporting.py"])
def test_the_digest_leaves_out_what_no_run_goes_through(sources, name):
    before = digest_of(sources)
    with (sources / name).open("a") as file:
        file.write("\nNEW = 1\n")
    assert digest_of(sources) == before
