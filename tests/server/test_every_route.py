"""What holds for every route there is, now and later: the routes are taken from the application itself."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from starlette.routing import Mount

from freehold.server.middleware.securing import POLICY
from live_server import PAGE, Running, known_as, token_of

_OPEN = ("/health", "/ready", "/sign-in", "/-/static", "/oauth/token", "/.well-known/")
_STRANGE = {
    "a path": "..%2f..%2f..%2fetc%2fpasswd",
    "a path in dots": "....//....//etc/passwd",
    "backslashes": "..%5c..%5cestate.yaml",
    "a zero": "shop%00orders",
    "a header": "x%0d%0aSet-Cookie:%20a=b",
    "half a surrogate": "%ed%a0%80",
    "no UTF-8": "%ff%fe",
    "right to left": "%e2%80%aeredro",
    "another script": "\u0441hop.orders",
    "combining marks": "e" + "\u0301" * 300,
    "a template": "{{7*7}}${7*7}<%=7*7%>",
    "a query of SQL": "' OR '1'='1' --",
    "very long": "a" * 6_000,
    "nothing": "%20",
}


def routes(running: Running) -> Iterator[tuple[str, set[str]]]:
    """Yield every path and the methods it takes."""
    yield from _below(running.app.routes, "")


def _below(found: list[Any], before: str) -> Iterator[tuple[str, set[str]]]:
    for route in found:
        if isinstance(route, Mount):
            yield from _below(route.routes, before + route.path)
        elif getattr(route, "methods", None):
            yield before + route.path, set(route.methods)


def _filled(path: str, word: str = "x") -> str:
    return re.sub(r"\{[^}]+\}", word.replace("\\", "%5c"), path)


def _reading(running: Running) -> list[str]:
    return sorted({path for path, methods in routes(running) if "GET" in methods and not path.startswith("/sign-out")})


def test_every_answer_carries_what_protects(server: Running, browser: httpx2.Client) -> None:
    """Found or not, for people or programs, no answer of any route lacks a header or allows anything inline."""
    for path in _reading(server):
        headers = browser.get(_filled(path)).headers
        assert headers["content-security-policy"] == POLICY, path
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["referrer-policy"] == "same-origin", path
        assert headers["x-request-id"], path


def test_nothing_is_open_that_is_not_meant_to_be(server: Running) -> None:
    """Whoever is not signed in gets 401 from every route, and no word of the estate, whatever the method."""
    with server.client() as stranger:
        for path, methods in routes(server):
            if path.startswith(_OPEN):
                continue
            for method in sorted(methods):
                answer = stranger.request(method, _filled(path))
                assert answer.status_code == 401, f"{method} {path}"
                assert "shop.orders" not in answer.text


def test_no_route_is_changed_by_another_site(server: Running, browser: httpx2.Client) -> None:
    """Every route that takes more than reading refuses a request that another site's page sent, cookie and all."""
    for path, methods in routes(server):
        for method in sorted(methods - {"GET", "HEAD", "OPTIONS"}):
            for sent in ({"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"}):
                answer = browser.request(method, _filled(path), headers=sent)
                assert (answer.status_code, "FH-A104" in answer.text) == (403, True), f"{method} {path}"


def test_every_route_knows_its_host(server: Running, browser: httpx2.Client) -> None:
    """Under another name nothing is answered, open or not."""
    for path in _reading(server):
        assert browser.get(_filled(path), headers={"host": "evil.example"}).status_code == 421, path


def test_no_token_does_what_takes_a_person(server: Running) -> None:
    """With all scopes but the one for jobs, a token changes nothing by any route, and sees no settings."""
    with server.client(authorization=f"Bearer {token_of(server, 'user:idp/robot')}") as program:
        for path, methods in routes(server):
            if path.startswith(_OPEN):
                continue
            if path.startswith("/settings"):
                assert program.get(_filled(path)).status_code in (403, 405), path
            for method in sorted(methods - {"GET", "HEAD", "OPTIONS"}):
                answer = program.request(method, _filled(path), headers={"content-type": "application/json"})
                assert answer.status_code in (400, 403), f"{method} {path}"


@pytest.mark.parametrize("strange", _STRANGE.values(), ids=_STRANGE)
def test_no_id_breaks_anything(server: Running, browser: httpx2.Client, strange: str) -> None:
    """Paths, zeros, other scripts: a problem at most, no header of theirs, nothing of another file."""
    for path in _reading(server):
        if "{" not in path:
            continue
        answer = browser.get(_filled(path, strange))
        assert answer.status_code < 500, f"{path}: {answer.text[:300]}"
        assert "a" not in answer.cookies
        assert "root:" not in answer.text
        assert "apiVersion: freehold" not in answer.text


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
        b'{"name": ' + b"9" * 400_000 + b"}",
        b"\xff\xfe{}",
        b'{"name": "\\ud800"}',
        json.dumps({"name": "x" * 1_900_000}).encode(),
        b"",
    ],
    ids=["deep lists", "deep objects", "a long number", "no UTF-8", "half a surrogate", "a long text", "nothing"],
)
@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_no_body_breaks_anything(server: Running, browser: httpx2.Client, body: bytes, kind: str) -> None:
    """Whatever is sent to whatever takes something: a refusal at most, never a defect."""
    for path, methods in routes(server):
        if "POST" in methods and not path.startswith(("/sign-out", "/settings/sessions")):
            answer = browser.post(_filled(path), content=body, headers={"content-type": kind})
            is_busy = answer.status_code == 503 and "FH-E101" in answer.text  # by a job that one of these began
            assert answer.status_code < 500 or is_busy, f"{path}: {answer.text}"


def test_a_session_that_somebody_planted_is_not_taken(server: Running) -> None:
    """Whoever plants a cookie before a sign-in does not know the session that comes of it."""
    with server.client(**PAGE) as victim:
        victim.cookies.set(server.settings.cookie, "planted")
        victim.get(server.link())
        mine = [one.value for one in victim.cookies.jar if one.name == server.settings.cookie]

    assert "planted" not in mine[-1]
    with server.client() as attacker:
        attacker.cookies.set(server.settings.cookie, "planted")
        assert attacker.get("/api/v1/me").status_code == 401


def test_what_a_defect_says_is_not_its_particulars(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page and the API answer with a problem under the usual headers; the log has what happened."""

    def broken(*_: object) -> None:
        raise RuntimeError("the password is hunter2")

    with known_as(server, "user:idp/x") as client:
        for way in ("seen", "seen_at_once"):
            monkeypatch.setattr(type(server.app.state.served.rights), way, broken)
        answers = [client.get("/products"), client.get("/api/v1/products"), client.get("/", headers=PAGE)]

    for answer in answers:
        assert (answer.status_code, "FH-A110" in answer.text, "hunter2" in answer.text) == (500, True, False)
        assert answer.headers["content-security-policy"] == POLICY
    assert answers[1].headers["content-type"] == "application/problem+json"
    assert [line for line in server.log if line["event"] == "defect"]
