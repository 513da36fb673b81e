"""Ways in: links, sessions, tokens. What is refused, and what is left behind."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from freehold.foundation import FreeholdError, SimulatedClock
from freehold.ledger import Ledger
from freehold.server.entry.links import Links
from freehold.server.entry.sessions import Doorkeeper
from freehold.server.entry.tokens import Mint, TokenRound, checksum
from freehold.server.identity import SCOPES, Who
from freehold.server.settings import Settings
from freehold.server.web.pages.entry import inside
from live_server import PAGE, Running, known_as, made_token, token_of

ANNA = Who("user:idp/anna", "Anna", ("group:idp/sales",), "oidc", "session", "")
START = datetime(2026, 11, 2, 9, tzinfo=UTC)


@pytest.fixture
def clock() -> SimulatedClock:
    """A clock that stands until it is told to move."""
    return SimulatedClock(START)


@pytest.fixture
def ledger(tmp_path: Path, clock: SimulatedClock) -> Iterator[Ledger]:
    """A ledger of its own."""
    with Ledger.open("sqlite:///state.db", root=tmp_path, clock=clock) as opened:
        yield opened


# -- links


def test_a_link_lets_one_browser_in_once(server: Running) -> None:
    """The second use of a link is refused with what to do, and signs nobody in."""
    link = server.link()

    with server.client(**PAGE) as first, server.client(**PAGE) as second:
        assert first.get(link).status_code == 303
        assert first.get("/").status_code == 200
        refused = second.get(link)
        assert refused.status_code == 403
        assert "FH-A103" in refused.text
        assert not second.cookies


def test_a_used_link_is_followed_by_another() -> None:
    """Whoever serves is handed the next link, which is good in turn."""
    given_out: list[str] = []
    links = Links(given_out.append)

    assert links.take(links.new())
    assert links.take(given_out[0])
    assert not links.take(given_out[0])


@pytest.mark.parametrize(
    "shown", ["", "x", "A" * 43, "../../etc/passwd"], ids=["nothing", "short", "made up", "a path"]
)
def test_a_link_nobody_gave_out_opens_nothing(shown: str) -> None:
    """Guessing does not help."""
    links = Links()
    links.new()

    assert not links.take(shown)


@pytest.mark.parametrize(
    "wanted",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "evil",
        "",
        "/a\nb",
        "/sign-in",
    ],
)
def test_signing_in_leads_nowhere_else(wanted: str) -> None:
    """Where one goes after signing in is a page of this server."""
    assert inside(wanted) == "/"


@given(st.text())
def test_whatever_is_wanted_leads_inside(wanted: str) -> None:
    """No text leads to another host."""
    led = inside(wanted)

    assert led.startswith("/")
    assert not led.startswith("//")
    assert "\\" not in led


# -- sessions


def test_a_session_is_kept_as_a_hash(server: Running) -> None:
    """Who reads the state finds nothing that a browser could show."""
    with server.signed_in() as client:
        secret = client.cookies[server.settings.cookie]
        with sqlite3.connect(server.root / ".freehold/state.db") as state:
            rows = state.execute("SELECT * FROM session").fetchall()

    assert rows
    assert all(secret not in str(row) for row in rows)


def test_the_cookie_is_for_this_server_alone(server: Running) -> None:
    """No script reads it, no other site sends it, and it is bound to its port by name."""
    with server.client() as client:
        cookie = client.get(server.link()).headers["set-cookie"].lower()

    assert cookie.startswith(f"freehold_{server.settings.port}=")
    assert {"httponly", "samesite=lax", "path=/"} <= {part.strip() for part in cookie.split(";")}
    assert "domain=" not in cookie


def test_over_https_the_cookie_is_bound_to_the_host() -> None:
    """`__Host-` cookies are taken from no other host, and go over no open line."""
    settings = Settings(url="https://data.example.com")

    assert settings.cookie == "__Host-freehold"
    assert settings.is_secure


def test_signing_in_again_changes_the_secret(server: Running) -> None:
    """What a browser showed before signing in is of no use after it."""
    with server.signed_in() as client:
        before = client.cookies[server.settings.cookie]
        client.get(server.link())
        after = client.cookies[server.settings.cookie]
        assert before != after
        with server.client() as thief:
            thief.cookies.set(server.settings.cookie, before)
            assert thief.get("/api/v1/me").status_code == 401


def test_signing_out_ends_the_session_here_and_there(server: Running) -> None:
    """The cookie goes, and a copy of it opens nothing."""
    with server.signed_in() as client, server.client() as thief:
        thief.cookies.set(server.settings.cookie, client.cookies[server.settings.cookie])
        assert thief.get("/api/v1/me").status_code == 200
        assert client.post("/sign-out").status_code == 303
        assert not client.cookies
        assert thief.get("/api/v1/me").status_code == 401


def test_a_session_can_be_ended_from_another_browser(server: Running) -> None:
    """The list of sessions ends any of one's own."""
    with server.signed_in() as here, server.signed_in() as there:
        listed = here.get("/settings/sessions.json").json()["page"]["sessions"]
        other = there.get("/settings/sessions.json").json()["page"]["sessions"]
        mine = next(s["handle"] for s in listed if s["is_this"])
        theirs = next(s["handle"] for s in other if s["is_this"])
        assert mine != theirs
        assert here.post(f"/settings/sessions/{theirs}/revoke").status_code == 303
        assert there.get("/api/v1/me").status_code == 401
        assert here.get("/api/v1/me").status_code == 200


@pytest.mark.parametrize(
    ("waits", "is_known"),
    [
        ([timedelta(hours=7, minutes=59)], True),
        ([timedelta(hours=8)], False),
        ([timedelta(hours=7)] * 20, True),
        ([timedelta(hours=7)] * 24, False),
    ],
    ids=["just within the idle time", "idle for eight hours", "in use for six days", "in use for a week"],
)
def test_a_session_ends_by_itself(
    ledger: Ledger, clock: SimulatedClock, waits: list[timedelta], is_known: bool
) -> None:
    """Idle for eight hours or a week old, it is over, whoever shows the cookie."""
    keeper = Doorkeeper(ledger, Settings(), clock)
    secret = keeper.open(ANNA, "a browser")
    found = None
    for wait in waits:
        clock.advance(wait)
        found = keeper.known(secret)

    assert (found is not None) is is_known
    assert [e.data["why"] for e in ledger.read(types=("session.closed",))] == ([] if is_known else ["expired"])


def test_sessions_nobody_ended_are_ended_at_the_next_sign_in(ledger: Ledger, clock: SimulatedClock) -> None:
    """A browser that was closed for good leaves nothing behind for ever."""
    keeper = Doorkeeper(ledger, Settings(), clock)
    keeper.open(ANNA, "an old browser")
    clock.advance(timedelta(days=30))
    keeper.open(ANNA, "a new browser")

    assert [s.client for s in keeper.of(ANNA)] == ["a new browser"]


def test_signing_in_and_out_are_events_of_whoever_does_it(ledger: Ledger, clock: SimulatedClock) -> None:
    """The ledger says who came and went, by a handle that opens nothing."""
    keeper = Doorkeeper(ledger, Settings(), clock)
    secret = keeper.open(ANNA, "a browser")
    who = keeper.known(secret)
    assert who is not None
    keeper.close(who, who.credential, "signed_out")
    told = list(ledger.read(types=("session.*",)))

    assert [(e.type, e.actor, e.assurance) for e in told] == [
        ("session.opened", "user:idp/anna", "oidc"),
        ("session.closed", "user:idp/anna", "oidc"),
    ]
    assert all(secret not in str(e.data) for e in told)
    assert not ledger.verify().broken


# -- tokens


def test_a_token_made_on_the_page_reads_the_api(server: Running, browser: httpx2.Client) -> None:
    """It acts as its owner, says when it was used, and ends when it is revoked."""
    text = made_token(browser, "catalog:read")

    with server.client(authorization=f"Bearer {text}") as program:
        assert program.get("/api/v1/products").status_code == 200
        me = program.get("/api/v1/me").json()
        assert (me["via"], me["scopes"], me["assurance"]) == ("token", ["catalog:read"], "token")
        listed = browser.get("/settings/tokens.json").json()["page"]["tokens"]
        mine = next(t for t in listed if t["id"] in text)
        assert mine["used_at"]
        assert text not in browser.get("/settings/tokens").text
        assert browser.post(f"/settings/tokens/{mine['id']}/revoke").status_code == 303
        assert program.get("/api/v1/products").status_code == 401


@pytest.mark.parametrize(
    ("scope", "path", "status"),
    [
        ("catalog:read", "/api/v1/products", 200),
        ("catalog:read", "/products.json", 200),
        ("catalog:read", "/api/v1/metrics/shop.revenue/values", 403),
        ("metrics:query", "/api/v1/metrics/shop.revenue/values?by=month", 200),
        ("metrics:query", "/api/v1/products", 403),
        ("catalog:read", "/metrics", 403),
        ("catalog:read", "/metrics.json", 200),
        ("catalog:read", "/metrics/shop.revenue.json", 403),
        ("metrics:query", "/metrics/shop.revenue.json", 200),
        ("server:observe", "/metrics", 200),
        ("server:observe", "/api/v1/products", 403),
        ("catalog:read", "/settings/tokens.json", 403),
        ("catalog:read", "/settings/sessions.json", 403),
    ],
)
def test_a_token_reaches_as_far_as_its_scopes(
    server: Running, browser: httpx2.Client, scope: str, path: str, status: int
) -> None:
    """What a token is not for, it may not do."""
    with server.client(authorization=f"Bearer {made_token(browser, scope)}") as program:
        assert program.get(path).status_code == status


@pytest.mark.parametrize("path", ["/settings/tokens", "/sign-out", "/settings/sessions/x/revoke"])
def test_a_token_changes_nothing(server: Running, browser: httpx2.Client, path: str) -> None:
    """Tokens make no tokens, and end no sessions."""
    everything = made_token(browser, *SCOPES)
    with server.client(authorization=f"Bearer {everything}") as program:
        assert program.post(path, data={"name": "x", "days": "1", "scopes": "catalog:read"}).status_code == 403


@pytest.mark.parametrize(
    "spoil",
    [
        lambda t: t[:-1] + ("a" if t[-1] != "a" else "b"),
        lambda t: t[:20] + ("a" if t[20] != "a" else "b") + t[21:],
        lambda t: t.replace("fh_user", "fh_service"),
        lambda t: t.upper(),
        lambda t: t + "x",
        lambda _: "",
        lambda _: "fh_user_" + "a" * 12 + "_" + "b" * 49,
        lambda t: _resummed(t[:-7] + ("x" if t[-7] != "x" else "y") + t[-6:]),
    ],
    ids=[
        "another checksum",
        "another secret",
        "another kind",
        "capitals",
        "longer",
        "nothing",
        "made up",
        "summed anew",
    ],
)
def test_what_is_no_token_opens_nothing(ledger: Ledger, clock: SimulatedClock, spoil: Callable[[str], str]) -> None:
    """Any change of a token makes it none."""
    mint = Mint(ledger, clock)
    text, _ = mint.make(ANNA, "report", ["catalog:read"], timedelta(days=1))
    assert mint.known(text) is not None

    assert mint.known(spoil(text)) is None


def _resummed(text: str) -> str:
    return text[:-6] + checksum(text[:-6])


def test_a_token_is_over_when_its_time_is(ledger: Ledger, clock: SimulatedClock) -> None:
    """To the second."""
    mint = Mint(ledger, clock)
    text, _ = mint.make(ANNA, "report", ["catalog:read"], timedelta(hours=12))
    clock.advance(timedelta(hours=11, minutes=59, seconds=59))
    assert mint.known(text) is not None
    clock.advance(timedelta(seconds=1))

    assert mint.known(text) is None


@pytest.mark.parametrize(
    ("name", "scopes", "lasts"),
    [
        ("", ["catalog:read"], timedelta(days=1)),
        ("x" * 81, ["catalog:read"], timedelta(days=1)),
        ("a\x00b", ["catalog:read"], timedelta(days=1)),
        ("nightly\nreport", ["catalog:read"], timedelta(days=1)),
        ("x", [], timedelta(days=1)),
        ("x", ["catalog:write"], timedelta(days=1)),
        ("x", ["catalog:read"], timedelta(0)),
        ("x", ["catalog:read"], timedelta(days=367)),
    ],
    ids=[
        "no name",
        "a long name",
        "a control character",
        "a line break",
        "no scope",
        "an unknown scope",
        "no time",
        "too long",
    ],
)
def test_a_token_that_makes_no_sense_is_refused(
    ledger: Ledger, clock: SimulatedClock, name: str, scopes: list[str], lasts: timedelta
) -> None:
    """With what is wrong, and nothing is kept."""
    with pytest.raises(FreeholdError) as refused:
        Mint(ledger, clock).make(ANNA, name, scopes, lasts)

    assert refused.value.code == "FH-A112"
    assert ("cannot be printed" in refused.value.problem) == (not name.isprintable())
    assert not ledger.tokens.all()


def test_the_use_of_many_tokens_is_written_down_at_once(ledger: Ledger, clock: SimulatedClock) -> None:
    """Asking writes nothing; whoever lists their tokens sees it before."""
    mint = Mint(ledger, clock)
    made = [mint.make(ANNA, f"report {n}", ["catalog:read"], timedelta(days=1)) for n in range(3)]
    for text, _ in made[:2]:
        assert mint.known(text) is not None
    used = {made[0][1].id: clock.now(), made[1][1].id: clock.now(), made[2][1].id: None}

    assert [ledger.tokens.get(id) for id in used] == [token for _, token in made]
    assert {token.id: token.used_at for token in mint.of(ANNA)} == used
    TokenRound(mint).go()
    assert {token.id: token.used_at for token in ledger.tokens.all()} == used


def test_nobody_revokes_the_token_of_another(ledger: Ledger, clock: SimulatedClock) -> None:
    """One's own tokens are all one sees."""
    mint = Mint(ledger, clock)
    text, token = mint.make(ANNA, "report", ["catalog:read"], timedelta(days=1))
    ben = Who("user:idp/ben", "Ben", (), "oidc", "session", "")

    with pytest.raises(FreeholdError, match="no token"):
        mint.revoke(ben, token.id)
    assert mint.known(text) is not None
    assert mint.of(ben) == ()


def test_groups_are_those_of_the_last_sign_in(server: Running) -> None:
    """Whoever left a group has it in no browser and no token any more, once they have signed in again."""
    token = token_of(server, "user:idp/leaver", "group:idp/one", "group:idp/two")
    with (
        known_as(server, "user:idp/leaver", "group:idp/one", "group:idp/two") as before,
        known_as(server, "user:idp/stayer", "group:idp/two") as other,
        server.client(authorization=f"Bearer {token}") as program,
    ):
        assert before.get("/api/v1/me").json()["groups"] == ["group:idp/one", "group:idp/two"]
        with known_as(server, "user:idp/leaver", "group:idp/one") as after:
            told = [client.get("/api/v1/me").json()["groups"] for client in (after, before, program, other)]

    assert told == [["group:idp/one"], ["group:idp/one"], ["group:idp/one"], ["group:idp/two"]]
