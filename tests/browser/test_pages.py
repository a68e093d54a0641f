"""Every page of the site in a browser: on desktop and phone, light and dark."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

SCREENS = {"desktop": (1280, 900), "phone": (360, 740)}
FIRST_VISIT_LIMIT = 1_200_000  # bytes, gzipped
COMPRESSED = (".woff", ".woff2", ".png", ".jpg")

# Faults in the theme, which pages can't change: (axe rule, part of the element's HTML).
THEME_FAULTS = {
    ("label-content-name-mismatch", "search-button"),
    ("label-content-name-mismatch", "theme-switch-button"),
    ("region", "navbar-brand"),
}


@dataclass
class Visit:
    """A page in a browser, with the problems and the responses while it was loaded."""

    page: Any
    base_url: str
    problems: list[str] = field(default_factory=list)
    responses: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", lambda m: self.problems.append(m.text) if m.type == "error" else None)
        self.page.on("pageerror", lambda error: self.problems.append(f"script error: {error}"))
        self.page.on("request", self.on_request)
        self.page.on("requestfailed", lambda request: self.problems.append(f"failed: {request.url}"))
        self.page.on("response", self.on_response)

    def on_request(self, request: Any) -> None:
        if not request.url.startswith((self.base_url, "data:", "blob:")):
            self.problems.append(f"leaves the site: {request.url}")

    def on_response(self, response: Any) -> None:
        self.responses.append(response)
        if response.status >= 400:
            self.problems.append(f"{response.status}: {response.url}")

    def weights(self) -> dict[str, int]:
        """Return the bytes of each loaded file, compressed as by a server."""
        bodies = {response.url: response.body() for response in self.responses if response.status == 200}
        return {
            url: len(body) if url.endswith(COMPRESSED) else len(gzip.compress(body)) for url, body in bodies.items()
        }


@contextmanager
def visit(browser: Any, base_url: str, name: str, screen: str = "desktop", scheme: str = "light") -> Iterator[Visit]:
    width, height = SCREENS[screen]
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    try:
        seen = Visit(context.new_page(), base_url)
        seen.page.goto(base_url + name, wait_until="networkidle")
        seen.page.evaluate("window.MathJax?.startup?.promise")
        seen.page.evaluate("document.fonts.ready.then(() => {})")
        yield seen
    finally:
        context.close()


# Thousands of elements with the same colours make axe slow, so only the first of each kind is kept. Sizes don't change.
THIN = """
  for (const formula of document.querySelectorAll("mjx-math")) {
    const width = formula.offsetWidth;
    formula.replaceChildren();
    Object.assign(formula.style, { display: "inline-block", width: `${width}px` });
  }
  const seen = new Set();
  for (const token of document.querySelectorAll("pre span[class]")) {
    if (seen.has(token.className)) token.replaceWith(...token.childNodes);
    seen.add(token.className);
  }
  for (const drawing of document.querySelectorAll(".mg-figure > svg")) drawing.replaceChildren();
"""


def axe_faults(page: Any) -> list[str]:
    from axe_playwright_python.sync_playwright import Axe

    empty = page.evaluate("[...document.querySelectorAll('th')].filter(th => !th.textContent.trim()).length")
    faults = [f"{empty} empty table headers"] if empty else []
    page.evaluate(f"() => {{ {THIN}; dispatchEvent(new Event('resize')) }}")  # code that is now wider may scroll
    # axe reports a header that is a formula as empty
    options = {"resultTypes": ["violations"], "rules": {"empty-table-header": {"enabled": False}}}
    for violation in Axe().run(page, options=options).response["violations"]:
        for node in violation["nodes"]:
            if not any(violation["id"] == rule and part in node["html"] for rule, part in THEME_FAULTS):
                reason = (node.get("failureSummary") or "").replace("\n", " ")
                faults.append(f"{violation['id']}: {node['html'][:200]} {reason[:200]}")
    return faults


CONTENT = ".mg-figure > svg, [data-explorable] svg, img, pre, table, mjx-math"
MAY_SCROLL = {"desktop": "table, mjx-math", "phone": "pre, table, mjx-math"}

# What a reader can't see, nor scroll to, with everything opened that is folded away.
HIDDEN_CONTENT = """
  const folded = [...document.querySelectorAll("details:not([open])")];
  for (const details of folded) details.open = true;
  dispatchEvent(new Event("resize"));
  const faults = [];
  for (const element of document.querySelectorAll(`.bd-article :is(${content})`)) {
    const fault = (what) => faults.push(`${what}: ${element.outerHTML.slice(0, 150)}`);
    let { left, right, width } = element.getBoundingClientRect();
    for (let box = element; width && box !== document.body; box = box.parentElement) {
      const overflow = getComputedStyle(box).overflowX;
      const edges = box.getBoundingClientRect();
      if (/auto|scroll/.test(overflow) && box.scrollWidth > box.clientWidth + 1) {
        if (!element.matches(mayScroll)) fault("has to be scrolled");
        else if (box.tabIndex !== 0) fault("can't be scrolled by keyboard");
        [left, right] = [edges.left, edges.right];
      } else if (/hidden|clip/.test(overflow) && (right > edges.right + 1 || left < edges.left - 1)) {
        fault("is cut off");
        [left, right] = [edges.left, edges.right];
      }
    }
    if (right > innerWidth + 1 || left < -1) fault("leaves the page");
  }
  for (const details of folded) details.open = false;
  return faults;
"""


def hidden_content(page: Any, screen: str) -> list[str]:
    task = {"content": CONTENT, "mayScroll": MAY_SCROLL[screen]}
    return page.evaluate(f"({{ content, mayScroll }}) => {{ {HIDDEN_CONTENT} }}", task)  # type: ignore[no-any-return]  # Playwright gives Any


BROKEN = """[...document.querySelectorAll(".no-break")]
  .filter((formula) => formula.getClientRects().length > 1).map((formula) => formula.textContent)"""


def broken_formulas(page: Any) -> list[str]:
    """The formulas that aren't on the line of their punctuation."""
    return page.evaluate(BROKEN)  # type: ignore[no-any-return]  # Playwright gives Any


NARROW = 312  # pixels: the content's width on a phone of 360, inside a box
SMALLEST_FONT = 8  # pixels

# The text of a figure is drawn in outlines of 100 units for a font's size.
SMALL_LETTERS = """
  return [...document.querySelectorAll(".mg-figure > svg, [data-explorable] > svg")].flatMap((picture) => {
    const scale = narrow / picture.viewBox.baseVal.width;
    const sizes = [...picture.querySelectorAll("g[transform*='scale(']")].map(
      (text) => 100 * scale * parseFloat(text.getAttribute("transform").split("scale(")[1]));
    const label = picture.getAttribute("aria-label").slice(0, 60);
    return sizes.length && Math.min(...sizes) >= smallest ? [] : [`${Math.min(...sizes).toFixed(1)} px: ${label}`];
  });
"""


def small_letters(page: Any) -> list[str]:
    """The static figures whose letters, other than exponents and indices, are too small on a phone."""
    task = {"narrow": NARROW, "smallest": SMALLEST_FONT}
    return page.evaluate(f"({{ narrow, smallest }}) => {{ {SMALL_LETTERS} }}", task)  # type: ignore[no-any-return]  # Playwright gives Any


def test_page(site: Any, browser: Any, base_url: str, view: tuple[str, str, str]) -> None:
    name, screen, scheme = view
    with visit(browser, base_url, name, screen, scheme) as seen:
        assert seen.problems == []
        overflow = seen.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert overflow == 0, f"{overflow} px of horizontal scroll at {SCREENS[screen][0]} px"
        assert hidden_content(seen.page, screen) == []
        assert broken_formulas(seen.page) == []
        if scheme == "light":
            assert small_letters(seen.page) == []
        assert seen.page.locator("mjx-merror").count() == 0, "MathJax can't read a formula"
        weights = seen.weights()
        assert sum(weights.values()) <= FIRST_VISIT_LIMIT, sorted(weights.items(), key=lambda item: -item[1])[:5]
        assert axe_faults(seen.page) == []


class TestTheChecksCanFail:
    """Each check fails on a page with the fault that it looks for."""

    @staticmethod
    def faulty(browser: Any, base_url: str, html: str) -> Visit:
        seen = Visit(browser.new_context(viewport={"width": 360, "height": 740}).new_page(), base_url)
        seen.page.route(base_url + "faulty.html", lambda route: route.fulfill(body=html, content_type="text/html"))
        seen.page.goto(base_url + "faulty.html", wait_until="networkidle")
        return seen

    def test_script_error(self, browser: Any, base_url: str) -> None:
        assert self.faulty(browser, base_url, "<script>nothing.here</script>").problems

    @pytest.mark.parametrize(
        ("content", "fault"),
        [
            ('<div style="overflow: hidden"><table style="width: 900px"><tr><td>x</table></div>', "is cut off: <table"),
            ('<pre style="width: 900px; overflow: hidden">x</pre>', "leaves the page: <pre"),
            ('<pre style="overflow: auto">' + "x" * 900 + "</pre>", "can't be scrolled by keyboard: <pre"),
            ('<div class="mg-figure" style="overflow: auto" tabindex="0"><svg width="900"></svg></div>', "has to be"),
            ('<details><pre style="width: 900px">x</pre></details>', "leaves the page: <pre"),
        ],
    )
    def test_hidden_content(self, browser: Any, base_url: str, content: str, fault: str) -> None:
        seen = self.faulty(browser, base_url, f'<article class="bd-article">{content}</article>')
        found = hidden_content(seen.page, "phone")
        assert len(found) == 1
        assert found[0].startswith(fault)

    def test_a_listing_that_is_wider_than_a_desktop_s_column(self, browser: Any, base_url: str) -> None:
        wide = '<article class="bd-article"><pre style="overflow: auto" tabindex="0">' + "x" * 900 + "</pre></article>"
        seen = self.faulty(browser, base_url, wide)
        assert hidden_content(seen.page, "phone") == []
        assert [fault.partition(":")[0] for fault in hidden_content(seen.page, "desktop")] == ["has to be scrolled"]

    def test_a_formula_away_from_its_comma(self, browser: Any, base_url: str) -> None:
        formula = '<p style="width: 20px"><span class="no-break">x + y ,</span></p>'
        assert broken_formulas(self.faulty(browser, base_url, formula).page) == ["x + y ,"]

    @pytest.mark.parametrize(("width", "count"), [(312, 0), (404, 1)])
    def test_small_letters(self, browser: Any, base_url: str, width: int, count: int) -> None:
        text = '<g transform="translate(5 5) scale(0.1 -0.1)"></g><g transform="translate(5 5) scale(0.08 -0.08)"></g>'
        picture = f'<div class="mg-figure"><svg viewBox="0 0 {width} 200" aria-label="A line">{text}</svg></div>'
        assert len(small_letters(self.faulty(browser, base_url, picture).page)) == count

    def test_missing_file(self, browser: Any, base_url: str) -> None:
        assert self.faulty(browser, base_url, '<img alt="x" src="missing.png">').problems

    def test_request_that_leaves_the_site(self, browser: Any, base_url: str) -> None:
        seen = self.faulty(browser, base_url, '<script src="http://127.0.0.1:9/elsewhere.js"></script>')
        assert any("leaves the site" in problem for problem in seen.problems)

    def test_empty_table_header(self, browser: Any, base_url: str) -> None:
        table = "<table><tr><th></th><th>x</th></tr></table>"
        seen = self.faulty(browser, base_url, f'<html lang="en"><title>x</title><main><h1>x</h1>{table}</main>')
        assert axe_faults(seen.page) == ["1 empty table headers"]

    def test_inaccessible_element(self, browser: Any, base_url: str) -> None:
        seen = self.faulty(browser, base_url, '<html lang="en"><title>x</title><main><h1>x</h1><input></main>')
        assert any(fault.startswith("label:") for fault in axe_faults(seen.page))
