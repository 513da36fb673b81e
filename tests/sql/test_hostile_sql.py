"""Lineage of texts that nobody should write: each gets an answer within bounds, and the next one is read as ever."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from freehold.sql.lineage import Reader, lineage_of, packed, unpacked


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    """A process that reads, with few CPU seconds for each text."""
    with Reader(cpu_s=3.0) as reader:
        yield reader


READ = {
    "parentheses 10,000 deep": f"select {'(' * 10_000}a{')' * 10_000} as x from t",
    "queries 3,000 deep": "select x from (" * 3_000 + "select a as x from t" + ") q" * 3_000,
    "20,000 terms": f"select {'+'.join(['a'] * 20_000)} as x from t",
    "5,000 unions": " union all ".join(["select a as x from t"] * 5_000),
    "20,000 conditions": "select a as x from t where " + " and ".join(f"b{n} = 1" for n in range(20_000)),
    "3,000 nested cases": f"select {'case when b then ' * 3_000}a{' end' * 3_000} as x from t",
    "3,000 CTEs in a row": "with c0 as (select a as x from t)"
    + "".join(f", c{n + 1} as (select x from c{n})" for n in range(3_000))
    + " select x from c3000",
}

TABLES_ALONE = {
    "5 MB": f"select {', '.join(f'column_{n} as c{n}' for n in range(210_000))} from t",
    "a star that doubles 24 times": "with a0 as (select a from t)"
    + "".join(f", a{n + 1} as (select p.*, q.* from a{n} p cross join a{n} q)" for n in range(24))
    + " select * from a24",
}

WRONG = {
    "no statement at all": "from where join (((",
    "control characters": "\x00\x01\x02 select",
    "a text without an end": "select 'abc from t",
    "half a statement": "insert into z select a from t where (",
    "a wall of brackets": "(" * 50_000,
    "emptiness": "",
}


@pytest.mark.parametrize("sql", READ.values(), ids=READ.keys())
def test_what_is_deep_or_long_is_read(sql: str, reader: Reader) -> None:
    """A stack of its own size and one pass over the text are enough for these."""
    found = reader.read(sql)

    assert not found.failures
    assert [o.column for o in found.outputs] == ["x"]
    assert {(s.table, s.column) for o in found.outputs for s in o.sources if s.is_direct} == {("t", "a")}


@pytest.mark.parametrize("sql", TABLES_ALONE.values(), ids=TABLES_ALONE.keys())
def test_what_is_too_much_is_known_by_its_tables(sql: str, reader: Reader) -> None:
    """The table is told, the reason is told, and the process answers the next text."""
    found = reader.read(sql)

    assert "t" in found.reads
    assert (found.outputs, len(found.failures)) == ((), 1)
    assert reader.read("select b from u").reads == ("u",)


@pytest.mark.parametrize("sql", WRONG.values(), ids=WRONG.keys())
def test_what_is_no_sql_is_an_answer(sql: str, reader: Reader) -> None:
    """Nothing is raised, and nothing is invented."""
    assert reader.read(sql).outputs == ()
    assert reader.read("select b from u").reads == ("u",)


def test_a_statement_that_does_not_parse_leaves_its_tables() -> None:
    """What stands where tables stand, without the names its own WITH defines."""
    found = lineage_of("with c as (select 1) insert into s.z select a from s.t join c on ((( where")

    assert (found.reads, found.writes) == (("s.t",), ("s.z",))
    assert len(found.failures) == 1


def test_a_reader_that_was_killed_starts_another(reader: Reader) -> None:
    """Whoever ends the process, the next text is read."""
    assert reader.read("select b from u").reads == ("u",)
    assert reader._process is not None
    reader._process.kill()
    reader._process.wait()
    assert reader.read("select b from u").reads == ("u",)


def test_what_a_process_says_is_what_was_found() -> None:
    """Packed and unpacked, nothing is lost."""
    found = lineage_of("insert into z (p) select md5(a) from t where b = 1; select frm from")
    assert unpacked(packed(found)) == found
    assert found.failures
