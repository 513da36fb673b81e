"""What stands of an asset: each thing that is wrong, since when, and what is expected; kept between turns as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any

from freehold.foundation.times import instant_if
from freehold.reliability.signals import Signal, SignalKind

_OF_SIGNAL = tuple(one.name for one in fields(Signal))
_INSTANTS = ("since", "seen_at")


@dataclass(slots=True)
class Condition:
    """Something that is wrong with an asset, of which there is an alert.

    Attributes:
        alert: its id.
        open: what of it is wrong now: intervals, anomalies, all that is live.
        keys: what of it was wrong at some time.
        page: whether somebody is paged for it.
        right_since: since when nothing of it is wrong; None while something is.
        verdict: what it was, as far as is known.
        shown_by: the event that shows that it is right.
        labels: of its alert.
    """

    signal: Signal
    alert: str
    raised_at: datetime
    open: set[str]
    keys: set[str]
    page: bool = False
    right_since: datetime | None = None
    verdict: str = ""
    shown_by: str = ""
    labels: dict[str, str] = field(default_factory=dict)

    def is_over(self, at: datetime, steady_for: timedelta) -> bool:
        """Whether it has been right for long enough at an instant."""
        return self.right_since is not None and self.right_since + steady_for <= at

    def to_json(self) -> dict[str, Any]:
        """Return it as it is kept."""
        return {
            "signal": signal_json(self.signal),
            "alert": self.alert,
            "raised_at": self.raised_at.isoformat(),
            "open": sorted(self.open),
            "keys": sorted(self.keys),
            "page": self.page,
            "right_since": self.right_since.isoformat() if self.right_since else None,
            "verdict": self.verdict,
            "shown_by": self.shown_by,
            "labels": self.labels,
        }


@dataclass(frozen=True, slots=True)
class Awaited:
    """Something that is to come. `deadline` is None until the next of it is due."""

    signal: Signal
    deadline: datetime | None


@dataclass(slots=True)
class OfAsset:
    """All that stands of one asset: conditions by fingerprint, and what is awaited by what it is expected as."""

    conditions: dict[str, Condition] = field(default_factory=dict)
    awaited: dict[str, Awaited] = field(default_factory=dict)

    @classmethod
    def read(cls, said: Mapping[str, Any]) -> OfAsset:
        """Read what was kept."""
        return cls(
            {mark: _condition(one) for mark, one in said["conditions"].items()},
            {key: Awaited(_signal(one["signal"]), instant_if(one["deadline"])) for key, one in said["awaited"].items()},
        )

    def to_json(self) -> dict[str, Any]:
        """Return it as it is kept."""
        return {
            "conditions": {mark: one.to_json() for mark, one in self.conditions.items()},
            "awaited": {
                key: {
                    "signal": signal_json(one.signal),
                    "deadline": one.deadline.isoformat() if one.deadline else None,
                }
                for key, one in self.awaited.items()
            },
        }

    def next_at(self, steady_for: timedelta) -> datetime | None:
        """Return when something comes of the passing of time alone: it is over, or late."""
        ends = [one.right_since + steady_for for one in self.conditions.values() if one.right_since is not None]
        late = [one.deadline for one in self.awaited.values() if one.deadline is not None]
        return min([*ends, *late], default=None)


def signal_json(signal: Signal) -> dict[str, Any]:
    """Return a signal as JSON can hold it."""
    return {
        name: getattr(signal, name).isoformat() if name in _INSTANTS else getattr(signal, name) for name in _OF_SIGNAL
    }


def _signal(said: Mapping[str, Any]) -> Signal:
    values = {name: value for name, value in said.items() if name in _OF_SIGNAL}
    instants = {name: datetime.fromisoformat(said[name]) for name in _INSTANTS}
    return Signal(**(values | instants | {"kind": SignalKind(said["kind"])}))


def _condition(said: Mapping[str, Any]) -> Condition:
    return Condition(
        signal=_signal(said["signal"]),
        alert=said["alert"],
        raised_at=datetime.fromisoformat(said["raised_at"]),
        open=set(said["open"]),
        keys=set(said["keys"]),
        page=said["page"],
        right_since=instant_if(said["right_since"]),
        verdict=said["verdict"],
        shown_by=said["shown_by"],
        labels=dict(said["labels"]),
    )
