"""What a run came to, and what it has in hand on the way there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from freehold.delivery.interval import Interval
from freehold.delivery.release import Candidate
from freehold.delivery.step import Status, StepOutcome
from freehold.foundation import Exit
from freehold.ledger import Event
from freehold.quality import Evaluation


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """What a run came to. `deployments` are the settlements that published something; `unchanged` counts steps
    that had nothing new to do; `pinned` names assets a rollback keeps where they are; `later` are files dated after
    the instant until which intervals were asked for; `judged` tells what is live and was judged anew, because its
    contract asks more than it did; `notices` are what a person should know and no step could tell.
    """

    run_id: str
    steps: tuple[StepOutcome, ...]
    deployments: tuple[str, ...]
    unchanged: int
    pinned: tuple[str, ...]
    seconds: float
    later: tuple[str, ...] = ()
    judged: Mapping[str, Evaluation] = field(default_factory=dict)
    notices: tuple[str, ...] = ()

    @property
    def nothing_to_do(self) -> bool:
        """Whether the run changed nothing and found nothing new."""
        return all(s.repeated for s in self.steps) and not self.judged

    @property
    def touched(self) -> tuple[str, ...]:
        """The assets of which something was built or judged that was not told before."""
        return tuple(dict.fromkeys((*(s.asset for s in self.steps if not s.repeated), *self.judged)))

    @property
    def is_refused(self) -> bool:
        """Whether a change that is published whole or not at all was not."""
        return bool(self.steps) and not self.deployments

    @property
    def exit_code(self) -> Exit:
        """What the command ends with: a finding if anything was kept from being published."""
        bad = any(r.blocks for e in self.judged.values() for r in e.results)
        return Exit.FINDING if bad or any(s.status is not Status.PUBLISHED for s in self.steps) else Exit.DONE

    def of(self, status: Status) -> tuple[StepOutcome, ...]:
        """Return the steps that ended so."""
        return tuple(s for s in self.steps if s.status is status)


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the estate that a run publishes whole or not at all.

    `applied` says that it is in force; None where it is already. `frees` lets it move what a rollback has pinned,
    `takes_over` lets it move aside what is not ours where its views are to be.
    """

    id: str
    applied: Event | None
    frees: bool = False
    takes_over: bool = False


@dataclass(frozen=True, slots=True)
class Again:
    """What a run builds again though it stands: assets, and of those by interval the intervals within a span.

    `id` names the attempt: what it has built once is not built a second time, also after it was interrupted.
    """

    id: str
    assets: frozenset[str]
    span: Interval | None = None

    def wants(self, asset: str, interval: Interval | None) -> bool:
        """Say whether an asset, or one interval of it, is to be built again."""
        return asset in self.assets and (interval is None or self.span is None or self.span.covers(interval))


@dataclass(slots=True)
class Work:
    """One step in hand: what it gave, and what its audit came to."""

    outcome: StepOutcome
    candidate: Candidate | None = None
    evaluation: Evaluation | None = None


@dataclass(slots=True)
class Wave:
    """What has happened since the last settlement."""

    work: list[Work] = field(default_factory=list)
