"""Changing what a view shows. PostgreSQL does it in place only where the columns stay, and new ones come at the end.

Any other view is dropped and made anew in the same transaction: readers see the one or the other. That is only done
where nothing of anybody else stands on the view, for it would have to go too; and rights on the view are given again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from freehold.engines.protocol import Column, Relation, Right, literal, quoted
from freehold.foundation import FreeholdError

_DEPENDANTS = """
SELECT DISTINCT coalesce(quote_ident(n.nspname) || '.' || quote_ident(c.relname),
  pg_describe_object(d.classid, d.objid, 0))
FROM pg_depend d
LEFT JOIN pg_rewrite w ON d.classid = 'pg_rewrite'::regclass AND w.oid = d.objid
LEFT JOIN pg_class c ON c.oid = w.ev_class
LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = to_regclass(?) AND d.deptype = 'n'
  AND w.ev_class IS DISTINCT FROM d.refobjid
ORDER BY 1
"""
_RIGHTS = """
SELECT CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END,
  a.privilege_type, a.is_grantable
FROM pg_class c, aclexplode(c.relacl) a WHERE c.oid = to_regclass(?) AND a.grantee <> c.relowner
ORDER BY 1, 2
"""
_RIGHTS_ON_COLUMNS = """
SELECT CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END,
  a.privilege_type, a.is_grantable, t.attname
FROM pg_class c JOIN pg_attribute t ON t.attrelid = c.oid AND NOT t.attisdropped, aclexplode(t.attacl) a
WHERE c.oid = to_regclass(?) AND a.grantee <> c.relowner
ORDER BY 1, 2, 4
"""
_ON_VIEWS = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRIGGER", "REFERENCES")  # what a table has beyond, no view takes


_VARYING = """
SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(?) AND atttypid = 'varchar'::regtype AND atttypmod = -1
"""


class Asking(Protocol):
    """What is needed of a session."""

    def rows(self, query: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a query and return its rows."""
        ...

    def run(self, statement: str, parameters: Sequence[Any] = ()) -> int:
        """Run a statement."""
        ...

    def describe(self, relation: Relation) -> tuple[Column, ...]:
        """Return the columns of a relation."""
        ...

    def columns_of(self, query: str) -> tuple[Column, ...]:
        """Return the columns a query would give."""
        ...


def replace(session: Asking, view: Relation, query: str) -> None:
    """Make a view show a query.

    Raises:
        FreeholdError: FH-E115 the columns change, and objects of others stand on the view; they are named.
    """
    shown = [(c.name, c.type) for c in session.describe(view)]
    wanted = [(c.name, c.type) for c in session.columns_of(query)]
    query = _as_text(query, wanted)
    if shown == wanted[: len(shown)] and not session.rows(_VARYING, (view.sql,)):
        session.run(f"CREATE OR REPLACE VIEW {view.sql} AS {query}")
        return
    standing = standing_on(session, view)
    if standing:
        raise _stood_on(view, shown, wanted, standing)
    given = rights(session, view)
    said = session.rows("SELECT obj_description(to_regclass(?), 'pg_class')", (view.sql,))[0][0]
    session.run(f"DROP VIEW {view.sql}")
    session.run(f"CREATE VIEW {view.sql} AS {query}")
    grant(session, view, given)
    if said:
        session.run(f"COMMENT ON VIEW {view.sql} IS {literal(said)}")


def rights(session: Asking, relation: Relation) -> tuple[Right, ...]:
    """Return what others than its owner were given on a relation, as the catalog has it, columns last."""
    whole = (Right(*row) for row in session.rows(_RIGHTS, (relation.sql,)))
    return (*whole, *(Right(*row) for row in session.rows(_RIGHTS_ON_COLUMNS, (relation.sql,))))


def grant(session: Asking, relation: Relation, given: Sequence[Right]) -> None:
    """Give rights on a relation; those on columns that it has not are left out."""
    if not given:
        return
    there = {c.name for c in session.describe(relation)}
    for right in given:
        if right.privilege in _ON_VIEWS and (not right.column or right.column in there):
            session.run(granting(relation, right))


def granting(relation: Relation, right: Right) -> str:
    """Return the statement that gives a right on a relation."""
    on = f" ({quoted(right.column)})" if right.column else ""
    option = " WITH GRANT OPTION" if right.may_grant else ""
    return f"GRANT {right.privilege}{on} ON {relation.sql} TO {right.grantee}{option}"


def standing_on(session: Asking, relation: Relation) -> tuple[str, ...]:
    """Return the objects that stand on a relation, by their names."""
    return tuple(name for (name,) in session.rows(_DEPENDANTS, (relation.sql,)))


def _as_text(query: str, columns: Sequence[tuple[str, str]]) -> str:
    """Return a query whose texts are all `text`: `varchar` without a length is the same, but not to a view."""
    if not any(kind == "VARCHAR" for _, kind in columns):
        return query
    listed = ", ".join(
        f"{quoted(name)}::text AS {quoted(name)}" if kind == "VARCHAR" else quoted(name) for name, kind in columns
    )
    return f"SELECT {listed} FROM ({query}) AS shown"


def _stood_on(
    view: Relation, shown: Sequence[tuple[str, str]], wanted: Sequence[tuple[str, str]], standing: Sequence[str]
) -> FreeholdError:
    after = dict(wanted)
    gone = [f"{quoted(name)} would go" for name, _ in shown if name not in after]
    other = [
        f"{quoted(n)} would be {after[n]} instead of {kind}" for n, kind in shown if n in after and after[n] != kind
    ]
    how = ", ".join([*gone, *other]) or "the order of its columns would change"
    return FreeholdError(
        "FH-E115",
        f"The view {view} cannot change under {', '.join(standing)}, which stand on it: {how}. Nothing was published.",
        fix="Drop those first and make them anew afterwards, or publish the change under a new name beside it.",
    )
