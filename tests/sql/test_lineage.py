"""Column lineage against a table of cases, each one feature of one dialect, written by hand from what SQL means."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from freehold.sql.lineage import Use, lineage_of

CASES: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "cases" / "lineage.yaml").read_text("utf-8"))
LETTERS = {
    "I": Use.IDENTITY,
    "T": Use.TRANSFORMATION,
    "A": Use.AGGREGATION,
    "W": Use.WINDOW,
    "C": Use.CONDITIONAL,
    "m": Use.MASKED,
    "?": Use.GUESSED,
}


def _expected(said: str | list[str]) -> dict[str, Use]:
    """Return the sources that a line of the table names; a list is for names that hold a blank."""
    found = {}
    for one in said.split() if isinstance(said, str) else said:
        column, colon, letters = one.rpartition(":")
        if not colon or letters.strip("".join(LETTERS)):
            column, letters = one, ""
        use = Use(0)
        for letter in letters:
            use |= LETTERS[letter]
        found[column] = use if use & ~(Use.MASKED | Use.GUESSED) else use | Use.IDENTITY
    return found


@pytest.mark.parametrize("case", CASES, ids=[c["case"] for c in CASES])
def test_a_text_gives_what_it_means(case: dict[str, Any]) -> None:
    """Every column comes from just these columns, in just these ways."""
    known = {name: tuple(columns) for name, columns in (case.get("columns") or {}).items()}

    found = lineage_of(case["sql"], case.get("dialect"), columns_of=known.get)

    gives = {
        ".".join(p for p in (o.table, o.column) if p): {f"{s.table}.{s.column}": s.use for s in o.sources}
        for o in found.outputs
    }
    assert gives == {name: _expected(said) for name, said in case["gives"].items()}
    assert len(found.failures) == case.get("failures", 0), found.failures
    for key in ("reads", "writes"):
        if key in case:
            assert sorted(getattr(found, key)) == sorted(case[key])
    assert found.ambiguous == case.get("ambiguous", found.ambiguous)
    if "decides" in case:
        assert {f"{i.table}.{i.column}:{i.subtype}" for i in found.influences} == set(case["decides"].split())


def test_there_are_cases_enough() -> None:
    """A feature each, in the dialects that have it; no two of one name."""
    assert len(CASES) >= 200
    assert len({c["case"] for c in CASES}) == len(CASES)
    assert len({c.get("dialect") for c in CASES}) >= 12
