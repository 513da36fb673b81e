"""Sessions and tokens as they are kept: with their events or not at all, on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from happenings import START, check
from places import Place, take_back

from freehold.foundation import Caller
from freehold.ledger import Ledger, Session, Token
from freehold.ledger.store import REVISION

ANNA = Caller("user:idp/anna", ("group:idp/sales",), assurance="oidc")
SESSION = Session(
    "5" * 64, "handle-1", ANNA.principal, "Anna Smith", ANNA.groups, "oidc", "Firefox on Linux", START, START
)
TOKEN = Token(
    "token-1", "user", ANNA.principal, "nightly report", "a" * 64, ANNA.groups, ("catalog:read",), START,
    START + timedelta(days=30),
)  # fmt: skip


def test_what_is_kept_is_what_was_given(ledger: Ledger) -> None:
    """Every field of both, by id and in the lists of their owner."""
    ledger.sessions.open(SESSION)
    ledger.tokens.add(TOKEN)

    assert ledger.sessions.get(SESSION.id) == SESSION
    assert ledger.sessions.of(ANNA.principal) == (SESSION,)
    assert ledger.tokens.get(TOKEN.id) == TOKEN
    assert ledger.tokens.all(ANNA.principal) == (TOKEN,) == ledger.tokens.all()
    assert ledger.sessions.of("user:idp/ben") == ledger.tokens.all("user:idp/ben") == ()


def test_each_change_is_an_event_of_whoever_made_it(ledger: Ledger) -> None:
    """In the same ledger, sealed with the rest; a name of a person is in none of them."""
    acting = ledger.acting(ANNA)
    acting.sessions.open(SESSION)
    acting.tokens.add(TOKEN)
    acting.tokens.revoke(TOKEN)
    acting.sessions.close(SESSION, "signed_out")
    told = list(ledger.read())

    assert [e.type for e in told] == ["session.opened", "token.created", "token.revoked", "session.closed"]
    assert {e.actor for e in told} == {ANNA.principal}
    assert not [e for e in told if "Smith" in str(e) or SESSION.id in str(e) or TOKEN.secret in str(e)]
    assert ledger.sign_off() is not None
    assert not ledger.verify().broken


def test_an_id_is_given_once(ledger: Ledger) -> None:
    """A second token of it is neither kept nor told, whatever else it says; the first stays as it is."""
    assert ledger.tokens.add(TOKEN, {"issuer": "https://ci.example", "run": "7"})
    assert not ledger.tokens.add(replace(TOKEN, secret="b" * 64, owner="user:idp/ben"))

    assert ledger.tokens.all() == (TOKEN,)
    assert [(e.type, e.data["issuer"], e.data["run"]) for e in ledger.read()] == [
        ("token.created", "https://ci.example", "7")
    ]


def test_tokens_of_jobs_are_forgotten_and_no_others(ledger: Ledger) -> None:
    """Those that ended before a moment; the ledger goes on telling of them."""
    of_job, later = (replace(TOKEN, id=f"ci-{n}", kind="ci", expires_at=START + timedelta(days=n)) for n in (1, 9))
    for one in (TOKEN, of_job, later):
        ledger.tokens.add(one)
    ledger.tokens.forget("ci", START + timedelta(days=9))

    assert {one.id for one in ledger.tokens.all()} == {TOKEN.id, later.id}
    assert len(list(ledger.read())) == 3


def test_ending_twice_is_ending_once(ledger: Ledger) -> None:
    """The second time says so, and is no event."""
    ledger.sessions.open(SESSION)
    ledger.tokens.add(TOKEN)

    assert [ledger.sessions.close(SESSION, "revoked"), ledger.sessions.close(SESSION, "revoked")] == [True, False]
    assert [ledger.tokens.revoke(TOKEN), ledger.tokens.revoke(TOKEN)] == [True, False]
    assert len(list(ledger.read())) == 4
    assert ledger.tokens.get(TOKEN.id) == replace(TOKEN, revoked_at=START)


@pytest.mark.parametrize(
    ("row", "event"),
    [(SESSION, {"assurance": "guessed"}), (TOKEN, {"kind": "guessed"})],
    ids=["a session", "a token"],
)
def test_what_cannot_be_told_is_not_kept(ledger: Ledger, row: Any, event: dict[str, Any]) -> None:
    """A row and its event are in one transaction: refused the one, there is not the other."""
    wrong = replace(row, **event)
    with pytest.raises(Exception, match="does not take"):
        ledger.sessions.open(wrong) if isinstance(wrong, Session) else ledger.tokens.add(wrong)

    assert ledger.sessions.get(SESSION.id) is None
    assert ledger.tokens.get(TOKEN.id) is None
    assert list(ledger.read()) == []


def test_a_session_takes_the_place_of_another(ledger: Ledger) -> None:
    """At once: there is no moment with both, or with neither."""
    ledger.sessions.open(SESSION)
    ledger.sessions.open(replace(SESSION, id="6" * 64, handle="handle-2"), replaces=SESSION.id)

    assert ledger.sessions.get(SESSION.id) is None
    assert [s.handle for s in ledger.sessions.of(ANNA.principal)] == ["handle-2"]


def test_use_is_remembered(ledger: Ledger, clock: Any) -> None:
    """When a session was last seen, and a token last used."""
    ledger.sessions.open(SESSION)
    ledger.tokens.add(TOKEN)
    clock.advance(timedelta(minutes=5))
    ledger.sessions.seen(SESSION.id)
    ledger.tokens.used({TOKEN.id: clock.now()})

    assert ledger.sessions.get(SESSION.id) == replace(SESSION, seen_at=START + timedelta(minutes=5))
    assert ledger.tokens.get(TOKEN.id) == replace(TOKEN, used_at=START + timedelta(minutes=5))


def test_a_state_of_the_first_revision_gets_the_tables(opened: Callable[..., Ledger], place: Place) -> None:
    """By the migration, at open; the events that are in it stay, and the chain holds."""
    first = opened()
    first.append(check(1), check(2))
    first.close()
    take_back(place, "0001")
    again = opened()
    again.tokens.add(TOKEN)
    again.sessions.open(SESSION)

    assert [e.type for e in again.read()][-2:] == ["token.created", "session.opened"]
    assert len(list(again.read())) == 4
    assert not again.verify().broken
    assert place.ask("SELECT version_num FROM freehold_revision") == [(REVISION,)]
