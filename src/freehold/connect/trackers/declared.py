"""Trackers as files declare them: where they answer, as whom, and what their types and statuses stand for here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from freehold.access import accounts_of
from freehold.connect.outbound import target_of
from freehold.foundation import FreeholdError, near
from freehold.work import workflows_of

if TYPE_CHECKING:
    from freehold.estate.model import Estate, Resource
    from freehold.estate.operating import Workflow
    from freehold.foundation import Where

KIND = "Tracker"
ANY = "*"
FACTS = ("title", "key", "type", "priority")  # of an issue, that a field may take
_USUAL_FIELDS = {"what": "$title"}
_USUAL_EVERY = timedelta(minutes=15)
_LEAST_EVERY = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a type of issue stands for: a workflow, a state for each status, a value for each field."""

    workflow: str
    states: Mapping[str, str]
    fields: Mapping[str, Any]

    def state(self, status: str) -> str:
        """Return the state that a status stands for, whatever its case; empty where it stands for none."""
        return self.states.get(status.casefold(), "")


@dataclass(frozen=True, slots=True)
class Tracker:
    """A tracker whose issues are work items.

    Attributes:
        system: `jira`, `linear` or `servicenow`.
        url: where it answers, without a slash at its end.
        user: who the token is of, where it is given with a name; else empty.
        token: a reference.
        account: the service account in whose name moves are recorded, `service:ID`.
        every: how often the server looks.
        meanings: by the name of a type there.
        mark: what changes when its file does: 16 hex digits.
    """

    id: str
    where: Where
    system: str
    url: str
    user: str
    token: str
    project: str
    query: str
    account: str
    product: str
    every: timedelta
    meanings: Mapping[str, Meaning]
    mark: str

    def type_for(self, workflow: str, state: str) -> str:
        """Return the type that items of a workflow are filed as; empty where none stands for it, in that state."""
        return next(
            (name for name, one in self.meanings.items()
             if name != ANY and one.workflow == workflow and state in one.states.values()), "",
        )  # fmt: skip

    def meaning(self, type: str) -> Meaning | None:
        """Return what a type of issue stands for; None where issues of it are no items."""
        return self.meanings.get(type) or self.meanings.get(ANY)


def trackers_of(estate: Estate) -> dict[str, Tracker]:
    """Return the trackers of an estate, by id."""
    return {one.id: _tracker(one) for one in estate.resources_of(KIND)}


def tracker_findings(estate: Estate) -> tuple[FreeholdError, ...]:
    """Return what is wrong with the trackers of an estate: FH-A161, FH-X304."""
    workflows = workflows_of(estate)
    return tuple(error for one in estate.resources_of(KIND) for error in _wrong(one, estate, workflows))


def _tracker(said: Resource) -> Tracker:
    spec = said.spec
    return Tracker(
        id=said.id,
        where=said.where,
        system=str(spec["system"]),
        url=str(spec["url"]).rstrip("/"),
        user=str(spec.get("user", "")),
        token=str(spec["token"]),
        project=str(spec["project"]),
        query=str(spec.get("query", "")),
        account=str(spec["as"]),
        product=str(spec.get("product", "")),
        every=_length(str(spec["every"])) if "every" in spec else _USUAL_EVERY,
        meanings={name: _meaning(one) for name, one in spec["items"].items()},
        mark=hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()[:16],
    )


def _meaning(said: Mapping[str, Any]) -> Meaning:
    states = {str(status).casefold(): str(state) for status, state in said["states"].items()}
    return Meaning(str(said["workflow"]), states, said.get("fields") or _USUAL_FIELDS)


def _length(text: str) -> timedelta:
    return timedelta(minutes=int(text[:-1])) if text.endswith("m") else timedelta(hours=int(text[:-1]))


def _wrong(said: Resource, estate: Estate, workflows: Mapping[str, Workflow]) -> Iterator[FreeholdError]:
    one = _tracker(said)
    try:
        target_of(one.url, said.at("spec", "url"))
    except FreeholdError as error:
        yield error
    accounts = accounts_of(estate)
    if one.account not in accounts:
        problem = f"`{one.id}` records as `{one.account}`, a service account that no file declares."
        fix = near(one.account, accounts) or "Declare it: `freehold schema ServiceAccount`."
        yield _finding(said, problem, fix, "as")
    if one.product and one.product not in estate.products:
        problem = f"`{one.id}` is about `{one.product}`, which is no product."
        yield _finding(said, problem, near(one.product, estate.products) or "Name one of the estate.", "product")
    if one.every < _LEAST_EVERY:
        problem = f"`{one.id}` would be asked every {one.every}."
        yield _finding(said, problem, "Every five minutes is the most: 5m.", "every")
    for type_, meaning in one.meanings.items():
        yield from _wrong_meaning(said, type_, meaning, workflows)


def _wrong_meaning(
    said: Resource, type: str, meaning: Meaning, workflows: Mapping[str, Workflow]
) -> Iterator[FreeholdError]:
    at, workflow = ("items", type), workflows.get(meaning.workflow)
    if workflow is None:
        fix = near(meaning.workflow, workflows) or "`freehold items types` lists those there are."
        problem = f"`{type}` stands for `{meaning.workflow}`, which has no workflow."
        yield _finding(said, problem, fix, *at, "workflow")
        return
    for status, state in said.spec["items"][type]["states"].items():
        if state not in workflow.states:
            fix = near(state, workflow.states) or f"It has: {', '.join(workflow.states)}."
            problem = f"The status `{status}` stands for `{state}`, a state that `{workflow.id}` has not."
            yield _finding(said, problem, fix, *at, "states", status)
    for name, value in meaning.fields.items():
        if name not in workflow.fields:
            fix = near(name, workflow.fields) or f"Its fields: {', '.join(workflow.fields)}."
            yield _finding(said, f"`{workflow.id}` has no field `{name}`.", fix, *at, "fields", name)
        fact = value[1:] if isinstance(value, str) and value.startswith("$") else ""
        if fact and fact not in FACTS:
            fix = near(fact, FACTS) or f"There are: {', '.join(FACTS)}."
            yield _finding(said, f"No issue has a fact `${fact}`.", fix, *at, "fields", name)
    missing = [name for name, f in workflow.fields.items() if f.is_required and name not in meaning.fields]
    for name in missing:
        problem = f"`{workflow.id}` needs `{name}`, which `{type}` gives no value."
        yield _finding(said, problem, f"Add it to `fields`: {name}.", *at, "fields")


def _finding(said: Resource, problem: str, fix: str, *path: str) -> FreeholdError:
    return FreeholdError("FH-X304", problem, where=said.at("spec", *path), fix=fix)
