"""What is signed of an incident on its page is sent, or published, as it is at the shell."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest

from changing_estates import freehold, owned
from freehold.foundation import Caller
from freehold.insight.documents import Library
from freehold.ledger import Ledger
from freehold.reliability.incidents import approve, draft, incident_of
from freehold.reliability.learning import act
from freehold.reliability.signing import sign as sign_here
from freehold.work import Work
from live_process import until
from live_server import PAGE, Running, known_as

FAST = {"read": 100_000, "write": 100_000, "sign_in": 100_000}
LEAD, ROLE = "user:idp/lead", "role:dataops-lead"
PARTS = ("summary", "causes", "well", "badly", "lessons")


@pytest.fixture(scope="module")
def serving_shop(tmp_path_factory: pytest.TempPathFactory, serving: Callable[..., Running]) -> Running:
    """A server over a small shop."""
    root: Path = tmp_path_factory.mktemp("said") / "shop"
    assert freehold(root.parent, "init", str(root)).returncode == 0
    owned(root)
    teams = root / "teams.yaml"
    said = teams.read_text("utf-8")
    assert "roles: {" in said
    teams.write_text(said.replace("roles: {", f'roles: {{dataops-lead: ["{LEAD}"], '), "utf-8")
    assert freehold(root, "run").returncode == 0
    return serving(root, rates=FAST)


@pytest.fixture
def lead(serving_shop: Running) -> Iterator[httpx2.Client]:
    """Somebody who leads what is done about incidents."""
    with known_as(serving_shop, LEAD, ROLE) as client:
        yield client


def working(running: Running) -> tuple[Work, Ledger]:
    """Return the work of the estate, and its ledger, as the lead has them."""
    snapshots = running.app.state.served.snapshots
    ledger = snapshots.ledger.acting(Caller(LEAD, (ROLE,)))
    return Work(snapshots.now().estate, ledger), ledger


def opened(running: Running) -> str:
    """Open a severe incident; return its id."""
    fields = {"what": "Prices came ten times", "kind": "data", "sev": 1}
    return working(running)[0].create("incident", fields, product="shop.orders").item.id


def sign(client: httpx2.Client, document: str, said: dict[str, str], **narrative: str) -> httpx2.Response:
    """Have a document shown with what somebody writes, once the incident was counted, and sign that."""
    form = shown(client, document, said, **narrative)
    return client.post(f"/documents/{document}/signatures", data=form, headers={"accept": "application/json"})


def shown(client: httpx2.Client, document: str, said: dict[str, str], **narrative: str) -> dict[str, str]:
    """Have a document shown with what somebody writes; return the form that signs what was shown."""
    form = {**said, **{f"narrative.{name}": text for name, text in narrative.items()}}
    until(lambda: client.post(f"/documents/{document}", data=form, headers=PAGE).status_code == 200, "it is counted")
    answer = client.post(f"/documents/{document}", data=form, headers=PAGE)
    hidden = {
        part.split('"')[0]: part.split('value="')[1].split('"')[0]
        for part in answer.text.split('<input type="hidden" name="')[1:]
    }
    return form | {"as_of": hidden["as_of"], "manifest": hidden["manifest"]}


def test_an_update_that_is_signed_on_its_page_may_be_sent(serving_shop: Running, lead: httpx2.Client) -> None:
    """It lies where notifications take it from, once, with what was written, and says who stands up for it."""
    id_ = opened(serving_shop)

    done = sign(lead, "incident-update", {"item": id_, "reader": "customers"}, next="Next word at noon.")

    assert done.status_code == 303, done.text
    ledger = working(serving_shop)[1]
    (update,) = incident_of(ledger, id_).updates
    assert (update.audience, update.approver) == ("customers", LEAD)
    kept = ledger.side.get(update.comms)
    assert kept is not None
    assert "Next word at noon." in str(kept.payload)


def test_an_update_that_is_signed_by_many_at_once_is_told_once(serving_shop: Running, lead: httpx2.Client) -> None:
    """However often it is sent, on the page and at the shell; the same after something else was told is news."""
    id_ = opened(serving_shop)
    update = {"item": id_, "reader": "executives"}
    form = shown(lead, "incident-update", update, next="We look.")
    path, headers = "/documents/incident-update/signatures", {"accept": "application/json"}
    ledger = working(serving_shop)[1]
    library = Library(serving_shop.app.state.served.snapshots.now().estate, ledger, "prod")
    drafts = [draft(library, incident_of(ledger, id_), "executives", "We look.").manifest for _ in range(3)]

    with ThreadPoolExecutor(6) as pool:
        posted = [pool.submit(lead.post, path, data=form, headers=headers) for _ in range(3)]
        signed = [pool.submit(sign_here, library, Work, one, {"next": "We look."}) for one in drafts]
        assert {one.result().status_code for one in posted} == {303}
        assert {one.result().signer for one in signed} == {LEAD}

    assert [one.audience for one in incident_of(ledger, id_).updates] == ["executives"]
    of_it = [s for s in library.signatures("incident-update") if s.parameters == update]
    assert len({s.manifest for s in of_it}) == len(of_it), "an edition is signed once by one person"

    for words, count in (("We look.", 1), ("Found it.", 2), ("Found it.", 2), ("We look.", 3)):
        approve(library, incident_of(ledger, id_), "executives", words)
        assert len(incident_of(ledger, id_).updates) == count, words


def test_a_postmortem_that_is_signed_on_its_page_is_published(serving_shop: Running, lead: httpx2.Client) -> None:
    """Not before something was agreed on; then the incident ends as learned from."""
    id_, (work, ledger) = opened(serving_shop), working(serving_shop)
    work.move(id_, "resolve", fields={"verified_by": LEAD})
    written = dict.fromkeys(PARTS, "The price came ten times.")

    early = sign(lead, "postmortem", {"item": id_}, **written)
    assert early.json()["code"] == "FH-E381"
    assert not [s for s in ledger.read(types=("document.signed",)) if "postmortem" in str(s.data)]

    act(work, incident_of(ledger, id_), "Read it twice", "user:idp/ana", "2099-12-01")
    done = sign(lead, "postmortem", {"item": id_}, **written)

    assert done.status_code == 303, done.text
    assert work.item(id_).state == "learned"

    now = lead.get(f"/documents/postmortem?item={id_}", headers=PAGE).text
    assert "The price came ten times." in now
    assert "Not written yet" not in now
    assert f"{LEAD} signed it" in now
    assert "kept nowhere yet" not in now
