"""The Chromium of tests: where it is, how quietly it runs, and where what it shows is kept."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).parents[1]
SHOTS = ROOT / "build" / "screenshots"
AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
WIDTHS = (1440, 390)  # a desk, a phone
SCHEMES = ("light", "dark")
_NOTHING_SIDEWAYS = "document.documentElement.scrollWidth - innerWidth <= 0"
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def launched() -> Iterator[Browser]:
    """Give the Chromium of this machine, or Playwright's own, or skip and say why."""
    sync_api = pytest.importorskip("playwright.sync_api")
    path = os.environ.get("FREEHOLD_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_api.sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=path, args=QUIET)
        except sync_api.Error as error:
            pytest.skip(f"no Chromium to drive: {str(error).splitlines()[0]}")
        yield browser
        browser.close()


def expect_readable(page: Page, name: str) -> None:
    """Make sure that a page fits a desk and a phone, and that axe finds nothing serious, by day or by night.

    It is loaded anew at each width, as somebody opens it there. What each looks like is kept under its name.
    """
    SHOTS.mkdir(parents=True, exist_ok=True)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        page.reload()
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            page.screenshot(path=SHOTS / f"{name}-{width}-{scheme}.png", full_page=True)
            assert page.evaluate(_NOTHING_SIDEWAYS), f"{name} scrolls sideways at {width}, {scheme}"
            assert serious(page) == [], f"{name} at {width}, {scheme}"


def serious(page: Page) -> list[tuple[str, list[str]]]:
    """Return what axe finds serious on a page, and where; skip the test, saying so, where axe is not."""
    if not AXE.is_file():
        pytest.skip("axe-core is not there: make install brings it")
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    grave = [v for v in found["violations"] if v["impact"] in ("serious", "critical")]
    return [(v["id"], [n["target"] for n in v["nodes"]][:3]) for v in grave]
