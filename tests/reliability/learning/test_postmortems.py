"""Postmortems: of which incidents one is owed, by when, what has to be agreed on, and how it is published."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest
from troubled import LINES, RAW, START, Troubled

from freehold.delivery.plan.versions import keep
from freehold.foundation import Caller, FreeholdError, SimulatedClock
from freehold.insight.documents import Library
from freehold.insight.similar import similar
from freehold.ledger import Event
from freehold.reliability.incidents import Incident, blame, incident_of, incidents
from freehold.reliability.learning import Postmortem, act, postmortem_of, postmortems, publish
from freehold.work import Asks, Work, inbox

LEAD = Caller("user:idp/lee")
NARRATIVE = dict.fromkeys(("summary", "causes", "well", "badly", "lessons"), "The price came in pence.")


def work_of(shop: Troubled, caller: Caller = LEAD) -> Work:
    """Return the work items of a shop, as somebody may move them."""
    return Work(shop.estate, shop.ledger.acting(caller), clock=shop.ledger.clock)


def at(shop: Troubled, *, hours: float) -> None:
    """Let the clock of a shop stand some hours after its start."""
    clock = cast("SimulatedClock", shop.clock)
    clock.advance(START + timedelta(hours=hours) - clock.now())


def over(shop: Troubled, *, hours: float = 0, asset: str = LINES, **said: object) -> Incident:
    """Open an incident by an alert that pages, and end it an hour later."""
    at(shop, hours=hours)
    alert = shop.alert(asset, hours=hours, **said)
    shop.turn()
    at(shop, hours=hours + 1)
    shop.resolve(alert, hours=hours + 1)
    shop.turn()
    return list(incidents(shop.ledger).values())[-1]


def owed(shop: Troubled) -> dict[str, Postmortem]:
    """Return what is owed, by incident."""
    return {one.incident.id: one for one in postmortems(shop.estate, work_of(shop))}


def said_of(shop: Troubled, incident: Incident, sev: int) -> None:
    """Let a person say how bad an incident is."""
    shop.tell("incident.updated", {"incident": incident.id, "sev": sev}, shop.clock.now(), incident.id)


@pytest.mark.parametrize(("sev", "is_owed"), [(1, True), (2, True), (3, False), (4, False)])
def test_one_is_owed_of_what_was_severe_as_it_was_told_last(shop: Troubled, sev: int, is_owed: bool) -> None:
    """What an incident was opened with does not count once that was corrected; nothing is owed while it is open."""
    shop.alert(LINES)
    shop.turn()
    assert owed(shop) == {}

    found = over(shop)
    said_of(shop, found, sev)

    assert [one.state for one in owed(shop).values()] == (["owed"] if is_owed else [])


def test_it_is_due_five_working_days_after_the_end_and_waits_in_the_inbox(shop: Troubled) -> None:
    """Resolved on Monday: due on Monday after, not on the weekend; then it is overdue, and late in the inbox."""
    found = over(shop)
    said_of(shop, found, 2)
    one = owed(shop)[found.id]
    waits = {w.item.id: w for w in inbox(work_of(shop))}[found.id]

    assert found.resolved_at == datetime(2024, 3, 4, 7, tzinfo=UTC)
    assert one.due_at is not None
    assert one.due_at.date().isoformat() in ("2024-03-08", "2024-03-11")
    assert (one.state, one.owner) == ("owed", "team:sales")
    assert waits.asks is Asks.DECIDE
    assert waits.clock is not None
    assert (waits.clock.name, waits.clock.due_at, waits.is_late) == ("postmortem", one.due_at, False)

    at(shop, hours=24 * 8)

    assert owed(shop)[found.id].state == "overdue"
    assert next(w for w in inbox(work_of(shop)) if w.item.id == found.id).is_late


def test_the_third_of_one_root_within_thirty_days_owes_one_however_mild(shop: Troubled) -> None:
    """Two are not enough, nor is one that began elsewhere, or was a false alarm."""
    mild = [over(shop, hours=hours) for hours in (0, 48)]
    for one in mild:
        said_of(shop, one, 3)
    elsewhere = over(shop, hours=96, asset="shop.orders.other")
    said_of(shop, elsewhere, 3)
    assert owed(shop) == {}

    third = over(shop, hours=144)
    said_of(shop, third, 3)

    assert list(owed(shop)) == [third.id]
    said_of(shop, mild[0], 5)
    assert owed(shop) == {}


def test_an_action_has_an_owner_and_a_day_and_follows_from_its_incident(shop: Troubled) -> None:
    """Without either it is refused, and nothing begins; with both it begins owned and linked, in one transaction."""
    found = over(shop)
    work = work_of(shop)
    for owner, due in (("", "2024-04-01"), ("user:idp/ana", "")):
        with pytest.raises(FreeholdError) as refused:
            act(work, found, "Check the prices", owner, due)
        assert refused.value.code == "FH-E380"
    with pytest.raises(FreeholdError) as nobody:
        act(work, found, "Check the prices", "Ana", "2024-04-01")
    assert nobody.value.code == "FH-W106"
    assert work.items("corrective_action") == ()

    item = act(work, found, "Check the prices", "user:idp/ana", "2024-04-01")

    assert (item.assignee, [(link.rel, link.target) for link in item.links]) == (
        "user:idp/ana", [("caused_by", found.id)],
    )  # fmt: skip
    (action,) = postmortem_of(shop.estate, work, found).actions
    assert (action.title, action.due, action.owner, action.is_late) == (
        "Check the prices", "2024-04-01", "user:idp/ana", False,
    )  # fmt: skip
    at(shop, hours=24 * 40)
    assert postmortem_of(shop.estate, work, found).actions[0].is_late


def test_signing_publishes_once_and_ends_the_clock(shop: Troubled) -> None:
    """Not without an action, nor by somebody without the role; what was signed and not published yet goes on there."""
    keep_in_force(shop)
    found = over(shop)
    said_of(shop, found, 2)
    work = work_of(shop)
    library = Library(shop.estate, shop.ledger.acting(LEAD), "prod")
    edition = library.write("postmortem", {"item": found.id}, narrative=NARRATIVE)
    with pytest.raises(FreeholdError) as early:
        publish(library, work, found, edition.manifest, NARRATIVE)
    act(work, found, "Check the prices", "user:idp/ana", "2024-04-01")
    edition = library.write("postmortem", {"item": found.id}, narrative=NARRATIVE)
    with pytest.raises(FreeholdError) as stranger:
        publish(library, work_of(shop, Caller("user:idp/eve")), found, edition.manifest, NARRATIVE)

    assert (early.value.code, stranger.value.code) == ("FH-E381", "FH-W104")
    assert library.signatures() == ()

    library.sign(edition.manifest, NARRATIVE)  # and killed before it was published
    publish(library, work, found, edition.manifest, NARRATIVE)
    publish(library, work, found, edition.manifest, NARRATIVE)

    assert len(library.signatures("postmortem")) == 1
    (published,) = shop.told("postmortem.published")
    assert len(published["actions"]) == 1
    assert [one.state for one in owed(shop).values()] == ["published"]


def test_what_was_learned_without_a_postmortem_is_not_called_published(shop: Troubled) -> None:
    """Whoever may end an incident as learned from may do so by hand; nobody has signed anything by that."""
    keep_in_force(shop)
    found = over(shop)
    work = work_of(shop)
    act(work, found, "Check the prices", "user:idp/ana", "2024-04-01")

    actions = [one.id for one in postmortem_of(shop.estate, work, found).actions]
    work.move(found.id, "learn", fields={"actions": actions})

    assert [one.state for one in owed(shop).values()] == ["learned"]


def test_what_is_signed_is_of_an_incident_that_is_over(shop: Troubled) -> None:
    """One that is still open has taught nothing yet; another's postmortem is none of it."""
    keep_in_force(shop)
    shop.alert(LINES)
    shop.turn()
    found = incident_of(shop.ledger, next(iter(incidents(shop.ledger))))
    work, library = work_of(shop), Library(shop.estate, shop.ledger.acting(LEAD), "prod")
    act(work, found, "Check the prices", "user:idp/ana", "2024-04-01")
    edition = library.write("postmortem", {"item": found.id}, narrative=NARRATIVE)

    with pytest.raises(FreeholdError) as refused:
        publish(library, work, found, edition.manifest, NARRATIVE)

    assert refused.value.code == "FH-E382"
    assert library.signatures() == ()


def test_facts_are_filled_in_and_people_stand_by_their_role(shop: Troubled) -> None:
    """Impact, clocks, timeline, causes and what follows are there; nobody is named, what is to be said is marked."""
    keep_in_force(shop)
    at(shop, hours=0)
    keep_in_force(shop, hours=-1, changed=("Model:shop.orders.lines",))
    alert = shop.alert(LINES, column="price")
    shop.turn()
    found = next(iter(incidents(shop.ledger).values()))
    work_of(shop).move(found.id, "acknowledge")
    at(shop, hours=2)
    shop.resolve(alert, hours=2)
    shop.turn()
    found = incident_of(shop.ledger, found.id)
    blame(shop.ledger.acting(LEAD), found, 1)
    act(work_of(shop), found, "Check the prices", "user:idp/ana", "2024-04-01")

    library = Library(shop.estate, shop.ledger, "prod")
    text = library.write("postmortem", {"item": found.id}).markdown

    assert "| to resolve | 4 March 2024, 08:00 UTC | 120 min |" in text
    assert "rooted at shop.orders.lines" in text
    assert "| confirmed | `Model:shop.orders.lines` was changed" in text.replace("\\", "")
    assert "| Check the prices | 1 April 2024 | agreed | yes |" in text
    update = library.write("incident-update", {"item": found.id, "reader": "engineers"}).markdown
    for written in (text, update):
        body = written.partition("As recorded by")[0]
        assert not re.search(r"\d{4}-\d{2}-\d{2}", body), "a day is written one way"
    assert "Not written yet. What went well" in text
    assert "user:idp" not in text


def test_incidents_are_alike_by_where_what_and_by_what_they_were_done(shop: Troubled) -> None:
    """The closest comes first with each factor; one that came later, or was a false alarm, is none."""
    first = over(shop, hours=0, column="price")
    other = over(shop, hours=72, asset=RAW, column="note", kind="anomaly")
    alarm = over(shop, hours=120, column="price")
    said_of(shop, alarm, 5)
    last = over(shop, hours=168, column="price")

    found = similar(shop.ledger, last.id)

    assert [one.incident for one in found] == [first.id, other.id][: len(found)]
    assert found[0].factors["place"] == found[0].factors["symptom"] == found[0].factors["columns"] == 1.0
    assert 0 < found[0].score <= 1
    assert similar(shop.ledger, last.id, upto=1) == ()
    assert similar(shop.ledger, first.id) == ()


def keep_in_force(shop: Troubled, *, hours: float = -24 * 30, changed: tuple[str, ...] = ()) -> None:
    """Put the files of a shop in force, some hours after its start."""
    said = {
        "estate": "troubled", "resources": dict(shop.estate.hashes), "version": keep(shop.ledger, shop.estate.root),
        "added": [], "changed": list(changed), "removed": [],
    }  # fmt: skip
    when = START + timedelta(hours=hours)
    shop.ledger.append(Event("estate.applied", said, env="prod", occurred_at=when))
