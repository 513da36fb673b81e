"""What the people of the demo ask for, agree on and mend, as a script: on which day, and what becomes of it when.

Days count from the first morning of a replay; one that is shorter sees the first of them. Whoever asks is a simulated
consumer, or the owner; nobody is anybody.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

ORDERS, CUSTOMERS, CATALOGUE = "sales.orders", "sales.customers", "sales.catalogue"
OWNER = "owner"
ASKER = "asker"  # whoever the errand is from
DEPRECATION = "deprecation"
ACKNOWLEDGE, TELL = "acknowledge", "tell"  # of a deprecation: to answer its notice, and to remind who has not
MEASURE = "measure"  # of a dispute: to measure what both sides read; no move either
PUBLISH = "publish"  # of an incident: to write its postmortem and sign it, by which it is learned from


@dataclass(frozen=True, slots=True)
class Step:
    """A move of an item, so many days after it began, by the steward, the owner or whoever asked."""

    after: int
    move: str
    by: str = "steward"
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Errand:
    """A work item, the day on which it begins, and its way.

    Attributes:
        by: who asks: the end of a simulated consumer's name, or the owner.
        due: days until it is to be done; 0 where nothing says so.
        serves: what it contributes to; empty for nothing.
    """

    day: int
    type: str
    by: str
    product: str
    fields: Mapping[str, Any]
    steps: tuple[Step, ...]
    due: int = 0
    priority: str = ""
    serves: str = ""


def errands() -> tuple[Errand, ...]:
    """Return all of them, in the order of their days."""
    found = (*_launches(), *_requests(), *_questions(), *_disputes(), *_debts(), *_roadmap(), *_endings())
    return tuple(sorted(found, key=lambda one: one.day))


def _launches() -> Iterator[Errand]:
    """Yield a launch for each product: from then on, adoption is counted among those it is made for."""
    ready = {"definitions": True, "docs": True, "enablement": True}
    audiences = {
        ORDERS: ("month-end-close", "board-pack", "demand-planning"),
        CUSTOMERS: ("churn-model", "support-agent", "newsletter"),
    }
    for product, audience in audiences.items():
        named = [f"service:simulated/{name}" for name in audience]
        steps = (Step(1, "note", fields=ready), Step(2, "ready", OWNER), Step(2, "launch", OWNER))
        yield Errand(0, "launch", OWNER, product, {"product": product, "audience": named}, steps, due=7)


# Day, type, who, product, what for; on which day after somebody looked at it, and on which it was delivered.
_REQUESTS = (
    (1, "data_request", "churn-model", CUSTOMERS, "Customers by the month of their first order.", 1, 6),
    (2, "report_change", "board-pack", ORDERS, "Revenue beside the same month a year ago.", 1, 9),
    (5, "metric_change", "month-end-close", ORDERS, "Cancelled revenue apart from refunds.", 2, 12),
    (8, "data_request", "support-agent", CATALOGUE, "Former names of an article.", 1, 5),
    (12, "data_request", "churn-model", CUSTOMERS, "Days between two orders of a customer.", 1, 7),
    (15, "report_change", "month-end-close", ORDERS, "Trading days of a month as a column.", 1, 4),
    (19, "metric_change", "board-pack", ORDERS, "An average order without postage.", 6, 16),
    (22, "data_request", "support-agent", CUSTOMERS, "The last five invoices of a customer.", 1, 8),
    (26, "data_request", "month-end-close", ORDERS, "Invoices that were cancelled in a later month.", 1, 10),
    (30, "report_change", "board-pack", ORDERS, "Revenue by market.", 1, 7),
    (34, "metric_change", "churn-model", CUSTOMERS, "When a customer counts as gone.", 1, 14),
    (38, "data_request", "support-agent", CATALOGUE, "Articles that are no longer sold.", 1, 3),
    (42, "data_request", "churn-model", CUSTOMERS, "Customers by market.", 1, 6),
    (46, "report_change", "month-end-close", ORDERS, "A mark on days that were corrected.", 1, 8),
    (52, "data_request", "board-pack", ORDERS, "Revenue by week.", 1, 0),
)
_LOOKED_AT = {"data_request": "take", "report_change": "accept", "metric_change": "accept"}


def _requests() -> Iterator[Errand]:
    for day, type_, by, product, what, seen, done in _REQUESTS:
        steps = (Step(seen, _LOOKED_AT[type_]), *((Step(done, "deliver"),) if done else ()))
        yield Errand(day, type_, by, product, {"what": what, "why": "To decide by it."}, steps)


_QUESTIONS = (
    (3, "board-pack", ORDERS, "Does revenue hold postage?", "Yes: postage is billed as an article."),
    (9, "support-agent", CUSTOMERS, "Why has a guest no number?", "Nobody asked who they are."),
    (14, "churn-model", CUSTOMERS, "Are segments kept as they were?", "No: they are those of the last trading day."),
    (20, "month-end-close", ORDERS, "When is a month final?", "When its last day was published; corrections follow."),
    (25, "support-agent", CATALOGUE, "Why are there two prices?", "The lowest and the highest it was sold at."),
    (31, "board-pack", ORDERS, "Which days are missing?", "None; Saturdays are not traded."),
    (36, "churn-model", CUSTOMERS, "Since when are there customers?", "Since their first order that we hold."),
    (41, "month-end-close", ORDERS, "Is VAT in revenue?", "No."),
    (45, "support-agent", CUSTOMERS, "How fresh is the last order?", "As of the last trading day."),
    (48, "board-pack", ORDERS, "Is a cancelled order an order?", "No."),
    (51, "churn-model", CUSTOMERS, "Are repeats counted?", "Exact repeats are dropped."),
)


def _questions() -> Iterator[Errand]:
    for day, by, product, what, answer in _QUESTIONS:
        steps = (Step(day % 3, "answer", fields={"answer": answer}), Step(day % 3 + 1, "accept", ASKER))
        yield Errand(day, "question", by, product, {"what": what}, steps)


_DISPUTES = (
    (6, "month-end-close", "sales.revenue", "Revenue is less than what the till says.", 2, 9),
    (17, "board-pack", "sales.orders", "A cancelled order should not count on the day it was made.", 1, 15),
    (29, "month-end-close", "sales.average_order", "Postage makes an order look larger.", 3, 8),
    (43, "churn-model", "sales.buyers", "Guests are buyers, too.", 1, 7),
    (50, "board-pack", "sales.revenue", "A quarter closes by what was sold; what came back is another line.", 1, 0),
)
_INSTEAD = {50: "sales.gross_revenue"}  # the metric that whoever began a dispute that day holds to be right


def _disputes() -> Iterator[Errand]:
    for day, by, metric, claim, seen, decided in _DISPUTES:
        outcome = {"decision": "It stays as it is; its description says so now."}
        ends = (Step(decided, "decide", OWNER, outcome),) if decided else (Step(2, MEASURE),)
        instead = {"instead": _INSTEAD[day]} if day in _INSTEAD else {}
        fields = {"metric": metric, "claim": claim, **instead}
        yield Errand(day, "metric_dispute", by, ORDERS, fields, (Step(seen, "accept"), *ends))


_DEBTS = (
    (2, ORDERS, "manual", "Somebody writes to the shop when a file does not come.", "critical", 0),
    (4, CATALOGUE, "untested", "Nothing compares countries with those on invoices.", "", 24),
    (16, CUSTOMERS, "undocumented", "How segments are cut is told in the model alone.", "", 13),
    (33, ORDERS, "slow", "All months are built again when a day is corrected.", "", 0),
)


def _debts() -> Iterator[Errand]:
    for day, product, kind, what, priority, mended in _DEBTS:
        steps = (Step(3, "plan"), *((Step(mended, "mend"),) if mended else ()))
        yield Errand(day, "reliability_debt", OWNER, product, {"what": what, "kind": kind}, steps, priority=priority)


_ROADMAP = (
    (1, ORDERS, "Revenue by market.", "sales.revenue", "metric/sales.revenue", 40),
    (1, CUSTOMERS, "Segments as they were on any day.", "sales.buyers", "kpi/adoption", 0),
    (3, ORDERS, "Late files are asked for by a program.", "sales.revenue", "kpi/pipeline-success", 0),
    (10, CATALOGUE, "Articles by supplier.", "sales.revenue", "metric/sales.revenue", 0),
    (18, ORDERS, "Prices are held against the price list.", "sales.revenue", "kpi/time-to-detect", 0),
    (24, CUSTOMERS, "Guests are recognised.", "sales.buyers", "metric/sales.buyers", 0),
    (32, CATALOGUE, "Former names of articles.", "sales.orders", "", 0),
)


def _roadmap() -> Iterator[Errand]:
    for day, product, what, metric, serves, delivered in _ROADMAP:
        plan = Step(1, "plan", OWNER, {"outcome": metric, "acceptance": "Somebody who reads it says so."})
        steps = (plan, *((Step(8, "start"), Step(delivered, "deliver")) if delivered else ()))
        fields = {"what": what, "problem": "It is asked for again and again."}
        yield Errand(day, "roadmap_item", OWNER, product, fields, steps, serves=serves)


def _endings() -> Iterator[Errand]:
    """Yield what says the same twice, and how one of the two is taken away: announced, answered by one, reminded."""
    months, days = "sales.orders.monthly_revenue", "sales.orders.daily_revenue"
    found = {"asset": months, "same_as": days, "what": "Months are sums of days, and both are built."}
    yield Errand(34, "duplicate_asset", "board-pack", ORDERS, found, (Step(1, "confirm"),))
    said = {
        "what": f"{months}: days say the same.",
        "reason": "duplicate", "asset": months, "replacement": days,
    }  # fmt: skip
    steps = (
        Step(1, "announce", OWNER), Step(3, ACKNOWLEDGE, "month-end-close", {"action": "moved"}), Step(16, TELL, OWNER)
    )  # fmt: skip
    yield Errand(38, DEPRECATION, OWNER, ORDERS, said, steps, due=45)
