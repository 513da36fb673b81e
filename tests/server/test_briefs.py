"""Briefs: what a home page says, to each with their own eyes, once; and who asked is told what became of it, once."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx2
import pytest
from standardwebhooks.webhooks import Webhook

import guarded_estate
from freehold.connect.outbound import outbound_from
from freehold.foundation import Caller
from freehold.ledger import Event, Ledger
from freehold.server.briefs import Brief, as_html, as_text, brief_for
from freehold.server.briefs.content import Part
from freehold.server.identity import Who
from freehold.server.web.model import Line, Mark
from freehold.work import Work
from live_mail import Mailbox, mailing
from live_process import Server, freehold, until
from live_receiver import SECRET, Receiver, receiving
from live_server import Running, known_as
from live_slack import Slack

RATES = {"read": 100_000, "write": 100_000}
LOOPBACK = outbound_from({"allow": ["127.0.0.1"], "plain_http": True})
LONDON = ZoneInfo("Europe/London")
_FILES = """\
apiVersion: freehold.dev/v1
kind: ServiceAccount
metadata: {{id: bot, owner: {team}}}
spec: {{review_by: 2999-01-31}}
---
apiVersion: freehold.dev/v1
kind: Channel
metadata: {{id: team, owner: {team}}}
spec:
  {{to: slack, url: "{slack}", token: env:SLACK_TOKEN, signing_secret: env:SLACK_TOKEN, conversation: C01,
    as: service:bot}}
---
apiVersion: freehold.dev/v1
kind: Channel
metadata: {{id: programs, owner: {team}}}
spec: {{to: webhook, url: "{hook}", secret: env:HOOK_SECRET, as: service:bot}}
---
apiVersion: freehold.dev/v1
kind: Team
metadata: {{id: people}}
spec:
  handles:
    mail: {{ana@example.com: ["user:idp/ana"]}}
    slack: {{U0VERA: ["user:idp/vera"]}}
---
apiVersion: freehold.dev/v1
kind: Brief
metadata: {{id: monday, name: Monday brief, owner: {team}}}
spec: {{home: product, on: {day}, at: "{at}", to: {to}}}
"""
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    """A mail server."""
    with mailing() as one:
        yield one


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A program that is told by webhook."""
    with receiving() as one:
        yield one


@pytest.fixture
def write(slack: Slack, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Return a function that gives an estate a brief, which was due some hours ago."""
    monkeypatch.setenv("SLACK_TOKEN", "xoxb-secret")
    monkeypatch.setenv("HOOK_SECRET", SECRET)

    def make(root: Path, *to: str, hours: float = 3, team: str = "shop-data", zone: str = "Europe/London") -> Path:
        due = (datetime.now(UTC) - timedelta(hours=hours)).astimezone(ZoneInfo(zone))
        said = {"slack": slack.url, "hook": receiver.url, "team": team, "to": json.dumps(to)}
        said |= {"day": _DAYS[due.weekday()], "at": f"{due:%H:%M}"}
        (root / "briefs.yaml").write_text(_FILES.format(**said), encoding="utf-8")
        return root

    return make


@pytest.fixture
def shop(made_estate: Path, tmp_path: Path) -> Path:
    """An estate."""
    return Path(shutil.copytree(made_estate, tmp_path / "shop"))


def text_of(mail: EmailMessage) -> str:
    """Return the plain text of a mail."""
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def sent(root: Path, type: str = "brief.sent") -> list[dict[str, Any]]:
    """Return what is recorded to have been sent."""
    with Ledger.open("sqlite:///.freehold/state.db", root=root) as ledger:
        return [dict(e.data) for e in ledger.read(types=(type,))]


@pytest.mark.parametrize("home", ["consumer", "product", "dataops", "leader"])
def test_a_brief_says_what_the_page_says(serving: Callable[..., Running], home: str) -> None:
    """Its sentence and every line of it come of the page's own model, whoever looks."""
    running = serving(rates=RATES)
    brief = brief_for(running.app, Who.at_the_shell(), home)
    with running.signed_in() as client:
        told = client.get(f"/homes/{home}.json").json()
    page, lines = told["page"], [line.text for part in brief.parts for line in part.lines]
    lists = {"product": "lines", "leader": "sentences", "dataops": "strip", "consumer": "metrics"}

    assert brief.sentence == told["sentence"]
    assert brief.parts
    for one in page[lists[home]] or ():
        assert any((one.get("text") or one.get("value")) in line for line in lines), one
    for one in page.get("risks") or ():
        assert one["text"] in lines
    assert all(part.title in as_text(brief) and part.title in as_html(brief) for part in brief.parts)


def test_each_gets_theirs_once_by_the_way_that_leads_to_them(
    write: Callable[..., Path], shop: Path, serving: Callable[..., Running], mailbox: Mailbox, slack: Slack,
    receiver: Receiver,
) -> None:  # fmt: skip
    """By mail, to a person in Slack, to a channel, to a program; a server that begins anew sends nothing again."""
    to = ("user:idp/ana", "user:idp/vera", "channel:team", "channel:programs")
    write(shop, *to)
    for _ in range(2):
        running = serving(shop, rates=RATES, outbound=LOOPBACK, mail=mailbox.server())
        until(lambda: len(sent(shop)) == 4, "all were sent")
        running.app.state.served.rounds.wake()
        running.end()
    (mail,), posted, (got,) = mailbox.mails, slack.of("chat.postMessage"), receiver.got

    assert [(one["receiver"], one["by"]) for one in sent(shop)] == list(
        zip(to, ("mail", "slack", "slack", "webhook"), strict=True)
    )
    assert (mail["To"], mail["Subject"].startswith("Monday brief: ")) == ("ana@example.com", True)
    assert "What happened since Friday 17:00" in text_of(mail)
    assert [one["channel"] for one in posted] == ["U0VERA", "C01"]
    assert "shop.orders" in str(posted[0]["blocks"])
    assert Webhook(SECRET).verify(got.body, got.headers)["heading"].endswith(": product manager")
    assert "ana@example.com" not in json.dumps(sent(shop))


def test_a_brief_of_long_ago_and_one_to_come_are_not_sent(
    write: Callable[..., Path], shop: Path, serving: Callable[..., Running], mailbox: Mailbox
) -> None:
    """What was due yesterday, or is due in an hour: it waits for its time, a week on."""
    write(shop, "user:idp/ana", hours=-1)
    running = serving(shop, rates=RATES, mail=mailbox.server())
    served = running.app.state.served
    round_ = next(one for one in served.rounds._rounds if one.name == "briefs")
    round_.go()
    write(shop, "user:idp/ana", hours=30)
    served.changed()
    until(lambda: served.snapshots.now().estate.resources["Brief", "monday"], "the files were read")
    round_.go()

    assert (mailbox.mails, sent(shop)) == ([], [])


def test_what_fails_is_sent_later_and_holds_up_nobody(
    write: Callable[..., Path], shop: Path, serving: Callable[..., Running], mailbox: Mailbox, slack: Slack,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Mail that is refused for now comes with a later round; who is behind it is told meanwhile."""
    monkeypatch.setattr("freehold.server.briefs.sending._REST", timedelta(0))
    mailbox.failing += ["451 later", "451 later"]
    write(shop, "user:idp/ana", "user:idp/vera")
    running = serving(shop, rates=RATES, outbound=LOOPBACK, mail=mailbox.server())
    rounds = running.app.state.served.rounds
    until(lambda: rounds.wake() or len(sent(shop)) == 2, "both were sent")

    assert [one["receiver"] for one in sent(shop)] == ["user:idp/vera", "user:idp/ana"]
    assert len(mailbox.mails) == len(slack.of("chat.postMessage")) == 1


def test_a_receiver_is_told_of_nothing_that_they_may_not_see(
    write: Callable[..., Path], tmp_path: Path, serving: Callable[..., Running], mailbox: Mailbox
) -> None:
    """Somebody who sees one product of four is sent one; the others are in no part of the mail."""
    root = tmp_path / "guarded"
    guarded_estate.write(root)
    for product in guarded_estate.PRODUCTS:
        see = "{see: [user:idp/ana]}" if product == "works.wolfram" else "{see: [member]}"
        path = root.joinpath(*product.split(".")) / "product.odps.yaml"
        path.write_text(guarded_estate.product_file(product, see))
    assert freehold(root, "run").returncode == 0
    write(root, "user:idp/ana", team="metals", zone="UTC")
    serving(root, rates=RATES, mail=mailbox.server())
    until(lambda: mailbox.mails, "it came")
    raw = "".join(str(part.get_content()) for part in mailbox.mails[0].iter_parts())  # type: ignore[attr-defined]

    assert "works.wolfram" in raw
    assert not [word for word in ("bismuth", "selenium", "thorium") if word in raw]


def test_two_servers_of_one_state_send_each_brief_once(
    write: Callable[..., Path], made_estate: Path, tmp_path: Path, serving: Callable[..., Running], mailbox: Mailbox,
    slack: Slack, postgres_url: str,
) -> None:  # fmt: skip
    """Of two that look at the same time one sends, to each receiver."""
    running = []
    for name in ("one", "two"):
        root = Path(shutil.copytree(made_estate, tmp_path / name))
        file = root / "estate.yaml"
        file.write_text(file.read_text().replace("sqlite:///.freehold/state.db", f'"{postgres_url}"'))
        write(root, "user:idp/ana", "user:idp/vera", "channel:team")
        running.append(serving(root, rates=RATES, outbound=LOOPBACK, mail=mailbox.server()))
    ledger = running[0].app.state.served.snapshots.ledger
    until(lambda: len(list(ledger.read(types=("brief.sent",)))) == 3, "all were sent")
    for one in running:
        for each in one.app.state.served.rounds._rounds:
            if each.name == "briefs":
                each._done.clear()
                each.go()

    assert (len(mailbox.mails), len(slack.of("chat.postMessage"))) == (1, 2)


def test_a_server_that_is_killed_while_it_sends_sends_nothing_twice(
    write: Callable[..., Path], shop: Path, mailbox: Mailbox
) -> None:
    """The mail is there, and its answer never came: the next server leaves it at that, and sends the rest."""
    write(shop, "user:idp/ana", "channel:programs")
    estate, mail = shop / "estate.yaml", f'{{url: "smtp://127.0.0.1:{mailbox.port}", from: freehold@example.com}}'
    said = f"  server: {{mail: {mail}, outbound: {{allow: [127.0.0.1], plain_http: true}}}}\n  defaults:\n"
    estate.write_text(estate.read_text().replace("  defaults:\n", said, 1))
    mailbox.held.set()
    server = Server(shop)
    until(lambda: mailbox.mails, "the mail came")
    server.end(signal.SIGKILL)
    mailbox.held.clear()
    server = Server(shop)
    try:
        until(lambda: "channel:programs" in [one["receiver"] for one in sent(shop)], "the rest was sent")
    finally:
        server.end(signal.SIGKILL)

    assert [one["receiver"] for one in sent(shop)] == ["channel:programs"]
    assert len(mailbox.mails) == 1


# -- whoever asked for something


@contextmanager
def asking(running: Running, who: str) -> Iterator[httpx2.Client]:
    """Give a client of somebody whom an identity provider named."""
    with known_as(running, f"user:idp/{who}", **{"sec-fetch-site": "same-origin"}) as client:
        yield client


def asked(running: Running, who: str, what: str) -> str:
    """Ask a question, and return its id."""
    with asking(running, who) as client:
        made = client.post("/api/v1/work-items", json={"type": "question", "fields": {"what": what}})
        assert made.status_code == 201, made.text
        return str(made.json()["id"])


def settled(running: Running, original: str, *duplicates: str) -> Work:
    """Link duplicates to an item, and answer that; return the work of who did."""
    snapshots = running.app.state.served.snapshots
    caller = Caller("user:idp/sam", ("role:idp/shop-data-steward",), assurance="oidc")
    work = Work(snapshots.now().estate, snapshots.ledger.acting(caller), clock=snapshots.clock)
    for one in duplicates:
        work.link(one, "duplicate_of", original)
    work.move(original, "decline", fields={"because": "It is on the page."})
    return work


@pytest.fixture
def answering(
    write: Callable[..., Path], shop: Path, serving: Callable[..., Running], mailbox: Mailbox
) -> Callable[[], Running]:
    """Return a function that serves an estate whose people are reached by mail and in Slack."""
    write(shop, "channel:programs", hours=-1)
    for_all = "roles: {steward: [role:idp/shop-data-steward]}\n"
    teams = (shop / "briefs.yaml").read_text().replace("  handles:\n", f"  {for_all}  handles:\n")
    (shop / "briefs.yaml").write_text(teams)
    return lambda: serving(shop, rates=RATES, outbound=LOOPBACK, mail=mailbox.server())


def test_who_asked_for_a_duplicate_is_told_once_when_the_original_ends(
    answering: Callable[[], Running], shop: Path, mailbox: Mailbox, slack: Slack
) -> None:
    """By mail, in Slack, and on their home page, also whom no file says the way to; and after a restart not again."""
    running = answering()
    original = asked(running, "bo", "How many came back?")
    mine, hers, his = (asked(running, who, f"How many came back, {who}?") for who in ("ana", "vera", "carl"))
    settled(running, original, mine, hers, his)
    running.app.state.served.rounds.wake()
    until(lambda: len(sent(shop, "message.told")) == 2, "both were told")
    news = {}
    for who in ("ana", "vera", "carl", "bo"):
        with asking(running, who) as client:
            news[who] = client.get("/homes/consumer.json").json()["page"]["news"]
    running.end()
    running = answering()
    running.app.state.served.rounds.wake()
    until(lambda: running.app.state.served.rounds._trouble == {} and running.app.state.served.snapshots.now(), "ran")
    (mail,), (posted,) = mailbox.mails, slack.of("chat.postMessage")

    assert {(one["to"], one["by"], one["state"]) for one in sent(shop, "message.told")} == {
        ("user:idp/ana", "mail", "declined"), ("user:idp/vera", "slack", "declined"),
    }  # fmt: skip
    assert "“How many came back, ana?” is declined." in text_of(mail)
    assert (posted["channel"], "It was the same as “How many came back?”." in str(posted["blocks"])) == ("U0VERA", True)
    assert [len(news[who]) for who in ("ana", "vera", "carl", "bo")] == [1, 1, 1, 0]
    assert news["carl"][0]["href"] == f"/items/{his}"


def test_what_is_taken_back_and_ends_again_is_told_again(
    answering: Callable[[], Running], shop: Path, mailbox: Mailbox
) -> None:
    """Each end is told once: what was said before was not so."""
    running = answering()
    original, mine = asked(running, "bo", "Which days?"), asked(running, "ana", "Which days are missing?")
    work = settled(running, original, mine)
    until(lambda: running.app.state.served.rounds.wake() or len(sent(shop, "message.told")) == 1, "she was told")
    work.undo(original)
    work.move(original, "decline", fields={"because": "None."})
    until(lambda: running.app.state.served.rounds.wake() or len(sent(shop, "message.told")) == 2, "she was told again")

    assert len(mailbox.mails) == 2


def test_a_server_that_is_killed_tells_nobody_twice(write: Callable[..., Path], shop: Path, mailbox: Mailbox) -> None:
    """Ended by force after the mail had come and before that was recorded; the next server tells who is left."""
    write(shop, "channel:programs", hours=-1)
    estate, mail = shop / "estate.yaml", f'{{url: "smtp://127.0.0.1:{mailbox.port}", from: freehold@example.com}}'
    said = f"  server: {{mail: {mail}, outbound: {{allow: [127.0.0.1], plain_http: true}}}}\n  defaults:\n"
    estate.write_text(estate.read_text().replace("  defaults:\n", said, 1))
    (shop / "briefs.yaml").write_text(
        (shop / "briefs.yaml").read_text().replace("mail: {", 'mail: {bo@example.com: ["user:idp/bo"], ')
    )
    with Ledger.open("sqlite:///.freehold/state.db", root=shop) as ledger:
        ended = {"to": "declined", "final": True, "reason": "duplicate", "with": "question/0"}
        for who in ("ana", "bo"):
            id_ = f"question/{who}"
            begun = {"item": id_, "type": "question", "requester": f"user:idp/{who}", "state": "asked"}
            ledger.append(
                Event("work.created", begun, subject=id_),
                Event("work.transitioned", {"item": id_, "type": "question", "from": "asked", **ended}, subject=id_),
            )
    mailbox.held.set()
    server = Server(shop)
    until(lambda: mailbox.mails, "the first mail came")
    server.end(signal.SIGKILL)
    mailbox.held.clear()
    server = Server(shop)
    try:
        until(lambda: sent(shop, "message.told"), "the other was told")
    finally:
        server.end(signal.SIGKILL)

    assert sorted(mailbox.recipients) == ["ana@example.com", "bo@example.com"]


def test_a_brief_of_another_sees_as_they_do(serving: Callable[..., Running]) -> None:
    """What is mine on a page is mine in the brief, and nobody else's."""
    running = serving(rates=RATES)
    somebody = Who("user:idp/nobody-knows", "x", (), "token", "token", "a test")

    assert "My products" not in [part.title for part in brief_for(running.app, somebody, "product").parts]


def test_a_brief_of_what_is_nobody_is_refused(made_estate: Path) -> None:
    """A name alone would be a stranger's brief."""
    said = freehold(made_estate, "brief", "--as", "ana")

    assert (said.returncode, said.stdout, "FH-W106" in said.stderr) == (2, "", True)


def test_words_of_people_are_words_in_a_mail() -> None:
    """What looks like markup is shown as it was written, and an address leads to the portal or nowhere."""
    line = Line("<b>sales</b>", Mark("bad", "<i>late</i>"), "<script>alert(1)</script> & `so`", "/items/question/1")
    parts = (Part("<u>Asked</u>", (line,), ""),)
    told = Brief("product", "<h1>", "5 < 6", datetime(2011, 3, 7, tzinfo=UTC), "", parts, "https://data.example.com")
    html, nowhere = as_html(told), as_html(replace(told, address=""))

    assert "<script>" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; <code>so</code>" in html
    assert 'href="https://data.example.com/items/question/1"' in html
    assert "href=" not in nowhere
    assert "https://data.example.com/items/question/1" in as_text(told)
