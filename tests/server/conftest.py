"""A real server over a real estate: what tests of the server ask."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from freehold.server import Settings
from live_browser import launched
from live_provider import CLIENT, SECRET, Provider, provided
from live_server import PAGE, Running, free_port, started
from live_slack import Slack, slacking

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

FREEHOLD = Path(sys.executable).with_name("freehold")


@pytest.fixture(scope="session")
def made_estate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An estate as `freehold init` makes it, with all its data published; to be copied, and never served itself.

    To copy the files of a database that this process has open would drop its locks on them.
    """
    folder = tmp_path_factory.mktemp("made") / "shop"
    for words in (["init", str(folder)], ["-C", str(folder), "run"]):
        subprocess.run([str(FREEHOLD), *words], check=True, capture_output=True, timeout=120)
    return folder


@pytest.fixture(scope="session")
def shared_estate(made_estate: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The copy of it that tests share; what one writes into it, others see."""
    return Path(shutil.copytree(made_estate, tmp_path_factory.mktemp("served") / "shop"))


@pytest.fixture(autouse=True)
def _nothing_kept(request: pytest.FixtureRequest) -> None:
    """Have pages made anew that the test before asked for: this one may change what they are made by."""
    if "server" in request.fixturenames:
        request.getfixturevalue("server").app.state.served.pages.clear()


@pytest.fixture(scope="module")
def serving(shared_estate: Path) -> Iterator[Callable[..., Running]]:
    """Start servers, each with settings of its own; all end with the module, so that none outlives who asks it."""
    ends: list[Callable[[], None]] = []

    def start(root: Path = shared_estate, **said: object) -> Running:
        running, end = started(root, Settings(port=free_port(), **said))  # type: ignore[arg-type]
        ends.append(end)
        return running

    yield start
    for end in ends:
        end()


@pytest.fixture(scope="session")
def server(shared_estate: Path) -> Iterator[Running]:
    """The server most tests share: usual settings, and a pace that tests do not reach."""
    rates = {"read": 100_000, "write": 100_000, "sign_in": 100_000}
    running, end = started(shared_estate, Settings(port=free_port(), rates=rates))
    yield running
    end()


@pytest.fixture
def own_server(made_estate: Path, tmp_path: Path, serving: Callable[..., Running]) -> Running:
    """A server over a copy of the estate whose files the test may change."""
    root = Path(shutil.copytree(made_estate, tmp_path / "shop"))
    return serving(root, rates={"read": 100_000, "write": 100_000, "sign_in": 100_000})


@pytest.fixture(scope="session")
def provider() -> Iterator[Provider]:
    """An identity provider of this test process."""
    started, server = provided()
    yield started
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def team_server(serving: Callable[..., Running], provider: Provider) -> Iterator[Running]:
    """A server whose people sign in at the provider."""
    patch = pytest.MonkeyPatch()
    patch.setenv("OIDC_SECRET", SECRET)
    said = {
        "issuer": provider.issuer,
        "client_id": CLIENT,
        "client_secret": "env:OIDC_SECRET",
        "label": "Shop accounts",
    }
    yield serving(sign_in=said, rates={"read": 100_000, "write": 100_000, "sign_in": 100_000})
    patch.undo()


@pytest.fixture
def slack() -> Iterator[Slack]:
    """A Slack."""
    with slacking() as one:
        yield one


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The Chromium of this machine, or Playwright's own, or none, and then the tests say so."""
    with launched() as browser:
        yield browser


@pytest.fixture
def opened(chromium: Browser, server: Running) -> Iterator[Callable[..., Page]]:
    """Open pages in contexts of their own; whatever the console says against them fails the test."""
    told: list[str] = []
    contexts: list[Any] = []

    def open_(path: str = "/", *, is_signed_in: bool = True, **options: Any) -> Page:
        context = chromium.new_context(base_url=server.url, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda m: told.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: told.append(str(error)))
        if is_signed_in:
            context.add_cookies([server.cookie()])
        page.goto(path)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert [line for line in told if "404" not in line] == []


@pytest.fixture
def browser(server: Running) -> Iterator[httpx2.Client]:
    """Somebody who is signed in, with a browser."""
    with server.signed_in(**PAGE) as client:
        yield client
