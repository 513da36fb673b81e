"""Pipelines green and the data wrong: found, blamed, taken back, told, and over, as a person does it at a shell."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from freehold import opening
from freehold.foundation import Caller
from freehold.ledger import Event, Ledger
from freehold.reliability.incidents import gather

PROGRAM = [sys.executable, "-m", "freehold"]
ORDERS, MODEL = "shop.orders.orders", "shop/orders/models/orders.sql"
TEAM = """
apiVersion: freehold.dev/v1
kind: Team
metadata: {id: operations}
spec: {members: [], roles: {dataops-lead: ["%s"]}}
"""


class Shop:
    """An estate at a shell."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def run(self, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run a command, which is to end with a code."""
        done = subprocess.run(
            [*PROGRAM, "-C", str(self.root), *words], capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done

    def told(self, *words: str) -> dict[str, Any]:
        """Return what a command says to a program."""
        return dict(json.loads(self.run(*words, "--json").stdout))

    @contextmanager
    def ledger(self) -> Iterator[Ledger]:
        """Open its ledger."""
        with opening.opened_ledger(opening.loaded(str(self.root))) as ledger:
            yield ledger

    def alert(self, at: datetime) -> None:
        """Tell what no check of the contract says: revenue is ten times what it was."""
        said = {
            "alert_id": "revenue", "rule": "shop.revenue", "asset": ORDERS, "column": "amount", "kind": "anomaly",
            "page": True, "is_breach": True, "is_held": False, "deviations": 30.0, "began_at": at.isoformat(),
            "reason": "the mean of `amount` is ten times what it was",
        }  # fmt: skip
        with self.ledger() as ledger:
            ledger.append(Event("alert.raised", said, env="prod", subject=ORDERS, product="shop.orders"))

    def over(self) -> None:
        """Tell that it is as it was."""
        with self.ledger() as ledger:
            ledger.append(
                Event("alert.resolved", {"alert_id": "revenue"}, env="prod", subject=ORDERS, product="shop.orders")
            )

    def turn(self) -> None:
        """Gather incidents."""
        with opening.opened_delivery(str(self.root), None) as delivery:
            gather(delivery.estate, delivery.ledger, delivery.env, lambda: delivery.graph)


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An estate that was built, then changed for the worse without any check saying so; to be copied."""
    root = tmp_path_factory.mktemp("changed") / "shop"
    subprocess.run([*PROGRAM, "init", str(root)], check=True, capture_output=True, timeout=120)
    made = Shop(root)
    (made.root / "operations.yaml").write_text(TEAM % Caller.at_the_shell().principal, "utf-8")
    made.run("run")
    model = made.root / MODEL
    model.write_text(
        model.read_text("utf-8").replace("    amount,", "    cast(amount * 10 as decimal(12, 2)) as amount,"), "utf-8"
    )
    made.run("apply", "--yes")
    with made.ledger() as ledger:
        (published,) = ledger.read(types=("asset.published",), subject=ORDERS, newest_first=True, limit=1)
    made.alert(published.occurred_at)
    made.turn()
    return root


@pytest.fixture
def shop(changed: Path, tmp_path: Path) -> Shop:
    """Such an estate of one's own."""
    return Shop(Path(shutil.copytree(changed, tmp_path / "shop")))


def test_green_and_wrong_is_blamed_taken_back_told_and_over(shop: Shop) -> None:
    """The change is the first suspect; one step takes it back; an update is drafted; the passing check ends it."""
    (one,) = shop.told("incidents", "list")["incidents"]
    assert (one["root"], one["state"]) == (ORDERS, "open")
    assert one["suspects"][0]["said"].startswith(f"`Model:{ORDERS}` was changed")
    end = one["incident"][-8:]

    confirmed = shop.told("incidents", "suspects", end, "--confirm", "1")
    assert confirmed["confirmed"] == one["suspects"][0]["event"]
    shop.run("incidents", "ack", end)
    before = _revenue(shop)
    done = shop.told("incidents", "mitigate", end, "--rollback")
    assert (done["kind"], done["target"], done["is_new"]) == ("rollback", "shop.orders", True)
    assert _revenue(shop) == pytest.approx(before / 10)

    draft = shop.run("incidents", "draft", end, "--for", "customers").stdout
    assert ORDERS in draft
    assert "Not written yet" in draft
    shop.run("incidents", "draft", end, "--approve", code=2)
    for _ in range(2):  # said again, with nothing new, it is the same
        approved = shop.told("incidents", "draft", end, "--for", "customers", "--next", "Noon.", "--approve")
        assert "Noon." in approved["text"]
    folder = shop.root / "updates"
    words = ("document", "render", "incident-update", "--set", f"item={one['incident']}", "--set", "reader=executives")
    shop.run(*words, "--out", str(folder))
    next(folder.glob("*.narrative.yaml")).write_text("next: '  '\n", "utf-8")
    shop.run(*words, "--out", str(folder))
    refused = shop.run("document", "sign", str(next(folder.glob("*.manifest.json"))), code=2)
    assert "FH-E355" in refused.stderr
    next(folder.glob("*.narrative.yaml")).write_text("next: Word at one.\n", "utf-8")
    shop.run(*words, "--out", str(folder))
    first, again = (shop.told("document", "sign", str(next(folder.glob("*.manifest.json")))) for _ in range(2))
    assert again == first

    shop.over()
    shop.turn()
    whole = shop.told("incidents", "show", end)
    assert (whole["state"], whole["verified_by"]) == ("resolved", "service:checks/shop.revenue")
    assert [one["kind"] for one in whole["mitigations"]] == ["rollback"]
    assert [one["audience"] for one in whole["updates"]] == ["customers", "executives"]
    kinds = [one["kind"] for one in whole["timeline"]]
    order = ["change", "began", "alert", "opened", "acknowledged", "mitigated", "updated", "updated", "resolved"]
    assert [kind for kind in kinds if kind in order] == order
    assert shop.told("incidents", "list")["incidents"] == []
    shop.run("incidents", "mitigate", end, "--rollback", code=2)


def _revenue(shop: Shop) -> float:
    (row,) = shop.told("query", "revenue")["rows"]
    return float(row["revenue"])


def test_a_rollback_that_was_not_recorded_is_recorded_and_not_done_twice(shop: Shop) -> None:
    """Where a command was killed between the deed and its record, or somebody else went back: once is enough."""
    end = shop.told("incidents", "list")["incidents"][0]["incident"][-8:]
    shop.run("rollback", "shop.orders")
    once = _revenue(shop)
    done = shop.told("incidents", "mitigate", end, "--rollback")
    assert done["is_new"] is False
    assert _revenue(shop) == once
    whole = shop.told("incidents", "show", end)
    assert (whole["state"], [one["kind"] for one in whole["mitigations"]]) == ("mitigated", ["rollback"])


@pytest.mark.parametrize("is_begun", [False, True], ids=["in one step", "where somebody went back a little"])
def test_all_that_was_published_since_it_began_goes_back(shop: Shop, is_begun: bool) -> None:
    """What was published meanwhile is as wrong: readers get what was there before, not what was wrong at first."""
    end = shop.told("incidents", "list")["incidents"][0]["incident"][-8:]
    wrong = _revenue(shop)
    model = shop.root / MODEL
    for factor in (100, 1000):
        text = model.read_text("utf-8").replace("amount * 10", f"amount * {factor} / {factor} * 10")
        model.write_text(text.replace("    order_id,", f"    order_id, -- {factor}"), "utf-8")
        shop.run("apply", "--yes")
    assert _revenue(shop) == pytest.approx(wrong)
    if is_begun:
        shop.run("rollback", "shop.orders")

    done = shop.told("incidents", "mitigate", end, "--rollback")

    assert (done["is_new"], done["assets"]) == (True, [ORDERS])
    assert _revenue(shop) == pytest.approx(wrong / 10)


@pytest.mark.parametrize("since", ["in another environment", "before something else was published"])
def test_a_rollback_that_does_not_stand_is_done_anew(shop: Shop, since: str) -> None:
    """One elsewhere, or one after which the product went on, is no mitigation of what readers read now."""
    end = shop.told("incidents", "list")["incidents"][0]["incident"][-8:]
    said = {"deploy_id": "another", "to": "one-before", "product": "shop.orders", "assets": [ORDERS], "pinned": True}
    env = "dev" if since == "in another environment" else "prod"
    with shop.ledger() as ledger:
        ledger.append(Event("deploy.rolled_back", said, env=env, subject="shop.orders", product="shop.orders"))
        if env == "prod":
            live = {"asset": ORDERS, "deployment": "a-bad-one", "epoch": 9}
            ledger.append(Event("asset.published", live, env=env, subject=ORDERS, product="shop.orders"))
    before = _revenue(shop)
    assert shop.told("incidents", "mitigate", end, "--rollback")["is_new"] is True
    assert _revenue(shop) == pytest.approx(before / 10)


def test_a_quarantine_keeps_what_is_live_until_somebody_lets_go(shop: Shop) -> None:
    """Runs publish nothing of the product, and go on once it is unpinned."""
    end = shop.told("incidents", "list")["incidents"][0]["incident"][-8:]
    done = shop.told("incidents", "mitigate", end, "--quarantine")
    assert ORDERS in done["assets"]
    status = shop.run("run").stderr
    assert "pinned" in status.lower()
    shop.run("rollback", "shop.orders", "--unpin")
    assert "pinned" not in shop.run("run").stderr.lower()


def test_a_frozen_metric_says_so_where_it_is_read(shop: Shop) -> None:
    """From which day on, and why; until that is taken back. Of what there is not, near matches are named."""
    end = shop.told("incidents", "list")["incidents"][0]["incident"][-8:]
    shop.run("incidents", "mitigate", end, "--freeze", "revenue", "--since", "2024-03-01", "--why", "Ten times.")
    (note,) = shop.told("query", "revenue")["notes"]
    assert "from 2024-03-01 on" in note
    assert "Ten times." in note
    assert "frozen" in shop.run("query", "revenue").stderr
    assert shop.told("query", "orders")["notes"] == []

    shop.run("incidents", "mitigate", end, "--unfreeze", "revenue")
    assert shop.told("query", "revenue")["notes"] == []
    assert "FH-E357" in shop.run("incidents", "mitigate", end, "--unfreeze", "revenue", code=2).stderr
    assert "revenue" in shop.run("incidents", "mitigate", end, "--freeze", "revenu", code=2).stderr


def test_what_it_taught_is_owed_written_agreed_on_and_signed(shop: Shop) -> None:
    """From the list of what is owed to the signature that publishes it; each step is refused before its time."""
    end = shop.told("incidents", "list")["incidents"][0]["incident"][-8:]
    shop.over()
    shop.turn()
    with shop.ledger() as ledger:
        id_ = shop.told("incidents", "show", end)["incident"]
        ledger.append(Event("incident.updated", {"incident": id_, "sev": 2}, env="prod", subject=id_))
    (owed,) = shop.told("postmortem", "list")["postmortems"]
    assert (owed["incident"], owed["state"], owed["actions"]) == (id_, "owed", [])

    assert "FH-E383" in shop.run("postmortem", "sign", end, code=2).stderr
    assert "FH-E384" in shop.run("postmortem", "guardrail", end, code=2).stderr
    assert "FH-E380" in shop.run("postmortem", "act", end, "Read it twice", code=2).stderr
    late = ("--owner", "user:idp/ana", "--due", "2020-01-01")
    assert "which is over" in shop.run("postmortem", "act", end, "Read it twice", *late, code=2).stderr
    shop.run("postmortem", "act", end, "Read it twice", "--owner", "user:idp/ana", "--due", "2099-12-01")
    shop.run("postmortem", "write", end)
    (told,) = (shop.root / "postmortems").glob("*.narrative.yaml")
    parts = ("summary", "causes", "well", "badly", "lessons")
    told.write_text("".join(f"{part}: |\n  The price came ten times.\n" for part in parts), "utf-8")
    shop.run("postmortem", "write", end)
    assert "The price came ten times." in told.with_name(told.name.replace(".narrative.yaml", ".md")).read_text("utf-8")
    shop.run("document", "sign", str(next(told.parent.glob("*.manifest.json"))))
    assert shop.told("postmortem", "list")["postmortems"] == []
    shop.run("postmortem", "sign", end)

    assert shop.told("postmortem", "list")["postmortems"] == []
    none_owed = "No postmortem is owed; 1 incident was learned from: freehold postmortem list --all"
    assert none_owed in shop.run("postmortem", "list").stderr
    (done,) = shop.told("postmortem", "list", "--all")["postmortems"]
    assert (done["state"], done["is_late"], len(done["actions"])) == ("published", False, 1)
    assert shop.told("postmortem", "similar", end)["similar"] == []
    shop.run("validate")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        pytest.param(("show", "nothing"), "FH-E350", id="an incident that there is not"),
        pytest.param(("suspects", "{end}", "--confirm", "9"), "FH-E356", id="a suspect that there is not"),
        pytest.param(("mitigate", "{end}"), "FH-E358", id="a mitigation of no kind"),
        pytest.param(("mitigate", "{end}", "--rollback", "--quarantine"), "FH-E358", id="two at once"),
    ],
)
def test_what_is_refused(shop: Shop, words: tuple[str, ...], code: str) -> None:
    """With a code, a sentence, and nothing done."""
    end = shop.told("incidents", "list")["incidents"][0]["incident"][-8:]
    before = shop.told("incidents", "show", end)
    said = shop.run("incidents", *(word.format(end=end) for word in words), code=2)
    assert code in said.stderr
    assert shop.told("incidents", "show", end) == before


@pytest.mark.parametrize("word", ["write", "sign", "guardrail", "similar", "act"])
def test_no_incident_is_named_by_nothing(shop: Shop, word: str) -> None:
    """A script whose variable is empty is told so."""
    more = ("Check it",) if word == "act" else ()

    assert "FH-E350" in shop.run("postmortem", word, "", *more, code=2).stderr


def test_one_that_goes_on_later_is_still_the_same(shop: Shop) -> None:
    """A turn that finds nothing new, hours later, changes nothing of what is known."""
    before = shop.told("incidents", "list")["incidents"]
    shop.turn()
    assert shop.told("incidents", "list")["incidents"] == before
    assert timedelta(0) <= timedelta(seconds=before[0]["seconds"]["detect"] or 0)
