"""The book's experiments: what is run, how it is run, and how it is reported."""

from minigrad_book.tools.experiments.catalogue import CATALOGUE, find
from minigrad_book.tools.experiments.config import Config, Experiment
from minigrad_book.tools.experiments.reporting import report
from minigrad_book.tools.experiments.single import run_once
from minigrad_book.tools.experiments.store import load, rerun, results
from minigrad_book.tools.experiments.sweep import parse_seeds, run

__all__ = [
    "CATALOGUE",
    "Config",
    "Experiment",
    "find",
    "load",
    "parse_seeds",
    "report",
    "rerun",
    "results",
    "run",
    "run_once",
]
