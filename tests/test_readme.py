"""The example of README.md works. (Its two commands are tested by `.ci/run`.)"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def test_the_example_trains(capsys):
    pytest.importorskip("sklearn")
    (example,) = blocks("python")
    assert len(example.splitlines()) <= 10
    exec(compile(example, "README.md", "exec"), {})
    assert float(capsys.readouterr().out) > 0.93


def test_the_two_commands_do_not_install_pytorch():
    commands = blocks("sh")
    assert len(commands) == 2
    assert all(len(command.splitlines()) == 1 for command in commands)
    assert not any(extra in command for command in commands for extra in ("bench", "dev", "torch"))
