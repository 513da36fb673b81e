"""What DuckDB says, in the words of the one who has to mend it."""

from __future__ import annotations

from pathlib import Path

import pytest
from contract import CALLER

from freehold.engines import Engine, open_engine
from freehold.foundation import Exit, FreeholdError

READ = (
    "SELECT * FROM read_csv('{path}', header = true, auto_detect = false, delim = ',', quote = '\"', escape = '\"', "
    "strict_mode = true, columns = {{'n': 'BIGINT', 's': 'VARCHAR'}})"
)


@pytest.fixture
def warehouse(tmp_path: Path) -> Engine:
    """A warehouse with a table, in the folder of an estate."""
    engine = open_engine("duckdb:///w.db", root=str(tmp_path))
    engine.session(CALLER).run("CREATE TABLE orders (amount INTEGER, customer VARCHAR)")
    yield engine
    engine.close()


def told(engine: Engine, sql: str) -> FreeholdError:
    """Return the error of a statement."""
    with pytest.raises(FreeholdError) as caught:
        engine.session(CALLER).rows(sql)
    return caught.value


@pytest.mark.parametrize(
    ("sql", "problem"),
    [
        pytest.param("SELECT amont FROM orders", '"amont" not found', id="a column"),
        pytest.param("SELECT * FROM order_s", "order_s does not exist", id="a table"),
        pytest.param("SELECT summ(amount) FROM orders", "summ does not exist", id="a function"),
    ],
)
def test_what_is_misspelt_comes_with_near_matches(warehouse: Engine, sql: str, problem: str) -> None:
    """The message and the suggestions are kept; the drawing of the statement is not."""
    error = told(warehouse, sql)
    assert error.code == "FH-E201"
    assert error.exit_code == Exit.FINDING
    assert problem in error.problem
    assert any(hint in error.problem for hint in ("Did you mean", "Candidate"))
    assert not error.problem.startswith(("Binder", "Catalog"))
    assert "LINE" not in error.problem
    assert "^" not in error.problem


def test_a_long_statement_has_the_line_of_its_fault(warehouse: Engine) -> None:
    """Counted in the statement, for whoever knows which file it came from."""
    assert str(told(warehouse, "SELECT\n  amount,\n  amont\nFROM orders").where) == "<sql>:3:1"


@pytest.mark.parametrize(
    ("content", "place", "said"),
    [
        pytest.param("n,s\n1,a\nmany,b\n", "3:1", 'Could not convert string "many"', id="a word for a number"),
        pytest.param('n,s\n1,a\n2,"b\n', "3:3", "unterminated quote", id="a quote that never ends"),
        pytest.param('n,s\n1,a\n2,"b\n3,c\n4,d\n', "3:3", "unterminated quote", id="a quote over several lines"),
        pytest.param("n,s\n1,a\n2\n", "3:1", "Expected Number of Columns: 2 Found: 1", id="a line cut short"),
        pytest.param("n,s\n1,a\n2,b,c\n", "3:1", "Expected Number of Columns: 2 Found: 3", id="a field too many"),
    ],
)
def test_a_csv_is_named_with_line_and_column(
    warehouse: Engine, tmp_path: Path, content: str, place: str, said: str
) -> None:
    """Relative to the estate, with the offending line, and without advice on options of DuckDB."""
    (tmp_path / "landing").mkdir()
    path = tmp_path / "landing/day.csv"
    path.write_text(content)
    error = told(warehouse, READ.format(path=path))
    assert (error.code, str(error.where)) == ("FH-E201", f"landing/day.csv:{place}")
    assert said in error.problem
    assert content.splitlines()[2] in error.problem
    assert "strict_mode" not in str(error)
    assert error.fix


def test_text_that_is_not_utf8_is_placed(warehouse: Engine, tmp_path: Path) -> None:
    """File and line, from DuckDB's own reading of the bytes."""
    path = tmp_path / "day.csv"
    path.write_bytes(b"n,s\n1,a\n2,caf\xe9\n")
    error = told(warehouse, READ.format(path=path))
    assert str(error.where).startswith("day.csv:3:")
    assert "unicode" in error.problem.lower()


@pytest.mark.parametrize(
    ("sql", "name", "code", "exit_code"),
    [
        pytest.param("read_csv('{0}/gone.csv')", "gone.csv", "FH-E107", Exit.ENVIRONMENT, id="a CSV that went"),
        pytest.param(
            "read_parquet('{0}/gone.parquet')", "gone.parquet", "FH-E107", Exit.ENVIRONMENT, id="a Parquet file"
        ),
        pytest.param("read_parquet('{0}/torn.parquet')", "torn.parquet", "FH-E201", Exit.FINDING, id="a torn one"),
        pytest.param("read_json('{0}/torn.json')", "torn.json", "FH-E201", Exit.FINDING, id="a torn JSON file"),
    ],
)
def test_a_file_that_is_gone_is_the_environments_fault_and_a_torn_one_the_senders(
    warehouse: Engine, tmp_path: Path, sql: str, name: str, code: str, exit_code: Exit
) -> None:
    """Neither is the warehouse's, and each is named."""
    (tmp_path / "torn.parquet").write_bytes(b"PAR1" + b"x" * 100 + b"PAR1")
    (tmp_path / "torn.json").write_text('{"a": 1}\n{"a":')
    error = told(warehouse, f"SELECT * FROM {sql.format(tmp_path)}")
    assert (error.code, error.exit_code) == (code, exit_code)
    assert str(error.where) == name


def test_values_that_do_not_fit_are_quoted(warehouse: Engine) -> None:
    """In statements too."""
    assert "'many'" in told(warehouse, "INSERT INTO orders VALUES ('many', 'x')").problem
    assert told(warehouse, "SELECT CAST(300 AS TINYINT)").code == "FH-E201"


def test_a_column_called_conflict_is_no_conflict(warehouse: Engine) -> None:
    """Only what transactions say of each other is worth another try."""
    error = told(warehouse, "SELECT conflict FROM orders")
    assert (error.code, type(error)) == ("FH-E201", FreeholdError)
