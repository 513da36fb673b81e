"""Both sides of a dispute, measured over the same days: recorded with the definition, and of all rows or not at all."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from freehold.estate import load_estate
from freehold.foundation import FreeholdError
from freehold.insight.disputing import sides_measured
from freehold.ledger import Event
from freehold.metrics import catalogue_of

from .offices import Office
from .test_objectives import answering

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def sides(office: Office, item: str, value: float | None = 3.5, policies: tuple[str, ...] = ()) -> tuple[Event, ...]:
    """Measure the sides of a dispute where every question has one answer."""
    estate = load_estate(office.root, cache=False)
    answers = answering(value, policies)[0]
    one = office.work.item(item)
    return sides_measured(one, catalogue_of(estate), answers, env="prod", zone="UTC", now=NOW)


def test_both_are_asked_over_the_same_days(office: Office) -> None:
    """Those the dispute names; where it names none, the 28 days up to today."""
    named = office.dispute(instead="shop.orders", since="2026-02-01", until="2026-02-14")
    usual = office.dispute()

    told = [(e.data["metric"], e.data["since"], e.data["until"], e.data["figure"]) for e in sides(office, named)]
    assert told == [
        ("shop.revenue", "2026-02-01", "2026-02-14", 3.5), ("shop.orders", "2026-02-01", "2026-02-14", 3.5),
    ]  # fmt: skip
    (event,) = sides(office, usual, None)
    assert (event.data["since"], event.data["until"], event.data["figure"]) == ("2026-02-03", "2026-03-02", None)
    assert len(str(event.data["definition"])) == 12
    assert (event.subject, event.product) == (usual, "shop.orders")


def test_what_is_no_dispute_no_time_no_metric_or_no_whole_is_refused(office: Office) -> None:
    """Each with its code, and nothing is recorded."""
    question = office.work.create("question", {"what": "How many?"}, product="shop.orders").item.id
    wrong = (
        (question, (), "FH-L706"),
        (office.dispute(since="2026-02-14", until="2026-02-01"), (), "FH-L707"),
        (office.dispute(), ("orders-masked",), "FH-L708"),
        (office.dispute(instead="shop.nothing"), (), "FH-N107"),
    )
    for item, policies, code in wrong:
        with pytest.raises(FreeholdError) as refused:
            sides(office, item, 1.0, policies)
        assert (refused.value.code, bool(refused.value.fix)) == (code, True)
