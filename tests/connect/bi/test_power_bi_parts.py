"""The languages inside of Power BI, as far as names go: DAX, Power Query, TMDL."""

from __future__ import annotations

import pytest

from freehold.connect.bi.powerbi.dax import mentions
from freehold.connect.bi.powerbi.power_query import origin_of
from freehold.connect.bi.powerbi.tmdl import parsed
from freehold.connect.bi.queries import Query

FORMULAS: list[tuple[str, str, list[str]]] = [
    ("a column with its table", "SUM(Sales[Amount])", ["Sales.Amount"]),
    ("a table in quotes", "SUM('Net sales'[Amount])", ["Net sales.Amount"]),
    ("a quote in a name", "SUM('It''s'[A]]b])", ["It's.A]b"]),
    ("a name without a table", "[Total] / [Count of]", [".Total", ".Count of"]),
    ("a keyword before a bracket", "VAR x = 1 RETURN [Total]", [".Total"]),
    ("a table by itself", "COUNTROWS(Sales) + COUNTROWS('Net sales')", ["Sales.", "Net sales."]),
    ("another case", "sum(SALES[Amount])", ["Sales.Amount"]),
    ("a function called like a table", "Sales(1)", []),
    ("texts and comments", '"Sales[No]" // Sales[No]\n-- Sales[No]\n/* Sales[No]\n */ & "a""b[No]"', []),
    ("a variable called like nothing", "VAR total = SUM(Sales[Amount]) RETURN total * 2", ["Sales.Amount"]),
]


@pytest.mark.parametrize(("formula", "expected"), [f[1:] for f in FORMULAS], ids=[f[0] for f in FORMULAS])
def test_what_a_formula_mentions(formula: str, expected: list[str]) -> None:
    """Columns, measures and tables; texts, comments and functions are none."""
    assert [f"{m.table}.{m.name}" for m in mentions(formula, ["Sales", "Net sales", "It's"])] == expected


SHARED = {
    "Schema": '"shop_orders" meta [IsParameterQuery=true]',
    "Days": 'let S = PostgreSQL.Database("h","d"), T = S{[Schema="shop_orders",Item="daily"]}[Data] in T',
    "Round": "Round",
}
QUERIES: list[tuple[str, str, list[str], str, bool]] = [
    ("navigation", 'S{[Schema="a",Item="b"]}[Data]', ["a.b"], "", True),
    ("another order and spaces", 'S{[ Item = "b" , Schema = "a" ]}[Data]', ["a.b"], "", True),
    ("a parameter", 'S{[Schema=Schema,Item="b"]}[Data]', ["shop_orders.b"], "", True),
    ("a name that is made", 'S{[Schema=Other,Item="b"]}[Data]', [], "`Other`", False),
    ("a chain", 'S{[Name="a",Kind="Schema"]}[Data]{[Name="b",Kind="View"]}[Data]', ["a.b"], "", True),
    ("another query", "Table.SelectRows(Days, each [x] > 1)", ["shop_orders.daily"], "", True),
    ("a step that is called like a query", 'let Days = S{[Schema="a",Item="b"]}[Data] in Days', ["a.b"], "", True),
    ("a query that reads itself", "Round", [], "no table of a warehouse", True),
    ("a group", 'Table.Group(S{[Schema="a",Item="b"]}[Data], {"x"}, {})', ["a.b"], "", False),
    ("a name with a space", 'S{[Schema="a b",Item="c.d"]}[Data]', ['"a b"."c.d"'], "", True),
    ("comments", '// {[Schema="no",Item="no"]}\nS{[Schema="a",Item="b"]}[Data]', ["a.b"], "", True),
    ("SQL", 'Value.NativeQuery(S, "select ""x"" from#(lf)t", null)', ['select "x" from\nt'], "", True),
    ("SQL as an option", 'Sql.Database("h", "d", [Query="select 1", Timeout=3])', ["select 1"], "", True),
    ("SQL that is put together", 'Value.NativeQuery(S, "select " & x)', [], "put together", False),
    ("a workbook", 'Excel.Workbook(F){[Item="T",Kind="Table"]}[Data]', [], "no table of a warehouse", True),
]


@pytest.mark.parametrize(
    ("text", "expected", "why", "is_followed"), [q[1:] for q in QUERIES], ids=[q[0] for q in QUERIES]
)
def test_where_a_query_gets_its_rows(text: str, expected: list[str], why: str, is_followed: bool) -> None:
    """Tables and SQL; what only running it would tell is said, and not guessed."""
    sent: list[str] = []

    found = origin_of(text, SHARED, lambda sql: sent.append(sql) or Query((), ()))  # type: ignore[func-returns-value]

    assert [*found.relations, *sent] == expected
    assert found.is_followed is is_followed
    assert bool(found.why) is bool(why)
    assert why in "".join(found.why)


def test_columns_keep_their_track_through_steps() -> None:
    """Renames are followed back, computed columns to what they are computed from."""
    found = origin_of(
        'let A = S{[Schema="a",Item="b"]}[Data], B = Table.RenameColumns(A, {{"x", "y"}, {"u", "v"}}), '
        'C = Table.RenameColumns(B, {{"y", "z"}}), D = Table.AddColumn(C, "n", each [z] * [#"v"] + Date.Year([v])), '
        'E = Table.DuplicateColumn(D, "v", "w") in E',
        {},
        lambda _: Query((), ()),
    )

    assert found.renamed == {"y": "x", "v": "u", "z": "x"}
    assert found.added == {"n": ("z", "v"), "w": ("v",)}
    assert found.is_followed


def test_objects_by_their_indentation() -> None:
    """Tabs or four spaces; expressions in fences, on lines of their own, and beside the sign."""
    text = (
        "/// words\ntable 'My table'\n    isHidden\n    measure A = 1\n        formatString: 0\n"
        "    measure 'B = 2' =\n\n            VAR x = 1\n            RETURN x\n        lineageTag: 1\n"
        "    measure C = ```\n        any: thing\n        ```\n    column D\n        sourceColumn: d e\n"
    )

    table = parsed(text, "x.tmdl").inside[0]

    assert (table.kind, table.name, table.line) == ("table", "My table", 2)
    assert [(m.name, " ".join(m.expression.split()), m.properties) for m in table.of("measure")] == [
        ("A", "1", {"formatString": "0"}),
        ("B = 2", "VAR x = 1 RETURN x", {"lineageTag": "1"}),
        ("C", "any: thing", {}),
    ]
    assert [(c.name, c.properties) for c in table.of("column")] == [("D", {"sourceColumn": "d e"})]
