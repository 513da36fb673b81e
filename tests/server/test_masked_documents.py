"""Documents and policies: what quotes rows is in none that somebody reads from whom a policy hides some."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest

import masked_estate
from changing_estates import freehold
from freehold.ledger import Event
from live_server import PAGE, Running, known_as
from masked_estate import TILL, words_in

AUDITOR = "user:idp/auditor"
DISPUTE = "metric_dispute/0"
_FACTS = {  # each with what of it is not told, and nothing where it may be
    "named": ("SELECT asset, reason FROM check_completed", "check_completed.reason"),
    "aliased": ("SELECT c.reason AS words FROM check_completed AS c", "check_completed.reason"),
    "asked-by": ("SELECT asset FROM check_completed WHERE reason LIKE '%zirkon%'", "check_completed.reason"),
    "measured": ("SELECT MAX(value) AS most FROM check_completed", "check_completed.value"),
    "all": ("SELECT * FROM check_completed", "check_completed.value"),
    "of-a-family": ("SELECT reason FROM quality_events WHERE event_type = 'check.completed'", "check_completed.reason"),
    "profiled": ("SELECT columns FROM profile_observed", "profile_observed.columns"),
    "payloads": ("SELECT type, data FROM events", "events.data"),
    "disputed": ("SELECT figure FROM dispute_measured", "dispute_measured.figure"),
    "brought": ("SELECT now AS came FROM benefit_measured", "benefit_measured.now"),
    "counted": ("SELECT asset, COUNT(*) AS checks FROM check_completed GROUP BY asset", ""),
    "types": ("SELECT type, COUNT(*) AS events FROM events GROUP BY type", ""),
}
_FILE = """---
apiVersion: freehold.dev/v1
kind: Document
metadata: {{id: {id}, owner: shop-data}}
spec:
  audience: the till
{more}  facts:
    told:
      sql: |
        {sql}
---
# {{{{ document.name }}}}

{{% for row in told if row.{column} == 'nothing' %}}
{{% endfor %}}
Told.
"""
_COLUMN = {
    "aliased": "words", "measured": "most", "of-a-family": "reason", "profiled": "columns", "payloads": "type",
    "types": "type", "disputed": "figure", "brought": "came",
}  # fmt: skip


@pytest.fixture(scope="module")
def masked(tmp_path_factory: pytest.TempPathFactory, serving: Callable[..., Running]) -> Running:
    """A server of the masked estate with documents of its own; one administers it to whom the policy applies."""
    folder = tmp_path_factory.mktemp("documents")
    assert freehold(folder, "init", str(folder / "init")).returncode == 0
    documents = folder / "init" / "documents"
    documents.mkdir()
    for id_, (sql, _) in _FACTS.items():
        _write(documents, id_, sql, "")
    of_product = "  parameters: {product: any}\n"
    _write(documents, "of-a-product", _FACTS["named"][0], of_product)
    _write(documents, "packed", _FACTS["payloads"][0], "  ledger: [check.completed]\n")
    root = masked_estate.made(folder / "init", folder / "shop")
    estate = root / "estate.yaml"
    said = estate.read_text("utf-8").replace("access: {", f'access: {{administer: ["{AUDITOR}"], ')
    estate.write_text(said, "utf-8")
    running = serving(root, rates={"read": 100_000, "write": 100_000, "sign_in": 100_000})
    said = {"item": DISPUTE, "metric": "shop.revenue", "since": "2026-01-01", "until": "2026-01-28", "figure": 77117.0}
    case = {"case": "more-revenue", "metric": "shop.revenue", "baseline": 1, "promised": 2, "now": 77117.0, "day": 9}
    ledger = running.app.state.served.snapshots.ledger
    fields = {"metric": "shop.revenue", "claim": "It is less."}
    begun = {"item": DISPUTE, "type": "metric_dispute", "state": "raised", "fields": {"metric": fields["metric"]},
             "text": ledger.side.put("work", {"claim": fields["claim"]})}  # fmt: skip
    ledger.append(Event("work.created", begun, subject=DISPUTE))
    ledger.append(Event("dispute.measured", said, env="prod"), Event("benefit.measured", case, env="prod"))
    return running


def _write(folder: Path, id: str, sql: str, more: str) -> None:
    text = _FILE.format(id=id, sql=sql, more=more, column=_COLUMN.get(id, "type" if id == "packed" else "asset"))
    (folder / f"{id}.md").write_text(text, "utf-8")


def _ways(id: str, words: str = "") -> tuple[str, ...]:
    api = f"/api/v1/documents/{id}"
    return (f"/documents/{id}{words}", f"{api}/edition{words}", f"{api}/manifest{words}")


def _refused(answer: httpx2.Response, column: str) -> bool:
    """Whether an answer is a refusal that names column and policy, and tells no word of a row."""
    text = answer.text
    named = all(word in text for word in ("FH-L405", column, "orders-masked"))
    return answer.status_code == 403 and named and not words_in(text)


@pytest.mark.parametrize("id_", _FACTS)
def test_what_quotes_rows_is_told_to_whoever_sees_them_all(masked: Running, id_: str) -> None:
    """To others the document is refused, on the page, as an edition and as a manifest; what quotes none is written."""
    column = _FACTS[id_][1]
    with known_as(masked, "user:idp/y") as whole, known_as(masked, "user:idp/x", TILL) as till:
        for path in _ways(id_):
            assert whole.get(path, headers=PAGE).status_code == 200, path
            answer = till.get(path, headers=PAGE)
            assert _refused(answer, column) if column else answer.status_code == 200, (path, answer.text[:400])


def test_a_dossier_with_a_figure_of_masked_rows_is_for_whoever_sees_them_all(masked: Running) -> None:
    """What was measured from all rows is told to nobody from whom a policy hides some, by no way."""
    with known_as(masked, "user:idp/y") as whole, known_as(masked, "user:idp/x", TILL) as till:
        for path in _ways("dispute-dossier", f"?item={DISPUTE}"):
            assert whole.get(path, headers=PAGE).status_code == 200, path
            assert _refused(till.get(path, headers=PAGE), "dispute_measured.figure"), path
        drafted = till.post("/documents/dispute-dossier", data={"item": DISPUTE}, headers=PAGE)
        events = till.get("/api/v1/events?types=dispute.measured,benefit.measured").text

    assert _refused(drafted, "dispute_measured.figure")
    assert "77117" not in events


def test_a_document_of_one_product_is_held_to_it_too(masked: Running) -> None:
    """Whoever may see the product may not see its rows for that."""
    with known_as(masked, "user:idp/y") as whole, known_as(masked, "user:idp/x", TILL) as till:
        for path in _ways("of-a-product", "?product=shop.orders"):
            assert whole.get(path, headers=PAGE).status_code == 200, path
            assert _refused(till.get(path, headers=PAGE), "check_completed.reason"), path


def test_evidence_for_an_audit_quotes_no_row_to_an_auditor_under_a_policy(masked: Running) -> None:
    """Who administers the estate reads the evidence that ships; a document that packs payloads and quotes them, not."""
    with known_as(masked, AUDITOR, TILL) as auditor:
        for path in _ways("audit-evidence"):
            answer = auditor.get(path, headers=PAGE)
            assert (answer.status_code, words_in(answer.text)) == (200, []), path
        for path in _ways("packed"):
            assert _refused(auditor.get(path, headers=PAGE), "events.data"), path


def test_the_same_edition_is_written_for_both_where_nothing_is_withheld(masked: Running) -> None:
    """What a policy hides from a reader changes no byte of what they may read."""
    with known_as(masked, "user:idp/y") as whole, known_as(masked, "user:idp/x", TILL) as till:
        moment = whole.get("/api/v1/documents/counted/manifest").json()["as_of"]
        path = f"/api/v1/documents/counted/manifest?as_of={moment.replace('+', '%2B')}"
        assert till.get(path).json() == whole.get(path).json()
