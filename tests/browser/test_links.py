"""No internal link of the site is broken, and every anchor exists."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit


class Links(HTMLParser):
    """The targets that a page links to, and its own anchors."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.targets: set[str] = set()
        self.anchors: set[str] = {"", "top"}
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("id", "name") and value:
                self.anchors.add(value)
            elif name in ("href", "src") and value is not None and tag != "base":
                self.targets.add(value)


def broken_links(site: Path) -> list[str]:
    paths = (path for path in site.resolve().rglob("*.html") if "_static" not in path.parts)
    pages = {path: Links(path.read_text(encoding="utf-8")) for path in paths}
    broken = []
    for path, links in pages.items():
        for target in sorted(links.targets):
            if urlsplit(target).scheme or target.startswith("//"):
                continue
            file, anchor = urldefrag(target)
            goal = (path.parent / unquote(urlsplit(file).path)).resolve() if file else path
            if not goal.exists() or (goal in pages and unquote(anchor) not in pages[goal].anchors):
                broken.append(f"{path.relative_to(site.resolve())}: {target}")
    return broken


def test_the_site_has_no_broken_links(site: Path) -> None:
    assert broken_links(site) == []


def test_broken_links_are_found(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text('<h1 id="here">A</h1><a href="#here">ok</a><a href="b.html">no such page</a>')
    (tmp_path / "c.html").write_text('<a href="a.html#here">ok</a><a href="a.html#gone">no such anchor</a>')
    assert broken_links(tmp_path) == ["a.html: b.html", "c.html: a.html#gone"]
