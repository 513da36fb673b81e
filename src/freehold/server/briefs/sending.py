"""Sending briefs: by the server at their time, or by hand. No receiver gets a brief twice, whatever happens.

Who sends claims it first, in the kept state: of several servers one sends, and what was under way when a server was
ended by force is not sent again. What failed is let go of, and sent a minute later, as long as its day lasts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from textwrap import shorten
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from freehold.connect.messages import BriefFile, Mail, Way, briefs_of, send_mail, way_to
from freehold.connect.messages.posting import Posting
from freehold.foundation import Caller, FreeholdError, Problems
from freehold.ledger import Event
from freehold.server.briefs.content import brief_for
from freehold.server.briefs.rendering import as_html, as_message, as_text
from freehold.server.identity import Who

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from freehold.connect.messages import Message
    from freehold.ledger import Ledger
    from freehold.server.application import Served

SENT = "brief.sent"
CLAIMED = "briefs.claimed"  # in the kept state: brief, receiver and instant, with when somebody began to send
STALE_AFTER = timedelta(hours=24)  # what could not be sent by then is of no use any more
_SUBJECT = 120  # characters; mail programs show fewer
_REST = timedelta(minutes=1)  # of a receiver who could not be told


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of a brief for one receiver: `why` is what kept it back, empty where it was sent."""

    brief: str
    receiver: str
    by: str
    why: str = ""
    fix: str = ""


class BriefRound:
    """Sends the briefs that are due."""

    name = "briefs"

    def __init__(self) -> None:
        self._app: Starlette | None = None
        self._done: set[str] = set()  # that this server need not look at again
        self._resting: dict[str, datetime] = {}

    def of(self, app: Starlette) -> None:
        """Say of which application, once that is put together."""
        self._app = app

    def go(self) -> None:
        """Send what is due, and was not sent.

        Raises:
            FreeholdError: a receiver could not be told; the others were.
        """
        if self._app is None:
            return
        served: Served = self._app.state.served
        estate, now = served.snapshots.lately().estate, served.snapshots.clock.now()
        zone = ZoneInfo(str(estate.defaults.get("timezone", "UTC")))
        failed: list[FreeholdError] = []
        for file in briefs_of(estate).values():
            due = file.last_due(now, zone)
            for receiver in file.to if now - due < STALE_AFTER else ():
                key = f"{file.id}\n{receiver}\n{due.isoformat()}"
                if key in self._done or self._resting.get(key, now) > now:
                    continue
                try:
                    self._claimed(file, receiver, due, key)
                    self._done.add(key)
                except FreeholdError as error:
                    self._resting[key] = now + _REST
                    failed.append(error)
        if failed:
            raise Problems(failed)

    def _claimed(self, file: BriefFile, receiver: str, due: datetime, key: str) -> None:
        """Send a brief that nobody else has begun to send.

        Raises:
            FreeholdError: it could not be sent; it is free to be sent again.
        """
        assert self._app is not None, "a round without an application sends nothing"
        ledger = _acting(self._app.state.served)
        if not ledger.state.claim(CLAIMED, key, ledger.clock.now().isoformat()):
            return
        try:
            send_one(self._app, file, receiver, due)
        except FreeholdError:
            ledger.state.delete(CLAIMED, key)
            raise


def send(app: Starlette, home: str) -> Iterator[Sent]:
    """Send the briefs of a home now, by hand, to each of their receivers; yield what came of each.

    Raises:
        FreeholdError: FH-X504 no file declares a brief of that home.
    """
    estate = app.state.served.snapshots.now().estate
    files = [one for one in briefs_of(estate).values() if one.home == home]
    if not files:
        raise FreeholdError(
            "FH-X504", f"No file declares a brief of the home `{home}`.",
            fix="Say who gets it: `freehold schema Brief`.",
        )  # fmt: skip
    for file in files:
        for receiver in file.to:
            try:
                yield Sent(file.id, receiver, send_one(app, file, receiver, None))
            except FreeholdError as error:
                yield Sent(file.id, receiver, "", error.problem, error.fix)


def send_one(app: Starlette, file: BriefFile, receiver: str, due: datetime | None) -> str:
    """Send a brief to one receiver, record that, and return by what it went: `mail`, `slack`, `teams`, `webhook`.

    Raises:
        FreeholdError: FH-X503 no file says the way to them; FH-X321, FH-X322, FH-X501, FH-X502 it could not be sent;
            what the home page raises.
    """
    served: Served = app.state.served
    way = way_of(served, receiver)
    if way is None:
        raise FreeholdError("FH-X503", f"`{file.id}` goes to `{receiver}`, to whom no file says the way.",
                            where=file.where, fix="`freehold validate` says how it is said.")  # fmt: skip
    who = Who(way.eyes, way.eyes.rpartition("/")[2], way.groups, "token", "token", f"brief:{file.id}")
    brief = brief_for(app, who, file.home)
    id_ = f"brief {file.id} {due.isoformat() if due else served.snapshots.clock.now().isoformat()}"
    subject = shorten(f"{file.name}: {brief.sentence}", _SUBJECT, placeholder=" …")
    tell(served, way, as_message(brief), id_, subject=subject, text=as_text(brief), html=as_html(brief))
    said = {"brief": file.id, "home": file.home, "receiver": receiver, "by": way.by}
    _acting(served).append(Event(SENT, {**said, "due_at": due}, subject=file.id))
    return way.by


def way_of(served: Served, receiver: str) -> Way | None:
    """Return the way to somebody, as the files and settings of a server have it."""
    return way_to(receiver, served.snapshots.now().estate, has_mail=served.settings.mail is not None)


def tell(
    served: Served, way: Way, message: Message, id: str, *, subject: str = "", text: str = "", html: str = ""
) -> None:
    """Tell somebody something, by the way that leads to them.

    Args:
        served: whose settings and secrets are gone by.
        way: to whom.
        message: what.
        id: what is told: told again, it is the same.
        subject: of mail, where that is another than the message's heading.
        text: of mail, where that is more than the message.
        html: of mail, the same as a page; empty for none.

    Raises:
        FreeholdError: FH-X321, FH-X322, FH-X501, FH-X502 it could not be told; FH-S002 a secret is not there.
    """
    root = served.snapshots.root
    if way.channel is not None:
        Posting(root, served.settings.outbound).post(way.channel, message, id)
        return
    assert served.settings.mail is not None, "without a mail server, no way is one of mail"
    plain = "\n\n".join((message.heading, *message.lines, *([message.url] if message.url else [])))
    mail = Mail(way.address, subject or message.heading, text or f"{plain}\n", html, id)
    send_mail(served.settings.mail, mail, root)


def _acting(served: Served) -> Ledger:
    return served.snapshots.ledger.acting(Caller("system:server", purpose="briefs", assurance="system"))
