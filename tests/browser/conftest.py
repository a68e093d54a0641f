"""Fixtures: the built site, served on a local port, and a browser.

The tests are skipped if the site or the browser is missing, unless MINIGRAD_BROWSER_TESTS=required. Set MINIGRAD_SITE
or CHROMIUM if the site isn't in `_build/html` or Chromium isn't on the path.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NoReturn

import pytest

SITE = Path(os.environ.get("MINIGRAD_SITE", Path(__file__).parents[2] / "_build" / "html"))
LOOKS = [("desktop", "light"), ("desktop", "dark"), ("phone", "light"), ("phone", "dark")]
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def unavailable(reason: str) -> NoReturn:
    if os.environ.get("MINIGRAD_BROWSER_TESTS") == "required":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test with the fixture `view` for each page in each look; for pages of source code, in one of two looks."""
    if "view" in metafunc.fixturenames:
        names = sorted(path.relative_to(SITE).as_posix() for path in SITE.rglob("*.html"))
        names = [name for name in names if not name.startswith(("_static/", "index.html"))]
        views = [
            (name, *look)
            for i, name in enumerate(names)
            for look in ([LOOKS[3 * (i % 2)]] if name.startswith("source/") else LOOKS)
        ]
        metafunc.parametrize("view", views or [None], ids="-".join if views else None)


@pytest.fixture(scope="session")
def site() -> Path:
    if not (SITE / "index.html").exists():
        unavailable(f"no site at {SITE.name}: build it with jupyter-book build .")
    return SITE


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="session")
def base_url(site: Path) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(site))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        unavailable("no browser: install chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError:
        unavailable('no playwright: pip install "minigrad-book[dev]"')
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield chromium
        chromium.close()
