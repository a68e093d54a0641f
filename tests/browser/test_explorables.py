"""Explorables and self-checks respond to mouse, touch and keyboard; explorables keep their state in the URL."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

MODELS = Path(__file__).parents[2].glob("book/*/*.model.js")
EXPLORABLES = sorted(path.name.removesuffix(".model.js") for path in MODELS if path.parent.name != "static")
SCREENS = {"desktop": (1280, 900), "phone": (360, 740)}


def page_with(site: Path, text: str) -> str:
    """Return the page of the site that contains `text`."""
    for path in sorted(site.rglob("*.html")):
        if "_static" not in path.parts and text in path.read_text(encoding="utf-8"):
            return path.relative_to(site).as_posix()
    pytest.fail(f"no page of the site has {text}")


@pytest.fixture
def open_page(browser: Any, base_url: str) -> Iterator[Any]:
    """`open_page(name)` opens a page; script errors fail the test."""
    contexts, errors = [], []

    def show(name: str, screen: str = "desktop", **options: Any) -> Any:
        width, height = SCREENS[screen]
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.route("**/mathjax/**", lambda route: route.abort())  # formulas aren't needed here and are slow
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(base_url + name, wait_until="load")
        return page

    yield show
    for context in contexts:
        context.close()
    assert errors == []


@contextmanager
def changes(stage: Any) -> Iterator[None]:
    """Assert that the charts change in this block."""
    charts = stage.locator(".mg-charts")
    before = charts.inner_html()
    yield
    assert charts.inner_html() != before


def stage_of(page: Any, name: str) -> Any:
    stage = page.locator(f'[data-explorable="{name}"]')
    stage.locator(".mg-charts svg").first.wait_for()
    return stage


def sliders(stage: Any) -> list[Any]:
    return [slider for slider in stage.locator("input[type=range]").all() if slider.is_visible()]


def shown(stage: Any) -> list[Any]:
    """Return what an explorable shows: its text, its charts' descriptions and its sliders' values."""
    charts = [chart.get_attribute("aria-label") for chart in stage.locator(".mg-charts svg").all()]
    return [stage.locator(".mg-text").inner_text(), charts, [s.get_attribute("aria-valuetext") for s in sliders(stage)]]


def axe_faults(page: Any, within: str) -> list[str]:
    from axe_playwright_python.sync_playwright import Axe

    violations = Axe().run(page, context=within).response["violations"]
    return [f"{violation['id']}: {node['html'][:200]}" for violation in violations for node in violation["nodes"]]


@pytest.mark.parametrize("name", EXPLORABLES)
class TestExplorable:
    def test_every_slider_responds_to_the_keyboard(self, site: Path, open_page: Any, name: str) -> None:
        page = open_page(page_with(site, f'data-explorable="{name}"'))
        stage = stage_of(page, name)
        assert sliders(stage)
        for slider in sliders(stage):
            before = slider.get_attribute("aria-valuetext")
            slider.focus()
            page.keyboard.press("ArrowRight")
            if slider.get_attribute("aria-valuetext") == before:  # it was at its end
                page.keyboard.press("ArrowLeft")
            assert slider.get_attribute("aria-valuetext") != before
            assert slider.evaluate("element => element.labels.length") == 1
        stage.locator(".mg-live", has_text=re.compile(r"\w+")).wait_for(state="attached")

    def test_choices_respond_to_the_keyboard(self, site: Path, open_page: Any, name: str) -> None:
        page = open_page(page_with(site, f'data-explorable="{name}"'))
        stage = stage_of(page, name)
        for group in stage.locator("fieldset").all():
            chosen = group.locator("input:checked")
            value = chosen.input_value()
            chosen.focus()
            page.keyboard.press("ArrowDown")
            assert group.locator("input:checked").input_value() != value

    @pytest.mark.parametrize("screen", SCREENS)
    def test_the_charts_respond_to_the_pointer(self, site: Path, open_page: Any, name: str, screen: str) -> None:
        page = open_page(page_with(site, f'data-explorable="{name}"'), screen)
        stage = stage_of(page, name)
        chart = stage.locator(".mg-charts svg").first
        chart.scroll_into_view_if_needed()
        box = chart.bounding_box()
        with changes(stage):
            page.mouse.move(box["x"] + 0.4 * box["width"], box["y"] + 0.5 * box["height"])
            page.mouse.down()
            page.mouse.move(box["x"] + 0.7 * box["width"], box["y"] + 0.4 * box["height"], steps=4)
            page.mouse.up()
        with changes(stage):
            chart.click(position={"x": 0.35 * box["width"], "y": 0.6 * box["height"]})

    def test_the_charts_respond_to_touch(self, site: Path, open_page: Any, name: str) -> None:
        page = open_page(page_with(site, f'data-explorable="{name}"'), "phone", has_touch=True, is_mobile=True)
        stage = stage_of(page, name)
        chart = stage.locator(".mg-charts svg").first
        box = chart.bounding_box()
        with changes(stage):
            chart.tap(position={"x": 0.8 * box["width"], "y": 0.4 * box["height"]})

    def test_the_url_keeps_the_state(self, site: Path, open_page: Any, name: str) -> None:
        where = page_with(site, f'data-explorable="{name}"')
        page = open_page(where)
        stage = stage_of(page, name)
        for slider in sliders(stage)[:3]:
            slider.focus()
            page.keyboard.press("ArrowLeft")
            page.keyboard.press("ArrowLeft")
        for group in stage.locator("fieldset").all():
            group.locator("input").last.check()
        page.wait_for_function(f"location.hash.startsWith('#{name}?')")
        page.wait_for_timeout(500)
        again = open_page(where + page.evaluate("location.hash"))
        assert shown(stage_of(again, name)) == shown(stage)
        assert stage_of(again, name).bounding_box()["y"] < SCREENS["desktop"][1], "the linked state is in view"
        stage_of(again, name).get_by_role("button", name="Reset").click()
        again.wait_for_function("location.hash === ''")

    def test_invalid_values_in_the_url_are_ignored(self, site: Path, open_page: Any, name: str) -> None:
        where = page_with(site, f'data-explorable="{name}"')
        plain = stage_of(open_page(where), name).locator(".mg-charts").inner_html()
        page = open_page(f"{where}#{name}?beta1=x&rule=none&losses=1,two&epoch=&t=<b>&unknown=1&factor=NaN")
        assert stage_of(page, name).locator(".mg-charts").inner_html() == plain

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_axe_finds_no_fault_after_use(self, site: Path, open_page: Any, name: str, scheme: str) -> None:
        page = open_page(page_with(site, f'data-explorable="{name}"'), "phone", color_scheme=scheme)
        stage = stage_of(page, name)
        for group in stage.locator("fieldset").all():
            group.locator("input").last.check()
        for details in stage.locator("details").all():
            details.locator("summary").click()
        assert axe_faults(page, f'[data-explorable="{name}"]') == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    def test_nothing_is_animated_with_reduced_motion(self, site: Path, open_page: Any, name: str) -> None:
        page = open_page(page_with(site, f'data-explorable="{name}"'), reduced_motion="reduce")
        sliders(stage_of(page, name))[0].press("ArrowRight")
        assert page.locator(f'[data-explorable="{name}"]').evaluate("e => e.getAnimations({subtree: true}).length") == 0

    def test_there_is_a_picture_without_scripts(self, site: Path, open_page: Any, name: str) -> None:
        page = open_page(page_with(site, f'data-explorable="{name}"'), "phone", java_script_enabled=False)
        picture = page.locator(f'[data-explorable="{name}"] svg')
        assert picture.is_visible()
        assert len(picture.get_attribute("aria-label")) > 20


class TestPlateau:
    def test_the_explorable_accepts_typed_losses(self, site: Path, open_page: Any) -> None:
        page = open_page(page_with(site, 'data-explorable="plateau"'))
        stage = stage_of(page, "plateau")
        patience = stage.get_by_label("patience")
        patience.fill("2")
        losses = stage.get_by_role("textbox")
        losses.fill("1 " * 12)
        assert "Reduces after epochs 2, 4, 6, 8, 10." in stage.inner_text()  # Keras
        assert "Reduces after epochs 3, 6, 9." in stage.inner_text()  # PyTorch
        assert "optax, epoch" in stage.inner_text()
        losses.fill("1, x")
        assert "separated by spaces or commas" in stage.get_by_role("alert").inner_text()
        assert losses.get_attribute("aria-invalid") == "true"
        stage.get_by_role("button", name="NaN").click()
        assert stage.get_by_role("alert").inner_text() == ""
        stage.get_by_text("All epochs").click()
        assert stage.locator("tbody tr").count() == 24
        assert "NaN is never better" in stage.locator("tbody").inner_text()


class TestSelfCheck:
    @pytest.fixture
    def where(self, site: Path) -> str:
        return page_with(site, "data-check=")

    @staticmethod
    def task(page: Any) -> Any:
        return page.evaluate("JSON.parse(atob(document.querySelector('form[data-check]').dataset.check))")

    def test_the_response_to_right_wrong_and_invalid_answers(self, open_page: Any, where: str) -> None:
        page = open_page(where)
        box = page.locator(".mg-check").first
        field, status, task = box.get_by_label("Your answer"), box.get_by_role("status"), self.task(page)
        assert task["mistakes"]
        field.fill("a lot")
        field.press("Enter")
        assert "Type a number" in status.inner_text()
        field.fill(str(task["mistakes"][0]))
        assert status.inner_text() == ""
        field.press("Enter")
        assert "Not quite." in status.inner_text()
        assert len(status.inner_text()) > 25, "the mistake is explained"
        field.fill(str(task["answer"]))
        box.get_by_role("button", name="Check").click()
        assert "Right." in status.inner_text()

    def test_every_self_check_accepts_its_answer(self, open_page: Any, where: str) -> None:
        page = open_page(where)
        for box in page.locator(".mg-check").all():
            answer = box.locator("form").evaluate("form => JSON.parse(atob(form.dataset.check)).answer")
            box.locator("input").fill(str(answer))
            box.locator("input").press("Enter")
            assert "Right." in box.get_by_role("status").inner_text()

    def test_the_hidden_answer_opens_without_scripts(self, open_page: Any, where: str) -> None:
        page = open_page(where, java_script_enabled=False)
        box = page.locator(".mg-check").first
        assert not box.locator("form").is_visible()
        assert not box.locator("details strong").first.is_visible()
        box.get_by_text("Show the answer").click()
        assert re.search(r"\d", box.locator("details strong").first.inner_text())

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_axe_finds_no_fault_after_use(self, open_page: Any, where: str, scheme: str) -> None:
        page = open_page(where, "phone", color_scheme=scheme)
        box = page.locator(".mg-check").first
        box.locator("input").fill(str(self.task(page)["mistakes"][0]))
        box.locator("input").press("Enter")
        box.get_by_text("Show the answer").click()
        assert axe_faults(page, ".mg-check") == []
