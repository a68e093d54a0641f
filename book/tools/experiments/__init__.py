"""The book's experiments: what is run, how it is run, and how it is reported."""

from minigrad_book.tools.experiments.chapters import catalogue, named
from minigrad_book.tools.experiments.config import Config, Experiment
from minigrad_book.tools.experiments.reporting import figure, report, table
from minigrad_book.tools.experiments.single import run_once
from minigrad_book.tools.experiments.store import load, rerun, results
from minigrad_book.tools.experiments.sweep import bar_over, parse_seeds, run
from minigrad_book.tools.experiments.verification import Verification, verify

__all__ = [
    "Config",
    "Experiment",
    "Verification",
    "bar_over",
    "catalogue",
    "figure",
    "load",
    "named",
    "parse_seeds",
    "report",
    "rerun",
    "results",
    "run",
    "run_once",
    "table",
    "verify",
]
