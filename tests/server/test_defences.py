"""What other people's pages, programs and mistakes may not do. Tables of attacks against a real server."""

from __future__ import annotations

import socket
import threading
from collections.abc import Awaitable, Callable

import httpx2
import pytest
from limits import RateLimitItemPerMinute
from limits.strategies import SlidingWindowCounterRateLimiter

from freehold.foundation import FreeholdError
from freehold.server.middleware import limiting
from freehold.server.middleware.limiting import BodyCap
from freehold.server.middleware.securing import POLICY
from freehold.server.proxies import address_of, proxies_from
from freehold.server.settings import Settings, expect_safe, is_loopback
from live_server import PAGE, Running, awaited

PATHS = ["/", "/products", "/products/shop.orders", "/nope", "/sign-in", "/health", "/api/v1/products", "/home.json"]


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_carries_the_headers_that_protect(browser: httpx2.Client, path: str) -> None:
    """Pages, problems, JSON and what anybody may see alike; nothing of them allows anything inline."""
    headers = browser.get(path).headers

    assert headers["content-security-policy"] == POLICY
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["cache-control"] in ("no-store", "private, no-cache")
    assert headers["x-request-id"]
    assert "server" not in headers
    assert "unsafe" not in POLICY


@pytest.mark.parametrize(
    "path", ["/", "/products", "/metrics", "/jobs", "/-/ui", "/settings/tokens", "/sign-in", "/nope"]
)
def test_no_page_needs_what_the_policy_forbids(browser: httpx2.Client, path: str) -> None:
    """No inline style, no inline script that runs, no handler in an attribute, nothing from another host."""
    page = browser.get(path).text

    assert " style=" not in page
    assert "<style" not in page
    assert " onclick=" not in page
    assert "hx-on" not in page
    assert page.count("<script") == page.count('<script type="module" src="/-/static/') + page.count(
        '<script type="application/json"'
    )
    assert 'src="http' not in page


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/products",
        "/products.json",
        "/api/v1/products",
        "/api/v1/openapi.json",
        "/metrics",
        "/settings/tokens",
        "/jobs",
        "/api/v1/jobs",
        "/-/ui",
        "/nope",
    ],
)
def test_nobody_sees_anything_without_signing_in(server: Running, path: str) -> None:
    """Programs get a problem object and how to sign in; people are led to where they can."""
    with server.client() as program, server.client(**PAGE) as person:
        told = program.get(path)
        assert told.status_code == 401
        assert told.headers["content-type"] == "application/problem+json"
        assert told.headers["www-authenticate"].startswith("Bearer")
        assert told.json()["code"] == "FH-A101"
        if not path.startswith("/api/") and not path.endswith(".json"):
            assert person.get(path).headers["location"].startswith("/sign-in?next=")


@pytest.mark.parametrize(
    ("headers", "is_taken"),
    [
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "none"}, True),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "same-site"}, False),
        ({"sec-fetch-site": "CROSS-SITE"}, False),
        ({"sec-fetch-site": ""}, False),
        ({"origin": "https://evil.example"}, False),
        ({"origin": "null"}, False),
        ({"origin": "http://127.0.0.1:1"}, False),
        ({"sec-fetch-site": "cross-site", "origin": "{here}"}, False),
        ({"origin": "{here}"}, True),
        ({}, True),
    ],
    ids=lambda v: str(v),
)
def test_other_sites_cannot_act_for_somebody(
    server: Running, browser: httpx2.Client, headers: dict[str, str], is_taken: bool
) -> None:
    """A form on another site's page is refused by what the browser says of it; nothing was done."""
    said = {name: value.replace("{here}", server.url) for name, value in headers.items()}
    told = browser.post("/settings/tokens", data={"name": "x", "days": "7", "scopes": "catalog:read"}, headers=said)

    assert told.status_code == (200 if is_taken else 403)
    if not is_taken:
        assert "FH-A104" in told.text
        assert "set-cookie" not in told.headers


def test_a_bearer_beside_a_cookie_does_not_excuse_another_site(browser: httpx2.Client) -> None:
    """Whoever adds a header to a forged request still sends somebody's cookie."""
    forged = {"sec-fetch-site": "cross-site", "authorization": "Bearer x"}

    assert browser.post("/sign-out", headers=forged).status_code == 403


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE"])
def test_methods_nobody_offers_are_refused(browser: httpx2.Client, method: str) -> None:
    """With 405, not with a defect."""
    assert browser.request(method, "/products").status_code == 405


@pytest.mark.parametrize("path", ["/sign-out", "/settings/tokens/abc/revoke", "/settings/sessions/abc/revoke"])
def test_reading_changes_nothing(browser: httpx2.Client, path: str) -> None:
    """A link cannot sign anybody out or revoke anything."""
    assert browser.get(path).status_code == 405


@pytest.mark.parametrize(
    ("host", "is_known"),
    [
        ("evil.example", False),
        ("127.0.0.1", False),
        ("127.0.0.1:{port}.evil.example", False),
        ("localhost:{port}", True),
        ("127.0.0.1:{port}", True),
        ("", False),
    ],
)
def test_another_name_for_this_address_is_refused(
    server: Running, browser: httpx2.Client, host: str, is_known: bool
) -> None:
    """A name that was pointed here (DNS rebinding) reaches nothing, cookie or not."""
    told = browser.get("/health", headers={"host": host.format(port=server.settings.port)})

    assert told.status_code == (200 if is_known else 421)


@pytest.mark.parametrize(
    "path",
    [
        "/-/static/../../application.py",
        "/-/static/..%2f..%2fapplication.py",
        "/-/static/manifest.json",
        "/-/static/%00",
        "/-/static/licenses/inter.txt",
        "/-/static/",
    ],
)
def test_only_named_assets_are_served(server: Running, path: str) -> None:
    """No path leads out of the manifest; sent as it is written, without any client tidying it."""
    with socket.create_connection(("127.0.0.1", server.settings.port), timeout=10) as raw:
        raw.sendall(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{server.settings.port}\r\nConnection: close\r\n\r\n".encode()
        )
        status = raw.recv(64).split()[1]

    assert status in (b"404", b"401", b"400")


def test_a_body_that_says_it_is_too_large_is_not_read(server: Running) -> None:
    """By its own word, before a byte of it is taken."""
    said = f"Host: 127.0.0.1:{server.settings.port}\r\nContent-Length: 2000001\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.settings.port), timeout=10) as raw:
        raw.sendall(f"POST /settings/tokens HTTP/1.1\r\n{said}".encode())
        answer = raw.recv(65_536)

    assert answer.split()[1] == b"413"


@pytest.mark.parametrize(("sizes", "is_taken"), [([60, 40], True), ([60, 41], False), ([101], False), ([], True)])
def test_a_body_that_grows_too_large_is_cut(sizes: list[int], is_taken: bool) -> None:
    """Sent in pieces it says nothing of its size, so it is counted as it comes."""
    taken: list[bytes] = []
    sent: list[dict[str, object]] = []
    pieces = [{"type": "http.request", "body": b"x" * size, "more_body": True} for size in sizes]
    pieces.append({"type": "http.request", "body": b"", "more_body": False})

    async def app(scope: object, receive: Callable[[], Awaitable[dict[str, bytes]]], send: object) -> None:
        while (message := await receive())["more_body"]:
            taken.append(message["body"])

    async def receive() -> dict[str, object]:
        return pieces.pop(0)

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/api/x", "headers": [], "query_string": b""}
    awaited(lambda: BodyCap(app, 100)(scope, receive, send))  # type: ignore[arg-type]

    assert [m["status"] for m in sent if "status" in m] == ([] if is_taken else [413])
    assert sum(map(len, taken)) <= 100


def test_who_asks_too_often_is_told_to_wait(serving: Callable[..., Running]) -> None:
    """Guessing links is slow, and another person's pace is untouched."""
    server = serving(rates={"read": 5, "write": 5, "sign_in": 8})
    with server.client() as stranger:
        statuses = [stranger.get("/sign-in/link/guess").status_code for _ in range(8)]
        assert statuses == [403] * 8
        told = next(r for _ in range(100) if (r := stranger.get("/sign-in/link/guess")).status_code == 429)
        assert (told.json()["code"], told.headers["retry-after"]) == ("FH-A106", "5")
        assert stranger.get("/health").status_code == 200


def test_a_pace_is_kept_and_forgotten_without_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """A minute has as many as it may, the next but one has them again, and nothing is kept of who came no more."""
    now = 1_800_000_000.0
    counts = limiting._Counts()
    counts.timer.join()  # which its base starts once
    monkeypatch.setattr(limiting.time, "time", lambda: now)
    monkeypatch.setattr(threading.Thread, "start", lambda _: pytest.fail("a thread for a request"))
    limiter, rate = SlidingWindowCounterRateLimiter(counts), RateLimitItemPerMinute(3)

    assert [limiter.hit(rate, "read", "somebody") for _ in range(5)] == [True] * 3 + [False] * 2
    assert limiter.hit(rate, "read", "another")
    now += 121
    assert [limiter.hit(rate, "read", "somebody") for _ in range(4)] == [True] * 3 + [False]
    assert len(counts.storage) == len(counts.expirations) == 1


def test_to_look_at_the_way_in_is_no_attempt(serving: Callable[..., Running]) -> None:
    """However often a stranger looks at the page, nobody else is kept from coming in."""
    server = serving(rates={"read": 100, "sign_in": 3})
    with server.client(**PAGE) as stranger:
        assert {stranger.get("/sign-in").status_code for _ in range(12)} == {200}
        assert stranger.get("/sign-in/link/guess").status_code == 403


PROXIES = proxies_from(["10.0.0.4", "10.1.0.0/16", "fd00::/8"])


@pytest.mark.parametrize(
    ("peer", "told", "address"),
    [
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),
        ("10.0.0.4", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.4", ["1.2.3.4, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.4", ["1.2.3.4", "198.51.100.1, 10.1.2.3"], "198.51.100.1"),
        ("10.0.0.4", ["10.1.9.9, 10.1.2.3"], "10.1.9.9"),
        ("10.0.0.4", ["198.51.100.1, made up"], "10.0.0.4"),
        ("10.0.0.4", [], "10.0.0.4"),
        ("::ffff:10.0.0.4", ["2001:db8::7"], "2001:db8::7"),
        ("fd00::1", ["198.51.100.1"], "198.51.100.1"),
        ("", ["198.51.100.1"], "?"),
    ],
    ids=lambda said: str(said) or "no address",
)
def test_who_asks_is_told_by_named_proxies_alone(peer: str, told: list[str], address: str) -> None:
    """Read from the end, as long as who wrote it is one of them; what a stranger made up counts for nothing."""
    headers = [(b"x-forwarded-for", one.encode()) for one in told]
    scope = {"type": "http", "client": (peer, 5) if peer else None, "headers": headers}

    assert address_of(scope, PROXIES) == address
    assert address_of(scope, ()) == (peer or "?")


def test_behind_a_proxy_each_has_a_pace_of_their_own(serving: Callable[..., Running]) -> None:
    """One who guesses links is told to wait, and the next comes in."""
    server = serving(rates={"sign_in": 3}, proxies=proxies_from(["127.0.0.0/8"]))
    with server.client(**{"x-forwarded-for": "198.51.100.1"}) as guesser:
        assert 429 in {guesser.get("/sign-in/link/guess").status_code for _ in range(30)}
    with server.client(**{"x-forwarded-for": "198.51.100.2"}) as other:
        assert other.get(server.link()).status_code == 303


def test_what_is_no_network_is_no_proxy() -> None:
    """It is quoted, and how to write one is said."""
    with pytest.raises(FreeholdError, match=r"`10\.0\.0\.4/8`") as refused:
        proxies_from(["10.0.0.4/8"])

    assert refused.value.code == "FH-C020"


NAUGHTY = [
    "<script>alert(1)</script>",
    "'\"><img src=x onerror=alert(1)>",
    "{{7*7}}",
    "${7*7}",
    "%00",
    "../../etc/passwd",
    "a" * 5_000,
    "\u202eevil",
    "ﷺ" * 50,
    "' OR 1=1 --",
    "sales.orders;drop table session",
    "-1",
    "NaN",
]


@pytest.mark.parametrize("text", NAUGHTY, ids=range(len(NAUGHTY)))
def test_what_people_write_is_text_and_nothing_else(browser: httpx2.Client, text: str) -> None:
    """In a path, a query or a form, it is shown escaped, finds nothing, and breaks nothing."""
    answers = [
        browser.get("/products/" + text.replace("/", "%2F").replace("%00", "%2500")),
        browser.get("/deployments", params={"kind": text, "product": text}),
        browser.get("/metrics/shop.revenue", params={"by": text}),
        browser.post("/settings/tokens", data={"name": text, "days": text, "scopes": text}),
        browser.get("/api/v1/products", params={"limit": text, "after": text}),
        browser.get("/sign-in", params={"next": text}),
    ]

    assert [a.status_code for a in answers if a.status_code >= 500] == []
    for answer in answers:
        if answer.headers.get("content-type", "").startswith("text/html"):
            assert "<script>alert" not in answer.text
            assert "<img src=x" not in answer.text
            assert ">49<" not in answer.text


def test_the_log_has_a_line_for_a_request_and_no_secret(server: Running) -> None:
    """Who asked what and what came of it, under the id that the answer carries; links and cookies are left out."""
    with server.client(**PAGE) as client:
        link = server.link()
        answered = client.get(link, headers={"x-request-id": "a-request-of-mine"})
        cookie = client.cookies[server.settings.cookie]
        client.get("/products?secret=hush")
    lines = [line for line in server.log if line["event"] == "request"]
    mine = next(line for line in lines if line["request_id"] == "a-request-of-mine")

    assert answered.headers["x-request-id"] == "a-request-of-mine"
    assert (mine["route"], mine["status"]) == ("/sign-in/link/{secret}", 303)
    assert not [line for line in lines if link[-20:] in str(line) or cookie in str(line) or "hush" in str(line)]


@pytest.mark.parametrize(
    "id_", ["x" * 65, "short", "new\tline", "<b>bold</b>"], ids=["long", "short", "a tab", "markup"]
)
def test_a_request_id_that_is_not_one_is_replaced(browser: httpx2.Client, id_: str) -> None:
    """What a stranger sends does not get into the log as an id."""
    assert browser.get("/health", headers={"x-request-id": id_}).headers["x-request-id"] != id_


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        (Settings(), ""),
        (Settings(host="::1"), ""),
        (Settings(host="localhost"), ""),
        (Settings(host="0.0.0.0"), "FH-A001"),
        (Settings(host="::"), "FH-A001"),
        (Settings(host="192.168.1.7"), "FH-A001"),
        (Settings(url="https://data.example.com"), "FH-A001"),
        (Settings(url="http://127.0.0.1:8921"), ""),
        (Settings(url="http://localhost:8921", sign_in={"issuer": "x"}), ""),
        (Settings(host="0.0.0.0", url="http://127.0.0.1:8921", sign_in={"issuer": "x"}), "FH-A002"),
        (Settings(host="0.0.0.0", sign_in={"issuer": "https://id.example.com"}), "FH-A002"),
        (Settings(host="0.0.0.0", url="http://data.example.com", sign_in={"issuer": "x"}), "FH-A002"),
        (Settings(host="0.0.0.0", url="https://data.example.com", sign_in={"issuer": "x"}), ""),
    ],
    ids=lambda v: str(getattr(v, "host", v)),
)
def test_others_are_let_in_only_where_they_must_sign_in_safely(settings: Settings, code: str) -> None:
    """A server that others can reach takes an identity provider and https, or does not start."""
    refused = ""
    try:
        expect_safe(settings)
    except FreeholdError as error:
        refused = error.code

    assert refused == code


@pytest.mark.parametrize(
    ("host", "is_local"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("127.0.0.1.evil.example", False),
        ("", False),
    ],
)
def test_only_this_machine_is_this_machine(host: str, is_local: bool) -> None:
    """By address, not by how a name begins."""
    assert is_loopback(host) is is_local
