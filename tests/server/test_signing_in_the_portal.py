"""A person signs a document on its page: what they were shown, by the rules of the command, recorded the same way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest

from changing_estates import OWNER, STEWARD, freehold, owned
from live_server import PAGE, Running, known_as

FAST = {"read": 100_000, "write": 100_000, "sign_in": 100_000}
GUIDE, SAID = "/documents/product-guide", {"product": "shop.orders"}
TIPS = "Begin with *orders*.\r\n\r\n- and: then"


@pytest.fixture(scope="module")
def signed_by_owner(tmp_path_factory: pytest.TempPathFactory, serving: Callable[..., Running]) -> Running:
    """A server over an estate whose owner is known by name."""
    root = tmp_path_factory.mktemp("signing") / "shop"
    assert freehold(root.parent, "init", str(root)).returncode == 0
    owned(root)
    assert freehold(root, "run").returncode == 0
    return serving(root, rates=FAST)


def shown(client: httpx2.Client, **narrative: str) -> dict[str, str]:
    """Have the guide shown with what somebody writes; return what its form would sign."""
    said = {**SAID, **{f"narrative.{name}": text for name, text in narrative.items()}}
    answer = client.post(GUIDE, data=said, headers=PAGE)
    assert answer.status_code == 200, answer.text
    hidden = {
        part.split('"')[0]: part.split('value="')[1].split('"')[0]
        for part in answer.text.split('<input type="hidden" name="')[1:]
    }
    return {**said, "as_of": hidden["as_of"], "manifest": hidden["manifest"]}


def signatures(client: httpx2.Client) -> list[dict[str, str]]:
    """Return what was signed, as the API tells it."""
    found: list[dict[str, str]] = client.get("/api/v1/documents/product-guide").json()["signed"]
    return found


def test_what_somebody_writes_is_shown_before_it_is_kept(signed_by_owner: Running) -> None:
    """In its place, as Markdown; nothing is recorded by it, and what could be signed is that, with those words."""
    with known_as(signed_by_owner, f"user:idp/{OWNER}") as owner:
        before = owner.get(f"{GUIDE}.json?product=shop.orders").json()["page"]["signing"]
        answer = owner.post(GUIDE, data={**SAID, "narrative.tips": TIPS}, headers=PAGE)

        assert (before["missing"], before["signers"]) == (["tips"], [])
        assert "Begin with <em>orders</em>." in answer.text
        assert "which is kept nowhere yet" in answer.text
        assert "Sign it" in answer.text
        assert signatures(owner) == []


def test_who_may_signs_what_they_were_shown(signed_by_owner: Running) -> None:
    """Led to the edition; the words with it, the hash that was shown, and the command proves the same bytes."""
    with known_as(signed_by_owner, f"user:idp/{OWNER}") as owner:
        said = shown(owner, tips=TIPS)
        done = owner.post(f"{GUIDE}/signatures", data=said)
        assert (done.status_code, done.headers["location"]) == (303, f"{GUIDE}?edition=product-guide-shop.orders")
        page = owner.get(f"{GUIDE}.json?edition=product-guide-shop.orders").json()["page"]
        (signed,) = signatures(owner)

    assert (page["signer"], page["is_changed"], page["signing"]) == (f"user:idp/{OWNER}", False, None)
    assert "Begin with <em>orders</em>." in page["markup"]
    assert signed["manifest"] == said["manifest"]
    event = next(iter(signed_by_owner.app.state.served.snapshots.ledger.read(types=("document.signed",))))
    assert (event.actor, event.product) == (f"user:idp/{OWNER}", "shop.orders")
    assert "Begin" not in str(event.data)


@pytest.mark.parametrize(
    ("who", "tips", "change", "code"),
    [
        (STEWARD, TIPS, {}, "FH-O115"),
        (OWNER, TIPS, {"narrative.tips": "Begin elsewhere."}, "FH-L709"),
        (OWNER, TIPS, {"manifest": "0" * 64}, "FH-L709"),
        (OWNER, "", {}, "FH-O113"),
        (OWNER, TIPS, {"narrative.tipps": "x"}, "FH-O110"),
        (OWNER, TIPS, {"narrative.tips": "x" * 20_001}, "FH-A112"),
        (OWNER, TIPS, {"product": "shop.none"}, "FH-O109"),
    ],
    ids=[
        "somebody else",
        "other words",
        "another manifest",
        "nothing written",
        "another part",
        "too much",
        "none",
    ],
)
def test_what_would_be_another_edition_or_is_not_theirs_is_refused(
    signed_by_owner: Running, who: str, tips: str, change: dict[str, str], code: str
) -> None:
    """With its code, and nothing is recorded."""
    with known_as(signed_by_owner, f"user:idp/{who}") as client:
        before = signatures(client)
        said = shown(client, **({"tips": tips} if tips else {})) | change
        refused = client.post(f"{GUIDE}/signatures", data=said, headers={"Accept": "application/json"})

        assert refused.status_code >= 400
        assert code in refused.text
        assert signatures(client) == before


def test_a_document_of_which_there_is_nothing_yet_says_so(signed_by_owner: Running) -> None:
    """On its page and in the list, where the others name what they are written of."""
    with known_as(signed_by_owner, f"user:idp/{OWNER}") as client:
        answer = client.get("/documents/dispute-dossier", headers=PAGE)
        groups = client.get("/documents.json").json()["page"]["groups"]

    rows = {row["id"]: row for group in groups for row in group["documents"]}
    assert (answer.status_code, "There is nothing yet" in answer.text) == (200, True)
    assert rows["dispute-dossier"]["variants"] == []
    assert [one["href"] for one in rows["data-prd"]["variants"]] == ["/documents/data-prd?product=shop.orders"]


def test_homes_have_the_documents_of_their_role(signed_by_owner: Running) -> None:
    """Those it signs; consumers those that are written for them."""
    with known_as(signed_by_owner, f"user:idp/{OWNER}") as client:
        told = {home: client.get(f"/homes/{home}", headers=PAGE).text for home in ("consumer", "product", "leader")}

    assert "/documents/product-guide" in told["consumer"]
    assert "/documents/dispute-dossier" in told["product"]
    assert "/documents/business-review" in told["leader"]
    assert "/documents/business-review" not in told["product"]


def test_the_narrative_that_is_copied_is_the_one_a_shell_reads(signed_by_owner: Running, tmp_path: Path) -> None:
    """Put beside the edition, it makes the same manifest as the page shows."""
    with known_as(signed_by_owner, f"user:idp/{OWNER}") as owner:
        said = shown(owner, tips=TIPS)
        text = owner.post(GUIDE, data=said, headers=PAGE).text
    copied = text.split('aria-label="product-guide-shop.orders.narrative.yaml">')[1].split("</pre>")[0]
    (tmp_path / "product-guide-shop.orders.narrative.yaml").write_text(copied, "utf-8")
    words = ["document", "render", "product-guide", "--product", "shop.orders", "--as-of", said["as_of"]]
    done = freehold(signed_by_owner.root, *words, "--out", str(tmp_path), "--json")

    assert done.returncode == 0, done.stderr
    assert "Begin with *orders*.\n\n- and: then" in (tmp_path / "product-guide-shop.orders.md").read_text("utf-8")
