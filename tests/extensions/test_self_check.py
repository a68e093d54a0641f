"""Self-checks: the errors at build time, and the check of answers in the script."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("sphinx")

from docutils import nodes

from minigrad_book.extensions.practice import as_task, evaluate, parts


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
def test_a_malformed_self_check_is_an_error(content: list[nodes.Node]) -> None:
    with pytest.raises(ValueError, match="expression"):
        parts(content)


def test_expressions_may_use_the_engine() -> None:
    assert evaluate("mg.ema(np.array([3.0]), 0.9, bias_correction=True)[0]") == pytest.approx(3)
    assert evaluate("math.sqrt(4)") == 2


@pytest.mark.parametrize("expression", ["", "1/0", "unknown", "'text'", "float('nan')", "[1, 2]"])
def test_an_expression_without_a_finite_number_is_an_error(expression: str) -> None:
    with pytest.raises(ValueError, match="number"):
        evaluate(expression)


def test_answers_within_the_tolerance_of_each_other_are_an_error() -> None:
    assert as_task(3.0, 0.01, [0.3, 3.333])["mistakes"] == [0.3, 3.333]
    with pytest.raises(ValueError, match="agree within the relative tolerance"):
        as_task(3.0, 0.01, [3.01])
    with pytest.raises(ValueError, match="agree within the relative tolerance"):
        as_task(3.0, 0.01, [1.0, 1.001])


Javascript = Callable[[str, list[Any]], list[Any]]


class TestSelfCheck:
    MESSAGES = {
        **dict.fromkeys(["3", "3.02", " 3,0 ", "6/2", "3e0"], "Right."),
        **dict.fromkeys(["-3", "−3"], "the sign isn’t"),
        "3.1": "Close",
        "30": "factor of 10.",
        "0.003": "factor of 1000",
        "7": "Too large",
        **dict.fromkeys(["1", "-7", "0"], "Too small"),
        **dict.fromkeys(["", "three", "1/0", "1/2/3", "1/"], "Type a number"),
    }

    def test_the_message_explains_what_is_wrong(self, javascript: Javascript) -> None:
        task = {"answer": 3.0, "rtol": 0.01, "mistakes": [0.3, 3.333]}
        verdicts = javascript(
            "self-check.model.js", [["judge", [typed, task]] for typed in [*self.MESSAGES, "0.3", "3.33"]]
        )
        for (typed, message), verdict in zip(self.MESSAGES.items(), verdicts, strict=False):
            assert message in verdict["message"], typed
            assert verdict["right"] == (message == "Right.")
        assert [verdict["mistake"] for verdict in verdicts[-2:]] == [0, 1]

    def test_an_answer_of_zero(self, javascript: Javascript) -> None:
        task = {"answer": 0.0, "rtol": 0.01, "mistakes": [1.0]}
        calls = [["judge", [typed, task]] for typed in ("0", "0.001", "0.5", "-2")]
        verdicts = javascript("self-check.model.js", calls)
        assert [verdict["message"] for verdict in verdicts] == ["Right.", "Right.", "Too large.", "Too small."]
