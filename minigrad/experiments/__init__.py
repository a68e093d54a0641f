"""The book's experiments: what is run, how it is run, and how it is reported."""

from minigrad.experiments.catalogue import CATALOGUE, find
from minigrad.experiments.config import Config, Experiment
from minigrad.experiments.reporting import report
from minigrad.experiments.single import run_once
from minigrad.experiments.store import load, rerun, results
from minigrad.experiments.sweep import parse_seeds, run

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
