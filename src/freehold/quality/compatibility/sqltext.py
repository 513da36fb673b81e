"""Whether two texts are the same SQL: spelling, layout and comments do not count."""

from __future__ import annotations


def same_sql(before: str, after: str, dialect: str = "duckdb", dialect_after: str | None = None) -> bool:
    """Return whether two expressions or queries parse to one tree; False if one does not parse and they differ."""
    if before.split() == after.split():
        return True
    trees = [_normal(before, dialect), _normal(after, dialect_after or dialect)]
    return trees[0] is not None and trees[0] == trees[1]


def _normal(text: str, dialect: str) -> str | None:
    from sqlglot import errors, parse_one
    from sqlglot.optimizer.normalize_identifiers import normalize_identifiers

    try:
        tree = normalize_identifiers(parse_one(text, dialect=dialect), dialect=dialect)
    except errors.SqlglotError:
        return None
    return tree.sql("duckdb", comments=False)
