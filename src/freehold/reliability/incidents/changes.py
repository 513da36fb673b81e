"""What happened to some assets that may have done something wrong, as the ledger tells it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from freehold.reliability.incidents.suspects import LOOKS_BACK, Change, ChangeKind, Observed
from freehold.reliability.signals import SignalKind

if TYPE_CHECKING:
    from freehold.ledger import Ledger, Recorded
    from freehold.reliability.alerts.alert import Alert

_OF_ASSETS = ("run.completed", "schema.observed", "anomaly.found", "profile.observed", "classification.set")
_OF_THE_WHOLE = ("estate.applied", "deploy.rolled_back", "access.granted", "access.revoked")
_CODE = ("Model", "Seed")
_BACKFILL = "backfill"


@dataclass
class Happened:
    """What happened to some assets: changes, and what was measured about the time of a symptom."""

    changes: list[Change] = field(default_factory=list)
    odd: dict[str, float | None] = field(default_factory=dict)
    measured: set[str] = field(default_factory=set)
    built: dict[str, list[datetime]] = field(default_factory=lambda: defaultdict(list))

    @property
    def observed(self) -> Observed:
        """What was measured."""
        return Observed(self.odd, self.measured, self.built)


def happened(
    ledger: Ledger,
    env: str,
    assets: Collection[str],
    alerts: Sequence[Alert],
    since: datetime,
    sources: Collection[str],
    period: timedelta,
) -> Happened:
    """Return what happened to some assets before something was wrong.

    Args:
        ledger: what is known.
        env: the environment.
        assets: where it may have happened: the root of a trouble, and what that is built from.
        alerts: those of the trouble; what they stand on is measured, and not as usual.
        since: when what is wrong began.
        sources: those of the assets that are built from nothing here: what is unusual of them came so.
        period: how often the root is brought up to date; what was measured from one before to one after counts.
    """
    found = Happened()
    own = {one.evidence for one in alerts if one.evidence}
    begins, ends = since - LOOKS_BACK, since + period + timedelta(microseconds=1)
    for asset in sorted(assets):
        for event in ledger.read(types=_OF_ASSETS, subject=asset, since=begins, until=ends):
            if event.env in (env, ""):
                _hear(found, event, asset, since - period, own, is_source=asset in sources)
    for one in alerts:
        found.measured.add(one.asset)
        found.odd[one.asset] = max((found.odd.get(one.asset), one.deviations), key=lambda far: abs(far or 0.0))
        if one.kind is SignalKind.LATE and one.asset in sources:
            said = one.reason or "what was due did not come"
            found.changes.append(Change(one.evidence or one.id, ChangeKind.LATE, (one.asset,), one.since, said))
    found.changes += _of_the_whole(ledger, env, assets, since)
    return found


def _hear(
    found: Happened, event: Recorded, asset: str, lately: datetime, own: Collection[str], *, is_source: bool
) -> None:
    said, at = event.data, event.occurred_at
    if event.type == "profile.observed" and at >= lately:
        found.measured.add(asset)
    elif event.type == "anomaly.found":
        if at >= lately:
            known = found.odd.get(asset)
            found.odd[asset] = max((known, said.get("deviations")), key=lambda one: abs(one or 0.0))
        if is_source:
            found.changes.append(_batch(event, asset))
    elif event.type == "run.completed" and said["status"] == "success":
        found.built[asset].append(at)
        if said.get("trigger") == _BACKFILL:
            found.changes.append(_change(event, ChangeKind.BACKFILL, asset, "what stood was built again"))
    elif event.type == "run.completed" and said["status"] == "failed" and event.id not in own:
        why = f": {said['code']}" if said.get("code") else ""
        found.changes.append(_change(event, ChangeKind.RUN, asset, f"its build failed{why}"))
    elif event.type == "schema.observed" and said.get("diff"):
        columns, told = _of_shape(said["diff"])
        found.changes.append(_change(event, ChangeKind.SCHEMA, asset, told, columns))
    elif event.type == "classification.set":
        columns = (said["column"],) if said.get("column") else ()
        found.changes.append(_change(event, ChangeKind.ACCESS, asset, "it was classified anew", columns))


def _change(event: Recorded, kind: ChangeKind, asset: str, said: str, columns: tuple[str, ...] = ()) -> Change:
    deploy = str(event.data.get("deployment") or event.data.get("deploy_id") or "")
    return Change(event.id, kind, (asset,), event.occurred_at, said, columns, deploy, event.actor)


def _batch(event: Recorded, asset: str) -> Change:
    said = event.data
    of = f" of `{said['column']}`" if said.get("column") else ""
    columns = (said["column"],) if said.get("column") else ()
    return _change(event, ChangeKind.BATCH, asset, f"what came is unusual: {said['measure']}{of}", columns)


def _of_shape(diff: Any) -> tuple[tuple[str, ...], str]:
    """Return the columns in which what came differs, and that in words."""
    parts = diff if isinstance(diff, Mapping) else {}
    named = {word: tuple(map(str, parts.get(word) or ())) for word in ("missing", "extra", "changed")}
    told = "; ".join(f"{word} {', '.join(f'`{one}`' for one in names)}" for word, names in named.items() if names)
    return named["missing"] + named[
        "changed"
    ], f"what came has other columns: {told}" if told else "its columns changed"


def _of_the_whole(ledger: Ledger, env: str, assets: Collection[str], since: datetime) -> Iterator[Change]:
    """Yield the changes that no one asset's events tell: of files, of deployments, of permissions."""
    is_first = not any(ledger.read(types=("estate.applied",), env=env, until=since - LOOKS_BACK, limit=1))
    for event in ledger.read(types=_OF_THE_WHOLE, since=since - LOOKS_BACK, until=since + timedelta(microseconds=1)):
        if event.env not in (env, ""):
            continue
        if event.type == "estate.applied":
            if not is_first:
                yield from _applied(event, assets)
            is_first = False
        elif event.type == "deploy.rolled_back":
            mine = tuple(name for name in map(str, event.data.get("assets") or ()) if name in assets)
            if mine:
                said, to = "what is live went back", str(event.data.get("to") or "")
                yield Change(event.id, ChangeKind.ROLLBACK, mine, event.occurred_at, said, (), to, event.actor)
        elif (asset := str(event.data.get("resource") or "")) in assets:
            word = "granted" if event.type == "access.granted" else "revoked"
            yield _change(event, ChangeKind.ACCESS, asset, f"access to it was {word}")


def _applied(event: Recorded, assets: Collection[str]) -> Iterator[Change]:
    """Yield what an application of files changed, one of each resource that some of the assets are made by."""
    for word in ("changed", "added", "removed"):
        for resource in map(str, event.data.get(word) or ()):
            kind, _, id_ = resource.partition(":")
            mine = tuple(_made_by(kind, id_, assets))
            if mine:
                commit = str(event.data.get("commit") or "")[:12]
                said = f"`{resource}` was {word}" + (f" by {commit}" if commit else "")
                yield Change(
                    f"{event.id}#{resource}", _KIND.get(kind, ChangeKind.CONFIG), mine, event.occurred_at, said,
                    actor=event.actor,
                )  # fmt: skip


_KIND = dict.fromkeys(_CODE, ChangeKind.CODE) | {"DataContract": ChangeKind.CONTRACT}


def _made_by(kind: str, id_: str, assets: Collection[str]) -> Iterable[str]:
    if kind in _CODE:
        return (id_,) if id_ in assets else ()
    if kind == "DataContract":
        return [name for name in assets if name == id_ or name.rpartition(".")[0] == id_]
    if kind == "DataProduct":
        return sorted(name for name in assets if name.rpartition(".")[0] == id_)
    return ()
