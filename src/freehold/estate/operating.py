"""The operating model as values: rule sets, waivers and workflows, from documents that have passed their schema.

What the expressions in them mean is for the rooms `rules` and `work` to say; here they only keep their place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from freehold.estate.document import Document, ListNode, ScalarNode, Step
from freehold.foundation import Where


@dataclass(frozen=True, slots=True)
class Written:
    """An expression as it stands in a file; `place` tells the places of its signs, by their offsets."""

    text: str
    where: Where
    place: Callable[[int], Where] | None = field(default=None, compare=False, repr=False)

    def at(self, offset: int) -> Where:
        """Return the place of a sign of the text."""
        return self.place(offset) if self.place is not None else self.where


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a rule set. `level` is empty where the file does not say."""

    id: str
    where: Where
    check: Written
    when: Written | None = None
    name: str = ""
    level: str = ""
    weight: float = 1.0
    remedy: str = ""
    is_waivable: bool = True
    deadline: date | None = None  # the day by which every subject is to pass


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Rules over the facts of one kind of subject. `scope` says for which of them."""

    id: str
    where: Where
    subject: str  # the kind of subject: asset, product, metric, change …
    rules: tuple[Rule, ...]
    scope: Written | None = None
    name: str = ""
    has_badge: bool = False
    levels: tuple[str, ...] = ()  # that subjects climb, the lowest first


@dataclass(frozen=True, slots=True)
class Waiver:
    """An exemption of subjects from a rule (`rule set/rule`), up to and including the day it expires."""

    id: str
    where: Where
    rule: str
    subject: str  # an id, or a pattern with *
    why: str
    approved_by: str
    expires: date
    rule_where: Where


@dataclass(frozen=True, slots=True)
class DataGrant:
    """What some callers see of an asset: rows that meet a condition, and other values in place of some columns."""

    to: tuple[str, ...]  # principals, groups, teams, roles; everyone
    where: Where
    rows: Written | None = None
    masks: Mapping[str, Written] = field(default_factory=dict)  # by column


@dataclass(frozen=True, slots=True)
class DataPolicy:
    """Who may see what of some assets. Of the grants the first that names the caller holds.

    `smallest_group` is the fewest rows of a group that is shown; `answer_from` are the states of data that are answered
    from, without any all are.
    """

    id: str
    where: Where
    of: tuple[str, ...]
    grants: tuple[DataGrant, ...]
    smallest_group: int = 1
    answer_from: tuple[str, ...] = ()
    owner: str = ""


@dataclass(frozen=True, slots=True)
class FieldOfItem:
    """A field that the items of a workflow hold. `choices` are the words, or the numbers, that it takes."""

    name: str
    type: str
    where: Where
    is_required: bool = False
    is_many: bool = False
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Move:
    """A way out of a state. `roles` are those any of which may go it; without any, everybody may.

    `needs` are fields of the item that have to be given by then. Each role and each field has the place that names it.
    """

    name: str
    to: str
    where: Where
    roles: tuple[tuple[str, Where], ...] = ()
    requires: tuple[Written, ...] = ()
    needs: tuple[tuple[str, Where], ...] = ()

    @property
    def by(self) -> tuple[str, ...]:
        """The names of its roles."""
        return tuple(role for role, _ in self.roles)


@dataclass(frozen=True, slots=True)
class State:
    """A state of a workflow, with the ways out of it; `outcome` is what it came to, where an item ends there."""

    name: str
    where: Where
    moves: Mapping[str, Move] = field(default_factory=dict)
    on_enter: tuple[tuple[str, Any, Where], ...] = ()  # what is done, with what, where the file says so
    pauses_clock: bool = False
    is_final: bool = False
    outcome: str = ""


@dataclass(frozen=True, slots=True)
class Sla:
    """How long an item may take, until it enters a state (`until`), leaves the first one, or ends.

    `classes` has other lengths for items of some classes of service. With `since` it runs from when the item entered
    that state; with `when`, only for items of which any of these conditions holds.
    """

    name: str
    within: str
    where: Where
    until: str | None = None
    classes: Mapping[str, str] = field(default_factory=dict)
    since: str | None = None
    when: tuple[Written, ...] = ()

    def within_for(self, service_class: str) -> str:
        """Return how long an item of a class may take."""
        return self.classes.get(service_class, self.within)


@dataclass(frozen=True, slots=True)
class Workflow:
    """The states and moves of one kind of work item; `start` is the first state of the file.

    `wants` is what somebody says who needs one, in the first person; without it, none begins at the front door.
    `undo` is how long whoever moved an item may take that back; without it, never.
    """

    id: str
    where: Where
    states: Mapping[str, State]
    fields: Mapping[str, FieldOfItem] = field(default_factory=dict)
    sla: Mapping[str, Sla] = field(default_factory=dict)
    name: str = ""
    description: str = ""
    wants: str = ""
    undo: str = ""

    @property
    def title(self) -> str:
        """What people call it."""
        return self.name or self.id

    @property
    def start(self) -> str:
        """The state in which an item begins."""
        return next(iter(self.states))


def rule_set_from(document: Document) -> RuleSet:
    """Return the rule set a valid document holds."""
    spec, metadata = document.value["spec"], document.value["metadata"]
    return RuleSet(
        id=metadata["id"],
        where=document.where("metadata", "id"),
        subject=spec.get("subject", "asset"),
        rules=tuple(_rule(document, index, said) for index, said in enumerate(spec["rules"])),
        scope=written(document, "spec", "scope"),
        name=metadata.get("name", ""),
        has_badge=spec.get("badge", False),
        levels=tuple(spec.get("levels", ())),
    )


def _rule(document: Document, index: int, said: Mapping[str, Any]) -> Rule:
    path: tuple[Step, ...] = ("spec", "rules", index)
    check = written(document, *path, "check")
    assert check is not None, "a rule without check has been refused"
    return Rule(
        id=said["id"],
        where=document.where(*path, "id"),
        check=check,
        when=written(document, *path, "when"),
        name=said.get("name", ""),
        level=said.get("level", ""),
        weight=float(said.get("weight", 1)),
        remedy=said.get("remedy", ""),
        is_waivable=said.get("waivable", True),
        deadline=date.fromisoformat(said["deadline"]) if "deadline" in said else None,
    )


def waiver_from(document: Document) -> Waiver:
    """Return the waiver a valid document holds."""
    said = document.value["spec"]
    return Waiver(
        id=document.value["metadata"]["id"],
        where=document.where("metadata", "id"),
        rule=said["rule"],
        subject=said["subject"],
        why=said["why"],
        approved_by=said["approved_by"],
        expires=date.fromisoformat(said["expires"]),
        rule_where=document.where("spec", "rule"),
    )


def policy_from(document: Document) -> DataPolicy:
    """Return the policy a valid document holds."""
    said, metadata = document.value["spec"], document.value["metadata"]
    return DataPolicy(
        id=metadata["id"],
        where=document.where("metadata", "id"),
        of=tuple(said["of"]),
        grants=tuple(_grant(document, index, one) for index, one in enumerate(said["grants"])),
        smallest_group=said.get("smallest_group", 1),
        answer_from=tuple(said.get("answer_from", ())),
        owner=metadata.get("owner", ""),
    )


def _grant(document: Document, index: int, said: Mapping[str, Any]) -> DataGrant:
    path: tuple[Step, ...] = ("spec", "grants", index)
    masks = {}
    for column, value in said.get("masks", {}).items():
        at = (*path, "masks", column)
        as_said = written(document, *at) if value is not None else None
        masks[column] = as_said or Written("NULL", document.where(*at))
    return DataGrant(tuple(said["to"]), document.where(*path), written(document, *path, "rows"), masks)


def workflow_from(document: Document) -> Workflow:
    """Return the workflow a valid document holds."""
    spec, metadata = document.value["spec"], document.value["metadata"]
    return Workflow(
        id=metadata["id"],
        where=document.where("metadata", "id"),
        states={name: _state(document, name, said or {}) for name, said in spec["states"].items()},
        fields={name: _field(document, name, text) for name, text in spec.get("fields", {}).items()},
        sla={name: _sla(document, name, said) for name, said in spec.get("sla", {}).items()},
        name=metadata.get("name", ""),
        description=metadata.get("description", ""),
        wants=spec.get("wants", ""),
        undo=spec.get("undo", ""),
    )


def _state(document: Document, name: str, said: Mapping[str, Any]) -> State:
    path: tuple[Step, ...] = ("spec", "states", name)
    return State(
        name=name,
        where=document.where_key(*path),
        moves={move: _move(document, path, move, to) for move, to in said.get("moves", {}).items()},
        on_enter=tuple(
            (what, given, document.where_key(*path, "on_enter", index, what))
            for index, entry in enumerate(said.get("on_enter", ()))
            for what, given in entry.items()
        ),
        pauses_clock=said.get("pauses_clock", False),
        is_final=said.get("final", False),
        outcome=said.get("outcome", ""),
    )


def _move(document: Document, state: tuple[Step, ...], name: str, said: str | Mapping[str, Any]) -> Move:
    path = (*state, "moves", name)
    to = said if isinstance(said, str) else said["to"]
    places = [(*state, "requires"), (*path, "requires")]
    return Move(
        name=name,
        to=to,
        where=document.where(*path) if isinstance(said, str) else document.where(*path, "to"),
        roles=tuple(_roles(document, path, state)),
        requires=tuple(one for place in places for one in _each_written(document, place)),
        needs=() if isinstance(said, str) else tuple(_needs(document, path, said.get("needs", ()))),
    )


def _roles(document: Document, move: tuple[Step, ...], state: tuple[Step, ...]) -> Iterator[tuple[str, Where]]:
    """Yield the roles of a move: those that it names itself, else those of its state."""
    said = document.node(*move, "by") or document.node(*state, "by")
    for one in said.items if isinstance(said, ListNode) else (said,):
        if isinstance(one, ScalarNode):
            yield str(one.value), Where(document.path, one.line, one.column)


def _needs(document: Document, move: tuple[Step, ...], names: Sequence[str]) -> Iterator[tuple[str, Where]]:
    for index, name in enumerate(names):
        yield name, document.where(*move, "needs", index)


def _field(document: Document, name: str, text: str) -> FieldOfItem:
    where = document.where("spec", "fields", name)
    type_ = text.rstrip("!*")
    choices = tuple(type_.split("|")) if "|" in type_ else ()
    is_required, is_many = "!" in text, "*" in text
    kind = "number" if choices and all(one.isdigit() for one in choices) else "choice"
    return FieldOfItem(name, kind if choices else type_, where, is_required, is_many, choices)


def _sla(document: Document, name: str, said: str | Mapping[str, Any]) -> Sla:
    where = document.where("spec", "sla", name)
    if isinstance(said, str):
        return Sla(name, said, where)
    when = tuple(_each_written(document, ("spec", "sla", name, "when")))
    return Sla(name, said["within"], where, said.get("until"), said.get("classes", {}), said.get("since"), when)


def written(document: Document, *path: Step) -> Written | None:
    """Return the expression at a path, or None where there is none."""
    node = document.node(*path)
    if not isinstance(node, ScalarNode):
        return None
    return Written(str(node.value), document.where(*path), document.place(*path))


def _each_written(document: Document, path: tuple[Step, ...]) -> Iterator[Written]:
    node = document.node(*path)
    for index in range(len(node.items) if isinstance(node, ListNode) else 0):
        one = written(document, *path, index)
        if one is not None:
            yield one
