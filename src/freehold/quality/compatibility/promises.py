"""What a contract promises beside its schema: status, service levels, servers, roles, references between rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from freehold.estate.model import Contract, Relationship, Role, Server
from freehold.quality.compatibility.finding import Finding
from freehold.quality.compatibility.service_levels import objective_findings, sla_findings
from freehold.quality.compatibility.subject import Subject, listed

# From least to most that can be relied on; `deprecated` and `retired` are judged by themselves.
_BINDING = {"proposed": 0, "draft": 1, "active": 2}
_NO_PLACE = {"description", "id", "customProperties", "roles", "environment"}
_ACCESS = {"none": 0, "read": 1, "r": 1, "select": 1, "write": 2, "readwrite": 2, "rw": 2, "read/write": 2, "admin": 3}


def contract_findings(before: Contract, after: Contract) -> Iterator[Finding]:
    """Yield what changed about a contract as a whole: everything but its objects."""
    subject = Subject(after.where)
    yield from _status(before.status, after.status, subject)
    yield from _names(before, after, subject)
    yield from _servers(before.servers, after.servers, subject)
    yield from _roles(before.roles, after.roles, subject)
    yield from sla_findings(before.sla, after.sla, subject)
    yield from objective_findings(before.custom, after.custom, subject)


def _status(before: str | None, after: str | None, subject: Subject) -> Iterator[Finding]:
    old, new = (before or "active").lower(), (after or "active").lower()
    if old == new:
        return
    if new == "deprecated":
        change = "status_deprecated"
    elif new == "retired":
        change = "status_retired"
    elif new not in _BINDING:
        change = "status_changed"
    else:
        withdrawn = old in ("active", "deprecated") and new != "active"
        change = "status_withdrawn" if withdrawn else "status_advanced"
    yield subject.judged(change, before, after)


def _names(before: Contract, after: Contract, subject: Subject) -> Iterator[Finding]:
    if before.api_version != after.api_version:
        yield subject.judged("standard_changed", before.api_version, after.api_version)
    for old, new in (
        (before.name, after.name),
        (before.domain, after.domain),
        (before.data_product, after.data_product),
    ):
        if old != new:
            yield subject.judged("naming_changed", old, new)
    if dict(before.description) != dict(after.description):
        yield subject.judged("description_changed", _prose(before), _prose(after))
    if sorted(before.tags) != sorted(after.tags):
        yield subject.judged("tags_changed", before.tags, after.tags)


def _prose(contract: Contract) -> str | None:
    said = contract.description
    return str(said.get("purpose") or next(iter(said.values()), "")) or None


def _servers(before: Sequence[Server], after: Sequence[Server], subject: Subject) -> Iterator[Finding]:
    old, new = {s.name: s for s in before}, {s.name: s for s in after}
    for name, server in new.items():
        if name not in old:
            yield subject.at(server.where).judged("server_added", None, name, name=name)
            continue
        changed = _moved(old[name], server)
        if changed:
            settings = [", ".join(str(_setting(s, k)) for k in changed) for s in (old[name], server)]
            yield subject.at(server.where).judged("server_moved", *settings, detail=listed(changed), name=name)
    for name, server in old.items():
        if name not in new:
            yield subject.at(server.where).judged("server_removed", name, None, name=name)


def _moved(old: Server, new: Server) -> list[str]:
    names = ["type", *sorted({*old.settings, *new.settings} - _NO_PLACE)]
    return [n for n in names if _setting(old, n) != _setting(new, n)]


def _setting(server: Server, name: str) -> object:
    return server.type if name == "type" else server.settings.get(name)


def _roles(before: Sequence[Role], after: Sequence[Role], subject: Subject) -> Iterator[Finding]:
    old, new = {r.role: r for r in before}, {r.role: r for r in after}
    for name, role in new.items():
        place = subject.at(role.where)
        if name not in old:
            yield place.judged("role_added", None, name, name=name)
        elif old[name].access != role.access:
            levels = [_ACCESS.get((r.access or "read").lower()) for r in (old[name], role)]
            wider = levels[0] is not None and levels[1] is not None and levels[1] >= levels[0]
            change = "role_widened" if wider else "role_narrowed"
            yield place.judged(change, old[name].access or "read", role.access or "read", name=name)
    for name, role in old.items():
        if name not in new:
            yield subject.at(role.where).judged("role_removed", name, None, name=name)


def relationship_findings(
    before: Sequence[Relationship], after: Sequence[Relationship], subject: Subject
) -> Iterator[Finding]:
    """Yield what changed between the references of two versions of an object or column."""
    old, new = {r.from_columns: r for r in before}, {r.from_columns: r for r in after}
    for columns, relationship in new.items():
        place = subject.at(relationship.where)
        if columns not in old:
            yield place.judged("relationship_added", None, _target(relationship))
        elif _target(old[columns]) != _target(relationship):
            yield place.judged("relationship_changed", _target(old[columns]), _target(relationship))
    for columns, relationship in old.items():
        if columns not in new:
            yield subject.at(relationship.where).judged("relationship_removed", _target(relationship), None)


def _target(relationship: Relationship) -> str:
    return f"{relationship.to_object}.{'+'.join(relationship.to_columns)}"
