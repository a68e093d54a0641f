"""An experiment's report: its tables and verdicts, and on request its figures, from the stored runs."""

from __future__ import annotations

import os
from pathlib import Path

from minigrad_book.tools import figures as svg
from minigrad_book.tools.experiments import store
from minigrad_book.tools.experiments.chapters import named
from minigrad_book.tools.experiments.config import Experiment
from minigrad_book.tools.experiments.reports.shared import Drawing, Table, diverged
from minigrad_book.tools.experiments.store import Scan


def report(
    name: str,
    quick: bool = False,
    out: str | os.PathLike[str] | None = None,
    figures: str | os.PathLike[str] | None = None,
) -> str:
    """The experiment's tables and verdicts, from the stored runs; with ``figures``, also draw its figures there.

    Raises
    ------
    FileNotFoundError
        No run is stored yet.
    ValueError
        An unknown name, a stored run of another configuration, or runs on different data.
    """
    from minigrad_book.tools.tables import markdown

    experiment = named(name, quick)
    runs = finished_runs(name, quick, out)
    parts = [f"# {experiment.name}: {experiment.question}", count(experiment, runs), data_note(runs)]
    parts += [f"not readable, left out: {complaint}" for complaint in runs.unreadable]
    for heading, (head, rows) in experiment.report.tables(experiment, runs).items():
        if rows:
            parts += [f"## {heading}", markdown(head, rows)]
    parts += experiment.report.verdicts(experiment, runs)
    if figures is not None:
        parts += [f"drawn: {path}" for path in _write_figures(experiment, runs, Path(figures))]
    return "\n\n".join(parts)


def finished_runs(name: str, quick: bool = False, out: str | os.PathLike[str] | None = None) -> Scan:
    """The stored runs; FileNotFoundError if there is none."""
    runs = store.results(name, quick, out)
    if not runs.done:
        what = f"{name}-quick" if quick else name
        command = f"minigrad experiment run {name}{' --quick' if quick else ''}"
        raise FileNotFoundError(f"no finished run of {what}: `{command}` first")
    return runs


def table(name: str, heading: str) -> Table:
    """One table of an experiment's report, for a page; ValueError lists the headings there are."""
    experiment = named(name)
    tables = experiment.report.tables(experiment, store.results(name))
    if heading not in tables:
        raise ValueError(f"the report of {name} has no table {heading!r}; it has {', '.join(map(repr, tables))}")
    return tables[heading]


def figure(name: str, drawing: str) -> Drawing:
    """One figure of an experiment's report with its alternative text, for a page; ValueError lists the names."""
    experiment = named(name)
    drawings = experiment.report.figures(experiment, store.results(name))
    if drawing not in drawings:
        raise ValueError(f"the report of {name} has no figure {drawing!r}; it has {', '.join(map(repr, drawings))}")
    return drawings[drawing]()


def count(experiment: Experiment, runs: Scan) -> str:
    """How many of the experiment's own runs there are, and how many diverged."""
    wanted = {(arm, seed) for arm in experiment.arms for seed in experiment.seeds}
    more = len(runs.done.keys() - wanted)
    extra = f", and {more} with other seeds" if more else ""
    lost = sum(diverged(runs, arm) for arm in experiment.arms)
    note = f"; {lost} diverged, and count{'s' * (lost == 1)} with the accuracy at that moment" if lost else ""
    return f"{len(runs.done.keys() & wanted)} of {len(wanted)} runs{extra}{note}"


def data_note(runs: Scan) -> str:
    """The data and the machines of the runs; `ValueError` if they didn't all use the same data."""
    by_digest = {run["data"]["sha256"]: (*key, run["data"]["what"]) for key, run in runs.done.items()}
    if len(by_digest) > 1:
        examples = "; ".join(f"{arm}, seed {seed}: {what} ({sha[:8]})" for sha, (arm, seed, what) in by_digest.items())
        raise ValueError(
            f"the stored runs used different data and can't be compared ({examples}); move those of all but one away"
        )
    sources = {what for _, _, what in by_digest.values()}
    return f"data: {'; '.join(sources)}; computed on {'; '.join(machines(runs))}, one thread a run"


def machines(runs: Scan) -> list[str]:
    """The kinds of machine that computed the runs."""
    return sorted({f"{run['machine']['cpu']} ({run['machine']['cores']} cores)" for run in runs.done.values()})


def _write_figures(experiment: Experiment, runs: Scan, folder: Path) -> list[Path]:
    """Draw the experiment's figures as SVG files into ``folder``, and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, draw in experiment.report.figures(experiment, runs).items():
        path = folder / f"{experiment.name}-{name}.svg"
        path.write_text(svg.to_svg(*draw()), encoding="utf-8")
        paths.append(path)
    return paths
