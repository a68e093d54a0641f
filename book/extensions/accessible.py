"""For readers who can't see the page: warn, and so fail a build with -W, at every picture without an alternative text.

And mend what docutils writes: entries of the bibliography get the role that their list needs, and the empty corner of a
table is no heading.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.util import logging

if TYPE_CHECKING:
    from sphinx.application import Sphinx

logger = logging.getLogger(__name__)

PICTURE = re.compile(r"<(?:svg|img)\b[^>]*>", re.IGNORECASE)
ALT = re.compile(r"""\b(?:alt|aria-label|aria-labelledby)\s*=\s*(["'])\s*\S.*?\1""", re.DOTALL)
HIDDEN = re.compile(r"""aria-hidden\s*=\s*["']?true""")


def mute_pictures(html: str) -> list[str]:
    """The start tags of the `<svg>` and `<img>` elements in `html` that say nothing to who can't see them."""
    return [tag for tag in PICTURE.findall(html) if not ALT.search(tag) and not HIDDEN.search(tag)]


def check(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    for image in doctree.findall(nodes.image):
        if not image.get("alt", "").strip():
            logger.warning("picture without alt text: %s", image.get("uri"), location=image, type="accessible")
    for raw in doctree.findall(nodes.raw):
        for tag in mute_pictures(raw.astext()) if "html" in raw.get("format", "") else []:
            logger.warning("picture without alt text: %s", tag[:120], location=raw, type="accessible")


def mend(html: str) -> str:
    html = html.replace('role="doc-biblioentry"', 'role="listitem"')
    return re.sub(r'<th class="([^"]*)"><p></p></th>', r'<td class="\1"></td>', html)


def mend_page(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    if "body" in context:
        context["body"] = mend(context["body"])


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("doctree-resolved", check)
    app.connect("html-page-context", mend_page)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
