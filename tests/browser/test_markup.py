"""No Markdown markup is left in the pages' text. (The build doesn't warn of emphasis or formulas it can't parse.)"""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

MARKUP = re.compile(r"\*\*|\$|`|\]\(|\{[a-z:]+\}|\\[a-z]+")
UNREAD = {"script", "style", "svg", "pre", "code", "textarea"}  # text that isn't prose
VOID = {"br", "hr", "img", "input", "link", "meta", "source", "wbr"}


class Prose(HTMLParser):
    """The text of a page's article, without code and formulas."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[bool] = []  # for each open element inside the article, whether its text counts
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in VOID or not (self.open or tag == "article"):
            return
        formula = re.search(r"\bmath\b", dict(attrs).get("class") or "")
        self.open.append((self.open[-1] if self.open else True) and tag not in UNREAD and not formula)

    def handle_endtag(self, tag: str) -> None:
        if self.open and tag not in VOID:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1]:
            self.text += data


def left(html: str) -> list[str]:
    """Return everything that looks like markup, with some of the text around it."""
    text = Prose(html).text
    return [text[max(0, found.start() - 40) : found.end() + 20] for found in MARKUP.finditer(text)]


def test_no_markup_is_left_on_the_pages(site: Path) -> None:
    pages = {
        path.relative_to(site).as_posix(): left(path.read_text(encoding="utf-8"))
        for path in (site / "book").rglob("*.html")
    }
    assert len(pages) > 10
    assert {name: found for name, found in pages.items() if found} == {}


def test_leftover_markup_is_found() -> None:
    page = '<article><p>gets**?** <code>a ** b</code><span class="math">$x$</span><br>so $b_t</p></article>$'
    assert len(left(page)) == 3
