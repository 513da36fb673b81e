"""Why nobody is notified of an alert now, though it stands: silences, and the time intervals of its routes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from freehold.reliability.alerts.answering import answering, labels
from freehold.reliability.alerts.checking import alerting_findings
from freehold.reliability.alerts.settings import Settings, settings_of

if TYPE_CHECKING:
    from freehold.estate.model import Estate
    from freehold.reliability.alerts.alert import Alert
    from freehold.reliability.alerts.matching import Labels
    from freehold.reliability.alerts.silences import Silence


@dataclass(frozen=True, slots=True)
class Quiet:
    """What keeps an alert from being notified; nothing of it where somebody is.

    Attributes:
        silences: that hold and match it.
        intervals: names of time intervals, where by them no route that it takes notifies anybody now.
    """

    silences: tuple[Silence, ...] = ()
    intervals: tuple[str, ...] = ()

    @property
    def word(self) -> str:
        """What it is called: `silenced`, `muted`, or empty."""
        return "silenced" if self.silences else "muted" if self.intervals else ""

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON can hold it, in Alertmanager's words."""
        return {"silenced_by": [one.id for one in self.silences], "muted_by": list(self.intervals)}


class Quieting:
    """What an estate and its silences keep quiet at an instant.

    A file of kind `Alerting` that is wrong mutes nothing: no turn is taken with it either, and `validate` tells of it.
    """

    def __init__(self, estate: Estate, silences: Sequence[Silence], now: datetime) -> None:
        self._answer = cache(partial(answering, estate))
        self._silences, self._now = silences, now
        self._routing = (Settings() if alerting_findings(estate) else settings_of(estate)).routing

    def of(self, one: Alert) -> Quiet:
        """Return what keeps an alert quiet; of one that is over, nothing."""
        if not one.is_wrong:
            return Quiet()
        by = labels(one, one.severity, self._answer(one.product, one.raised_at))
        silences = tuple(s for s in self._silences if s.silences(by, self._now))
        return Quiet(silences, self._muting(by) if one.page else ())

    def _muting(self, by: Labels) -> tuple[str, ...]:
        every = [self._routing.muting(route, self._now) for route in self._routing.route.taking(by)]
        return tuple(dict.fromkeys(name for names in every for name in names)) if all(every) else ()
