"""Who looked at what: each page that is shown is noted as a view of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from freehold.ledger import Event
from freehold.server.noting import Notes

if TYPE_CHECKING:
    from freehold.foundation import Clock
    from freehold.ledger import Ledger
    from freehold.server.identity import Who
    from freehold.server.telemetry import Telemetry

_TYPE = "usage.view"


class Views:
    """Notes views of pages. Safe to use from many threads."""

    def __init__(self, ledger: Ledger, clock: Clock, telemetry: Telemetry) -> None:
        self._clock = clock
        self._notes = Notes(ledger, _TYPE, telemetry)

    def saw(self, who: Who, page: str, product: str | None = None, metric: str | None = None) -> None:
        """Note that somebody was shown a page, which may be that of a product or a metric."""
        said = {
            "page": page, "consumer": who.principal, "product": product, "metric": metric,
            "consumer_type": "person" if who.via == "session" else "service",
        }  # fmt: skip
        self._notes.take([Event(_TYPE, said, occurred_at=self._clock.now(), product=product or "")])

    def flush(self) -> None:
        """Write down what was noted: see `Notes.flush`."""
        self._notes.flush()

    def close(self) -> None:
        """Write down the rest."""
        self._notes.close()
