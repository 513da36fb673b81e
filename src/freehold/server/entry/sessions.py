"""Sessions of browsers: opened at sign-in, known by a random cookie, over after a while or when somebody says so."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING

from starlette.responses import Response

from freehold.foundation import Clock
from freehold.ledger import Ledger, Session
from freehold.server.identity import Who
from freehold.server.settings import Settings

if TYPE_CHECKING:
    from freehold.foundation.caller import Assurance

_TOUCHED_EVERY = timedelta(minutes=1)  # how often a session in use is written down as used


class Doorkeeper:
    """Opens and closes sessions, and knows whose a cookie is."""

    def __init__(self, ledger: Ledger, settings: Settings, clock: Clock) -> None:
        self._ledger = ledger
        self._settings = settings
        self._clock = clock

    def open(self, who: Who, client: str, replaced: str | None = None) -> str:
        """Open a session and return what the browser has to show: a secret of 256 bits, new at every sign-in."""
        for old_one in self._ledger.sessions.of(who.principal):
            self._end_if_over(old_one)
        secret, now = secrets.token_urlsafe(32), self._clock.now()
        session = Session(
            id=_hash(secret),
            handle=secrets.token_hex(6),
            principal=who.principal,
            name=who.name,
            groups=who.groups,
            assurance=who.assurance,
            client=client[:120],
            created_at=now,
            seen_at=now,
        )
        old = _hash(replaced) if replaced else None
        self._ledger.acting(who.caller("sign in")).sessions.open(session, replaces=old)
        return secret

    def known(self, secret: str) -> Who | None:
        """Return whose session a secret stands for; None for no session, or one that is over."""
        found = self._ledger.sessions.get(_hash(secret))
        if found is None or self._end_if_over(found) or self._is_left_over(found):
            return None
        if self._clock.now() - found.seen_at >= _TOUCHED_EVERY:
            self._ledger.sessions.seen(found.id)
        return who_of(found)

    def of(self, who: Who) -> tuple[Session, ...]:
        """Return the sessions of the same person, the newest first."""
        return self._ledger.sessions.of(who.principal)

    def close(self, who: Who, handle: str, why: str) -> bool:
        """End one of somebody's own sessions; say whether there was one of that handle."""
        found = next((s for s in self.of(who) if s.handle == handle), None)
        return found is not None and self._ledger.acting(who.caller("sign out")).sessions.close(found, why)

    def _end_if_over(self, session: Session) -> bool:
        """End a session whose time is over; say whether it was."""
        now = self._clock.now()
        is_over = now - session.seen_at >= self._settings.idle or now - session.created_at >= self._settings.absolute
        if is_over:
            self._ledger.sessions.close(session, "expired")
        return is_over

    def _is_left_over(self, session: Session) -> bool:
        """Say whether it was opened by a link of the terminal, before people had to sign in at a provider."""
        return bool(self._settings.sign_in) and session.assurance == "local"

    def give(self, response: Response, secret: str) -> None:
        """Put the cookie of a session into a response."""
        response.set_cookie(
            self._settings.cookie,
            secret,
            max_age=int(self._settings.absolute.total_seconds()),
            path="/",
            secure=self._settings.is_secure,
            httponly=True,
            samesite="lax",
        )

    def take_back(self, response: Response) -> None:
        """Have the browser forget the cookie."""
        response.delete_cookie(
            self._settings.cookie, path="/", secure=self._settings.is_secure, httponly=True, samesite="lax"
        )


def who_of(session: Session) -> Who:
    """Return the person whose session it is."""
    assurance: Assurance = "oidc" if session.assurance == "oidc" else "local"
    return Who(session.principal, session.name, session.groups, assurance, "session", session.handle)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
