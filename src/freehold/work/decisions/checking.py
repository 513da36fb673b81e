"""What is wrong with decisions, with its place: links that lead nowhere, successors that do not fit, circles. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING

from freehold.foundation import FreeholdError, Where, near
from freehold.work.decisions.decision import KIND, Decision, decisions_of
from freehold.work.shipped import workflows_of

if TYPE_CHECKING:
    from freehold.estate.document import Step
    from freehold.estate.model import Estate


Known = Collection[str] | None


def decision_findings(estate: Estate, known: Mapping[str, Known]) -> tuple[FreeholdError, ...]:
    """Return every error of the estate's decisions, FH-W403 to FH-W406.

    Args:
        estate: the files.
        known: the ids that `concerns` may name, by kind, beside those of files: `{"metric": …, "kpi": None}`; None
            where they cannot be told.
    """
    there = {**_in_files(estate), **known}
    errors: list[FreeholdError] = []
    decisions = decisions_of(estate)
    for one in decisions.values():
        errors += _of(one, decisions, there, workflows_of(estate), estate)
    return (*errors, *_circles(decisions, estate))


def _in_files(estate: Estate) -> dict[str, Known]:
    products = estate.products.values()
    objectives = [id_ for kind, id_ in estate.resources if kind == "Objective"]
    return {
        "product": list(estate.products),
        "contract": list(estate.contracts),
        "asset": [*estate.models, *(f"{one.id}.{port.name}" for one in products for port in one.output_ports)],
        "team": list(estate.teams),
        "objective": objectives,
    }


def _of(
    one: Decision, decisions: Mapping[str, Decision], there: Mapping[str, Known], workflows: Collection[str],
    estate: Estate,
) -> Iterator[FreeholdError]:  # fmt: skip
    for index, about in enumerate(one.concerns):
        where = place(estate, one.id, "concerns", index)
        kind, colon, id_ = about.partition(":")
        ids = there.get(kind)
        if not colon or kind not in there:
            problem = f"`{about}` says nothing that a decision could concern."
            yield FreeholdError("FH-W403", problem, where=where, fix=f"Write KIND:ID; the kinds: {', '.join(there)}.")
        elif ids is not None and id_ not in ids:
            fix = near(id_, ids) or f"See which there are: `freehold search {id_}`."
            yield FreeholdError("FH-W403", f"There is no {kind} `{id_}`.", where=where, fix=fix)
    for index, item in enumerate(one.settles):
        type_ = item.partition("/")[0]
        if type_ not in workflows or not item.partition("/")[2]:
            fix = near(type_, workflows) or "Give its id, as `freehold items list --json` has it."
            yield FreeholdError(
                "FH-W404", f"`{item}` is no work item: its id is its type, a stroke, and an id of its own.",
                where=place(estate, one.id, "settles", index), fix=fix,
            )  # fmt: skip
    yield from _succession(one, decisions, estate)


def _succession(one: Decision, decisions: Mapping[str, Decision], estate: Estate) -> Iterator[FreeholdError]:
    """Yield where two decisions do not agree which of them holds."""
    if one.superseded_by and one.superseded_by not in decisions:
        fix = near(one.superseded_by, decisions) or f"There are: {', '.join(decisions)}."
        problem = f"`{one.id}` is superseded by `{one.superseded_by}`, which no file holds."
        yield FreeholdError("FH-W405", problem, where=place(estate, one.id, "status"), fix=fix)
    for old in one.supersedes:
        before = decisions.get(old)
        if before is not None and one.status == "accepted" and before.status in ("proposed", "accepted"):
            problem = f"`{old}` is {before.status}, and `{one.id}` ({one.where}) supersedes it."
            fix = f"Write `status: superseded by {one.id}`, with the day."
            yield FreeholdError("FH-W405", problem, where=place(estate, old, "status"), fix=fix)


def _circles(decisions: Mapping[str, Decision], estate: Estate) -> Iterator[FreeholdError]:
    successors: dict[str, set[str]] = {id_: set() for id_ in decisions}
    for one in decisions.values():
        if one.superseded_by in decisions:
            successors[one.id].add(one.superseded_by)
        for old in one.supersedes:
            successors.setdefault(old, set()).add(one.id)
    told = set[frozenset[str]]()
    for id_ in decisions:
        circle = _back_to(id_, successors)
        if circle and frozenset(circle) not in told:
            told.add(frozenset(circle))
            problem = f"Decisions supersede each other in a circle: {' → '.join(circle)}."
            named = "supersedes" if decisions[id_].supersedes else "status"
            yield FreeholdError(
                "FH-W406", problem, where=place(estate, id_, named), fix="The newest of them is superseded by none."
            )


def _back_to(start: str, successors: Mapping[str, Collection[str]]) -> tuple[str, ...]:
    """Return the way from a decision over its successors back to itself; empty where there is none."""
    ways: list[tuple[str, ...]] = [(start,)]
    seen = set[str]()
    while ways:
        way = ways.pop()
        for after in sorted(successors.get(way[-1], ())):
            if after == start:
                return (*way, start)
            if after not in seen:
                seen.add(after)
                ways.append((*way, after))
    return ()


def place(estate: Estate, id: str, *path: Step) -> Where:
    """Return where something stands in the front matter of a decision."""
    document = estate.resources[KIND, id].document
    assert document is not None, "a decision comes from a file"
    return document.where(*path)
