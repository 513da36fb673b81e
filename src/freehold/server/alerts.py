"""Alerts as somebody sees them at a server, and what they may do with them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from freehold.foundation import Exit, FreeholdError, near
from freehold.reliability import alerts as rooms
from freehold.reliability.alerts import Alert, Monitor, Name, Quiet, Quieting, Silence
from freehold.server.rows_seen import words_are_hidden

if TYPE_CHECKING:
    from freehold.server.web.showing import Asked


class Alerts:
    """The alerts of the products that somebody may see; of none at all where the estate is seen whole.

    What is wrong is told with values of rows: who may not see those is told which monitor says so, and no more.
    """

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._env = asked.snapshot.env
        self._ledger = asked.served.snapshots.ledger.acting(asked.who.caller("alerts"))
        self._hidden: dict[str, bool] = {}

    def all(self, *, product: str = "", closed: bool = False) -> list[Alert]:
        """Return the alerts that may be seen, the newest last; those that are closed only where they are asked for.

        Raises:
            FreeholdError: FH-D201 there is no such product, or the asker may not see it.
        """
        if product:
            self._asked.snapshot.product(product)
        told = rooms.alerts(self._ledger, self._env, product=product or None, closed=closed)
        found = rooms.with_right_since(self._ledger, self._env, told)
        return [self._shown(one) for one in found if self._may_see(one.product)]

    def get(self, id_: str) -> Alert:
        """Return an alert.

        Raises:
            FreeholdError: FH-E332 there is none, or the asker may not see it.
        """
        every = {one.id: one for one in self.all(closed=True)}
        if id_ not in every:
            fix = near(id_, every) or "See `/alerts`."
            raise FreeholdError("FH-E332", f"There is no alert `{id_}`.", fix=fix, exit_code=Exit.USAGE)
        return every[id_]

    def quiet(self, one: Alert) -> Quiet:
        """Return what keeps an alert from being notified now; of a silence that they may not see, until when."""
        found = self._quieting.of(one)
        seen = (
            s if self._may_see(_product(s.matchers)) else replace(s, matchers=(), comment="") for s in found.silences
        )
        return replace(found, silences=tuple(seen))

    def may_close(self, one: Alert) -> bool:
        """Whether the asker may say what an alert was, and silence its like: whoever may run its product."""
        return not one.is_judged and bool(self._asked.served.rights.may(self._asked.who, "run", one.product))

    def close(self, id_: str, verdict: str) -> Alert:
        """Say what an alert was, in the asker's name.

        Raises:
            FreeholdError: FH-E332 to FH-E334, as `close` of the room does; FH-A113 they may not.
        """
        found = self.get(id_)
        self._asked.served.rights.expect(self._asked.who, "run", found.product)
        rooms.close(self._ledger, self._env, found.id, verdict)
        return self.get(id_)

    def silences(self, *, over: bool = False) -> list[Silence]:
        """Return the silences that hold or will, and those that are over where they are asked for."""
        found = rooms.silences(self._ledger, self._env, self._now(), over=over)
        return [one for one in found if self._may_see(_product(one.matchers))]

    def silence(self, matchers: Iterable[str], starts_at: datetime | None, ends_at: datetime, comment: str) -> Silence:
        """Silence alerts in the asker's name: of a product, as whoever may run it; else as whoever may run all.

        Raises:
            FreeholdError: FH-E331, FH-E335, as `silence` of the room does; FH-A113 they may not.
        """
        texts = tuple(matchers)
        read = [rooms.matcher(one) for one in texts]
        self._expect_right(read)
        rooms.expect_values(read, self._asked.snapshot.estate)
        return rooms.silence(self._ledger, self._env, texts, starts_at or self._now(), ends_at, comment)

    def end(self, id_: str) -> Silence:
        """End a silence in the asker's name.

        Raises:
            FreeholdError: FH-E336, FH-E337, as `end` of the room does; FH-A113 they may not.
        """
        of = next((one for one in self.silences(over=True) if one.id == id_), None)
        if of is None:
            raise FreeholdError("FH-E336", f"There is no silence `{id_}`.", fix="See `/alerts`.", exit_code=Exit.USAGE)
        self._expect_right(of.matchers)
        return rooms.end(self._ledger, self._env, id_)

    def may_end(self, one: Silence) -> bool:
        """Whether the asker may end a silence: whoever may set it."""
        return bool(self._asked.served.rights.may(self._asked.who, "run", _product(one.matchers)))

    def monitors(self) -> list[Monitor]:
        """Return what raised alerts, of what may be seen, those that are right least often first."""
        return list(rooms.monitors_of(self.all(closed=True), self.demoted))

    @cached_property
    def demoted(self) -> frozenset[Name]:
        """The monitors that page nobody, whoever may see them."""
        return frozenset(rooms.Demoted(self._ledger, self._env).by_name)

    def judged_since(self, since: datetime) -> dict[Name, tuple[bool, datetime]]:
        """Return the monitors that were demoted or restored since an instant, whoever may see them, and when."""
        return rooms.judged_since(self._ledger, self._env, since)

    @cached_property
    def _quieting(self) -> Quieting:
        snapshot, now = self._asked.snapshot, self._now()
        return Quieting((snapshot.whole or snapshot).estate, rooms.silences(self._ledger, self._env, now), now)

    def has_begun(self, one: Silence) -> bool:
        """Whether a silence that is not over holds already."""
        return one.starts_at <= self._now()

    def _now(self) -> datetime:
        return self._asked.served.snapshots.clock.now()

    def _may_see(self, product: str) -> bool:
        snapshot = self._asked.snapshot
        return snapshot.seen is None or product in snapshot.seen

    def _shown(self, one: Alert) -> Alert:
        if one.asset not in self._hidden:
            self._hidden[one.asset] = bool(words_are_hidden(self._asked, one.asset))
        return replace(one, reason=f"`{one.monitor}` says so") if self._hidden[one.asset] else one

    def _expect_right(self, matchers: Iterable[rooms.Matcher]) -> None:
        """Refuse who may not run the product that a silence is of; of one that names none, all of the estate."""
        self._asked.served.rights.expect(self._asked.who, "run", _product(matchers))


def _product(matchers: Iterable[rooms.Matcher]) -> str:
    """Return the product that matchers name; empty where it may be any."""
    return next((one.value for one in matchers if (one.name, one.op) == ("product", "=")), "")
