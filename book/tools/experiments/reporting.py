"""An experiment's report: its tables and verdicts, and on request its figures, from the stored runs."""

from __future__ import annotations

import os
from pathlib import Path

from minigrad_book.tools.experiments import store, tables
from minigrad_book.tools.experiments.catalogue import find
from minigrad_book.tools.experiments.config import Experiment
from minigrad_book.tools.experiments.store import Scan
from minigrad_book.tools.experiments.tables import Table


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
    experiment = find(name, quick)
    found = store.results(name, quick, out)
    if not found.done:
        flag = " --quick" if quick else ""
        raise FileNotFoundError(f"no finished run of {experiment.name}: `minigrad experiment run {name}{flag}` first")
    parts = [f"# {experiment.name}: {experiment.question}", tables.progress(experiment, found), tables.data_note(found)]
    parts += [f"not readable, left out: {complaint}" for complaint in found.unreadable]
    for heading, table in sections(experiment, found):
        if len(table) > 1:
            parts += [f"## {heading}", tables.markdown(table)]
    parts += tables.verdicts(experiment, found)
    if figures is not None:
        from minigrad_book.tools.experiments import plots

        parts += [f"drawn: {path}" for path in plots.write(experiment, found, Path(figures))]
    return "\n\n".join(parts)


def sections(experiment: Experiment, found: Scan) -> list[tuple[str, Table]]:
    """Headings and tables, by what kind of experiment it is."""
    differences = ("Differences", tables.differences(experiment, found))
    match experiment.kind:
        case "grid":
            return [
                ("Test accuracy after the last epoch", tables.grid(found)),
                (
                    "Gain over the constant rate, points (bold: both 95 % intervals exclude 0)",
                    tables.against_constant(found),
                ),
                ("Initial rate chosen by validation", tables.best_rates(found)),
            ]
        case "steps":
            return [("The first updates", tables.first_steps(experiment, found)), differences]
        case "rates":
            return [("Effective rates of all parameters", tables.effective_rates(experiment, found))]
        case "weight-decay":
            return [
                ("Accuracies", tables.accuracies(experiment, found)),
                ("Chosen by validation", tables.weight_decay(experiment, found)),
                ("Differences of the chosen", tables.weight_decay_differences(experiment, found)),
            ]
        case _:
            return [("Accuracies", tables.accuracies(experiment, found)), differences]
