"""What a query gives, read from the inside out: each scope once, whatever its depth and however often it is named."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlglot import exp

from freehold.sql.lineage.expressions import origins_of
from freehold.sql.lineage.frames import Frame, Seen
from freehold.sql.lineage.relations import TRANSFORMATION, Elements, Leaf, Origins, Relation, Rest, pour, united

_FILE_READERS = ("read_", "parquet_scan", "iceberg_scan", "delta_scan", "s3", "url", "file", "gcs", "azureblob", "hdfs")
_WRITES = (exp.Insert, exp.Update, exp.Delete, exp.Merge)


def relation_of(query: exp.Expr, outer: Frame | None, seen: Seen) -> Relation:
    """Return what a query gives.

    Args:
        query: a SELECT, a set operation, VALUES, or one of these in parentheses.
        outer: the frame it stands in, if it is a query within a query.
        seen: what the whole text reads; added to.
    """
    frame = Frame(parent=outer)
    if (clause := query.args.get("with_")) is not None:
        frame = with_frame(clause, frame, seen)
    if isinstance(query, exp.Select):
        return _select(query, frame, seen)
    if isinstance(query, exp.SetOperation):
        return _set_operation(query, frame, seen)
    if isinstance(query, (exp.Subquery, exp.Paren)):
        return _parenthesised(query, frame, seen)
    if isinstance(query, exp.Values):
        return _values(query, frame, seen)
    if isinstance(query, exp.Table):
        return source_of(query, frame, seen)
    for child in query.find_all(exp.Table):
        seen.table(child)
    return Relation()


def with_frame(clause: exp.Expr, frame: Frame, seen: Seen) -> Frame:
    """Return a frame in which the names of a WITH mean its queries."""
    named: dict[str, Relation] = {}
    frame = Frame(parent=frame.parent, ctes=named)
    for cte in clause.expressions:
        name = seen.word(cte.args["alias"].this)
        columns = _alias_columns(cte, seen)
        if isinstance(cte.this, _WRITES):
            from freehold.sql.lineage.statements import written

            named[name] = written(cte.this, seen, frame).renamed(columns)
            continue
        body = cte.this
        if isinstance(body, exp.SetOperation) and _names(body.expression, name) and not _names(body.this, name):
            named[name] = _recursive(cte.this, name, columns, frame, named, seen)
            continue
        named[name] = relation_of(cte.this, frame, seen).renamed(columns)
    return frame


def _recursive(
    query: exp.SetOperation, name: str, columns: list[str], frame: Frame, named: dict[str, Relation], seen: Seen
) -> Relation:
    """Read a CTE that names itself: what it begins with, then once round with that."""
    named[name] = relation_of(query.this, frame, seen).renamed(columns)
    again = relation_of(query.expression, frame, seen)
    return united(named[name], again).renamed(columns)


def _names(query: exp.Expr, name: str) -> bool:
    return any(not t.args.get("db") and t.name.lower() == name.lower() for t in query.find_all(exp.Table))


def _parenthesised(query: exp.Expr, frame: Frame, seen: Seen) -> Relation:
    inner = query.this
    if isinstance(inner, exp.Table) and inner.args.get("joins"):
        joined = Frame(parent=frame.parent, ctes=frame.ctes)
        _add(inner, joined, seen)
        for join in inner.args["joins"]:
            _join(join, joined, seen)
        return Relation([c for s in joined.sources.values() for c in s.columns], _rests(joined.sources.values()))
    found = relation_of(inner, frame, seen)
    joins = query.args.get("joins")
    if joins:  # `(SELECT …) JOIN …` in parentheses of their own
        joined = Frame(parent=frame.parent, ctes=frame.ctes)
        joined.add(seen.word(query.args["alias"].this) if query.args.get("alias") else "", found)
        for join in joins:
            _join(join, joined, seen)
        return Relation([c for s in joined.sources.values() for c in s.columns], _rests(joined.sources.values()))
    return _pivoted(query, found, frame, seen)


def _values(query: exp.Values, frame: Frame, seen: Seen) -> Relation:
    columns: list[tuple[str, Origins]] = []
    for row in query.expressions:
        cells = row.expressions if isinstance(row, exp.Tuple) else [row]
        for index, cell in enumerate(cells):
            if index == len(columns):
                columns.append((f"column{index + 1}", {}))
            pour(columns[index][1], origins_of(cell, frame, seen, relation_of))
    return Relation(columns).renamed(_alias_columns(query, seen))


def _set_operation(query: exp.SetOperation, frame: Frame, seen: Seen) -> Relation:
    """Read a chain of set operations without going deeper for each link: there may be thousands."""
    links: list[tuple[exp.Expr, bool]] = []
    left: exp.Expr = query
    while isinstance(left, exp.SetOperation) and (left is query or not left.args.get("with_")):
        links.append((left.expression, bool(left.args.get("by_name"))))
        left = left.this
    found = relation_of(left, frame, seen)
    for side, by_name in reversed(links):
        found = united(found, relation_of(side, frame, seen), by_name=by_name)
    _influence(query.args.get("order"), Frame(parent=frame.parent, sources={"": found}), seen, "SORT")
    return found


# -- FROM


def source_of(node: exp.Expr, frame: Frame, seen: Seen) -> Relation:
    """Return what stands in FROM or JOIN: a table, a query, a function that gives rows."""
    if isinstance(node, exp.Table):
        return _table(node, frame, seen)
    if isinstance(node, exp.Final):  # ClickHouse: the table as it will be once merged
        return source_of(node.this, frame, seen)
    if isinstance(node, (exp.Alias, exp.Column)):  # ARRAY JOIN of a column
        return Elements([_output_name(node, seen)], _transformed(node, frame, seen))
    if isinstance(node, (exp.Unnest, exp.Lateral, exp.UDTF)) and not isinstance(node, (exp.Subquery, exp.Values)):
        return _rows(node, frame, seen)
    return relation_of(node, frame if isinstance(node, exp.Lateral) else _around(frame), seen).renamed(
        _alias_columns(node, seen)
    )


def _around(frame: Frame) -> Frame:
    """Return what a query in FROM sees: not its neighbours."""
    return Frame(parent=frame.parent, ctes=frame.ctes)


def _table(node: exp.Table, frame: Frame, seen: Seen) -> Relation:
    if isinstance(node.this, (exp.Func, exp.Anonymous)):
        path = _file_read(node.this)
        return seen.named(path) if path else _rows(node, frame, seen)
    parts = [seen.word(part) for part in node.parts]
    if len(parts) > 1 and parts[0] in frame.sources:  # `FROM t, t.items`: the elements of a column
        column = exp.Column(this=node.parts[1].copy(), table=node.parts[0].copy())
        origins = origins_of(column, frame, seen, relation_of)
        return _elements(origins, _alias_columns(node, seen), _alias(node, seen))
    named = frame.cte(parts[0]) if len(parts) == 1 else None
    found = named if named is not None else seen.table(node)
    return _pivoted(node, found, frame, seen).renamed(_alias_columns(node, seen))


def _file_read(function: exp.Expr) -> str:
    """Return the file or folder that a function such as `read_parquet('s3://…')` reads, or nothing."""
    name = function.sql_name().lower() if isinstance(function, exp.Func) else ""
    name = str(function.this).lower() if isinstance(function, exp.Anonymous) else name
    first = function.this if isinstance(function.this, exp.Expr) else next(iter(function.expressions), None)
    is_path = isinstance(first, exp.Literal) and first.is_string
    return first.name if is_path and isinstance(first, exp.Literal) and name.startswith(_FILE_READERS) else ""


def _rows(node: exp.Expr, frame: Frame, seen: Seen) -> Relation:
    """Return what a function that gives rows gives: each column comes from all that went in."""
    inner = node.this if isinstance(node, exp.Lateral) else node
    if isinstance(inner, exp.Subquery):  # LATERAL (SELECT …): it sees its neighbours
        return relation_of(inner, frame, seen).renamed(_alias_columns(node, seen))
    origins: Origins = {}
    for child in inner.iter_expressions():
        if not isinstance(child, exp.TableAlias):
            pour(origins, _transformed(child, frame, seen))
    offset = node.args.get("offset")
    names = _alias_columns(node, seen)
    if isinstance(offset, exp.Identifier) and seen.word(offset) in names:
        names.remove(seen.word(offset))
    found = _elements(origins, names, _alias(node, seen))
    if isinstance(offset, exp.Identifier):
        found.columns.append((seen.word(offset), {}))
    return found


def _transformed(node: exp.Expr, frame: Frame, seen: Seen) -> Origins:
    origins: Origins = {}
    pour(origins, origins_of(node, frame, seen, relation_of), TRANSFORMATION)
    return origins


def _elements(origins: Origins, names: list[str], alias: str) -> Relation:
    return Elements(names or ([alias] if alias else []), origins)


def _add(node: exp.Expr, frame: Frame, seen: Seen) -> None:
    name = _alias(node, seen)
    if isinstance(node, exp.Final):
        node = node.this
    if isinstance(node, exp.Subquery) and not name and isinstance(node.this, (exp.Table, exp.Subquery)):
        _add(node.this, frame, seen)  # parentheses around a join: its tables keep their names
        for join in [*(node.this.args.get("joins") or []), *(node.args.get("joins") or [])]:
            _join(join, frame, seen)
        return
    relation = source_of(node, frame, seen)
    if isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier):
        parts = tuple(seen.word(part) for part in node.parts)
        name = name or parts[-1]
        name = ".".join(parts) if name in frame.sources else name
        for length in range(2, len(parts) + 1):
            frame.qualified[parts[-length:]] = name
    frame.add(name, relation)


def _join(join: exp.Join, frame: Frame, seen: Seen) -> None:
    _add(join.this, frame, seen)
    for nested in join.this.args.get("joins") or [] if isinstance(join.this, exp.Table) else []:
        _join(nested, frame, seen)
    for column in join.args.get("using") or []:
        name = seen.word(column)
        frame.merged.add(name)
        _influence(exp.column(exp.to_identifier(name, quoted=True)), frame, seen, "JOIN")
    if (join.args.get("method") or "").upper() == "NATURAL":
        frame.merged.update(name for source in frame.sources.values() for name, _ in source.columns)
    _influence(join.args.get("on"), frame, seen, "JOIN")
    _influence(join.args.get("match_condition"), frame, seen, "JOIN")


# -- SELECT


def _select(query: exp.Select, frame: Frame, seen: Seen) -> Relation:
    first = query.args.get("from_")
    if first is not None:
        _add(first.this, frame, seen)
        for join in first.this.args.get("joins") or [] if isinstance(first.this, exp.Table) else []:
            _join(join, frame, seen)
    for lateral in query.args.get("laterals") or []:
        _add(lateral, frame, seen)
    for join in query.args.get("joins") or []:
        _join(join, frame, seen)
    frame.windows.update({seen.word(window.this): window for window in query.args.get("windows") or []})
    found = projected(query.expressions, frame, seen)
    for expression, (name, origins) in zip(query.expressions, found.columns, strict=False):
        if isinstance(expression, exp.Alias) and name == _output_name(expression, seen):
            frame.aliases.setdefault(name, origins)
    for key, subtype in (
        ("where", "FILTER"), ("prewhere", "FILTER"), ("having", "FILTER"), ("qualify", "FILTER"), ("connect", "FILTER"),
        ("group", "GROUP_BY"), ("distinct", "GROUP_BY"), ("order", "SORT"), ("sort", "SORT"), ("cluster", "SORT"),
    ):  # fmt: skip
        _influence(query.args.get(key), frame, seen, subtype)
        _influence_of_numbered(query.args.get(key), found, seen, subtype)
    return found


def _influence_of_numbered(clause: exp.Expr | None, found: Relation, seen: Seen, subtype: str) -> None:
    """Note what `GROUP BY 1` and `ORDER BY 2` mean: the columns of the list, by their place."""
    if not isinstance(clause, (exp.Group, exp.Order)) or not found.is_known:
        return
    for one in clause.expressions:
        number = one.this if isinstance(one, exp.Ordered) else one
        if isinstance(number, exp.Literal) and number.is_int and 0 < int(number.this) <= len(found.columns):
            for leaf in found.columns[int(number.this) - 1][1]:
                seen.influences[leaf, subtype] = None


def projected(expressions: Iterable[exp.Expr], frame: Frame, seen: Seen) -> Relation:
    """Return the columns of a list of expressions over the sources of a frame."""
    columns: list[tuple[str, Origins]] = []
    rests: list[Rest] = []
    for expression in expressions:
        starred = _starred(expression, frame, seen)
        if starred is not None:
            columns += starred.columns
            rests += starred.rests
            continue
        origins = origins_of(expression, frame, seen, relation_of)
        name = _output_name(expression, seen)
        columns.append((name, origins))
        if isinstance(expression, exp.Alias) and seen.is_lateral:
            frame.aliases.setdefault(name, origins)
        elif isinstance(expression, exp.Aliases):
            columns[-1:] = [(seen.word(alias), dict(origins)) for alias in expression.expressions]
    return Relation(columns, rests)


def _output_name(expression: exp.Expr, seen: Seen) -> str:
    if isinstance(expression, exp.Alias):
        return seen.word(expression.args["alias"])
    if isinstance(expression, exp.Column):
        return seen.word(expression.this)
    if isinstance(expression, exp.Dot):
        return seen.word(expression.expression)
    return str(expression.output_name or expression.sql(seen.dialect).lower())


def _starred(expression: exp.Expr, frame: Frame, seen: Seen) -> Relation | None:
    """Return the columns of `*`, `t.*` or COLUMNS(…), or None where an expression is no star."""
    if isinstance(expression, exp.Alias):
        return None
    star = expression.this if isinstance(expression, exp.Column) else expression
    if isinstance(star, exp.Columns):
        return _combined(frame)
    if not isinstance(star, exp.Star):
        return None
    whole = _starred_source(expression, frame, seen) if isinstance(expression, exp.Column) else _combined(frame)
    return _changed(whole, star, frame, seen)


def _starred_source(column: exp.Column, frame: Frame, seen: Seen) -> Relation:
    parts = [seen.word(part) for part in column.parts[:-1]]
    name = frame.qualified.get(tuple(parts), parts[-1]) if len(parts) > 1 else parts[0]
    source = frame.source(name)
    if source is not None:
        return source
    origins = origins_of(exp.column(exp.to_identifier(parts[-1], quoted=True)), frame, seen, relation_of)
    return Relation([("*", origins)]) if origins else Relation()


def _combined(frame: Frame) -> Relation:
    """Return the columns of all sources, those of USING once."""
    columns: list[tuple[str, Origins]] = []
    placed: dict[str, Origins] = {}
    for source in frame.sources.values():
        for name, origins in source.columns:
            if name in frame.merged and name in placed:
                pour(placed[name], origins)
                continue
            own = dict(origins)
            placed.setdefault(name, own)
            columns.append((name, own))
    return Relation(columns, _rests(frame.sources.values()))


def _rests(sources: Iterable[Relation]) -> list[Rest]:
    return [rest for source in sources for rest in source.rests]


def _changed(whole: Relation, star: exp.Star, frame: Frame, seen: Seen) -> Relation:
    """Apply EXCEPT, REPLACE and RENAME of a star."""
    without = {seen.word(_bare(column)) for column in star.args.get("except_") or []}
    replaced = {seen.word(a.args["alias"]): a.this for a in star.args.get("replace") or [] if isinstance(a, exp.Alias)}
    hidden = {*without, *replaced}
    renamed = {seen.word(_bare(a.this)): seen.word(a.args["alias"]) for a in star.args.get("rename") or []}
    columns: list[tuple[str, Origins]] = []
    for name, origins in whole.columns:
        if name in without:
            continue
        own = origins_of(replaced.pop(name), frame, seen, relation_of) if name in replaced else origins
        columns.append((renamed.pop(name, name), own))
    for name, expression in replaced.items():
        columns.append((name, origins_of(expression, frame, seen, relation_of)))
    for old, new in renamed.items():
        columns.append((new, origins_of(exp.column(exp.to_identifier(old, quoted=True)), frame, seen, relation_of)))
    return Relation(columns, [Rest(r.tables, r.without | hidden | renamed.keys(), r.use) for r in whole.rests])


def _bare(node: exp.Expr) -> exp.Expr:
    return node.this if isinstance(node, exp.Column) else node


# -- PIVOT


def _pivoted(node: exp.Expr, found: Relation, frame: Frame, seen: Seen) -> Relation:
    for pivot in node.args.get("pivots") or []:
        inside = Frame(parent=frame, sources={"": found})
        turned = _unpivot if pivot.args.get("unpivot") else _pivot
        found = turned(pivot, found, inside, seen)
        found = found.renamed(_alias_columns(pivot, seen))
    return found


def _pivot(pivot: exp.Pivot, found: Relation, inside: Frame, seen: Seen) -> Relation:
    used: set[str] = set()
    for field in pivot.args.get("fields") or []:
        used |= {seen.word(c.this) for c in field.this.find_all(exp.Column)}
        _influence(field.this, inside, seen, "GROUP_BY")
    values: Origins = {}
    for aggregate in pivot.expressions:
        used |= {seen.word(c.this) for c in aggregate.find_all(exp.Column)}
        pour(values, origins_of(aggregate, inside, seen, relation_of))
    kept = [(name, origins) for name, origins in found.columns if name not in used]
    made = [(seen.word(name), dict(values)) for name in pivot.args.get("columns") or []]
    rests = [Rest(r.tables, r.without | used | {n for n, _ in made}, r.use) for r in found.rests]
    return Relation([*kept, *made], rests)


def _unpivot(pivot: exp.Pivot, found: Relation, inside: Frame, seen: Seen) -> Relation:
    used: set[str] = set()
    made: list[tuple[str, Origins]] = []
    values: Origins = {}
    for field in pivot.args.get("fields") or []:
        for listed in field.expressions:
            pour(values, origins_of(listed, inside, seen, relation_of))
            used |= {seen.word(c.this) for c in listed.find_all(exp.Column)}
        made.append((seen.word(_bare(field.this)), {}))
    for value in pivot.expressions:
        names = value.expressions if isinstance(value, exp.Tuple) else [value]
        made += [(seen.word(_bare(name)), dict(values)) for name in names]
    kept = [(name, origins) for name, origins in found.columns if name not in used]
    rests = [Rest(r.tables, r.without | used | {n for n, _ in made}, r.use) for r in found.rests]
    return Relation([*kept, *made], rests)


# -- what decides over rows


def _influence(node: exp.Expr | None, frame: Frame, seen: Seen, subtype: str) -> None:
    """Note the columns that decide which rows there are, or their order."""
    if not isinstance(node, exp.Expr):
        return
    for leaf in _leaves(node, frame, seen):
        seen.influences[leaf, subtype] = None


def _leaves(node: exp.Expr, frame: Frame, seen: Seen) -> Iterator[Leaf]:
    yield from origins_of(node, frame, seen, relation_of)


# -- names


def _alias(node: exp.Expr, seen: Seen) -> str:
    alias = node.args.get("alias")
    if isinstance(alias, exp.TableAlias):
        if alias.this is not None:
            return seen.word(alias.this)
        return ""
    for pivot in node.args.get("pivots") or []:
        if name := _alias(pivot, seen):
            return name
    return seen.word(alias) if isinstance(alias, exp.Identifier) else ""


def _alias_columns(node: exp.Expr, seen: Seen) -> list[str]:
    alias = node.args.get("alias")
    return [seen.word(c) for c in alias.args.get("columns") or []] if isinstance(alias, exp.TableAlias) else []
