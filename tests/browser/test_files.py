"""The site works without a server, when its pages are opened as files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def open_file(browser: Any, site: Path) -> Iterator[Any]:
    """`open_file(name, query)` gives the page; script errors fail the test."""
    errors: list[str] = []
    contexts = []

    def show(name: str, query: str = "") -> Any:
        contexts.append(browser.new_context(viewport={"width": 1280, "height": 900}))
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto((site / name).resolve().as_uri() + query, wait_until="load")
        return page

    yield show
    for context in contexts:
        context.close()
    # the theme's search fetches each page that it found, for an excerpt; a browser refuses that for files
    assert [error for error in errors if error != "Failed to fetch"] == []


def test_explorable_and_self_check(open_file: Any) -> None:
    page = open_file("book/bias_correction/index.html")
    stage = page.locator('[data-explorable="bias-correction"]')
    before = stage.locator(".mg-charts").inner_html()
    stage.get_by_role("slider").first.press("ArrowLeft")
    assert stage.locator(".mg-charts").inner_html() != before
    page.wait_for_function("location.hash.startsWith('#bias-correction?')")

    box = page.locator(".mg-check").first
    answer = box.locator("form").evaluate("form => JSON.parse(atob(form.dataset.check)).answer")
    box.get_by_label("Your answer").fill(str(answer))
    box.get_by_role("button", name="Check").click()
    assert "Right." in box.get_by_role("status").inner_text()


@pytest.mark.parametrize("chapter", ["eta_equivalence", "schedules"])
def test_the_other_explorables(open_file: Any, chapter: str) -> None:
    page = open_file(f"book/{chapter}/index.html")
    page.locator(".mg-stage .mg-charts svg").first.wait_for()


def test_formulas_are_typeset(open_file: Any) -> None:
    page = open_file("book/optimizers/index.html")
    page.evaluate("window.MathJax.startup.promise.then(() => {})")
    assert page.locator("mjx-container").count() > 20
    assert page.evaluate("document.fonts.ready.then((fonts) => [...fonts].some((font) => font.status === 'loaded'))")


def test_search_finds_pages(open_file: Any) -> None:
    page = open_file("search.html", "?q=correction")
    page.locator("#search-results li a", has_text="Bias correction").first.wait_for()
