"""The facts of secrets: references and ages. The secrets themselves are read by nothing here."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING, Any

from freehold.foundation.secrets import is_reference
from freehold.rules.evaluating import Subject
from freehold.rules.facts import Fact, FactTable

if TYPE_CHECKING:
    from freehold.estate.model import Estate

SECRET = FactTable(
    "secret",
    {
        "secret": Fact("varchar", "its reference: env:NAME, file:/path"),
        "has_rotation": Fact("boolean", "whether `secrets` in estate.yaml says how often it is changed"),
        "rotation_days": Fact("bigint", "how old it may get, in days"),
        "age_days": Fact("bigint", "days since it was changed, as the file says"),
    },
)


def secret_subjects(estate: Estate, today: date) -> Iterator[Subject]:
    """Yield every secret that an estate refers to or tells the rotation of, in the order of their references."""
    told = {one.reference: one for one in estate.secrets}
    places = (estate.state_settings, estate.reviews, *(one.settings for one in estate.connections.values()))
    for reference in sorted({*told, *(found for place in places for found in _references(place))}):
        facts: dict[str, Any] = {"secret": reference, "has_rotation": reference in told}
        if one := told.get(reference):
            facts |= {"rotation_days": one.every.days, "age_days": (today - one.rotated_on).days}
        yield Subject(reference, SECRET.checked(facts, reference))


def _references(said: Any) -> Iterator[str]:
    if is_reference(said):
        yield str(said)
    elif isinstance(said, dict):
        for one in said.values():
            yield from _references(one)
