"""How far the keyboard has to go: only what does something, or scrolls, is a tab stop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

MOST_TABS = 35  # from "Skip to main content" to a chapter's first self-check: buttons, links, buttons that copy code
SCREENS = {"desktop": (1280, 900), "phone": (360, 740)}
CHAPTERS = ["adam_at_a_glance", "autograd", "bias_correction", "eta_equivalence", "optimizers", "schedules"]
CHAPTERS += ["should_you_decay"]
SETTLED = """window.MathJax.startup.promise.then(() => document.fonts.ready)
  .then(() => new Promise(requestAnimationFrame)).then(() => {})"""
FOCUS = """() => {
  const element = document.activeElement;
  if (element.closest("form[data-check]")) return "self-check";
  if (element.matches("a[href], button, input, summary, textarea")) return "control";
  return element.scrollWidth > element.clientWidth + 1 ? "scrolls" : element.outerHTML.slice(0, 150);
}"""


def stops(page: Any) -> list[str]:
    """What the keyboard meets on its way from the page's start, past the menus, to the first self-check."""
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent").strip() == "Skip to main content"
    page.keyboard.press("Enter")
    found: list[str] = []
    while not found or (found[-1] != "self-check" and len(found) < 300):
        page.keyboard.press("Tab")
        found.append(page.evaluate(FOCUS))
    return found


@pytest.fixture
def open_page(browser: Any, base_url: str) -> Any:
    def show(name: str, screen: str) -> Any:
        width, height = SCREENS[screen]
        page = browser.new_context(viewport={"width": width, "height": height}).new_page()
        page.goto(base_url + name, wait_until="networkidle")
        page.evaluate(SETTLED)
        return page

    return show


def test_every_chapter_with_self_checks_is_tried(site: Path) -> None:
    with_checks = [path.parent.name for path in site.glob("book/*/index.html") if "data-check=" in path.read_text()]
    assert sorted(with_checks) == CHAPTERS


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("chapter", CHAPTERS)
def test_the_first_self_check_is_near(open_page: Any, chapter: str, screen: str) -> None:
    found = stops(open_page(f"book/{chapter}/index.html", screen))
    assert set(found) <= {"self-check", "control", "scrolls"}
    assert found[-1] == "self-check"
    assert len([stop for stop in found if stop != "scrolls"]) <= MOST_TABS
    if screen == "desktop":
        assert "scrolls" not in found


def test_a_stop_without_a_purpose_is_found(open_page: Any) -> None:
    page = open_page("book/optimizers/index.html", "desktop")
    page.evaluate("document.querySelector('.bd-article p').tabIndex = 0")
    assert not set(stops(page)) <= {"self-check", "control", "scrolls"}


def test_what_scrolls_shows_that_there_is_more(open_page: Any) -> None:
    page = open_page("book/adam_at_a_glance/index.html", "phone")
    listing = page.locator("pre[tabindex='0']").first
    assert listing.get_attribute("data-more") == ""  # the attribute is there, and empty
    assert "gradient" in listing.evaluate("pre => getComputedStyle(pre).maskImage")
    listing.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("document.activeElement.scrollLeft > 0")
    listing.evaluate("pre => (pre.scrollLeft = pre.scrollWidth)")
    page.wait_for_function("!document.activeElement.hasAttribute('data-more')")
    assert page.locator("pre[data-more]:not([tabindex='0'])").count() == 0
