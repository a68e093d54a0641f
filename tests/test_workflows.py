"""The workflows of .github/: rights, pinned actions, and commands that exist; the files that go with a release."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
GITHUB = ROOT / ".github"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
WORKFLOWS = {path.name: path.read_text(encoding="utf-8") for path in sorted(GITHUB.glob("workflows/*"))}
PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
SYSTEM = {"echo", "gh", "git", "pip", "python", "rm", "test"}  # on GitHub's machines, after setup-python
PROVIDER = {"sphinx-build": "jupyter-book"}  # a command whose distribution has another name


def distributions(extras: list[str]) -> set[str]:
    """The names of what `pip install minigrad-book[extras]` asks for, those of the extras' own extras too."""
    found: set[str] = set()
    for extra in extras:
        for requirement in PROJECT["optional-dependencies"][extra]:
            name, inner = re.match(r"([\w.-]+)(?:\[([\w,]+)\])?", requirement).groups()
            found |= distributions(inner.split(",")) if name == PROJECT["name"] else {name}
    return found


def sessions() -> set[str]:
    return set(re.findall(r"^def (\w+)\(session", (ROOT / "noxfile.py").read_text(encoding="utf-8"), re.MULTILINE))


def commands(job: dict[str, Any]) -> Iterator[list[str]]:
    """The words of each line that the job runs, without assignments."""
    for step in job["steps"]:
        for line in step.get("run", "").splitlines():
            words = shlex.split(line)
            if words and not re.match(r"\w+=", words[0]):
                yield words


def command_faults(words: list[str], installed: set[str]) -> Iterator[str]:
    """What is wrong with a command; what it installs is added to `installed`."""
    name, arguments = words[0], words[1:]
    if name == "pip" and arguments[0] == "install":
        for extra in re.findall(r"\[([\w,]+)\]", " ".join(arguments)):
            names = extra.split(",")
            unknown = set(names) - set(PROJECT["optional-dependencies"])
            yield from (f"no extra {one}" for one in sorted(unknown))
            installed |= distributions([one for one in names if one not in unknown])
        installed |= {word for word in arguments[1:] if re.fullmatch(r"[a-z-]+", word) and word[0] != "-"}
    elif name not in SYSTEM and PROVIDER.get(name, name) not in installed:
        yield f"{name} isn't installed"
    if "-c" in arguments and name == "pip" and not (ROOT / arguments[arguments.index("-c") + 1]).is_file():
        yield f"no file {arguments[arguments.index('-c') + 1]}"
    if name == "python" and arguments[0] == "-m" and arguments[1] not in installed:
        yield f"{arguments[1]} isn't installed"
    if name == "nox":
        named = arguments[1 : arguments.index("--") if "--" in arguments else None]
        yield from (f"no session {one}" for one in named if one not in sessions())
    if name in ("nox", "pytest") and "-k" in arguments:
        selected = arguments[arguments.index("-k") + 1]
        if not list((ROOT / "tests").rglob(f"{selected}.py")):
            yield f"no test file {selected}"
    yield from (f"no tests in {word}" for word in arguments if word.startswith("tests/") and not (ROOT / word).exists())


def faults(text: str) -> list[str]:
    """What is wrong with a workflow: rights, time limits, actions, what its commands name."""
    workflow = yaml.safe_load(text)
    found = [] if workflow.get("permissions") == {} else ["the workflow has permissions"]
    for use in re.findall(r"^[\s-]*uses: *(.*)$", text, re.MULTILINE):
        if not PINNED.fullmatch(use):
            found.append(f"not pinned: {use}")
    for name, job in workflow["jobs"].items():
        if not isinstance(job.get("permissions"), dict):
            found.append(f"{name}: no permissions")
        if not isinstance(job.get("timeout-minutes"), int):
            found.append(f"{name}: no timeout")
        for step in job["steps"]:
            checkout = step.get("uses", "").startswith("actions/checkout@")
            if checkout and step.get("with", {}).get("persist-credentials") is not False:
                found.append(f"{name}: checkout keeps its token")
            if "${{" in step.get("run", ""):
                found.append(f"{name}: an expression in a command")
        installed: set[str] = set()
        for words in commands(job):
            found += [f"{name}: {fault}" for fault in command_faults(words, installed)]
    return found


def test_the_workflows_are_those_that_contributing_describes() -> None:
    assert set(WORKFLOWS) == {"book.yml", "release.yml", "tests.yml", "weekly.yml"}
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert set(re.findall(r"`(\w+\.yml)`", text)) >= set(WORKFLOWS)


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_has_few_rights_pinned_actions_and_commands_that_exist(name: str) -> None:
    assert faults(WORKFLOWS[name]) == []


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("permissions: {}", "permissions: write-all", "the workflow has permissions"),
        ("    permissions:\n      contents: read\n", "", "tests: no permissions"),
        ("    timeout-minutes: 30\n", "", "tests: no timeout"),
        (" # v7.0.1", "", "not pinned: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1"),
        ("@3d3c42e5aac5ba805825da76410c181273ba90b1", "@v7", "not pinned: actions/checkout@v7 # v7.0.1"),
        ("persist-credentials: false", "persist-credentials: true", "tests: checkout keeps its token"),
        ("python -m pytest", "python -m pytest ${{ github.ref }}", "tests: an expression in a command"),
        ('".[test]"', '".[tests]"', "tests: no extra tests"),
        ('".[test]"', '".[book]"', "tests: pytest isn't installed"),
        ("-c constraints.txt", "-c constraint.txt", "tests: no file constraint.txt"),
        ("nox -s tests", "nox -s test", "complete: no session test"),
        ('nox -s tests -- -m ""', "nox -s tests -- tests/optimizers", "complete: no tests in tests/optimizers"),
        ('nox -s tests -- -m ""', "nox -s tests -- -k test_nothing", "complete: no test file test_nothing"),
        ('".[dev,bench]"', '".[test]"', "complete: nox isn't installed"),
    ],
)
def test_a_fault_of_a_workflow_is_found(old: str, new: str, fault: str) -> None:
    text = WORKFLOWS["tests.yml"]
    assert old in text
    assert fault in faults(text.replace(old, new))


def readme_test_command(text: str) -> list[str]:
    """The parts of README's command that installs everything and runs the tests, without the virtual environment."""
    _, command = re.findall(r"^```sh\n(.*)\n```$", text, re.MULTILINE)
    return [part.replace(".venv/bin/", "") for part in command.split(" && ")[1:]]


def test_the_tests_run_by_readmes_command() -> None:
    job = yaml.safe_load(WORKFLOWS["tests.yml"])["jobs"]["tests"]
    runs = [step["run"] for step in job["steps"] if "run" in step]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert runs == readme_test_command(readme)
    assert runs != readme_test_command(readme.replace('-m "not slow"', ""))


def number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def version_faults(text: str, classifiers: list[str], requires: str) -> list[str]:
    """Where the tested Python versions and those that the package is declared for differ."""
    job = yaml.safe_load(text)["jobs"]["tests"]
    tested = set(job["strategy"]["matrix"]["python"])
    allowed = set(re.findall(r"matrix\.python == '([\d.]+)'", job["continue-on-error"]))
    declared = {c.rsplit(" ", 1)[1] for c in classifiers if re.fullmatch(r".* Python :: 3\.\d+", c)}
    found = [] if tested - allowed == declared else ["classifiers"]
    found += [] if requires == f">={min(declared, key=number)}" else ["requires-python"]
    newest = max(declared, key=number)
    found += [f"{one} is allowed to fail" for one in sorted(allowed) if number(one) < number(newest)]
    return found


def test_python_versions_that_must_pass_are_the_declared_ones() -> None:
    classifiers, requires = PROJECT["classifiers"], PROJECT["requires-python"]
    text = WORKFLOWS["tests.yml"]
    assert version_faults(text, classifiers, requires) == []
    assert version_faults(text.replace('"3.12", ', ""), classifiers, requires) == ["classifiers"]
    assert version_faults(text.replace("== '3.14'", "== '3.11'"), classifiers, requires) == [
        "classifiers",
        "3.11 is allowed to fail",
    ]
    assert version_faults(text, classifiers, ">=3.10") == ["requires-python"]


def test_only_declared_versions_are_used_outside_the_matrix() -> None:
    used = {version for text in WORKFLOWS.values() for version in re.findall(r'python-version: "([\d.]+)"', text)}
    assert used
    assert {f"Programming Language :: Python :: {version}" for version in used} <= set(PROJECT["classifiers"])


def test_only_the_jobs_that_publish_may_write() -> None:
    writing = {
        (file, name)
        for file, text in WORKFLOWS.items()
        for name, job in yaml.safe_load(text)["jobs"].items()
        if "write" in job["permissions"].values()
    }
    assert writing == {("book.yml", "notebooks"), ("book.yml", "pages"), ("release.yml", "publish")}


def form_faults(text: str) -> list[str]:
    """What an issue form lacks: a name, a description, fields with a label and an id of their own."""
    form = yaml.safe_load(text)
    found = [f"no {key}" for key in ("name", "description", "body") if not form.get(key)]
    fields = form.get("body", [])
    found += [f"no label: {field.get('id')}" for field in fields if not field.get("attributes", {}).get("label")]
    ids = [field.get("id") for field in fields]
    return found + (["ids"] if len(set(ids)) < len(ids) or None in ids else [])


def test_issue_forms() -> None:
    forms = {path.stem: path.read_text(encoding="utf-8") for path in GITHUB.glob("ISSUE_TEMPLATE/*.yml")}
    assert yaml.safe_load(forms.pop("config")) == {"blank_issues_enabled": False}
    assert set(forms) == {"book", "engine", "question"}
    assert {name: found for name, text in forms.items() if (found := form_faults(text))} == {}
    assert form_faults(forms["book"].replace("id: page", "id: text")) == ["ids"]
    assert form_faults(forms["book"].replace("label: Page", "name: Page")) == ["no label: page"]


def test_dependabot_looks_at_actions_and_python() -> None:
    updates = yaml.safe_load((GITHUB / "dependabot.yml").read_text(encoding="utf-8"))["updates"]
    assert {update["package-ecosystem"] for update in updates} == {"github-actions", "pip"}


def release_faults(version: str, citation: str, changelog: str) -> list[str]:
    """Which files don't have the version; a version without a section in the changelog is still unreleased."""
    found = [] if yaml.safe_load(citation)["version"] == version else ["CITATION.cff"]
    sections = re.findall(r"^## \[([^\]]+)\]", changelog, re.MULTILINE)
    return found + ([] if sections[:1] == ["Unreleased"] and sections[1:2] in ([], [version]) else ["CHANGELOG.md"])


def test_citation_and_changelog_have_the_version() -> None:
    citation, changelog = ((ROOT / name).read_text(encoding="utf-8") for name in ("CITATION.cff", "CHANGELOG.md"))
    assert release_faults(PROJECT["version"], citation, changelog) == []
    assert release_faults("99.0", citation, changelog) == ["CITATION.cff"]
    assert release_faults(PROJECT["version"], citation, changelog + "\n## [99.0] - 2099-01-01\n") == ["CHANGELOG.md"]
