"""Decisions where people are: told once, made with the rights of whoever presses, and nobody else's."""

from __future__ import annotations

import shutil
import signal
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from changing_estates import OWNER, STEWARD, change_metric, owned
from freehold.connect.messages import channel_findings, channels_of, slack_signed
from freehold.connect.messages.failing import Busy
from freehold.connect.messages.message import Button, Message
from freehold.connect.messages.posting import Posting
from freehold.connect.messages.rendering import adaptive_card
from freehold.connect.outbound import outbound_from
from freehold.estate import load_estate
from freehold.foundation import FreeholdError
from freehold.ledger import Ledger
from freehold.work import Item, Work
from live_double import Answer, doubling, in_json
from live_process import Server, freehold, until
from live_server import Running, known_as
from live_slack import SIGNING, Slack, pressed, reasoned, sent

_FILES = """\
apiVersion: freehold.dev/v1
kind: ServiceAccount
metadata: {{id: slack, owner: shop-data}}
spec: {{review_by: 2999-01-31}}
---
apiVersion: freehold.dev/v1
kind: Channel
metadata: {{id: team, owner: shop-data}}
spec:
  to: slack
  url: {url}
  token: env:SLACK_TOKEN
  signing_secret: env:SLACK_SECRET
  conversation: C0123456789
  as: service:slack
  decisions: [{decisions}]
  files: question
  notices: true
---
apiVersion: freehold.dev/v1
kind: Team
metadata: {{id: people}}
spec:
  roles: {{steward: ["user:idp/sam"]}}
  handles:
    slack:
      {{U0SAM: ["user:idp/sam"], U0CARL: ["user:idp/carl"], U0OWNER: ["user:idp/anna"], U0STEWARD: ["user:idp/bert"]}}
"""
RATES = {"read": 100_000, "write": 100_000}


@dataclass
class Teams:
    """The workflow of a Teams channel: what it was sent, and what it answers first."""

    port: int = 0
    cards: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    failing: list[Answer | None] = field(default_factory=list)

    def answered(self, path: str, _: Any, body: Any, __: Mapping[str, str]) -> Answer | None:
        """Take a card, as a workflow does: with 202 and no body."""
        if self.failing:
            return self.failing.pop(0)
        self.cards.append((path, body))
        return 202, {}, b""


LOOPBACK = outbound_from({"allow": ["127.0.0.1"], "plain_http": True})


@pytest.fixture
def told(
    made_estate: Path, tmp_path: Path, serving: Callable[..., Running], slack: Slack, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Running]:
    """Return a function that serves an estate whose decisions are told in Slack."""
    monkeypatch.setenv("SLACK_TOKEN", "xoxb-secret")
    monkeypatch.setenv("SLACK_SECRET", SIGNING)

    def start(root: Path | None = None, decisions: str = "question") -> Running:
        root = root or Path(shutil.copytree(made_estate, tmp_path / "shop"))
        (root / "channels.yaml").write_text(_FILES.format(url=slack.url, decisions=decisions), encoding="utf-8")
        return serving(root, rates=RATES, outbound=LOOPBACK)

    return start


def asked(running: Running) -> str:
    """Ask a question, and return its id."""
    with known_as(running, "user:idp/vera") as client:
        said = {"type": "question", "fields": {"what": "How many came back?"}}
        made = client.post("/api/v1/work-items", json=said, headers={"sec-fetch-site": "same-origin"})
        assert made.status_code == 201, made.text
        return str(made.json()["id"])


ODD = ("", "{", "[]", "null", '{"actions": "x"}', '{"type": "view_submission", "view": {"private_metadata": "x"}}')


def test_what_slack_never_sends_is_refused(told: Callable[..., Running]) -> None:
    """Rightly signed and in another form: the sender's fault; a button of another app's message does nothing."""
    running = told()
    asked(running)

    answers = [sent(running, "team/actions", {"payload": said}) for said in ODD]
    assert {answer.status_code for answer in answers} == {400}
    assert {answer.json()["code"] for answer in answers} == {"FH-X327"}
    assert {pressed(running, "U0SAM", value).status_code for value in ("", "xx", "now", "now item")} == {200}


def item(running: Running, id_: str) -> Item:
    """Return an item as it stands."""
    served = running.app.state.served
    return Work(served.snapshots.now().estate, served.snapshots.ledger).item(id_)


def test_a_decision_is_told_once_made_by_a_button_and_then_said_to_be_made(told: Any, slack: Slack) -> None:
    """The message has who asks and what; pressed by who may, the item moves as theirs, and the message says so."""
    running = told()
    id_ = asked(running)
    until(lambda: slack.of("chat.postMessage"), "the channel was told")
    answer = pressed(running, "U0SAM", slack.button(0, "approve"))
    until(lambda: slack.of("chat.update"), "the message was changed")
    until(lambda: len(slack.of("chat.postMessage")) == 2, "the next state was told")
    posted, changed = slack.of("chat.postMessage")[0], slack.of("chat.update")[0]
    moved = item(running, id_)

    assert (answer.status_code, moved.state, moved.history[-1].actor) == (200, "taken", "user:idp/sam")
    assert (posted["channel"], "How many came back?" in str(posted["blocks"])) == ("C0123456789", True)
    assert (changed["ts"], "Take by user:idp/sam" in str(changed["blocks"])) == ("1503435956.000001", True)
    assert "actions" not in str([block["type"] for block in changed["blocks"]])
    assert slack.authorizations == {"Bearer xoxb-secret"}


def test_what_is_announced_to_go_is_told_once_and_then_how_it_ended(told: Any, slack: Slack) -> None:
    """The channel hears what goes and by when; kept after all, the message says so."""
    running, at = told(), "/api/v1/work-items"
    fields = {
        "what": "Average orders mislead.",
        "reason": "unused",
        "due": "2097-03-31",
        "metric": "shop.average_order",
    }
    with known_as(running, "user:idp/anna", "role:idp/shop-data-owner") as owner:
        began = owner.post(at, json={"type": "deprecation", "fields": fields, "product": "shop.orders"}).json()
        owner.post(f"{at}/{began['id']}/moves", json={"move": "announce"})
        until(lambda: slack.of("chat.postMessage"), "the channel was told")
        kept = {"move": "keep", "fields": {"because": "It is needed."}}
        assert owner.post(f"{at}/{began['id']}/moves", json=kept).status_code == 200
    until(lambda: slack.of("chat.update"), "the message was changed")
    (posted,), (changed,) = slack.of("chat.postMessage"), slack.of("chat.update")

    assert posted["text"] == "shop.average_order goes on 2097-03-31"
    assert "Average orders mislead." in str(posted["blocks"])
    assert "Keep by user:idp/anna" in str(changed["blocks"])


def test_who_may_not_on_the_page_may_not_here(told: Any, slack: Slack) -> None:
    """Somebody without the role, and somebody whom no team names, are told so alone; nothing moves."""
    running = told()
    id_ = asked(running)
    until(lambda: slack.of("chat.postMessage"), "the channel was told")
    value = slack.button(0, "approve")
    for user in ("U0CARL", "U0NOBODY"):
        assert pressed(running, user, value).status_code == 200
    whispers = until(lambda: len(found := slack.of("chat.postEphemeral")) == 2 and found, "both were told")

    assert item(running, id_).state == "asked"
    assert [(one["user"], known) for one, known in zip(whispers, ("`take` is for", "Nobody here knows"), strict=True)
            if known in one["text"]] == [("U0CARL", "`take` is for"), ("U0NOBODY", "Nobody here knows")]  # fmt: skip


def test_declining_takes_a_reason_where_the_page_does(told: Any, slack: Slack) -> None:
    """It is asked for in a window; without the right, the window says what keeps from it."""
    running = told()
    id_ = asked(running)
    until(lambda: slack.of("chat.postMessage"), "the channel was told")
    pressed(running, "U0SAM", slack.button(0, "decline"), "decline")
    window = slack.of("views.open")[0]["view"]
    refused = reasoned(running, "U0CARL", window["private_metadata"], "no")
    done = reasoned(running, "U0SAM", window["private_metadata"], "It is on the orders page.")
    after = item(running, id_)
    work = Work(running.app.state.served.snapshots.now().estate, running.app.state.served.snapshots.ledger)

    assert "`decline` is for" in refused.json()["errors"]["why"]
    assert (done.status_code, done.content, after.state) == (200, b"", "declined")
    assert work.texts(after)["because"] == "It is on the orders page."


def test_a_button_of_a_state_that_is_over_does_nothing(told: Any, slack: Slack) -> None:
    """Whoever pressed late is told how it stands."""
    running = told()
    id_ = asked(running)
    until(lambda: slack.of("chat.postMessage"), "the channel was told")
    value = slack.button(0, "approve")
    pressed(running, "U0SAM", value)
    before = len(item(running, id_).history)
    pressed(running, "U0SAM", value + "", at_s=int(time.time()) - 7)
    whisper = until(lambda: slack.of("chat.postEphemeral"), "they were told")[0]

    assert "waits no longer" in whisper["text"]
    assert len(item(running, id_).history) == before


@pytest.mark.parametrize(
    "wrong",
    [{"secret": "another"}, {"ago_s": 330}, {"ago_s": -330}],
    ids=["another secret", "too old", "of the future"],
)
def test_what_slack_did_not_sign_lately_does_nothing(told: Any, slack: Slack, wrong: dict[str, Any]) -> None:
    """Whoever made it up is refused, and nothing moves."""
    running = told()
    answer = sent(running, "team/commands", {"text": "x", "user_id": "U0SAM", "trigger_id": "1"}, **wrong)
    elsewhere = sent(running, "nobody/commands", {"text": "x", "user_id": "U0SAM", "trigger_id": "1"})

    assert (answer.status_code, answer.json()["code"]) == (401, "FH-X323")
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (401, "FH-X323")
    assert slack.calls == []


def test_a_slash_command_files_an_item_once(told: Any, slack: Slack) -> None:
    """In the name of whoever sent it; caught and sent again it is refused, and its sender is told alone."""
    running = told(decisions="incident")
    form, at_s = {"text": "How many came back?", "user_id": "U0CARL", "trigger_id": "1.2"}, int(time.time())
    first = sent(running, "team/commands", form, at_s=at_s)
    again = sent(running, "team/commands", form, at_s=at_s)
    stranger = sent(running, "team/commands", {**form, "user_id": "U0NOBODY"})
    served = running.app.state.served
    found = Work(served.snapshots.now().estate, served.snapshots.ledger).items()

    assert (first.status_code, first.json()["response_type"]) == (200, "ephemeral")
    assert first.json()["text"].startswith("Filed: question/")
    assert (again.status_code, again.json()["code"]) == (401, "FH-X323")
    assert "Nobody here knows" in stranger.json()["text"]
    assert [(one.type, one.requester) for one in found] == [("question", "user:idp/carl")]


def test_a_plan_is_approved_as_on_its_page(told: Any, slack: Slack, tmp_path: Path) -> None:
    """Once somebody asked for approval; its author may not, its owner may, and it is recorded as theirs."""
    root = tmp_path / "shop"
    assert freehold(tmp_path, "init", str(root)).returncode == 0
    owned(root)
    estate = root / "estate.yaml"
    estate.write_text(estate.read_text().replace("connection: warehouse}", "connection: warehouse, protected: true}"))
    (root / "channels.yaml").write_text(_FILES.format(url=slack.url, decisions="plan"), encoding="utf-8")
    assert freehold(root, "apply", "--yes").returncode == 0
    change_metric(root, "orders.amount > 0")
    running = told(root, decisions="plan")
    with known_as(running, f"user:idp/{STEWARD}") as client:
        plan = client.get("/plan.json").json()["page"]["id"]
        asking = client.post("/plan/ask", data={"plan": plan}, headers={"sec-fetch-site": "same-origin"})
        assert asking.status_code == 303, asking.text
    until(lambda: slack.of("chat.postMessage"), "the channel was told")
    value = slack.button(0, "approve")
    pressed(running, "U0STEWARD", value)
    whisper = until(lambda: slack.of("chat.postEphemeral"), "the author was told")[0]
    pressed(running, "U0OWNER", value)
    served = running.app.state.served
    approvals = [e.actor for e in served.snapshots.ledger.read(types=("change.approved",), subject=plan)]

    assert "nobody approves a change of their own" in whisper["text"]
    assert approvals == [f"user:idp/{OWNER}"]


def test_what_cannot_be_told_now_is_told_later_and_nothing_twice(told: Any, slack: Slack) -> None:
    """A restart tells nothing again."""
    running = told()
    asked(running)
    until(lambda: slack.of("chat.postMessage"), "the channel was told")
    running.end()
    with Ledger.open("sqlite:///.freehold/state.db", root=running.root) as ledger:
        sent_ = [e.data["about"] for e in ledger.read(types=("message.sent",))]

    assert len(sent_) == len(slack.of("chat.postMessage")) == 1


@pytest.mark.parametrize(
    "failing",
    [
        pytest.param((429, {"Retry-After": "0"}, b"slow down"), id="too many"),
        pytest.param((503, {}, b"not now"), id="it is ill"),
        pytest.param(in_json({"ok": False, "error": "ratelimited"}), id="too many, in its own words"),
        pytest.param(None, id="it hangs up"),
    ],
)
def test_what_slack_does_not_take_now_is_told_later_once(
    told: Any, slack: Slack, failing: Answer | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever kept it back for now, it comes with a later round, and is recorded once."""
    monkeypatch.setattr("freehold.server.messages.telling._REST", timedelta(0))
    slack.failing += [failing, failing]
    running = told()
    asked(running)
    rounds = running.app.state.served.rounds
    until(lambda: rounds.wake() or slack.of("chat.postMessage"), "it was told")
    ledger = running.app.state.served.snapshots.ledger
    until(lambda: list(ledger.read(types=("message.sent",))), "that was recorded")

    assert slack.failing == []
    assert len(slack.of("chat.postMessage")) == len(list(ledger.read(types=("message.sent",)))) == 1


def test_how_long_slack_asks_to_be_left_alone_is_heeded(made_estate: Path, slack: Slack, tmp_path: Path) -> None:
    """What is told of it says for how long; a refusal for good asks for nothing."""
    root = Path(shutil.copytree(made_estate, tmp_path / "shop"))
    (root / "channels.yaml").write_text(_FILES.format(url=slack.url, decisions="plan"), encoding="utf-8")
    (root / "slack.token").write_text("xoxb-secret")
    channel = replace(channels_of(load_estate(root))["team"], token="file:slack.token")
    posting = Posting(root, LOOPBACK)
    slack.failing += [(429, {"Retry-After": "90"}, b""), in_json({"ok": False, "error": "invalid_auth"})]
    with pytest.raises(Busy) as busy:
        posting.post(channel, Message("x", (), ""))
    with pytest.raises(FreeholdError) as refused:
        posting.post(channel, Message("x", (), ""))

    assert busy.value.wish == timedelta(seconds=90)
    assert (refused.value.code, isinstance(refused.value, Busy)) == ("FH-X322", False)


def test_a_message_that_somebody_deleted_holds_up_no_other(told: Any, slack: Slack) -> None:
    """It cannot be changed any more, which is all that was to be done with it; what comes next is told."""
    running = told()
    id_ = asked(running)
    until(lambda: slack.of("chat.postMessage"), "the channel was told")
    value = slack.button(0, "decline")
    slack.failing.append(in_json({"ok": False, "error": "message_not_found"}))
    reasoned(running, "U0SAM", value.partition(" ")[2], "It is on the orders page.")
    asked(running)
    until(lambda: len(slack.of("chat.postMessage")) == 2, "the next was told")

    assert item(running, id_).state == "declined"
    assert slack.failing == []


def test_teams_is_told_by_a_card_that_leads_to_the_page(
    made_estate: Path, tmp_path: Path, serving: Callable[..., Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By HTTP, at an address that is a secret; what it does not take for now comes again, and nothing comes twice."""
    monkeypatch.setattr("freehold.server.messages.telling._REST", timedelta(0))
    root = Path(shutil.copytree(made_estate, tmp_path / "shop"))
    with doubling(Teams(failing=[(502, {}, b""), None])) as teams:
        monkeypatch.setenv("TEAMS_URL", f"http://127.0.0.1:{teams.port}/workflows/s3cret/run")
        text = _FILES.format(url="https://slack.com", decisions="plan")
        place = text.index("kind: Channel")
        end = text.index("---", place)
        channel = (
            "kind: Channel\nmetadata: {id: office, owner: shop-data}\n"
            "spec: {to: teams, url: env:TEAMS_URL, as: service:slack, decisions: [question]}\n"
        )
        (root / "channels.yaml").write_text(text[:place] + channel + text[end:], encoding="utf-8")
        running = serving(root, rates=RATES, outbound=LOOPBACK)
        asked(running)
        rounds, ledger = running.app.state.served.rounds, running.app.state.served.snapshots.ledger
        until(lambda: rounds.wake() or list(ledger.read(types=("message.sent",))), "it was told")
        running.end()
        (path, body), *more = teams.cards

        assert (path, more) == ("/workflows/s3cret/run", [])
        assert body["attachments"][0]["contentType"] == "application/vnd.microsoft.card.adaptive"
        assert "How many came back?" in str(body["attachments"][0]["content"]["body"])
        assert "s3cret" not in str(running.log)


def test_a_server_that_is_killed_tells_the_message_under_way_again_and_no_other(
    made_estate: Path, tmp_path: Path, slack: Slack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between posting and recording: that one comes twice, what was told before it does not."""
    monkeypatch.setenv("SLACK_TOKEN", "xoxb-secret")
    monkeypatch.setenv("SLACK_SECRET", SIGNING)
    root = Path(shutil.copytree(made_estate, tmp_path / "shop"))
    (root / "channels.yaml").write_text(_FILES.format(url=slack.url, decisions="question"), encoding="utf-8")
    estate = root / "estate.yaml"
    said = "  server: {outbound: {allow: [127.0.0.1], plain_http: true}}\n  defaults:\n"
    estate.write_text(estate.read_text().replace("  defaults:\n", said, 1))
    assert freehold(root, "items", "new", "question", "-f", "what=The first?").returncode == 0
    server = Server(root)
    with Ledger.open("sqlite:///.freehold/state.db", root=root) as ledger:
        until(lambda: list(ledger.read(types=("message.sent",))), "the first was told")
        slack.held.set()
        assert freehold(root, "items", "new", "question", "-f", "what=The second?").returncode == 0
        until(lambda: len(slack.of("chat.postMessage")) == 2, "the second came")
        server.end(signal.SIGKILL)
        slack.held.clear()
        server = Server(root)
        try:
            until(lambda: len(list(ledger.read(types=("message.sent",)))) == 2, "the second was told")
        finally:
            server.end(signal.SIGKILL)
    posted = [str(one["blocks"]) for one in slack.of("chat.postMessage")]

    assert [sum(what in one for one in posted) for what in ("The first?", "The second?")] == [1, 2]


def test_one_of_two_servers_takes_what_slack_sends_to_both(
    made_estate: Path, tmp_path: Path, serving: Callable[..., Running], slack: Slack, postgres_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """At the same time, signed alike: one does what it says, the other refuses it; and so each time."""
    monkeypatch.setenv("SLACK_TOKEN", "xoxb-secret")
    monkeypatch.setenv("SLACK_SECRET", SIGNING)
    both = []
    for name in ("one", "two"):
        root = Path(shutil.copytree(made_estate, tmp_path / name))
        file = root / "estate.yaml"
        file.write_text(file.read_text().replace("sqlite:///.freehold/state.db", f'"{postgres_url}"'))
        (root / "channels.yaml").write_text(_FILES.format(url=slack.url, decisions="incident"), encoding="utf-8")
        both.append(serving(root, rates=RATES, outbound=LOOPBACK))
    at_s = int(time.time())
    for number in range(6):
        form = {"text": f"Question {number}", "user_id": "U0CARL", "trigger_id": f"{number}"}
        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(lambda one, form=form: sent(one, "team/commands", form, at_s=at_s), both))

        assert sorted(answer.status_code for answer in answers) == [200, 401]
    served = both[0].app.state.served
    assert len(Work(served.snapshots.now().estate, served.snapshots.ledger).items()) == 6


def test_rounds_read_what_is_new_and_no_more(told: Any, slack: Slack, monkeypatch: pytest.MonkeyPatch) -> None:
    """An event brings in itself: what came before was read once, however many rounds there are."""
    running = told()
    asked(running)
    until(lambda: slack.of("chat.postMessage"), "the channel was told")
    ledger = running.app.state.served.snapshots.ledger
    read, before = Ledger.read, set[int]()
    newest = next(ledger.read(types=("work.*",), newest_first=True, limit=1)).seq
    following = [one._items for one in running.app.state.served.rounds._rounds if hasattr(one, "_items")]
    until(lambda: all(items.read >= newest for items in following), "each of the rounds has read it")

    def noting(self: Ledger, **said: Any) -> Any:
        in_round = threading.current_thread().name == "rounds"
        for event in read(self, **said):
            if in_round and event.type.startswith("work.") and event.seq <= newest:
                before.add(event.seq)
            yield event

    monkeypatch.setattr(Ledger, "read", noting)
    asked(running)
    until(lambda: len(slack.of("chat.postMessage")) == 2, "the next was told")

    assert before == set()


def test_the_signature_is_the_one_that_slack_documents() -> None:
    """The example of its documentation."""
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name="
        b"foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2F"
        b"hooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.474"
        b"45629121.803a0bc887a14d10d2c447fce8b6703c"
    )

    assert slack_signed(1531420618, body, SIGNING) == (
        "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
    )


def test_a_card_of_teams_leads_to_the_page() -> None:
    """In the envelope that workflows take: no button decides there, since nobody could tell who pressed it."""
    card = adaptive_card(
        Message("Plan waits", ("A change.",), "https://data.example.com/plan", (Button("Approve", "x"),))
    )
    content = card["attachments"][0]["content"]

    assert (card["type"], card["attachments"][0]["contentType"]) == (
        "message",
        "application/vnd.microsoft.card.adaptive",
    )
    assert content["actions"] == [{"type": "Action.OpenUrl", "title": "Open", "url": "https://data.example.com/plan"}]
    assert [block["text"] for block in content["body"]] == ["Plan waits", "A change."]


def test_a_channel_that_cannot_work_is_found_in_its_file(made_estate: Path, tmp_path: Path) -> None:
    """An account that nobody declares, a type without a workflow, a secret that is missing."""
    root = Path(shutil.copytree(made_estate, tmp_path / "shop"))
    text = _FILES.format(url="https://slack.com", decisions="plan, qestion").replace(
        "as: service:slack", "as: service:slak"
    )
    (root / "channels.yaml").write_text(text.replace("  token: env:SLACK_TOKEN\n", ""), encoding="utf-8")

    assert [(one.code, one.fix) for one in channel_findings(load_estate(root))] == [
        ("FH-X320", "Did you mean `service:slack`?"), ("FH-X320", "Did you mean `question`?"),
        ("FH-X320", "Add `token`."),
    ]  # fmt: skip
