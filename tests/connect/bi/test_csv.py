"""`dashboards.csv`: a plain list, read strictly."""

from __future__ import annotations

import pytest

from freehold.estate.dashboards import Reading
from freehold.foundation import Where

GOOD = """\
dashboard,name,kind,owner,viewers,url,reads,column,metric
board-pack,Board pack,,finance,41,https://bi.example/1,sales.orders.daily,revenue,net_revenue

board-pack,,,,,,sales.orders.daily,orders,
board-pack,,,,,,sales_orders.lines,,
churn,"Churn, the model",ml,,,,sales.customers.customers,customer_id,
"""


def test_a_list_is_read_row_by_row(reading) -> None:  # type: ignore[no-untyped-def]
    """A row for each thing read; what is said of the dashboard itself is said once."""
    found = reading({"dashboards.csv": "\ufeff" + GOOD.replace("\n", "\r\n")}, "dashboards.csv")

    board, churn = found.dashboards
    assert found.errors == ()
    assert (board.id, board.name, board.kind, board.owner, board.viewers) == (
        *("board-pack", "Board pack", "dashboard", "finance", 41),
    )
    assert (board.url, board.metrics, board.where) == (
        *("https://bi.example/1", ("net_revenue",)),
        Where("dashboards.csv", 2, 1),
    )
    assert board.reads == (
        Reading("sales.orders.daily", "revenue"),
        Reading("sales.orders.daily", "orders"),
        Reading("sales_orders.lines"),
    )
    assert [r.where and r.where.line for r in board.reads] == [2, 4, 5]
    assert (churn.name, churn.kind, churn.viewers, churn.owner) == ("Churn, the model", "ml", None, "")


HEAD = "dashboard,name,kind,viewers,reads,column\n"
WRONG: list[tuple[str, str, str, str, str]] = [
    ("an empty file", "", "FH-X204", "d.csv:1:1", "no column `dashboard`"),
    ("a separator that is none", "dashboard;reads;column\n", "FH-X204", "d.csv:1:1", "no column `dashboard`"),
    ("a column that is misspelt", "dashboard,colum\n", "FH-X204", "d.csv:1:1", "a column `colum`"),
    ("a column that stands twice", "dashboard,name,name\n", "FH-X204", "d.csv:1:1", "stands twice"),
    ("too many cells", HEAD + "a,Sales, by day,,,x.y,z\n", "FH-X205", "d.csv:2:1", "7 cells, the header 6"),
    ("no dashboard", HEAD + ",A,,,x.y,\n", "FH-X205", "d.csv:2:1", "names no dashboard"),
    ("viewers that are no number", HEAD + "a,,,many,x.y,\n", "FH-X205", "d.csv:2:1", "`many` viewers"),
    ("fewer viewers than nobody", HEAD + "a,,,-1,x.y,\n", "FH-X205", "d.csv:2:1", "`-1` viewers"),
    ("a kind that is none", HEAD + "a,,dashbord,,x.y,\n", "FH-X205", "d.csv:2:1", "`dashbord` is no kind"),
    ("a column of nothing", HEAD + "a,,,,,revenue\n", "FH-X205", "d.csv:2:1", "`revenue` is of nothing"),
    ("two names", HEAD + 'a,A,,,"x.\ny",\na,B,,,x.y,z\n', "FH-X205", "d.csv:4:1", "`B` here and `A` in line 2"),
    ("a quote that does not end", HEAD + 'a,"A,,,x.y,\n', "FH-X203", "d.csv:2", "cannot be read"),
]


@pytest.mark.parametrize(("content", "code", "where", "problem"), [w[1:] for w in WRONG], ids=[w[0] for w in WRONG])
def test_a_list_with_an_error_tells_nothing(reading, content: str, code: str, where: str, problem: str) -> None:  # type: ignore[no-untyped-def]
    """Half a list would be believed to be all of it; the error has file and line, and says how to mend it."""
    found = reading({"d.csv": content}, "d.csv")

    assert found.dashboards == ()
    assert [(e.code, str(e.where)[: len(where)]) for e in found.errors] == [(code, where)]
    assert problem in found.errors[0].problem
    assert found.errors[0].fix


def test_all_errors_of_a_list_are_told(reading) -> None:  # type: ignore[no-untyped-def]
    """In one go, in the order of the file."""
    found = reading({"d.csv": HEAD + ",A,,,x.y,\na,,,many,,\nb,,,,x.y,\n"}, "d.csv")

    assert [str(e.where) for e in found.errors] == ["d.csv:2:1", "d.csv:3:1"]
