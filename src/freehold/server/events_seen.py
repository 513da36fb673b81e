"""What events tell of rows: profiles hold values, and an engine's words quote them. Told to whoever sees those rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from freehold.server.feeding import OF_ROWS, without_rows
from freehold.server.rows_seen import why_some_are_hidden, words_are_hidden

if TYPE_CHECKING:
    from freehold.ledger import Recorded
    from freehold.server.web.showing import Asked


@dataclass(frozen=True, slots=True)
class Told:
    """The data of an event as somebody may see it; `why` says why `withheld` is not in it. Empty where all is."""

    data: Mapping[str, Any]
    withheld: tuple[str, ...] = ()
    why: str = ""


class EventsSeen:
    """What one asker may see of events: policies are asked once for each asset."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._why: dict[str, str] = {}

    def told(self, event: Recorded) -> Told:
        """Return the data of an event without what a policy hides."""
        fields = tuple(name for name in OF_ROWS.get(event.type, ()) if event.data.get(name) is not None)
        asset = str(event.data.get("asset") or "")
        if not fields or not (why := self._hidden(asset)):
            return Told(event.data)
        return Told(without_rows(event).data, fields, why)

    def _hidden(self, asset: str) -> str:
        if asset not in self._why:
            self._why[asset] = words_are_hidden(self._asked, asset) if asset else self._any_are_hidden()
        return self._why[asset]

    def _any_are_hidden(self) -> str:
        """Return why figures of metrics are not told, which may be of any rows; empty where no policy hides any."""
        snapshot = self._asked.snapshot.whole or self._asked.snapshot
        return why_some_are_hidden(snapshot.estate, self._asked.who.caller("read events"))
