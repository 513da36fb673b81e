"""What readers of an asset have in front of them at this moment: where, which version, and whether to trust it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from freehold.delivery.asset import Asset, Kind
from freehold.delivery.deployments import deployments
from freehold.delivery.freshness import newest_interval
from freehold.delivery.graph import default_environment
from freehold.delivery.origins import is_done
from freehold.delivery.standing import verdicts
from freehold.delivery.step import Definitions, intervals_of, wanted
from freehold.metrics.answering import Source, State
from freehold.work.incidents import Incident, is_of_environment, open_incidents

_A_DAY = timedelta(days=1)
_MOST_LOOKED_AT = 1_000  # deployments of changes

if TYPE_CHECKING:
    from sqlglot import exp

    from freehold.delivery.overlay import Overlay
    from freehold.delivery.release import Live
    from freehold.delivery.service import Delivery
    from freehold.ledger import Ledger, Recorded
    from freehold.metrics import Catalogue
    from freehold.metrics.rollups import Content, Held, Why


def sources(delivery: Delivery, assets: Iterable[str]) -> Mapping[str, Source]:
    """Return what each of the assets shows readers now; names that are no asset of the estate are left out.

    A state is `failed` where what is live fails its checks, or an incident is open here or above that readers are to be
    kept from, `held` where something newer waits in quarantine here or above, `late` where a delivery that should have
    come is missing here or above. An incident that is less severe is a reason, and no state.
    """
    wanted = [a for a in assets if a in delivery.graph.assets]
    if not wanted:
        return {}
    with delivery.reading() as session:
        overlay = delivery.overlay(session)
    held = {c.asset: c for c in delivery.quarantined()}
    late = {e.asset: e for e in delivery.late()}
    incidents = open_incidents(delivery.ledger, delivery.env, default_environment(delivery.estate))
    return {name: _source(delivery, name, overlay, held, late, incidents) for name in wanted}


def _source(
    delivery: Delivery,
    name: str,
    overlay: Overlay,
    held: Mapping[str, object],
    late: Mapping[str, object],
    incidents: Iterable[Incident],
) -> Source:
    asset = delivery.graph.assets[name]
    live: Live | None = overlay.live.get(name)
    above = delivery.graph.upstream([name])
    state, reasons = _state(delivery, asset, live, [a for a in held if a in above], [a for a in late if a in above])
    touching = [one for one in incidents if one.touches({name, *above})]
    if any(one.stops for one in touching) and state != "unknown":
        state = "failed"
    told = tuple(f"{str(one)[0].upper()}{str(one)[1:]}." for one in touching)
    return Source(
        name=name,
        relation=_table(asset),
        version=_version(delivery, asset, overlay),
        state=state,
        reasons=(*told, *reasons),
        published_at=live.published_at if live else None,
        data_until=newest_interval(asset, delivery.graph, overlay.live) if live else None,
        product=asset.product.id,
    )


def _state(
    delivery: Delivery, asset: Asset, live: Live | None, held: list[str], late: list[str]
) -> tuple[State, tuple[str, ...]]:
    if asset.kind is Kind.EXTERNAL or asset.observed is not None:
        return "unknown", (f"Others build `{asset.id}`, so nobody here can vouch for it.",)
    if live is None:
        return "failed", (f"`{asset.id}` was never published.",)
    _, bad = verdicts(delivery, asset, live)
    if bad:
        return "failed", (f"{bad} checks of what is live of `{asset.id}` fail.",)
    if held:
        return "held", tuple(f"Newer data of `{name}` waits in quarantine." for name in held)
    if late:
        return "late", tuple(f"A delivery of `{name}` is late." for name in late)
    return "ok", ()


def _version(delivery: Delivery, asset: Asset, overlay: Overlay) -> str:
    """Return the name of the rows a reader sees; empty where others change them unseen.

    A view stores nothing: what it shows goes by what it reads, too.
    """
    live = overlay.live.get(asset.id)
    if live is None or asset.kind is Kind.EXTERNAL or asset.observed is not None:
        return ""
    if asset.kind is not Kind.VIEW:
        return overlay.version(asset)
    below = [_version(delivery, delivery.graph.assets[name], overlay) for name in asset.inputs]
    return "+".join((overlay.version(asset), *below)) if all(below) else ""


def _table(asset: Asset) -> exp.Table:
    from sqlglot import exp

    schema, name = asset.relation.schema, asset.relation.name
    return exp.table_(exp.to_identifier(name, quoted=True), exp.to_identifier(schema, quoted=True))


def rollups(delivery: Delivery, catalogue: Catalogue) -> tuple[Held, ...]:
    """Return the rollups that models declare, each with what keeps it from being read now.

    One may be read while it holds what its sources show at this moment, built by the definition of today: the same
    question that decides whether a run has anything to build.
    """
    from freehold.metrics.rollups.declared import contents

    found, _ = contents(catalogue)
    if not found:
        return ()
    with delivery.reading() as session:
        overlay = delivery.overlay(session)
        definitions = delivery.definitions(session)
    return tuple(_held(delivery, content, overlay, definitions) for content in found)


def _held(delivery: Delivery, content: Content, overlay: Overlay, definitions: Definitions) -> Held:
    from sqlglot import exp

    from freehold.metrics.rollups import Held, Miss

    asset = delivery.graph.assets.get(content.rollup.asset)
    live = overlay.live.get(content.rollup.asset)
    lacking = _lacking(delivery, asset, live, overlay, definitions)
    miss = Miss(content.rollup.name, *lacking) if lacking else None
    relation = _table(asset) if asset is not None else exp.to_table(content.rollup.name)
    version = overlay.version(asset) if asset is not None and live is not None else ""
    return Held(content, relation, live.rows if live else 0, miss, version)


def _lacking(
    delivery: Delivery, asset: Asset | None, live: Live | None, overlay: Overlay, definitions: Definitions
) -> tuple[Why, str] | None:
    from freehold.metrics.rollups import Why

    if asset is None or live is None or not live.is_shown or overlay.is_otherwise(asset):
        return Why.NOT_BUILT, "no run has published it yet"
    standing = overlay.standing(asset.id)
    due = intervals_of(delivery.graph, overlay, {})[asset.id] if asset.by_interval else {None}
    if due != standing.keys():
        return Why.OUTDATED, "what it is made of was published, held back or taken back since it was built"
    if any(c.definition != definitions.of(asset) for c in standing.values()):
        delivery.origins.equate(definitions, overlay)
    for interval, candidate in standing.items():
        if candidate.definition != definitions.of(asset):
            return Why.OUTDATED, "its definition was changed since it was built"
        step = wanted(asset, interval, delivery.graph, overlay, {}, definitions)
        if step is None or not is_done(step, candidate, delivery.origins, overlay):
            return Why.OUTDATED, "newer rows are live of what it is made of"
    return None


@dataclass(frozen=True, slots=True)
class Happened:
    """Something that befell what a number is computed from. `deployment` is the id of one, where it was that."""

    at: datetime
    kind: Literal["change", "rollback", "held", "incident", "restated"]
    assets: tuple[str, ...]
    told: str
    deployment: str = ""

    def __str__(self) -> str:
        """Return it as a line of a list."""
        return f"{self.at:%d %b %Y %H:%M}  {self.told}"


def happenings(delivery: Delivery, assets: Iterable[str], start: datetime, end: datetime) -> Iterator[Happened]:
    """Yield what was changed, rolled back, held, restated or broke of some assets and all above them, between two days.

    Times are compared as UTC; a day more on either side keeps what happened around midnight of another zone.
    """
    wanted = delivery.graph.upstream([a for a in assets if a in delivery.graph.assets])
    first, last = (moment.replace(tzinfo=UTC) for moment in (start - _A_DAY, end + _A_DAY))
    for one in deployments(delivery, only_changes=True, limit=_MOST_LOOKED_AT):
        touched = tuple(sorted(set(one.assets) & wanted))
        if touched and first <= one.at <= last:
            what = f"taken back to {one.back_to}" if one.back_to else f"changed ({', '.join(one.changes) or one.kind})"
            kind: Literal["change", "rollback"] = "rollback" if one.back_to else "change"
            yield Happened(one.at, kind, touched, f"{', '.join(touched)} {what}", one.id)
    usual = default_environment(delivery.estate)
    yield from broken(delivery.ledger, delivery.env, usual, wanted, first, last)


def broken(
    ledger: Ledger, env: str, usual: str, assets: Collection[str], first: datetime, last: datetime
) -> Iterator[Happened]:
    """Yield what was held back of some assets, their incidents and restatements, between two instants.

    Of restatements also those that came later and changed what was told of that time. `usual` is the environment that
    consumers read.
    """
    yield from _restatements(ledger, env, assets, first, last)
    types = ("candidate.quarantined", "incident.opened")
    for event in ledger.read(types=types, since=first, until=last):
        if not is_of_environment(event.env, env, usual):
            continue
        if event.type == "incident.opened":
            hit = tuple(name for name in map(str, event.data.get("assets") or ()) if name in assets)
            if hit:
                yield Happened(event.occurred_at, "incident", hit, f"an incident was opened of {', '.join(hit)}")
        elif event.subject in assets:
            held = f"newer data of {event.subject} was held in quarantine"
            yield Happened(event.occurred_at, "held", (event.subject,), held)


def _restatements(
    ledger: Ledger, env: str, assets: Collection[str], first: datetime, last: datetime
) -> Iterator[Happened]:
    """Yield each deployment that restated something, one line for all it hit: the first is what the others follow.

    A change or a rollback has a line of its own, so that it is told here only where it came after that time.
    """
    hit: dict[str, list[Recorded]] = {}
    for event in ledger.read(types=("asset.restated",), env=env, since=first):
        said = event.data
        is_of_then = _start(said) < last and first < _end(said)
        if event.subject in assets and (is_of_then if event.occurred_at > last else said["why"] == "inputs"):
            hit.setdefault(str(said["deployment"]), []).append(event)
    for deployment, events in hit.items():
        named = tuple(str(event.subject) for event in events)
        yield Happened(events[0].occurred_at, "restated", named, _told_of(events[0].data, len(named) - 1), deployment)


_WHY = {
    "inputs": "what it is made of came anew",
    "definition": "its definition was changed",
    "rollback": "it was taken back",
}


def _told_of(said: Mapping[str, Any], more: int) -> str:
    start, end = _start(said), _end(said)
    days = (
        f"{start:%d %b %Y}" if end - start <= _A_DAY else f"{start:%d %b %Y} to {end - timedelta(seconds=1):%d %b %Y}"
    )
    rows = f"{said['rows_before']:,} rows became {said['rows']:,}"
    also = f", and of {more} that follow it" if more else ""
    return f"{days} of {said['asset']} was restated{also}: {rows}, since {_WHY[said['why']]}"


def _start(said: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(said["interval_start"])


def _end(said: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(said["interval_end"])
