"""Hooks: who signs files an item, once; nobody else does, and nobody learns which hooks there are."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from freehold.connect.webhooks import key_of, signed
from freehold.connect.webhooks.hooks import hook_findings
from freehold.estate import load_estate
from live_receiver import OTHER, SECRET
from live_server import Running, known_as

_FILES = """\
apiVersion: freehold.dev/v1
kind: ServiceAccount
metadata: {id: forms, owner: shop-data}
spec: {review_by: 2999-01-31}
---
apiVersion: freehold.dev/v1
kind: Hook
metadata: {id: forms, owner: shop-data}
spec: {secret: [env:FORMS_NEXT, env:FORMS_SECRET], as: "service:forms", types: [question, incident]}
"""
ASKED = {"type": "question", "fields": {"what": "How many came back?"}, "product": "shop.orders"}


@pytest.fixture
def hooked(made_estate: Path, tmp_path: Path, serving: Callable[..., Running], monkeypatch: Any) -> Running:
    """A server of an estate with a hook whose secret is being replaced."""
    monkeypatch.setenv("FORMS_SECRET", SECRET)
    monkeypatch.setenv("FORMS_NEXT", OTHER)
    root = Path(shutil.copytree(made_estate, tmp_path / "shop"))
    (root / "hooks.yaml").write_text(_FILES, encoding="utf-8")
    return serving(root, rates={"read": 100_000, "write": 100_000})


def posted(
    running: Running, said: object, *, id: str = "msg_1", secret: str = SECRET, ago_s: int = 0, hook: str = "forms",
    body: bytes | None = None,
) -> httpx2.Response:  # fmt: skip
    """Post a message that is signed, or almost."""
    text = json.dumps(said).encode()
    headers = signed(id, int(time.time()) - ago_s, text, [key_of(secret, "env:X")])
    with running.client(**headers) as client:
        return client.post(f"/hooks/{hook}", content=body or text)


def items(running: Running) -> list[dict[str, Any]]:
    """Return the items there are."""
    with known_as(running, "user:idp/vera") as client:
        found: list[dict[str, Any]] = client.get("/api/v1/work-items").json()["items"]
        return found


@pytest.mark.parametrize("secret", [SECRET, OTHER], ids=["the old secret", "the new one"])
def test_a_signed_message_files_an_item_once(hooked: Running, secret: str) -> None:
    """In the name of its service account; the same message again is answered alike, and files nothing."""
    first, again = (posted(hooked, ASKED, secret=secret) for _ in range(2))
    other = posted(hooked, ASKED, secret=secret, id="msg_2")
    found = items(hooked)

    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert first.json()["id"] != other.json()["id"]
    assert [(one["id"], one["requester"]) for one in found] == [
        (first.json()["id"], "service:forms"), (other.json()["id"], "service:forms"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "wrong",
    [
        {"secret": "whsec_" + "A" * 44},
        {"ago_s": 301},
        {"ago_s": -360},  # what it takes to be sent brings it nearer
        {"body": b'{"type": "incident"}'},
        {"hook": "nobody"},
    ],
    ids=["another secret", "too old", "of the future", "another body", "a hook that is not there"],
)
def test_what_is_not_signed_rightly_files_nothing(hooked: Running, wrong: dict[str, Any]) -> None:
    """All of these are answered alike, so that nobody learns what is there."""
    answer = posted(hooked, ASKED, **wrong)

    assert (answer.status_code, answer.json()["code"]) == (401, "FH-W321")
    assert items(hooked) == []


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"type": "data_request", "fields": {"what": "x"}}, "FH-W322"),
        ({"fields": {}}, "FH-W322"),
        ([], "FH-W322"),
        ({"type": "question", "fields": {}}, "FH-W106"),
        ({"type": "question", "fields": {"what": "x"}, "product": "no.such"}, "FH-W106"),
    ],
    ids=["a type it does not file", "no type", "no object", "a field missing", "a product that is not there"],
)
def test_what_is_no_item_is_refused_with_why(hooked: Running, said: object, code: str) -> None:
    """Its sender has shown who they are, and is told how to mend it."""
    answer = posted(hooked, said)

    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert items(hooked) == []


def test_a_hook_that_cannot_work_is_found_in_its_file(tmp_path: Path, made_estate: Path) -> None:
    """An account that nobody declares, and a type without a workflow."""
    root = Path(shutil.copytree(made_estate, tmp_path / "shop"))
    wrong = _FILES.replace('"service:forms"', '"service:form"').replace("[question, incident]", "[qestion]")
    (root / "hooks.yaml").write_text(wrong, encoding="utf-8")

    assert [(one.code, one.where.line if one.where else 0) for one in hook_findings(load_estate(root))] == [
        ("FH-W324", 9), ("FH-W325", 9),
    ]  # fmt: skip
