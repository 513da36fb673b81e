"""What a step of a run has to wait for: an input in quarantine, an interval that is missing, a table not whole yet."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from freehold.delivery.asset import Asset
from freehold.delivery.interval import Interval
from freehold.delivery.moves import goes_to_a_new_table
from freehold.delivery.overlay import Overlay
from freehold.delivery.release import Candidate
from freehold.delivery.step import Arrived, Definitions, Status, StepOutcome, intervals_of, wanted

if TYPE_CHECKING:
    from freehold.delivery.service import Delivery


class Waits:
    """What stands in the way of the steps of one run, as far as the run has come."""

    def __init__(
        self,
        delivery: Delivery,
        overlay: Overlay,
        waiting: Mapping[str, Candidate],
        arrived: Arrived,
        definitions: Definitions,
        until: datetime | None,
    ) -> None:
        self._d, self._graph, self._overlay = delivery, delivery.graph, overlay
        self._waiting, self._arrived, self._definitions, self._until = waiting, arrived, definitions, until
        self._blocked: dict[str, list[StepOutcome]] = defaultdict(list)
        self._lacking: set[str] = set()
        self._gaps: set[str] = set()

    def block(self, outcome: StepOutcome) -> None:
        """Remember a step that was not published: what reads it waits."""
        self._blocked[outcome.asset].append(outcome)
        if outcome.interval is not None and outcome.interval not in self._overlay.standing(outcome.asset):
            self._lacking.add(outcome.asset)

    def find_gaps(self) -> None:
        """Find the interval assets that lack an interval of theirs, and those that read them.

        Whatever is built whole from such an asset would silently miss that interval, so it waits.
        """
        gaps = {
            c.asset
            for c in self._waiting.values()
            if c.state == "quarantined" and c.interval and c.interval not in self._overlay.standing(c.asset)
            if self._d.is_open(c, self._overlay, self._arrived, self._definitions)
        }
        gaps |= self._lacking
        for asset in self._graph.assets.values():
            if asset.by_interval and gaps.intersection(asset.inputs):
                gaps.add(asset.id)
        self._gaps = gaps

    def holder(self, asset: Asset, interval: Interval | None) -> StepOutcome | None:
        """Return the outcome an asset has to wait for, if there is one."""
        for name in asset.inputs:
            above = self._graph.assets[name]
            if interval is not None and above.by_interval and self._overlay.is_otherwise(above):
                return StepOutcome(name, above.product.id, None, Status.HELD)  # it has no intervals to read yet
            for blocked in self._blocked.get(name, ()):
                if blocked.interval is None or (interval is not None and blocked.interval.overlaps(interval)):
                    return blocked
            if interval is None and name in self._gaps:
                return self._gap(name)
        return None

    def _gap(self, name: str) -> StepOutcome:
        """Return why an interval asset lacks an interval: what failed first above it, or waits in quarantine."""
        above = self._graph.upstream([name])
        new = (o for asset, outcomes in self._blocked.items() if asset in above for o in outcomes if not o.repeated)
        for outcome in new:
            if outcome.status in (Status.QUARANTINED, Status.FAILED):
                return outcome
        waiting = (c for c in self._waiting.values() if c.state == "quarantined" and c.asset in above)
        for candidate in waiting:
            asset = self._graph.assets[candidate.asset]
            return StepOutcome(
                asset.id,
                asset.product.id,
                candidate.interval,
                Status.QUARANTINED,
                repeated=True,
                candidate=candidate.id,
            )
        return StepOutcome(name, self._graph.assets[name].product.id, None, Status.QUARANTINED, repeated=True)

    def kept_back(self) -> dict[str, str]:
        """Return why accepted assets may not move yet.

        An interval asset that goes to a new table moves only when every interval it should have is there again; until
        then it stays where it is, and so does what was built from it.
        """
        changing = [a for a in self._graph.assets.values() if goes_to_a_new_table(a, self._overlay)]
        if not changing:
            return {}
        found = intervals_of(self._graph, self._overlay, self._arrived)
        reasons: dict[str, str] = {}
        for asset in changing:
            lacking = sorted(i for i in found.get(asset.id, ()) if self._lacks(asset, i))
            if lacking:
                named = ", ".join(str(i) for i in lacking[:3]) + (
                    f" and {len(lacking) - 3} more" if lacking[3:] else ""
                )
                reasons[asset.id] = f"it goes to a new table, which lacks {named} yet"
        for asset in self._graph.assets.values():
            above = next((name for name in asset.inputs if name in reasons), None)
            if above and asset.id not in reasons and asset.id in self._overlay.accepted():
                reasons[asset.id] = f"waits for {above}, whose new table is not whole yet"
        return reasons

    def _lacks(self, asset: Asset, interval: Interval) -> bool:
        """Say whether an interval could stand, does not, and nobody chose to do without it."""
        later = self._until is not None and interval.end.replace(tzinfo=UTC) > self._until
        if later or interval in self._overlay.standing(asset.id):
            return False
        step = wanted(asset, interval, self._graph, self._overlay, self._arrived, self._definitions)
        known = self._waiting.get(step.key) if step else None
        return step is not None and (known is None or known.state != "discarded")
