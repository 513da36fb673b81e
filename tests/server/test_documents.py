"""Documents at a server: the same edition on page, API and terminal, and nothing of what a reader may not see."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

import guarded_estate
from changing_estates import freehold
from freehold.foundation import Caller
from freehold.insight.documents import builtin_documents
from live_server import PAGE, Running, known_as

FREEHOLD = Path(sys.executable).with_name("freehold")
FAST = {"read": 100_000, "write": 100_000, "sign_in": 100_000}
HIDDEN = ("selenium", "thorium")


@pytest.fixture(scope="module")
def half_seen(tmp_path_factory: pytest.TempPathFactory, serving: Callable[..., Running]) -> Running:
    """A server over products two of which their team alone may see."""
    root = tmp_path_factory.mktemp("half") / "guarded"
    guarded_estate.write(root)
    for word in HIDDEN:
        said = guarded_estate.product_file(f"lab.{word}", "{see: [member]}")
        (root / "lab" / word / "product.odps.yaml").write_text(said)
    assert freehold(root, "run").returncode == 0
    return serving(root, rates=FAST)


@pytest.fixture
def reader(half_seen: Running) -> Iterator[httpx2.Client]:
    """Somebody who may not see all."""
    with known_as(half_seen, "user:idp/x", "group:idp/readers") as client:
        yield client


def test_an_edition_is_the_same_at_the_server_and_at_the_terminal(server: Running, browser: httpx2.Client) -> None:
    """As of what the manifest says, the command writes the same bytes."""
    manifest = browser.get("/api/v1/documents/product-guide/manifest?product=shop.orders").json()
    asked = {"product": "shop.orders", "as_of": manifest["as_of"]}
    text = browser.get("/api/v1/documents/product-guide/edition", params=asked)
    root = server.app.state.served.snapshots.root
    words = ["document", "render", "product-guide", "--product", "shop.orders", "--as-of", manifest["as_of"]]
    done = subprocess.run(
        [str(FREEHOLD), "-C", str(root), *words], capture_output=True, text=True, timeout=120, check=True
    )

    assert text.headers["content-disposition"] == 'attachment; filename="product-guide-shop.orders.md"'
    assert done.stdout == text.text
    assert text.text.startswith("# ")


def test_the_page_shows_what_the_edition_says(browser: httpx2.Client) -> None:
    """With what may be chosen, and the way to each of its forms."""
    page = browser.get("/documents/release-notes.json").json()["page"]
    told = browser.get("/documents/release-notes?reader=engineer", headers=PAGE).text

    assert [choice["name"] for choice in page["choices"]] == ["period", "reader"]
    assert page["choices"][1]["words"] == ["consumer", "engineer", "executive"]
    assert [form["text"] for form in page["forms"]] == ["HTML", "Markdown", "PDF", "Manifest"]
    assert "For engineers." in told


def test_a_pdf_is_given_where_its_extra_is_installed(browser: httpx2.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the page's link; where it is not, there is no link, and the API says how to get it."""
    forms = browser.get("/documents/release-notes.json").json()["page"]["forms"]
    (link,) = (form["href"] for form in forms if form["text"] == "PDF")
    given = browser.get(link)
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    without = browser.get("/documents/release-notes.json?reader=engineer").json()["page"]["forms"]
    refused = browser.get(f"{link}&again=")

    if given.status_code == 200:  # else Pango is not here
        assert (given.headers["content-type"], given.content[:5]) == ("application/pdf", b"%PDF-")
        assert given.headers["content-disposition"].endswith('.pdf"')
    assert [form["text"] for form in without] == ["HTML", "Markdown", "Manifest"]
    assert (refused.status_code, refused.json()["code"]) == (501, "FH-O116")


def test_who_sees_all_has_every_document(browser: httpx2.Client) -> None:
    """On the page by what they are written of, by the API in the order of their ids."""
    groups = browser.get("/documents.json").json()["page"]["groups"]
    listed = {group["id"]: [row["id"] for row in group["documents"]] for group in groups}

    assert sorted(id_ for ids in listed.values() for id_ in ids) == sorted(builtin_documents())
    assert listed["of-items"] == ["deprecation-playbook", "dispute-dossier", "incident-update", "postmortem"]
    assert listed["of-cases"] == ["investment-case"]
    assert [one["id"] for one in browser.get("/api/v1/documents").json()["items"]] == sorted(builtin_documents())


def test_a_reader_has_the_documents_of_what_they_see(reader: httpx2.Client) -> None:
    """Of their products alone; what is of the whole estate is not there for them, by no way and no word."""
    assert [one["id"] for one in reader.get("/api/v1/documents").json()["items"]] == ["data-prd", "product-guide"]
    for id_ in set(builtin_documents()) - {"data-prd", "product-guide"}:
        for path in (f"/documents/{id_}", f"/api/v1/documents/{id_}", f"/api/v1/documents/{id_}/edition"):
            answer = reader.get(path)
            assert (answer.status_code, "FH-O101" in answer.text) == (404, True), path
    seen = reader.get("/api/v1/documents/product-guide/edition?product=works.wolfram&form=html")
    assert seen.status_code == 200
    for word in HIDDEN:
        assert word not in seen.text
        refused = reader.get(f"/api/v1/documents/product-guide/edition?product=lab.{word}")
        assert (refused.status_code, "FH-O109" in refused.text) == (400, True)
        assert f"lab.{word}`" not in refused.json()["fix"]
        for path in ("/documents/product-guide", "/documents/product-guide/signatures"):
            said = {"product": f"lab.{word}", "narrative.tips": "Begin here.", "manifest": "0" * 64}
            refused = reader.post(path, data=said, headers={"Accept": "application/json"})
            assert (refused.status_code, "FH-O109" in refused.text) == (400, True)
    assert [word for word in HIDDEN if word in reader.get("/documents/product-guide", headers=PAGE).text] == []


def test_a_signed_edition_is_shown_as_it_was_signed(serving: Callable[..., Running], tmp_path: Path) -> None:
    """With what was written in it, by whom, and as of then."""
    root = tmp_path / "shop"
    assert freehold(tmp_path, "init", str(root)).returncode == 0
    teams = root / "teams.yaml"
    teams.write_text(teams.read_text("utf-8").replace("role:idp/shop-data-owner", Caller.at_the_shell().principal))
    assert freehold(root, "run").returncode == 0

    def command(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(FREEHOLD), "-C", str(root), "document", *words],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )

    command("render", "product-guide", "--product", "shop.orders", "--out", str(tmp_path))
    (tmp_path / "product-guide-shop.orders.narrative.yaml").write_text("tips: Begin with *orders*.\n", "utf-8")
    command("render", "product-guide", "--product", "shop.orders", "--out", str(tmp_path))
    manifest = tmp_path / "product-guide-shop.orders.manifest.json"
    signed = json.loads(command("sign", str(manifest), "--json").stdout)

    with serving(root, rates=FAST).signed_in() as client:
        page = client.get("/documents/product-guide.json?edition=product-guide-shop.orders").json()["page"]
        told = client.get("/api/v1/documents/product-guide").json()["signed"]
        missing = client.get("/documents/product-guide?edition=product-guide-x")

    assert (page["is_changed"], page["signer"]) == (False, signed["signed_by"])
    assert "Begin with <em>orders</em>." in page["markup"]
    assert [(one["edition"], one["manifest"]) for one in told] == [("product-guide-shop.orders", signed["manifest"])]
    assert missing.status_code == 404


@pytest.mark.parametrize("as_of", ["yesterday", "2999-01-01"])
def test_a_moment_that_is_none_is_refused(browser: httpx2.Client, as_of: str) -> None:
    """One that is no date, and one of which nothing can be known."""
    answer = browser.get(f"/api/v1/documents/business-review/edition?as_of={as_of}")

    assert (answer.status_code, answer.json()["code"]) == (400, "FH-C002")
