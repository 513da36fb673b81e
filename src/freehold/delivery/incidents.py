"""Incidents that are open: what somebody said is wrong for readers, whatever the checks say."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from freehold.ledger import Ledger

_WORST = 1  # the severity at which readers are kept from what it touches
_NO_INCIDENT = 5  # a false alarm is corrected to this


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident that is open. It touches the assets it names; where it names none, those of its product.

    `severity` is 1 (worst) to 4; None where nobody said, which is taken for the worst.
    """

    id: str
    product: str
    assets: tuple[str, ...]
    severity: int | None
    opened_at: datetime
    is_acknowledged: bool = False

    @property
    def stops(self) -> bool:
        """Whether nobody should use what it touches."""
        return self.severity is None or self.severity <= _WORST

    def touches(self, assets: Collection[str]) -> bool:
        """Whether it is of some of these assets."""
        if self.assets:
            return any(name in assets for name in self.assets)
        return any(name.rpartition(".")[0] == self.product for name in assets)

    def __str__(self) -> str:
        """Return it as a reason."""
        severity = f"of severity {self.severity}" if self.severity is not None else "of no told severity"
        of = ", ".join(self.assets) or self.product
        seen = "" if self.is_acknowledged else ", and nobody has acknowledged it"
        return f"an incident {severity} of {of} is open since {self.opened_at:%Y-%m-%d %H:%M}{seen}: {self.id}"


def open_incidents(ledger: Ledger, env: str) -> tuple[Incident, ...]:
    """Return the incidents of an environment that are open, the oldest first.

    One that names no environment, as work items do, is of each.
    """
    found: dict[str, Incident] = {}
    for event in ledger.read(types=("incident.*",)):
        if event.env not in (None, "", env):
            continue
        said, id_ = event.data, str(event.data["incident"])
        if event.type == "incident.opened":
            assets = tuple(str(name) for name in said.get("assets") or ())
            found[id_] = Incident(id_, event.product or "", assets, said.get("sev"), event.occurred_at)
        elif id_ not in found:
            continue
        elif event.type == "incident.acknowledged":
            found[id_] = replace(found[id_], is_acknowledged=True)
        elif event.type == "incident.resolved":
            del found[id_]
        elif event.type == "incident.updated" and said.get("sev") is not None:
            found[id_] = replace(found[id_], severity=said["sev"])
    return tuple(one for one in found.values() if one.severity is None or one.severity < _NO_INCIDENT)
