"""What a self-check refuses at build. How its script judges is in tests/explorables/."""

from __future__ import annotations

import pytest

pytest.importorskip("sphinx")

from docutils import nodes
from self_check import as_task, evaluate, parts


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
