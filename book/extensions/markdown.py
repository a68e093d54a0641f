"""A page as Markdown that any notebook reader shows: numbers, references and citations are text.

What the page links to inside the book becomes a link to the published site if `html_baseurl` names it, and plain text
if it doesn't: a notebook that lies in somebody's folder has no pages around it.
"""

from __future__ import annotations

import base64
import re
from posixpath import dirname, join, normpath
from typing import TYPE_CHECKING

from docutils import nodes
from sphinx_markdown_builder.contexts import IndentContext, SubContext, SubContextParams, TableContext, WrappedContext
from sphinx_markdown_builder.translator import MarkdownTranslator

if TYPE_CHECKING:
    from sphinx.builders.html import StandaloneHTMLBuilder

QUOTE = SubContextParams(2, 2)
SVG = re.compile(r"<svg\b.*?</svg>", re.DOTALL)


class PageTranslator(MarkdownTranslator):
    """Markdown of one node of a page and all below it.

    Attributes
    ----------
    pictures : dict of str to str
        The pictures that the text shows as `attachment:NAME`: name → SVG in base64.
    """

    builder: StandaloneHTMLBuilder  # type: ignore[assignment]  # the base class was written for its own builder

    def __init__(self, document: nodes.document, builder: StandaloneHTMLBuilder, docname: str) -> None:
        super().__init__(document, builder)  # type: ignore[arg-type]  # as above
        self.docname = docname
        self.pictures: dict[str, str] = {}

    # --- numbers

    def number(self, kind: str, ids: list[str]) -> str:
        """The number of an equation, a figure, a theorem or an exercise, such as "3.2"; nothing for one without."""
        numbers = self.builder.env.toc_fignumbers.get(self.docname, {}).get(kind, {})
        return next((".".join(map(str, numbers[one])) for one in ids if one in numbers), "")

    # --- formulas

    def visit_math(self, node: nodes.math) -> None:
        tex = " ".join(node.astext().split())
        if any(isinstance(context, TableContext) for context in self._ctx_queue):
            tex = tex.replace(r"\|", r"\Vert ").replace("|", r"\vert ")
        self.add(f"${tex}$")
        raise nodes.SkipNode

    def visit_math_block(self, node: nodes.math_block) -> None:
        tex, number = node.astext().strip(), self.number("displaymath", node["ids"])
        tag = rf"\tag{{{number}}}" if number else ""
        if node.get("nowrap"):
            text = tex
        elif r"\\" in tex and r"\begin{" not in tex:
            text = f"$$\n\\begin{{aligned}}\n{tex}\n\\end{{aligned}}{tag}\n$$"
        else:
            text = f"$$\n{tex}{tag}\n$$"
        self.add(text, prefix_eol=2, suffix_eol=2)
        raise nodes.SkipNode

    # --- links

    def address(self, node: nodes.reference) -> str:
        """Where a reference leads: outside, or on the published site; nothing if the site has no address."""
        uri, base = node.get("refuri", ""), self.config.html_baseurl
        if uri and not node.get("internal"):
            return uri
        if not base:
            return ""
        page = self.builder.get_target_uri(self.docname)
        place = normpath(join(dirname(page), uri.partition("#")[0])) if uri.partition("#")[0] else page
        anchor = node.get("refid") or uri.partition("#")[2]
        return f"{base.rstrip('/')}/{place}" + (f"#{anchor}" if anchor else "")

    def visit_reference(self, node: nodes.reference) -> None:
        address = self.address(node)
        context = WrappedContext("[", f"]({address})") if address and node.astext() else SubContext()
        self._push_context(context)

    def depart_reference(self, node: nodes.reference) -> None:
        self._pop_context()

    visit_number_reference, depart_number_reference = visit_reference, depart_reference

    def visit_download_reference(self, node: nodes.Element) -> None:
        self._push_context(SubContext())

    depart_download_reference = depart_reference

    def visit_target(self, node: nodes.target) -> None:
        raise nodes.SkipNode

    # --- boxes

    def quote(self, title: str) -> None:
        self._push_context(IndentContext("> ", params=QUOTE))
        self.add(f"**{title}**", suffix_eol=2)

    def visit_theorem_node(self, node: nodes.Element) -> None:
        kind = node.get("realtype", "theorem")
        name = node["title"].strip() if node.get("title") else ""
        number = self.number(node.get("countertype", kind), node["ids"])
        self.quote(" ".join(part for part in (kind.capitalize(), number, name) if part))
        self.inside(node)

    visit_lemma_node = visit_definition_node = visit_corollary_node = visit_proposition_node = visit_theorem_node

    def visit_proof_node(self, node: nodes.Element) -> None:
        """A proof holds a box whose text begins with the word."""
        self._push_context(IndentContext("> ", params=QUOTE))
        self.inside(node.children[0])

    def visit_admonition(self, node: nodes.Element) -> None:
        title = next((child.astext() for child in node.children if isinstance(child, nodes.title)), "Note")
        self.quote(title)
        self.inside(node)

    visit_margin = visit_sidebar = visit_admonition

    def inside(self, node: nodes.Element) -> None:
        """Add what the box holds, without its title and without the section around it, and close the box."""
        for child in node.children:
            if isinstance(child, nodes.title):
                continue
            for part in child.children if isinstance(child, nodes.section) else [child]:
                part.walkabout(self)
        self._pop_context()
        raise nodes.SkipNode

    def visit_dropdown_main(self, node: nodes.Element) -> None:
        titles = (child for child in node.children if type(child).__name__ == "dropdown_title")
        title = "".join(text for child in titles for text in child.findall(nodes.Text) if not is_raw(text.parent))
        self.add(f"<details><summary>{title.strip()}</summary>", prefix_eol=2, suffix_eol=2)
        for child in node.children:
            if type(child).__name__ != "dropdown_title":
                child.walkabout(self)
        self.add("</details>", prefix_eol=2, suffix_eol=2)
        raise nodes.SkipNode

    # --- code and figures

    def visit_literal_block(self, node: nodes.literal_block) -> None:
        if node.get("language") == "default":  # what a page quotes without naming a language is Python
            node["language"] = "python"
        super().visit_literal_block(node)

    def visit_figure(self, node: nodes.figure) -> None:
        svg = next((match[0] for raw in node.findall(nodes.raw) for match in [SVG.search(raw.astext())] if match), "")
        name = f"{(node['names'] or node['ids'] or ['figure'])[0]}.svg"
        alt = re.search(r'aria-label="([^"]*)"|<title[^>]*>([^<]*)', svg)
        if svg:
            self.pictures[name] = base64.b64encode(standalone(svg).encode()).decode()
            self.add(f"![{(alt[1] or alt[2]) if alt else ''}](attachment:{name})", prefix_eol=2, suffix_eol=2)
        self.caption(node)
        if "mg-explorable" in node["classes"] and self.config.html_baseurl:
            page = f"{self.config.html_baseurl.rstrip('/')}/{self.builder.get_target_uri(self.docname)}"
            self.add(f"[Move it on the page]({page})", prefix_eol=2, suffix_eol=2)
        raise nodes.SkipNode

    def caption(self, node: nodes.Element) -> None:
        """The caption of a figure or a table, with its number."""
        for caption in node.findall(nodes.caption):
            number = self.number("figure", node["ids"])
            self._push_context(SubContext(QUOTE))
            self.add(f"*Figure {number}.* " if number else "")
            for child in caption.children:
                child.walkabout(self)
            self._pop_context()

    def visit_raw(self, node: nodes.raw) -> None:
        raise nodes.SkipNode

    def visit_HideCodeCellNode(self, node: nodes.Element) -> None:  # noqa: N802  # the node's name
        raise nodes.SkipNode


def is_raw(node: nodes.Node | None) -> bool:
    return isinstance(node, nodes.raw)


def standalone(svg: str) -> str:
    """A picture of a page as a file of its own: it needs its namespace, and colours that no page gives it."""
    head, rest = svg.split(">", 1)
    if "xmlns=" not in head:
        head += ' xmlns="http://www.w3.org/2000/svg"'
    svg = f"{head}>{rest}"
    svg = re.sub(r"var\(--[\w-]+,\s*([^()]+)\)", r"\1", svg)
    return svg.replace("currentColor", "black")


def markdown(node: nodes.Node, page: PageTranslator) -> str:
    """The Markdown of a node; `page` keeps its pictures."""
    translator = PageTranslator(page.document, page.builder, page.docname)
    translator.pictures = page.pictures
    translator._push_status(section_level=page.status.section_level)
    node.walkabout(translator)
    return in_one_piece(translator.astext().strip())


def in_one_piece(text: str) -> str:
    """A quotation of several paragraphs as one: its blank lines begin with `>`, too."""
    return re.sub(r"^((?:> )+)(.*)\n\n(?=\1)", lambda m: f"{m[1]}{m[2]}\n{m[1].rstrip()}\n", text, flags=re.MULTILINE)
