"""What was told of dashboards, and what was not: the value all readers add to."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from freehold.estate.dashboards import Dashboard, Reading
from freehold.foundation import FreeholdError, Where


@dataclass(frozen=True, slots=True)
class Told:
    """What the exports of an estate tell.

    Attributes:
        dashboards: by id, each once.
        unresolved: FH-X212, what dashboards name and their export does not lead to a column of a table.
        errors: files that could not be read; what the others tell stands.
    """

    dashboards: tuple[Dashboard, ...] = ()
    unresolved: tuple[FreeholdError, ...] = ()
    errors: tuple[FreeholdError, ...] = ()


@dataclass
class Telling:
    """Collects what readers find."""

    dashboards: list[Dashboard] = field(default_factory=list)
    unresolved: dict[tuple[str, Where], FreeholdError] = field(default_factory=dict)
    errors: list[FreeholdError] = field(default_factory=list)

    def leave_open(self, problem: str, where: Where, fix: str = "") -> None:
        """Note what could not be resolved, each problem of a place once."""
        self.unresolved.setdefault((problem, where), FreeholdError("FH-X212", problem, where=where, fix=fix))

    def result(self) -> Told:
        """Return what was told, dashboards of one id made one.

        A list in CSV adds owner, viewers and address to what an export tells of the same id; two exports that tell of
        one id are an error, and the first of them stands.
        """
        found: dict[str, Dashboard] = {}
        for one in sorted(self.dashboards, key=lambda d: d.tool == "csv"):
            known = found.get(one.id)
            if known is None:
                found[one.id] = one
            elif one.tool == "csv":
                found[one.id] = _both(known, one)
            else:
                self.errors.append(_twice(known, one))
        ordered = sorted(found.values(), key=lambda d: d.id)
        return Told(tuple(ordered), tuple(self.unresolved.values()), tuple(self.errors))


def slug(*names: str) -> str:
    """Return an id that names give: lower case, with dashes for what an id cannot hold."""
    return "/".join(re.sub(r"[^a-z0-9._]+", "-", name.lower()).strip("-") or "-" for name in names)


def readings(found: dict[tuple[str, str], None] | list[tuple[str, str]]) -> tuple[Reading, ...]:
    """Return readings of (relation, column), each once and in order; a whole relation says nothing more than columns.

    A column `""` stands for the whole; where columns of the same relation are known, they say more.
    """
    pairs = list(dict.fromkeys(found))
    named = {of for of, column in pairs if column}
    return tuple(Reading(of, column) for of, column in sorted(pairs) if column or of not in named)


def _both(told: Dashboard, listed: Dashboard) -> Dashboard:
    return replace(
        told,
        name=listed.name if listed.name != listed.id else told.name,
        owner=listed.owner or told.owner,
        viewers=told.viewers if listed.viewers is None else listed.viewers,
        url=listed.url or told.url,
        reads=tuple(dict.fromkeys((*told.reads, *listed.reads))),
        metrics=tuple(dict.fromkeys((*told.metrics, *listed.metrics))),
    )


def _twice(first: Dashboard, second: Dashboard) -> FreeholdError:
    return FreeholdError(
        "FH-X206",
        f"Two files tell of a dashboard `{second.id}`; the other is {first.where}, which is the one that counts.",
        where=second.where,
        fix="Take one of them away, or give one of the two another name.",
    )
