"""A decision as an object of JSON: the same for programs, for the command line and for pages."""

from __future__ import annotations

from typing import Any

from freehold.work.decisions.decision import Decision


def decision_object(one: Decision) -> dict[str, Any]:
    """Return what a decision says, without its text."""
    return {
        "id": one.id,
        "title": one.title,
        "status": one.status,
        "date": one.on,
        "deciders": list(one.deciders),
        "consulted": list(one.consulted),
        "informed": list(one.informed),
        "concerns": list(one.concerns),
        "settles": list(one.settles),
        "supersedes": list(one.supersedes),
        "superseded_by": one.superseded_by or None,
        "where": str(one.where),
    }
