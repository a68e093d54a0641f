"""Link every numbered equation with the line of code that computes it and the test that checks it.

An equation labelled `eq:NAME` needs a line of the engine tagged `# eq:NAME` and a test marked
`@pytest.mark.equation("NAME")`; a tag or a mark needs the equation. If one of them is missing, there is a warning, and
with `-W` the build fails. A label without the `eq:` prefix is for a step of a derivation and needs neither.

The directive `{equation-index}` lists all equations. In code on a page, each tag is a link to its equation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from posixpath import relpath
from typing import TYPE_CHECKING, Any, NamedTuple

from docutils import nodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from minigrad_book.extensions.source import line_uri
from minigrad_book.extensions.tags import NAME, SOURCE, TESTS, Place, source_tags, test_tags

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

logger = logging.getLogger(__name__)

PREFIX = "eq:"


class Equation(NamedTuple):
    docname: str
    line: int | None
    tex: str


class IndexNode(nodes.General, nodes.Element):
    """A placeholder for the index, replaced when all pages have been read."""


class EquationIndex(SphinxDirective):
    has_content = False

    def run(self) -> list[nodes.Node]:
        show_equations(self.env)
        return [IndexNode()]


def state(env: BuildEnvironment) -> dict[str, Any]:
    """Return what is kept between builds: label → Equation, and the pages that show equations of other pages."""
    if not hasattr(env, "equation_index"):
        env.equation_index = {"equations": {}, "shown_on": set()}  # type: ignore[attr-defined]
    return env.equation_index  # type: ignore[attr-defined, no-any-return]


def show_equations(env: BuildEnvironment) -> None:
    """Have the current page written in every build, because an equation may have changed."""
    state(env)["shown_on"].add(env.docname)


def forget(app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    equations = state(env)["equations"]
    for name in [name for name, equation in equations.items() if equation.docname == docname]:
        del equations[name]
    state(env)["shown_on"].discard(docname)


def collect(app: Sphinx, doctree: nodes.document) -> None:
    for node in doctree.findall(nodes.math_block):
        label = node.get("label") or ""
        if label.startswith(PREFIX):
            equation = Equation(app.env.docname, node.line, node.astext())
            state(app.env)["equations"][label.removeprefix(PREFIX)] = equation


def find_tags(app: Sphinx) -> None:
    root = Path(app.srcdir)
    app.equation_sources = source_tags(root, SOURCE)  # type: ignore[attr-defined]
    app.equation_tests = test_tags(root, TESTS)  # type: ignore[attr-defined]


def missing(
    equations: dict[str, Equation], sources: dict[str, list[Place]], tests: dict[str, list[Place]]
) -> Iterator[tuple[str, Equation | Place]]:
    """Yield (what is missing, the place that needs it)."""
    for name, equation in equations.items():
        if name not in sources:
            yield f"equation eq:{name} has no line of code: tag the line that computes it with '# eq:{name}'", equation
        if name not in tests:
            yield f'equation eq:{name} has no test: mark one with @pytest.mark.equation("{name}")', equation
    for what, places in (("tag", sources), ("test", tests)):
        for name in places.keys() - equations.keys():
            yield f"{what} for eq:{name}, but no equation of the book has that label", places[name][0]


def check(app: Sphinx, env: BuildEnvironment) -> list[str]:
    equations = state(env)["equations"]
    for message, where in missing(equations, app.equation_sources, app.equation_tests):  # type: ignore[attr-defined]
        location: Any = (where.docname, where.line) if isinstance(where, Equation) else f"{where.path}:{where.line}"
        logger.warning(message, location=location, type="equation_index")
    pages = sorted(state(env)["shown_on"])
    for docname in pages:  # formulas from other pages also need MathJax
        env.get_domain("math").data["has_equations"][docname] = True
    return pages


def fill_index(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    for placeholder in doctree.findall(IndexNode):
        placeholder.replace_self(list(index(app, docname)))


def index(app: Sphinx, docname: str) -> Iterator[nodes.Node]:
    """Yield a summary, then the title and the equations of each chapter, in the book's order."""
    equations: dict[str, Equation] = state(app.env)["equations"]
    sources, tests = app.equation_sources, app.equation_tests  # type: ignore[attr-defined]
    lines, checks = (len({place for places in found.values() for place in places}) for found in (sources, tests))
    yield nodes.paragraph("", f"{len(equations)} equations, {lines} lines of code, {checks} tests.")
    order = list(app.env.toctree_includes.get(app.config.root_doc, []))
    chapters = sorted({e.docname for e in equations.values()}, key=lambda d: order.index(d) if d in order else -1)
    for chapter in chapters:
        title = app.env.titles[chapter].astext()
        uri = app.builder.get_relative_uri(docname, chapter)
        yield nodes.rubric("", "", nodes.reference("", title, refuri=uri, internal=True))
        for name, equation in equations.items():
            if equation.docname == chapter:
                yield entry(app, docname, name, equation, sources.get(name, []), tests.get(name, []))


def entry(
    app: Sphinx, docname: str, name: str, equation: Equation, sources: list[Place], tests: list[Place]
) -> nodes.container:
    status = "computed and tested" if sources and tests else "incomplete"
    mark = nodes.inline("", f"{'✓' if sources and tests else '✗'} {status}", classes=["eq-status"])
    return nodes.container(
        "",
        nodes.paragraph("", "", link_to(app, docname, name), nodes.Text(" "), mark),
        formula(equation),
        nodes.paragraph("", "Computed in ", *places(app, docname, sources, "no line of code")),
        nodes.paragraph("", "Tested by ", *places(app, docname, tests, "no test")),
        classes=["eq-entry"],
    )


def link_to(app: Sphinx, docname: str, name: str) -> nodes.reference:
    """Return a link from the page `docname` to the equation, with its number and label."""
    equation = state(app.env)["equations"][name]
    numbers = app.env.toc_fignumbers.get(equation.docname, {}).get("displaymath", {}).get(anchor(name), ())
    number = f"({'.'.join(map(str, numbers))}) " if numbers else ""
    uri = app.builder.get_relative_uri(docname, equation.docname) + "#" + anchor(name)
    return nodes.reference("", f"{number}{PREFIX}{name}", refuri=uri, internal=True)


def formula(equation: Equation) -> nodes.math_block:
    """Return the equation without its number."""
    return nodes.math_block(equation.tex, equation.tex, nowrap=False, number=None)


def places(app: Sphinx, docname: str, found: list[Place], nothing: str) -> list[nodes.Node]:
    links: list[nodes.Node] = []
    for place in found:
        uri = line_uri(app, docname, place.path, place.line)
        code = nodes.literal("", place.name or place.path)
        link = nodes.reference("", "", code, refuri=uri, internal=True, reftitle=f"{place.path}, line {place.line}")
        links += [nodes.Text(", "), link] if links else [link]
    return links or [nodes.strong("", nothing)]


def anchor(name: str) -> str:
    return nodes.make_id(f"equation-{PREFIX}{name}")


def link_tags(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """Turn each tag in highlighted code into a link to its equation."""
    body = context.get("body")
    if isinstance(body, str) and PREFIX in body:
        equations = state(app.env)["equations"]
        here = pagename.rpartition("/")[0] or "."

        def link(match: re.Match[str]) -> str:
            if match[1] not in equations:
                return match[0]
            target = app.builder.get_target_uri(equations[match[1]].docname)
            return f'<a class="eq-tag" href="{relpath(target, here)}#{anchor(match[1])}">{match[0]}</a>'

        comment = re.compile(r'(<span class="c1">)(.*?)(</span>)')
        tag = re.compile(rf"\b{PREFIX}({NAME})")
        context["body"] = comment.sub(lambda m: m[1] + tag.sub(link, m[2]) + m[3], body)


def setup(app: Sphinx) -> dict[str, Any]:
    app.setup_extension("minigrad_book.extensions.source")
    app.add_node(IndexNode)
    app.add_directive("equation-index", EquationIndex)
    app.connect("builder-inited", find_tags)
    app.connect("env-purge-doc", forget)
    app.connect("doctree-read", collect)
    app.connect("env-updated", check)
    app.connect("doctree-resolved", fill_index)
    app.connect("html-page-context", link_tags)
    return {"version": "1", "env_version": 1, "parallel_read_safe": False, "parallel_write_safe": True}
