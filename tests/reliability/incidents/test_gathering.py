"""From alerts to incidents: one for each connected trouble, whatever comes in between."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from troubled import LINES, OTHER, RAW, START, Troubled, below_of

from freehold.foundation import Caller, FreeholdError
from freehold.ledger import Event
from freehold.reliability.incidents import alerts_of, incident_of, incidents
from freehold.work import Work
from freehold.work.incidents import open_incidents


def test_one_upstream_fault_that_breaks_forty_assets_opens_one_incident(tmp_path: Path) -> None:
    """Forty alerts below one are one incident, rooted at the one; all of them joined it; a second turn adds nothing."""
    shop = Troubled(tmp_path, below=40)
    shop.alert(LINES, column="price")
    shop.alerts(below_of(40), hours=0.2, column="total")

    (opened,) = shop.turn().opened
    found = incidents(shop.ledger)[opened]

    assert (found.root, len(found.assets), found.state, found.tier) == (LINES, 41, "open", 1)
    assert found.occurred_at == START
    joined = shop.told("alert.joined")
    assert len(joined) == 41
    assert [one["asset"] for one in joined if one["role"] == "root"] == [LINES]
    assert not shop.turn()
    assert len(shop.told("incident.opened")) == 1
    shop.close()


def test_alerts_join_in_whatever_order_they_come(shop: Troubled) -> None:
    """What is upstream may be seen last: then the root moves there, and there is one incident all the same."""
    below = below_of(3)
    shop.alert(below[0], column="total")
    shop.alert(below[1], column="total")
    first = shop.turn().opened
    assert len(first) == 2, "nothing connects them yet"

    shop.alert(LINES, hours=0.5, column="price")
    shop.turn()
    found = incident_of(shop.ledger, min(first, key=lambda id_: incidents(shop.ledger)[id_].detected_at))

    kept = [one for one in incidents(shop.ledger).values() if alerts_of(shop.ledger, one)]
    assert [one.root for one in kept] == [LINES]
    assert len(alerts_of(shop.ledger, kept[0])) == 3
    work = Work(shop.estate, shop.ledger)
    (other,) = [id_ for id_ in first if id_ != kept[0].id]
    assert work.item(other).original == kept[0].id
    assert found.id in first


def test_what_no_column_connects_are_two_troubles(shop: Troubled) -> None:
    """Notes that are wrong do not make sums of prices wrong, though both are of one source."""
    shop.alert(RAW, column="note")
    shop.alert(LINES, column="price")
    assert len(shop.turn().opened) == 2


def test_an_alert_that_gets_worse_opens_an_incident(shop: Troubled) -> None:
    """What paged nobody and was worth none is, once it is told again as something that pages."""
    id_ = shop.alert(below_of(1)[0], page=False, is_breach=False)
    assert not shop.turn()
    said = shop.told("alert.raised")[0] | {"page": True, "is_breach": True}
    shop.tell("alert.raised", said, START + timedelta(hours=1), below_of(1)[0])
    (opened,) = shop.turn().opened
    (joined,) = alerts_of(shop.ledger, incident_of(shop.ledger, opened))

    assert (joined.id, joined.page, joined.raised_at) == (id_, True, START)


def test_alerts_of_other_days_are_other_troubles(shop: Troubled) -> None:
    """What lies more than a period apart is not one trouble, though lineage connects it."""
    shop.alert(LINES, column="price")
    shop.alert(below_of(1)[0], hours=25, column="total")
    assert len(shop.turn().opened) == 2


def test_one_change_above_makes_silent_siblings_one_incident(shop: Troubled) -> None:
    """Where what broke two assets raised no alert itself, the change that leads to both is what they have in common."""
    shop.apply("Model:x", hours=-400)
    shop.apply(f"Model:{LINES}", hours=-2)
    shop.alerts(below_of(2), column="total")

    (opened,) = shop.turn().opened
    found = incidents(shop.ledger)[opened]
    assert found.root == LINES
    assert [one["asset"] for one in found.suspects] == [LINES]
    assert {one["role"] for one in shop.told("alert.joined")} == {"affected"}


def test_an_alert_that_pages_nobody_opens_nothing(shop: Troubled) -> None:
    """It joins what is open, and is left alone where nothing is; one that holds back the first tier opens."""
    alone = shop.alert(OTHER, page=False)
    assert not shop.turn()
    shop.alert(LINES, column="price")
    (opened,) = shop.turn().opened
    shop.alert(below_of(1)[0], hours=0.1, page=False, column="total")
    shop.turn()
    assert {one.asset for one in alerts_of(shop.ledger, incident_of(shop.ledger, opened))} == {LINES, *below_of(1)}
    assert alone not in {one.id for one in alerts_of(shop.ledger, incident_of(shop.ledger, opened))}
    shop.alert(OTHER, hours=30, page=False, is_held=True)
    assert len(shop.turn().opened) == 1


def test_other_environments_have_alerts_and_no_incidents(shop: Troubled) -> None:
    """What is wrong where nobody reads is no incident."""
    shop.alert(LINES, env="dev")
    assert not shop.turn("dev")
    assert not shop.turn()


def test_it_ends_with_the_check_that_shows_the_last_of_it_is_over(shop: Troubled) -> None:
    """Not before all alerts are resolved; then as of that check, which is named as what verified it."""
    one, two = shop.alert(LINES, column="price"), shop.alert(below_of(1)[0], hours=0.1, column="total")
    (opened,) = shop.turn().opened
    shop.resolve(one, hours=1)
    assert not shop.turn().resolved
    shop.resolve(two, hours=2)
    assert shop.turn().resolved == (opened,)

    found = incidents(shop.ledger)[opened]
    assert found.resolved_at == START + timedelta(hours=2)
    assert found.shown_by == f"service:checks/{below_of(1)[0]}:check"
    assert found.clocks == {
        "detect": timedelta(0), "acknowledge": None, "mitigate": None, "resolve": timedelta(hours=2)
    }  # fmt: skip
    assert not shop.turn()


def test_clocks_are_those_of_the_evidence_and_not_of_the_turn(shop: Troubled) -> None:
    """Detected is when the first alert was raised, however late somebody looks."""
    shop.alert(LINES, hours=0, began_at="2024-03-04T05:00:00Z")
    shop.clock.move_to(START + timedelta(days=3))  # type: ignore[attr-defined]
    (opened,) = shop.turn().opened
    found = incidents(shop.ledger)[opened]
    assert found.detected_at == START
    assert found.clocks["detect"] == timedelta(hours=1)


def test_an_incident_that_somebody_opened_is_the_one_that_alerts_join(shop: Troubled) -> None:
    """There is one incident of a trouble, and how bad a person said it is, is only ever made worse."""
    fields = {"what": "Prices are wrong.", "kind": "data", "sev": 1, "assets": [LINES]}
    people = shop.ledger.acting(Caller("user:idp/ana"))
    by_hand = Work(shop.estate, people, clock=shop.clock).create("incident", fields).item
    shop.alert(LINES, column="price", is_held=True)
    assert not shop.turn().opened
    found = incidents(shop.ledger)[by_hand.id]
    assert (found.root, found.sev) == (LINES, 1)
    assert [one.asset for one in alerts_of(shop.ledger, found)] == [LINES]


def test_nothing_new_is_cheap_and_says_nothing(shop: Troubled) -> None:
    """A turn over a ledger without news reads one event at most, and takes no lease."""
    shop.alert(LINES)
    shop.turn()
    shop.turn()
    before = shop.ledger.checkpoint()
    with shop.ledger.lease("reliability/incidents/prod", "somebody", 60):
        assert not shop.turn()
    assert shop.ledger.checkpoint().seq == before.seq


def test_a_turn_beside_another_leaves_it_alone(shop: Troubled) -> None:
    """While somebody is at it nothing is done, and the turn after that does it all."""
    shop.alert(LINES)
    lease = shop.ledger.lease("reliability/incidents/prod", "somebody", 60)
    assert not shop.turn()
    lease.release()
    assert len(shop.turn().opened) == 1


def test_mending_is_for_no_person_and_waits_for_the_alerts(shop: Troubled) -> None:
    """A person resolves, by their word; Freehold mends, and not while an alert is not over."""
    shop.alert(LINES)
    (opened,) = shop.turn().opened
    work = Work(shop.estate, shop.ledger.acting(Caller("user:idp/ana")))
    for who, why in ((work, "by Freehold itself"), (Work(shop.estate, shop.ledger), "1 alert of it")):
        (way,) = [one for one in who.ways(who.item(opened)) if one.move.name == "mend"]
        assert way.hindrance is not None
        assert why in str(way.hindrance)
    assert work.move(opened, "resolve", fields={"verified_by": "user:idp/ana"}).item.state == "resolved"


def test_reach_parts_what_is_wrong_what_is_silent_and_what_a_gate_kept(shop: Troubled) -> None:
    """Published since and alerting; published since and silent; not published: three different things to say."""
    for asset in (LINES, *below_of(2)):
        shop.publish(asset, hours=0.1)
    shop.publish(below_of(3)[2], hours=-5)
    shop.alert(LINES, column="price")
    shop.alert(below_of(1)[0], hours=0.2, column="total")
    (opened,) = shop.turn().opened
    reach = incidents(shop.ledger)[opened].reach
    zero, one, two = below_of(3)
    assert (reach["wrong"], reach["silent"], reach["protected"]) == ([LINES, zero], [one], [two])


def test_what_was_read_wrong_stays_so_once_it_is_taken_back(shop: Troubled) -> None:
    """The alert of the root is over before that of what is built from it: nobody who read it was protected."""
    zero, one, two = below_of(3)
    for asset in (LINES, zero, one):
        shop.publish(asset, hours=0.1)
    shop.publish(two, hours=-5)
    root = shop.alert(LINES, column="price")
    shop.alert(zero, hours=0.2, column="total")
    (opened,) = shop.turn().opened
    shop.resolve(root, hours=1)
    shop.alert(zero, hours=1.1, column="total", kind="anomaly")
    shop.turn()

    reach = incidents(shop.ledger)[opened].reach
    assert (reach["wrong"], reach["silent"], reach["protected"]) == ([LINES, zero], [one], [two])


def test_what_was_held_back_protects_everything_below(shop: Troubled) -> None:
    """A gate that held the root back kept all that is built from it as it was, published since or not."""
    for asset in below_of(3):
        shop.publish(asset, hours=0.1)
    shop.alert(LINES, column="price", is_held=True, page=False)
    (opened,) = shop.turn().opened
    found = incidents(shop.ledger)[opened]
    assert sorted(found.reach["protected"]) == sorted([LINES, *below_of(3)])
    assert found.sev is not None
    assert found.sev >= 2


def test_a_false_alarm_is_left_to_whoever_closed_it(shop: Troubled) -> None:
    """Alerts that people closed as false end no incident by themselves: somebody dismisses it."""
    one = shop.alert(LINES)
    (opened,) = shop.turn().opened
    shop.ledger.append(Event("alert.closed", {"alert_id": one, "verdict": "false"}, env="prod"))
    assert not shop.turn().resolved
    assert incidents(shop.ledger)[opened].is_open


def test_a_duplicate_is_over_when_its_original_is(shop: Troubled) -> None:
    """Two incidents turn out to be one trouble: what ends the first ends both, and is told of both."""
    alerts = [shop.alert(LINES, hours=1), shop.alert(OTHER, hours=1.5)]
    first, second = sorted(shop.turn().opened, key=lambda id_: incidents(shop.ledger)[id_].detected_at)
    alerts.append(shop.alert(RAW, hours=2))
    shop.turn()
    assert incidents(shop.ledger)[second].duplicate_of == first

    for one in alerts:
        shop.resolve(one, hours=4)
    assert shop.turn().resolved == (first, second)
    one, other = incidents(shop.ledger).values()
    assert (one.resolved_at, one.shown_by) == (other.resolved_at, other.shown_by)
    assert open_incidents(shop.ledger, "prod", "prod") == ()
    assert [said["incident"] for said in shop.told("incident.resolved")] == [first, second]
    assert not shop.turn()


def test_what_a_person_links_and_ends_ends_its_duplicates(shop: Troubled) -> None:
    """At once for whoever asks; the next turn tells it, and the alerts are of the original."""
    shop.alert(LINES, column="price")
    shop.alert(RAW, column="note")
    first, second = shop.turn().opened
    work = Work(shop.estate, shop.ledger.acting(Caller("user:idp/ana")))
    work.link(second, "duplicate_of", first)
    shop.alert(RAW, hours=0.5, column="note", kind="anomaly")
    shop.turn()
    assert len(alerts_of(shop.ledger, incident_of(shop.ledger, first))) == 3
    assert alerts_of(shop.ledger, incident_of(shop.ledger, second)) == ()

    work.move(first, "resolve", fields={"verified_by": "user:idp/ana"})
    assert not incident_of(shop.ledger, second).is_open
    assert shop.turn().resolved == (second,)
    assert not shop.turn()


def test_a_severity_does_not_hang_on_who_looks(shop: Troubled) -> None:
    """Where nobody looks at error budgets, what was judged of them last stands."""
    due = (START + timedelta(hours=1)).isoformat()
    said = {"asset": LINES, "due_at": due, "deadline_at": due}
    shop.tell("run.expected", said, START, LINES)
    shop.alert(LINES, column="price")
    shop.turn(budgets={"shop.orders": 0.1})
    shop.alert(below_of(1)[0], hours=0.1, column="total")
    shop.turn()
    shop.alert(below_of(2)[1], hours=0.2, column="total")
    shop.turn(budgets={"shop.orders": 0.1})
    (found,) = incidents(shop.ledger).values()

    assert found.sev == 1
    assert found.factors[-1] == {"factor": "error budget", "said": "10 % is left", "points": 1}
    assert not shop.told("incident.updated")


def test_no_check_ends_what_somebody_opened(shop: Troubled) -> None:
    """Of another kind, no alert joins it; of data, alerts join it, and who saw it says when it is over."""
    work = Work(shop.estate, shop.ledger.acting(Caller("user:idp/ana")), clock=shop.clock)
    fields = {"what": "Names are in it.", "sev": 3, "assets": [LINES]}
    private = work.create("incident", {**fields, "kind": "privacy"}).item.id
    twice = [work.create("incident", {**fields, "kind": "data"}).item.id for _ in range(2)]
    alert = shop.alert(LINES, hours=1, column="price")
    assert not shop.turn().opened
    shop.resolve(alert, hours=2)
    assert not shop.turn().resolved

    found = incidents(shop.ledger)
    assert all(one.is_open and not one.duplicate_of for one in found.values())
    assert [len(alerts_of(shop.ledger, found[id_])) for id_ in (private, *twice)] == [0, 1, 0]


def test_what_joins_it_later_is_stopped_too(shop: Troubled) -> None:
    """Readers are kept from all that alerts say is wrong, whenever they said so."""
    shop.alert(LINES, column="price")
    shop.turn()
    shop.alert(below_of(1)[0], hours=1, column="total")
    shop.turn()
    (found,) = open_incidents(shop.ledger, "prod", "prod")
    assert found.assets == (LINES, *below_of(1))


def test_an_end_that_several_have_names_those_that_are_seen(shop: Troubled) -> None:
    """Who may see one of them is given that; who may see all is told to say more; who may see none is told of none."""
    ids = [f"{start}-abcdef" for start in ("one", "two")]
    for id_ in ids:
        said = {"incident": id_, "kind": "data", "detected_at": START.isoformat(), "sev": 1}
        shop.ledger.append(Event("incident.opened", said, subject=id_, product="shop.orders", env="prod"))

    assert incident_of(shop.ledger, "abcdef", lambda one: one.id == ids[1]).id == ids[1]
    with pytest.raises(FreeholdError) as several:
        incident_of(shop.ledger, "abcdef")
    with pytest.raises(FreeholdError) as none:
        incident_of(shop.ledger, "abcdef", lambda _: False)
    assert (several.value.code, none.value.code) == ("FH-E350", "FH-E350")
    assert all(id_ in several.value.fix for id_ in ids)
    assert not any(id_ in f"{none.value.problem} {none.value.fix}" for id_ in ids)


def test_an_incident_is_found_as_of_the_alert_that_is_worth_one(shop: Troubled) -> None:
    """What stood in the digest before woke nobody: it is of it, and when it began, and no clock runs from there."""
    quiet = shop.alert(LINES, page=False, column="state", hours=-1)
    loud = shop.alert(LINES, hours=0)
    (opened,) = shop.turn().opened
    found = incident_of(shop.ledger, opened)

    assert (found.detected_at, found.began_at) == (START, START - timedelta(hours=1))
    assert {one["alert_id"] for one in shop.told("alert.joined")} == {quiet, loud}
