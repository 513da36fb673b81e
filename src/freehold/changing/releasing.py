"""A change that the gate lets through, put in force: said to be, with its commit, and published whole or not at all."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from freehold.changing.judging import Judgement, events_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from freehold.delivery import Delivery, RunOutcome
    from freehold.delivery.plan import Plan
    from freehold.delivery.run import Progress
    from freehold.foundation import Caller


def release(
    delivery: Delivery,
    found: Plan,
    judged: Judgement | None,
    commit: tuple[str, datetime] | None,
    *,
    brought_by: Caller,
    begun: Sequence[str] = (),
    version: str = "",
    unpin: bool = False,
    take_over: bool = False,
    progress: Progress | None = None,
) -> RunOutcome:
    """Publish a plan that was judged, all of it in one move, or nothing; see `delivery.applying.publish_change`.

    Args:
        delivery: the environment, with the estate as the plan has it.
        found: the plan.
        judged: what the gate said; the caller has seen that it is clear.
        commit: what is released and when it was merged; None where the files are not all in git.
        brought_by: who is taken for its author where no review tells of one.
        begun: what is published for the first time though no definition of it changes.
        version: the name under which the files are kept, where they are not the ones at hand.
        unpin: let what a rollback has pinned go on with this.
        take_over: move aside what is not ours and stands in the way.
        progress: called with each step.

    Raises:
        FreeholdError: FH-D213 a rollback keeps one of the assets where it is.
    """
    from freehold.delivery.applying import publish_change

    if found.changes:
        delivery.ledger.append(*events_of(found, judged, commit, delivery.ledger, brought_by))
    return publish_change(
        *(delivery, tuple(dict.fromkeys((*found.touched, *begun))), found.id),
        version=version,
        commit=commit[0] if commit else "",
        unpin=unpin,
        take_over=take_over,
        progress=progress,
    )
