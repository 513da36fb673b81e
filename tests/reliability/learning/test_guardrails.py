"""Guardrails: a rule that fails on what an incident left, held before it, and with which the estate loads."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from troubled import RAW, START, Troubled

from freehold.estate import load_estate
from freehold.foundation import FreeholdError
from freehold.ledger import Event
from freehold.quality.judging import holds
from freehold.reliability import Measure, look
from freehold.reliability.incidents import Incident, incidents
from freehold.reliability.learning import expect_loads, guardrail_for
from freehold.reliability.learning.guardrail import FEWEST, limit_of
from freehold.reliability.series import Batch

USUAL: dict[str, Any] = {"rows": 1000, "nulls": 50, "mean": 4.0}


def tell(shop: Troubled, day: int, **unlike: Any) -> None:
    """Record what the batch of a day looked like, days before the start being below nought."""
    said = USUAL | {"rows": 1000 + 37 * (day % 5), "mean": 4.0 + day % 3 / 10} | unlike
    start = (START + timedelta(days=day)).replace(hour=0)
    data = {
        "asset": RAW, "batch": f"b{day}", "rows": said["rows"],
        "columns": {"price": {"nulls": said["nulls"], "mean": said["mean"]}},
        "interval_start": f"{start:%Y-%m-%d}", "interval_end": f"{start + timedelta(days=1):%Y-%m-%d}",
    }  # fmt: skip
    shop.tell("profile.observed", data, START + timedelta(days=day), RAW)


def wrong(shop: Troubled, days: int = 30, *, kind: str = "anomaly", **unlike: Any) -> Incident:
    """Let some ordinary days pass, then one that is unlike them, of which an incident is opened."""
    for day in range(-days, 0):
        tell(shop, day)
    tell(shop, 0, **unlike)
    odd = look(shop.ledger, "prod")
    shop.alert(RAW, kind=kind, evidence=f"anomaly-{odd[0].id}" if odd else "none")
    shop.turn()
    return list(incidents(shop.ledger).values())[-1]


@pytest.mark.parametrize(
    ("unlike", "measure", "operator"),
    [
        pytest.param({"rows": 5000, "nulls": 250}, Measure("rows"), "mustBeLessOrEqualTo", id="too many rows"),
        pytest.param({"rows": 90, "nulls": 5}, Measure("rows"), "mustBeGreaterOrEqualTo", id="too few rows"),
        pytest.param({"nulls": 700}, Measure("nulls", "price"), "mustBeLessOrEqualTo", id="values are missing"),
        pytest.param({"mean": 400.0}, Measure("mean", "price"), "mustBeLessOrEqualTo", id="pence for pounds"),
    ],
)
def test_what_is_proposed_fails_on_the_incident_and_the_estate_loads_with_it(
    shop: Troubled, unlike: dict[str, Any], measure: Measure, operator: str
) -> None:
    """It is a diff of the contract of the root that adds one rule, whose limit held before."""
    found = guardrail_for(shop.estate, shop.ledger, "prod", wrong(shop, **unlike))

    assert (found.asset, found.limit.measure, found.limit.operator) == (RAW, measure, operator)
    assert not holds(operator, found.limit.value, found.limit.threshold)
    assert (found.limit.before, found.limit.false_alarms) == (30, 0)
    expect_loads(shop.estate, found)
    added = [line for line in found.diff.splitlines() if line.startswith("+") and not line.startswith("+++")]
    assert len(added) == 2  # `quality:`, and the rule
    assert not [line for line in found.diff.splitlines() if line.startswith("-") and not line.startswith("---")]
    (shop.estate.root / found.path).write_text(found.after, "utf-8")
    contract = load_estate(shop.estate.root).contracts[RAW]
    assert len(contract.objects[0].quality) == 1


def test_right_batches_that_it_would_have_held_are_counted(shop: Troubled) -> None:
    """Those that came since, and lie beyond the limit, are false alarms of it; they are told."""
    found = wrong(shop, rows=5000)
    for day in (1, 2, 3):
        tell(shop, day, rows=(1000, 3900, 1100)[day - 1])

    one = guardrail_for(shop.estate, shop.ledger, "prod", found)

    assert (one.limit.since, one.limit.false_since) == (3, 1)
    assert "1 of 3 since by this one" in one.why


@pytest.mark.parametrize(
    ("days", "kind", "unlike", "said"),
    [
        pytest.param(30, "anomaly", {}, "lies outside", id="the batch was like those before"),
        pytest.param(5, "anomaly", {"rows": 5000}, "10 are wanted", id="too little is known"),
        pytest.param(30, "late", {}, "was late", id="it was late"),
    ],
)
def test_nothing_is_proposed_that_would_not_have_told_it(
    shop: Troubled, days: int, kind: str, unlike: dict[str, Any], said: str
) -> None:
    """Where nothing that was measured shows it, there is none, and it says why."""
    found = wrong(shop, days, kind=kind, **unlike)

    with pytest.raises(FreeholdError) as refused:
        guardrail_for(shop.estate, shop.ledger, "prod", found)

    assert refused.value.code == "FH-E384"
    assert said in refused.value.problem


def test_none_is_missing_where_a_check_told_it_at_the_root(shop: Troubled) -> None:
    """A check that kept it from readers is the guardrail."""
    for day in range(-30, 0):
        tell(shop, day)
    tell(shop, 0, rows=5000)
    shop.alert(RAW, kind="check", is_held=True)
    shop.turn()
    (found,) = incidents(shop.ledger).values()

    with pytest.raises(FreeholdError) as refused:
        guardrail_for(shop.estate, shop.ledger, "prod", found)

    assert "no guardrail is missing" in refused.value.problem


def test_an_estate_that_would_not_load_with_it_is_told_and_nothing_is_written(shop: Troubled) -> None:
    """The files are loaded somewhere else; those of the estate stay as they are."""
    found = guardrail_for(shop.estate, shop.ledger, "prod", wrong(shop, rows=5000))
    before = (shop.estate.root / found.path).read_text("utf-8")
    broken = replace(found, after=found.after.replace("logicalType: number", "logicalType: nonsense"))

    with pytest.raises(FreeholdError) as refused:
        expect_loads(shop.estate, broken)

    assert refused.value.code == "FH-E385"
    assert (shop.estate.root / found.path).read_text("utf-8") == before


_values = st.floats(0, 1e6, allow_nan=False).map(lambda one: round(one, 3))


@given(st.lists(_values, min_size=FEWEST, max_size=40), _values)
def test_a_limit_holds_for_all_before_and_never_for_the_value(seen: list[float], value: float) -> None:
    """Whatever the numbers, rounding included; within what was seen there is none."""
    rows = Measure("rows")

    def batch(place: int, count: float) -> Batch:
        at = START + timedelta(days=place)
        return Batch(RAW, "shop.orders", str(place), place, at, timedelta(days=1), True, {rows: count})

    past = [batch(place, count) for place, count in enumerate(seen)]
    found = limit_of(rows, batch(len(seen), value), past, is_named=True)

    if found is None:
        return
    assert not holds(found.operator, value, found.threshold)
    assert all(holds(found.operator, one, found.threshold) for one in seen)
    assert not min(seen) <= value <= max(seen)


def test_events_of_other_environments_are_no_history(shop: Troubled) -> None:
    """Batches of another environment are drawn on by no limit."""
    found = wrong(shop, 5, rows=5000)
    for day in range(-40, -5):
        data = {"asset": RAW, "batch": f"d{day}", "rows": 1000, "columns": {},
                "interval_start": f"{START + timedelta(days=day):%Y-%m-%d}",
                "interval_end": f"{START + timedelta(days=day + 1):%Y-%m-%d}"}  # fmt: skip
        shop.ledger.append(Event("profile.observed", data, env="dev", subject=RAW, occurred_at=START))

    with pytest.raises(FreeholdError) as refused:
        guardrail_for(shop.estate, shop.ledger, "prod", found)

    assert refused.value.code == "FH-E384"
