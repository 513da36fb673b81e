"""Bringing in what a system recorded of use: read, held against the estate, and recorded once.

What was recorded before is known by the id that the system gave it. Each segment of events is recorded whole, so an
import that was ended by force goes on where it was when it is asked for again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from freehold.connect.usage.accounts import Accounts, match_again
from freehold.connect.usage.formats import Format
from freehold.connect.usage.resolving import Statement, Statements
from freehold.connect.usage.staging import staged
from freehold.foundation.owning import holder, is_dead
from freehold.ledger import Event

if TYPE_CHECKING:
    import pyarrow as pa

    from freehold.connect.usage.accounts import Consumer
    from freehold.delivery.asset import Asset
    from freehold.estate.dashboards import Dashboard
    from freehold.estate.model import Estate
    from freehold.ledger import Evidence, Ledger

_MOST_NAMED = 1_000  # texts that could not be read: more are counted, and not named
_LEASE_S = 60.0
_SKEW = timedelta(minutes=5)  # by which the clock of another system may be ahead of ours


@dataclass(frozen=True)
class Known:
    """What the estate has that use can be of.

    Attributes:
        estate: as it is published.
        env: the environment whose warehouse it is.
        default_env: the environment whose relations carry no prefix.
        assets: of that environment, by id.
        dashboards: that exports tell of; needed for views alone.
    """

    estate: Estate
    env: str
    default_env: str
    assets: Mapping[str, Asset] = field(default_factory=dict)
    dashboards: Sequence[Dashboard] = ()


@dataclass
class Imported:
    """What came of an import: each row that was told is counted once in `recorded` to `ahead`.

    Attributes:
        source: the system, as teams call it under `handles`; `of` which one of its kind.
        told: rows of the export.
        recorded: of those, recorded now; `events` is how many that took, one for each asset read.
        known: recorded before.
        own: asked by what builds the estate.
        elsewhere: about nothing of the estate.
        strange: of views: of a dashboard that the estate does not know.
        ahead: dated in the future, and not recorded.
        unread: whose text could not be read, or not wholly; what is known of them is recorded all the same.
        unreadable: their fingerprints with why, and how often; of very many the first thousand.
        dashboards: names that no dashboard of the estate has, with how often.
        unmatched: accounts that no team names, with how often.
        matched: accounts seen before that a team names by now.
        resets: counters that had begun anew.
        is_baseline: counters were read for the first time: the next import counts from here.
    """

    source: str
    of: str = ""
    told: int = 0
    recorded: int = 0
    events: int = 0
    known: int = 0
    own: int = 0
    elsewhere: int = 0
    strange: int = 0
    ahead: int = 0
    unread: int = 0
    resets: int = 0
    is_baseline: bool = False
    first_at: datetime | None = None
    last_at: datetime | None = None
    matched: tuple[str, ...] = ()
    unmatched: Counter[str] = field(default_factory=Counter)
    dashboards: Counter[str] = field(default_factory=Counter)
    unreadable: Counter[tuple[str, str]] = field(default_factory=Counter)

    def saw(self, at: datetime) -> None:
        """Widen the time that it tells of."""
        self.first_at = min(self.first_at or at, at)
        self.last_at = max(self.last_at or at, at)

    def by_now(self, rows: list[dict[str, Any]], now: datetime) -> list[dict[str, Any]]:
        """Return the rows that are not dated in the future, and count those that are."""
        there = [row for row in rows if not is_ahead(row["occurred_at"], now)]
        self.ahead += len(rows) - len(there)
        return there

    def could_not_read(self, statement: Statement, times: int = 1) -> None:
        """Count a statement that was not read wholly."""
        self.unread += times
        key = (statement.fingerprint, statement.failure)
        if key in self.unreadable or len(self.unreadable) < _MOST_NAMED:
            self.unreadable[key] += times

    def event(self) -> Event:
        """Return the event that tells of it."""
        said: dict[str, Any] = {
            name: getattr(self, name) for name in ("recorded", "known", "own", "unread", "resets", "ahead")
        }
        said |= {"elsewhere": self.elsewhere + self.strange, "unmatched": len(self.unmatched)}
        said |= {"is_baseline": self.is_baseline, "first_at": _text(self.first_at), "last_at": _text(self.last_at)}
        return Event("usage.imported", {"source": self.source, "of": self.of or None, "told": self.told, **said})


def is_ahead(at: datetime, now: datetime) -> bool:
    """Whether a time lies in the future, by more than clocks may differ."""
    return at > now + _SKEW


def import_file(path: Path, format_: Format, known: Known, ledger: Ledger, *, of: str = "") -> Imported:
    """Record what an export tells; `of` names the system where counters come from several.

    Raises:
        FreeholdError: FH-X401 to FH-X403 the file is no export of that format; FH-X404 counters are older than those
            that were imported last; FH-L201 another import of that system is under way.
    """
    from freehold.connect.usage import counters, views

    told = Imported(format_.handles, of)
    with ledger.lease(f"usage/{format_.handles}/{of}", holder("import"), _LEASE_S, is_gone=is_dead) as lease:
        with lease.kept_alive(), staged(path, format_) as rows:
            told.matched = tuple(one.name for one in match_again(known.estate, ledger))
            told.told = rows.rows
            accounts = Accounts(known.estate, ledger, format_.handles)
            if format_.kind == "history":
                _history(rows.batches(), format_, known, ledger, accounts, told)
            elif format_.kind == "views":
                views.record(rows.batches(), known, ledger, accounts, told)
            else:
                taken = counters.taken_at(path)
                counters.record(
                    [row for batch in rows.batches() for row in batch], taken, known, ledger, accounts, told
                )
        _end(ledger, accounts, told)
    return told


def import_counters(
    rows: Iterable[Mapping[str, Any]], taken: datetime, known: Known, ledger: Ledger, *, of: str
) -> Imported:
    """Record what counters of a warehouse tell that were read from it just now.

    Raises:
        FreeholdError: FH-L201 another import of that warehouse is under way.
    """
    from freehold.connect.usage import counters
    from freehold.connect.usage.formats import FORMATS

    source = FORMATS["pg_stat_statements"].handles
    told = Imported(source, of)
    with ledger.lease(f"usage/{source}/{of}", holder("import"), _LEASE_S, is_gone=is_dead) as lease, lease.kept_alive():
        told.matched = tuple(one.name for one in match_again(known.estate, ledger))
        accounts = Accounts(known.estate, ledger, source)
        found = list(rows)
        told.told = len(found)
        counters.record(found, taken, known, ledger, accounts, told)
        _end(ledger, accounts, told)
    return told


def _end(ledger: Ledger, accounts: Accounts, told: Imported) -> None:
    told.unmatched = accounts.unmatched
    if told.recorded or told.is_baseline:
        ledger.append(told.event())


def _history(
    batches: Iterator[list[dict[str, Any]]], format_: Format, known: Known, ledger: Ledger, accounts: Accounts,
    told: Imported,
) -> None:  # fmt: skip
    statements = Statements(known.assets.values(), known.default_env, format_.dialect)
    with ledger.evidence() as evidence, statements:
        for batch in batches:
            there = told.by_now(batch, ledger.clock.now())
            fresh = without_known(evidence, "usage_query", "query_id", told.source, there)
            told.known += len(there) - len(fresh)
            events = [e for row in fresh for e in _of_row(row, statements, known, accounts, told)]
            if events:
                ledger.raw.append("usage.query", events)
                told.events += len(events)


def _of_row(
    row: Mapping[str, Any], statements: Statements, known: Known, accounts: Accounts, told: Imported
) -> list[Event]:
    found = statements.read(row["sql"] or "", row["within"])
    if found.is_own:
        told.own += 1
        return []
    if found.failure:
        told.could_not_read(found)
    if not found.reads:
        told.elsewhere += 1
        return []
    told.recorded += 1
    told.saw(row["occurred_at"])
    who = accounts.who(row["account"], is_program=row["is_program"])
    said = {
        "duration_ms": row["ms"], "bytes": row["bytes"], "rows": row["rows"],
        "queued_ms": row["queued_ms"], "spilled_bytes": row["spilled"],
        "status": "ok" if row["is_ok"] else "error", "query_id": f"{told.source}:{row['id']}",
    }  # fmt: skip
    return reads(found, who, said, known, told.source, row["occurred_at"])


def reads(
    found: Statement, who: Consumer, said: Mapping[str, Any], known: Known, source: str, at: datetime
) -> list[Event]:
    """Return the events of a statement: one for each asset that it read."""
    common = {
        "consumer": who.name, "consumer_type": who.kind, "segment": who.segment or None, "channel": "warehouse",
        "fingerprint": found.fingerprint, "source": source, **said,
    }  # fmt: skip
    events = []
    for one in found.reads:
        product = known.assets[one.asset].product.id
        columns = None if one.columns is None else list(one.columns)
        read = {**common, "product": product, "resource": one.asset, "columns": columns}
        events.append(Event("usage.query", read, occurred_at=at, env=known.env, subject=one.asset, product=product))
    return events


def without_known(
    evidence: Evidence, view: str, column: str, source: str, batch: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return the rows of a batch that were not recorded before, by the ids that their system gave them."""
    if not batch:
        return []
    evidence.lend("_told", _ids(source, batch))
    bounds = [min(row["occurred_at"] for row in batch), max(row["occurred_at"] for row in batch)]
    there = evidence.query(
        f"SELECT _told.id FROM _told WHERE _told.id IN (SELECT {column} FROM {view} WHERE source = ? "
        "AND occurred_at BETWEEN ? AND ?)",
        [source, *(at.replace(tzinfo=None) for at in bounds)],
    )
    known = {id_ for (id_,) in there}
    return [row for row in batch if f"{source}:{row['id']}" not in known]


def _ids(source: str, batch: list[dict[str, Any]]) -> pa.Table:
    import pyarrow as pa

    return pa.table({"id": [f"{source}:{row['id']}" for row in batch]})


def _text(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
