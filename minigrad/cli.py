"""The command line: ``minigrad``, or ``python -m minigrad``."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

from minigrad import __version__

USER_ERRORS = (ValueError, OSError, ImportError, RuntimeError)
"""Errors in the input, the data, the disk or the installation are printed on one line, without a traceback."""

TOOLS = {
    "experiment": ("minigrad_book.tools.experiments.commands", "list, run, report and verify the book's experiments"),
    "bench": ("minigrad_book.tools.bench", "measure minigrad's speed, and PyTorch's where it is installed"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status: 0, 1 (something failed), 2 (bad usage) or 130 (Ctrl-C)."""
    arguments = sys.argv[1:] if arguments is None else arguments
    options = build_parser(arguments).parse_args(arguments)
    try:
        return options.command(options) or 0
    except USER_ERRORS as error:
        print(f"minigrad: error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("minigrad: interrupted", file=sys.stderr)
        return 130


def build_parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    """Build the parser of all commands. A tool of the book is imported, and adds its options, only for its command."""
    parser = argparse.ArgumentParser(prog="minigrad", description="Run experiments and benchmarks, and get data.")
    parser.add_argument("--version", action="version", version=f"minigrad {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    data = commands.add_parser("data", help="get a data set")
    sets = data.add_subparsers(title="data sets", metavar="NAME", required=True)
    about = "check that CIFAR-10 is there and readable, or download it"
    cifar10 = sets.add_parser("cifar10", help=about, description=about.capitalize() + ".")
    cifar10.add_argument("--download", action="store_true", help="fetch the archive (170 MB) if a file is missing")
    cifar10.add_argument("--root", metavar="DIR", help="data folder (default: $MINIGRAD_DATA, or a cache folder)")
    cifar10.set_defaults(command=_cifar10)

    for name, (module, about) in TOOLS.items():
        command = commands.add_parser(name, help=about)
        if name in arguments[:1]:
            importlib.import_module(module).add_arguments(command)
    return parser


def _cifar10(options: argparse.Namespace) -> int:
    from minigrad import data

    (images, _), (test_images, _) = data.cifar10(options.root, options.download)
    folder = data.data_root(options.root) / data.CIFAR10_FOLDER
    print(f"CIFAR-10 is in {folder}: {len(images):,} training images, {len(test_images):,} test images")
    return 0
