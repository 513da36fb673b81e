"""Metrics bound to the declared types of their columns: a sum of words is told by the file, and not when it is asked.

Each metric is compiled as for a question, and DuckDB binds the statement to empty tables that have the columns whose
types files tell. Only what types decide counts: of a statement that reads a column or a table nobody describes, nothing
is said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp

from freehold.engines import open_engine
from freehold.foundation import LOCAL, FreeholdError
from freehold.metrics.conditions import SPOKEN
from freehold.metrics.fingerprint import parts_used

if TYPE_CHECKING:
    from collections.abc import Mapping

    from freehold.engines import Session
    from freehold.metrics.catalogue import Catalogue
    from freehold.metrics.model import Dataset, Metric

# The least of its kind, which DuckDB takes for a longer one where it has to: what some number fits, is no error.
_TYPES = {
    "String": "VARCHAR", "Integer": "INTEGER", "Decimal": "DOUBLE", "Float": "DOUBLE", "Boolean": "BOOLEAN",
    "Date": "DATE", "DateTime": "TIMESTAMP", "DateTimeTz": "TIMESTAMPTZ",
}  # fmt: skip
_BY_TYPES = re.compile(
    r"Binder Error: (No function matches the given name and argument types|Cannot (?:compare|mix) values of type)"
    r"(.+?)(?:\. You might need|(?: in .*)? - an explicit cast|$)"
)
_AND = re.compile(" and (?:type )?")
_NAMED = re.compile(r"'([^(]+)\((.*)\)'")
_SPOKEN = {"VARCHAR": "a text", "STRING_LITERAL": "a text", "BOOLEAN": "yes or no"} | dict.fromkeys(
    ("DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE"), "a day"
)  # fmt: skip


def somewhere(dataset: Dataset) -> exp.Table:
    """Return the table of a dataset to compile against where nothing is run: one for each source."""
    return exp.Table(this=exp.to_identifier(dataset.source, quoted=True))


def type_findings(catalogue: Catalogue, statements: Mapping[str, str]) -> Iterator[FreeholdError]:
    """Yield what the types of columns keep from being computed; of metrics that stand on each other, the first.

    Args:
        catalogue: the metrics.
        statements: for the id of each to look at, the SQL that asks for it, compiled against `somewhere`.
    """
    refused: dict[str, str] = {}
    with closing(open_engine("duckdb://")) as engine, closing(engine.session(LOCAL)) as nothing:
        for sql in _tables(catalogue):
            nothing.run(sql)
        for id_, sql in statements.items():
            if why := _refused(nothing, sql):
                refused[id_] = why
    for metric in catalogue.metrics():
        if metric.id in refused and not _below(catalogue, metric) & refused.keys():
            yield _told(catalogue, metric, refused[metric.id])


def _below(catalogue: Catalogue, metric: Metric) -> set[str]:
    return {one.id for one in parts_used(catalogue, metric)[0]} - {metric.id}


def _tables(catalogue: Catalogue) -> Iterator[str]:
    """Yield what makes an empty table of each source, without columns of which datasets say different things."""
    known: dict[str, dict[str, set[str]]] = {}
    for table in (t for m in catalogue.models.values() for d in m.datasets.values() for t in d.tables):
        columns = known.setdefault(table.source, {})
        for field in table.fields.values():
            if field.expression is None:
                columns.setdefault((field.column or field.name).lower(), set()).add(_TYPES.get(field.type, ""))
    for source, columns in known.items():
        typed = [(name, *kinds) for name, kinds in columns.items() if len(kinds) == 1 and "" not in kinds]
        if typed:
            spelled = ", ".join(f"{exp.to_identifier(name, quoted=True).sql('duckdb')} {kind}" for name, kind in typed)
            yield f"CREATE TABLE {exp.to_identifier(source, quoted=True).sql('duckdb')} ({spelled})"


def _refused(nothing: Session, sql: str) -> str:
    """Return what DuckDB says against the types in a statement; nothing where it binds, or something else is wrong."""
    try:
        nothing.rows(f"DESCRIBE {_with_numbers(sql)}")  # it is bound, and no plan is made
    except FreeholdError as error:
        found = _BY_TYPES.match(str(error.__cause__).split("\n")[0])
        return _in_words(found) if found else ""
    return ""


def _with_numbers(sql: str) -> str:
    """Return a statement in which what is held against a number is asked whether it is more.

    Whether a text is more than a number has no answer for DuckDB; whether it equals one is for the rows to tell.
    """
    tree = sqlglot.parse_one(sql, read="duckdb")
    for node in list(tree.find_all(exp.EQ, exp.NEQ, exp.In)):
        sides = [*node.iter_expressions()]
        number = next((side for side in sides if _is_number(side)), None)
        other = next((side for side in sides if side is not number), None)
        if number is not None and other is not None:
            node.replace(exp.GT(this=other.copy(), expression=number.copy()))
    return tree.sql("duckdb")


def _is_number(node: exp.Expr) -> bool:
    value = node.this if isinstance(node, exp.Neg) else node
    return isinstance(value, exp.Literal) and not value.is_string


def _in_words(found: re.Match[str]) -> str:
    """Return DuckDB's refusal as a sentence about kinds of values."""
    if called := _NAMED.search(found[2]):
        given = [_spoken(kind) for kind in called[2].split(", ")]
        return f"`{called[1].upper()}` does not take {_and(given)}"
    return f"{_and([_spoken(kind) for kind in _AND.split(found[2])])} do not go together"


def _spoken(kind: str) -> str:
    kind = kind.strip().removeprefix("type ")
    return _SPOKEN.get(kind, "a number")


def _and(said: list[str]) -> str:
    return " and ".join([", ".join(said[:-1]), said[-1]] if len(said) > 1 else said)


def _told(catalogue: Catalogue, metric: Metric, why: str) -> FreeholdError:
    fields = {
        f"`{dataset}.{name}` holds {SPOKEN[field.type]}": None
        for model, dataset, name in parts_used(catalogue, metric)[1]
        if (field := catalogue.models[model].datasets[dataset].fields.get(name)) is not None and field.type in SPOKEN
    }
    read = f"{_and(list(fields))}. " if fields else ""
    return FreeholdError(
        "FH-N213", f"`{metric.id}` cannot be computed: {why}.", where=metric.where,
        fix=f"{read}Mend the expression, or the types in the contract.",
    )  # fmt: skip
