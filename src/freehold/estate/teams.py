"""Which team somebody belongs to, as far as teams name their members one by one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from freehold.estate.model import Estate


def teams_of_members(estate: Estate) -> Mapping[str, str]:
    """Return the team of each principal that one names among its members; of several teams the first by its id."""
    found: dict[str, str] = {}
    for id_, team in sorted(estate.teams.items()):
        for member in team.members:
            found.setdefault(member, id_)
    return found
