"""Work items through the death of the server: what was acknowledged is there, and nothing is there twice."""

from __future__ import annotations

import json
import signal
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest

from freehold.connect.webhooks import key_of, signed
from freehold.estate import load_estate
from freehold.ledger import Ledger
from freehold.work import Item, Work
from live_process import Server, freehold, until
from live_receiver import SECRET

_FILES = """\
apiVersion: freehold.dev/v1
kind: ServiceAccount
metadata: {id: forms, owner: shop-data}
spec: {review_by: 2999-01-31}
---
apiVersion: freehold.dev/v1
kind: Hook
metadata: {id: forms, owner: shop-data}
spec: {secret: "file:hook.secret", as: "service:forms", types: [question]}
"""
MESSAGES = 12


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An estate into which a program files items by a hook."""
    root = tmp_path / "shop"
    assert freehold(tmp_path, "init", str(root)).returncode == 0
    (root / "hooks.yaml").write_text(_FILES)
    (root / "hook.secret").write_text(SECRET)
    return root


def items(root: Path) -> dict[str, Item]:
    """Return the items there are, with how often each began."""
    with Ledger.open("sqlite:///.freehold/state.db", root=root) as ledger:
        begun = Counter(e.data["item"] for e in ledger.read(types=("work.created",)))
        assert set(begun.values()) <= {1}, begun
        return {item.id: item for item in Work(load_estate(root), ledger).items()}


def filed(server: Server, number: int) -> str:
    """Send a message to the hook and return the id of the item; empty where the server died over it."""
    body = json.dumps({"type": "question", "fields": {"what": f"Question {number}?"}}).encode()
    headers = signed(f"msg_{number}", int(time.time()), body, [key_of(SECRET, "x")])
    try:
        answer = httpx2.post(f"http://127.0.0.1:{server.port}/hooks/forms", content=body, headers=headers)
    except httpx2.TransportError:
        return ""
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def withdrawn(server: Server, id_: str) -> bool:
    """Withdraw an item, as whoever asked for it; whether that was acknowledged, now or before."""
    try:
        answer = server.client.post(f"/api/v1/work-items/{id_}/moves", json={"move": "withdraw"})
    except httpx2.TransportError:
        return False
    assert answer.status_code in (200, 409), answer.text  # 409: it was moved, and the answer was lost
    return True


def killed_during(root: Path, do: Callable[[Server, int], bool], rounds: int) -> None:
    """Do each of several things on a server that is killed in the middle of it, until all were acknowledged."""
    left = list(range(MESSAGES))
    for i in range(rounds):
        server = Server(root)
        is_last = i == rounds - 1
        with ThreadPoolExecutor(2) as aside:
            done = {one: aside.submit(do, server, one) for one in left}
            if not is_last:
                until(lambda done=done: any(f.done() for f in done.values()), "something was acknowledged")
                server.end(signal.SIGKILL)
        left = [one for one, future in done.items() if not future.result()]
        if is_last:
            server.end()
    assert left == []


def test_a_hook_files_each_message_once_whatever_dies(root: Path) -> None:
    """Every message that was acknowledged is an item, and one that is sent again is the item it was."""
    ids: dict[int, set[str]] = {number: set() for number in range(MESSAGES)}

    def send(server: Server, number: int) -> bool:
        id_ = filed(server, number)
        ids[number] |= {id_} - {""}
        return id_ != ""

    killed_during(root, send, 3)

    assert {len(found) for found in ids.values()} == {1}
    assert sorted(items(root)) == sorted(id_ for found in ids.values() for id_ in found)


def test_a_move_that_was_acknowledged_stands_and_none_is_made_twice(root: Path) -> None:
    """Killed in the middle of it, an item is in one state or the other; asked again, it goes on at once."""
    for number in range(MESSAGES):
        assert freehold(root, "items", "new", "question", "-f", f"what=Question {number}?").returncode == 0
    names = sorted(items(root))
    killed_during(root, lambda server, number: withdrawn(server, names[number]), 3)
    after = items(root)

    assert [[passage.state for passage in after[id_].history] for id_ in names] == [["asked", "withdrawn"]] * MESSAGES
