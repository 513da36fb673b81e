"""The roadmap: promised for a period, changed by decisions, flagged in time or not, exported; as its KPI counts it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from tests.insight.test_kpis import CASES, recorded

from freehold.estate import load_estate
from freehold.foundation import Caller, FreeholdError, Problems, SimulatedClock
from freehold.insight import Period, compute, period_named
from freehold.insight.roadmap import Horizon, Kept, Promise, Roadmap, as_csv, as_markdown, board_object, consumers_of
from freehold.insight.roadmap.board import promises
from freehold.insight.roadmap.promises import TOLD, planned
from freehold.ledger import Event, Ledger
from freehold.work import Item, Passage, Work

ESTATE = """apiVersion: freehold.dev/v1
kind: Estate
metadata: {id: corner}
spec:
  connections: {warehouse: {url: "duckdb:///warehouse.db"}}
  environments: {prod: {connection: warehouse, protected: true}}
---
apiVersion: freehold.dev/v1
kind: Team
metadata: {id: sales}
spec: {roles: {owner: ["user:idp/owner"], steward: ["user:idp/owner"]}}
"""
PRODUCT = "apiVersion: v1.0.0\nkind: DataProduct\nid: sales.orders\nstatus: active\nteam: {name: sales}\n"
Q1, Q2, Q3 = "2011-Q1", "2011-Q2", "2011-Q3"


@dataclass
class Shop:
    """A roadmap whose clock is moved by hand, as its owner changes it."""

    roadmap: Roadmap
    clock: SimulatedClock
    made: int = field(default=0)

    def item(self, what: str = "Returns by month", **fields: str) -> str:
        """Put something on the roadmap."""
        self.made += 1
        said = {"what": what, "problem": "Nobody knows.", **fields}
        return self.roadmap.work.create("roadmap_item", said, product="sales.orders", key=str(self.made)).item.id

    def at(self, day: str) -> Shop:
        """Move the clock to the noon of a day."""
        self.clock.move_to(datetime.fromisoformat(f"{day}T12:00:00+00:00"))
        return self

    def deliver(self, item: str) -> None:
        """Have something planned, done and delivered."""
        work = self.roadmap.work
        work.move(item, "plan", fields={"outcome": "revenue", "acceptance": "It is there."})
        work.move(item, "start")
        work.move(item, "deliver")

    def decide(self, decision: str, status: str = "accepted") -> None:
        """Have a decision recorded."""
        self.roadmap.ledger.append(Event("decision.recorded", {"decision": decision, "status": status}))

    def promised(self, period: str) -> dict[str, Promise]:
        """Return what became of what was promised for a period."""
        return {one.item: one for one in self.roadmap.promises(period_named(period))}


@pytest.fixture
def shop_of(tmp_path: Path) -> Iterator[Callable[[str], Shop]]:
    """Open the roadmap of a corner shop for somebody, in the middle of February."""
    (tmp_path / "estate.yaml").write_text(ESTATE, encoding="utf-8")
    (tmp_path / "orders.odps.yaml").write_text(PRODUCT, encoding="utf-8")
    estate, clock = load_estate(tmp_path, cache=False), SimulatedClock(datetime(2011, 2, 15, tzinfo=UTC))
    opened: list[Ledger] = []

    def open_(who: str) -> Shop:
        ledger = Ledger.open("sqlite:///state.db", root=tmp_path, caller=Caller(f"user:idp/{who}"), clock=clock)
        opened.append(ledger)
        return Shop(Roadmap(Work(estate, ledger, clock=clock), ledger), clock)

    yield open_
    for ledger in opened:
        ledger.close()


@pytest.fixture
def shop(shop_of: Callable[[str], Shop]) -> Shop:
    """The roadmap, as its owner has it."""
    return shop_of("owner")


def test_items_are_now_next_and_later_and_what_was_declined_says_why(shop: Shop) -> None:
    """By what is promised, else by what is being done, else by the day it names."""
    now, following, later, doing, due, declined = (shop.item(f"Thing {n}") for n in range(6))
    dated = shop.item("Thing 6", due="2011-05-01")
    shop.decide("ADR-1")
    shop.roadmap.commit(now, Q1, decision="ADR-1")
    shop.roadmap.commit(following, Q2, by=date(2011, 4, 15))
    shop.roadmap.commit(later, "2011-10")
    shop.roadmap.work.move(doing, "plan", fields={"outcome": "revenue", "acceptance": "There"})
    shop.roadmap.work.move(doing, "start")
    shop.roadmap.work.move(declined, "decline", fields={"because": "Nobody asked."})
    board = shop.roadmap.board()

    assert [one.item.id for one in board.of(Horizon.NOW)] == [now, doing]
    assert [one.item.id for one in board.of(Horizon.NEXT)] == [following, dated]
    assert [one.item.id for one in board.of(Horizon.LATER)] == [later, due]
    told = board_object(shop.roadmap, board, ())
    assert [(one["title"], one["because"]) for one in told["not_doing"]] == [("Thing 5", "Nobody asked.")]
    assert [str(one["due"]) for one in told["next"]] == ["2011-04-15", "2011-05-01"]


def test_a_snapshot_is_what_stood_when_the_period_began(shop: Shop) -> None:
    """Kept, slipped with and without a warning, moved by a decision, open; what came later is no part of it."""
    shop.decide("ADR-1")
    kept, warned, surprise, moved, open_, dropped, late = (shop.item(f"Thing {n}") for n in range(7))
    for item in (kept, warned, surprise, moved):
        shop.roadmap.commit(item, Q2, by=date(2011, 5, 31))
    shop.roadmap.commit(open_, Q2)
    shop.roadmap.commit(dropped, Q2)
    shop.roadmap.drop(dropped)
    shop.at("2011-04-02").roadmap.commit(late, Q2, decision="ADR-1")
    shop.at("2011-05-10").roadmap.flag(warned, note="The source moves.")
    shop.at("2011-05-20").roadmap.flag(surprise)
    shop.roadmap.move(moved, Q3, decision="ADR-1")
    shop.deliver(kept)
    shop.at("2011-06-02")

    assert {item: one.kept for item, one in shop.promised(Q2).items()} == {
        kept: Kept.KEPT, warned: Kept.SLIPPED, surprise: Kept.SURPRISE, moved: Kept.DECIDED, open_: Kept.OPEN,
    }  # fmt: skip
    assert shop.promised(Q2)[moved].decision == "ADR-1"
    assert set(shop.promised(Q3)) == set()  # it has not begun
    assert set(shop.at("2011-07-02").promised(Q3)) == {moved}


def test_a_flag_counts_from_when_it_was_raised_first_and_not_once_it_was_taken_back(shop: Shop) -> None:
    """Raised again while it is up is nothing new; taken back and raised again, it begins anew."""
    one, other = shop.item(), shop.item()
    for item in (one, other):
        shop.roadmap.commit(item, Q2, by=date(2011, 4, 30))
    for day in ("2011-04-05", "2011-04-25"):
        shop.at(day).roadmap.flag(one)
        shop.roadmap.flag(other)
        shop.roadmap.flag(other, at_risk=False)
    shop.roadmap.flag(other)
    shop.at("2011-05-05")

    assert {item: p.kept for item, p in shop.promised(Q2).items()} == {one: Kept.SLIPPED, other: Kept.SURPRISE}
    assert len([e for e in shop.roadmap.ledger.read(types=("work.flagged",)) if e.data["item"] == one]) == 1


REFUSED: list[tuple[str, Callable[[Shop, str], object], str]] = [
    ("a period that is over", lambda s, i: s.roadmap.commit(i, "2010-Q4"), "FH-W422"),
    ("a period that has begun, without a decision", lambda s, i: s.roadmap.commit(i, Q1), "FH-W421"),
    ("a decision that nobody recorded", lambda s, i: s.roadmap.commit(i, Q1, decision="ADR-9"), "FH-W421"),
    ("a decision that is only proposed", lambda s, i: s.roadmap.commit(i, Q1, decision="ADR-2"), "FH-W421"),
    ("a day of another period", lambda s, i: s.roadmap.commit(i, Q2, by=date(2011, 7, 1)), "FH-W424"),
    ("a period that is none", lambda s, i: s.roadmap.commit(i, "2011-Q5"), "FH-K004"),
    ("moved, though promised for none", lambda s, i: s.roadmap.move(i, Q2), "FH-W425"),
    ("dropped, though promised for none", lambda s, i: s.roadmap.drop(i), "FH-W425"),
    ("placed without an estimate", lambda s, i: s.roadmap.place(i, 1, decision="ADR-1"), "FH-W427"),
    ("an item of another type", lambda s, _: s.roadmap.flag(question(s)), "FH-W420"),
    ("no item", lambda s, _: s.roadmap.flag("roadmap_item/none"), "FH-W102"),
]  # fmt: skip


def question(shop: Shop) -> str:
    """Ask something, which is nothing for a roadmap."""
    return shop.roadmap.work.create("question", {"what": "How many?"}).item.id


@pytest.mark.parametrize(("say", "code"), [c[1:] for c in REFUSED], ids=[c[0] for c in REFUSED])
def test_what_cannot_be_said_is_refused_and_leaves_nothing(
    shop: Shop, say: Callable[[Shop, str], object], code: str
) -> None:
    """With a code and a way to mend it."""
    item = shop.item()
    shop.decide("ADR-1")
    shop.decide("ADR-2", "proposed")
    with pytest.raises(FreeholdError) as refused:
        say(shop, item)

    assert refused.value.code == code
    assert refused.value.fix
    assert not list(shop.roadmap.ledger.read(types=TOLD))


def test_a_promise_for_two_periods_is_refused_and_one_that_has_begun_takes_a_decision(shop: Shop) -> None:
    """Moved before it begins nobody has to decide; afterwards somebody has."""
    item = shop.item()
    shop.roadmap.commit(item, Q2)
    with pytest.raises(FreeholdError, match="is promised for 2011-Q2") as twice:
        shop.roadmap.commit(item, Q3)
    shop.roadmap.move(item, Q3)
    shop.at("2011-07-05")
    with pytest.raises(FreeholdError, match="2011-Q3 has begun") as undecided:
        shop.roadmap.drop(item)

    assert (twice.value.code, undecided.value.code) == ("FH-W423", "FH-W421")
    assert [one.kept for one in shop.promised(Q3).values()] == [Kept.OPEN]


def test_who_holds_no_role_says_nothing(shop: Shop, shop_of: Callable[[str], Shop]) -> None:
    """As for its moves."""
    item = shop.item()
    with pytest.raises(FreeholdError) as refused:
        shop_of("somebody").roadmap.commit(item, Q2)

    assert refused.value.code == "FH-W104"


def test_the_board_and_the_kpi_count_the_same(shop: Shop) -> None:
    """Eight promises, one of which has not been due: predictability, decisions and surprises, to the last."""
    shop.decide("ADR-1")
    items = [shop.item(f"Thing {n}") for n in range(8)]
    for number, item in enumerate(items):
        shop.roadmap.commit(item, Q2, by=date(2011, 4, 20 + number))
    shop.at("2011-04-03").roadmap.flag(items[0])
    for item in items[2:6]:
        shop.at(f"2011-04-{18 + int(item[-1])}").deliver(item)
    shop.roadmap.move(items[6], Q3, decision="ADR-1")
    shop.at("2011-06-30").roadmap.ledger.append(Event("decision.recorded", {"decision": "ADR-2"}))
    period = Period(*(period_named(Q2).start, period_named(Q2).end), name=Q2)
    value = compute("delivery-predictability", shop.roadmap.ledger, period)
    kept = [one.kept for one in shop.promised(Q2).values()]

    assert (kept.count(Kept.KEPT), value.numerator) == (4, 4)
    assert (len(kept), value.denominator) == (8, 8)
    assert value.beside["surprises"] == pytest.approx(kept.count(Kept.SURPRISE) / 8)
    assert value.beside["decided"] == pytest.approx(kept.count(Kept.DECIDED) / 8)
    assert {one: kept.count(one) for one in Kept if one is not Kept.KEPT} == {
        Kept.OPEN: 0, Kept.DECIDED: 1, Kept.SLIPPED: 1, Kept.SURPRISE: 2,
    }  # fmt: skip


def test_promises_are_counted_as_in_the_case_that_was_worked_by_hand(tmp_path: Path) -> None:
    """The events of the KPI's own case, read by the board: three of six kept, then four, one out by a decision."""
    ledger, period = recorded(tmp_path, CASES["delivery-predictability"]), period_named(Q2)
    found = {}
    for as_of in (datetime(2011, 7, 5, tzinfo=UTC), datetime(2011, 7, 11, tzinfo=UTC)):
        events = [e for e in ledger.read() if e.recorded_at <= as_of]
        moves = [e for e in events if e.type == "work.transitioned"]
        items = {
            e.data["item"]: Item(e.data["item"], "roadmap_item", (Passage(e.data["to"], e.occurred_at),), e.seq)
            for e in moves
        }
        plans = planned(e for e in events if e.type in TOLD)
        found[as_of.day] = [str(one.kept) for one in promises(period, items, plans, as_of)]
    ledger.close()

    assert {day: (kept.count("kept"), len(kept)) for day, kept in found.items()} == {5: (3, 6), 11: (4, 6)}
    assert [kept.count("slipped without a warning") for kept in found.values()] == [1, 0]


def test_an_order_takes_reach_from_usage_and_another_place_takes_a_decision(shop: Shop) -> None:
    """Two consumers read the product, one was refused, one read long ago: its reach is two; nobody has to say it."""
    used, said, none = shop.item("Used"), shop.item("Said"), shop.item("None")
    reads = [
        Event("usage.query", {"consumer": who, "product": "sales.orders", "status": status}, occurred_at=at)
        for who, status, at in (
            ("a", "ok", shop.clock.now()), ("b", "ok", shop.clock.now()), ("b", "ok", shop.clock.now()),
            ("c", "denied", shop.clock.now()), ("d", "ok", shop.clock.now() - timedelta(days=91)),
        )
    ]  # fmt: skip
    shop.roadmap.ledger.raw.append("usage.query", reads)
    parts = {"impact": (1, 1), "confidence": (1, 1), "effort": (1, 1)}
    shop.roadmap.estimate(used, parts)
    shop.roadmap.estimate(said, {**parts, "reach": (5, 9)})
    with shop.roadmap.ledger.evidence() as evidence:
        reach = consumers_of(evidence, "prod")
    order, unknown = shop.roadmap.ranking(reach)
    with pytest.raises(FreeholdError, match="that takes a decision"):
        shop.roadmap.place(used, 1)
    shop.decide("ADR-1")
    shop.roadmap.place(used, 1, decision="ADR-1")
    placed = [one.item for one in shop.roadmap.ranking(reach)[0]]
    shop.roadmap.place(used, None)

    assert reach == {"sales.orders": 2}
    assert [(one.item, one.estimate.middle, one.estimate.is_reach_used) for one in order] == [
        (said, 7.0, False), (used, 2.0, True),
    ]  # fmt: skip
    assert [one.id for one in unknown] == [none]
    assert placed == [used, said]
    assert [one.item for one in shop.roadmap.ranking(reach)[0]] == [said, used]


def test_all_that_is_wrong_with_an_estimate_is_told_at_once(shop: Shop) -> None:
    """A part that there is not, one that is missing, ends the wrong way round, more than sure, no effort."""
    with pytest.raises(Problems) as refused:
        shop.roadmap.estimate(shop.item(), {"rich": (1, 2), "impact": (3, 1), "confidence": (0.5, 2)})

    assert {one.code for one in refused.value.errors} == {"FH-W426"}
    assert sorted(one.problem.split("`")[1] for one in refused.value.errors) == [
        "confidence",
        "effort",
        "impact",
        "rich",
    ]


def test_an_export_says_what_the_board_says_and_no_cell_breaks_out(shop: Shop) -> None:
    """Markdown keeps to its table, CSV to its column; a spreadsheet takes no title for a formula."""
    shop.roadmap.commit(shop.item("A | B <b>bold</b>\nand more"), Q2)
    declined = shop.item("=SUM(A1)")
    shop.roadmap.work.move(declined, "decline", fields={"because": 'Because, "so"'})
    told = board_object(shop.roadmap, shop.roadmap.board(), ())
    rows = list(csv.DictReader(io.StringIO(as_csv(told))))
    page = as_markdown(told, "Corner")

    assert [(row["horizon"], row["title"], row["due"], row["because"]) for row in rows] == [
        ("next", "A | B <b>bold</b>\nand more", "2011-06-30", ""), ("not_doing", "'=SUM(A1)", "", 'Because, "so"'),
    ]  # fmt: skip
    assert "| A \\| B &lt;b>bold&lt;/b> and more | candidate | sales.orders | 2011-Q2 | 2011-06-30 |  |" in page
    assert '- =SUM(A1): Because, "so" (2011-02-15)' in page
    assert json.loads(json.dumps(told, default=str))["period"] == Q1
