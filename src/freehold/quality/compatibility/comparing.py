"""Two versions of a contract, compared part by part. Each part is judged by its own module; this one pairs them."""

from __future__ import annotations

from collections.abc import Iterator

from freehold.estate.model import Contract, SchemaObject
from freehold.quality.compatibility.columns import column_findings
from freehold.quality.compatibility.dialects import Dialects
from freehold.quality.compatibility.finding import Finding
from freehold.quality.compatibility.pairing import Pairing, pair_objects
from freehold.quality.compatibility.promises import contract_findings, relationship_findings
from freehold.quality.compatibility.rules import rule_findings
from freehold.quality.compatibility.subject import Subject


def compare(before: Contract | None, after: Contract | None, *, dialect: str = "duckdb") -> tuple[Finding, ...]:
    """Return every change between two versions of a contract, judged, in the order of the contract after.

    Args:
        before: the version that consumers rely on; None where there is none.
        after: the version that is to replace it; None where it is withdrawn.
        dialect: how `physicalType` and SQL are spelled where a contract names no server that tells.

    Returns:
        An empty tuple if nothing changed but the version, the layout of the file, or comments.
    """
    if before is None or after is None:
        return _whole(before, after)
    dialects = Dialects.of(before, after, dialect)
    found = [*contract_findings(before, after)]
    found += _objects(pair_objects(before.objects, after.objects), dialects)
    return tuple(found)


def _whole(before: Contract | None, after: Contract | None) -> tuple[Finding, ...]:
    if after is not None:
        return (Subject(after.where).judged("contract_added", None, after.version),)
    if before is None:
        return ()
    change = "retired_contract_removed" if before.status == "retired" else "contract_removed"
    return (Subject(before.where).judged(change, before.version, None),)


def _objects(pairing: Pairing[SchemaObject], dialects: Dialects) -> Iterator[Finding]:
    for new in pairing.added:
        yield Subject(new.where, new.name).judged("object_added", None, new.name)
    for old in pairing.removed:
        yield Subject(old.where, old.name).judged("object_removed", old.name, None)
    for old, new in pairing.kept:
        yield from _object(old, new, dialects)


def _object(old: SchemaObject, new: SchemaObject, dialects: Dialects) -> Iterator[Finding]:
    subject = Subject(new.where, new.name)
    if old.name != new.name:
        yield subject.judged("object_renamed", old.name, new.name)
    elif (old.physical_name or old.name) != (new.physical_name or new.name):
        yield subject.judged("object_moved", old.physical_name or old.name, new.physical_name or new.name)
    yield from _object_words(old, new, subject)
    yield from column_findings(old, new, subject, dialects)
    yield from rule_findings(old.quality, new.quality, subject, dialects)
    yield from relationship_findings(old.relationships, new.relationships, subject)


_READ_ALIKE = {"table", "view", "materialized view", "materialised view", "materialized_view"}


def _object_words(old: SchemaObject, new: SchemaObject, subject: Subject) -> Iterator[Finding]:
    before, after = (old.physical_type or "").lower(), (new.physical_type or "").lower()
    if before != after:
        alike = not (before and after) or {before, after} <= _READ_ALIKE
        change = "object_restored" if alike else "object_kind_changed"
        yield subject.judged(change, old.physical_type, new.physical_type)
    if old.description != new.description:
        yield subject.judged("description_changed", old.description, new.description)
    if sorted(old.tags) != sorted(new.tags):
        yield subject.judged("tags_changed", old.tags, new.tags)
    if dict(old.custom) != dict(new.custom):
        yield subject.judged("custom_changed")
