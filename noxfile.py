"""The checks: `nox` runs all of them, `nox -s lint` or `nox -s tests -- tests/optim` runs one.

Sessions run in the environment where nox is installed (`pip install -e ".[dev]"`), so they start at once.
"""

import os
import sys
from pathlib import Path

import nox

nox.needs_version = ">=2024.10"
nox.options.default_venv_backend = "none"
nox.options.sessions = ["lint", "types", "tests", "book", "browser"]
PYTEST = ["-q", "-n", "logical", "--maxprocesses=8"]
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])


@nox.session
def lint(session: nox.Session) -> None:
    """Check format, style and spelling."""
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")
    session.run("codespell")


@nox.session
def types(session: nox.Session) -> None:
    """Run mypy on the engine and the book's code. A link gives `book/` its import name."""
    links = Path(session.create_tmp())
    for name, folder in (("minigrad", "minigrad"), ("minigrad_book", "book")):
        if not (links / name).exists():
            (links / name).symlink_to(Path(folder).resolve(), target_is_directory=True)
    session.run("mypy", "-p", "minigrad", "-p", "minigrad_book", env={"MYPYPATH": str(links)})


@nox.session
def tests(session: nox.Session) -> None:
    """Run all tests except the slow and the browser ones. Arguments after `--` go to pytest (`-m slow`, a folder)."""
    session.run("pytest", *PYTEST, "--ignore=tests/browser", "-m", "not slow", *session.posargs)


@nox.session
def book(session: nox.Session) -> None:
    """Build the book into `_build/html/`. All warnings are shown, also for broken references; any makes it fail."""
    session.run("jupyter-book", "build", ".", "-W", "-n", "--keep-going", *session.posargs)


@nox.session
def browser(session: nox.Session) -> None:
    """Test the built site in Chromium."""
    session.run("pytest", *PYTEST, "tests/browser", *session.posargs, env={"MINIGRAD_BROWSER_TESTS": "required"})


@nox.session
def write(session: nox.Session) -> None:
    """Serve the book; when a file changes, rebuild the pages that depend on it and reload the browser."""
    conf = Path("conf.py")  # _config.yml for Sphinx, only while the session runs
    unwatched = [f"--ignore={name}" for name in ("_build", ".*", "*/__pycache__/*", "*.egg-info", "conf.py")]
    folders = [".", "_build/write", "-d", "_build/.doctrees-write"]  # the cache of outputs is shared with `book`
    try:
        session.run("jupyter-book", "config", "sphinx", ".", silent=True)
        session.run("sphinx-autobuild", *folders, "-n", *unwatched, *(session.posargs or ["--open-browser"]))
    finally:
        conf.unlink(missing_ok=True)
