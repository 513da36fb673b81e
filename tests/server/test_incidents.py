"""Incidents at the server: a list, a room, the API; of what one may not see, nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

import guarded_estate
from freehold.foundation import Caller
from freehold.ledger import Event
from freehold.reliability.incidents import gather, incidents
from freehold.work import Work
from live_process import until
from live_server import PAGE, Running, known_as

JSON = {"accept": "application/json"}
HIDDEN = ("selenium", "thorium")
SECRET, BELOW, OPEN = "lab.selenium.selenium_out", "lab.thorium.thorium_out", "works.wolfram.wolfram_out"


@pytest.fixture(scope="module")
def troubled(tmp_path_factory: pytest.TempPathFactory, serving: Callable[..., Running]) -> Running:
    """A server over four products, two of them their team's alone; one of each kind is wrong since a change of it."""
    root: Path = tmp_path_factory.mktemp("troubled") / "guarded"
    guarded_estate.write(root)
    for word in HIDDEN:
        (root / "lab" / word / "product.odps.yaml").write_text(
            guarded_estate.product_file(f"lab.{word}", "{see: [member]}")
        )
    running = serving(root, rates={"read": 100_000, "write": 100_000, "sign_in": 100_000})
    snapshots = running.app.state.served.snapshots
    ledger, snapshot = snapshots.ledger, snapshots.now()
    now = ledger.clock.now()
    resources = [f"Model:{OPEN}", f"Model:{SECRET}"]
    for hours, changed in ((600, []), (40, resources)):
        said = {"estate": "guarded", "resources": {}, "changed": changed}
        at = now - timedelta(hours=hours)
        ledger.append(Event("estate.applied", said, occurred_at=at, env="prod", subject="guarded"))
    for asset, hours in ((OPEN, 30), (SECRET, 0), (BELOW, 0)):
        began = now - timedelta(hours=hours)
        told = {
            "alert_id": asset, "rule": "rows", "asset": asset, "kind": "check", "page": True, "is_breach": True,
            "is_held": False, "began_at": began.isoformat(), "reason": f"`{asset}` has no rows",
        }  # fmt: skip
        product = asset.rpartition(".")[0]
        ledger.append(Event("alert.raised", told, occurred_at=began, env="prod", subject=asset, product=product))
    gather(snapshot.estate, ledger, "prod", lambda: snapshot.graph)  # which the server may do at the same time
    until(lambda: {OPEN, SECRET} <= {one.root for one in incidents(ledger).values()}, "incidents are judged")
    return running


def test_an_incident_is_listed_shown_and_told_to_programs(troubled: Running) -> None:
    """The same of each: the root, the severity with its factors, the suspect, and what happened."""
    with known_as(troubled, "user:idp/mona", "group:idp/metals") as client:
        listed = client.get("/api/v1/incidents", headers=JSON).json()["items"]
        mine = next(one for one in listed if OPEN in one["assets"])
        short = mine["id"].rpartition("/")[2]
        whole = client.get(f"/api/v1/incidents/{short}", headers=JSON).json()
        rows = client.get("/incidents.json", headers=PAGE).json()["page"]["incidents"]
        shown = client.get(f"/incidents/{short}", headers=PAGE)

    assert (mine["state"], mine["root"]) == ("open", OPEN)
    assert whole["suspects"][0]["said"].startswith(f"`Model:{OPEN}` was changed")
    assert [one["kind"] for one in whole["timeline"]][:2] == ["change", "began"]
    assert mine["id"] in [row["id"] for row in rows]
    assert shown.status_code == 200
    for word in ("What may have done it", "This did it", "Take works.wolfram back", "Why this severity"):
        assert word in shown.text


def test_of_what_one_may_not_see_nothing_is_told(troubled: Running) -> None:
    """Not in a list, not by its id, not as a suspect, a consumer or a word of a sentence."""
    with known_as(troubled, "user:idp/rita", "group:idp/rare") as theirs:
        every = theirs.get("/api/v1/incidents", headers=JSON).json()["items"]
    secret = [one["id"].rpartition("/")[2] for one in every if SECRET in one["assets"]]
    assert secret
    with known_as(troubled, "user:idp/x", "group:idp/readers") as client:
        ids = [one["id"].rpartition("/")[2] for one in client.get("/api/v1/incidents", headers=JSON).json()["items"]]
        texts = [client.get(path, headers=PAGE).text for path in ("/incidents", "/incidents.json", "/api/v1/incidents")]
        texts += [
            client.get(f"{way}/{id_}", headers=PAGE).text for id_ in ids for way in ("/incidents", "/api/v1/incidents")
        ]
        gone = [client.get(f"/api/v1/incidents/{id_}", headers=JSON).status_code for id_ in secret if id_ not in ids]
    assert not [word for text in texts for word in HIDDEN if word in text.lower()]
    assert set(gone) <= {404}


def test_who_holds_no_role_says_not_what_did_it(troubled: Running) -> None:
    """A reader blames nothing and takes nothing back; an owner does, and may take that back."""
    with known_as(troubled, "user:idp/mona", "group:idp/metals") as owner:
        listed = owner.get("/api/v1/incidents", headers=JSON).json()["items"]
        id_ = next(one["id"].rpartition("/")[2] for one in listed if OPEN in one["assets"])
        said = owner.get(f"/api/v1/incidents/{id_}", headers=JSON).json()["suspects"][0]["event"]
        with known_as(troubled, "user:idp/x", "group:idp/readers") as reader:
            assert reader.post(f"/incidents/{id_}", data={"confirm": said}, headers=JSON).status_code == 403
            assert reader.post(f"/incidents/{id_}", data={"rollback": "1"}, headers=JSON).status_code == 403
        assert owner.post(f"/incidents/{id_}", data={"confirm": said}, headers=PAGE).status_code == 303
        causes = owner.get(f"/api/v1/incidents/{id_}", headers=JSON).json()["causes"]
        assert causes == [said]
        assert owner.post(f"/incidents/{id_}", data={"clear": said}, headers=PAGE).status_code == 303
        assert owner.get(f"/api/v1/incidents/{id_}", headers=JSON).json()["causes"] == []
        gone = owner.post(f"/incidents/{id_}", data={"confirm": "one-that-was"}, headers=JSON)
        assert (gone.status_code, gone.json()["code"]) == (400, "FH-E356")
        assert owner.post(f"/incidents/{id_}", data={}, headers=JSON).status_code == 400


def test_what_is_owed_is_listed_and_what_one_taught_is_told_with_it(troubled: Running) -> None:
    """A severe incident that is over owes a postmortem: in the list, in its room, at the home of who runs data."""
    served = troubled.app.state.served
    ledger = served.snapshots.ledger
    with known_as(troubled, "user:idp/mona", "group:idp/metals") as client:
        listed = client.get("/api/v1/incidents", headers=JSON).json()["items"]
        mine = next(one for one in listed if OPEN in one["assets"])
        owed_before = client.get("/api/v1/postmortems", headers=JSON).json()["items"]
        told = {"incident": mine["id"], "sev": 2}
        ledger.append(Event("incident.updated", told, env="prod", subject=mine["id"], product=mine["product"]))
        Work(served.snapshots.now().estate, ledger.acting(Caller("user:idp/mona", ("group:idp/metals",)))).move(
            mine["id"], "resolve", fields={"verified_by": "user:idp/mona"}
        )
        short = mine["id"].rpartition("/")[2]
        (owed,) = client.get("/api/v1/postmortems", headers=JSON).json()["items"]
        lessons = client.get(f"/api/v1/postmortems/{short}", headers=JSON).json()
        room = client.get(f"/incidents/{short}", headers=PAGE)
        page = client.get("/postmortems", headers=PAGE)
        home = client.get("/homes/dataops", headers=PAGE)

    assert owed_before == []
    assert (owed["incident"], owed["state"], owed["is_late"]) == (mine["id"], "owed", False)
    assert lessons["postmortem"] == owed
    assert lessons["guardrail"] is None
    assert "Nothing was agreed on yet." in room.text
    assert f"/incidents/{short}" in page.text
    assert "Postmortems owed" in home.text


def test_lessons_of_what_one_may_not_see_are_not_there(troubled: Running) -> None:
    """Neither the postmortem of a hidden incident, nor the hidden one among those that are like another."""
    with known_as(troubled, "user:idp/zoe") as client:
        listed = client.get("/api/v1/incidents?kind=all", headers=JSON).json()["items"]
        every = client.get("/api/v1/postmortems?kind=all", headers=JSON).json()["items"]
        told = [client.get(f"/api/v1/postmortems/{one['id'].rpartition('/')[2]}", headers=JSON) for one in listed]

    assert not [one for one in every if SECRET in str(one)]
    assert SECRET not in "".join(answer.text for answer in told)
    assert {answer.status_code for answer in told} <= {200}
