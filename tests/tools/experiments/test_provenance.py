"""Where a run's numbers come from: the digest of the code, the versions, the machine."""

import ast
import json
import shutil
from pathlib import Path

import pytest

import minigrad
import minigrad_book.tools.experiments
from minigrad_book.tools.experiments import provenance

ENGINE, EXPERIMENTS = (Path(package.__file__).parent for package in (minigrad, minigrad_book.tools.experiments))


@pytest.fixture
def code(tmp_path):
    """A copy of the engine and of the book's Python files."""
    python_only = shutil.ignore_patterns("__pycache__", "results", "static", "*.js", "*.json", "*.md")
    shutil.copytree(ENGINE, tmp_path / "minigrad", ignore=python_only)
    shutil.copytree(EXPERIMENTS.parents[1], tmp_path / "book", ignore=python_only)
    return tmp_path


def digest(code):
    return provenance.digest(code / "minigrad", code / "book" / "tools" / "experiments")


def edit(path, before, after):
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after, 1), encoding="utf-8")


def test_a_copy_has_the_digest_of_the_code_here(code):
    assert digest(code) == provenance.code_sha256()
    assert len(digest(code)) == 64


@pytest.mark.parametrize(
    "file",
    [
        "minigrad/optim/adam.py",
        "minigrad/ops/conv.py",
        "minigrad/train.py",
        "book/tools/experiments/config.py",
        "book/tools/experiments/single.py",
        "book/tools/experiments/store.py",
    ],
)
def test_a_statement_in_the_engine_or_in_what_does_a_run_changes_the_digest(code, file):
    with (code / file).open("a", encoding="utf-8") as source:
        source.write("\nNEW = 1\n")
    assert digest(code) != provenance.code_sha256()


def test_a_number_a_new_file_and_a_new_name_of_a_file_change_the_digest(code):
    found = {provenance.code_sha256()}
    edit(code / "book/tools/experiments/images.py", "CLASSES = 10", "CLASSES = 9")
    found.add(digest(code))
    (code / "minigrad/optim/new.py").write_text("")
    found.add(digest(code))
    (code / "minigrad/optim/new.py").rename(code / "minigrad/optim/newer.py")
    found.add(digest(code))
    assert len(found) == 4


@pytest.mark.parametrize(
    "file",
    [
        "minigrad/cli.py",
        "minigrad/exercises.py",
        "book/should_you_decay/exercises.py",
        "book/should_you_decay/experiments.py",
        "book/tools/exercises/checking.py",
        "book/tools/figures.py",
        "book/tools/experiments/reports/grid.py",
        "book/tools/experiments/reports/shared.py",
        "book/tools/experiments/reporting.py",
        "book/tools/experiments/stats.py",
        "book/tools/experiments/sweep.py",
        "book/tools/experiments/verification.py",
    ],
)
def test_other_code_does_not_change_the_digest(code, file):
    with (code / file).open("a", encoding="utf-8") as source:
        source.write("\nNEW = 1\n")
    assert digest(code) == provenance.code_sha256()


def test_comments_docstrings_and_layout_do_not_change_the_digest(code):
    before = provenance.code_sha256()
    path = code / "minigrad/optim/adam.py"
    text = path.read_text(encoding="utf-8")
    path.write_text(f'"""Another docstring."""\n\n# A comment.\n{text}\n\n\n', encoding="utf-8")
    assert digest(code) == before
    path.write_text(ast.unparse(ast.parse(text)), encoding="utf-8")
    assert digest(code) == before


def test_fields_that_a_newer_python_adds_to_a_syntax_tree_do_not_change_the_digest():
    """Python 3.12 gives functions and classes `type_params`, an empty list where there are none."""
    old = ast.parse("def f(x):\n    return x + 1\n")
    new = ast.parse("def f(x):\n    return x + 1\n")
    function = new.body[0]
    function._fields = (*function._fields, "type_comment", "new_field")
    function.new_field = []
    assert provenance._structure(new) == provenance._structure(old)
    assert provenance._structure(ast.parse("def f(x):\n    return x + 2\n")) != provenance._structure(old)


def test_machine_and_versions_are_json_and_name_nobody():
    about = json.loads(json.dumps({"machine": provenance.machine(), "versions": provenance.versions()}))
    assert about["machine"].keys() == {"system", "architecture", "cpu", "cores"}
    assert about["versions"].keys() == {"minigrad", "python", "numpy", "numba", "llvmlite"}


def test_what_can_make_rounding_differ():
    here = {"machine": provenance.machine(), "versions": provenance.versions()}
    assert provenance.elsewhere(here) == []
    assert provenance.elsewhere({**here, "machine": here["machine"] | {"cores": 1000}}) == []
    assert provenance.elsewhere({**here, "versions": here["versions"] | {"minigrad": "0.0"}}) == []
    other = {"machine": here["machine"] | {"cpu": "abacus"}, "versions": here["versions"] | {"numpy": "0.1"}}
    assert provenance.elsewhere(other) == [
        f"cpu abacus, here {here['machine']['cpu']}",
        f"numpy 0.1, here {here['versions']['numpy']}",
    ]
