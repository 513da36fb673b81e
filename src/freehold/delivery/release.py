"""The values of publication: candidates, releases and the moves between them. No effect, no decision."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from freehold.delivery.interval import Interval
from freehold.engines import Relation

SYSTEM = "freehold"
STORE = "freehold_data"
BATCH = "_batch"


@dataclass(frozen=True, slots=True)
class Origin:
    """What rows follow from, whatever they were read through: equal origins, equal rows.

    `means` is a digest of what the asset means down to its sources, `roots` stand for the versions of these.
    """

    means: str
    roots: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Candidate:
    """Data built beside what is live.

    Attributes:
        inputs: what it was built from: `file:<path>=<digest>`, `<asset>@<candidate>` or `<asset>#<epoch>`.
        origin: what its rows follow from; None where nobody noted it.
        seen: the releases that a by-key asset has taken in: (environment, asset, epoch).
        state: built | audited | quarantined | discarded.
        audit: fingerprint of the checks it was judged by; None before it was.
    """

    id: int
    asset: str
    physical: str
    definition: str
    interval: Interval | None
    step_key: str
    inputs: tuple[str, ...]
    rows: int
    run_id: str
    built_at: datetime
    state: str = "built"
    audit: str | None = None
    reason: str | None = None
    origin: Origin | None = None
    seen: tuple[tuple[str, str, int], ...] = ()

    @property
    def name(self) -> str:
        """What a step that reads this calls it among its inputs."""
        return f"{self.asset}@{self.id}"


@dataclass(frozen=True, slots=True)
class Live:
    """What is live of one asset: the release at `epoch`, a set of candidates."""

    asset: str
    deployment: str
    epoch: int
    physical: str
    view_sql: str
    pinned: bool
    published_at: datetime
    members: tuple[Candidate, ...] = ()

    @property
    def rows(self) -> int:
        """Rows a consumer reads."""
        return sum(m.rows for m in self.members)

    @property
    def is_shown(self) -> bool:
        """Whether consumers can read it; the first release of a version that was taken back shows nothing."""
        return bool(self.view_sql)

    def member_for(self, interval: Interval) -> Candidate | None:
        """Return the candidate that holds exactly this interval."""
        return next((m for m in self.members if m.interval == interval), None)


@dataclass(frozen=True, slots=True)
class Move:
    """The next release of one asset: which candidates come, which go, and the view that shows the result.

    `expected_epoch` is the epoch this was planned against (0: never published); another one found means another writer
    was here. `restores` is the epoch a rollback goes back to, 0 for the time before the first, when there was no view;
    then there is no `view_sql` either. `reads` are the epochs of inputs that a view is fixed to.
    """

    asset: str
    view: Relation
    physical: str
    view_sql: str
    expected_epoch: int
    added: tuple[int, ...] = ()
    removed: tuple[int, ...] = ()
    restores: int | None = None
    pinned: bool = False
    reads: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Membership:
    """A candidate was part of an asset's releases from one epoch up to, not with, another (None: it still is)."""

    env: str
    asset: str
    candidate: int
    from_epoch: int
    to_epoch: int | None


@dataclass(frozen=True, slots=True)
class Release:
    """One release of one asset.

    `number` orders runs, each of which may make several deployments; `reads` are the epochs of inputs that a view is
    fixed to.
    """

    env: str
    asset: str
    epoch: int
    deployment: str
    number: int
    restores: int | None
    physical: str
    view_sql: str
    reads: tuple[tuple[str, int], ...]
    published_at: datetime


@dataclass(frozen=True, slots=True)
class Judged:
    """What the audit of one candidate came to, written in the transaction that acts on it."""

    candidate: int
    state: str
    audit: str
    reason: str | None = None
    profile: str | None = None
    rows: int = 0


@dataclass(frozen=True, slots=True)
class Settlement:
    """Everything that one wave changes, all of it in one transaction.

    `number` is that of an earlier settlement of the same run, if there was one: they are gone back to together.
    `reused` are candidates that this writer did not build, so that somebody may have collected them meanwhile.
    `takes_over` lets what is not ours be moved aside where a view is to be.
    """

    deployment: str
    moves: tuple[Move, ...] = ()
    judged: tuple[Judged, ...] = ()
    events: str = "[]"
    number: int | None = None
    reused: tuple[int, ...] = ()
    takes_over: bool = False
