"""Definitions that disagree: metrics and aggregates of one name that are not the same, or of two names that are.

Of metrics the artifacts say what they are. Of SQL, an aggregate that a model names is compared with one of the same
name in another model, where both can be followed to columns they share; one that is only added up further is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from freehold.connect.dbt.metrics import Definition, definitions, plain_name
from freehold.connect.dbt.model import Node, Project
from freehold.connect.dbt.places import Places
from freehold.foundation import Where

if TYPE_CHECKING:
    from freehold.delivery.lineage import EstateLineage, Field

MOST = 5
_MOST_ROOTS = 2
_LONGEST = 200_000  # characters of SQL that are searched for aggregates


@dataclass(frozen=True, slots=True)
class Side:
    """One of two definitions: its name, what it comes to, and where that is said."""

    name: str
    told: str
    where: Where


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two definitions that disagree. `why`: same name, nearly the same name, same meaning. `reach`: exposures below."""

    why: str
    left: Side
    right: Side
    reach: int


@dataclass(frozen=True, slots=True)
class Aggregate:
    """A column of a model that aggregates: its expression as written, and with `?` for every column."""

    node: Node
    column: str
    expression: str
    shape: str
    roots: frozenset[Field]


def conflicts(project: Project, places: Places, lineage: EstateLineage | None = None) -> tuple[Conflict, ...]:
    """Return every conflict found, those first that reach more exposures; `lineage` is needed for those in SQL."""
    found = list(_between_metrics(project, places))
    if lineage is not None:
        found += _between_models(project, places, lineage)
    order = ("same name", "nearly the same name", "same meaning")
    return tuple(sorted(found, key=lambda c: (-c.reach, order.index(c.why), c.left.name, c.right.name)))


def _between_metrics(project: Project, places: Places) -> Iterable[Conflict]:
    for left, right in combinations(definitions(project), 2):
        names = (
            {left.metric.name.lower(), left.metric.label.lower()},
            {right.metric.name.lower(), right.metric.label.lower()},
        )
        is_same = left.key == right.key
        if not is_same and names[0] & names[1]:
            why = "same name"
        elif not is_same and plain_name(left.metric.name) == plain_name(right.metric.name):
            why = "nearly the same name"
        elif is_same:
            why = "same meaning"
        else:
            continue
        models = {*left.models, *right.models}
        reach = sum(project.reach.get(model, (0, 0))[1] for model in models)
        yield Conflict(why, _side(left, places), _side(right, places), reach)


def _side(one: Definition, places: Places) -> Side:
    return Side(one.metric.name, one.told, places.of_metric(one.metric))


def _between_models(project: Project, places: Places, lineage: EstateLineage) -> Iterable[Conflict]:
    by_name: dict[str, list[Aggregate]] = {}
    for one in _aggregates(project, lineage):
        by_name.setdefault(one.column.lower(), []).append(one)
    for same in by_name.values():
        below = {one.node.id: _below(one.node, project) for one in same} if len(same) > 1 else {}
        for left, right in combinations(same, 2):
            # Where one model reads the other, one name is the other taken further.
            is_further = left.node.id in below[right.node.id] or right.node.id in below[left.node.id]
            if _disagree(left, right) and not is_further:
                reach = sum(project.reach.get(one.node.id, (0, 0))[1] for one in (left, right))
                yield Conflict("same name", _sql_side(left, right, places), _sql_side(right, left, places), reach)


def _disagree(left: Aggregate, right: Aggregate) -> bool:
    """Whether two aggregates over columns they share differ in how they compute, or in what else they read."""
    return bool(left.roots & right.roots) and (left.shape != right.shape or left.roots != right.roots)


def _below(node: Node, project: Project) -> frozenset[str]:
    """Return the unique ids of the nodes that read a node, directly or not."""
    found: set[str] = set()
    waiting = [node.id]
    while waiting:
        for child in project.children.get(waiting.pop(), ()):
            if child not in found:
                found.add(child)
                waiting.append(child)
    return frozenset(found)


def _sql_side(one: Aggregate, other: Aggregate, places: Places) -> Side:
    told = one.expression
    if one.expression == other.expression:  # alike as written: what they read tells them apart
        own = sorted(str(root) for root in one.roots - other.roots)
        more = f" and {len(own) - _MOST_ROOTS} more" if len(own) > _MOST_ROOTS else ""
        told += f" from {', '.join(own[:_MOST_ROOTS])}{more} besides" if own else " from what both read alone"
    return Side(f"{one.node.label}.{one.column}", told, places.of_column(one.node, one.column))


def _aggregates(project: Project, lineage: EstateLineage) -> Iterable[Aggregate]:
    from freehold.delivery.lineage import Field

    ids = _ids_in(lineage, project)
    for node in project.models:
        shown = project.exposed_to.get(node.id) or node.access == "public"
        if not shown or not node.compiled or node.language != "sql" or len(node.compiled) > _LONGEST:
            continue
        asset = ids.get(node.id)
        if asset is None or asset in lineage.unread:
            continue
        for column, (expression, shape) in _aggregated(node, project.dialect).items():
            at = Field(asset, column)
            above = [edge.source for _, edge in lineage.walk(at, down=False)]
            roots = frozenset(f for f in above if not lineage.edges(f, down=False) and f.column != "*")
            if roots:
                yield Aggregate(node, column, expression, shape, roots)


def _ids_in(lineage: EstateLineage, project: Project) -> Mapping[str, str]:
    from freehold.connect.dbt.observing import asset_ids

    return {node: asset for node, asset in asset_ids(project).items() if asset in lineage.columns}


def _aggregated(node: Node, dialect: str) -> dict[str, tuple[str, str]]:
    """Return the columns a model names by `aggregate AS name`, once each, with the expression and its shape."""
    from sqlglot import exp
    from sqlglot.errors import SqlglotError
    from sqlglot.optimizer.normalize_identifiers import normalize_identifiers

    from freehold.foundation import FreeholdError
    from freehold.sql import parse

    try:
        tree = normalize_identifiers(parse(node.compiled, dialect), dialect=dialect)
    except (FreeholdError, SqlglotError, RecursionError):
        return {}
    found: dict[str, set[tuple[str, str]]] = {}
    for alias in tree.find_all(exp.Alias):
        value = alias.this
        if not isinstance(alias.parent, exp.Select) or value.find(exp.Window) or not value.find(exp.AggFunc):
            continue
        if value.find(exp.Select):
            continue
        found.setdefault(alias.alias, set()).add((_written(value, dialect), _shape(value, dialect)))
    return {name: next(iter(said)) for name, said in found.items() if len(said) == 1}


def _written(value: object, dialect: str) -> str:
    from sqlglot import exp

    assert isinstance(value, exp.Expr)
    bare = value.copy()
    for column in bare.find_all(exp.Column):
        for part in ("table", "db", "catalog"):
            column.set(part, None)
    return str(bare.sql(dialect, comments=False))


def _shape(value: object, dialect: str) -> str:
    from sqlglot import exp

    assert isinstance(value, exp.Expr)
    holder = exp.Paren(this=value.copy())
    for column in list(holder.find_all(exp.Column)):
        column.replace(exp.Placeholder())
    return str(holder.this.sql(dialect, comments=False, normalize_functions="upper"))
