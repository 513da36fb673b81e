"""What came of a sync, in words and as an object of JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from freehold.foundation.words import counted

if TYPE_CHECKING:
    from freehold.connect.trackers.syncing import Synced

_MOST_KEYS = 5


def synced_object(came: Synced) -> dict[str, Any]:
    """Return what came of a sync."""
    return {
        "tracker": came.tracker,
        "issues": came.issues,
        "skipped": came.skipped,
        "begun": came.begun,
        "moves": came.moves,
        "parted": came.parted,
        "changes_by_unknown": came.unknown,
        "problems": [{"key": key, **error.to_json()} for key, error in came.problems.items()],
        "strange": came.strange,
    }


def told_synced(came: Synced, *, is_trial: bool = False) -> Iterator[str]:
    """Yield what came of a sync, line by line."""
    done = "would begin" if is_trial else "begun"
    yield (
        f"{came.tracker}: {counted(came.issues, 'issues')} looked at, {counted(came.begun, 'items')} {done}, "
        f"{counted(came.moves, 'moves')}."
    )
    if came.unknown:
        yield f"  {counted(came.unknown, 'changes')} by people whom no team names under `handles`."
    if came.parted:
        yield f"  {counted(came.parted, 'issues')} left alone: somebody parted their items from them."
    for status, keys in came.strange.items():
        named = ", ".join(dict.fromkeys(keys[:_MOST_KEYS])) + (" …" if len(keys) > _MOST_KEYS else "")
        yield f"  The status `{status}` stands for no state: {named}."
    for key, error in came.problems.items():
        yield f"  {key} is kept back: {error.code} {error.problem}"
