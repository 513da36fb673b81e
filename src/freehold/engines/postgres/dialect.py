"""How the SQL of checks and models is spelled for PostgreSQL, where sqlglot leaves it as DuckDB has it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import ClassVar

from sqlglot import exp
from sqlglot.dialects.postgres import Postgres
from sqlglot.generators.postgres import PostgresGenerator

NAME = "freeholdpostgres"  # under which sqlglot knows the dialect below


class Spelling(PostgresGenerator):
    """Writes what PostgreSQL has under another name, or can only say in other words."""

    TRANSFORMS: ClassVar[dict[type[exp.Expr], Callable[..., str]]] = {
        **PostgresGenerator.TRANSFORMS,
        exp.IsNan: lambda self, e: f"({self.sql(e, 'this')} = CAST('NaN' AS DOUBLE PRECISION))",  # NaN equals NaN
        exp.RegexpLike: lambda self, e: f"({self.sql(e, 'this')} ~ {self.sql(_as_re2(e.expression))})",
        exp.ApproxDistinct: lambda self, e: f"COUNT(DISTINCT {self.sql(e, 'this')})",  # it has no sketch
    }

    def anonymous_sql(self, expression: exp.Anonymous) -> str:
        """Write a function that sqlglot does not know."""
        written = _WRITTEN.get(expression.name.lower())
        arguments = [self.sql(argument) for argument in expression.expressions]
        return written.format(*arguments) if written else str(super().anonymous_sql(expression))


class FreeholdPostgres(Postgres):
    """PostgreSQL, with the functions that checks are made of."""

    Generator = Spelling


# The parts of a pattern, so far as they mean something else: an escaped sign, a class in brackets, a dot.
_PARTS = re.compile(r"\\(?P<escaped>.)|\[\^?\]?(?:\\.|\[:\w+:\]|[^\]\\])*\]|(?P<dot>\.)", re.DOTALL)
_ESCAPED = {"b": "\\y", "B": "\\Y", "z": "\\Z"}


def _as_re2(pattern: exp.Expr) -> exp.Expr:
    """Return a pattern that means to PostgreSQL what this one means to RE2, of which DuckDB's are: a dot is no line
    break, and words end where RE2 says so with a `b`.
    """
    if not isinstance(pattern, exp.Literal) or not pattern.is_string:
        return pattern

    def written(found: re.Match[str]) -> str:
        if found["dot"]:
            return "[^\\n]"
        return _ESCAPED.get(found["escaped"] or "", found[0])

    return exp.Literal.string(_PARTS.sub(written, pattern.this))


_WRITTEN: dict[str, str] = {
    "contains": "(STRPOS({0}, {1}) > 0)",
    "isfinite": "(ABS(CAST({0} AS DOUBLE PRECISION)) < CAST('Infinity' AS DOUBLE PRECISION))",  # NaN is above all
    "len": "CARDINALITY({0})",
    "quantile_disc": "PERCENTILE_DISC({1}) WITHIN GROUP (ORDER BY {0})",
    "list_count": "CARDINALITY(ARRAY_REMOVE({0}, NULL))",
    "list_distinct": "ARRAY(SELECT DISTINCT e FROM UNNEST({0}) AS u(e) WHERE e IS NOT NULL)",
}
