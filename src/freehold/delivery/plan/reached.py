"""Which dashboards a plan reaches, by the columns they read: what breaks, what may break, what shows something else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from freehold.delivery.consumers import Consumers, Read, by_viewers, dashboard_json, described
from freehold.delivery.plan.changes import Action, ChangeClass
from freehold.delivery.spelling import folded
from freehold.estate.dashboards import Dashboard

if TYPE_CHECKING:
    from freehold.delivery.plan.planning import AssetChange

_MOST_COLUMNS = 5


class Verdict(IntEnum):
    """What a change does to who looks at a dashboard, least first."""

    MUST_MOVE = 0  # it goes on reading an earlier version, which is fed no more and ends
    CHANGES = 1  # it shows something else
    MAY_BREAK = 2  # it reads all of an asset of which a column goes
    BREAKS = 3  # a column or asset that it reads goes, or a promise of one that it reads is broken

    def __str__(self) -> str:
        return self.name.lower().replace("_", " ")


@dataclass(frozen=True, slots=True)
class Touch:
    """One thing that a change does to what a dashboard reads.

    `column` is empty where the asset as a whole is meant; `what` is `removed`, `renamed` (to `to`), `retired` (the
    asset goes), `broken` (a promise of the contract is), `changed`, `rows`, `lacking` (it is promised and was never
    given), or `superseded` (it stays as it was left, and `to` is the version beside it).
    """

    asset: str
    column: str
    what: str
    verdict: Verdict
    to: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        found = {"asset": self.asset, "column": self.column or None, "what": self.what, "verdict": str(self.verdict)}
        return found | ({"to": self.to} if self.to else {})


@dataclass(frozen=True, slots=True)
class Reached:
    """A dashboard that a plan reaches, and by what."""

    dashboard: Dashboard
    touches: tuple[Touch, ...]

    @property
    def verdict(self) -> Verdict:
        """The worst of what is done to it."""
        return max(touch.verdict for touch in self.touches)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        because = [touch.to_json() for touch in self.touches]
        return dashboard_json(self.dashboard) | {"verdict": str(self.verdict), "because": because}


def reached(
    changes: Iterable[AssetChange],
    consumers: Consumers,
    dialect: str,
    lacking: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> tuple[Reached, ...]:
    """Return the dashboards that changes reach, the worst and the most looked at first.

    A column that only comes, words, and checks reach nobody; other rows reach whoever reads any column. `dialect` is
    that of the warehouse, in which columns are compared; `lacking` are columns that contracts promise of assets, and
    that these do not give, whether anything of them changes or not.
    """
    found: dict[str, tuple[Dashboard, list[Touch]]] = {}
    for change in changes:
        # A new major version moves those who read the one before; who goes by the declared name is there already.
        asset = change.beside.asset if change.beside else change.asset
        for read in consumers.reads.get(asset, ()):
            touches = list(_touches(change, read, dialect))
            if touches:
                found.setdefault(read.dashboard.id, (read.dashboard, []))[1].extend(touches)
    for asset, columns in lacking.items():
        for read in consumers.reads.get(asset, ()) if columns else ():
            known = found.setdefault(read.dashboard.id, (read.dashboard, []))[1]
            gone = [c for c in columns if read.has(c) and all((t.asset, t.column) != (asset, c) for t in known)]
            known += [
                Touch(asset, c, "lacking", Verdict.BREAKS if c in read.columns else Verdict.MAY_BREAK) for c in gone
            ]
    found = {id_: told for id_, told in found.items() if told[1]}
    made = [Reached(one, tuple(touches)) for one, touches in found.values()]
    return tuple(sorted(made, key=lambda r: (-r.verdict, by_viewers(r.dashboard))))


def sentence(one: Reached) -> str:
    """Return who is reached, how, and by what, in one line of Markdown."""
    people = described(one.dashboard)
    head = f"**{one.dashboard.name}**" + (f" ({people})" if people else "")
    worst = [touch for touch in one.touches if touch.verdict is one.verdict]
    said = list(dict.fromkeys(_said(touch) for touch in worst))
    more = f" and {len(said) - _MOST_COLUMNS} more" if len(said) > _MOST_COLUMNS else ""
    return f"{head} {one.verdict}: it reads {', '.join(said[:_MOST_COLUMNS])}{more}"


def _said(touch: Touch) -> str:
    """Return what is read and what becomes of it; of a value that changes, what is read says enough."""
    name = f"`{touch.column}` of `{touch.asset.rpartition('.')[2]}`" if touch.column else f"`{touch.asset}`"
    what = {
        "removed": "goes",
        "renamed": f"now `{touch.to}`",
        "retired": "goes",
        "broken": "its promise is broken",
        "rows": "other rows",
        "lacking": "promised, and not given",
        "superseded": f"fed no more; `{touch.to}` takes its place",
    }.get(touch.what)
    return f"{name} ({what})" if what else name


def _touches(change: AssetChange, read: Read, dialect: str) -> Iterator[Touch]:
    """Yield what a change of an asset does to somebody who reads it."""
    asset, found = change.asset, change.difference
    if change.action is Action.RETIRE:
        yield Touch(asset, "", "retired", Verdict.BREAKS)
        return
    if change.beside is not None:
        yield Touch(change.beside.asset, "", "superseded", Verdict.MUST_MOVE, asset)
        return
    if change.change <= ChangeClass.ADDITIVE:
        return
    gone = [Touch(asset, name, "removed", Verdict.BREAKS) for name in found.removed]
    gone += [Touch(asset, old, "renamed", Verdict.BREAKS, new) for old, new in found.renamed]
    for touch in gone:
        if touch.column in read.columns:
            yield touch
        elif read.is_whole:
            yield Touch(asset, touch.column, touch.what, Verdict.MAY_BREAK, touch.to)
    told = {touch.column for touch in gone}
    for column in dict.fromkeys(folded(re.split(r"[.\[]", f.column)[0], dialect) for f in change.broken if f.column):
        if column not in told and read.has(column):
            yield Touch(asset, column, "broken", Verdict.BREAKS if column in read.columns else Verdict.MAY_BREAK)
            told.add(column)
    if found.rows:
        yield Touch(asset, "", "rows", Verdict.CHANGES)
        return
    yield from (Touch(asset, n, "changed", Verdict.CHANGES) for n in found.changed if n not in told and read.has(n))
