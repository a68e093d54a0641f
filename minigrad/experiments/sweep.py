"""Run what is missing of an experiment: on this machine's cores, or on a Dask cluster."""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from minigrad.arguments import integer
from minigrad.data import optional
from minigrad.experiments import store
from minigrad.experiments.catalogue import find
from minigrad.experiments.config import Experiment
from minigrad.experiments.single import load_data, run_once

Run = tuple[str, int]  # an arm's name and a seed


def run(
    name: str,
    seeds: tuple[int, ...] | None = None,
    jobs: int = 1,
    quick: bool = False,
    dask: str | None = None,
    out: str | os.PathLike[str] | None = None,
    executor: Executor | None = None,
    progress: bool = True,
) -> list[Path]:
    """Do the runs of an experiment that aren't stored yet, and return the files of all of them.

    Parameters
    ----------
    name, quick
        The experiment, or its quick version.
    seeds
        ``None``: the experiment's own.
    jobs
        Runs at the same time, each in a process and on a thread of its own.
    dask, executor
        Where else to run: a Dask scheduler's address, or anything with the interface of `concurrent.futures.Executor`.
        The files are written here, by the process that calls this.
    out
        Folder of the results. ``None``: ``book/results`` where there is one, else ``results``.
    progress
        Show a bar that counts the finished runs.

    Raises
    ------
    ValueError
        An unknown name, bad seeds, or a stored run of another configuration: then nothing is run.
    OSError
        The data is missing or the folder can't be written to: then nothing is run.
    RuntimeError
        Runs failed; the message says which and why. The others are stored.
    """
    experiment = find(name, quick)
    seeds = experiment.seeds if seeds is None else seeds
    jobs = integer("jobs", jobs, least=1)
    folder = store.default_out() if out is None else Path(out)
    _check_writable(folder)
    found = store.scan(experiment, folder, seeds)
    for complaint in found.unreadable:
        print(f"{complaint}: running it again", file=sys.stderr)
    wanted = [(arm, seed) for seed in seeds for arm in experiment.arms]  # pairs are completed one after the other
    missing = [one for one in wanted if one not in found.done]
    if executor is None and dask is None and missing:
        load_data(experiment.arms[missing[0][0]])  # says at once what is missing
    with _executor(executor, dask, min(jobs, len(missing))) as chosen:
        failed = _run_all(experiment, missing, len(wanted), chosen, folder, progress)
    if failed:
        reasons = "".join(f"\n  {arm}, seed {seed}: {error}" for (arm, seed), error in failed.items())
        raise RuntimeError(f"{len(failed)} of {len(missing)} runs failed; `run` again does those:{reasons}")
    return [store.path_of(folder, experiment, *one) for one in wanted]


def parse_seeds(text: str) -> tuple[int, ...]:
    """``"0-4"``, ``"0,2,5"`` or ``"0-2,7"`` as numbers, each once; `ValueError` for anything else."""
    seeds: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not (first.isdecimal() and (last.isdecimal() if dash else True)) or (dash and int(last) < int(first)):
            raise ValueError(f"seeds must look like 0-4 or 0,2,5; got {text!r}")
        seeds += range(int(first), int(last if dash else first) + 1)
    return tuple(dict.fromkeys(seeds))


def _run_all(
    experiment: Experiment, missing: list[Run], total: int, executor: Executor, out: Path, progress: bool
) -> dict[Run, BaseException]:
    """Submit the missing runs, store each when it is finished, and return those that failed."""
    failed: dict[Run, BaseException] = {}
    futures: dict[Future[Any], Run] = {
        executor.submit(run_once, experiment.arms[arm], seed): (arm, seed) for arm, seed in missing
    }
    with _bar(experiment.name, total, total - len(missing), progress) as advance:
        try:
            for future in as_completed(futures):
                arm, seed = futures.pop(future)
                if error := future.exception():
                    failed[arm, seed] = error
                    continue
                store.save(out, experiment, arm, seed, future.result())
                advance(f"{arm}, seed {seed}", future.result())
        except BaseException:
            for future in futures:
                future.cancel()
            raise
    return failed


@contextmanager
def _executor(given: Executor | None, dask: str | None, jobs: int) -> Iterator[Any]:
    if given is not None:
        yield given
    elif jobs == 0:  # nothing is missing
        yield None
    elif dask is not None:
        client = optional("distributed", "experiments").Client(dask)
        try:
            yield client.get_executor(pure=False)
        finally:
            client.close()
    else:
        context = multiprocessing.get_context("spawn")  # a fork would copy the threads' locks, but not the threads
        with ProcessPoolExecutor(jobs, mp_context=context, initializer=_end_with_parent) as pool:
            yield pool


def _end_with_parent() -> None:
    """In a worker: exit when the process that runs the sweep is gone, even if it was killed."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def _bar(name: str, total: int, done: int, progress: bool) -> Iterator[Any]:
    """A function that tells of one more finished run: on tqdm's bar, or silently."""
    if not progress:
        yield lambda run, outcome: None
        return
    bar = optional("tqdm", "data").tqdm(total=total, initial=done, desc=name, unit="run")

    def advance(run: str, outcome: dict[str, Any]) -> None:
        seconds = outcome["history"]["seconds"]
        mean = f", {sum(seconds) / len(seconds):.1f} s an epoch" if seconds else ""
        bar.write(f"{run}: test accuracy {outcome['test_accuracy']['last']:.4f}{mean}")
        bar.update()

    with bar:
        yield advance


def _check_writable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OSError(f"can't write results to {folder}: {error}") from error
