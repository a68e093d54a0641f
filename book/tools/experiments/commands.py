"""The command ``minigrad experiment``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from minigrad.cli import USER_ERRORS
from minigrad_book.tools import experiments
from minigrad_book.tools.experiments.timing import in_words, times


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's actions and options."""
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)

    listing = actions.add_parser(
        "list",
        help="list the experiments",
        description="List the experiments: how many runs each has, how many are stored, and how long they take.",
    )
    listing.set_defaults(command=_list)

    run = actions.add_parser(
        "run",
        help="run what is missing of an experiment",
        description="Run what is missing of an experiment. Finished runs are kept, so a stopped sweep can go on.",
    )
    run.add_argument("name", metavar="NAME", help="an experiment, as `minigrad experiment list` names it; or all")
    run.add_argument("--seeds", help="seeds to run, as 0-4 or 0,2,5 (default: the experiment's own)")
    run.add_argument("--jobs", type=int, default=1, metavar="N", help="runs at the same time, one thread each (1)")
    run.add_argument("--quick", action="store_true", help="the same on small data, in seconds: to see that it works")
    run.add_argument(
        "--dask",
        metavar="ADDRESS",
        help="run on the Dask cluster with this scheduler; start its workers with --nthreads 1. If the scheduler is "
        "lost, finished runs are kept, and the same command goes on",
    )
    run.set_defaults(command=_run)

    report = actions.add_parser(
        "report",
        help="print an experiment's table and draw its figures",
        description="Print an experiment's table from the stored results, and draw its figures.",
    )
    report.add_argument("name", metavar="NAME", help="an experiment, as `minigrad experiment list` names it; or all")
    report.add_argument("--quick", action="store_true", help="report the quick version's results")
    report.add_argument(
        "--figures", default="figures", metavar="DIR", help="folder of the figures, SVG files (default: figures)"
    )
    report.set_defaults(command=_report)

    verify = actions.add_parser(
        "verify",
        help="check that today's code still computes the stored numbers",
        description="Compare the code that computed the stored runs with today's. Where it differs, repeat the first "
        "epoch of a sample of runs: the status is 1 if numbers differ that neither processor nor versions explain.",
    )
    verify.add_argument("name", nargs="?", default="all", metavar="NAME", help="an experiment (default: all)")
    verify.add_argument("--quick", action="store_true", help="verify the quick version's results")
    verify.add_argument("--sample", type=int, default=3, metavar="N", help="runs of an experiment to repeat (3)")
    verify.add_argument("--always", action="store_true", help="repeat runs also where the code is the same")
    verify.set_defaults(command=_verify)
    for action in (listing, run, report, verify):
        action.add_argument(
            "--out",
            metavar="DIR",
            help="folder of the results (default: the chapter's in a checkout; elsewhere, and with --quick, results)",
        )


def _list(options: argparse.Namespace) -> int:
    print(f"{'experiment':22} {'runs':>5} {'stored':>6}  {'one run':>9}  {'the rest':>11}  question")
    for experiment in experiments.catalogue().values():
        found = times(experiment, experiments.results(experiment.name, out=options.out))
        mark = "" if found.measured else "≈ "
        rest = mark + in_words(found.rest) if found.rest else "–"
        print(
            f"{experiment.name:22} {found.runs:5} {found.stored:6}  {mark + in_words(found.each):>9}  {rest:>11}  "
            f"{experiment.question}"
        )
    print("Times are for one thread: means of stored runs; with ≈, estimates from epochs × images.")
    return 0


def _run(options: argparse.Namespace) -> int:
    seeds = None if options.seeds is None else experiments.parse_seeds(options.seeds)
    if options.name != "all":
        experiments.run(options.name, seeds, options.jobs, options.quick, options.dask, options.out)
        return 0
    with experiments.bar_over(experiments.catalogue(), seeds, options.quick, options.out) as bar:
        return _each(
            "all",
            lambda name: experiments.run(
                name, seeds, options.jobs, options.quick, options.dask, options.out, None, bar
            ),
            lambda text: bar.write(text, sys.stderr),
        )


def _report(options: argparse.Namespace) -> int:
    return _each(
        options.name,
        lambda name: print(experiments.report(name, options.quick, options.out, options.figures) + "\n"),
    )


def _verify(options: argparse.Namespace) -> int:
    explained = []

    def verify(name: str) -> None:
        found = experiments.verify(name, options.quick, options.out, options.sample, options.always)
        print(*found.lines, sep="\n", flush=True)
        explained.append(found.explained)

    return max(_each(options.name, verify), int(not all(explained)))


def _complain(text: str) -> None:
    print(text, file=sys.stderr)


def _each(name: str, act: Callable[[str], object], complain: Callable[[str], None] = _complain) -> int:
    """Act on one experiment, or on all: then an error is printed, the others go on, and the status is 1."""
    if name != "all":
        act(name)
        return 0
    status = 0
    for one in experiments.catalogue():
        try:
            act(one)
        except USER_ERRORS as error:
            complain(f"minigrad: error: {error}")
            status = 1
    return status
