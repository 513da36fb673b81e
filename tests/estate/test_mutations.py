"""Sound files with one part replaced by anything: told, or loaded in full; never a traceback, never half."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freehold.estate.contracts import contract_from
from freehold.estate.declared import declared_by
from freehold.estate.document import Document
from freehold.estate.kinds import calendar_from, connections_from, environments_from, product_from, team_from
from freehold.estate.loading import judge
from freehold.estate.reading import read_documents
from freehold.estate.writing import inline
from freehold.foundation import FreeholdError

BASE = Path(__file__).parent / "base"
CONTRACT = """
apiVersion: v3.2.0
kind: DataContract
id: c
version: 1.0.0
team: {name: t, members: [{username: u}]}
schema:
  - id: orders_obj
    name: orders
    relationships: [{from: [orders.a, orders.b], to: [others.x, others.y]}]
    quality: [{metric: rowCount, mustBeBetween: [1, 9], unit: rows}]
    customProperties: [{property: "freehold:extra_columns", value: allow}]
    properties:
      - name: a
        logicalType: integer
        logicalTypeOptions: {minimum: 0, maximum: 9}
        enum: [{value: 1, label: one}]
        relationships: [{to: schema/orders_obj/properties/b}]
        quality:
          - type: sql
            query: select 1
            mustBeLessThan: 3
            customProperties: [{property: "freehold:blocking", value: false}]
          - {type: custom, engine: freehold, implementation: {aggregate: avg, mustBe: 1}}
      - {name: b, logicalType: array, items: {logicalType: string}}
  - {name: others, properties: [{name: x}, {name: y}]}
servers: [{server: landing, type: local, path: x, format: csv}]
slaProperties: [{property: retention, value: 7, unit: y, element: "orders.a, others"}]
customProperties: [{property: "freehold:arrives", value: {days: mon-fri}}]
"""
BUILDERS = {
    "DataContract": contract_from, "DataProduct": product_from, "Team": team_from, "Calendar": calendar_from,
    "Estate": lambda document: (connections_from(document), environments_from(document)),
}  # fmt: skip


def sound() -> dict[str, Any]:
    """Return the values of sound documents, by a name that promises their kind."""
    (contract,) = read_documents(CONTRACT.encode(), "c.odcs.yaml")
    teams = read_documents((BASE / "teams.yaml").read_bytes(), "t.yaml")
    return {
        "c.odcs.yaml": contract.value,
        "p.odps.yaml": read_documents((BASE / "sales/orders/product.odps.yaml").read_bytes(), "p")[0].value,
        "estate.yaml": read_documents((BASE / "estate.yaml").read_bytes(), "e")[0].value,
        "team.yaml": teams[0].value,
        "calendar.yaml": teams[1].value,
    }


SOUND = sound()
words = st.sampled_from(["", "a", "orders", "a.b", "schema/a/properties/b", "freehold:tier", "v1.0.0", "x#y", "1"])
anything = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 10) | st.floats(allow_nan=True) | words,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(words, inner, max_size=2),
    max_leaves=4,
)


def parts(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every place of a value as its holder and its key there."""
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield value, key
        yield from parts(value[key])


def built(content: bytes, path: str) -> list[Document]:
    """Judge a file and build all that it declares; return the documents."""
    judged = judge(content, path)
    for document, kind in judged:
        declared_by(document, kind)
        BUILDERS.get(kind, str)(document)
    return [document for document, _ in judged]


@pytest.mark.parametrize("name", SOUND)
def test_the_sound_ones_are_sound(name: str) -> None:
    """What is mutated below loads as it stands."""
    assert built(inline(SOUND[name]).encode(), name)


@settings(max_examples=300, deadline=None)
@given(name=st.sampled_from(sorted(SOUND)), where=st.integers(0, 10_000), instead=anything, how=st.integers(0, 3))
def test_one_part_replaced_by_anything(name: str, where: int, instead: Any, how: int) -> None:
    """One part replaced, dropped, doubled or given another key: an error with its place, or a whole that loads."""
    value = copy.deepcopy(SOUND[name])
    places = list(parts(value))
    holder, key = places[where % len(places)]
    if how == 0:
        del holder[key]
    elif how == 1 and isinstance(holder, list):
        holder.append(holder[key])
    elif how == 2 and isinstance(holder, dict):
        holder[f"{key}x"] = holder.pop(key)
    else:
        holder[key] = instead

    error = None
    try:
        documents = built(inline(value).encode(), name)
    except FreeholdError as caught:
        error = caught
    if error is not None:
        assert str(error.where).startswith(name)
        assert str(error)
    else:
        assert [document.value.keys() for document in documents] in ([value.keys()], [])
