"""From a field of an explore to columns of tables: SQL of fields, of views, of joins, through the lineage kernel."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from freehold.connect.bi.looker.project import Definition, Explore, Project, View, filtered
from freehold.connect.bi.queries import Leaf, Queries, Query

_REFERENCE = re.compile(r"\$\{\s*([\w.]+)\s*\}")
_OF_TABLE = re.compile(r'\$\{TABLE\}\.(?:"([^"]+)"|`([^`]+)`|(\w+))')
_LIQUID = re.compile(r"\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
_TABLE, _FIELD, _VIEW = "freehold_view", "freehold_field", "freehold_of_"
_SQL = ("sql", "sql_start", "sql_end", "sql_latitude", "sql_longitude", "sql_distinct_key")


class Fields:
    """Follows the fields of one explore; `why` gathers what stays open."""

    def __init__(self, project: Project, explore: Explore, queries: Queries) -> None:
        self._project, self._explore, self._queries = project, explore, queries
        self._known: dict[tuple[str, str], dict[Leaf, None]] = {}
        self._used: set[str] = set()
        self.why: dict[str, None] = {}

    def leaves(self, names: Iterable[str]) -> dict[Leaf, None]:
        """Return the columns behind fields, those that join their views and those the explore always reads."""
        found: dict[Leaf, None] = {}
        for name in (*names, *self._explore.filtered):
            found |= self._field(name, self._explore.base)
        for text in self._explore.always:
            found |= self._expression(text, self._explore.base)
        joined: set[str] = set()
        while waiting := [alias for alias in self._explore.joins if alias in self._used - joined]:
            for alias in waiting:
                joined.add(alias)
                found |= self._join(alias, self._explore.joins[alias])
        return found

    def _join(self, alias: str, said: Definition) -> dict[Leaf, None]:
        found: dict[Leaf, None] = {}
        for key in ("sql_on", "sql_where"):
            if key in said:
                found |= self._expression(str(said[key]), alias)
        if "foreign_key" in said:
            found |= self._field(str(said["foreign_key"]), self._explore.base)
            view = self._view(alias)
            for key in view.keys if view else ():
                found |= self._field(key, alias)
        return found

    def _view(self, alias: str) -> View | None:
        name = self._explore.views.get(alias, alias)
        if name in self._project.doubled:
            self.why[f"two files have a view `{name}`"] = None
            return None
        view = self._project.views.get(name)
        if view is None:
            self.why[f"there is no view `{name}` in the export"] = None
        return view

    def _field(self, written: str, alias: str) -> dict[Leaf, None]:
        """Return what is behind `view.field`, or `field` of the view that an alias stands for."""
        alias, name = written.rsplit(".", 1) if "." in written else (alias, written)
        key = (alias, name)
        if key not in self._known:
            self._known[key] = {}  # a field that leads back to itself adds nothing
            self._used.add(alias)
            view = self._view(alias)
            found = view.found(name) if view else None
            if view is not None and found is None:
                self.why[f"the view `{view.name}` has no field `{name}`"] = None
            elif view is not None and found is not None:
                self._known[key] = self._behind(view, alias, name, *found)
        return self._known[key]

    def _behind(self, view: View, alias: str, name: str, kind: str, said: Definition) -> dict[Leaf, None]:
        texts = [str(said[key]) for key in _SQL if key in said]
        whens = said.get("case", {}).get("whens", ()) if isinstance(said.get("case"), Mapping) else ()
        texts += [str(when["sql"]) for when in whens if "sql" in when]
        found: dict[Leaf, None] = {}
        for other in filtered(said) if kind == "measures" else ():
            found |= self._field(other, alias)
        for text in texts:
            found |= self._expression(text, alias)
        if texts or kind in ("filters", "parameters"):
            return found
        if kind == "measures":  # a count: of the key where there is one, else of rows
            for key in view.keys:
                found |= self._field(key, alias)
            return found if view.keys else found | dict.fromkeys(self._column(view, "", ()))
        return found | dict.fromkeys(self._column(view, name, ()))

    def _expression(self, text: str, alias: str) -> dict[Leaf, None]:
        """Return the columns that SQL of a field or a join names."""
        view = self._view(alias)
        names = [
            n for n in dict.fromkeys(_REFERENCE.findall(text)) if n != "TABLE" and not n.endswith(".SQL_TABLE_NAME")
        ]
        found: dict[Leaf, None] = {}
        for name in names:
            found |= self._field(name, alias)
        if view is None:
            return found
        if _LIQUID.search(text):
            self.why[f"the view `{view.name}` has SQL that is a template; what it names plainly is counted"] = None
            return found | self._plainly(text, view)
        for at, name in enumerate(names):
            text = re.sub(rf"\$\{{\s*{re.escape(name)}\s*\}}", f"{_FIELD}.f{at}", text)
        tables = {_TABLE: ()} | ({_FIELD: [f"f{at}" for at in range(len(names))]} if names else {})
        leaves, failure = self._queries.expression(text.replace("${TABLE}", _TABLE), tables)
        if failure:
            self.why[f"the view `{view.name}` has SQL that cannot be read ({failure})"] = None
            return found | self._plainly(text, view)
        for table, column in leaves:
            if table.casefold() == _TABLE:
                found |= dict.fromkeys(self._column(view, column, ()))
            elif table.casefold() != _FIELD:
                found[table, column] = None
        return found

    def _plainly(self, text: str, view: View) -> dict[Leaf, None]:
        names = ["".join(parts) for parts in _OF_TABLE.findall(text)]
        return dict.fromkeys(leaf for name in names for leaf in self._column(view, name, ()))

    def _column(self, view: View, column: str, within: tuple[str, ...]) -> Iterator[Leaf]:
        """Yield the columns behind a column of a view; of none, its rows."""
        if view.name in within:
            return
        within = (*within, view.name)
        derived = view.derived
        if "explore_source" in derived:
            yield from self._of_explore(derived["explore_source"], column)
        elif derived.get("sql"):
            yield from self._of_query(view, str(derived["sql"]), column, within)
        elif derived:
            self.why[f"the derived table `{view.name}` is made in a way that is not followed"] = None
        elif other := _REFERENCE.fullmatch(view.table.strip()):
            inner = self._view(other[1].removesuffix(".SQL_TABLE_NAME"))
            yield from self._column(inner, column, within) if inner else ()
        elif _LIQUID.search(view.table) or "@{" in view.table:
            why = f"which table the view `{view.name}` is of is decided when it is asked ({view.table.strip()})"
            self.why[why] = None
        else:
            yield _plain(view.table.strip() or view.name), column

    def _of_query(self, view: View, sql: str, column: str, within: tuple[str, ...]) -> Iterator[Leaf]:
        if _LIQUID.search(sql) or "@{" in sql:
            self.why[f"the derived table `{view.name}` is a template; columns of it are not followed"] = None
            return
        others: dict[str, View] = {}
        for name in dict.fromkeys(_REFERENCE.findall(sql)):
            other = self._view(name.removesuffix(".SQL_TABLE_NAME")) if name.endswith(".SQL_TABLE_NAME") else None
            if other is not None:
                mark = f"{_VIEW}{len(others)}"
                others[mark] = other
                sql = sql.replace(f"${{{name}}}", mark)
        query: Query = self._queries.query(sql.strip().rstrip(";"))
        leaves, reason = query.behind(column) if column else (query.reads, query.failure)
        if reason:
            self.why[f"the derived table `{view.name}`: {reason}"] = None
        for table, name in leaves:
            inner = others.get(table.casefold())
            if inner is None:
                yield table, name
            else:
                yield from self._column(inner, name, within)

    def _of_explore(self, said: Definition, column: str) -> Iterator[Leaf]:
        """Yield what is behind a column of a table that is derived from another explore."""
        explore = self._project.explore(str(said.get("name", "")), self._explore.model)
        if isinstance(explore, str):
            self.why[explore] = None
            return
        if explore.name == self._explore.name:
            self.why[f"the explore `{explore.name}` reads a table that is derived from itself"] = None
            return
        columns = {str(c["name"]): str(c.get("field", c["name"])) for c in said.get("columns", ())}
        named = [columns[column]] if column in columns else list(columns.values())
        inner = Fields(self._project, explore, self._queries)
        yield from inner.leaves([*named, *filtered(said)])
        self.why |= inner.why


def _plain(table: str) -> str:
    """Return the name of a table without quotes around all of it, as BigQuery writes them."""
    quoted = len(table) > 1 and table[0] == table[-1] == "`" and table.count("`") == 2
    return table[1:-1] if quoted else table
