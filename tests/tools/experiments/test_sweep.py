"""Sweeps: what is run, what is kept, and what survives a kill."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from minigrad import models
from minigrad.tensor import Tensor
from minigrad.train import evaluate
from minigrad_book.tools.experiments import (
    Config,
    images,
    load,
    named,
    parse_seeds,
    provenance,
    rerun,
    run,
    single,
    store,
    sweep,
)

pytest.importorskip("sklearn")

NAME = "article-1"  # two arms


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The quick version's four runs, in this process."""
    out = tmp_path_factory.mktemp("results")
    with ThreadPoolExecutor(1) as executor:
        return out, run(NAME, quick=True, out=out, executor=executor, progress=False)


def made_up(config, **changes):
    """The outcome of a run that nobody did."""
    return {
        "history": {column: [0.5] * config.epochs for column in store.COLUMNS},
        "effective_rates": None,
        "best_epoch": 1,
        "test_accuracy": {"best": 0.5, "last": 0.5, "tail": [0.5] * min(5, config.epochs)},
        "diverged": None,
        "data": images.describe_data(config.data),
        "code_sha256": "0",
        "versions": {},
        "machine": {"cpu": "none", "cores": 0},
        "threads": 1,
        "seconds": 1.0,
    } | changes


@pytest.fixture
def counted(monkeypatch):
    """An executor's worth of runs, counted and cheap."""
    done = []

    def fake(config, seed):
        done.append((config.schedule, seed))
        return made_up(config)

    monkeypatch.setattr(sweep, "run_once", fake)
    return done


def quick(out, seeds=(0, 1), **options):
    with ThreadPoolExecutor(1) as executor:
        return run(NAME, seeds, quick=True, out=out, executor=executor, progress=False, **options)


def measured(outcome):
    """What must be the same when a run is done again: everything but times."""
    history = {name: column for name, column in outcome["history"].items() if name != "seconds"}
    return history, outcome["test_accuracy"], outcome["best_epoch"], outcome["effective_rates"]


def test_a_finished_run_holds_everything_about_itself(finished):
    out, paths = finished
    assert sorted(path.name for path in out.rglob("*.json")) == sorted(path.name for path in paths)
    record = load(paths[0])
    assert record["config"] == named(NAME, quick=True).arms[record["arm"]].to_dict()
    assert set(record["history"]) == {"loss", "accuracy", "val_loss", "val_accuracy", "lr", "seconds"}
    assert {len(column) for column in record["history"].values()} == {3}
    assert record["data"]["what"] == "scikit-learn's digits"
    assert len(record["data"]["sha256"]) == 64
    assert {"numpy", "numba", "python", "minigrad"} <= record["versions"].keys()
    assert record["code_sha256"] == provenance.code_sha256()
    assert record["machine"]["cores"] == os.cpu_count()
    best = int(np.argmax(record["history"]["val_accuracy"]))
    assert record["best_epoch"] == best + 1
    accuracies = record["test_accuracy"]
    assert accuracies["last"] == accuracies["tail"][-1] > 0.3, "it learns: chance is 0.1"
    assert len(accuracies["tail"]) == 3
    assert paths[0].stat().st_size < 5_000


def test_a_run_is_reproducible_from_its_file_alone_to_the_last_bit(finished):
    _, paths = finished
    assert measured(rerun(paths[0])) == measured(load(paths[0]))
    assert measured(rerun(paths[0])) != measured(load(paths[2])), "another seed is another run"


def test_the_arms_of_a_pair_begin_alike(finished):
    out, _ = finished
    done = store.results(NAME, quick=True, out=out).done
    for seed in (0, 1):
        constant, plateau = done["constant", seed]["history"], done["plateau", seed]["history"]
        assert constant["loss"][0] == plateau["loss"][0]
    assert done["constant", 0]["history"]["loss"][0] != done["constant", 1]["history"]["loss"][0]


def test_best_and_last_epoch_are_told_apart():
    assert single.best_epoch([0.1, 0.3, 0.2, 0.3]) == 2
    assert single.best_epoch([]) is None


def test_a_run_that_diverges_is_a_result():
    config = replace(named(NAME, quick=True).arms["constant"], lr=1e30)
    with np.errstate(all="ignore"):
        outcome = single.run_once(config, 0)
    assert "loss is" in outcome["diverged"]
    assert len(outcome["history"]["loss"]) < config.epochs


def test_a_run_that_diverges_keeps_the_updates_of_its_unfinished_epoch(monkeypatch):
    losses = iter([2.0, 1.0, float("inf")])
    monkeypatch.setattr(Tensor, "item", lambda self: next(losses))
    monkeypatch.setattr(single, "evaluate", lambda model, pair: (0.0, 0.1))
    outcome = single.run_once(replace(named(NAME, quick=True).arms["constant"], record_steps=True), 0)
    assert "loss is inf" in outcome["diverged"]
    assert outcome["history"]["step_loss"] == [2.0, 1.0]
    assert outcome["history"]["loss"] == []


def test_the_best_epochs_weights_are_tested_not_the_last_ones(monkeypatch):
    config = replace(named(NAME, quick=True).arms["constant"], epochs=1)
    first = single.run_once(config, 0)
    fit, epochs = single.fit, []

    def fit_once(model, *arguments):
        history = fit(model, *arguments)
        epochs.append(history)
        if len(epochs) == 2:
            model.load_state_dict({name: 0 * value for name, value in model.state_dict().items()})
            history.val_accuracy[:] = [0.0]
        return history

    monkeypatch.setattr(single, "fit", fit_once)
    spoiled = single.run_once(replace(config, epochs=2), 0)
    assert spoiled["best_epoch"] == 1
    good = first["test_accuracy"]["last"]
    assert spoiled["test_accuracy"] == {"best": good, "last": pytest.approx(0.1), "tail": [good, pytest.approx(0.1)]}
    assert good > 0.15


def test_the_source_is_looked_at_before_the_run(monkeypatch):
    calls = []
    train = single._train
    monkeypatch.setattr(single, "code_sha256", lambda: calls.append("code"))
    monkeypatch.setattr(single, "_train", lambda *arguments: calls.append("train") or train(*arguments))
    single.run_once(replace(named(NAME, quick=True).arms["constant"], epochs=1), 0)
    assert calls == ["code", "train"]


def test_averaged_weights_are_those_that_are_validated_and_tested(monkeypatch):
    config = replace(named(NAME, quick=True).arms["constant"], average=0.9)
    models_seen, train_epoch = [], single.fit
    monkeypatch.setattr(
        single, "fit", lambda model, *rest: models_seen.append((model, rest[-1])) or train_epoch(model, *rest)
    )
    outcome, plain = single.run_once(config, 0), single.run_once(replace(config, average=0.0), 0)
    assert outcome["history"]["loss"] == plain["history"]["loss"], "training is the same"
    assert outcome["history"]["val_accuracy"] != plain["history"]["val_accuracy"]
    model, average = models_seen[2]
    with average.applied():
        assert evaluate(model, images.load_data(config)[2])[1] == outcome["test_accuracy"]["last"]
        assert evaluate(model, images.load_data(config)[1])[1] == outcome["history"]["val_accuracy"][-1]


def test_varied_images_are_shifted_and_mirrored_and_drawn_by_the_seed():
    rng = np.random.default_rng(0)
    originals = rng.integers(1, 256, (2000, 2, 6, 5)).astype(np.uint8)
    varied = images.flip_and_crop(originals, np.random.default_rng(1))
    assert (varied.shape, varied.dtype) == (originals.shape, originals.dtype)
    assert (varied == images.flip_and_crop(originals, np.random.default_rng(1))).all()
    assert (varied != images.flip_and_crop(originals, np.random.default_rng(2))).any()
    padded = np.pad(originals, ((0, 0), (0, 0), (4, 4), (4, 4)))
    seen = {}
    for image, wide in zip(varied, padded, strict=True):
        found = [
            (row, column, mirrored)
            for row in range(9)
            for column in range(9)
            for mirrored in (False, True)
            if (image == wide[:, row : row + 6, column : column + 5][..., :: -1 if mirrored else 1]).all()
        ]
        if len(found) == 1:
            seen[found[0]] = seen.get(found[0], 0) + 1
    assert len(seen) == 162, "every shift, mirrored and not"
    assert abs(sum(n for (*_, mirrored), n in seen.items() if mirrored) / sum(seen.values()) - 0.5) < 0.05


def test_a_run_with_varied_images_is_repeatable_and_starts_as_the_plain_one(monkeypatch):
    config = replace(named(NAME, quick=True).arms["constant"], augment=True, epochs=2)
    first, second = single.run_once(config, 0), single.run_once(config, 0)
    plain = single.run_once(replace(config, augment=False), 0)
    assert measured(first) == measured(second)
    assert first["history"]["loss"] != plain["history"]["loss"]
    orders = []
    monkeypatch.setattr(
        single, "fit", lambda *arguments: orders.append(arguments[7].bit_generator.state) or single.History()
    )
    for one in (config, replace(config, augment=False)):
        single._train(one, 0, 1)
    assert orders[0] == orders[1], "the same order of the images"


def test_an_mlp_sees_the_digits_as_they_are_and_learns():
    config = Config("digits", 400, 200, 300, model="mlp", lr=1e-2, epochs=6)
    assert images.load_data(config)[0][0].shape == (400, 1, 8, 8)
    assert images.load_data(replace(config, model="lenet5"))[0][0].shape == (400, 1, 32, 32)
    outcome = single.run_once(config, 0)
    assert outcome["test_accuracy"]["last"] > 0.8
    assert len(outcome["test_accuracy"]["tail"]) == 5


def test_a_seed_is_finished_on_one_kind_of_machine(counted, tmp_path, capsys, monkeypatch):
    """What another processor computed is done again where runs of its seed are missing, and kept where none is."""
    experiment = named(NAME, quick=True)
    here, there = provenance.machine(), provenance.machine() | {"cpu": "abacus"}
    versions = provenance.versions()
    for arm, seed, machine in (
        ("constant", 0, there),
        ("constant", 1, there),
        ("plateau", 1, there),
        ("plateau", 2, here),
    ):
        made = made_up(experiment.arms[arm], machine=machine, versions=versions)
        store.save(tmp_path, experiment, arm, seed, made)
    monkeypatch.setattr(sweep, "ProcessPoolExecutor", lambda *arguments, **options: ThreadPoolExecutor(1))
    run(NAME, (0, 1, 2), quick=True, out=tmp_path, progress=False)
    assert sorted(counted) == [("constant", 0), ("constant", 2), ("plateau", 0)]
    said = capsys.readouterr().err
    assert "seed 0: 1 finished runs count as missing" in said
    assert "cpu abacus, here" in said
    assert "seed 1" not in said


def test_unknown_bytes_are_not_called_cifar10(monkeypatch):
    pair = np.zeros((10, 3, 32, 32), np.uint8), np.arange(10)
    monkeypatch.setattr(images, "_load", lambda name: (pair, pair))
    assert images.describe_data.__wrapped__("cifar10")["what"] == "unknown data in CIFAR-10's binary format"


def test_runs_at_the_same_time_use_one_thread_each_and_then_the_setting_is_as_before(monkeypatch):
    threads = [2]
    monkeypatch.setattr(single, "get_num_threads", lambda: threads[-1])
    monkeypatch.setattr(single, "set_num_threads", threads.append)
    first_is_in, second_is_out, during = threading.Event(), threading.Event(), []

    def train(config, seed, epochs):
        if seed == 0:
            first_is_in.set()
            assert second_is_out.wait(60)
        during.append(threads[-1])
        return None, None, {}

    monkeypatch.setattr(single, "_train", train)
    config = named(NAME, quick=True).arms["constant"]
    with ThreadPoolExecutor(2) as executor:
        first = executor.submit(single.first_epoch, config, 0)
        assert first_is_in.wait(60)
        executor.submit(single.first_epoch, config, 1).result()
        second_is_out.set()
        first.result()
    assert during == [1, 1]
    assert threads == [2, 1, 2]


def test_steps_and_effective_rates_are_recorded_on_request():
    config = replace(named(NAME, quick=True).arms["plateau"], epochs=1, record_steps=True, record_rates=True)
    outcome = single.run_once(config, 0)
    assert len(outcome["history"]["step_loss"]) == config.steps == 13
    assert outcome["effective_rates"].keys() == {"0.weight", "3.weight", "7.weight", "9.weight", "11.weight", "all"}
    (row,) = outcome["effective_rates"]["all"]
    assert row == sorted(row)


def test_the_percentiles_are_those_of_the_optimizers_rates():
    from minigrad import optim

    model = models.MLP([2, 2], rng=0)
    optimizer = optim.Adam(model.parameters(), lr=0.5, eps=0.0)
    for parameter in model.parameters():
        parameter.grad = np.full_like(parameter.data, 4.0)
    optimizer.step()
    rates = single._EffectiveRates(model, optimizer)
    rates.record()
    assert rates.percentiles == {"1.weight": [[0.125] * 5], "all": [[0.125] * 5]}


def test_what_is_done_is_skipped(counted, tmp_path):
    quick(tmp_path, seeds=(0,))
    quick(tmp_path, seeds=(0, 1))
    assert counted == [("constant", 0), ("plateau", 0), ("constant", 1), ("plateau", 1)]


@pytest.mark.parametrize("damage", [b"", b"{", b"\xff\xfe{}", "half"])
def test_an_unreadable_file_is_reported_and_run_again(counted, tmp_path, capsys, damage):
    path = quick(tmp_path, seeds=(0,))[0]
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] if damage == "half" else damage)
    quick(tmp_path, seeds=(0,))
    assert f"{path} is not readable as JSON" in capsys.readouterr().err
    assert path.read_bytes() == whole
    assert len(counted) == 3


def changed(part, **values):
    return lambda record: record[part].update(values)


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        ({}, r"\(format 1, 2 or 3\): it needs an object with that format, got \{\}"),
        ([1], r"it needs an object with that format, got \[1\]"),
        ({"my": "notes"}, "got {'my': 'notes'}"),
        (lambda r: r.update(format=4), "it needs an object with that format"),
        (lambda r: r.update(notes="mine"), r"unknown \['notes'\], missing \[\]"),
        (lambda r: r.pop("seconds"), r"missing \['seconds'\]"),
        (lambda r: r.update(format=1), r"unknown \['code_sha256'\], missing \[\]"),
        (lambda r: r.update(code_sha256=1), "code_sha256 must be a text"),
        (changed("config", momentum=0.9), r"not a configuration: unknown \['momentum'\]"),
        (lambda r: r["config"].pop("eps"), r"missing \['eps'\]"),
        (changed("config", schedule="lineal"), "schedule must be one of"),
        (lambda r: r.update(config=None), "config must be an object"),
        (lambda r: r.update(seed="0"), "seed must be an integer"),
        (lambda r: r.update(test_accuracy=None), "test_accuracy must be an object with best, last, got None"),
        (changed("test_accuracy", last=1.5), r"test_accuracy.last must lie in \[0, 1\], got 1.5"),
        (changed("test_accuracy", tail=[0.5]), r"test_accuracy.tail must hold 3 numbers, got 1"),
        (changed("test_accuracy", tail=[0.5, 0.5, -1]), r"test_accuracy.tail\[2\] must lie in \[0, 1\], got -1"),
        (lambda r: r["test_accuracy"].pop("tail"), "test_accuracy must be an object with tail"),
        (changed("test_accuracy", best="0.5"), "test_accuracy.best must be a number"),
        (lambda r: r.update(history={"loss": [1, 1, 1]}), "history must be an object with loss, accuracy, val_loss"),
        (changed("history", loss=[0.5, 0.5]), r"must be equally long, got \[2, 3\]"),
        (lambda r: [column.pop() for column in r["history"].values()], "it holds 2 epochs of 3"),
        (changed("history", lr=[1, 1, float("nan")]), "history.lr must be finite, got nan"),
        (changed("history", lr=["1", 1, 1]), "history.lr must be a number, got '1'"),
        (changed("history", lr="111"), "history.lr must be a list of numbers, got '111'"),
        (lambda r: r.update(best_epoch=4), "best_epoch must be ≤ 3"),
        (lambda r: r.update(best_epoch=None), "best_epoch must be an integer, got None"),
        (lambda r: r.update(data=None), "data must be an object with name, sha256, what, got None"),
        (changed("data", what=3), "data.what must be a text, got 3"),
        (lambda r: r.update(machine={}), "machine must be an object with cpu, cores"),
        (lambda r: r.update(versions="1"), "versions must be an object"),
        (lambda r: r.update(diverged=0), "diverged must be a text"),
    ],
)
def test_a_file_of_something_else_is_refused_and_nothing_is_run_or_overwritten(counted, tmp_path, damage, says):
    path = quick(tmp_path, seeds=(0,))[0]
    record = json.loads(path.read_text()) if callable(damage) else damage
    if callable(damage):
        damage(record)
    path.write_text(text := json.dumps(record))
    counted.clear()
    with pytest.raises(ValueError, match=f"{says}.*nothing was overwritten"):
        quick(tmp_path, seeds=(0, 1))
    assert path.read_text() == text
    assert counted == []


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"effective_rates": {}}, "effective_rates must be an object with all"),
        ({"effective_rates": {"all": [[1, 2, 3, 4, 5]]}}, "effective_rates.all must hold 2 rows"),
        ({"effective_rates": {"all": [[1, 2, 3, 4, 5], [1]]}}, "effective_rates.all must hold 5 percentiles"),
    ],
)
def test_what_is_recorded_on_request_must_be_there(tmp_path, changes, says):
    config = replace(named(NAME, quick=True).arms["constant"], epochs=2, record_rates=True)
    experiment = replace(named(NAME), arms={"arm": config})
    with pytest.raises(ValueError, match=says):
        load(store.save(tmp_path, experiment, "arm", 0, made_up(config, **changes)))
    steps = replace(experiment, arms={"arm": replace(config, record_rates=False, record_steps=True)})
    with pytest.raises(ValueError, match=r"history must be an object with .*step_loss, step_lr"):
        load(store.save(tmp_path, steps, "arm", 0, made_up(config)))


def test_a_run_that_diverged_at_once_is_whole(tmp_path):
    experiment = named("first-steps", quick=True)
    history = {column: [] for column in store.COLUMNS} | {"step_loss": [2.0], "step_lr": [0.1]}
    changes = {"best_epoch": None, "test_accuracy": {"best": 0.1, "last": 0.1, "tail": []}}
    made = made_up(experiment.arms["corrected"], history=history, diverged="the training loss is nan", **changes)
    store.save(tmp_path, experiment, "corrected", 0, made)
    assert store.scan(experiment, tmp_path).of("corrected")[0]["history"] == history


OTHER = {"name": "digits", "sha256": "12" * 32, "what": "other digits"}


@pytest.fixture
def on_other_data(tmp_path):
    """A folder with one run that was computed on other data than is here."""
    experiment = named(NAME, quick=True)
    return store.save(tmp_path, experiment, "constant", 7, made_up(experiment.arms["constant"], data=OTHER))


def test_runs_on_other_data_than_the_stored_ones_are_not_begun(counted, on_other_data, tmp_path):
    says = r"constant-seed7.json was computed on other digits \(SHA-256 12.*, not on scikit.*nothing was overwritten"
    with pytest.raises(ValueError, match=says):
        quick(tmp_path, seeds=(0,))
    assert counted == []


def test_a_process_without_the_data_keeps_no_run_on_other_data(counted, on_other_data, tmp_path, monkeypatch):
    def missing(name):
        raise FileNotFoundError("the data is elsewhere")

    monkeypatch.setattr(sweep, "describe_data", missing)
    with pytest.raises(ValueError, match="nothing was overwritten"):
        quick(tmp_path, seeds=(0,))
    assert list(tmp_path.rglob("*.json")) == [on_other_data]


def test_runs_on_two_sets_of_data_are_not_kept_in_one_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(
        sweep, "run_once", lambda config, seed: made_up(config, data=OTHER) if seed else made_up(config)
    )
    with pytest.raises(ValueError, match=r"constant-seed0.json was computed on scikit.*, not on other digits"):
        quick(tmp_path, seeds=(0, 1))
    assert sorted(path.name for path in tmp_path.rglob("*.json")) == ["constant-seed0.json", "plateau-seed0.json"]


def test_a_run_on_other_data_is_not_done_again(on_other_data):
    with pytest.raises(ValueError, match="can't be done again here: it was computed on other digits"):
        rerun(on_other_data)


def test_a_message_when_everything_is_stored(counted, tmp_path, capsys):
    with ThreadPoolExecutor(1) as executor:
        run(NAME, (0,), quick=True, out=tmp_path, executor=executor)
        assert f"{NAME}-quick: 2 finished runs in {tmp_path / NAME}-quick\n" in capsys.readouterr().out
        run(NAME, (0,), quick=True, out=tmp_path, executor=executor)
    told = capsys.readouterr().out
    assert "all 2 runs are stored in" in told
    assert "(scikit-learn's digits); nothing was run. To compute them again, give --out another folder" in told
    assert len(counted) == 2


def test_quick_results_are_never_stored_in_the_book(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert store.default_out(named(NAME)) == store.BOOK / "should_you_decay" / "results"
    (path, _) = quick(None, seeds=(0,))
    assert path == Path("results", f"{NAME}-quick", "constant-seed0.json")
    assert path.exists()
    assert store.results(NAME, quick=True).done.keys() == {("constant", 0), ("plateau", 0)}


def test_progress_is_shown(counted, tmp_path, capsys):
    with ThreadPoolExecutor(1) as executor:
        run(NAME, (0,), quick=True, out=tmp_path, executor=executor)
    assert "plateau, seed 0: test accuracy 0.5000, 0.5 s an epoch\n" in capsys.readouterr().out


def test_a_result_of_another_configuration_is_refused_and_nothing_is_run_or_overwritten(counted, tmp_path):
    path = quick(tmp_path, seeds=(0,))[1]
    record = json.loads(path.read_text())
    record["config"]["lr"] = 0.5
    path.write_text(text := json.dumps(record))
    counted.clear()
    with pytest.raises(ValueError, match=r"another configuration \(lr 0\.5, not 0\.001\); nothing was overwritten"):
        quick(tmp_path, seeds=(0, 1))
    assert path.read_text() == text
    assert counted == []


def test_a_renamed_result_is_refused(counted, tmp_path):
    path = quick(tmp_path, seeds=(0,))[0]
    path.rename(path.with_name("constant-seed7.json"))
    with pytest.raises(ValueError, match="seed 0, not 7"):
        quick(tmp_path, seeds=(7,))


def test_a_failed_run_is_told_and_the_others_are_kept(tmp_path, monkeypatch, counted):
    good = sweep.run_once

    def sometimes(config, seed):
        if seed == 1:
            raise MemoryError("no room")
        return good(config, seed)

    monkeypatch.setattr(sweep, "run_once", sometimes)
    with pytest.raises(RuntimeError, match=r"(?s)2 of 4 runs failed.*plateau, seed 1: no room"):
        quick(tmp_path)
    assert len(list(tmp_path.rglob("*.json"))) == 2


def test_a_run_that_cannot_be_stored_has_failed_and_the_others_go_on(tmp_path, monkeypatch, counted):
    save = store.save

    def full(out, experiment, arm, seed, outcome):
        if seed == 0:
            raise OSError("no space left")
        return save(out, experiment, arm, seed, outcome)

    monkeypatch.setattr(store, "save", full)
    with pytest.raises(RuntimeError, match=r"(?s)2 of 4 runs failed.*constant, seed 0: no space left"):
        quick(tmp_path)
    assert len(list(tmp_path.rglob("*.json"))) == 2


def test_runs_that_the_executor_gave_up_have_failed(tmp_path):
    class Gone(Executor):
        def submit(self, function, /, *arguments):
            future = Future()
            future.cancel()
            future.set_running_or_notify_cancel()
            return future

    with pytest.raises(RuntimeError, match=r"(?s)4 of 4 runs failed.*the executor is gone"):
        run(NAME, (0, 1), quick=True, out=tmp_path, executor=Gone(), progress=False)


@pytest.mark.parametrize(("seed", "error"), [(-1, ValueError), (1.5, TypeError), ("a", TypeError)])
def test_seeds_that_are_none_are_refused_before_anything_is_run(counted, tmp_path, seed, error):
    with pytest.raises(error, match=r"a seed must be .*, got "):
        quick(tmp_path, seeds=(0, seed))
    assert counted == []


def test_a_seed_given_twice_is_run_once(counted, tmp_path):
    assert len(quick(tmp_path, seeds=(np.int64(1), 1))) == 2
    assert len(counted) == 2


@pytest.mark.parametrize("text", ["0-999999999", "0-10000", "0-9999,10000", "1-" + "9" * 30])
def test_too_many_seeds_are_refused(text):
    with pytest.raises(ValueError, match="there may be 10,000 seeds at most, got "):
        parse_seeds(text)
    assert len(parse_seeds("0-9999")) == 10_000


@pytest.mark.parametrize(
    ("text", "seeds"), [("0", (0,)), ("0-4", (0, 1, 2, 3, 4)), ("3,1, 1-2", (3, 1, 2)), ("10-10", (10,))]
)
def test_seeds_are_parsed(text, seeds):
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize("text", ["", "a", "1-", "-1", "4-2", "1,,2", "1.5", "1-2-3"])
def test_malformed_seeds_are_refused(text):
    with pytest.raises(ValueError, match="seeds must look like"):
        parse_seeds(text)


def test_an_output_that_cannot_be_written_is_refused_before_anything_is_run(counted, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="can't write results to"):
        quick(tmp_path / "file" / "results")
    (tmp_path / f"{NAME}-quick").write_text("")
    with pytest.raises(OSError, match=f"can't write results to .*{NAME}-quick"):
        quick(tmp_path)
    assert counted == []


def test_missing_data_is_told_before_anything_is_started(tmp_path, monkeypatch):
    monkeypatch.setenv("MINIGRAD_DATA", str(tmp_path / "nowhere"))
    images._load.cache_clear()
    with pytest.raises(FileNotFoundError, match="minigrad data cifar10 --download"):
        run(NAME, out=tmp_path, progress=False)
    assert list(tmp_path.iterdir()) == []


def wait_for(condition, process=None, seconds=120):
    deadline = time.monotonic() + seconds
    while not condition():
        assert process is None or process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.02)


def alive(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.slow
def test_a_kill_loses_only_unfinished_runs_and_leaves_no_process(finished, tmp_path):
    command = [sys.executable, "-m", "minigrad", "experiment", "run", NAME, "--quick", "--seeds", "0-19"]
    command += ["--out", str(tmp_path)]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    wait_for(lambda: len(list(tmp_path.rglob("*.json"))) >= 3, process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    wait_for(lambda: not alive(process.pid))
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.json")}
    assert 3 <= len(before) < 40
    for path in before:
        load(path)  # whole, all of them
    paths = run(NAME, (0, 1), quick=True, out=tmp_path, progress=False)
    assert all(path.exists() for path in paths)
    assert all(path.stat().st_mtime_ns == time for path, time in before.items()), "nothing is done twice"
    for path, here in zip(paths, finished[1], strict=True):
        assert measured(load(path)) == measured(load(here)), "in another process, the same to the last bit"


SLOW = """
import signal, sys, time
from pathlib import Path
from minigrad_book.tools.experiments import run, sweep

def endless(config, seed):
    Path(sys.argv[1], f"{config.schedule}-{seed}").touch()
    time.sleep(600)

sweep.run_once = endless
if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    run("article-1", quick=True, jobs=2, out=sys.argv[1], progress=False)
"""


@pytest.mark.slow
@pytest.mark.parametrize("send", [os.kill, os.killpg], ids=["to the sweep alone", "to all, as a terminal does"])
def test_ctrl_c_ends_the_runs_and_starts_no_others(tmp_path, send):
    script = tmp_path / "slow.py"
    script.write_text(SLOW)
    command = [sys.executable, str(script), str(tmp_path)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        wait_for(lambda: len(list(tmp_path.glob("*-[0-9]"))) == 2, process)
        send(process.pid, signal.SIGINT)
        _, error = process.communicate(timeout=30)
        wait_for(lambda: not alive(process.pid))
    finally:
        if alive(process.pid):
            os.killpg(process.pid, signal.SIGKILL)
    assert error.splitlines()[-1] == "KeyboardInterrupt"
    assert len(list(tmp_path.glob("*-[0-9]"))) == 2


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # Dask's own
def test_a_dask_cluster_loses_nothing_when_a_worker_is_killed(tmp_path):
    distributed = pytest.importorskip("distributed", reason="needs the extra `experiments`")
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None, "host": "127.0.0.1"}
    with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster) as client:
        client.run(single.load_data, named(NAME, quick=True).arms["constant"])
        pids = client.run(os.getpid)

        def kill_one_at_work():
            wait_for(lambda: list(tmp_path.rglob("*.json")) and any(client.processing().values()))
            busy = next(worker for worker, tasks in client.processing().items() if tasks)
            os.kill(pids[busy], signal.SIGKILL)
            killed.append(busy)

        killed = []
        killer = threading.Thread(target=kill_one_at_work)
        killer.start()
        paths = run(NAME, tuple(range(6)), quick=True, dask=cluster.scheduler_address, out=tmp_path, progress=False)
        killer.join()
    assert len(killed) == 1
    assert len(paths) == 12
    for path in paths:
        load(path)


CLUSTER = """
import time
from distributed import LocalCluster

if __name__ == "__main__":
    cluster = LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1", protocol="tcp")
    print(cluster.scheduler_address, flush=True)
    time.sleep(600)
"""


@pytest.fixture
def cluster(tmp_path):
    """A Dask cluster in processes of its own: its address, and a function that kills all of it."""
    pytest.importorskip("distributed", reason="needs the extra `experiments`")
    script = tmp_path / "cluster.py"
    script.write_text(CLUSTER)
    process = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True, start_new_session=True)

    def kill():
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    yield process.stdout.readline().strip(), kill
    kill()
    process.stdout.close()


def cheap_on_a_cluster(markers, seconds):
    """A run that waits for a file `go`, takes so long, and leaves a file with a name of its own.

    As a closure it's pickled whole: no worker imports it.
    """
    data = images.describe_data("digits")

    def run_once(config, seed):
        import time
        import uuid
        from pathlib import Path

        while not Path(markers, "go").exists():
            time.sleep(0.02)
        time.sleep(seconds)
        Path(markers, f"{config.schedule}-{seed}-{uuid.uuid4().hex}").touch()
        return {
            "history": {
                name: [0.5] * config.epochs
                for name in ("loss", "accuracy", "val_loss", "val_accuracy", "lr", "seconds")
            },
            "effective_rates": None,
            "best_epoch": 1,
            "test_accuracy": {"best": 0.5, "last": 0.5, "tail": [0.5] * 3},
            "diverged": None,
            "data": data,
            "code_sha256": "0",
            "versions": {},
            "machine": {"cpu": "none", "cores": 0},
            "threads": 1,
            "seconds": 1.0,
        }

    return run_once


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # Dask's own
def test_a_lost_scheduler_is_one_clear_error_and_the_sweep_goes_on_from_what_is_stored(
    cluster, tmp_path, monkeypatch, counted, capsys
):
    address, kill = cluster
    out, markers = tmp_path / "results", tmp_path / "markers"
    markers.mkdir()
    (markers / "go").touch()
    cheap = sweep.run_once
    monkeypatch.setattr(sweep, "run_once", cheap_on_a_cluster(str(markers), 0.3))

    def lose():
        wait_for(lambda: len(list(out.rglob("*.json"))) >= 3)
        kill()

    killer = threading.Thread(target=lose)
    killer.start()
    with pytest.raises(
        ConnectionError, match=rf"{NAME}-quick: the Dask cluster at {address} has lost its scheduler"
    ) as error:
        run(NAME, tuple(range(20)), quick=True, dask=address, out=out, progress=False)
    killer.join()
    stored = {path: path.stat().st_mtime_ns for path in out.rglob("*.json")}
    assert 3 <= len(stored) < 40
    assert f"; {len(stored)} of 40 runs are finished and stored in {out / NAME}-quick, `run` again does the" in str(
        error.value
    )
    assert "Traceback" not in capsys.readouterr().err
    for path in stored:
        load(path)
    monkeypatch.setattr(sweep, "run_once", cheap)
    assert len(quick(out, tuple(range(20)))) == 40
    assert len(counted) == 40 - len(stored), "only what was missing"
    assert all(path.stat().st_mtime_ns == time for path, time in stored.items())


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_two_clients_on_one_folder_lose_no_run_and_tear_no_file(cluster, tmp_path, monkeypatch):
    """With one scheduler they share the work: each run is done once."""
    import distributed

    address, _ = cluster
    out, markers = tmp_path / "results", tmp_path / "markers"
    markers.mkdir()
    monkeypatch.setattr(sweep, "run_once", cheap_on_a_cluster(str(markers), 0.2))
    torn = []

    def watch():
        while not done.is_set():
            for path in out.rglob("*.json"):
                try:
                    load(path)
                except ValueError as error:
                    torn.append(error)

    done = threading.Event()
    watcher = threading.Thread(target=watch)
    watcher.start()
    with ThreadPoolExecutor(2) as clients:
        sweeps = [
            clients.submit(run, NAME, seeds, quick=True, dask=address, out=out, progress=False)
            for seeds in (tuple(range(8)), tuple(range(4, 12)))
        ]
        with distributed.Client(address) as observer:
            wanted = lambda dask_scheduler: sum(len(task.who_wants) for task in dask_scheduler.tasks.values())  # noqa: E731
            wait_for(lambda: observer.run_on_scheduler(wanted) == 32)  # both have submitted all of theirs
        (markers / "go").touch()
        files = [one.result() for one in sweeps]
    done.set()
    watcher.join()
    assert torn == []
    assert [len(paths) for paths in files] == [16, 16]
    assert {path for paths in files for path in paths} == set(out.rglob("*.json"))
    assert len(store.results(NAME, quick=True, out=out).done) == 24
    assert not [path for path in (out / f"{NAME}-quick").iterdir() if path.suffix != ".json"], (
        "no part of a file is left"
    )
    assert len(list(markers.glob("*-*"))) == 24, "none was done twice"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.slow
def test_a_cluster_that_is_not_there_is_told(tmp_path):
    pytest.importorskip("distributed", reason="needs the extra `experiments`")
    import dask

    with dask.config.set({"distributed.comm.timeouts.connect": "1s"}), pytest.raises(OSError, match=r"127\.0\.0\.1:9"):
        run(NAME, quick=True, dask="tcp://127.0.0.1:9", out=tmp_path, progress=False)


def test_a_future_that_a_lost_cluster_never_finishes_is_cancelled(monkeypatch):
    monkeypatch.setattr(sweep, "POLL", 0.01)
    done, never = Future(), Future()
    done.set_result(1)
    assert list(sweep._finished([done, never], lambda: True)) == [done, never]
    assert never.cancelled()
    answers = iter([True, False, True, True])  # one moment without a connection isn't a loss
    late = Future()
    assert list(sweep._finished([late], lambda: next(answers))) == [late]
    assert next(answers, "all asked") == "all asked"
