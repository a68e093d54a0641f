"""What a self-check refuses at build, and how its script judges what a reader types."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

pytest.importorskip("sphinx")

from docutils import nodes
from self_check import as_task, evaluate, parts

STATIC = Path(__file__).parents[2] / "book" / "_static"
TASK = {"answer": 3.0, "rtol": 0.01, "mistakes": [0.3, 3.333]}


def item(*children: nodes.Node) -> nodes.list_item:
    return nodes.list_item("", nodes.paragraph("", "", *children))


def test_parts_are_question_mistakes_and_explanation() -> None:
    listed = nodes.bullet_list("", item(nodes.literal("", "0.1 * 3"), nodes.Text(": That is m.")))
    content = [nodes.paragraph("", "What is it?"), listed, nodes.paragraph("", "Because.")]
    question, ((expression, message),), why = parts(content)
    assert [node.astext() for node in question] == ["What is it?"]
    assert expression == "0.1 * 3"
    assert message[0].astext() == "That is m."
    assert [node.astext() for node in why] == ["Because."]


@pytest.mark.parametrize(
    "content",
    [
        [nodes.paragraph("", "A question alone?")],
        [nodes.bullet_list("", item(nodes.literal("", "1"), nodes.Text(": x")))],
        [nodes.paragraph("", "A question?"), nodes.bullet_list("", item(nodes.Text("no expression")))],
        [nodes.paragraph("", "A question?"), nodes.bullet_list("", item(nodes.literal("", "1")))],
    ],
)
def test_a_malformed_one_is_refused(content: list[nodes.Node]) -> None:
    with pytest.raises(ValueError, match="expression"):
        parts(content)


def test_expressions_are_computed_by_the_engine() -> None:
    assert evaluate("mg.ema(np.array([3.0]), 0.9, bias_correction=True)[0]") == pytest.approx(3)
    assert evaluate("math.sqrt(4)") == 2


@pytest.mark.parametrize("expression", ["", "1/0", "unknown", "'text'", "float('nan')", "[1, 2]"])
def test_what_gives_no_number_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match="number"):
        evaluate(expression)


def test_answers_that_cannot_be_told_apart_are_refused() -> None:
    assert as_task(3.0, 0.01, [0.3, 3.333])["mistakes"] == [0.3, 3.333]
    with pytest.raises(ValueError, match="same answer"):
        as_task(3.0, 0.01, [3.01])
    with pytest.raises(ValueError, match="same answer"):
        as_task(3.0, 0.01, [1.0, 1.001])


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("3", "Right."),
        ("3.02", "Right."),
        (" 3,0 ", "Right."),
        ("6/2", "Right."),
        ("3e0", "Right."),
        ("0.3", 0),
        ("3.33", 1),
        ("-3", "sign"),
        ("−3", "sign"),
        ("3.1", "Close"),
        ("30", "factor of 10"),
        ("0.003", "factor of 1000"),
        ("7", "Too large"),
        ("1", "Too small"),
        ("-7", "Too small"),
        ("", "Type a number"),
        ("three", "Type a number"),
        ("1/0", "Type a number"),
        ("1/2/3", "Type a number"),
    ],
)
def test_the_script_says_what_is_wrong(typed: str, said: str | int) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs Node")
    module = (STATIC / "self-check.model.js").as_uri()
    code = f"const {{ judge }} = await import('{module}'); console.log(JSON.stringify(judge({typed!r}, {json.dumps(TASK)})))"
    done = subprocess.run([node, "--input-type=module", "-e", code], capture_output=True, text=True, check=True)
    verdict = json.loads(done.stdout)
    assert verdict["right"] == (said == "Right.")
    if isinstance(said, int):
        assert verdict["mistake"] == said
    else:
        assert said in verdict["message"]
