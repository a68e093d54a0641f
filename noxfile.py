"""The checks by name: `nox -s lint`, `nox -s tests -- tests/optim`, and `nox` for all of them.

A session runs in the environment that nox itself is installed in (`pip install -e ".[dev]"`), so it starts at once.
"""

import os
import sys
from pathlib import Path

import nox

nox.needs_version = ">=2024.10"
nox.options.default_venv_backend = "none"
nox.options.sessions = ["lint", "types", "tests", "book", "notebooks", "browser"]
PYTEST = ["-q", "-n", "logical", "--maxprocesses=8"]
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])


@nox.session
def lint(session: nox.Session) -> None:
    """Format, style and spelling."""
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")
    session.run("codespell")


@nox.session
def types(session: nox.Session) -> None:
    """mypy over the engine and the book's code, which a link gives the name that it is imported by."""
    links = Path(session.create_tmp())
    for name, folder in (("minigrad", "minigrad"), ("minigrad_book", "book")):
        if not (links / name).exists():
            (links / name).symlink_to(Path(folder).resolve(), target_is_directory=True)
    session.run("mypy", "-p", "minigrad", "-p", "minigrad_book", env={"MYPYPATH": str(links)})


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests but slow ones, `notebooks`, `browser`. Arguments after `--` go to pytest (`-m slow`, a folder)."""
    session.run(
        "pytest", *PYTEST, "--ignore=tests/browser", "--ignore=tests/notebooks", "-m", "not slow", *session.posargs
    )


@nox.session
def book(session: nox.Session) -> None:
    """Build the book into `_build/html/`: every warning fails, a reference that leads nowhere is one, all are shown."""
    session.run("jupyter-book", "build", ".", "-W", "-n", "--keep-going", *session.posargs)


@nox.session
def notebooks(session: nox.Session) -> None:
    """Run the built site's notebooks, each in an empty folder, in an environment with what its first cell installs."""
    session.run("pytest", "-q", "tests/notebooks", *session.posargs, env={"MINIGRAD_NOTEBOOK_TESTS": "required"})


@nox.session
def browser(session: nox.Session) -> None:
    """Test the built site in Chromium."""
    session.run("pytest", *PYTEST, "tests/browser", *session.posargs, env={"MINIGRAD_BROWSER_TESTS": "required"})


@nox.session
def write(session: nox.Session) -> None:
    """Serve the book; when a file changes, build what depends on it and reload the page in the browser."""
    conf = Path("conf.py")  # Sphinx's form of _config.yml, there while the session runs
    unwatched = [f"--ignore={name}" for name in ("_build", ".*", "*/__pycache__/*", "*.egg-info", "conf.py")]
    folders = [".", "_build/write", "-d", "_build/.doctrees-write"]  # the outputs' cache is the one of `book`
    try:
        session.run("jupyter-book", "config", "sphinx", ".", silent=True)
        session.run("sphinx-autobuild", *folders, "-n", *unwatched, *(session.posargs or ["--open-browser"]))
    finally:
        conf.unlink(missing_ok=True)
