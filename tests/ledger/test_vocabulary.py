"""The vocabulary is whole, is strict, and old events read as if they had been written today."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from happenings import check

from freehold.foundation import FreeholdError
from freehold.ledger import Event, Ledger, Vocabulary
from freehold.ledger.columns import ENVELOPE, FILLS, columns
from freehold.ledger.reference import render

VOCABULARY = Vocabulary()
REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "events.md"

SPOKEN = """
change.proposed change.approved change.merged deploy.started deploy.completed deploy.rolled_back deploy.unpinned
run.expected run.completed check.completed schema.observed freshness.observed alert.raised alert.closed
drift.measured incident.opened incident.acknowledged incident.updated incident.resolved incident.cause_linked
postmortem.published usage.query usage.view question.asked question.answered cost.recorded cost.allocated
forecast.set access.granted access.denied access.revoked access.reviewed classification.set rule.evaluated
evidence.delivered retention.executed work.created work.transitioned work.linked work.committed
work.scope_changed decision.recorded survey.sent survey.answered enablement.held product.launched
notes.published notice.sent notice.acknowledged telemetry.validated experiment.started experiment.checked
experiment.concluded ai.invoked ai.feedback ai.evaluated ai.flagged ai.reviewed people.snapshot estate.applied
asset.published candidate.quarantined profile.observed
"""


@pytest.mark.parametrize("name", SPOKEN.split())
def test_every_type_the_kpis_speak_of_is_there(name: str) -> None:
    """A KPI that needs an event can have it."""
    assert name in VOCABULARY


@pytest.mark.parametrize("name", VOCABULARY.names)
def test_every_type_is_well_made(name: str) -> None:
    """Its file is valid JSON Schema, says what it is for, and takes no field it does not know."""
    import jsonschema_rs

    type_ = VOCABULARY[name]

    assert jsonschema_rs.meta.is_valid(dict(type_.schema))
    assert type_.schema["title"] == name
    assert type_.schema["description"]
    assert type_.schema["additionalProperties"] is False
    assert set(type_.schema["required"]) <= set(type_.fields)
    added = [field for field in type_.fields.values() if field.get("x-since", 1) > 1]
    assert all("default" in field for field in added)


@pytest.mark.parametrize(("family", "names"), VOCABULARY.families.items())
def test_a_field_has_one_type_within_a_family(family: str, names: tuple[str, ...]) -> None:
    """The view of a family can put its types under each other."""
    seen: dict[str, str] = {}
    for name in names:
        for column, type_ in columns(VOCABULARY[name]).items():
            assert seen.setdefault(column, type_) == type_, f"{column} in {family}"


@pytest.mark.parametrize("name", VOCABULARY.names)
def test_a_field_that_hides_the_envelope_is_of_its_type(name: str) -> None:
    """`env`, `product`, `run_id` and `subject` may come from either, so they are text in both."""
    for field in set(FILLS) & set(VOCABULARY[name].fields):
        assert columns(VOCABULARY[name])[field] == ENVELOPE[field]


def test_the_reference_is_what_the_schemas_say() -> None:
    """If not: `python -m freehold.ledger.reference > docs/reference/events.md`."""
    assert REFERENCE.read_text("utf-8") == render(VOCABULARY)


@pytest.mark.parametrize(
    ("event", "code", "says", "fix"),
    [
        pytest.param(
            Event("check.complete", {}), "FH-L001", "`check.complete`", "`check.completed`", id="a type misspelt"
        ),
        pytest.param(Event("zzz", {}), "FH-L001", "`zzz`", "docs/reference/events.md", id="a type from nowhere"),
        pytest.param(check(asst="x"), "FH-L002", "no field `asst`", "`asset`", id="a field misspelt"),
        pytest.param(Event("check.completed", {}), "FH-L002", "needs `check_id`", "", id="a field missing"),
        pytest.param(check(status="passed"), "FH-L002", "'passed'", "", id="a word that is not of the list"),
        pytest.param(check(failing="3"), "FH-L002", "'3' as `failing`", "", id="text for a number"),
        pytest.param(check(failing=1.5), "FH-L002", "1.5 as `failing`", "", id="half a row"),
        pytest.param(check(sample="Mr Smith"), "FH-L002", "'Mr Smith'", "", id="free text where a side id belongs"),
        pytest.param(
            Event("run.expected", {"asset": "a", "due_at": "soon"}), "FH-L002", "'soon'", "", id="a time that is none"
        ),
        pytest.param(check(value=float("nan")), "FH-L004", "nan", "as text", id="not a number"),
        pytest.param(check(value=2**60), "FH-L004", str(2**60), "as text", id="a number beyond 2^53"),
        pytest.param(check(reason="x" * 1_000_001), "FH-L004", "1,000,0", "side store", id="a megabyte"),
        pytest.param(Event("usage.query", {"consumer": "c"}), "FH-L006", "usage.query", "ledger.raw", id="a raw type"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_appended(
    ledger: Ledger, event: Event, code: str, says: str, fix: str
) -> None:
    """One bad event keeps the good ones beside it out too, and the error says how to mend it."""
    with pytest.raises(FreeholdError) as refused:
        ledger.append(check(1), event, check(2))

    assert refused.value.code == code
    assert says in refused.value.problem
    assert fix in refused.value.fix
    assert list(ledger.read()) == []


def test_a_time_without_a_zone_is_refused(ledger: Ledger) -> None:
    """Nobody can say when that was."""
    from datetime import datetime

    with pytest.raises(FreeholdError, match="no time zone"):
        ledger.append(Event("deploy.unpinned", {}, occurred_at=datetime(2011, 3, 1)))  # noqa: DTZ001


@pytest.fixture
def later(tmp_path: Path) -> Callable[[dict[str, Any]], Vocabulary]:
    """Return a vocabulary in which `forecast.set` has got a second version with more fields."""

    def make(added: dict[str, Any]) -> Vocabulary:
        schema = json.loads(json.dumps(VOCABULARY["forecast.set"].schema))
        schema["x-version"] = 2
        schema["properties"] |= {name: {**field, "x-since": 2} for name, field in added.items()}
        folder = tmp_path / "events"
        folder.mkdir()
        (folder / "forecast.set.json").write_text(json.dumps(schema))
        return Vocabulary(folder)

    return make


def test_an_old_event_reads_as_one_of_today(opened: Callable[..., Ledger], later: Callable[..., Vocabulary]) -> None:
    """A field that came later has its default, in reads and in evidence, and the seal still holds."""
    old = opened()
    old.append(Event("forecast.set", {"period": "2011-03", "amount": 5}, id="old"))
    old.seal()

    now = opened(vocabulary=later({"method": {"type": ["string", "null"], "default": "guess"}}))
    now.append(Event("forecast.set", {"period": "2011-04", "amount": 6, "method": "trend"}))

    assert [(e.schema_version, e.data["method"]) for e in now.read()] == [(2, "guess"), (2, "trend")]
    with now.evidence() as evidence:
        assert evidence.query("SELECT method FROM forecast_set ORDER BY seq") == [("guess",), ("trend",)]
    assert now.verify().ok


def test_an_event_of_a_newer_freehold_reads_as_it_was_written(
    opened: Callable[..., Ledger], later: Callable[..., Vocabulary]
) -> None:
    """An older program neither drops what it does not know nor fails on it."""
    newer = opened(vocabulary=later({"method": {"type": ["string", "null"], "default": None}}))
    newer.append(Event("forecast.set", {"period": "2011-03", "amount": 5, "method": "trend"}))

    (event,) = opened().read()

    assert event.schema_version == 2
    assert event.data["method"] == "trend"
