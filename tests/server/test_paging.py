"""Pages: told until somebody has them, once; acknowledged where people are; and nobody told what they may not see."""

from __future__ import annotations

import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from freehold.connect.outbound import outbound_from
from freehold.foundation import Caller
from freehold.ledger import Event, Ledger
from live_double import in_json
from live_pagerduty import KEY, SIGNING, PagerDuty, hooked, pagerduty
from live_process import LONGEST_S, Server, freehold, until
from live_receiver import SECRET, receiving
from live_server import Running, known_as
from live_slack import SIGNING as SLACK_SIGNING
from live_slack import Slack, pressed

_ACCOUNTS = """\
apiVersion: freehold.dev/v1
kind: ServiceAccount
metadata: {id: pager, owner: shop-data}
spec: {review_by: 2999-01-31}
---
apiVersion: freehold.dev/v1
kind: Team
metadata: {id: people}
spec:
  roles: {dataops-lead: ["user:idp/ana"]}
  handles: {pagerduty: {PANA: ["user:idp/ana"], PCARL: ["user:idp/carl"]}, slack: {U0ANA: ["user:idp/ana"]}}
"""
_CHANNEL = """\
---
apiVersion: freehold.dev/v1
kind: Channel
metadata: {{id: {id}, owner: shop-data}}
spec: {{as: service:pager, {spec}}}
"""
RATES = {"read": 100_000, "write": 100_000}
LOOPBACK = outbound_from({"allow": ["127.0.0.1"], "plain_http": True})
_FIELDS = {"what": "Orders are empty", "kind": "data", "sev": 2}
_SAME = {"sec-fetch-site": "same-origin"}


@pytest.fixture
def pager() -> Iterator[PagerDuty]:
    """A PagerDuty."""
    with pagerduty() as one:
        yield one


@pytest.fixture
def paging(
    made_estate: Path, tmp_path: Path, serving: Callable[..., Running], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Running]:
    """Return a function that serves an estate with channels, each given by its id and what its file says."""
    secrets = {
        "PAGERDUTY_KEY": KEY, "PAGERDUTY_SECRET": SIGNING, "SLACK_TOKEN": "xoxb", "SLACK_SECRET": SLACK_SIGNING,
        "HOOK_SECRET": SECRET,
    }  # fmt: skip
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)

    def start(root: Path | None = None, **channels: str) -> Running:
        root = root or Path(shutil.copytree(made_estate, tmp_path / "shop"))
        _write(root, **channels)
        return serving(root, rates=RATES, outbound=LOOPBACK, url="")

    return start


def _write(root: Path, **channels: str) -> None:
    said = "".join(_CHANNEL.format(id=id_, spec=spec) for id_, spec in channels.items())
    (root / "channels.yaml").write_text(_ACCOUNTS + said, encoding="utf-8")


def _to_pagerduty(pager: PagerDuty, more: str = "pages: {}") -> str:
    return f'to: pagerduty, url: "{pager.url}", routing_key: env:PAGERDUTY_KEY, secret: env:PAGERDUTY_SECRET, {more}'


def _to_slack(slack: Slack, more: str = "pages: {}") -> str:
    tokens = "token: env:SLACK_TOKEN, signing_secret: env:SLACK_SECRET, conversation: C0123456789"
    return f'to: slack, url: "{slack.url}", {tokens}, {more}'


def opened(running: Running, *who: str, **fields: Any) -> str:
    """Open an incident, and return its id."""
    with known_as(running, *(who or ("user:idp/vera",)), **_SAME) as client:
        said = {"type": "incident", "fields": {**_FIELDS, **fields}, "product": "shop.orders"}
        made = client.post("/api/v1/work-items", json=said)
        assert made.status_code == 201, made.text
        return str(made.json()["id"])


def moved(running: Running, id_: str, move: str, **fields: Any) -> None:
    """Move it, as who runs the data."""
    with known_as(running, "user:idp/ana", **_SAME) as client:
        answer = client.post(f"/api/v1/work-items/{id_}/moves", json={"move": move, "fields": fields})
        assert answer.status_code == 200, answer.text


def recorded(running: Running, *events: Event) -> None:
    """Record what another part of the product would, and have the round look."""
    served = running.app.state.served
    served.snapshots.ledger.acting(Caller("system:test", purpose="test", assurance="system")).append(*events)
    served.paging.wake()


def state_of(running: Running, id_: str) -> str:
    """Return the state an incident is in."""
    with known_as(running, "user:idp/ana") as client:
        return str(client.get(f"/api/v1/work-items/{id_}").json()["state"])


def test_a_page_goes_through_its_life_and_wakes_somebody_once(paging: Any, pager: PagerDuty) -> None:
    """Triggered, acknowledged and resolved under one key, with all that whoever is woken needs to begin."""
    running = paging(oncall=_to_pagerduty(pager))
    id_ = opened(running, assets=["shop.orders.orders"])
    until(lambda: pager.pages, "somebody was woken")
    moved(running, id_, "acknowledge")
    until(lambda: "acknowledge" in pager.actions(), "that it was acknowledged was told")
    moved(running, id_, "resolve", verified_by="user:idp/ana")
    until(lambda: "resolve" in pager.actions(), "that it was resolved was told")
    first = pager.events[0]

    assert (pager.pages, pager.actions()) == ([id_], ["trigger", "acknowledge", "resolve"])
    assert pager.alerts == {id_: ["triggered", "acknowledged", "resolved"]}
    assert first["payload"]["summary"] == "Incident of shop.orders: open: Orders are empty"
    assert (first["payload"]["severity"], first["payload"]["component"]) == ("error", "shop.orders.orders")
    assert first["payload"]["custom_details"]["answers"]["owner"] == "Shop data"
    assert KEY not in str([dict(e.data) for e in running.app.state.served.snapshots.ledger.read(types=("page.sent",))])


@pytest.mark.parametrize(
    "failing",
    [
        pytest.param((429, {"Retry-After": "0"}, b""), id="too many"),
        pytest.param((503, {}, b"not now"), id="it is ill"),
        pytest.param(None, id="it hangs up"),
    ],
)
def test_what_pagerduty_does_not_take_now_is_told_again(
    paging: Any, pager: PagerDuty, failing: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until it is taken; somebody is woken once."""
    monkeypatch.setattr("freehold.server.messages.paging._REST", timedelta(0))
    pager.failing += [failing, failing]
    running = paging(oncall=_to_pagerduty(pager))
    id_ = opened(running)
    rounds = running.app.state.served.paging
    until(lambda: rounds.wake() or pager.pages, "somebody was woken")

    assert (pager.pages, pager.failing) == ([id_], [])


def test_what_is_refused_holds_up_no_other(paging: Any, pager: PagerDuty) -> None:
    """One that it takes for invalid is told later; the next one is told now."""
    pager.failing.append(in_json({"status": "invalid event"}, 400))
    running = paging(oncall=_to_pagerduty(pager))
    opened(running)
    until(lambda: not pager.failing, "it was refused")
    second = opened(running)
    until(lambda: pager.pages, "somebody was woken")

    assert pager.pages == [second]


def test_only_what_a_channel_is_for_is_told_there(paging: Any, pager: PagerDuty) -> None:
    """By severity and team; what becomes more severe is told from then on."""
    with pagerduty() as others:
        running = paging(
            oncall=_to_pagerduty(pager, "pages: {severity: 1, teams: [shop-data]}"),
            others=_to_pagerduty(others, "pages: {teams: [people]}"),
        )
        mild, worst = opened(running, sev=3), opened(running, sev=1)
        until(lambda: pager.pages, "somebody was woken")
        recorded(running, Event("incident.updated", {"incident": mild, "sev": 1}, subject=mild))
        until(lambda: len(pager.pages) == 2, "it is severe by now")

        assert (pager.pages, others.events) == ([worst, mild], [])


def test_who_acknowledges_in_pagerduty_has_acknowledged_here(paging: Any, pager: PagerDuty) -> None:
    """As who a team's file says they are; told again it changes nothing."""
    running = paging(oncall=_to_pagerduty(pager))
    id_ = opened(running)
    until(lambda: pager.pages, "somebody was woken")
    first, again = hooked(running, id_, id_="one"), hooked(running, id_, id_="one")
    ledger = running.app.state.served.snapshots.ledger
    told = [e.data["responder"] for e in ledger.read(types=("incident.acknowledged",))]

    assert (first.json(), again.json(), state_of(running, id_)) == ({"taken": True}, {"taken": False}, "acknowledged")
    assert told == ["user:idp/ana"]


@pytest.mark.parametrize(
    ("how", "status"),
    [
        ({"secret": "another"}, 401),
        ({"channel": "nobody"}, 401),
        ({"user": "PCARL"}, 403),
        ({"user": "PNOBODY"}, 403),
        ({"event": "incident.resolved"}, 200),
    ],
    ids=["another secret", "no such channel", "who may not", "whom nobody names", "resolved there"],
)
def test_what_pagerduty_may_not_say_moves_nothing(
    paging: Any, pager: PagerDuty, how: dict[str, Any], status: int
) -> None:
    """Whoever made it up, whoever may not on the page, and what is not believed."""
    running = paging(oncall=_to_pagerduty(pager))
    id_ = opened(running)
    until(lambda: pager.pages, "somebody was woken")
    answer = hooked(running, id_, **how)

    assert (answer.status_code, state_of(running, id_)) == (status, "open"), answer.text


def test_in_slack_an_incident_is_one_message_and_its_thread(paging: Any, slack: Slack) -> None:
    """The message says how it stands, with the button while there is something to press; the thread what happened."""
    running = paging(team=_to_slack(slack))
    id_ = opened(running)
    until(lambda: slack.of("chat.postMessage"), "the channel was told")
    assert pressed(running, "U0ANA", slack.button(0, "approve")).status_code == 200
    until(lambda: len(slack.of("chat.postMessage")) == 2, "the thread was told")
    alerts = [{"alert_id": f"a{n}", "incident": id_, "role": "affected"} for n in range(3)]
    raised = {"rule": "rows", "page": True}
    recorded(
        running,
        *(
            Event("alert.raised", {"alert_id": f"a{n}", **raised, "reason": f"{n} is late"}, env="prod")
            for n in range(3)
        ),
        *(Event("alert.joined", said, env="prod", subject=said["alert_id"]) for said in alerts),
    )
    until(lambda: len(slack.of("chat.postMessage")) == 3, "the thread was told")
    moved(running, id_, "resolve", verified_by="user:idp/ana")
    until(lambda: len(slack.of("chat.postMessage")) == 4, "the thread was told")
    first, *thread = slack.of("chat.postMessage")
    replies = [str(one["blocks"][0]["text"]["text"]) for one in thread]
    updates = slack.of("chat.update")

    assert (first["text"], "thread_ts" in first) == ("Incident of shop.orders: open", False)
    assert {one["thread_ts"] for one in thread} == {one["ts"] for one in updates} == {"1503435956.000001"}
    assert replies[0].startswith("Acknowledged by user:idp/ana")
    assert replies[1] == "3 alerts joined: 0 is late, 1 is late, 2 is late."
    assert replies[2].startswith("Resolved ")
    assert updates[-1]["text"] == "Incident of shop.orders: resolved"
    assert [slack.buttons(one) for one in (first, updates[0], updates[-1])] == [["approve", "decline"], ["decline"], []]


def test_a_webhook_is_signed_and_told_of_each_step(paging: Any) -> None:
    """Its receiver knows by the id what comes twice."""
    with receiving() as receiver:
        running = paging(hook=f'to: webhook, url: "{receiver.url}", secret: env:HOOK_SECRET, pages: {{}}')
        id_ = opened(running)
        until(lambda: receiver.got, "it was told")
        moved(running, id_, "acknowledge")
        until(lambda: len(receiver.got) == 2, "it was told")

        assert [one.is_signed for one in receiver.got] == [True, True]
        assert [one.event["type"] for one in receiver.got] == ["freehold.page.opened", "freehold.page.acknowledged"]
        assert {one.event["about"] for one in receiver.got} == {id_}
        assert len({one.id for one in receiver.got}) == 2


def test_a_webhook_that_hears_late_hears_first_that_it_was_opened(paging: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then, in the same sentence after sentence, what happened since; never the id of words."""
    monkeypatch.setattr("freehold.server.messages.paging._REST", timedelta(0))
    with receiving(answer=lambda _: (503, {})) as receiver:
        running = paging(hook=f'to: webhook, url: "{receiver.url}", secret: env:HOOK_SECRET, pages: {{}}')
        running.app.state.served.rounds.close()  # it would gather the alerts into an incident of their own
        id_ = opened(running)
        alerts = [{"alert_id": f"a{n}", "incident": id_, "role": "affected"} for n in range(2)]
        raised = {"rule": "rows", "page": True, "reason": "it is empty"}
        recorded(
            running,
            *(Event("alert.raised", {"alert_id": one["alert_id"], **raised}, env="prod") for one in alerts),
            *(Event("alert.joined", said, env="prod", subject=said["alert_id"]) for said in alerts),
        )
        wake = running.app.state.served.paging.wake
        told = until(
            lambda: wake() or next((one.event for one in receiver.got if "joined" in one.event["said"]), None),
            "it was told of the alerts, too",
        )

    assert (told["type"], told["title"]) == ("freehold.page.opened", "Orders are empty")
    assert told["said"].startswith("Opened by user:idp/vera, ")
    assert told["said"].endswith(" 2 alerts joined: it is empty.")


def test_each_channel_that_takes_nothing_is_logged_once(paging: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs it sees all that fail, and does not see them every few seconds."""
    monkeypatch.setattr("freehold.server.messages.paging._REST", timedelta(0))
    with receiving(answer=lambda _: (503, {})) as receiver:
        one = f'to: webhook, url: "{receiver.url}", secret: env:HOOK_SECRET, pages: {{}}'
        running = paging(first=one, second=one)
        opened(running)
        wake = running.app.state.served.paging.wake
        until(lambda: wake() or len(receiver.got) > 6, "both were called again and again")

    told = [line["problem"].split("`")[1] for line in running.log if line["event"] == "paging"]
    assert sorted(told) == ["first", "second"]


def test_who_hangs_keeps_no_other_from_being_told(
    paging: Any, pager: PagerDuty, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody is woken though a webhook, whose turn is first, does not answer for longer than anybody waits."""
    monkeypatch.setattr("freehold.connect.messages.posting.TIMEOUT_S", 2 * LONGEST_S)
    over = threading.Event()
    with receiving(answer=lambda _: (204 if over.wait(2 * LONGEST_S) else 500, {})) as receiver:
        running = paging(
            a_hook=f'to: webhook, url: "{receiver.url}", secret: env:HOOK_SECRET, pages: {{}}',
            oncall=_to_pagerduty(pager),
        )
        id_ = opened(running)
        until(lambda: receiver.got and pager.pages, "both were called")
        over.set()

    assert pager.pages == [id_]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of what Apprise imports
def test_apprise_leads_to_the_rest(paging: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here, to a program that takes JSON: a message of its own each time something happens."""
    with receiving() as receiver:
        monkeypatch.setenv("ONCALL_URL", f"json://127.0.0.1:{receiver.port}/in")
        running = paging(oncall="to: apprise, url: env:ONCALL_URL, pages: {}")
        id_ = opened(running)
        until(lambda: receiver.got, "it was told")
        moved(running, id_, "acknowledge")
        until(lambda: len(receiver.got) == 2, "it was told")
        first, second = (one.event for one in receiver.got)

        assert first["title"] == "Incident of shop.orders: open"
        assert "Orders are empty" in first["message"]
        assert second["message"].startswith("Acknowledged by user:idp/ana")


def test_nobody_is_told_what_the_channel_may_not_see(paging: Any, pager: PagerDuty) -> None:
    """A product that its account may not see does not page there; where another may, it does."""
    with pagerduty() as blind:
        running = paging(oncall=_to_pagerduty(pager), blind=_to_pagerduty(blind))
        channels = running.root / "channels.yaml"
        said = channels.read_text(encoding="utf-8").replace("id: pager,", "id: seer,", 1)
        said += "---\n" + said.partition("---")[0].replace("id: seer,", "id: pager,")
        channels.write_text(said.replace("as: service:pager", "as: service:seer", 1), encoding="utf-8")
        file = running.root / "estate.yaml"
        file.write_text(file.read_text() + '  access: {see: [owner, "service:seer"]}\n', encoding="utf-8")
        running.app.state.served.changed()
        id_ = opened(running, "user:idp/anna", "role:idp/shop-data-owner")
        until(lambda: pager.pages, "who may see it was told")

        assert (pager.pages, blind.events) == ([id_], [])


def test_alerts_that_are_part_of_no_incident_page_by_themselves(paging: Any, pager: PagerDuty) -> None:
    """One key for as long as the group is heard of; taken in by an incident, or resolved, they end."""
    running = paging(oncall=_to_pagerduty(pager))
    running.app.state.served.rounds.close()  # it would gather them into an incident of its own
    raised = {
        "rule": "rows",
        "asset": "shop.orders.orders",
        "page": True,
        "severity": "critical",
        "reason": "it is empty",
    }
    noise = {"rule": "rows", "asset": "shop.orders.orders", "page": False}
    said = {"group": "shop.orders", "alerts": ["a1", "a2"]}
    recorded(
        running,
        Event("alert.raised", {"alert_id": "a1", **raised}, env="prod", product="shop.orders"),
        Event("alert.raised", {"alert_id": "a2", **noise}, env="prod", product="shop.orders"),
        Event("alert.notified", {**said, "reason": "first"}, env="prod"),
    )
    until(lambda: pager.pages, "somebody was woken")
    recorded(running, Event("alert.notified", {**said, "reason": "repeat"}, env="prod"))
    recorded(running, Event("alert.joined", {"alert_id": "a1", "incident": "incident/x", "role": "root"}, env="prod"))
    until(lambda: "resolve" in pager.actions(), "they are part of an incident")

    assert pager.actions() == ["trigger", "resolve"]
    assert pager.events[0]["payload"]["summary"] == "Alerts of shop.orders: open: it is empty"


def test_what_a_policy_hides_is_told_in_no_page(paging: Any, pager: PagerDuty) -> None:
    """What an alert says may quote rows: a channel whose account may not see those is told which monitor says so."""
    running = paging(oncall=_to_pagerduty(pager))
    policy = """\
apiVersion: freehold.dev/v1
kind: DataPolicy
metadata: {id: orders-masked, owner: shop-data}
spec:
  of: [shop.orders.orders]
  grants:
    - {to: ["service:pager"], masks: {customer: "'somebody'"}}
    - {to: [everyone]}
"""
    (running.root / "shop" / "policy.yaml").write_text(policy, encoding="utf-8")
    running.app.state.served.changed()
    running.app.state.served.rounds.close()  # it would gather the alert into an incident
    said = {"rule": "rows", "asset": "shop.orders.orders", "page": True, "severity": "critical"}
    recorded(
        running,
        Event(
            "alert.raised",
            {"alert_id": "a1", **said, "reason": "zirkon is no number"},
            env="prod",
            product="shop.orders",
        ),
        Event("alert.notified", {"group": "shop.orders", "alerts": ["a1"], "reason": "first"}, env="prod"),
    )
    until(lambda: pager.pages, "somebody was woken")

    assert pager.events[0]["payload"]["summary"] == "Alerts of shop.orders: open: `rows` says so"
    assert "zirkon" not in str(pager.events)


def test_a_plan_that_was_applied_is_told_beside_incidents(paging: Any, pager: PagerDuty) -> None:
    """Once; whoever is woken sees what changed last."""
    running = paging(oncall=_to_pagerduty(pager, "changes: true"))
    ledger = running.app.state.served.snapshots.ledger
    sent = until(lambda: [*ledger.read(types=("page.sent",))], "that the change was told was recorded")

    assert pager.changes[0]["payload"]["summary"].startswith("Applied to prod: ")
    assert [e.data["act"] for e in sent] == ["change"] * len(pager.changes)


def test_a_server_that_dies_while_it_pages_loses_no_page(
    made_estate: Path, tmp_path: Path, pager: PagerDuty, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It pages again when it is back; for PagerDuty that is the page it has, and nobody is woken twice."""
    monkeypatch.setenv("PAGERDUTY_KEY", KEY)
    monkeypatch.setenv("PAGERDUTY_SECRET", SIGNING)
    root = Path(shutil.copytree(made_estate, tmp_path / "shop"))
    _write(root, oncall=_to_pagerduty(pager))
    file = root / "estate.yaml"
    outbound = '  server: {outbound: {allow: ["127.0.0.1"], plain_http: true}}\n'
    file.write_text(file.read_text().rstrip() + "\n" + outbound, encoding="utf-8")
    made = freehold(
        root, "items", "new", "incident", "--product", "shop.orders",
        *("-f", "what=Orders are empty", "-f", "kind=data", "-f", "sev=1"),
    )  # fmt: skip
    assert made.returncode == 0, made.stdout + made.stderr
    pager.held.set()
    server = Server(root)
    try:
        until(lambda: pager.pages, "somebody was woken")
        server.end(signal.SIGKILL)
        with Ledger.open("sqlite:///.freehold/state.db", root=root) as ledger:
            assert list(ledger.read(types=("page.sent",))) == []
        pager.held.clear()
        server = Server(root)
        until(lambda: len(pager.events) == 2, "it was told again")
        until(lambda: _sent(root), "that was recorded")
    finally:
        server.end(signal.SIGKILL)

    assert (len(pager.pages), len(pager.alerts), pager.actions()) == (1, 1, ["trigger", "trigger"])


def _sent(root: Path) -> list[str]:
    with Ledger.open("sqlite:///.freehold/state.db", root=root) as ledger:
        return [str(e.data["act"]) for e in ledger.read(types=("page.sent",))]
