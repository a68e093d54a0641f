"""Whether stored runs are what today's code computes: by the digest of the code, and by repeating first epochs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from minigrad.arguments import integer
from minigrad_book.tools.experiments import provenance, store
from minigrad_book.tools.experiments.chapters import named
from minigrad_book.tools.experiments.config import Config
from minigrad_book.tools.experiments.reporting import finished_runs
from minigrad_book.tools.experiments.single import first_epoch
from minigrad_book.tools.experiments.store import StoredRun

SAMPLE = 3
SAME, EXPLAINED, UNEXPLAINED = "the same", "explained", "unexplained"
EPOCH_COLUMNS = ("loss", "accuracy", "val_loss", "val_accuracy", "lr")


@dataclass(frozen=True)
class Verification:
    """What was found, line by line; and whether every difference is explained by the processor or the versions."""

    lines: list[str]
    explained: bool


def verify(
    name: str,
    quick: bool = False,
    out: str | os.PathLike[str] | None = None,
    sample: int = SAMPLE,
    always: bool = False,
) -> Verification:
    """Compare the stored runs' digests with today's code, and repeat the first epoch of some runs.

    Parameters
    ----------
    name, quick, out
        The experiment, or its quick version, and the folder of the results, as for `run`.
    sample
        How many runs to repeat; which ones is drawn with a fixed seed.
    always
        Draw from all runs; otherwise from those that other code computed.

    Raises
    ------
    FileNotFoundError
        No run is stored; or the data is missing, and a run has to be repeated.
    ValueError, TypeError
        An unknown name, a bad sample, or a stored run of another configuration or on other data than is here.
    """
    sample = integer("sample", sample, least=1)
    experiment = named(name, quick)
    folder = store.default_out(experiment) if out is None else Path(out)
    runs = finished_runs(name, quick, folder)
    other_code = [key for key, run in runs.done.items() if run.get("code_sha256") != provenance.code_sha256()]
    candidates = list(runs.done) if always else other_code
    drawn = np.random.default_rng(0).permutation(len(candidates))[:sample]
    repeated = [candidates[i] for i in sorted(drawn)]
    head = (
        f"{experiment.name}: {len(runs.done)} runs, {len(runs.done) - len(other_code)} by today's code, "
        f"{len(other_code)} by other code"
    )
    details, outcomes = [], []
    for arm, seed in repeated:
        run = runs.done[arm, seed]
        try:
            store.check_repeatable(store.path_of(folder, experiment, arm, seed), run)
            again = first_epoch(Config.from_dict(run["config"]), seed)
        except FileNotFoundError as error:
            raise FileNotFoundError(f"{head}; no first epoch can be repeated: {error}") from error
        found = deviations(run, again)
        outcome, words = _judge(found, provenance.elsewhere(run))
        outcomes.append(outcome)
        details.append(f"  {arm}, seed {seed}: {words}")
    counts = ", ".join(f"{outcomes.count(outcome)} {outcome}" for outcome in (SAME, EXPLAINED, UNEXPLAINED))
    head += f"; first epoch repeated: {len(repeated)}"
    complaints = [f"  {complaint}" for complaint in runs.unreadable]
    explained = not complaints and UNEXPLAINED not in outcomes
    return Verification([f"{head} ({counts})" if repeated else head, *complaints, *details], explained)


def deviations(run: StoredRun, again: Mapping[str, Any]) -> list[str]:
    """How the stored numbers of the first epoch deviate from the repeated ones, by column; empty if they don't."""
    stored, here = _first_epoch_of(run, run["config"]), _first_epoch_of(again, run["config"])
    found = []
    for name, values in stored.items():
        others = here.get(name, [])
        if len(values) != len(others):
            found.append(f"{name} has {len(values)} values, here {len(others)}")
        elif values != others:
            pairs = list(zip(values, others, strict=True))
            value, other = max(pairs, key=lambda pair: abs(pair[0] - pair[1]))
            most = "up to " if len(pairs) > 1 else ""
            since = ""
            if name in store.STEP_COLUMNS:
                since = f" from update {1 + next(i for i, pair in enumerate(pairs) if pair[0] != pair[1])} on"
            found.append(f"{name} by {most}{abs(value - other):.2g}{since} (stored {value:.6g}, here {other:.6g})")
    return found


def _first_epoch_of(run: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, list[float]]:
    """The first epoch's numbers by column: the history's, also for each update."""
    history, whole = run["history"], Config.from_dict(config)
    columns = {name: history[name][:1] for name in EPOCH_COLUMNS}
    steps = whole.steps // whole.epochs
    return columns | {name: history[name][:steps] for name in store.STEP_COLUMNS if name in history}


def _judge(found: list[str], reasons: list[str]) -> tuple[str, str]:
    """The outcome, and a sentence about it."""
    if not found:
        return SAME, "the same to the last bit"
    deviating = f"differs: {'; '.join(found)}"
    if reasons:
        return EXPLAINED, f"{deviating}; rounding can explain it: computed with {', '.join(reasons)}"
    return UNEXPLAINED, f"{deviating}; unexplained: computed on this kind of processor, with these versions"
