"""The columns of an object, compared: which are there, what each may hold, what each means."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from freehold.estate.model import Property, SchemaObject
from freehold.quality.compatibility.dialects import Dialects
from freehold.quality.compatibility.finding import Finding
from freehold.quality.compatibility.pairing import pair_properties
from freehold.quality.compatibility.promises import relationship_findings
from freehold.quality.compatibility.rules import rule_findings
from freehold.quality.compatibility.subject import Subject
from freehold.quality.compatibility.types import type_findings
from freehold.quality.compatibility.values import value_findings


def column_findings(old: SchemaObject, new: SchemaObject, subject: Subject, dialects: Dialects) -> Iterator[Finding]:
    """Yield what changed between the columns of two versions of an object."""
    yield from _properties(old.properties, new.properties, subject, dialects)
    yield from _key(old, new, subject)


def _properties(
    before: Sequence[Property], after: Sequence[Property], subject: Subject, dialects: Dialects
) -> Iterator[Finding]:
    pairing = pair_properties(before, after)
    for new in pairing.added:
        yield subject.within(new.name, new.where).judged(_added(new), None, new.name)
    for old in pairing.removed:
        change = "column_removed" if old.semantic_type == "column" else "measure_removed"
        yield subject.within(old.name, old.where).judged(change, old.name, None)
    for old, new in pairing.kept:
        yield from _property(old, new, subject.within(new.name, new.where), dialects)
    order = [id(old) for old, _ in pairing.kept]
    if order != [id(p) for p in before if id(p) in set(order)]:
        yield subject.judged("columns_reordered", [o.name for o in before], [n.name for n in after])


def _added(new: Property) -> str:
    if new.semantic_type != "column":
        return "measure_added"
    return "required_column_added" if new.required or new.primary_key else "column_added"


def _property(old: Property, new: Property, subject: Subject, dialects: Dialects) -> Iterator[Finding]:
    if old.name != new.name:
        yield subject.judged("column_renamed", old.name, new.name)
    elif old.column != new.column:
        yield subject.judged("column_moved", old.column, new.column)
    if old.semantic_type != new.semantic_type:
        yield subject.judged("semantic_type_changed", old.semantic_type, new.semantic_type)
    yield from type_findings(old, new, subject, dialects)
    yield from value_findings(old, new, subject)
    yield from _words(old, new, subject)
    yield from rule_findings(old.quality, new.quality, subject, dialects, (old.custom, new.custom))
    yield from relationship_findings(old.relationships, new.relationships, subject)
    yield from _properties(old.properties, new.properties, subject, dialects)
    if old.items and new.items:
        yield from _property(old.items, new.items, subject.items(new.items.where), dialects)


def _words(old: Property, new: Property, subject: Subject) -> Iterator[Finding]:
    if old.description != new.description:
        yield subject.judged("description_changed", old.description, new.description)
    if sorted(old.tags) != sorted(new.tags):
        yield subject.judged("tags_changed", old.tags, new.tags)
    if old.deprecated != new.deprecated:
        change = "deprecation_set" if new.deprecated else "deprecation_lifted"
        yield subject.judged(change, old.deprecated, new.deprecated)


def _key(old: SchemaObject, new: SchemaObject, subject: Subject) -> Iterator[Finding]:
    """Judge the key by the columns of it, whatever they are called now."""
    names = {o.column: n.column for o, n in pair_properties(old.properties, new.properties).kept}
    before, after = [names.get(c, c) for c in old.key], list(new.key)
    if before == after:
        return
    if not before or not after:
        change = "key_added" if after else "key_removed"
    else:
        change = "key_reordered" if sorted(before) == sorted(after) else "key_changed"
    yield subject.judged(change, old.key or None, new.key or None)
