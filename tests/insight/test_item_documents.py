"""Documents of one work item, and the papers of a council: what they tell, as of when, and what was taken back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from freehold.foundation import FreeholdError
from freehold.insight.disputing import notice_of
from freehold.insight.documents import Edition
from freehold.ledger import Event

from .offices import BEGAN, CLAIM, Office


def after(edition: Edition, heading: str) -> str:
    """Return what stands below a heading."""
    return edition.markdown.partition(f"## {heading}\n")[2].partition("\n## ")[0]


def test_a_dossier_tells_both_sides_the_history_and_who_reads_it(office: Office) -> None:
    """The claim, each definition since when, what they came to, who asked for which, disputes before, no decision."""
    first = office.dispute(claim="Refunds are in it.")
    office.work.move(first, "decide", fields={"decision": "They are not."})
    item = office.dispute(instead="shop.average_order")
    read = {"consumer": "service:bi/board", "consumer_type": "service", "metrics": ["shop.revenue"], "channel": "api",
            "definitions": ["0123456789ab"], "resource": "shop.orders.orders", "product": "shop.orders"}  # fmt: skip
    people = [{**read, "consumer": f"user:idp/{name}", "consumer_type": "person"} for name in ("ana", "bo")]
    office.ledger.raw.append("usage.query", [Event("usage.query", one, occurred_at=BEGAN) for one in (read, *people)])
    office.later(days=1)
    file = office.root / "shop" / "orders" / "metrics" / "shop.yaml"
    file.write_text(file.read_text("utf-8").replace("state <> 'cancelled'", "amount > 0", 1), "utf-8")
    office.put_in_force()
    for metric, figure in (("shop.revenue", 100.5), ("shop.average_order", 7)):
        said = {"item": item, "metric": metric, "since": "2026-02-01", "until": "2026-02-28", "figure": figure}
        office.ledger.append(Event("dispute.measured", said, env="prod", subject=item))
    office.later(days=1)

    made = office.write("dispute-dossier", item=item)

    assert CLAIM in after(made, "What is disputed")
    defined = [row.split(" | ") for row in after(made, "How it is defined, and was before").splitlines()[5:] if row]
    assert [(cells[0], cells[3]) for cells in defined] == [
        ("| shop.revenue", "SUM(orders.amount) where orders.state \\<\\> 'cancelled'"),
        ("| shop.revenue", "SUM(orders.amount) where orders.amount \\> 0"),
        ("| shop.average_order", "SUM(orders.amount) / orders"),
    ]
    assert [row[1] for row in defined] == [
        "2 March 2026, 09:00 UTC",
        "3 March 2026, 09:03 UTC",
        "2 March 2026, 09:00 UTC",
    ]
    assert "| shop.revenue | none | 2026-02-01 | 2026-02-28 | 100.5 |" in after(made, "What each side reads comes to")
    assert "| service:bi/board | 1 | service | api | 0123456789ab | 1 |" in after(
        made, "Who reads it, by which definition"
    )
    assert "| people | 2 | person | api | 0123456789ab | 2 |" in made.markdown
    assert "user:idp/ana" not in made.markdown
    assert "Refunds are in it. |" in after(made, "Disputes of the same metric")
    assert "They are not. |" in after(made, "Disputes of the same metric")
    assert "Nothing was decided yet." in after(made, "What was decided")


def test_a_dossier_is_the_same_whatever_becomes_of_its_item(office: Office) -> None:
    """As of before the decision it tells of none, to the byte; as of afterwards, of what was decided."""
    item = office.dispute()
    then = office.clock.now()
    before = office.write("dispute-dossier", item=item)
    office.later(hours=3)
    office.work.move(item, "decide", fields={"decision": "It stays."})
    office.later(minutes=1)
    now = office.write("dispute-dossier", item=item)

    assert office.write("dispute-dossier", then, item=item) == before
    assert "| It stays. |" in after(now, "What was decided")
    assert [row.split(" | ")[1] for row in after(now, "Where it went").splitlines()[3:] if row] == [
        "raised", "council", "decided",
    ]  # fmt: skip


def test_words_that_were_erased_are_said_to_be(office: Office) -> None:
    """The edition that quoted them is another now, and its manifest says by which facts."""
    item = office.dispute()
    then = office.clock.now()
    before = office.write("dispute-dossier", item=item)
    for text in office.work.item(item).texts:
        office.ledger.side.erase(text)
    again = office.write("dispute-dossier", then, item=item)

    assert CLAIM not in again.markdown
    assert "What it says was erased." in after(again, "What is disputed")
    assert {name for name, fact in before.manifest.facts.items() if again.manifest.facts[name] != fact} == {"says"}


def test_an_item_of_another_type_and_one_that_is_none_are_refused(office: Office) -> None:
    """With those there are, the newest first."""
    first, second = office.dispute(), office.dispute()
    question = office.work.create("question", {"what": "How many?"}, product="shop.orders").item.id
    office.later(minutes=1)
    for wrong in (question, "metric_dispute/none", ""):
        with pytest.raises(FreeholdError) as refused:
            office.write("dispute-dossier", item=wrong)
        assert refused.value.code == "FH-O109"
        assert wrong == "metric_dispute/none" or refused.value.fix == f"There are: {second}, {first}."


def test_a_playbook_tells_what_goes_what_to_read_instead_and_the_days(office: Office) -> None:
    """Columns beside those of the replacement, SQL of both, steps with their days, readers and what they were told."""
    said = {"what": "Raw orders, as tables.", "reason": "replaced", "due": "2026-06-30",
            "asset": "shop.orders.orders", "replacement": "shop.orders.raw_orders"}  # fmt: skip
    item = office.work.create("deprecation", said, product="shop.orders").item.id
    read = {"consumer": "service:bi/board", "consumer_type": "service", "channel": "sql", "product": "shop.orders",
            "resource": "shop.orders.orders"}  # fmt: skip
    office.ledger.raw.append("usage.query", [Event("usage.query", read, occurred_at=BEGAN)])
    told = {"notice": "n-1", "audience": ["service:bi/board", "service:bi/close"], "topic": "shop.orders.orders"}
    office.ledger.append(
        Event("notice.sent", told, subject="n-1", correlation_id=item),
        Event("notice.acknowledged", {"notice": "n-1", "consumer": "service:bi/close", "action": "migrated"}),
    )
    office.later(days=1)

    made = office.write("deprecation-playbook", item=item)

    assert "FROM shop_orders.orders\n```" in after(made, "How to move")
    assert "FROM shop_orders.raw_orders\n```" in after(made, "How to move")
    assert "| order_id | string | string |" in after(made, "How to move")
    steps = [row.split(" | ")[1:] for row in after(made, "Steps").splitlines()[3:] if row]
    assert steps == [
        ["2 March 2026", "past |"], ["none", "not yet |"], ["16 June 2026", "to come |"],
        ["30 June 2026", "to come |"], ["none", "not yet |"],
    ]  # fmt: skip
    assert "| service:bi/board | 1 | service | sql | 1 | 1 |" in after(made, "Who reads it")
    answers = [row.split(" | ")[-1] for row in after(made, "What they were told").splitlines()[3:] if row]
    assert answers == ["none |", "migrated |"]


def test_an_agenda_has_what_waited_at_the_end_of_its_week_and_minutes_what_was_decided(office: Office) -> None:
    """A dispute that was decided on Tuesday of the next week is on the first agenda and in the second minutes."""
    item = office.dispute()
    office.later(days=8)
    office.work.move(item, "decide", fields={"decision": "It stays."})
    office.later(days=10)

    agendas = [after(office.write("council-agenda", period=week), "Disputes that wait for a decision")
               for week in ("2026-W10", "2026-W11")]  # fmt: skip
    minutes = [after(office.write("council-minutes", period=week), "What was decided")
               for week in ("2026-W10", "2026-W11")]  # fmt: skip

    assert f"| {CLAIM} | shop.revenue |" in agendas[0]
    assert "| 7 |" in agendas[0]
    assert "None does." in agendas[1]
    assert "Nothing was." in minutes[0]
    assert f"| {CLAIM} | It stays. | accepted |" in minutes[1]


def test_requirements_tell_what_a_product_must_keep_to(office: Office) -> None:
    """From the contract in force: what is always there, what is unique, each rule in its own words; metrics, too."""
    made = office.write("data-prd", product="shop.orders")

    assert "| shop.orders.orders | order_id | is the key |" in after(made, "When it is accepted")
    assert "| shop.revenue | certified |" in after(made, "What it delivers")
    assert "Nothing is planned." not in made.markdown or made.manifest.facts["plans"].instrumented


def test_those_who_read_a_metric_are_told_once_it_is_decided(office: Office) -> None:
    """Not before; whoever asked for it in 90 days, and what the guard asks for is there then."""
    item = office.dispute()
    for days, name in ((0, "board"), (-100, "gone")):
        read = {"consumer": f"service:bi/{name}", "metrics": ["shop.revenue"]}
        at = BEGAN + timedelta(days=days)
        office.ledger.raw.append("usage.query", [Event("usage.query", read, occurred_at=at)])

    def told() -> Event:
        with office.ledger.evidence(office.clock.now()) as evidence:
            return notice_of(office.work.item(item), evidence, "prod")

    with pytest.raises(FreeholdError, match="Nothing was decided"):
        told()
    office.work.move(item, "decide", fields={"decision": "It stays."})
    with pytest.raises(FreeholdError, match="users-notified"):
        office.work.move(item, "close")
    office.ledger.append(event := told())

    assert event.data["audience"] == ["service:bi/board"]
    assert office.work.move(item, "close").item.state == "resolved"
