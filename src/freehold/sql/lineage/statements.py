"""What a statement writes, and from what: one reader for each kind of statement that moves data."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sqlglot import exp

from freehold.sql.lineage.expressions import origins_of
from freehold.sql.lineage.frames import Frame, Seen
from freehold.sql.lineage.queries import projected, relation_of, source_of
from freehold.sql.lineage.relations import IDENTITY, Origins, Relation, pour

Written = dict[tuple[str, str], Origins]
"""(table, column) -> where it comes from; the table is empty for what a bare query gives."""


def read_statement(statement: exp.Expr, seen: Seen, into: Written) -> None:
    """Read one statement: note what it reads and writes, and add the columns it gives."""
    for kind, read in _READERS:
        if isinstance(statement, kind):
            read(statement, seen, into)
            return


def written(statement: exp.Expr, seen: Seen, frame: Frame) -> Relation:
    """Read a statement in a WITH; return what its RETURNING gives."""
    into: Written = {}
    read_statement(statement, seen, into)
    target = statement.this.this if isinstance(statement.this, exp.Schema) else statement.this
    returning = statement.args.get("returning")
    if returning is None or not isinstance(target, exp.Table):
        return Relation()
    inside = Frame(parent=frame, sources={seen.word(target.parts[-1]): Relation.of_table(seen.name_of(target), None)})
    return projected(returning.expressions, inside, seen)


def _query(statement: exp.Query, seen: Seen, into: Written) -> None:
    target = ""
    clause = statement.args.get("into")
    if clause is not None and isinstance(clause.this, exp.Table):
        target = _write(clause.this, seen, is_temporary=_is_temporary(clause))
    found = relation_of(statement, None, seen)
    _give(target, found, [], seen, into, statement)


def _create(statement: exp.Create, seen: Seen, into: Written) -> None:
    body = statement.expression
    if statement.kind in ("PROCEDURE", "FUNCTION"):
        if isinstance(body, exp.Expr) and statement.kind == "PROCEDURE":
            for inner in within(body):
                read_statement(inner, seen, into)
        return
    schema = statement.this if isinstance(statement.this, exp.Schema) else None
    target = schema.this if schema is not None else statement.this
    if statement.kind not in ("TABLE", "VIEW", None) or not isinstance(target, exp.Table):
        return
    properties = statement.args.get("properties")
    said = list(properties.expressions) if properties is not None else []
    named = next((p.this for p in said if isinstance(p, exp.ToTableProperty)), None)
    name = _write(target, seen, is_temporary=any(isinstance(p, exp.TemporaryProperty) for p in said))
    given = [seen.word(c) for c in schema.expressions if not isinstance(c, exp.LikeProperty)] if schema else []
    if isinstance(body, (exp.Query, exp.Subquery, exp.Values)):
        found = relation_of(_with_clause(statement, body), None, seen)
        _give(name, found, given, seen, into, body)
        if isinstance(named, exp.Table):
            _give(_write(named, seen), found, given, seen, into)
    for copied in _copied(statement, said, schema):
        source = seen.table(copied)
        _give(name, source, [], seen, into)


def _copied(statement: exp.Create, said: list[exp.Expr], schema: exp.Schema | None) -> Iterator[exp.Table]:
    """Yield the tables that LIKE and CLONE name."""
    clone = statement.args.get("clone")
    listed = [*said, *(schema.expressions if schema is not None else []), *([clone] if clone is not None else [])]
    for one in listed:
        if isinstance(one, (exp.LikeProperty, exp.Clone)) and isinstance(one.this, exp.Table):
            yield one.this


def _insert(statement: exp.Insert, seen: Seen, into: Written) -> None:
    name, given = _insert_target(statement, seen)
    body = statement.expression
    if body is None:
        source = statement.args.get("source")
        body = source if isinstance(source, (exp.Table, exp.Query)) else None
    if not isinstance(body, (exp.Query, exp.Subquery, exp.Values, exp.Table)):
        return
    found = relation_of(_with_clause(statement, body), None, seen)
    by_name = bool(statement.args.get("by_name"))
    _give(name, found, given if given or by_name else _columns_of(name, found, seen), seen, into, body)


def _insert_target(statement: exp.Insert, seen: Seen) -> tuple[str, list[str]]:
    target, given = statement.this, []
    if isinstance(target, exp.Schema):
        given = [seen.word(column) for column in target.expressions]
        target = target.this
    if isinstance(target, exp.Table):
        return _write(target, seen), given
    text = target.this.name if isinstance(target, exp.Directory) else target.sql(seen.dialect) if target else ""
    seen.writes[text] = None
    return text, given


def _columns_of(name: str, found: Relation, seen: Seen) -> list[str]:
    """Return the columns of the table written to, where they are known and as many as are given."""
    known = seen.columns_of(name)
    return list(known) if known and found.is_known and len(known) == len(found.columns) else []


def _inserts(statement: exp.MultitableInserts, seen: Seen, into: Written) -> None:
    source = statement.args["source"]
    for entry in statement.expressions:
        insert = entry.this if isinstance(entry, exp.ConditionalInsert) else entry
        name, given = _insert_target(insert, seen)
        frame = Frame()
        relation = source_of(source, frame, seen)
        frame.add(seen.word(source.args["alias"].this) if source.args.get("alias") else source.name, relation)
        body = insert.expression
        if isinstance(body, exp.Select):
            found = projected(body.expressions, frame, seen)
        elif isinstance(body, exp.Values):
            row = body.expressions[0]
            found = projected(row.expressions if isinstance(row, exp.Tuple) else [row], frame, seen)
        else:
            found = relation
        _give(name, found, given or _columns_of(name, found, seen), seen, into)


def _update(statement: exp.Update, seen: Seen, into: Written) -> None:
    frame = _frame_of(statement, seen)
    target = statement.this
    if not isinstance(target, exp.Table):
        return
    others = statement.args.get("from_")
    tables = [target, *([] if others is None else others.find_all(exp.Table)), *_joined(target)]
    own = _called(target, seen)
    aliased = next((t for t in tables[1:] if t.alias and _called(t, seen) == own), None)
    name = _write(aliased or target, seen)
    if aliased is None:
        _own(target, name, frame, seen)
    for join in target.args.get("joins") or []:
        _source(join.this, frame, seen)
        _decide(join.args.get("on"), frame, seen, "JOIN")
    if others is not None:
        for one in [others.this, *(join.this for join in others.this.args.get("joins") or [])]:
            _source(one, frame, seen)
    by_alias = {_called(t, seen): t for t in _joined(target)}  # MySQL writes to any table it joins
    for pair in statement.expressions:
        if isinstance(pair, exp.EQ) and isinstance(pair.this, exp.Column):
            other = by_alias.get(seen.word(pair.this.args.get("table")))
            key = (_write(other, seen) if other is not None else name, seen.word(pair.this.this))
            pour(into.setdefault(key, {}), _origins(pair.expression, frame, seen))
    _decide(statement.args.get("where"), frame, seen)


def _joined(target: exp.Table) -> list[exp.Table]:
    return [join.this for join in target.args.get("joins") or [] if isinstance(join.this, exp.Table)]


def _called(table: exp.Table, seen: Seen) -> str:
    """Return the name a table goes by in its statement."""
    alias = table.args.get("alias")
    return seen.word(alias.this if alias else table.parts[-1])


def _delete(statement: exp.Delete, seen: Seen, into: Written) -> None:
    del into  # it gives no column
    target = statement.this
    frame = _frame_of(statement, seen)
    if isinstance(target, exp.Table):
        name = _write(target, seen)
        _own(target, name, frame, seen)
    for other in statement.args.get("using") or []:
        _source(other, frame, seen)
    _decide(statement.args.get("where"), frame, seen)


def _merge(statement: exp.Merge, seen: Seen, into: Written) -> None:
    frame = _frame_of(statement, seen)
    target, using = statement.this, statement.args["using"]
    name = _write(target, seen)
    _own(target, name, frame, seen)
    _source(using, frame, seen)
    source = Frame(parent=frame.parent, ctes=frame.ctes, sources=dict(list(frame.sources.items())[1:]))
    for leaf in _origins(statement.args["on"], frame, seen):
        if leaf[0] != name:
            seen.influences[leaf, "JOIN"] = None
    whens = statement.args.get("whens")
    for when in whens.expressions if whens is not None else []:
        then = when.args.get("then")
        if isinstance(then, exp.Update):
            for pair in then.expressions:
                if isinstance(pair, exp.EQ) and isinstance(pair.this, exp.Column):
                    column = seen.word(pair.this.this)
                    pour(into.setdefault((name, column), {}), _origins(pair.expression, source, seen, frame))
        elif isinstance(then, exp.Insert):
            _merged_insert(then, name, source, frame, seen, into)
        elif isinstance(then, exp.Var) and then.name.upper() in ("UPDATE *", "INSERT *", "UPDATE", "INSERT"):
            _give(name, next(iter(source.sources.values())), [], seen, into)


def _merged_insert(then: exp.Insert, name: str, source: Frame, frame: Frame, seen: Seen, into: Written) -> None:
    columns = then.this.expressions if isinstance(then.this, exp.Tuple) else []
    values = then.expression.expressions if isinstance(then.expression, exp.Tuple) else []
    names = [seen.word(c.this if isinstance(c, exp.Column) else c) for c in columns]
    if not values and isinstance(then.this, (exp.Star, exp.Var)):
        _give(name, next(iter(source.sources.values())), [], seen, into)
        return
    known = list(seen.columns_of(name) or ())
    for column, value in zip(names or known, values, strict=False):
        pour(into.setdefault((name, column), {}), _origins(value, source, seen, frame))


def _copy(statement: exp.Copy, seen: Seen, into: Written) -> None:
    files = statement.args.get("files") or []
    target = statement.this
    queries = [f for f in files if isinstance(f, exp.Query)]
    paths = [f for f in files if not isinstance(f, exp.Query)]
    inward = bool(statement.args.get("kind"))
    given: list[str] = []
    if isinstance(target, exp.Schema):
        given = [seen.word(column) for column in target.expressions]
        target = target.this
    if inward and isinstance(target, exp.Table):
        name = _write(target, seen)
        for query in queries:
            found = relation_of(query, None, seen)
            _give(name, found, given or _columns_of(name, found, seen), seen, into)
        for path in paths:
            seen.reads[_path(path, seen)] = None
        return
    for path in paths:
        seen.writes[_path(path, seen)] = None
    if isinstance(target, (exp.Query, exp.Table)):
        _give(_path(paths[0], seen) if paths else "", relation_of(target, None, seen), [], seen, into)


def _path(node: exp.Expr, seen: Seen) -> str:
    return seen.name_of(node) if isinstance(node, exp.Table) else node.name or node.sql(seen.dialect)


def _alter(statement: exp.Alter, seen: Seen, into: Written) -> None:
    target = statement.this
    if not isinstance(target, exp.Table):
        return
    for action in statement.args.get("actions") or []:
        if isinstance(action, (exp.AlterRename, exp.SwapTable)) and isinstance(action.this, exp.Table):
            found = seen.table(target)
            _give(_write(action.this, seen), found, [], seen, into)
            return
    seen.writes[seen.name_of(target)] = None


def _truncate(statement: exp.TruncateTable, seen: Seen, into: Written) -> None:
    del into
    for table in statement.expressions:
        if isinstance(table, exp.Table):
            seen.writes[seen.name_of(table)] = None


def _cache(statement: exp.Cache, seen: Seen, into: Written) -> None:
    if isinstance(statement.this, exp.Table) and isinstance(statement.expression, exp.Query):
        name = seen.name_of(statement.this)
        del into
        seen.made[name] = relation_of(statement.expression, None, seen)


def _load(statement: exp.LoadData, seen: Seen, into: Written) -> None:
    del into
    _write(statement.this, seen)
    path = statement.args.get("inpath")
    if isinstance(path, exp.Expr):
        seen.reads[path.name] = None


def _block(statement: exp.Expr, seen: Seen, into: Written) -> None:
    for inner in within(statement):
        read_statement(inner, seen, into)


_READERS: tuple[tuple[type[exp.Expr], Callable[..., None]], ...] = (
    (exp.Create, _create), (exp.Insert, _insert), (exp.MultitableInserts, _inserts), (exp.Update, _update),
    (exp.Delete, _delete), (exp.Merge, _merge), (exp.Copy, _copy), (exp.Alter, _alter),
    (exp.TruncateTable, _truncate), (exp.Cache, _cache), (exp.LoadData, _load), (exp.Values, _query),
    (exp.Query, _query), (exp.Block, _block), (exp.IfBlock, _block), (exp.WhileBlock, _block), (exp.Set, _block),
)  # fmt: skip


# -- parts of statements


def within(body: exp.Expr) -> Iterator[exp.Expr]:
    """Yield the statements inside a body, the outermost of each nest."""
    if isinstance(body, (exp.DML, exp.Query, exp.Create, exp.Merge)) and not isinstance(body, exp.Block):
        yield body
        return
    for child in body.iter_expressions():
        yield from within(child)


def _with_clause(statement: exp.Expr, body: exp.Expr) -> exp.Expr:
    """Give a statement's WITH to its query, which is where it counts."""
    clause = statement.args.get("with_")
    if clause is not None and body.args.get("with_") is None and "with_" in body.arg_types:
        body.set("with_", clause.pop())
    return body


def _frame_of(statement: exp.Expr, seen: Seen) -> Frame:
    clause = statement.args.get("with_")
    if clause is None:
        return Frame()
    from freehold.sql.lineage.queries import with_frame

    return with_frame(clause, Frame(), seen)


def _write(table: exp.Table, seen: Seen, *, is_temporary: bool = False) -> str:
    name = seen.name_of(table)
    identifier = table.this
    if is_temporary or (isinstance(identifier, exp.Identifier) and identifier.args.get("temporary")):
        seen.made.setdefault(name, Relation())
        return name
    if name not in seen.made:
        seen.writes[name] = None
    return name


def _is_temporary(clause: exp.Expr) -> bool:
    return bool(clause.args.get("temporary"))


def _own(target: exp.Table, name: str, frame: Frame, seen: Seen) -> None:
    """Add the table that is written as a source, without counting it as read."""
    relation = seen.made.get(name) or Relation.of_table(name, seen.columns_of(name))
    frame.add(_called(target, seen), relation)
    _qualify(target, frame, seen)


def _source(node: exp.Expr, frame: Frame, seen: Seen) -> None:
    relation = source_of(node, frame, seen)
    if isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier):
        frame.add(_called(node, seen), relation)
        _qualify(node, frame, seen)
    else:
        alias = node.args.get("alias")
        frame.add(seen.word(alias.this) if alias else "", relation)


def _qualify(table: exp.Table, frame: Frame, seen: Seen) -> None:
    parts = tuple(seen.word(part) for part in table.parts)
    if len(parts) > 1:
        frame.qualified[parts[-2:]] = _called(table, seen)


def _origins(node: exp.Expr, frame: Frame, seen: Seen, wider: Frame | None = None) -> Origins:
    """Return where a value comes from; a name is looked for among the sources, then among all tables in sight."""
    if wider is None:
        return origins_of(node, frame, seen, relation_of)
    inner = Frame(parent=wider, ctes=frame.ctes, sources=frame.sources, qualified=frame.qualified)
    return origins_of(node, inner, seen, relation_of)


def _decide(node: exp.Expr | None, frame: Frame, seen: Seen, subtype: str = "FILTER") -> None:
    if isinstance(node, exp.Expr):
        for leaf in _origins(node, frame, seen):
            seen.influences[leaf, subtype] = None


def _give(
    target: str, found: Relation, names: list[str], seen: Seen, into: Written, query: exp.Expr | None = None
) -> None:
    """Put what a query gives into a table, under the names that are listed for it."""
    given = found.renamed(names)
    lines = _lines_of(query) if query is not None else []
    if len(lines) == len(given.columns):
        seen.lines |= {(target, column): line for (column, _), line in zip(given.columns, lines, strict=True)}
    if target in seen.made:
        seen.made[target] = given
        return
    for column, origins in given.listed():
        pour(into.setdefault((target, column), {}), origins, IDENTITY)


def _lines_of(query: exp.Expr) -> list[int]:
    """Return the line of each column that the outermost SELECT lists."""
    while isinstance(query, (exp.SetOperation, exp.Subquery)):
        query = query.this
    found = []
    for column in query.expressions if isinstance(query, exp.Select) else []:
        lines = [int(i.meta["line"]) for i in column.find_all(exp.Identifier) if "line" in i.meta]
        found.append(min(lines, default=0))
    return found
