"""Whose an account of another system is: as teams say under `handles`, and nobody's as long as none says.

Of an account that nobody names, events hold a name that means nothing; the name itself stands in the side store, where
it can be erased. Once a team names it, what was read with it counts as theirs from the beginning.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from freehold.delivery.gate import handles_of
from freehold.estate.teams import teams_of_members
from freehold.ledger import Event
from freehold.ledger.keyed import keyed

if TYPE_CHECKING:
    from freehold.estate.model import Estate
    from freehold.ledger import Evidence, Ledger

PREFIX = "account:"  # of the consumer that an account is which nobody names
SPACE = "usage.accounts"  # of the kept state: by consumer, where its name stands, and whom it was matched to
_KEYED = "usage"  # of the kept state: the key that names of accounts cannot be found by trying without
_SIMULATED = "service:simulated/"


@dataclass(frozen=True, slots=True)
class Consumer:
    """Who reads, as events say it; `segment` is the team that names them among its members, empty for none."""

    name: str
    kind: str
    segment: str = ""


@dataclass(frozen=True, slots=True)
class Account:
    """An account of another system: `consumer` as events name it, `name` as the system does; empty once erased."""

    consumer: str
    source: str
    name: str
    matched: str = ""


class Accounts:
    """The accounts of one system.

    Args:
        estate: whose teams name them.
        ledger: where the names of the others are kept, and can be erased.
        source: the word under which teams name them in `handles`.
    """

    def __init__(self, estate: Estate, ledger: Ledger, source: str) -> None:
        self._ledger = ledger
        self._source = source
        self._people = People(estate, source)
        self._digest = keyed(ledger.state, _KEYED)
        self._kept = set(ledger.state.many(SPACE))
        self._seen: dict[tuple[str, bool | None], Consumer] = {}
        self.unmatched: Counter[str] = Counter()

    def who(self, account: str, *, is_program: bool | None = None) -> Consumer:
        """Return whose an account is; `is_program` is what its system says of it."""
        key = (account, is_program)
        if (known := self._seen.get(key)) is None:
            known = self._seen[key] = self._people.named(account) or self._nobody(account, is_program=is_program)
        if known.name.startswith(PREFIX):
            self.unmatched[account] += 1
        return known

    def _nobody(self, account: str, *, is_program: bool | None) -> Consumer:
        digest = self._digest(f"{self._source}\n{account.casefold()}")
        consumer = f"{PREFIX}{self._source}/{digest[:16]}"
        if consumer not in self._kept:
            said = {"source": self._source, "name": account}
            self._ledger.state.put(SPACE, consumer, {"at": self._ledger.side.put("account", said, consumer)})
            self._kept.add(consumer)
        return Consumer(consumer, {True: "service", False: "person", None: "unknown"}[is_program])


class People:
    """Whom teams name under `handles` for one system."""

    def __init__(self, estate: Estate, source: str) -> None:
        self._handles = handles_of(estate, source)
        self._teams = teams_of_members(estate)

    def named(self, account: str) -> Consumer | None:
        """Return whose an account is: of several references the one person or program; None where it is no one's."""
        references = self._handles.get(account.casefold(), ())
        alone = [one for one in references if one.startswith(("user:", "service:"))] or list(references)
        if len(alone) != 1:
            return None
        return Consumer(alone[0], kind_of(alone[0]), self._teams.get(alone[0], ""))


def kind_of(principal: str) -> str:
    """Return what reads under a name: `person`, `service`, `simulated`, or `unknown` where several go by it."""
    if principal.startswith(_SIMULATED):
        return "simulated"
    return {"user": "person", "service": "service"}.get(principal.partition(":")[0], "unknown")


def accounts_of(ledger: Ledger) -> tuple[Account, ...]:
    """Return every account that nobody named when it was first seen, by source and name."""
    found = []
    for consumer, said in ledger.state.many(SPACE).items():
        there = ledger.side.get(said["at"])
        source = consumer.removeprefix(PREFIX).partition("/")[0]
        found.append(Account(consumer, source, str(there.payload["name"]) if there else "", said.get("matched", "")))
    return tuple(sorted(found, key=lambda one: (one.source, one.name.casefold(), one.consumer)))


def called(name: str, accounts: Mapping[str, str]) -> str:
    """Return what to call a consumer: `ANA of snowflake` for an account that nobody named, as `names_of` has them."""
    if not name.startswith(PREFIX):
        return name
    source = name.removeprefix(PREFIX).partition("/")[0]
    return f"{accounts.get(name) or 'somebody'} of {source}"


def names_of(ledger: Ledger) -> dict[str, str]:
    """Return what systems call the accounts that nobody named; empty for one that was erased."""
    return {one.consumer: one.name for one in accounts_of(ledger)}


@dataclass(frozen=True, slots=True)
class Unmatched:
    """An account that no team names: what was read and looked at with it; `name` is empty once erased."""

    consumer: str
    source: str
    name: str
    kind: str
    reads: int
    views: int
    last: datetime


_UNMATCHED = """
SELECT consumer, coalesce(max(consumer_type), 'unknown'), sum(reads), sum(views), max(occurred_at) FROM (
  SELECT consumer, consumer_type, reads, 0 AS views, occurred_at FROM uses WHERE coalesce(nullif(env, ''), $env) = $env
  UNION ALL SELECT consumer, consumer_type, 0, 1, occurred_at FROM looks WHERE source IS NOT NULL
) WHERE starts_with(consumer, 'account:') GROUP BY consumer ORDER BY sum(reads) + sum(views) DESC, consumer
"""


def unmatched_accounts(ledger: Ledger, evidence: Evidence, env: str) -> tuple[Unmatched, ...]:
    """Return the accounts that no team names, those first with which most was read or looked at."""
    names = names_of(ledger)
    return tuple(
        Unmatched(
            consumer, consumer.removeprefix(PREFIX).partition("/")[0], names.get(consumer, ""), kind, int(reads),
            int(views), last.replace(tzinfo=UTC),
        )
        for consumer, kind, reads, views, last in evidence.query(_UNMATCHED, {"env": env})
    )  # fmt: skip


def match_again(estate: Estate, ledger: Ledger) -> tuple[Account, ...]:
    """Record whose accounts are that teams name by now and did not before; return those accounts."""
    people: dict[str, People] = {}
    found = []
    for one in accounts_of(ledger):
        known = people.setdefault(one.source, People(estate, one.source)).named(one.name) if one.name else None
        if known is None or known.name == one.matched:
            continue
        said = {
            "account": one.consumer,
            "consumer": known.name,
            "consumer_type": known.kind,
            "segment": known.segment or None,
        }
        kept: Mapping[str, str] = ledger.state.get(SPACE, one.consumer)
        ledger.append(
            Event("usage.matched", said, subject=known.name),
            keep={(SPACE, one.consumer): {**kept, "matched": known.name}},
        )
        found.append(Account(one.consumer, one.source, one.name, known.name))
    return tuple(found)
