"""Workflows that come with Freehold, in `builtin/workflows`. An estate's own of the same id takes the place of one."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from freehold.estate.operating import Workflow, workflow_from

if TYPE_CHECKING:
    from freehold.estate.model import Estate

PACKAGE = Path(__file__).parents[1]
FOLDER = "builtin/workflows"


@cache
def shipped() -> Mapping[str, Workflow]:
    """Return the workflows that come with Freehold, by id; their places are relative to `PACKAGE`."""
    from freehold.estate.loading import documents_of, judge

    found = {}
    for path in sorted((PACKAGE / FOLDER).glob("*.yaml")):
        name, content = f"{FOLDER}/{path.name}", path.read_bytes()
        judge(content, name)
        for document in documents_of(content, name):
            one = workflow_from(document)
            found[one.id] = one
    return found


def workflows_of(estate: Estate) -> Mapping[str, Workflow]:
    """Return the workflows that ship and those of an estate, by id."""
    return {**shipped(), **estate.workflows}
