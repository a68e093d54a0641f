"""The examples of CONTRIBUTING.md work when they are followed, one after another, in a copy of the repository."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
TOKEN = re.compile(
    r"^## (?P<title>[^\n]+)$|^(?P<fence>`{3,})(?P<kind>\w+) ?(?P<file>\S*)\n(?P<text>.*?)^(?P=fence)$",
    re.MULTILINE | re.DOTALL,
)


class Block(NamedTuple):
    kind: str
    file: str
    text: str


def read(text: str) -> dict[str, list[Block]]:
    """Return a dict from section title to the section's fenced blocks."""
    sections: dict[str, list[Block]] = {}
    title = ""
    for token in TOKEN.finditer(text):
        if token["title"]:
            title = token["title"]
        else:
            sections.setdefault(title, []).append(Block(token["kind"], token["file"], token["text"]))
    return sections


SECTIONS = read(TEXT)
EXAMPLES = [title for title in SECTIONS if title.startswith("Add a")]
LAST = "See that all of it fits together"


def follow(block: Block, folder: Path) -> None:
    """Write the file of `block`, or apply its diff."""
    path = folder / block.file
    if block.kind != "diff":
        assert not path.exists(), f"{block.file} already exists"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text, encoding="utf-8")
        return
    lines = path.read_text(encoding="utf-8").splitlines()
    for hunk in block.text.split("@@\n"):
        before = [line[1:] for line in hunk.splitlines() if not line.startswith("+")]
        after = [line[1:] for line in hunk.splitlines() if not line.startswith("-")]
        size = len(before)
        places = [i for i in range(len(lines)) if lines[i : i + size] == before] if before else [len(lines)]
        assert len(places) == 1, "\n".join(
            [f"{block.file} must have these lines once, but has them {len(places)} times:", *before]
        )
        lines[places[0] : places[0] + size] = after
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


Followed = Callable[..., Path]
Run = Callable[[str], tuple[int, str]]


@pytest.fixture
def followed(repository_copy: Path) -> Followed:
    """`followed(title, *without)` returns a copy with the examples up to `title`, the last without the given files."""

    def followed(last: str, *without: str) -> Path:
        for title in EXAMPLES[: EXAMPLES.index(last) + 1]:
            for block in SECTIONS[title]:
                if block.file and not (title == last and block.file in without):
                    follow(block, repository_copy)
        return repository_copy

    return followed


def commands(title: str) -> list[str]:
    return [line for block in SECTIONS[title] if block.kind == "sh" for line in block.text.splitlines()]


def test_every_kind_of_addition_has_an_example():
    things = (
        "an op",
        "an optimizer",
        "a schedule",
        "a chapter",
        "a self-check",
        "an exercise",
        "an explorable",
        "an experiment",
    )
    assert sorted(EXAMPLES) == sorted(f"Add {thing}" for thing in things)


def test_the_documented_nox_sessions_are_those_that_exist():
    sessions = set(re.findall(r"^def (\w+)\(session", (ROOT / "noxfile.py").read_text(encoding="utf-8"), re.MULTILINE))
    named = {name for names in re.findall(r"nox -s ((?:[a-z]+ ?)+)", TEXT) for name in names.split()}
    assert named == sessions


RECORD = [command for title in EXAMPLES for command in commands(title) if "traces.record" in command]


def succeed(run: Run, command: str) -> None:
    status, output = run(command)
    assert status == 0, f"{command}\n{output}"


@pytest.mark.slow
@pytest.mark.parametrize("title", EXAMPLES)
def test_following_an_example_works(followed: Followed, run_in_copy: Run, title: str) -> None:
    if set(RECORD) & set(commands(title)):
        pytest.importorskip("torch", reason="needs the extra `bench`")
    followed(title)
    for command in commands(title):
        succeed(run_in_copy, command)


@pytest.mark.slow
def test_all_examples_work_together(followed: Followed, run_in_copy: Run) -> None:
    """With all examples of CONTRIBUTING.md followed, the book builds without warnings and has the new chapter."""
    pytest.importorskip("nox", reason="needs the extra `dev`")
    pytest.importorskip("torch", reason="needs the extra `bench`")
    checks, browser = commands(LAST)
    folder = followed(EXAMPLES[-1])
    for command in (*RECORD, checks):
        succeed(run_in_copy, command)
    page = (folder / "_build/html/book/triangular/index.html").read_text(encoding="utf-8")
    assert "It is 0.050." in re.sub("<[^>]*>", "", page)
    installed = shutil.which("chromium") and find_spec("playwright")
    if os.environ.get("MINIGRAD_BROWSER_TESTS") != "required" and not installed:
        pytest.skip("all passed except the browser tests, which need chromium and playwright")
    succeed(run_in_copy, browser)


LEFT_OUT = [  # (example, the files whose blocks are left out, part of the tests' output)
    ("Add an op", ["tests/ops/test_ops.py"], "add a row to OPS, in tests/ops/test_ops.py, for softplus"),
    (
        "Add an optimizer",
        ["tests/optim/test_conformance.py", "book/frameworks/traces/porting.py"],
        "a row in LIVE, tests/optim/test_conformance.py, or in RUNS, book/frameworks/traces/porting.py",
    ),
    (
        "Add an optimizer",
        ["tests/optim/test_properties.py"],
        "a row for it in COVERED or NOT_COVERED, tests/optim/test_properties.py",
    ),
    (
        "Add a schedule",
        ["book/reference/rules.md"],
        "the equation with the label (eq:triangular) on book/reference/rules.md",
    ),
    ("Add a chapter", ["book/triangular/numbers.py"], "cannot import name 'numbers'"),
    ("Add an explorable", ["book/triangular/triangular.model.js"], "triangular.model.js"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("title", "files", "missing"), LEFT_OUT)
def test_the_tests_report_a_missing_step(
    followed: Followed, run_in_copy: Run, title: str, files: list[str], missing: str
) -> None:
    followed(title, *files)
    done = [run_in_copy(command) for command in commands(title) if command.startswith("pytest")]
    assert any(status and missing in output for status, output in done), done


WARNED = [  # (example, a file whose blocks are left out, part of the build's output)
    ("Add an exercise", "book/triangular/index.md", "exercise triangular/1 is shown 0 times, not once"),
    ("Add an explorable", "book/triangular/picture.py", "needs picture.py in triangular/"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("title", "file", "warning"), WARNED)
def test_the_build_reports_a_missing_step(
    followed: Followed, run_in_copy: Run, title: str, file: str, warning: str
) -> None:
    """Build a book of this chapter alone; it also gives warnings about missing pages."""
    folder = followed(title, file)
    (folder / "_toc.yml").write_text("format: jb-book\nroot: book/triangular/index\n", encoding="utf-8")
    _, output = run_in_copy("jupyter-book build .")
    assert warning in output


@pytest.mark.parametrize(
    ("file", "diff", "result"),
    [
        ("a\nb\n", " a\n+x\n b\n", "a\nx\nb\n"),
        ("a\nb\n", "-a\n+x\n", "x\nb\n"),
        ("a\nb\n", "+x\n", "a\nb\nx\n"),
        ("a\nb\n", "+x\n a\n@@\n+y\n b\n", "x\na\ny\nb\n"),
        ("a\nb\n", " c\n+x\n", None),
        ("a\na\n", " a\n+x\n", None),
        ("xa\n", " a\n+x\n", None),
    ],
)
def test_a_diff_must_match_exactly_one_place(tmp_path: Path, file: str, diff: str, result: str | None) -> None:
    (tmp_path / "f").write_text(file)
    if result is None:
        with pytest.raises(AssertionError, match="f must have these lines once"):
            follow(Block("diff", "f", diff), tmp_path)
    else:
        follow(Block("diff", "f", diff), tmp_path)
        assert (tmp_path / "f").read_text() == result
