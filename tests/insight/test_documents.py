"""Documents as they are written: repeatable to the byte, honest about what is not known, of one product where said."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zipfile import ZipFile

import pytest

from freehold.foundation import Caller, FreeholdError, SimulatedClock
from freehold.insight import builtin_kpis
from freehold.insight.documents import DocumentFile, Edition, differences, manifest_from
from freehold.insight.documents.checking import findings
from freehold.insight.documents.package import faults, manifest_in, opened
from freehold.insight.documents.page import body
from freehold.insight.documents.template import escaped
from freehold.insight.documents.writing import Setting, edition_of
from freehold.insight.kpi import Asking
from freehold.ledger import Event, Ledger

from .test_documents_judged import declared

FREEHOLD = Path(sys.executable).with_name("freehold")
NOON = datetime(2011, 4, 10, 12, tzinfo=UTC)
HEAD = """---
apiVersion: freehold.dev/v1
kind: Document
metadata: {{id: d, name: A document}}
spec:
  audience: tests
{said}
---
{text}
"""


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A ledger of March 2011 in which two products have runs, of the second of which one failed."""
    clock = SimulatedClock(datetime(2011, 3, 1, 6, tzinfo=UTC))
    with Ledger.open("sqlite:///state.db", root=tmp_path, clock=clock) as made:
        for day in range(6):
            clock.move_to(datetime(2011, 3, 1 + day, 6, tzinfo=UTC))
            for product, status in (("shop.orders", "success"), ("shop.stock", "failed" if day == 3 else "success")):
                ran = {"run_id": f"{product}-{day}", "asset": f"{product}.rows", "status": status, "rows": day}
                made.append(Event("run.completed", ran, env="prod", product=product))
        clock.move_to(NOON)
        yield made


def of(folder: Path, said: str, text: str) -> DocumentFile:
    """Return a document of a test, which must be sound."""
    (folder / "d.md").write_text(HEAD.format(said=said, text=text), encoding="utf-8")
    file = declared(folder / "d.md")
    assert [str(error) for error in findings(file, builtin_kpis())] == []
    return file


def write(file: DocumentFile, ledger: Ledger, narrative: Mapping[str, str] | None = None, **said: str) -> Edition:
    """Write an edition as of noon of the tenth of April."""
    setting = Setting(builtin_kpis(), Asking(), None, {"product": ("shop.orders", "shop.stock")})
    with ledger.evidence(NOON) as evidence:
        return edition_of(file, evidence, setting, said, narrative)


RUNS = """  parameters: {period: [month]}
  narrative: {outlook: What comes next?}
  facts:
    runs:
      sql: |
        SELECT asset, status, COUNT(*) AS times FROM run_completed
        WHERE occurred_at >= :starts AND occurred_at < :ends GROUP BY asset, status ORDER BY times DESC
    incidents: {sql: "SELECT incident FROM incidents"}
    score: {kpis: [time-to-restore, change-failure-rate]}"""
TEXT = """# {{ document.name }} of {{ period.name }}

From {{ period.first | day }} to {{ period.last | day }}.

{{ table(runs, {"Asset": "asset", "Status": "status", "Times": "times"}) }}

{{ number(incidents, "incidents") }}

{{ table(score, {"KPI": "name", "Value": "value", "Made of": "made_of"}) }}

{{ narrative.outlook }}"""


def test_a_document_says_what_was_recorded_and_what_was_not(ledger: Ledger, tmp_path: Path) -> None:
    """Rows in a settled order; what was never recorded is not instrumented, and neither nought nor blank."""
    made = write(of(tmp_path, RUNS, TEXT), ledger, period="2011-03")

    assert made.markdown == (
        "# A document of 2011-03\n\n"
        "From 1 March 2011 to 31 March 2011.\n\n"
        "| Asset | Status | Times |\n"
        "| --- | --- | --- |\n"
        "| shop.orders.rows | success | 6 |\n"
        "| shop.stock.rows | success | 5 |\n"
        "| shop.stock.rows | failed | 1 |\n\n"
        "incidents: not instrumented\n\n"
        "| KPI | Value | Made of |\n"
        "| --- | --- | --- |\n"
        "| Time to restore | not instrumented | none |\n"
        "| Change failure rate | not instrumented | none |\n\n"
        "*Not written yet. What comes next?*\n"
    )


def test_the_same_moment_gives_the_same_whatever_is_recorded_later(ledger: Ledger, tmp_path: Path) -> None:
    """Late news is in later editions and in no earlier one, though it tells of the same days."""
    file = of(tmp_path, RUNS, TEXT)
    before = write(file, ledger, period="2011-03")
    assert isinstance(ledger.clock, SimulatedClock)
    ledger.clock.move_to(NOON + timedelta(days=1))
    late = {"run_id": "late", "asset": "shop.orders.rows", "status": "failed"}
    ledger.append(Event("run.completed", late, occurred_at=datetime(2011, 3, 9, tzinfo=UTC), env="prod"))
    with ledger.evidence(ledger.clock.now()) as evidence:
        now = edition_of(file, evidence, Setting(builtin_kpis(), Asking()), {"period": "2011-03"})

    assert write(file, ledger, period="2011-03") == before
    assert list(differences(before.manifest, now.manifest))[:2] == [
        "As of then the ledger ended with event 12; now it ends with 13.",
        "The as_of was `2011-04-10 12:00:00+00:00`; now it is `2011-04-11 12:00:00+00:00`.",
    ]
    assert "The fact `runs` has other rows: 3 then, 4 now." in list(differences(before.manifest, now.manifest))


def test_facts_stay_when_the_words_around_them_change(ledger: Ledger, tmp_path: Path) -> None:
    """A narrative changes its own hash and those of the files, and no fact's."""
    file = of(tmp_path, RUNS, TEXT)
    plain, told = write(file, ledger), write(file, ledger, {"outlook": "We **hire**.\n"})

    assert told.markdown.endswith("We **hire**.\n")
    assert told.manifest.facts == plain.manifest.facts
    assert list(differences(plain.manifest, told.manifest)) == [
        "The narrative `outlook` is another.", "The md it makes is another.", "The html it makes is another.",
    ]  # fmt: skip
    assert manifest_from(told.manifest.text(), "x") == told.manifest


def test_a_document_of_one_product_holds_nothing_of_another(ledger: Ledger, tmp_path: Path) -> None:
    """Whatever its query asks, its views have no row of another product, deep inside a query either."""
    asks = (
        "  parameters: {product: any}\n  facts:\n    runs: {sql: \"WITH all_runs AS (SELECT r.asset, s.status FROM "
        "run_completed AS r JOIN run_completed AS s ON s.run_id = r.run_id) SELECT asset, COUNT(*) AS times, "
        "(SELECT COUNT(*) FROM run_completed) AS of_all FROM all_runs GROUP BY asset\"}"
    )  # fmt: skip
    file = of(tmp_path, asks, '{{ table(runs, {"Asset": "asset", "Times": "times", "Of": "of_all"}) }}')

    told = write(file, ledger, product="shop.stock").markdown

    assert told.splitlines()[2:] == ["| shop.stock.rows | 6 | 6 |"]


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"period": "2011-Q1"}, "FH-O109"),
        ({"period": "March"}, "FH-K004"),
        ({"product": "shop.orders"}, "FH-O109"),
    ],
    ids=["a period of another calendar", "no period", "a parameter it has not"],
)
def test_a_parameter_that_is_none_is_refused(ledger: Ledger, tmp_path: Path, said: dict[str, str], code: str) -> None:
    """With what there is instead."""
    with pytest.raises(FreeholdError) as refused:
        write(of(tmp_path, RUNS, TEXT), ledger, **said)

    assert refused.value.code == code
    assert refused.value.fix


def test_the_narrative_has_the_parts_of_its_document(ledger: Ledger, tmp_path: Path) -> None:
    """A part that nobody asked for is told, not dropped."""
    with pytest.raises(FreeholdError) as refused:
        write(of(tmp_path, RUNS, TEXT), ledger, {"outlok": "x"})

    assert (refused.value.code, refused.value.fix) == ("FH-O110", "Did you mean `outlook`?")


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "a | b",
        "*bold* _x_ [a](b)",
        "# head",
        "- item",
        "1. item",
        "---",
        "===",
        "a\n\nb",
        "`code",
        "&amp;",
    ],
)
def test_what_a_fact_says_is_text(text: str) -> None:
    """Set in a document, it is shown as it is, whatever Markdown or HTML would make of it."""
    shown = str(body(escaped(text)))

    assert shown.count("<") == 2  # the paragraph's
    plain = shown.removeprefix("<p>").removesuffix("</p>\n").replace("&lt;", "<").replace("&gt;", ">")
    assert plain.replace("&amp;", "&") == " ".join(text.split())


def test_a_narrative_cannot_bring_markup(ledger: Ledger, tmp_path: Path) -> None:
    """What a person writes is Markdown: HTML in it is shown, and a link that runs a script is no link."""
    told = {"outlook": "<img src=x onerror=alert(1)> [a](javascript:alert(1)) ![b](http://evil.example/x.png)"}

    html = write(of(tmp_path, RUNS, TEXT), ledger, told).html

    assert "<img" not in html
    assert 'href="javascript' not in html
    assert "http://" not in html.split("<body>")[0]


RENDERING = """
import sys
from datetime import UTC, datetime
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from insight.test_documents import NOON, declared, write
from freehold.ledger import Ledger
with Ledger.open("sqlite:///state.db", root=sys.argv[2]) as ledger:
    made = write(declared(Path(sys.argv[2]) / "d.md"), ledger, period="2011-03")
print(made.manifest.hash, made.html, sep="\\n")
"""


def test_neither_zone_nor_locale_nor_hashing_changes_a_byte(ledger: Ledger, tmp_path: Path) -> None:
    """Two processes that agree on nothing but the ledger write the same, the second after more was recorded."""
    of(tmp_path, RUNS, TEXT)
    surroundings = (
        {"TZ": "Asia/Tokyo", "LANG": "C", "PYTHONHASHSEED": "1"},
        {"TZ": "America/New_York", "LANG": "de_DE.UTF-8", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "2"},
    )
    made = []
    for around in surroundings:
        words = [sys.executable, "-c", RENDERING, str(Path(__file__).parents[1]), str(tmp_path)]
        done = subprocess.run(words, env=os.environ | around, capture_output=True, timeout=120, check=True)
        made.append(done.stdout)
        assert isinstance(ledger.clock, SimulatedClock)
        ledger.clock.move_to(NOON + timedelta(days=2))
        more = {"run_id": "more", "asset": "shop.orders.rows", "status": "failed"}
        ledger.append(Event("run.completed", more, occurred_at=datetime(2011, 3, 2, tzinfo=UTC), env="prod"))

    assert made[0] == made[1]


# -- at the terminal


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An estate as it is made, with its data published."""
    folder = tmp_path_factory.mktemp("documents") / "shop"
    subprocess.run([str(FREEHOLD), "init", str(folder)], check=True, capture_output=True, timeout=120)
    teams = folder / "teams.yaml"
    teams.write_text(teams.read_text("utf-8").replace("role:idp/shop-data-owner", Caller.at_the_shell().principal))
    subprocess.run([str(FREEHOLD), "-C", str(folder), "run"], check=True, capture_output=True, timeout=120)
    return folder


def said(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command in an estate."""
    return subprocess.run(
        [str(FREEHOLD), "-C", str(folder), *words], capture_output=True, text=True, timeout=120, check=False
    )


def test_an_edition_is_written_filled_in_signed_and_verified(shop: Path, tmp_path: Path) -> None:
    """The whole way of a document; nobody signs what has a part unwritten, or was changed by hand."""
    manifest = tmp_path / "release-notes-2011-01-consumer.manifest.json"
    rendered = said(shop, "document", "render", "release-notes", "--period", "2011-01", "--out", str(tmp_path))
    assert (rendered.returncode, manifest.exists()) == (0, True), rendered.stderr

    assert "FH-O113" in said(shop, "document", "sign", str(manifest)).stderr
    (tmp_path / "release-notes-2011-01-consumer.narrative.yaml").write_text("summary: All is *new*.\n", "utf-8")
    assert "The narrative `summary` is another." in said(shop, "document", "verify", str(manifest)).stderr
    said(shop, "document", "render", "release-notes", "--period", "2011-01", "--out", str(tmp_path))
    signed = said(shop, "document", "sign", str(manifest))
    assert signed.returncode == 0, signed.stderr
    verified = said(shop, "document", "verify", str(manifest), "--json")

    told = json.loads(verified.stdout)
    assert (verified.returncode, told["differs"], len(told["signed"])) == (0, [], 1)
    (tmp_path / "release-notes-2011-01-consumer.md").write_text("All is well.\n", "utf-8")
    changed = said(shop, "document", "verify", str(manifest))
    assert (changed.returncode, changed.stderr.splitlines()[0]) == (
        1, "`release-notes-2011-01-consumer.md` was changed after it was written.",
    )  # fmt: skip


def test_a_package_proves_itself_without_the_ledger(shop: Path, tmp_path: Path) -> None:
    """The same moment gives the same bytes; any event, block or word that is changed is found where no estate is."""
    year = f"{datetime.now(UTC):%Y}"
    words = ["document", "render", "audit-evidence", "--period", year, "--as-of", f"{datetime.now(UTC).isoformat()}"]
    made = []
    for name in ("first", "second"):
        done = said(shop, *words, "--out", str(tmp_path / name))
        assert done.returncode == 0, done.stderr
        made.append((tmp_path / name / f"audit-evidence-{year}.zip").read_bytes())
    assert made[0] == made[1]
    package = tmp_path / "first" / f"audit-evidence-{year}.zip"
    assert said(shop, "document", "verify", str(package)).returncode == 0
    assert said(tmp_path, "document", "verify", str(package)).returncode == 0

    for name, old, new in (
        ("ledger/events.jsonl", '"success"', '"failure"'),
        ("ledger/blocks.jsonl", '"leaves":"', '"leaves":"00'),
        (f"audit-evidence-{year}.md", "Audit", "Ledger"),
    ):
        changed = tmp_path / "changed.zip"
        with ZipFile(package) as whole, ZipFile(changed, "w") as other:
            for entry in whole.namelist():
                text = whole.read(entry).decode()
                other.writestr(entry, text.replace(old, new, 1) if entry == name else text)
        assert said(tmp_path, "document", "verify", str(changed)).returncode == 1, name


_EVENTS, _OTHER = "ledger/events.jsonl", "not those that its manifest says"


def _without(name: str) -> Callable[[dict[str, str]], object]:
    return lambda files: files.pop(name)


def _lines(files: dict[str, str]) -> list[str]:
    return files[_EVENTS].splitlines(keepends=True)


TAMPERED: dict[str, tuple[Callable[[dict[str, str]], object], str]] = {
    "words written into it": (
        lambda f: f.update({"e.narrative.yaml": "summary: Nothing.\n"}),
        "is not what its manifest",
    ),
    "its words taken out": (_without("e.narrative.yaml"), "is not there"),
    "no narrative at all": (lambda f: f.update({"e.narrative.yaml": "- a list\n"}), "is no narrative"),
    "no events": (lambda f: f.update({_EVENTS: ""}), _OTHER),
    "an event left out": (lambda f: f.update({_EVENTS: "".join(_lines(f)[1:])}), _OTHER),
    "an event twice": (lambda f: f.update({_EVENTS: _lines(f)[0] * 2}), "does not stand in its place"),
    "a file more": (lambda f: f.update({"ledger/extra.json": "{}"}), "is no part of it"),
    "a form less": (_without("e.html"), "is not there"),
}


def test_whatever_is_changed_left_out_or_put_into_a_package_is_told(shop: Path, tmp_path: Path) -> None:
    """Its manifest knows the forms, the words, the events and the names of all files."""
    name = f"audit-evidence-{datetime.now(UTC):%Y}"
    done = said(shop, "document", "render", "audit-evidence", "--period", name[-4:], "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    whole = opened(tmp_path / f"{name}.zip")
    manifest = replace(manifest_in(whole, tmp_path / f"{name}.zip"), edition="e")
    files = {path.replace(name, "e"): text for path, text in whole.items()}
    assert list(faults(files, manifest)) == []

    for what, (change, told) in TAMPERED.items():
        changed = dict(files)
        change(changed)
        assert any(told in one for one in faults(changed, manifest)), what


_WORKFLOW = """apiVersion: freehold.dev/v1
kind: Workflow
metadata: {id: count, name: Count}
spec:
  fields: {what: text!}
  states:
    asked: {on_enter: [{document: dispute-dosier}], moves: {end: {to: done, by: owner}}}
    done: {final: true}
"""


def test_a_workflow_that_has_no_document_written_is_told_when_the_estate_is_validated(shop: Path) -> None:
    """On the day it is needed the move would stand and the document be missing."""
    (shop / "workflows").mkdir()
    (shop / "workflows" / "count.yaml").write_text(_WORKFLOW, "utf-8")
    refused = said(shop, "validate")
    (shop / "workflows" / "count.yaml").write_text(_WORKFLOW.replace("dosier", "dossier"), "utf-8")
    mended = said(shop, "validate")
    (shop / "workflows" / "count.yaml").unlink()

    assert (refused.returncode, "FH-O101  workflows/count.yaml:7:25" in refused.stderr) == (1, True), refused.stderr
    assert "Did you mean `dispute-dossier`?" in refused.stderr
    assert mended.returncode == 0, mended.stderr


def test_a_document_in_error_is_told_when_the_estate_is_validated(shop: Path) -> None:
    """One file adds a document; where it is wrong, `validate` says so with file, line and column."""
    (shop / "documents").mkdir()
    file = shop / "documents" / "weekly.md"
    file.write_text((Path(__file__).parent / "documents" / "unknown-name.md").read_text("utf-8"), "utf-8")
    refused = said(shop, "validate")
    file.write_text(file.read_text("utf-8").replace("(run,", "(runs,").replace("outlok", "outlook"), "utf-8")
    mended = said(shop, "validate")
    listed = said(shop, "document", "list", "--json")
    (shop / "documents" / "weekly.md").unlink()

    assert (refused.returncode, "FH-O107  documents/weekly.md:13:11" in refused.stderr) == (1, True)
    assert mended.returncode == 0, mended.stderr
    assert "d" in [one["id"] for one in json.loads(listed.stdout)["documents"]]
