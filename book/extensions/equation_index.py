"""Tie every numbered equation to a line of the program and to a test.

An equation labelled `eq:NAME` needs a line tagged `# eq:NAME` in the program and a test marked
`@pytest.mark.equation("NAME")`; a tag or a mark needs the equation. Whatever is missing is a warning, so `-W` fails
the build. A label without the `eq:` prefix is a step of a derivation and is left alone.

The directive `{equation-index}` lists all of it. Each tagged file becomes a page of the site, and wherever the
program is shown, a tag leads back to its equation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from pathlib import Path
from posixpath import relpath
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from docutils import nodes
from minigrad_book.extensions.equation_tags import NAME, Place, source_tags, test_tags
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.builders.html import StandaloneHTMLBuilder
    from sphinx.environment import BuildEnvironment

logger = logging.getLogger(__name__)

PREFIX = "eq:"
PAGES = "source"  # folder of the pages that show files


class Equation(NamedTuple):
    docname: str
    line: int | None
    tex: str


class IndexNode(nodes.General, nodes.Element):
    """Where the index goes; filled in when every page is known."""


class EquationIndex(SphinxDirective):
    has_content = False
    option_spec: ClassVar[dict[str, Any]] = {}

    def run(self) -> list[nodes.Node]:
        state(self.env)["index"].add(self.env.docname)
        return [IndexNode()]


def state(env: BuildEnvironment) -> dict[str, Any]:
    """What is kept from one build to the next: label → Equation, and the pages that hold an index."""
    if not hasattr(env, "equation_index"):
        env.equation_index = {"equations": {}, "index": set()}  # type: ignore[attr-defined]
    return env.equation_index  # type: ignore[attr-defined, no-any-return]


def forget(app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    equations = state(env)["equations"]
    for name in [name for name, equation in equations.items() if equation.docname == docname]:
        del equations[name]
    state(env)["index"].discard(docname)


def collect(app: Sphinx, doctree: nodes.document) -> None:
    for node in doctree.findall(nodes.math_block):
        label = node.get("label") or ""
        if label.startswith(PREFIX):
            equation = Equation(app.env.docname, node.line, node.astext())
            state(app.env)["equations"][label.removeprefix(PREFIX)] = equation


def find_tags(app: Sphinx) -> None:
    root = Path(app.srcdir)
    app.equation_sources = source_tags(root, app.config.equation_source)  # type: ignore[attr-defined]
    app.equation_tests = test_tags(root, app.config.equation_tests)  # type: ignore[attr-defined]


def missing(
    equations: dict[str, Equation], sources: dict[str, list[Place]], tests: dict[str, list[Place]]
) -> Iterator[tuple[str, Equation | Place]]:
    """(what is missing, the place that needs it)."""
    for name, equation in equations.items():
        if name not in sources:
            yield f"equation eq:{name} has no line of the program: tag the line with '# eq:{name}'", equation
        if name not in tests:
            yield f'equation eq:{name} has no test: mark one with @pytest.mark.equation("{name}")', equation
    for what, places in (("tag", sources), ("test", tests)):
        for name in places.keys() - equations.keys():
            yield f"{what} for eq:{name}, but no equation of the book is labelled so", places[name][0]


def check(app: Sphinx, env: BuildEnvironment) -> list[str]:
    equations = state(env)["equations"]
    for message, where in missing(equations, app.equation_sources, app.equation_tests):  # type: ignore[attr-defined]
        location: Any = (where.docname, where.line) if isinstance(where, Equation) else f"{where.path}:{where.line}"
        logger.warning(message, location=location, type="equation_index")
    pages = sorted(state(env)["index"])
    for docname in pages:  # the index page shows formulas that it doesn't define
        env.get_domain("math").data["has_equations"][docname] = True
    return pages


def fill_index(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    for placeholder in doctree.findall(IndexNode):
        placeholder.replace_self(list(index(app, docname)))


def index(app: Sphinx, docname: str) -> Iterator[nodes.Node]:
    """A summary, then for each chapter, in the book's order, its title and its equations."""
    equations: dict[str, Equation] = state(app.env)["equations"]
    sources, tests = app.equation_sources, app.equation_tests  # type: ignore[attr-defined]
    lines, checks = (len({place for places in found.values() for place in places}) for found in (sources, tests))
    yield nodes.paragraph("", f"{len(equations)} equations, {lines} lines of the program, {checks} tests.")
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
    numbers = app.env.toc_fignumbers.get(equation.docname, {}).get("displaymath", {}).get(anchor(name), ())
    number = f"({'.'.join(map(str, numbers))}) " if numbers else ""
    title = nodes.reference("", f"{number}{PREFIX}{name}", refuri=equation_uri(app, docname, name), internal=True)
    status = "computed and tested" if sources and tests else "incomplete"
    mark = nodes.inline("", f"{'✓' if sources and tests else '✗'} {status}", classes=["eq-status"])
    return nodes.container(
        "",
        nodes.paragraph("", "", title, nodes.Text(" "), mark),
        nodes.math_block(equation.tex, equation.tex, nowrap=False, number=None),
        nodes.paragraph("", "Computed in ", *places(app, docname, sources, "no line of the program")),
        nodes.paragraph("", "Tested by ", *places(app, docname, tests, "no test")),
        classes=["eq-entry"],
    )


def places(app: Sphinx, docname: str, found: list[Place], nothing: str) -> list[nodes.Node]:
    links: list[nodes.Node] = []
    for place in found:
        uri = app.builder.get_relative_uri(docname, page_of(place.path)) + f"#L-{place.line}"
        code = nodes.literal("", place.name or place.path)
        link = nodes.reference("", "", code, refuri=uri, internal=True, reftitle=f"{place.path}, line {place.line}")
        links += [nodes.Text(", "), link] if links else [link]
    return links or [nodes.strong("", nothing)]


def anchor(name: str) -> str:
    return nodes.make_id(f"equation-{PREFIX}{name}")


def equation_uri(app: Sphinx, docname: str, name: str) -> str:
    return app.builder.get_relative_uri(docname, state(app.env)["equations"][name].docname) + "#" + anchor(name)


def page_of(path: str) -> str:
    return f"{PAGES}/{path.removesuffix('.py')}"


def source_pages(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    """A page for each file with a tagged line or a marked test; line 12 has the anchor `L-12`."""
    if app.builder.format != "html":
        return
    builder: StandaloneHTMLBuilder = app.builder  # type: ignore[assignment]
    tagged = [*app.equation_sources.values(), *app.equation_tests.values()]  # type: ignore[attr-defined]
    for path in sorted({place.path for found in tagged for place in found}):
        text = Path(app.srcdir, path).read_text(encoding="utf-8")
        code = builder.highlighter.highlight_block(text, "python", linespans="L")
        body = f'<section><h1>{escape(path)}</h1><div class="highlight-python">{code}</div></section>'
        yield page_of(path), {"title": path, "body": body, "parents": []}, "page.html"


def link_tags(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """In the highlighted program, make each tag a link to its equation."""
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
    app.add_config_value("equation_source", "minigrad", "env")
    app.add_config_value("equation_tests", "tests", "env")
    app.add_node(IndexNode)
    app.add_directive("equation-index", EquationIndex)
    app.connect("builder-inited", find_tags)
    app.connect("env-purge-doc", forget)
    app.connect("doctree-read", collect)
    app.connect("env-updated", check)
    app.connect("doctree-resolved", fill_index)
    app.connect("html-collect-pages", source_pages)
    app.connect("html-page-context", link_tags)
    return {"version": "1", "env_version": 1, "parallel_read_safe": False, "parallel_write_safe": True}
