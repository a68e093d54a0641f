"""Whether stored runs are what today's code computes."""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from minigrad import cli
from minigrad_book.tools.experiments import images, named, provenance, run, single, store, verify
from minigrad_book.tools.experiments.verification import deviations

pytest.importorskip("sklearn")

NAME = "article-1"  # two arms


def finished(out, name, seeds):
    with ThreadPoolExecutor(1) as executor:
        run(name, seeds, quick=True, out=out, executor=executor, progress=False)
    return out


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """Four runs of the quick version by the code here, which no test may change."""
    return finished(tmp_path_factory.mktemp("results"), NAME, (0, 1))


@pytest.fixture
def stored(fresh, tmp_path):
    """A copy of them: a function that changes each file's content by a function, and returns the folder."""
    shutil.copytree(fresh, tmp_path / "results")

    def change(*changes):
        for path in (tmp_path / "results").rglob("*.json"):
            content = json.loads(path.read_text())
            for one in changes:
                one(content)
            path.write_text(json.dumps(content))
        return tmp_path / "results"

    return change


def by_other_code(content):
    content["code_sha256"] = "0" * 64


def of_format_1(content):
    """As the runs were stored whose digest covered the whole package."""
    content["format"] = 1
    del content["test_accuracy"]["tail"]
    for name in store.LATER:
        del content["config"][name]
    content["versions"]["source_sha256"] = content.pop("code_sha256")


def with_another_loss(content):
    content["history"]["loss"][0] += 1e-3


def on_another_processor(content):
    content["machine"]["cpu"] = "abacus"


def with_other_versions(content):
    content["versions"]["numba"] = "0.1"


def command(out, *options):
    return cli.main(["experiment", "verify", NAME, "--quick", "--out", str(out), *options])


def test_runs_by_the_same_code_are_not_repeated(stored, capsys, monkeypatch):
    monkeypatch.setattr("minigrad_book.tools.experiments.verification.first_epoch", None)
    assert command(stored()) == 0
    head = f"{NAME}-quick: 4 runs, 4 by today's code, 0 by other code; first epoch repeated: 0\n"
    assert capsys.readouterr().out == head
    # So a changed number isn't noticed, unless `--always` repeats:
    assert command(stored(with_another_loss)) == 0
    with pytest.raises(TypeError, match="NoneType"):
        command(stored(), "--always")


def test_the_same_code_computes_the_same_numbers(stored, capsys):
    assert command(stored(), "--always", "--sample", "4") == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.endswith("first epoch repeated: 4 (4 the same, 0 explained, 0 unexplained)")
    assert lines == [
        f"  {arm}, seed {seed}: the same to the last bit" for arm in ("constant", "plateau") for seed in (0, 1)
    ]


@pytest.mark.parametrize("changes", [(by_other_code,), (of_format_1,)])
def test_runs_by_other_code_are_repeated(stored, capsys, changes):
    assert command(stored(*changes), "--sample", "1") == 0
    head, line = capsys.readouterr().out.splitlines()
    assert "0 by today's code, 4 by other code; first epoch repeated: 1 (1 the same" in head
    assert line.endswith("the same to the last bit")


@pytest.mark.parametrize("options", [(), ("--always",)])
def test_a_changed_loss_is_found(stored, capsys, options):
    assert command(stored(by_other_code, with_another_loss), "--sample", "2", *options) == 1
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.endswith("first epoch repeated: 2 (0 the same, 0 explained, 2 unexplained)")
    assert len(lines) == 2
    for line in lines:
        assert "differs: loss by 0.001 (stored " in line
        assert "accuracy" not in line, "only the column that differs"
        assert line.endswith("unexplained: computed on this kind of processor, with these versions")


@pytest.mark.parametrize(
    ("elsewhere", "reason"), [(on_another_processor, "cpu abacus, here "), (with_other_versions, "numba 0.1, here ")]
)
def test_another_processor_or_version_explains_a_changed_loss(stored, capsys, elsewhere, reason):
    assert command(stored(by_other_code, with_another_loss, elsewhere), "--sample", "1") == 0
    head, line = capsys.readouterr().out.splitlines()
    assert head.endswith("(0 the same, 1 explained, 0 unexplained)")
    assert "differs: loss by 0.001" in line
    assert f"rounding can explain it: computed with {reason}" in line


def test_one_unexplained_run_among_explained_ones_is_enough(stored, capsys):
    out = stored(by_other_code, with_another_loss, on_another_processor)
    path = out / f"{NAME}-quick" / "plateau-seed1.json"
    content = json.loads(path.read_text())
    content["machine"] = provenance.machine()
    path.write_text(json.dumps(content))
    assert command(out, "--sample", "4") == 1
    assert "(0 the same, 3 explained, 1 unexplained)" in capsys.readouterr().out


def test_the_sample_is_drawn_the_same_way_each_time(stored):
    out = stored(by_other_code)
    assert verify(NAME, True, out, sample=2).lines == verify(NAME, True, out, sample=2).lines
    assert len(verify(NAME, True, out, sample=2).lines) == 3
    with pytest.raises(ValueError, match="sample must be ≥ 1, got 0"):
        verify(NAME, True, out, sample=0)


def test_an_unreadable_file_is_named_and_fails(stored, capsys):
    out = stored()
    (out / f"{NAME}-quick" / "constant-seed0.json").write_text("{")
    assert command(out) == 1
    printed = capsys.readouterr().out
    assert "3 runs, 3 by today's code" in printed
    assert "constant-seed0.json is not readable as JSON" in printed


@pytest.mark.slow
@pytest.mark.parametrize("name", ["grid", "first-steps", "effective-rates"])
def test_the_first_epoch_alone_is_the_first_epoch_of_the_whole_run(name):
    for arm, config in named(name, quick=True).arms.items():
        if name == "grid" and config.lr != 1e-3:
            continue
        config = replace(config, epochs=2)
        whole, alone = single.run_once(config, 0), single.first_epoch(config, 0)
        record = {**whole, "config": config.to_dict()}
        assert deviations(record, alone) == [], arm
        assert {len(alone["history"][column]) for column in store.COLUMNS} == {1}
        if config.schedule in ("exponential", "cosine", "warmup-cosine"):
            of_one_epoch = single.first_epoch(replace(config, epochs=1), 0)  # its schedule is over after the epoch
            assert deviations(record, of_one_epoch) != []
        assert deviations(record, single.first_epoch(config, 1)) != [], "another seed"


def test_the_first_update_that_differs_is_named(tmp_path):
    name = "first-steps"
    out = finished(tmp_path, name, (0,))
    record = store.results(name, quick=True, out=out).done["corrected", 0]
    again = single.first_epoch(named(name, quick=True).arms["corrected"], 0)
    record["history"]["step_loss"][4:] = [loss + 0.5 for loss in record["history"]["step_loss"][4:]]
    (found,) = deviations(record, again)
    assert found.startswith("step_loss by up to 0.5 from update 5 on (stored ")
    record["history"]["step_loss"].pop()
    assert deviations(record, again) == ["step_loss has 12 values, here 13"]


def made_up_cifar10_run(folder):
    """A stored run on CIFAR-10 that no code computed."""
    experiment = named("first-look")
    config = experiment.arms["adam"]
    outcome = {
        "history": {column: [0.5] * config.epochs for column in store.COLUMNS},
        "effective_rates": None,
        "best_epoch": 1,
        "test_accuracy": {"best": 0.5, "last": 0.5, "tail": [0.5] * min(5, config.epochs)},
        "diverged": None,
        "data": {"name": "cifar10", "sha256": "0" * 64, "what": "no data"},
        "code_sha256": "0" * 64,
        "versions": {},
        "machine": {"cpu": "none", "cores": 0},
        "threads": 1,
        "seconds": 1.0,
    }
    store.save(folder, experiment, "adam", 0, outcome)


def test_missing_data_is_an_error_in_one_line(tmp_path, monkeypatch, capsys):
    made_up_cifar10_run(tmp_path)
    monkeypatch.setenv("MINIGRAD_DATA", str(tmp_path / "nowhere"))
    images._load.cache_clear()
    images.describe_data.cache_clear()
    assert cli.main(["experiment", "verify", "first-look", "--out", str(tmp_path)]) == 1
    error = capsys.readouterr().err
    head = "minigrad: error: first-look: 1 runs, 0 by today's code, 1 by other code; no first epoch can be repeated: "
    assert error.startswith(head)
    assert "minigrad data cifar10 --download" in error
    assert len(error.splitlines()) == 1


def test_runs_on_other_data_are_not_repeated(stored):
    def on_other_data(content):
        content["data"] = {"name": "digits", "sha256": "12" * 32, "what": "other digits"}

    with pytest.raises(ValueError, match=r"can't be done again here: it was computed on other digits"):
        verify(NAME, True, stored(by_other_code, on_other_data))


def test_without_runs_the_error_names_the_command_to_run(tmp_path, capsys):
    assert command(tmp_path) == 1
    assert f"no finished run of {NAME}-quick: `minigrad experiment run {NAME} --quick` first" in capsys.readouterr().err


def test_all_verifies_every_experiment(tmp_path, stored, capsys):
    assert cli.main(["experiment", "verify", "--quick", "--out", str(stored())]) == 1
    printed = capsys.readouterr()
    assert f"{NAME}-quick: 4 runs" in printed.out
    assert "no finished run of grid-quick" in printed.err
