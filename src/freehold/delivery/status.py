"""The state of every product in one answer: may I use it now, and if not, why not and since when."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from freehold.delivery.arrival import Expected
from freehold.delivery.asset import NOT_BUILT, Asset
from freehold.delivery.freshness import newest_interval
from freehold.delivery.graph import default_environment
from freehold.delivery.release import Candidate, Live
from freehold.delivery.standing import verdicts
from freehold.delivery.step import Status
from freehold.engines import Relation, Session
from freehold.estate.model import EarlierVersion, Product
from freehold.work.incidents import Incident, open_incidents

if TYPE_CHECKING:
    from freehold.delivery.service import Delivery
    from freehold.ledger import Ledger


@dataclass(frozen=True, slots=True)
class AssetStatus:
    """What consumers of one asset have in front of them.

    `data_until` is the end of the newest interval it holds; `checks` counts the verdicts that hold for it,
    and `bad` those of them that would keep it from being published today.
    """

    asset: str
    relation: str
    kind: str
    is_output: bool
    deployment: str
    published_at: datetime | None
    rows: int
    data_until: datetime | None
    checks: dict[str, int]
    quarantined: tuple[Candidate, ...]
    late: tuple[Expected, ...]
    pinned: bool
    taken_back: bool = False  # whether what is pinned went back to an earlier release, and was not only kept as it is
    failed: tuple[str, ...] = ()  # intervals whose newest attempt failed
    bad: int = 0
    earlier: EarlierVersion | None = None  # set where this is one that a later version was published beside


_ATTEMPTS = 60  # how many of the last attempts are looked at for one that failed


@dataclass(frozen=True, slots=True)
class _Said:
    """Verdicts that hold, by status; how many are bad; and the intervals whose newest attempt failed."""

    checks: dict[str, int]
    bad: int
    failed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ProductStatus:
    """One product: `safe` is yes, stale (the last good version is served, newer data waits), no (something was never
    published, what is live fails its checks, or an incident of the worst severity is open), or watched (others build
    it, so nothing stands between them and its consumers).
    """

    product: Product
    safe: str
    reasons: tuple[str, ...]
    assets: tuple[AssetStatus, ...]
    published_at: datetime | None
    data_until: datetime | None
    incidents: tuple[Incident, ...] = ()  # that are open, of it or of what it is built from

    @property
    def deprecated(self) -> tuple[AssetStatus, ...]:
        """Earlier versions of its outputs that can still be read."""
        return tuple(a for a in self.assets if a.earlier is not None and a.published_at is not None)

    @property
    def deployment(self) -> str:
        """The newest deployment that changed this product."""
        newest = max((a for a in self.assets if a.published_at), key=_published, default=None)
        return newest.deployment if newest else ""


class KeptVerdicts:
    """What the ledger says of each asset, for who asks again and again: read anew only where it tells something new.

    For one environment, and one thread at a time.
    """

    def __init__(self) -> None:
        self._kept: dict[str, tuple[object, _Said]] = {}
        self._upto: int | None = None

    def follow(self, ledger: Ledger, env: str) -> None:
        """Forget what was said of assets that were judged or built since."""
        if self._upto is None:
            self._upto = max((event.seq for event in ledger.read(newest_first=True, limit=1)), default=0)
        for event in ledger.read(types=("check.completed", "run.completed"), env=env, after=self._upto):
            self._kept.pop(event.subject, None)
            self._upto = event.seq

    def of(self, delivery: Delivery, asset: Asset, entry: Live | None) -> _Said:
        """Return what is said of an asset of which that is live."""
        by = (entry, delivery.auditor.judged(asset))
        known = self._kept.get(asset.id)
        if known is None or known[0] != by:
            known = self._kept[asset.id] = by, _said(delivery, asset, entry)
        return known[1]


def status_of(delivery: Delivery, kept: KeptVerdicts | None = None) -> tuple[ProductStatus, ...]:
    """Return the state of every product that has assets, in the order of their ids."""
    said = kept or KeptVerdicts()
    said.follow(delivery.ledger, delivery.env)
    with delivery.reading() as session:
        overlay = delivery.overlay(session)
        back = _taken_back(delivery, session, overlay.live)
        behind = delivery.outdated(session, overlay)
    usual = default_environment(delivery.estate)
    retired, incidents = delivery.retired(), open_incidents(delivery.ledger, delivery.env, usual)
    waiting: dict[str, list[Candidate]] = {}
    for candidate in delivery.quarantined():
        waiting.setdefault(candidate.asset, []).append(candidate)
    overdue: dict[str, list[Expected]] = {}
    for entry in delivery.late():
        overdue.setdefault(entry.asset, []).append(entry)
    assets = {
        asset.id: _asset(
            delivery, asset, overlay.live, back, said, waiting.get(asset.id, ()), overdue.get(asset.id, ())
        )
        for asset in delivery.graph.assets.values()
    }
    places = {id_: place for place, id_ in enumerate(assets)}
    owned: dict[str, list[AssetStatus]] = defaultdict(list)
    for id_, status in assets.items():
        owned[delivery.graph.assets[id_].product.id].append(status)
    found = []
    for product in sorted(delivery.estate.products.values(), key=lambda p: p.id):
        own = tuple(owned[product.id])
        if own:
            above = delivery.graph.upstream(s.asset for s in own)
            reaching = [assets[a] for a in sorted(above & places.keys(), key=places.__getitem__)]
            found.append(_product(delivery, product, own, reaching, behind, retired, incidents))
    return tuple(found)


def _taken_back(delivery: Delivery, session: Session, live: Mapping[str, Live]) -> frozenset[str]:
    """Return what is pinned where a rollback put it; whatever else is pinned stays at what was published last."""
    pinned = {asset: entry.epoch for asset, entry in live.items() if entry.pinned}
    releases = delivery.publication.releases(session, pinned) if pinned else ()
    return frozenset(r.asset for r in releases if r.epoch == pinned[r.asset] and r.restores is not None)


def _asset(
    delivery: Delivery,
    asset: Asset,
    live: Mapping[str, Live],
    back: Collection[str],
    kept: KeptVerdicts,
    waiting: Sequence[Candidate],
    overdue: Sequence[Expected],
) -> AssetStatus:
    entry = live.get(asset.id)
    entry = entry if entry and entry.is_shown else None
    said = kept.of(delivery, asset, entry)
    return AssetStatus(
        asset=asset.id,
        relation=str(asset.relation),
        kind=str(asset.kind),
        is_output=asset.is_output,
        deployment=entry.deployment if entry else "",
        published_at=entry.published_at if entry else None,
        rows=entry.rows if entry else 0,
        data_until=newest_interval(asset, delivery.graph, live) if entry else None,
        checks=said.checks,
        quarantined=tuple(waiting),
        late=tuple(overdue),
        failed=said.failed,
        pinned=bool(asset.id in live and live[asset.id].pinned),
        taken_back=asset.id in back,
        bad=said.bad,
        earlier=delivery.estate.earlier.get(asset.id),
    )


def _said(delivery: Delivery, asset: Asset, entry: Live | None) -> _Said:
    checks, bad = verdicts(delivery, asset, entry)
    return _Said(checks, bad, _failed(delivery, asset))


def _failed(delivery: Delivery, asset: Asset) -> tuple[str, ...]:
    """Return the intervals whose newest attempt failed; an empty text stands for an asset that is built whole."""
    told = delivery.ledger.read(
        types=("run.completed",), subject=asset.id, env=delivery.env, newest_first=True, limit=_ATTEMPTS
    )
    newest: dict[str, str] = {}
    for event in told:
        newest.setdefault(str(event.data.get("interval_start") or "")[:10], str(event.data["status"]))
    return tuple(sorted(interval for interval, status in newest.items() if status == Status.FAILED))


def _product(
    delivery: Delivery,
    product: Product,
    own: tuple[AssetStatus, ...],
    above: Sequence[AssetStatus],
    behind: Mapping[str, str],
    retired: Mapping[str, Relation],
    incidents: Sequence[Incident],
) -> ProductStatus:
    """Judge a product by its outputs, by everything they are built from, and by what is said to be wrong with those."""
    outputs = [a for a in own if a.is_output] or list(own)
    built = [a for a in outputs if a.kind not in NOT_BUILT] if product.mode == "publish" else []
    taken_away = {a.asset: _served_instead(a, own) for a in built if not a.deployment and a.pinned}
    missing = [a.asset for a in built if not a.deployment and a.asset not in taken_away]
    reasons = list(taken_away.values())
    reasons += [_missing(delivery, name) for name in missing]
    bad = [f"{a.asset} as it is live fails {a.bad} of its checks: `freehold check`" for a in above if a.bad]
    reasons += bad
    orphans = [name for name in retired if name.rpartition(".")[0] == product.id]
    reasons += [f"{retired[name]} is still readable, and nothing builds {name} any more" for name in orphans]
    taken_back = {a.asset for a in above if a.taken_back}
    wrong = []
    for asset in above:
        read = behind.get(asset.asset)
        if read in taken_back and not asset.pinned:
            wrong.append(f"{asset.asset} holds what was built from {read} before that was rolled back: `freehold run`")
        elif read and not asset.pinned and not asset.failed:
            reasons.append(f"{asset.asset} is not built from what is live of {read}: `freehold run`")
    reasons += wrong
    for asset in above:
        reasons += [f"{asset.asset} {c.interval or ''} is in quarantine".replace("  ", " ") for c in asset.quarantined]
        if asset.failed:
            which = f" {', '.join(asset.failed[-3:])}".rstrip()
            reasons.append(f"{asset.asset}{which} could not be built; `freehold run` says why")
        if asset.late:
            days = ", ".join(str(e.interval) for e in asset.late[-3:])
            reasons.append(f"{asset.asset} is late: {days}")
    if back := [a.asset for a in own if a.taken_back]:
        reasons.append(f"rolled back and pinned: {', '.join(back)}")
    if kept := [a.asset for a in own if a.pinned and not a.taken_back]:
        reasons.append(f"pinned as it is, so that nothing newer is published: {', '.join(kept)}")
    promised = {f"{product.id}.{port.name}" for port in product.output_ports}
    unbuilt = promised.intersection(orphans)
    reached = {a.asset for a in above}
    open_ = tuple(one for one in incidents if one.touches(reached))
    is_unsafe = bool(missing or bad or wrong or unbuilt) or any(one.stops for one in open_)
    safe = "no" if is_unsafe else "stale" if reasons else "yes" if built else "watched"
    published = max((a.published_at for a in own if a.published_at), default=None)
    until = min((a.data_until for a in outputs if a.data_until), default=None)  # so far all of it reaches
    return ProductStatus(product, safe, (*map(str, open_), *reasons), own, published, until, open_)


def _served_instead(one: AssetStatus, own: Sequence[AssetStatus]) -> str:
    """Say what consumers read while a version is taken back, of which nothing else was ever published."""
    old = next((a for a in own if a.earlier is not None and a.earlier.latest == one.asset), None)
    instead = f"; {old.relation} goes on showing {old.earlier.version}" if old and old.earlier else ""
    return f"{one.asset} was taken back, and nothing of it was published before{instead}"


def _missing(delivery: Delivery, asset: str) -> str:
    """Say why there is nothing of an asset: nobody ever published it, or the warehouse lost it."""
    told = delivery.ledger.read(types=("asset.published",), subject=asset, env=delivery.env, newest_first=True, limit=1)
    last = next(iter(told), None)
    if last is None:
        return f"{asset} was never published"
    return f"{asset} was published {last.occurred_at:%Y-%m-%d %H:%M}, and the warehouse has it no more: `freehold run`"


def _published(asset: AssetStatus) -> datetime:
    return asset.published_at or datetime.min.replace(tzinfo=UTC)


def age(until: datetime | None, now: datetime) -> timedelta | None:
    """Return how old data is that reaches up to an instant without a zone, counted as UTC."""
    return now - until.replace(tzinfo=UTC) if until else None
