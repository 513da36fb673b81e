"""Work items through the death of the server: what was acknowledged is there, and nothing is there twice."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import httpx2
import pytest

from freehold.connect.webhooks import key_of, signed
from freehold.estate import load_estate
from freehold.foundation import Caller
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
_WITHDRAWS = """
import sys
from pathlib import Path
from freehold.estate import load_estate
from freehold.foundation import Caller
from freehold.ledger import Ledger
from freehold.work import Work
root = Path(sys.argv[1])
with Ledger.open("sqlite:///.freehold/state.db", root=root, caller=Caller.at_the_shell("work")) as ledger:
    work = Work(load_estate(root), ledger)
    for item in work.items(is_open=True):
        print(work.move(item.id, "withdraw").item.id, flush=True)
"""


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
        answer = httpx2.post(f"http://127.0.0.1:{server.port}/hooks/forms", content=body, headers=headers, timeout=60)
    except httpx2.TransportError:
        return ""
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


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
    with Ledger.open("sqlite:///.freehold/state.db", root=root, caller=Caller.at_the_shell("work")) as ledger:
        work = Work(load_estate(root), ledger)
        names = [work.create("question", {"what": f"Question {n}?"}).item.id for n in range(MESSAGES)]
    acknowledged: list[str] = []
    for answers in (1, 3, 5, MESSAGES):  # killed once so many were given; the last one comes to its end
        with subprocess.Popen(
            [sys.executable, "-c", _WITHDRAWS, str(root)], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            acknowledged += [line.strip() for line in islice(process.stdout, answers)]
            process.kill()
    after = items(root)

    assert len(acknowledged) == len(set(acknowledged))
    assert {after[id_].state for id_ in acknowledged} == {"withdrawn"}
    assert [[passage.state for passage in after[id_].history] for id_ in names] == [["asked", "withdrawn"]] * MESSAGES
