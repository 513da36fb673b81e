"""Files of KPIs: what ships is whole, what an estate adds or says otherwise holds, and what is wrong is refused."""

# ruff: noqa: E501 - the changes are read beside each other

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from freehold.estate import json_schema, load_estate
from freehold.estate.reading import read_documents
from freehold.estate.schemas import validator
from freehold.foundation import FreeholdError, Problems, Where
from freehold.insight import Kpi, builtin_kpis, kpi_findings, kpi_named, kpis_of, load_kpi
from freehold.insight.registry import BUILTIN, kpi_from
from freehold.insight.targets import UNITS, target
from freehold.ledger import Vocabulary

OWN = """
apiVersion: freehold.dev/v1
kind: KPI
metadata: {id: holds, name: Quarantines}
spec:
  question: How often is data held back?
  unit: count
  needs: [candidate.quarantined]
  targets: {all: "< 5"}
  datasets:
    held:
      time: occurred_at
      sql: SELECT candidate AS item, asset, occurred_at, [seq] AS seqs FROM candidate_quarantined
  metrics: {value: COUNT(held.*), numerator: value, denominator: value, n: value}
"""
TAGS = {f"K{number:02}" for number in range(1, 67)}
FEWER = {"spend-variance": 1, "drill-success": 2}  # one currency is one observation; a quarter has few drills
FEWER |= dict.fromkeys(  # of all there were, and no sample of them
    ("schema-change-compliance", "deprecation-progress", "redundancy-retired"), 1
)
WHOLE = ("on-call-load",)  # taken apart it would tell of persons


def read(text: str) -> Kpi:
    """Return the KPI a text declares."""
    (document,) = read_documents(text.encode(), "holds.yaml")
    return kpi_from(document)


@pytest.mark.parametrize("kpi", builtin_kpis().values(), ids=builtin_kpis())
def test_a_kpi_that_ships_is_whole(kpi: Kpi) -> None:
    """It answers a question, needs events that exist, and has an owner, a target, a cadence and slices."""
    assert kpi.question.endswith("?")
    assert all(name in Vocabulary() for name in (*kpi.needs, *kpi.wants))
    assert kpi.owner
    assert kpi.targets
    assert kpi.minimum >= FEWER.get(kpi.id, 3)
    assert kpi.slices or kpi.id in WHOLE
    assert {t.goes_up for t in kpi.targets} <= {kpi.direction == "up", None}


def test_what_ships_is_known_by_its_tags() -> None:
    """The registry of KPIs names them so."""
    assert sorted(tag for kpi in builtin_kpis().values() for tag in kpi.tags) == sorted(TAGS)
    assert kpi_named(builtin_kpis(), "k08").id == "time-to-restore"


@pytest.mark.parametrize("path", sorted(BUILTIN.glob("*.yaml")), ids=lambda p: p.stem)
def test_what_ships_passes_the_schema_that_files_of_others_must_pass(path: Path) -> None:
    """They are written as anybody would write them, and judged here, so that no reader needs to."""
    said = yaml.safe_load(path.read_text())

    assert list(validator("KPI").iter_errors(said)) == []
    assert load_kpi(path).id == path.stem


def test_the_definition_is_what_is_computed() -> None:
    """Another target is the same number, another query is not."""
    before = read(OWN).definition

    assert read(OWN.replace("< 5", "< 9").replace("held back", "kept")).definition == before
    assert read(OWN.replace("asset, occurred_at", "asset, recorded_at AS occurred_at")).definition != before


WRONG: dict[str, tuple[Callable[[str], str], str, str, str]] = {
    "no query": (lambda t: t.split("  datasets:")[0], "FH-K001", "does not say its", "kpis.md"),
    "an event nobody sends": (lambda t: t.replace("[candidate.quarantined]", "[candidate.quarantine]"), "FH-K001", "no event type", "candidate.quarantined"),
    "a role nobody fills": (lambda t: t.replace("denominator: value, ", ""), "FH-K001", "no metric `denominator`", ""),
    "a unit that is none": (lambda t: t.replace("unit: count", "unit: percent").replace('  targets: {all: "< 5"}\n', ""), "FH-K001", "no unit", "share"),
    "a unit of a metric that is none": (lambda t: t.replace("unit: count", "unit: count\n  units: {valeu: s}"), "FH-K001", "no metric `valeu`", "value"),
    "a target in another unit": (lambda t: t.replace("< 5", "< 5%"), "FH-K001", "no target in `count`", ""),
    "a view that is none": (lambda t: t.replace("candidate_quarantined", "candidate_quarantine"), "FH-K003", "no view", "candidate_quarantined"),
    "evidence that leads to no event": (lambda t: t.replace(", [seq] AS seqs", ""), "FH-K003", "no columns `seqs`", "numbers of the events"),
    "a dataset of the warehouse": (lambda t: t.replace("sql: SELECT candidate AS item, asset, occurred_at, [seq] AS seqs FROM candidate_quarantined", "source: candidate_quarantined"), "FH-K003", "no query", ""),
    "a clock": (lambda t: t.replace("FROM candidate_quarantined", "FROM candidate_quarantined WHERE occurred_at < NOW()"), "FH-N410", "no place", "arguments alone"),
    "a clock by another name": (lambda t: t.replace("FROM candidate_quarantined", "FROM candidate_quarantined WHERE occurred_at < today()"), "FH-N410", "no place", "another day"),
    "the environment of a process": (lambda t: t.replace("asset,", "getenv('HOME') AS asset,"), "FH-N410", "no place", "arguments alone"),
    "a word that nobody fills in": (lambda t: t.replace("FROM candidate_quarantined", "FROM candidate_quarantined WHERE occurred_at < :today"), "FH-N410", "no place", "`:as_of`"),
    "a file": (lambda t: t.replace("FROM candidate_quarantined", "FROM read_csv('x.csv')"), "FH-N410", "no place", "Read assets"),
    "a metric over a field that is none": (lambda t: t.replace("COUNT(held.*)", "SUM(held.rows)"), "FH-N301", "rows", ""),
    "a metric beside over a field that is none": (lambda t: t.replace("n: value}", "n: value, share: SUM(held.rows)}"), "FH-N301", "`share` cannot be asked", ""),
    "a filter over a field that is none": (lambda t: t.replace("n: value}", "n: value, share: {expression: COUNT(held.*), filter: held.rows = 1}}"), "FH-N301", "`share` cannot be asked", ""),
    "a metric that is none": (lambda t: t.replace("numerator: value", "numerator: valeu"), "FH-N107", "no metric `valeu`", "value"),
    "a metric of a dataset that is none": (lambda t: t.replace("COUNT(held.*)", "COUNT(hold.*)"), "FH-N301", "`hold` in `value`", ""),
    "a metric that stands on itself": (lambda t: t.replace("numerator: value, denominator: value", "numerator: denominator, denominator: numerator"), "FH-N205", "stands on itself", ""),
    "a metric that does not parse": (lambda t: t.replace("COUNT(held.*)", "'COUNT(held.*'"), "FH-N201", "is no expression", ""),
    "SQL that does not parse": (lambda t: t.replace("FROM candidate_quarantined", "FORM candidate_quarantined ("), "FH-Q001", "does not parse", ""),
}  # fmt: skip


PLACES: dict[str, str] = {  # what stands where each error points; where a case is not named, its query
    "no query": "question: How",
    "an event nobody sends": "candidate.quarantine]",
    "a role nobody fills": "{value: COUNT",
    "a unit that is none": "percent",
    "a unit of a metric that is none": "s}",
    "a target in another unit": '"< 5%"',
    "evidence that leads to no event": "held:",
    "a dataset of the warehouse": "held:",
    "a metric over a field that is none": "value: SUM(held.rows)",
    "a metric beside over a field that is none": "share: SUM(held.rows)",
    "a filter over a field that is none": "share: {expression",
    "a metric that is none": "numerator: valeu",
    "a metric of a dataset that is none": "value: COUNT(hold.*)",
    "a metric that stands on itself": "numerator: denominator",
    "a metric that does not parse": "*', numerator",
    "SQL that does not parse": "FORM",
}


@pytest.mark.parametrize(
    ("change", "code", "told", "fix", "place"),
    [(*case, PLACES.get(name, "SELECT candidate")) for name, case in WRONG.items()],
    ids=WRONG,
)
def test_a_kpi_file_that_is_wrong_is_refused(
    change: Callable[[str], str], code: str, told: str, fix: str, place: str
) -> None:
    """When it is read, with its place and what would do; not when its number is missed."""
    text = change(OWN)
    assert text != OWN

    with pytest.raises(FreeholdError) as refused:
        read(text)
    errors = refused.value.errors if isinstance(refused.value, Problems) else (refused.value,)
    assert [error.code for error in errors] == [code]
    assert told in errors[0].problem
    assert fix in errors[0].fix
    assert pointed(text, errors[0].where).startswith(place)


def pointed(text: str, where: Where | None) -> str:
    """Return what stands at a place of the file."""
    assert where is not None
    assert where.path == "holds.yaml"
    return text.split("\n")[where.line - 1][where.column - 1 :]


def test_a_metric_over_one_that_is_wrong_is_not_told_too() -> None:
    """Each mistake once: of two that are wrong by themselves both, and none of those that stand on them."""
    text = OWN.replace("COUNT(held.*)", "SUM(held.rows)").replace("n: value}", "n: value, share: SUM(held.lines)}")
    with pytest.raises(Problems) as refused:
        read(text)

    assert [pointed(text, error.where).split(":")[0] for error in refused.value.errors] == ["value", "share"]


def test_what_does_not_parse_in_a_text_of_several_lines_is_told_with_its_line() -> None:
    """Counted from the line below its key."""
    text = OWN.replace("sql: SELECT", "sql: |\n        SELECT").replace("FROM cand", "\n        FORM cand")
    with pytest.raises(FreeholdError) as refused:
        read(text.replace("quarantined\n  metrics", "quarantined (\n  metrics"))
    assert refused.value.where is not None

    assert text.split("\n")[refused.value.where.line - 1].strip().startswith("FORM")


def test_a_file_of_another_kind_is_no_kpi(tmp_path: Path) -> None:
    """It says where."""
    (tmp_path / "x.yaml").write_text("kind: Team\n")

    with pytest.raises(FreeholdError, match="not a file of kind KPI") as refused:
        load_kpi(tmp_path / "x.yaml")
    assert str(refused.value.where).endswith("x.yaml")


def test_a_kpi_that_is_not_there_is_named() -> None:
    """With its near match."""
    with pytest.raises(FreeholdError) as refused:
        kpi_named(builtin_kpis(), "time-to-resotre")

    assert "`time-to-restore`" in refused.value.fix


ESTATE = """
apiVersion: freehold.dev/v1
kind: Estate
metadata: {id: shop, name: Shop}
spec: {connections: {w: {url: "duckdb:///w.duckdb"}}, environments: {prod: {connection: w}}}
"""


def estate_with(folder: Path, *kpis: str) -> Path:
    """Write an estate that holds files of KPIs."""
    (folder / "estate.yaml").write_text(ESTATE)
    for number, text in enumerate(kpis):
        (folder / f"kpi{number}.yaml").write_text(text)
    return folder


def test_an_estate_adds_kpis_and_says_otherwise_what_is_good(tmp_path: Path) -> None:
    """A file of its own is a KPI like those that ship; one that repeats an id may change all but what is computed."""
    other = "apiVersion: freehold.dev/v1\nkind: KPI\nmetadata: {id: time-to-restore, owner: ops}\n"
    other += 'spec: {targets: {all: "< 30min"}, minimum: 2, cadence: weekly}\n'
    estate = load_estate(estate_with(tmp_path, OWN, other))

    found = kpis_of(estate)

    shipped = builtin_kpis()["time-to-restore"]
    assert found["holds"].question == "How often is data held back?"
    assert found["time-to-restore"].definition == shipped.definition
    assert (found["time-to-restore"].owner, found["time-to-restore"].minimum) == ("ops", 2)
    assert [t.amount for t in found["time-to-restore"].targets] == [1_800]
    assert found["time-to-restore"].question == shipped.question
    assert kpi_findings(estate) == ()


def test_what_is_wrong_with_the_kpis_of_an_estate_is_found_all_at_once(tmp_path: Path) -> None:
    """Two files, two errors."""
    wrong = [OWN.replace("_quarantined", "_quarantine"), OWN.replace("id: holds", "id: more").replace("< 5", "<> 5")]

    findings = kpi_findings(load_estate(estate_with(tmp_path, *wrong)))

    assert sorted(error.code for error in findings) == ["FH-K001", "FH-K003"]


def test_the_schema_of_a_kpi_stands_alone() -> None:
    """An editor has all it refers to."""
    schema = json_schema("KPI")

    assert {"Dataset", "Field", "Metric", "Relationship", "Id"} <= set(schema["$defs"])


TARGETS = [
    ("< 4h", "s", 14_399.0, 14_400.0),
    (">= 99%", "share", 0.99, 0.9899),
    ("< 10bd", "bd", 9.9, 10.0),
    ("> 5/week", "/week", 5.1, 5.0),
    ("<= 60 min", "s", 3_600.0, 3_601.0),
    ("<= 3", "count", 3.0, 4.0),
]


@pytest.mark.parametrize(("text", "unit", "good", "bad"), TARGETS, ids=[t[0] for t in TARGETS])
def test_a_target_is_met_in_the_unit_of_its_kpi(text: str, unit: str, good: float, bad: float) -> None:
    """At the edge, too."""
    read_ = target("all", text, unit)

    assert read_.is_met(good)
    assert not read_.is_met(bad)


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("text", ["4h ago", "about 5", "", "< -3", "< 5 parsecs"])
def test_what_is_no_target_is_refused_with_one_that_would_be(text: str, unit: str) -> None:
    """In the same unit."""
    with pytest.raises(ValueError, match="write one like") as refused:
        target("all", text, unit)
    example = str(refused.value).rpartition("`")[0].rpartition("`")[2]
    assert target("all", example, unit)
