r"""A question with a number to type, checked on the page.

    ```{self-check}
    :answer: mg.ema(np.array([3.0]), 0.9, bias_correction=True)[0]
    :rtol: 0.01

    What is $\hat m_1$ for $g_1 = 3$ and $\beta_1 = 0.9$?

    - `0.1 * 3`: That is $m_1$. Divide it by $1 - \beta_1$.
    - `3 / 0.9`: The divisor is $1 - \beta_1^1 = 0.1$.

    The first corrected average is the first gradient itself.
    ```

The answer and the typical wrong ones in the list are Python expressions, computed at build with the engine (`mg`, `np`,
`math`). What follows the list explains the right answer. `:rtol:` is the relative tolerance, 0.01 unless given;
`:digits:` is how many digits the shown answer has, 4 unless given. Without scripts the answer opens in place.
"""

from __future__ import annotations

import base64
import json
import math
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from docutils import nodes
from docutils.parsers.rst import directives
from minigrad_book.extensions.page_assets import use
from sphinx.util.docutils import SphinxDirective

import minigrad as mg

if TYPE_CHECKING:
    from sphinx.application import Sphinx

FORM = """<form hidden data-check="{data}"><label for="{id}">Your answer</label>
<input id="{id}" type="text" inputmode="decimal" autocomplete="off" aria-describedby="{id}-question">
<button type="submit">Check</button><div role="status"></div></form>"""


class SelfCheck(SphinxDirective):
    has_content = True
    option_spec: ClassVar[dict[str, Any]] = {
        "answer": directives.unchanged_required,
        "rtol": float,
        "digits": directives.positive_int,
    }

    def run(self) -> list[nodes.Node]:
        try:
            question, mistakes, why = parts(self.parsed())
            answer = evaluate(self.options.get("answer", ""))
            task = as_task(answer, self.options.get("rtol", 0.01), [evaluate(text) for text, _ in mistakes])
        except ValueError as error:
            raise self.error(f"self-check: {error}") from None
        use(self.env, "self-check.js", "self-check.css")
        name = f"check-{self.env.new_serialno('self-check') + 1}"
        data = base64.b64encode(json.dumps(task).encode()).decode()
        title = nodes.paragraph("", "Check yourself", classes=["mg-check-title"])
        shown = nodes.paragraph("", "", nodes.strong("", f"{answer:.{self.options.get('digits', 4)}g}"))
        box = nodes.container(
            "",
            title,
            nodes.container("", *question, ids=[f"{name}-question"]),
            html(FORM.format(data=data, id=name)),
            html("<details><summary>Show the answer</summary>"),
            nodes.container("", shown, nodes.container("", *why, classes=["mg-why"])),
            html("</details>"),
            *(nodes.container("", *message, classes=["mg-mistake"]) for _, message in mistakes),
            classes=["mg-check"],
        )
        self.set_source_info(box)
        return [box]

    def parsed(self) -> list[nodes.Node]:
        content = nodes.container()
        self.state.nested_parse(self.content, self.content_offset, content)
        return content.children


def parts(content: list[nodes.Node]) -> tuple[list[nodes.Node], list[tuple[str, list[nodes.Node]]], list[nodes.Node]]:
    """(question, [(expression of a wrong answer, what to say to it)], explanation of the right one)."""
    place = next((i for i, node in enumerate(content) if isinstance(node, nodes.bullet_list)), None)
    if not place:
        raise ValueError("needed are a question and then a list of typical wrong answers: - `expression`: what to say")
    return content[:place], [mistake(item) for item in content[place].children], content[place + 1 :]


def mistake(item: nodes.Node) -> tuple[str, list[nodes.Node]]:
    first, *rest = item.children[0].children
    if not isinstance(first, nodes.literal) or not rest:
        raise ValueError(f"a wrong answer is written - `expression`: what to say, got {item.astext()!r}")
    if isinstance(rest[0], nodes.Text):
        rest[0] = nodes.Text(rest[0].removeprefix(":").lstrip())
    return first.astext(), [nodes.paragraph("", "", *rest), *item.children[1:]]


def evaluate(expression: str) -> float:
    """The finite number that the expression gives."""
    try:
        value = float(eval(expression, {"mg": mg, "np": np, "math": math}))
    except Exception as error:
        raise ValueError(f"{expression!r} doesn't give a number: {type(error).__name__}: {error}") from error
    if not math.isfinite(value):
        raise ValueError(f"{expression!r} gives {value}, needed is a finite number")
    return value


def as_task(answer: float, rtol: float, mistakes: list[float]) -> dict[str, Any]:
    """What the script needs; ValueError if a wrong answer can't be told from the right one or from another."""
    values = [answer, *mistakes]
    for i, value in enumerate(values):
        for other in values[:i]:
            if abs(value - other) <= rtol * (max(abs(value), abs(other)) or 1):
                raise ValueError(f"{other:g} and {value:g} are the same answer to a relative tolerance of {rtol:g}")
    return {"answer": answer, "rtol": rtol, "mistakes": mistakes}


def html(text: str) -> nodes.raw:
    return nodes.raw("", text, format="html")


def setup(app: Sphinx) -> dict[str, Any]:
    app.setup_extension("minigrad_book.extensions.page_assets")
    app.add_directive("self-check", SelfCheck)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
