"""Run what is missing of an experiment: on this machine's cores, or on a Dask cluster."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path

from minigrad.arguments import integer
from minigrad.data import optional
from minigrad_book.tools.experiments import provenance, store
from minigrad_book.tools.experiments.chapters import named
from minigrad_book.tools.experiments.config import Config, Experiment
from minigrad_book.tools.experiments.images import describe_data, load_data
from minigrad_book.tools.experiments.single import run_once
from minigrad_book.tools.experiments.store import Scan, StoredRun
from minigrad_book.tools.experiments.timing import Bar, progress_bar

Run = tuple[str, int]  # an arm's name and a seed
Stop = Callable[[Iterable[Future[StoredRun]]], None]
MOST_SEEDS = 10_000
POLL = 5.0  # seconds


def run(
    name: str,
    seeds: Sequence[int] | None = None,
    jobs: int = 1,
    quick: bool = False,
    dask: str | None = None,
    out: str | os.PathLike[str] | None = None,
    executor: Executor | None = None,
    progress: bool | Bar = True,
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
        The files are written here, by the process that calls this. Where two processes with one scheduler want the same
        runs at the same time, the cluster does each of them once.
    out
        Folder of the results. ``None``: the chapter's in a checkout of the book; elsewhere, and for quick versions,
        ``results``.
    progress
        Show a bar with the finished runs and the time left, and at the end print what is stored where; or a bar that
        `bar_over` made, to show several experiments as one.

    Raises
    ------
    ValueError, TypeError
        An unknown name, bad seeds, or a stored file that holds something else than the run it is named after: then
        nothing is run. Or the data isn't what the stored runs were computed on: then nothing more is run.
    OSError
        The data is missing or the folder can't be written to: then nothing is run.
    RuntimeError
        Runs failed; the message lists them with the reasons. The others are stored.
    ConnectionError
        The Dask cluster lost its scheduler. What was finished before is stored.
    """
    experiment = named(name, quick)
    chosen = _chosen_seeds(experiment, seeds)
    jobs = integer("jobs", jobs, least=1)
    folder = store.default_out(experiment) if out is None else Path(out)
    found = store.scan(experiment, folder)
    for complaint in found.unreadable:
        print(f"{complaint}: it counts as missing", file=sys.stderr)
    here = executor is None and dask is None
    wanted = _wanted(experiment, chosen)
    missing = [one for one in wanted if one not in found.done]
    if here:
        again = _half_elsewhere(missing, found)
        for seed, runs in again.items():
            print(_why_again(seed, [found.done[one] for one in runs]), file=sys.stderr)
        missing = [one for one in wanted if one in missing or one in again.get(one[1], ())]
    if missing:
        stored = [one for one in wanted if one not in missing]
        with _bar(experiment, stored, missing, progress) as bar:
            _check_data(experiment, missing, found, folder, here)
            _check_writable(folder / experiment.name)
            with _executor(executor, dask, min(jobs, len(missing))) as (pool, stop, lost):
                failed = _run_all(experiment, missing, found, pool, stop, lost, folder, bar)
        if dask is not None and any(isinstance(error, CancelledError) for error in failed.values()):
            kept = sum(one in found.done for one in wanted)
            raise ConnectionError(
                f"{experiment.name}: the Dask cluster at {dask} has lost its scheduler; {kept} of {len(wanted)} runs "
                f"are finished and stored in {folder / experiment.name}, `run` again does the others"
            )
        if failed:
            reasons = "".join(f"\n  {arm}, seed {seed}: {_why(error)}" for (arm, seed), error in failed.items())
            raise RuntimeError(f"{len(failed)} of {len(missing)} runs failed; `run` again does those:{reasons}")
    if progress:
        write = progress.write if isinstance(progress, Bar) else print
        write(_summary(experiment, [found.done[one] for one in wanted], len(missing), folder))
    return [store.path_of(folder, experiment, *one) for one in wanted]


@contextmanager
def bar_over(
    names: Iterable[str],
    seeds: Sequence[int] | None = None,
    quick: bool = False,
    out: str | os.PathLike[str] | None = None,
) -> Iterator[Bar]:
    """One progress bar for several calls of `run`, over all of their runs; a file that is there counts as finished."""
    plans: dict[str, tuple[list[Config], list[Config]]] = {}
    for experiment in (named(name, quick) for name in names):
        folder = store.default_out(experiment) if out is None else Path(out)
        done, missing = plans.setdefault(experiment.name, ([], []))
        for arm, seed in _wanted(experiment, _chosen_seeds(experiment, seeds)):
            there = store.path_of(folder, experiment, arm, seed).exists()
            (done if there else missing).append(experiment.arms[arm])
    with progress_bar(plans) as bar:
        yield bar


@contextmanager
def _bar(
    experiment: Experiment, stored: Iterable[Run], missing: Iterable[Run], progress: bool | Bar
) -> Iterator[Bar | None]:
    """The bar to show the runs on, a new one or one over several experiments; none without `progress`."""
    done, todo = ([experiment.arms[arm] for arm, _ in runs] for runs in (stored, missing))
    if isinstance(progress, Bar):
        progress.start(experiment.name, todo)
        try:
            yield progress
        finally:
            progress.stop(experiment.name)
    elif progress:
        with progress_bar({experiment.name: (done, todo)}) as bar:
            bar.start(experiment.name, todo)
            yield bar
    else:
        yield None


def _chosen_seeds(experiment: Experiment, seeds: Sequence[int] | None) -> list[int]:
    """The seeds, each once."""
    return list(dict.fromkeys(experiment.seeds if seeds is None else (integer("a seed", s, least=0) for s in seeds)))


def _wanted(experiment: Experiment, seeds: Iterable[int]) -> list[Run]:
    """The runs in the order in which they are done: pairs are completed one after the other."""
    return [(arm, seed) for seed in seeds for arm in experiment.arms]


def parse_seeds(text: str) -> tuple[int, ...]:
    """``"0-4"``, ``"0,2,5"`` or ``"0-2,7"`` as numbers, each once; `ValueError` for anything else."""
    seeds: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not (first.isdecimal() and (last.isdecimal() if dash else True)) or (dash and int(last) < int(first)):
            raise ValueError(f"seeds must look like 0-4 or 0,2,5; got {text!r}")
        start, stop = int(first), int(last if dash else first) + 1
        if len(seeds) + stop - start > MOST_SEEDS:
            raise ValueError(f"there may be {MOST_SEEDS:,} seeds at most, got {text!r}")
        seeds += range(start, stop)
    return tuple(dict.fromkeys(seeds))


def _half_elsewhere(missing: Iterable[Run], found: Scan) -> dict[int, list[Run]]:
    """By seed, the finished runs that another kind of machine computed, where runs of the same seed are missing.

    Runs of one seed are compared with each other, and between two kinds of processor rounding differs.
    """
    again: dict[int, list[Run]] = {seed: [] for _, seed in missing}
    for run, record in found.done.items():
        if run[1] in again and provenance.elsewhere(record):
            again[run[1]].append(run)
    return {seed: runs for seed, runs in again.items() if runs}


def _why_again(seed: int, records: list[StoredRun]) -> str:
    reasons = sorted({", ".join(provenance.elsewhere(record)) for record in records})
    return (
        f"seed {seed}: {len(records)} finished runs count as missing: the runs of a seed are compared, so one kind of "
        f"machine has to compute all of them, and these were computed with {'; '.join(reasons)}"
    )


def _check_data(experiment: Experiment, missing: list[Run], found: Scan, folder: Path, here: bool) -> None:
    """Before anything is started, check that the data is there and is the data of the stored runs."""
    config = experiment.arms[missing[0][0]]
    try:
        if here:
            load_data(config)
        data = describe_data(config.data) if found.done else None
    except (OSError, ImportError, ValueError):
        if here:
            raise
        return  # other machines may have it; what they send is checked
    if data is not None:
        store.check_data(folder, experiment, found, data)


def _run_all(
    experiment: Experiment,
    missing: list[Run],
    found: Scan,
    executor: Executor,
    stop: Stop,
    lost: Callable[[], bool],
    folder: Path,
    bar: Bar | None,
) -> dict[Run, BaseException]:
    """Submit the missing runs, store each when it is finished, and return those that failed."""
    failed: dict[Run, BaseException] = {}
    futures: dict[Future[StoredRun], Run] = {}
    try:
        for arm, seed in missing:
            futures[executor.submit(run_once, experiment.arms[arm], seed)] = arm, seed
        for future in _finished(futures, lost):
            arm, seed = futures.pop(future)
            if error := _error(future):
                failed[arm, seed] = error
                continue
            outcome = future.result()
            store.check_data(folder, experiment, found, outcome["data"])
            try:
                store.save(folder, experiment, arm, seed, outcome)
            except (OSError, ValueError) as unsaved:
                failed[arm, seed] = unsaved
                continue
            found.done[arm, seed] = outcome
            if bar:
                bar.advance(experiment.name, experiment.arms[arm], f"{arm}, seed {seed}", outcome)
    except BaseException:
        stop(futures)
        raise
    return failed


def _finished(futures: Iterable[Future[StoredRun]], lost: Callable[[], bool]) -> Iterator[Future[StoredRun]]:
    """The futures as they finish. Those that wait for a cluster which is lost, twice in a row, are cancelled.

    Dask cancels most of them itself, but not one whose result was on its way.
    """
    submitted = list(futures)
    waiting = set(submitted)
    before = False
    while waiting:
        done, waiting = wait(waiting, timeout=POLL, return_when=FIRST_COMPLETED)
        yield from [future for future in submitted if future in done]  # in order
        now = not done and lost()
        if now and before:
            yield from [future for future in waiting if future.cancel()]
            return
        before = now


def _error(future: Future[StoredRun]) -> BaseException | None:
    try:
        return future.exception()
    except CancelledError as cancelled:
        return cancelled


def _why(error: BaseException) -> str:
    return "cancelled: the executor is gone" if isinstance(error, CancelledError) else str(error)


def _summary(experiment: Experiment, records: list[StoredRun], new: int, folder: Path) -> str:
    where = folder / experiment.name
    if new:
        return f"{experiment.name}: {len(records)} finished runs in {where}"
    data = "; ".join(sorted({record["data"]["what"] for record in records}))
    return (
        f"{experiment.name}: all {len(records)} runs are stored in {where} ({data}); nothing was run. "
        "To compute them again, give --out another folder"
    )


@contextmanager
def _executor(
    given: Executor | None, dask: str | None, jobs: int
) -> Iterator[tuple[Executor, Stop, Callable[[], bool]]]:
    """Where to run, what to call with the unfinished runs when no more should run, and whether the place is lost."""
    if given is not None:
        yield given, _cancel, lambda: False
    elif dask is not None:
        client = optional("distributed", "experiments").Client(dask)
        log = logging.getLogger("distributed.client")
        level = log.level
        log.setLevel(logging.CRITICAL)  # a lost scheduler is an error here, which needs no traceback of the client's
        try:
            # pure: a run's result depends on its arguments alone
            yield client.get_executor(pure=True), _cancel, lambda: client.status != "running"
        finally:
            client.close()
            log.setLevel(level)
    else:
        context = multiprocessing.get_context("spawn")  # a fork would copy the threads' locks, but not the threads
        theirs, ours = context.Pipe(duplex=False)
        with theirs, ours, ProcessPoolExecutor(jobs, context, initializer=_worker, initargs=(theirs,)) as pool:
            yield pool, lambda futures: ours.close(), lambda: False


def _cancel(futures: Iterable[Future[StoredRun]]) -> None:
    for future in futures:
        future.cancel()


def _worker(pipe: Connection) -> None:
    """Begin a worker: it ends, in the middle of a run if need be, when the other end of the pipe is closed.

    The process that runs the sweep closes it when it is interrupted, the system when that process is killed.
    """
    # Ctrl-C goes to all processes of a terminal; the one that runs the sweep deals with it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        with suppress(EOFError, OSError):
            pipe.recv()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _check_writable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OSError(f"can't write results to {folder}: {error}") from error
