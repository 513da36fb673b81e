"""How names are compared: as the dialect of the warehouse compares them."""

from __future__ import annotations

from functools import lru_cache


@lru_cache(maxsize=65_536)
def folded(name: str, dialect: str) -> str:
    """Return the name of a stored column as the kernel spells it in a dialect: in lower case where case is nothing."""
    return _normal(name, dialect, is_quoted=True)


@lru_cache(maxsize=65_536)
def unquoted(name: str, dialect: str) -> str:
    """Return a name that stands without quotes as a dialect compares it: in lower case, or Snowflake's upper."""
    return _normal(name, dialect, is_quoted=False)


def _normal(name: str, dialect: str, *, is_quoted: bool) -> str:
    from sqlglot import exp
    from sqlglot.optimizer.normalize_identifiers import normalize_identifiers

    return str(normalize_identifiers(exp.to_identifier(name, quoted=is_quoted), dialect=dialect).name)
