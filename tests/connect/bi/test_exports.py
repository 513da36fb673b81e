"""What exports of Tableau, Power BI and Looker tell of dashboards, and what they leave open."""

from __future__ import annotations

import io
import json
import sys
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from freehold.connect.bi import Told, told
from freehold.connect.bi import files as files_of
from freehold.estate.dashboards import DashboardFiles
from freehold.foundation import Where

EXPORTS = Path(__file__).parent / "exports"
HERE = Where("estate.yaml", 9, 15)
BOARD = (EXPORTS / "tableau" / "board.twb").read_text()


def read(folder: str, *names: str) -> Told:
    """Return what files of an export tell."""
    paths = [DashboardFiles(name, HERE) for name in names or (".",)]
    return told(EXPORTS / folder, paths, "postgres")


def reads(found: Told) -> dict[str, list[str]]:
    """Return what each dashboard reads, as people write it."""
    return {d.id: [f"{r.of.removeprefix('shop_orders.')}.{r.column or '*'}" for r in d.reads] for d in found.dashboards}


BUYERS = ["buyers.buyer", "buyers.lines", "buyers.spent"]
CASES: list[tuple[str, str, tuple[str, ...], dict[str, list[str]], list[str]]] = [
    (
        "Tableau: calculations, custom SQL, a join, a story, a sheet of its own, a hidden one",
        "tableau",
        ("board.twb",),
        {
            "board/board-pack": [*BUYERS, "daily.day", "daily.orders", "daily.revenue", "stock.day"],
            "board/stock-days": ["daily.day", "stock.day"],
            "board/the-year": [*BUYERS, "daily.day", "daily.orders", "daily.revenue", "stock.day"],
            "board/towns": [*BUYERS, "people.id", "people.town"],
        },
        ["`target` of `Targets`: the data source", "`weather` of `Revenue`: which relation it is of is not said"],
    ),
    (
        "Tableau: a published data source is known by its .tds",
        "tableau",
        (),
        {
            "board/board-pack": [*BUYERS, "daily.day", "daily.orders", "daily.revenue", "stock.day"],
            "board/stock-days": ["daily.day", "stock.day"],
            "board/the-year": [
                *(*BUYERS, "daily.day", "daily.orders", "daily.revenue", "stock.day", "shop_plans.targets.target"),
            ],
            "board/towns": [*BUYERS, "people.id", "people.town"],
        },
        ["`weather` of `Revenue`: which relation it is of is not said"],
    ),
    (
        "Power BI: a project, its measures, its renames, a native query, what ties its tables",
        "powerbi",
        ("Trading.Report", "Trading.SemanticModel"),
        {"trading": ["daily.lines", "daily.revenue", "daily.sold_on", "lines.amount", "lines.buyer", "lines.sold_on"]},
        ["`Days[Missing]` is no measure"],
    ),
    (
        "Power BI: a model that no report reads is a consumer itself",
        "powerbi",
        ("Trading.SemanticModel",),
        {"trading": ["daily.lines", "daily.revenue", "daily.sold_on", "lines.amount", "lines.buyer", "lines.sold_on"]},
        [],
    ),
    (
        "Power BI: the older form, a chain of names, a merge, a sheet of Excel",
        "powerbi",
        ("old",),
        {"old": ["latest.*", "lines.*", "totals.quantity"]},
        ["the table `Sheet`: no table of a warehouse", "`Mix[what]` could be of any of the 2 sources"],
    ),
    (
        "Power BI: a report without its model",
        "powerbi",
        ("Trading.Report",),
        {"trading": []},
        ["reads a model that is not in the export"],
    ),
    (
        "Looker: views, refinements, derived tables, joins that are used, extended dashboards",
        "looker",
        (),
        {
            "doubtful": ["daily.revenue", "daily.sold_on"],
            "people": ["daily.sold_on", "lines.amount", "lines.buyer", "lines.quantity", "weather.day"],
            "trading": ["daily.lines", "daily.revenue", "daily.sold_on"],
        },
        [
            "shows a Look",
            "which table the view `loud` is of is decided when",
            "has SQL that is a template",
            "has no field `nothing`",
            "there is no explore `nowhere`",
        ],
    ),
]


@pytest.mark.parametrize(("folder", "names", "expected", "open_"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_an_export_tells_what_its_dashboards_read(
    folder: str, names: tuple[str, ...], expected: dict[str, list[str]], open_: list[str]
) -> None:
    """Down to columns of tables; what it leaves open is told one by one, and nothing is invented for it."""
    found = read(folder, *names)

    assert found.errors == ()
    assert reads(found) == expected
    problems = sorted(error.problem for error in found.unresolved)
    assert len(problems) == len(open_), problems
    assert all(any(part in problem for problem in problems) for part in open_), problems
    assert {error.code for error in found.unresolved} <= {"FH-X212"}
    assert all(error.where and error.where.line for error in found.unresolved)


def test_a_dashboard_says_where_it_is_told_of() -> None:
    """With the line, its name as people see it, its tool and kind."""
    one = read("looker").dashboards[1]

    assert (one.id, one.name, one.tool, one.kind) == ("people", "Who buys", "looker", "dashboard")
    assert str(one.where) == "trading.dashboard.lookml:25:1"


def test_packed_workbooks_and_templates_are_opened(reading) -> None:  # type: ignore[no-untyped-def]
    """`.twbx` is read as its `.twb`, `.pbit` as the model and the report in it."""
    bim = (EXPORTS / "powerbi/old/model.bim").read_text().encode("utf-16-le")
    layout = (EXPORTS / "powerbi/old/report.json").read_text().encode("utf-16-le")

    found = reading(
        {
            "board.twbx": packed({"board.twb": BOARD.encode(), "Data/x.hyper": b"\0"}),
            "old.pbit": packed({"DataModelSchema": bim, "Report/Layout": layout}),
        }
    )

    assert found.errors == ()
    assert reads(found)["board/stock-days"] == ["daily.day", "stock.day"]
    assert reads(found)["old"] == ["latest.*", "lines.*", "totals.quantity"]


def packed(members: dict[str, bytes]) -> bytes:
    """Return a zip archive."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return made.getvalue()


CUT = BOARD.partition("<worksheets>")[0]
LAUGHS = """<?xml version="1.0"?>
<!DOCTYPE w [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>
<workbook><datasources>&b;</datasources></workbook>"""
OUTSIDE = '<?xml version="1.0"?>\n<!DOCTYPE w SYSTEM "file:///etc/hostname">\n<workbook/>'
BAD: list[tuple[str, str, str | bytes, str, str]] = [
    ("entities that make a small file endless", "a.twb", LAUGHS, "FH-X207", "a.twb:2:1"),
    ("a document type from elsewhere", "a.twb", OUTSIDE, "FH-X207", "a.twb:2:1"),
    ("XML that is cut off", "a.twb", CUT, "FH-X203", f"a.twb:{CUT.count(chr(10)) + 1}"),
    ("XML of another kind", "a.twb", "<html/>", "FH-X203", "a.twb:1"),
    ("XML that nests without end", "a.twb", "<a>" * 100_000, "FH-X203", "a.twb:1"),
    ("an archive that is none", "a.twbx", "PK, or so", "FH-X203", "a.twbx"),
    ("an archive without a workbook", "a.twbx", packed({"b.txt": b"?"}), "FH-X203", "a.twbx"),
    ("a model that is no JSON", "model.bim", '{"model": {\n"tables": [}', "FH-X203", "model.bim:2:12"),
    ("a model without tables", "model.bim", '{"name": "x"}', "FH-X203", "model.bim"),
    ("JSON that nests without end", "report.json", "[" * 100_000, "FH-X203", "report.json"),
    ("a table that is none", "a.tmdl", "lorem ipsum", "FH-X203", "a.tmdl"),
    ("an expression without end", "a.tmdl", "table A\n\tmeasure b = ```\n\t\tSUM(A[x])", "FH-X203", "a.tmdl:2"),
    ("a binary report", "a.pbix", b"PK\x03\x04", "FH-X202", "a.pbix"),
    ("LookML that ends in the middle", "a.view.lkml", "view: a {\n dimension: b {", "FH-X203", "a.view.lkml"),
    ("LookML that is none", "a.view.lkml", "}", "FH-X203", "a.view.lkml"),
    (
        "a dashboard that is no YAML",
        "a.dashboard.lookml",
        "- dashboard: a\n  title: [",
        "FH-X203",
        "a.dashboard.lookml:3",
    ),
    ("YAML that is no dashboard", "a.dashboard.lookml", "title: x", "FH-X203", "a.dashboard.lookml"),
    ("YAML that nests without end", "a.dashboard.lookml", "[" * 10_000, "FH-X203", "a.dashboard.lookml"),
    ("bytes that are no text", "a.tmdl", b"table A\n\tcolumn \xff", "FH-X203", "a.tmdl:2"),
]


@pytest.mark.parametrize(("name", "content", "code", "where"), [b[1:] for b in BAD], ids=[b[0] for b in BAD])
def test_a_broken_file_is_one_clear_error(reading, name: str, content: str | bytes, code: str, where: str) -> None:  # type: ignore[no-untyped-def]
    """With its place and how to mend it, and it takes no other file with it."""
    found = reading({name: content, "sound/days.twb": BOARD})

    assert [(error.code, str(error.where)[: len(where)]) for error in found.errors] == [(code, where)]
    assert found.errors[0].fix
    assert [d.id for d in found.dashboards] == [
        *("days/board-pack", "days/stock-days", "days/the-year", "days/towns"),
    ]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    ending=st.sampled_from((".twb", ".twbx", ".bim", ".tmdl", ".view.lkml", ".dashboard.lookml", ".csv", ".pbit")),
    content=st.binary(max_size=300) | st.text(alphabet="<>{}[]=\"'\n:-,ab.`$#", max_size=300).map(str.encode),
)
def test_no_file_brings_the_reading_down(tmp_path: Path, ending: str, content: bytes) -> None:
    """Whatever is in a file, it is told as an error or tells something; nothing is raised."""
    (tmp_path / f"any{ending}").write_bytes(content)

    found = told(tmp_path, [DashboardFiles(f"any{ending}", HERE)], "duckdb")

    assert len(found.errors) <= len(content) + 1
    assert all(error.code.startswith("FH-X2") for error in found.errors)


def _chained_workbook(many: int) -> str:
    fields = "".join(
        f"<column name='[c{n}]'><calculation class='tableau' formula='[c{n + 1}]' /></column>" for n in range(many)
    )
    used = "<datasource-dependencies datasource='s'><column name='[c0]' /></datasource-dependencies>"
    return (
        f"<workbook><datasources><datasource name='s'>{fields}</datasource></datasources><worksheets>"
        f"<worksheet name='w'><table><view>{used}</view></table></worksheet></worksheets></workbook>"
    )


def _chained_model(many: int) -> str:
    measures = [{"name": f"c{n}", "expression": f"[c{n + 1}]"} for n in range(many)]
    columns = [{"name": "x", "type": "calculated", "expression": "[c0]"}]
    return json.dumps({"model": {"tables": [{"name": "t", "measures": measures, "columns": columns}]}})


def _chained_view(many: int) -> str:
    fields = "\n".join(f"dimension: c{n} {{ sql: ${{c{n + 1}}} ;; }}" for n in range(many))
    return f"explore: v {{}}\nview: v {{ {fields} }}"


CHAINS: list[tuple[str, dict[str, str]]] = [
    ("Tableau", {"a.twb": _chained_workbook(5_000)}),
    ("Power BI", {"a/model.bim": _chained_model(5_000)}),
    (
        "Looker",
        {
            "a.model.lkml": _chained_view(2_000),
            "a.dashboard.lookml": "- dashboard: a\n  elements: [{name: a, explore: v, fields: [v.c0]}]",
        },
    ),
]


@pytest.mark.parametrize("files", [c[1] for c in CHAINS], ids=[c[0] for c in CHAINS])
def test_fields_that_lead_on_without_end_are_an_error(reading, files: dict[str, str]) -> None:  # type: ignore[no-untyped-def]
    """Of that file, and not the end of the program."""
    found = reading({**files, "sound.csv": "dashboard,reads\nwall,a.b\n"})

    assert [error.code for error in found.errors] == ["FH-X203"]
    assert "too often to be followed" in found.errors[0].problem
    assert [d.id for d in found.dashboards] == ["wall"]


def test_a_file_that_unpacks_without_end_is_refused(reading, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    """What counts is what comes out of the archive, not what its header says."""
    monkeypatch.setattr(files_of, "LARGEST", 10_000)

    found = reading({"a.twbx": packed({"a.twb": b" " * 50_000}), "b.bim": " " * 50_000})

    assert [error.code for error in found.errors] == ["FH-X209", "FH-X209"]


def test_lookml_without_its_package_names_the_command(reading, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    """It is an extra: who has no LookML need not install it."""
    monkeypatch.setitem(sys.modules, "lkml", None)

    found = reading({"a.view.lkml": "view: a {}"})

    assert [(error.code, error.fix) for error in found.errors] == [("FH-X208", "pip install 'freehold[looker]'")]


PLACES: list[tuple[str, str, dict[str, str], str]] = [
    ("a path where nothing is", "bi/none.csv", {}, "FH-X201"),
    ("a pattern that nothing matches", "bi/*.twb", {}, "FH-X201"),
    ("a path that leads out", "../secret.csv", {}, "FH-X201"),
    ("a path from the root", "/etc/hosts", {}, "FH-X201"),
    ("a file of no known kind", "notes.txt", {}, "FH-X202"),
    ("a folder without one of the tool", ".", {"tool": "looker"}, "FH-X202"),
]


@pytest.mark.parametrize(("path", "said", "code"), [p[1:] for p in PLACES], ids=[p[0] for p in PLACES])
def test_a_source_that_means_nothing_is_told(reading, path: str, said: dict[str, str], code: str) -> None:  # type: ignore[no-untyped-def]
    """At its place in estate.yaml."""
    found = reading({"notes.txt": "x", "data/a.twb": BOARD}, path, **said)

    assert [(error.code, error.where) for error in found.errors] == [(code, HERE)]


def test_a_link_leads_not_out_of_the_estate(reading, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """A pull request must not make a runner read files of its own."""
    (tmp_path.parent / "elsewhere.csv").write_text("secret\n1\n")
    (tmp_path / "dashboards.csv").symlink_to(tmp_path.parent / "elsewhere.csv")

    found = reading({}, "dashboards.csv")

    assert [error.code for error in found.errors] == ["FH-X201"]
    assert "secret" not in str(found.errors[0])


def test_owner_and_tool_of_a_source_hold_for_its_files(reading) -> None:  # type: ignore[no-untyped-def]
    """`tool:` reads a file of any ending, `owner:` is whom to ask."""
    listed = "dashboard,reads\nwall,a.b\n"

    found = reading({"list.txt": listed}, "list.txt", tool="csv", owner="finance")

    assert [(d.id, d.owner) for d in found.dashboards] == [("wall", "finance")]


def test_a_list_adds_people_to_what_an_export_tells(reading) -> None:  # type: ignore[no-untyped-def]
    """Exports know columns and no people; a CSV file of the same ids brings those."""
    listed = "dashboard,owner,viewers,metric\nboard/board-pack,finance,41,revenue\n"

    found = reading({"board.twb": BOARD, "people.csv": listed})

    one = next(d for d in found.dashboards if d.id == "board/board-pack")
    assert (one.name, one.tool, one.owner, one.viewers, one.metrics) == (
        *("Board pack", "tableau", "finance", 41),
        ("revenue",),
    )
    assert len(one.reads) == 7


def test_a_field_of_a_union_is_of_each_of_its_tables(reading) -> None:  # type: ignore[no-untyped-def]
    """Whichever of them loses the column, the sheet breaks."""
    found = reading(
        {
            "u.twb": "<workbook><datasources><datasource name='s'><connection class='federated' schema='x'>"
            "<relation type='union' name='all'><relation name='a' table='[a]' type='table'/>"
            "<relation name='b' table='[b]' type='table'/></relation>"
            "<cols><map key='[n]' value='[all].[n]'/></cols></connection></datasource></datasources>"
            "<worksheets><worksheet name='w'><table><view><datasource-dependencies datasource='s'>"
            "<column name='[n]'/></datasource-dependencies></view></table></worksheet></worksheets></workbook>"
        }
    )

    assert reads(found) == {"u/w": ["x.a.n", "x.b.n"]}
    assert found.unresolved == ()


def test_two_exports_of_one_dashboard_are_told_apart(reading) -> None:  # type: ignore[no-untyped-def]
    """The first counts, and the other is an error that names it."""
    found = reading({"a/board.twb": BOARD, "b/board.twb": BOARD})

    assert {error.code for error in found.errors} == {"FH-X206"}
    assert "a/board.twb:" in found.errors[0].problem
    assert all(d.where.path == "a/board.twb" for d in found.dashboards)


def test_a_report_goes_to_the_model_of_its_name(reading) -> None:  # type: ignore[no-untyped-def]
    """Where no definition binds it, and several models are there."""
    bim = json.loads((EXPORTS / "powerbi/old/model.bim").read_text())
    report = (EXPORTS / "powerbi/old/report.json").read_text()

    found = reading({"A/model.bim": json.dumps(bim), "B/model.bim": json.dumps(bim), "B/report.json": report})

    assert {d.id: d.kind for d in found.dashboards} == {"a": "model", "b": "report"}
