"""The site's notebooks, each alone in an empty folder, in a new environment with what their first cell installs.

They are those of the built site (`nox -s book`), and the package is a wheel of the present sources.
"""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
NOTEBOOKS = ROOT / "_build" / "html" / "notebooks"
RUN = """
import sys
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

notebook = nbformat.read(sys.argv[1], as_version=4)
NotebookClient(notebook, timeout=300, kernel_name="fresh").execute()
"""

if not NOTEBOOKS.is_dir():
    if os.environ.get("MINIGRAD_NOTEBOOK_TESTS") == "required":
        raise FileNotFoundError(f"no notebooks in {NOTEBOOKS}: build the book first")
    pytest.skip("the book isn't built", allow_module_level=True)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A new environment with a kernel in it and nothing else, and the variables that let pip find the wheel."""
    made = tmp_path_factory.mktemp("fresh")
    subprocess.run([sys.executable, "-m", "venv", made / "venv"], check=True)
    python = made / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
    constraints = str(ROOT / "constraints.txt")
    subprocess.run([python, "-m", "pip", "install", "-q", "-c", constraints, "ipykernel"], check=True)
    subprocess.run([python, "-m", "ipykernel", "install", "--prefix", made / "jupyter", "--name", "fresh"], check=True)
    wheel = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", made / "wheels", sources(made)]
    subprocess.run(wheel, check=True)
    variables = {
        "JUPYTER_PATH": str(made / "jupyter" / "share" / "jupyter"),
        "PIP_FIND_LINKS": str(made / "wheels"),
        "PIP_CONSTRAINT": constraints,
        "HOME": str(made),
    }
    return python, {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | variables


def sources(made: Path) -> Path:
    """A copy of the sources, in which a wheel can be built without leaving anything behind."""
    from shutil import copytree, ignore_patterns

    left_out = ignore_patterns(".*", "_build", "*.egg-info", "__pycache__", "build")
    return Path(copytree(ROOT, made / "sources", ignore=left_out))


def execute(notebook: Path, variables: dict[str, str], folder: Path) -> str:
    """Run a notebook in an empty folder; what went wrong, or nothing."""
    folder.mkdir(parents=True)
    command = [sys.executable, "-c", RUN, notebook]
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)
    return done.stderr if done.returncode else ""


def test_every_notebook_runs_alone(fresh: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    _, variables = fresh
    first, *others = sorted(NOTEBOOKS.glob("*.ipynb"))
    assert others
    failed = {first.name: execute(first, variables, tmp_path / first.stem)}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        runs = {one.name: pool.submit(execute, one, variables, tmp_path / one.stem) for one in others}
    failed |= {name: run.result() for name, run in runs.items()}
    assert not {name: error[-3000:] for name, error in failed.items() if error}


def test_the_environment_has_nothing_that_only_the_site_needs(fresh: tuple[Path, dict[str, str]]) -> None:
    python, _ = fresh
    command = [python, "-m", "pip", "list", "--format=freeze"]
    names = {line.partition("==")[0].lower() for line in subprocess.check_output(command, text=True).splitlines()}
    assert "minigrad-book" in names, "the first cell has installed it"
    assert not names & {"sphinx", "jupyter-book", "myst-nb", "pytest"}


def test_a_notebook_without_its_first_cell_fails_in_a_new_environment(tmp_path: Path) -> None:
    """The wrong case: a notebook that needs something which nobody has installed."""
    path = tmp_path / "needs.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("import nowhere_to_be_found")]), path)
    variables = dict(os.environ)
    assert "ModuleNotFoundError" in execute_here(path, variables, tmp_path / "alone")


def execute_here(notebook: Path, variables: dict[str, str], folder: Path) -> str:
    """As `execute`, with the kernel of this environment."""
    folder.mkdir(parents=True)
    command = [sys.executable, "-c", RUN.replace('"fresh"', '"python3"'), notebook]
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False).stderr
