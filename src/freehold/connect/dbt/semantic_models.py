"""Semantic models of dbt as datasets of ours: dimensions and entities as fields, entities of one name as joins.

An entity joins every semantic model that has it to those in which it tells rows apart, and is the role played there.
A semantic model whose measures are dated by several times is several datasets over one table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from freehold.estate.writing import inline

Json = Mapping[str, Any]
_KEYS = ("primary", "unique", "natural")


class UncarriedError(Exception):
    """Something that our models cannot say, or say otherwise; the message says what."""


@dataclass(slots=True)
class Table:
    """A semantic model, or one of its times, in the making. `fields` hold an expression, empty for a column."""

    name: str
    said: Json
    time: str | None
    fields: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Role:
    """A join: of the fields of an entity in one table to those that tell rows apart in another."""

    name: str
    source: str
    column: str
    target: str
    target_column: str


class Tables:
    """All datasets and joins of a semantic manifest.

    Args:
        said: the semantic models, as dbt writes them.
        dialect: of their expressions, as sqlglot names it.
        source: gives what a dataset reads: an asset, or the relation by the name of the warehouse.
    """

    def __init__(self, said: Sequence[Json], dialect: str, source: Callable[[Json], str]) -> None:
        self.dialect = dialect
        self._source = source
        self.tables = {str(one["name"]): self._table(one) for one in said}
        self._of_model = {name: [name] for name in self.tables}

    def dated(self, model: str, time: str | None) -> str:
        """Return the dataset of a semantic model whose rows are dated by a time; None is its default."""
        table = self.tables[model]
        if time is None or time == table.time:
            return model
        name = f"{model}_by_{time}"
        if name not in self.tables:
            self.tables[name] = Table(name, table.said, time, dict(table.fields))
            self._of_model[model].append(name)
        return name

    def field(self, table: str, expr: object, name: str) -> str:
        """Return the name of the field that an expression is, adding it where it has none yet."""
        there = self.tables[table]
        tree = self.parsed(expr if expr is not None else name)
        if isinstance(tree, exp.Column) and not tree.table:
            there.fields.setdefault(tree.name, "")
            if there.fields[tree.name] in ("", tree.name):
                return tree.name
        text = tree.sql()
        while there.fields.setdefault(name, text) != text:
            name = f"{name}_value"
        return name

    def parsed(self, text: object) -> exp.Expr:
        """Return the tree of an expression of the warehouse.

        Raises:
            UncarriedError: it is none.
        """
        try:
            return sqlglot.parse_one(str(text), read=self.dialect or None)
        except SqlglotError as error:
            raise UncarriedError(f"`{text}` is not read as SQL") from error

    # -- joins ---------------------------------------------------------------------------------------------------------

    def roles(self) -> Iterator[Role]:
        """Yield all joins; one of several that an entity has from one table is called after its target, too."""
        for table in self.tables.values():
            for entity in table.said.get("entities") or ():
                targets = self.targets(str(entity["name"]), table)
                column = self.field(table.name, entity.get("expr"), str(entity["name"])) if targets else ""
                for target, theirs in targets:
                    name = self.role_name(str(entity["name"]), target.name, len(targets))
                    key = self.field(target.name, theirs.get("expr"), str(theirs["name"]))
                    yield Role(name, table.name, column, target.name, key)

    @staticmethod
    def role_name(entity: str, target: str, targets: int) -> str:
        """Return the role that an entity plays."""
        return entity if targets == 1 else f"{entity}_{target}"

    def targets(self, entity: str, table: Table) -> list[tuple[Table, Json]]:
        """Return the other semantic models in which an entity tells rows apart, and how it stands there."""
        if any(one["name"] == entity and one["type"] == "natural" for one in table.said.get("entities") or ()):
            return []
        return [
            (other, one)
            for name, other in self.tables.items()
            if name in self._of_model and other.said["name"] != table.said["name"]
            for one in other.said.get("entities") or ()
            if one["name"] == entity and one["type"] in _KEYS
        ]

    # -- the file ------------------------------------------------------------------------------------------------------

    def lines(self, used: Sequence[str] | None = None) -> Iterator[str]:
        """Yield the lines of the file that declare the datasets and joins."""
        roles = list(self.roles())  # they add fields, so they come first
        keys = {n: [list(k) for k in dict.fromkeys(map(tuple, self._keys(t)))] for n, t in self.tables.items()}
        yield "datasets:"
        for name, table in self.tables.items():
            if used is None or name in used or name in self._of_model:
                yield from self._dataset(table, keys[name])
        if roles:
            yield "relationships:"
        for role in roles:
            ends = {"from": f"{role.source}.{role.column}", "to": f"{role.target}.{role.target_column}"}
            yield f"  - {inline({'name': role.name, **ends})}"

    def _dataset(self, table: Table, keys: Sequence[list[str]]) -> Iterator[str]:
        yield f"  {inline(table.name)}:"
        told: dict[str, Any] = {"source": self._source(table.said.get("node_relation") or {})}
        if keys:
            told["primary_key"] = keys[0]
        if len(keys) > 1:
            told["unique_keys"] = list(keys[1:])
        if table.time is not None:
            told["time"] = table.time
        if validity := _validity(table.said):
            told["valid"] = list(validity)
        if table.said.get("description"):
            told["description"] = str(table.said["description"]).strip()
        yield from (f"    {key}: {inline(value)}" for key, value in told.items())
        yield "    fields:"
        spoken = {str(d["name"]): d for d in table.said.get("dimensions") or ()}
        for name, text in table.fields.items():
            words: dict[str, Any] = {"expression": text} if text else {}
            dimension = spoken.get(name, {})
            words |= {k: str(dimension[k]).strip() for k in ("label", "description") if dimension.get(k)}
            words |= {"is_time": name == table.time} if dimension.get("type") == "time" else {}
            yield f"      {inline(name)}: {inline(words) if words else ''}".rstrip()

    def _keys(self, table: Table) -> Iterator[list[str]]:
        validity = _validity(table.said)
        for kind in _KEYS:
            for one in table.said.get("entities") or ():
                if one["type"] == kind:
                    key = self.field(table.name, one.get("expr"), str(one["name"]))
                    yield [key, validity[0]] if validity and kind == "natural" else [key]

    def _table(self, said: Json) -> Table:
        """Return a semantic model with its dimensions as fields."""
        table = Table(str(said["name"]), said, (said.get("defaults") or {}).get("agg_time_dimension"))
        for one in said.get("entities") or ():
            self.parsed(one["expr"] if one.get("expr") is not None else one["name"])
        for one in said.get("dimensions") or ():
            tree = self.parsed(one["expr"] if one.get("expr") is not None else one["name"])
            is_itself = isinstance(tree, exp.Column) and tree.name == one["name"] and not tree.table
            table.fields[str(one["name"])] = "" if is_itself else tree.sql()
        return table


def _validity(said: Json) -> tuple[str, str] | None:
    """Return the dimensions from which and until which rows hold."""
    params = {str(d["name"]): (d.get("type_params") or {}).get("validity_params") for d in said.get("dimensions") or ()}
    start = next((name for name, p in params.items() if p and p.get("is_start")), None)
    end = next((name for name, p in params.items() if p and p.get("is_end")), None)
    return (start, end) if start and end else None
