"""Webhooks through the death of the server: none is lost, and at most the one in flight comes twice, by the same id."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from freehold.ledger import Event, Ledger
from live_process import FREEHOLD, Server, freehold, until
from live_receiver import SECRET, Receiver, receiving

EVENTS = 210
_FILES = """\
apiVersion: freehold.dev/v1
kind: ServiceAccount
metadata: {{id: hooks, owner: shop-data}}
spec: {{review_by: 2999-01-31}}
---
apiVersion: freehold.dev/v1
kind: Subscription
metadata: {{id: hook, owner: shop-data}}
spec: {{url: "{url}", secret: "file:hook.secret", as: "service:hooks", types: [run.*], timeout: 5s}}
"""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver that takes everything."""
    with receiving() as one:
        yield one


@pytest.fixture
def root(receiver: Receiver, tmp_path: Path) -> Path:
    """An estate that subscribes, and may call loopback."""
    assert FREEHOLD.is_file()
    root = tmp_path / "shop"
    assert freehold(tmp_path, "init", str(root)).returncode == 0
    estate = root / "estate.yaml"
    allowed = "  server: {outbound: {allow: [127.0.0.1], plain_http: true}}\n"
    estate.write_text(estate.read_text().replace("  defaults:\n", f"{allowed}  defaults:\n", 1))
    (root / "hooks.yaml").write_text(_FILES.format(url=receiver.url))
    (root / "hook.secret").write_text(SECRET)
    return root


def happen(root: Path, many: int) -> list[int]:
    """Let runs end, as another process tells it."""
    with Ledger.open("sqlite:///.freehold/state.db", root=root) as ledger:
        told = (Event("run.completed", {"run_id": f"r{n}", "asset": "shop.orders.orders", "status": "success"})
                for n in range(many))  # fmt: skip
        return list(ledger.append(*told))


def begun(root: Path) -> bool:
    """Whether the subscription is looked at."""
    with Ledger.open("sqlite:///.freehold/state.db", root=root) as ledger:
        return "hook" in ledger.webhooks.standings()


@pytest.mark.parametrize("kills", [2, pytest.param(8, marks=pytest.mark.long)])
def test_a_server_that_is_killed_loses_no_event_and_repeats_at_most_the_one_in_flight(
    root: Path, receiver: Receiver, kills: int
) -> None:
    """Killed in the middle of it, again and again; every event comes, in order, each under one id."""
    servers = [Server(root)]
    try:
        until(lambda: begun(root), "it began")
        numbers = happen(root, EVENTS)
        for kill in range(1, kills + 1):
            until(lambda kill=kill: len(set(receiver.numbers)) >= kill * EVENTS // (kills + 2), f"some came, {kill}")
            servers[-1].end(signal.SIGKILL)
            servers.append(Server(root))
        until(lambda: len(set(receiver.numbers)) == EVENTS, "all came")
    finally:
        for server in servers:
            server.end(signal.SIGKILL)
    often = Counter(receiver.numbers)
    repeated = [n for n, many in often.items() if many > 1]
    first = list(dict.fromkeys(receiver.numbers))
    ids = {int(one.event["sequence"]): one.id for one in receiver.events}

    assert first == numbers
    assert len(repeated) <= kills
    assert max(often.values()) <= 2
    assert all(ids[int(one.event["sequence"])] == one.id for one in receiver.events)
    assert all(one.is_signed for one in receiver.got)


def test_commands_tell_ping_and_send_again(root: Path, receiver: Receiver) -> None:
    """The list, the deliveries, a ping with and without a server, and an event once more."""
    alone = freehold(root, "webhooks", "ping", "hook")
    server = Server(root)
    try:
        until(lambda: begun(root), "it began")
        numbers = happen(root, 2)
        until(lambda: receiver.numbers == numbers, "both came")
        listed = freehold(root, "webhooks", "list")
        sent = until(
            lambda: (
                (said := freehold(root, "webhooks", "deliveries", "hook", "--state", "delivered"))
                and said.stdout.count("run.completed") == 2
                and said
            ),
            "both are listed",
        )
        receiver.answer = lambda _: (500, {})
        refused = freehold(root, "webhooks", "ping", "hook", "--json")
        receiver.answer = lambda _: (204, {})
        again = freehold(root, "webhooks", "redeliver", "hook", receiver.events[0].id)
        until(lambda: receiver.numbers == [*numbers, numbers[0]], "it came again")
        unknown = freehold(root, "webhooks", "deliveries", "hok")
        none = freehold(root, "webhooks", "redeliver", "hook", "--dead")
        not_disabled = freehold(root, "webhooks", "enable", "hook")
    finally:
        server.end(signal.SIGKILL)

    assert (alone.returncode, alone.stderr.split(" in ")[0]) == (0, "Taken: 204")
    assert receiver.got[0].event["type"] == "freehold.webhook.ping"
    assert "hook" in listed.stdout
    assert "well" in listed.stdout
    assert sent.returncode == 0
    assert refused.returncode == 1
    assert '"problem": "it answered 500"' in refused.stdout
    assert again.stderr == "1 to be sent.\n"
    assert (unknown.returncode, "FH-A167" in unknown.stderr, "hook" in unknown.stderr) == (2, True, True)
    assert none.stderr == "There are no dead letters.\n"
    assert not_disabled.stderr == "It was not disabled, and waits for nothing.\n"
