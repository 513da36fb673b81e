"""Tokens of programs: `fh_<kind>_<id>_<secret><checksum>`. Shown once, kept as a hash, found by scanners by their form.

The checksum lets a scanner, and us, tell a token from a text that looks like one without asking the database.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import string
import threading
import time
import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from freehold.foundation import Clock, Exit, FreeholdError, near
from freehold.ledger import Ledger, Token
from freehold.server.identity import MAY_BE_GIVEN, Who

if TYPE_CHECKING:
    from freehold.access import ServiceAccount

KINDS = ("user", "service", "ci")
LONGEST = timedelta(days=366)
JOBS_KEPT = timedelta(days=31)  # how long a token of a CI job is listed after its end, and its identity known as used
_ALPHABET = string.ascii_letters + string.digits
_CHECKSUM = 6
_SECRET = 43  # of 62 characters: 256 bits
_FORM = re.compile(
    rf"fh_(?P<kind>{'|'.join(KINDS)})_(?P<id>[0-9a-z]{{12}})_(?P<secret>[0-9A-Za-z]{{{_SECRET}}})(?P<sum>[0-9A-Za-z]{{{_CHECKSUM}}})"
)
_LATELY_S, _MOST_LATELY = 1.0, 1_000
_TOUCHED_EVERY = timedelta(minutes=1)


class Mint:
    """Makes tokens, knows whose one is, and takes them back."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._lately: dict[str, tuple[float, Who]] = {}
        self._used: dict[str, datetime] = {}
        self._turn = threading.Lock()

    def make(
        self,
        maker: Who,
        name: str,
        scopes: Collection[str],
        lasts: timedelta,
        account: ServiceAccount | None = None,
        *,
        once: str = "",
    ) -> tuple[str, Token]:
        """Make a token of somebody's own, or of a service account; return its text, and what is kept of it.

        Nobody can show the text again. `once` marks a form, so that a second token is not made when it is sent again.

        Raises:
            FreeholdError: FH-A112 a scope nobody knows, none, or more than the account may, a name that is empty or too
                long, or a time that is not in the future or too far; FH-A114 the account should have been looked over.
        """
        wanted = _expected(name, scopes, lasts)
        if account is not None:
            expect_fit(account, wanted, self._clock.now().date())
        kind, owner, groups = "user", maker.principal, maker.groups
        if account is not None:
            kind, owner, groups = "service", account.principal, ()
        id_ = _id_of(maker, once or secrets.token_urlsafe(32))
        text, token = self._struck(id_, kind, owner, name, groups, wanted, self._clock.now() + lasts)
        self._ledger.acting(maker.caller("make a token")).tokens.add(token)
        return text, token

    def make_for_job(
        self, job: Who, account: ServiceAccount, scopes: Collection[str], until: datetime, *, once: str, **told: str
    ) -> tuple[str, Token] | None:
        """Make a token of a service account for a CI job; None where one was made before for the same identity.

        Args:
            job: the job as its issuer vouches for it: the actor of the event.
            account: whom the token acts as.
            scopes: what it may.
            until: when it ends.
            once: what stands for the identity that was shown; there is one token for it, whoever asks at once.
            told: what the event says beside.

        Raises:
            FreeholdError: as of `make`.
        """
        now = self._clock.now()
        wanted = _expected(job.name, scopes, until - now)
        expect_fit(account, wanted, now.date())
        self._ledger.tokens.forget("ci", now - JOBS_KEPT)
        text, token = self._struck(_id_of(job, once), "ci", account.principal, job.name, (), wanted, until)
        is_new = self._ledger.acting(job.caller("exchange a token")).tokens.add(token, told)
        return (text, token) if is_new else None

    def _struck(
        self, id_: str, kind: str, owner: str, name: str, groups: tuple[str, ...], scopes: tuple[str, ...],
        until: datetime,
    ) -> tuple[str, Token]:  # fmt: skip
        """Return the text of a new token and what is to be kept of it."""
        secret = "".join(secrets.choice(_ALPHABET) for _ in range(_SECRET))
        body = f"fh_{kind}_{id_}_{secret}"
        token = Token(
            id=id_,
            kind=kind,
            owner=owner,
            name=name.strip(),
            secret=_hash(secret),
            groups=groups,
            scopes=scopes,
            created_at=self._clock.now(),
            expires_at=until,
        )
        return body + checksum(body), token

    def was_made(self, maker: Who, once: str) -> bool:
        """Whether a token was made by a form that bears a mark, by whoever asks."""
        return self._ledger.tokens.get(_id_of(maker, once)) is not None

    def known(self, text: str) -> Who | None:
        """Return whose token a text is; None for one that is malformed, unknown, over or revoked."""
        form = _FORM.fullmatch(text)
        if form is None or not hmac.compare_digest(checksum(text[:-_CHECKSUM]), form["sum"]):
            return None
        found = self._ledger.tokens.get(form["id"])
        if found is None or not hmac.compare_digest(found.secret, _hash(form["secret"])) or found.kind != form["kind"]:
            return None
        now = self._clock.now()
        if found.revoked_at is not None or found.expires_at <= now:
            return None
        if found.used_at is None or now - found.used_at >= _TOUCHED_EVERY:
            with self._turn:
                self._used[found.id] = now
        who = Who(found.owner, found.name, found.groups, "token", "token", found.id, frozenset(found.scopes))
        if len(self._lately) >= _MOST_LATELY:
            self._lately.clear()
        self._lately[_hash(text)] = (time.monotonic(), who)
        return who

    def write_down(self) -> None:
        """Write down which tokens were used: together, since each alone would keep its request, and others, waiting."""
        with self._turn:
            used, self._used = self._used, {}
        if used:
            self._ledger.tokens.used(used)

    def known_lately(self, text: str) -> Who | None:
        """Return whose token a text was within the last second; None where nobody asked since.

        One that was revoked meanwhile, here or by another process, is known for that second at most.
        """
        found = self._lately.get(_hash(text))
        return found[1] if found is not None and time.monotonic() - found[0] < _LATELY_S else None

    def of(self, who: Who) -> tuple[Token, ...]:
        """Return somebody's tokens, the newest first."""
        with self._turn:
            used = dict(self._used)
        found = self._ledger.tokens.all(who.principal)
        return tuple(replace(token, used_at=used.get(token.id, token.used_at)) for token in found)

    def revoke(self, who: Who, id_: str) -> Token:
        """Make one of somebody's own tokens of no use.

        Raises:
            FreeholdError: FH-A111 they have no such token.
        """
        mine = self.of(who)
        found = next((token for token in mine if token.id == id_), None)
        if found is None:
            raise unknown_token(id_, mine)
        self._ledger.acting(who.caller("revoke a token")).tokens.revoke(found)
        self._lately.clear()
        return found


class TokenRound:
    """Writes down which tokens were used."""

    name = "tokens"

    def __init__(self, mint: Mint) -> None:
        self._mint = mint

    def go(self) -> None:
        """Write down those since the last round."""
        self._mint.write_down()


def account_named(name: str, accounts: Mapping[str, ServiceAccount]) -> ServiceAccount:
    """Return the service account of a name, `nightly-report` or `service:nightly-report`.

    Raises:
        FreeholdError: FH-A114 no file declares it.
    """
    found = accounts.get(name) or accounts.get(f"service:{name}")
    if found is None:
        known = [one.id for one in accounts.values()]
        raise FreeholdError(
            "FH-A114",
            f"No file declares a service account `{name}`.",
            fix=near(name.removeprefix("service:"), known) or "Declare it: `freehold schema ServiceAccount`.",
            exit_code=Exit.USAGE,
        )
    return found


def expect_fit(account: ServiceAccount, scopes: Collection[str], today: date) -> None:
    """Refuse a new token to an account that nobody has looked over in time, or of more scopes than its file allows.

    Raises:
        FreeholdError: FH-A114 its day is past; FH-A112 a scope is beyond it.
    """
    if account.is_overdue(today):
        raise FreeholdError(
            "FH-A114",
            f"`{account.principal}` was to be looked over by {account.review_by}, so it gets no new token.",
            where=account.where,
            fix=f"Have {account.owner} say whether it is still needed, and set `review_by`.",
            exit_code=Exit.USAGE,
        )
    beyond = sorted(set(scopes) - set(account.scopes)) if account.scopes else []
    if beyond:
        raise _refused(
            f"`{account.principal}` may have no token for `{beyond[0]}`.",
            f"Its file says: {', '.join(account.scopes)}.",
        )


def unknown_token(id_: str, known: Sequence[Token]) -> FreeholdError:
    """Return the refusal of a token that is not there."""
    ids = [token.id for token in known]
    return FreeholdError(
        "FH-A111",
        f"There is no token `{id_}`.",
        fix=near(id_, ids) or "See `freehold token list`.",
        exit_code=Exit.USAGE,
    )


def _id_of(maker: Who, once: str) -> str:
    """Return the id that a form's mark gives a token: 12 of 36 characters, another one for each maker."""
    number = int.from_bytes(hashlib.sha256(f"{maker.principal} {once}".encode()).digest())
    letters = string.ascii_lowercase + string.digits
    return "".join(letters[number // len(letters) ** place % len(letters)] for place in range(12))


def checksum(body: str) -> str:
    """Return the checksum of a token's text: CRC-32 in six characters of base 62."""
    value, digits = zlib.crc32(body.encode()), []
    for _ in range(_CHECKSUM):
        value, digit = divmod(value, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))


def _expected(name: str, scopes: Collection[str], lasts: timedelta) -> tuple[str, ...]:
    unknown = sorted(set(scopes) - set(MAY_BE_GIVEN))
    if unknown:
        hint = near(unknown[0], MAY_BE_GIVEN) or f"There are: {', '.join(MAY_BE_GIVEN)}."
        raise _refused(f"There is no scope `{unknown[0]}`.", hint)
    if not scopes:
        raise _refused("A token without a scope is good for nothing.", f"Choose of: {', '.join(MAY_BE_GIVEN)}.")
    if not name.isprintable():
        raise _refused(f"The name {name[:80]!a} has a character that cannot be printed.", "Leave it out.")
    if not 0 < len(name.strip()) <= 80:
        raise _refused("A token needs a name of 1 to 80 characters.", "Say what will use it, such as `nightly report`.")
    if not timedelta(0) < lasts <= LONGEST:
        raise _refused(f"A token lasts for {LONGEST.days} days at most, and ends after now.", "Write 12h or 90d.")
    return tuple(scope for scope in MAY_BE_GIVEN if scope in scopes)


def _refused(problem: str, fix: str) -> FreeholdError:
    return FreeholdError("FH-A112", problem, fix=fix, exit_code=Exit.USAGE)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
