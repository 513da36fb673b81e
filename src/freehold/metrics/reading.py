"""From files to models: the short form and Apache Ossie's own, with what the contracts of the datasets add.

Both forms are brought to the same words first, so that there is one reader. A dataset takes its columns, their types
and its key from the contract of the asset it reads; what the file says itself comes before that.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeVar

from freehold.estate.document import Document, Step
from freehold.estate.model import SchemaObject
from freehold.foundation import FreeholdError, Problems, Where, near
from freehold.foundation.times import time_zones
from freehold.metrics.contracted import fields_of_contract, keys_of_contract
from freehold.metrics.evidence import evidence_query, fields_of, query_name
from freehold.metrics.expressions import condition, expression
from freehold.metrics.model import (
    TIME_TYPES,
    Conversion,
    Dataset,
    EvidenceQuery,
    Field,
    Join,
    Metric,
    Model,
    Rollup,
    Snapshot,
    Validity,
)
from freehold.metrics.paths import listed, time_of
from freehold.metrics.query import key_of
from freehold.metrics.timing import GRAINS, Calendar, grain_named, period
from freehold.metrics.widening import ends_of, opened, target_of, unread_extensions, widened

T = TypeVar("T")
_WORDS = ("description", "includes", "excludes", "label", "owner", "unit", "direction")
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
Contracts = Callable[[str], SchemaObject | None]


@dataclass(frozen=True, slots=True)
class Part:
    """One named thing of a file in the words of the short form, with the path it stands at."""

    name: str
    said: Mapping[str, Any]
    path: tuple[Step, ...]


def models_of(document: Document, contracts: Contracts = lambda _: None) -> tuple[Model, ...]:
    """Return the models of a document that has passed its schema.

    Args:
        document: in the short form (one model), or in Ossie's (any number).
        contracts: gives the schema object of an asset, by the asset's id.

    Raises:
        Problems: all that is wrong in it: expressions that do not parse, names that lead nowhere, keys nobody declares.
    """
    said = document.value
    if unread := list(unread_extensions(document, said, ())):
        raise Problems(unread)
    roots = [("semantic_model", i) for i in range(len(said["semantic_model"]))] if "semantic_model" in said else [()]
    readers = [_Reader(document, path, contracts) for path in roots]
    models = tuple(reader.model() for reader in readers)
    errors = [error for reader in readers for error in reader.errors]
    if errors:
        raise Problems(errors)
    return models


def model_at(document: Document, root: tuple[Step, ...], name: str, words: Collection[str]) -> Model:
    """Return a model in the short form that is part of a document, and has its name from elsewhere.

    Args:
        document: of any kind.
        root: where in it the model stands.
        name: of the model.
        words: what the queries of its evidence models leave to be filled in, as `:word`.

    Raises:
        Problems: as for `models_of`.
    """
    reader = _Reader(document, root, lambda _: None, name, words)
    model = reader.model()
    if reader.errors:
        raise Problems(reader.errors)
    return model


@dataclass
class _Reader:
    document: Document
    root: tuple[Step, ...]
    contracts: Contracts
    name: str = ""  # of the model, where its own part of the document says none
    words: Collection[str] = ()
    errors: list[FreeholdError] = field(default_factory=list)

    def model(self) -> Model:
        said = self._said()
        name = self.name or str(said["name"])
        datasets = {part.name: self._dataset(part) for part in self._parts("datasets")}
        joins = tuple(join for part in self._parts("relationships") if (join := self._join(part, datasets)) is not None)
        self._judge_times(name, datasets, joins)
        metrics = {part.name: m for part in self._parts("metrics") if (m := self._metric(part, name)) is not None}
        where = self.document.where(*self.root, *(() if self.name else ("name",)))
        calendar, told = self._calendar(said), str(said.get("description", ""))
        rollups = {part.name: r for part in self._parts("rollups") if (r := self._rollup(part, name)) is not None}
        return Model(name, where, datasets, joins, metrics, calendar, told, rollups)

    def _said(self) -> Mapping[str, Any]:
        said = self.document.value
        for step in self.root:
            said = said[step]
        return widened(said)

    def _parts(self, key: str) -> Iterator[Part]:
        """Yield the entries under a key: of a mapping by name, of a list by their `name`."""
        said = self._said().get(key) or {}
        if isinstance(said, Mapping):
            yield from (Part(str(n), opened(key, s), (*self.root, key, n)) for n, s in said.items())
            return
        seen: dict[str, int] = {}
        for index, entry in enumerate(said):
            said_of = widened(entry)
            name = str(said_of.get("name") or (key == "relationships" and target_of(said_of)) or index)
            if name in seen and key != "relationships":
                self._wrong("FH-N401", f"`{name}` stands twice among the {key}.", (key, index, "name"), "Rename one.")
            seen[name] = index
            yield Part(name, said_of, (*self.root, key, index))

    # -- datasets ------------------------------------------------------------------------------------------------------

    def _dataset(self, part: Part) -> Dataset:
        query = self._query(part)
        source = query_name(query) if query else str(part.said["source"] if "sql" not in part.said else "")
        contract = self.contracts(source) if query is None else None
        fields = fields_of_contract(contract) if query is None else fields_of(query, self.document.where(*part.path))
        borrowed = {name for name in part.said.get("from_contract", ()) if name in fields}
        for inner in self._fields(part):
            if inner.name in borrowed:
                continue
            read = self._field(inner, fields.get(inner.name))
            if read is not None:
                fields[inner.name] = read
        keys = [tuple(key) for key in (part.said.get("primary_key"), *part.said.get("unique_keys", ())) if key]
        claimed = tuple(key for key in dict.fromkeys(keys) if key not in keys_of_contract(contract))
        keys += keys_of_contract(contract)
        dataset = Dataset(
            name=part.name,
            source=source,
            where=self.document.where_key(*part.path),
            fields=fields,
            keys=tuple(dict.fromkeys(keys)),
            time=part.said.get("time"),
            zone=part.said.get("timezone"),
            validity=Validity(*part.said["valid"]) if "valid" in part.said else None,
            description=part.said.get("description") or (contract.description if contract else "") or "",
            synonyms=tuple(part.said.get("synonyms", ())),
            query=query,
            claimed=claimed,
        )
        return self._with_time(part, dataset)

    def _query(self, part: Part) -> EvidenceQuery | None:
        """Return the query of an evidence model; what it reads are datasets that take their columns from contracts."""
        if "sql" not in part.said:
            return None
        where = self._place(part, "sql")

        def table(name: str, at: Where) -> Dataset:
            return Dataset(name, name, at, fields_of_contract(self.contracts(name)))

        text, what = str(part.said["sql"]), f"the query of `{part.name}`"
        place = self.document.place(*part.path, "sql")
        return self._tried(lambda: evidence_query(text, what, where, table, words=self.words, place=place))

    def _with_time(self, part: Part, dataset: Dataset) -> Dataset:
        """Return the dataset with its time: the one it names, or the only one it has."""
        from dataclasses import replace

        is_elsewhere = dataset.time is not None and "." in dataset.time  # judged once the joins are read
        given = (None if is_elsewhere else dataset.time, *(part.said.get("valid") or ()))
        named = [n for n in given if n is not None and n not in dataset.fields]
        for name in named if dataset.fields else ():
            self._wrong(
                "FH-N402", f"`{dataset.name}` has no field `{name}`.", (*part.path, "time"),
                near(name, dataset.fields) or f"It has {listed(dataset.fields, most=8)}.",
            )  # fmt: skip
        if is_elsewhere:
            return dataset
        if dataset.time is not None:
            known = dataset.fields.get(dataset.time) or Field(dataset.time, dataset.where, None, dataset.time)
            return replace(dataset, fields={**dataset.fields, dataset.time: replace(known, is_time=True)})
        times = [f.name for f in dataset.fields.values() if f.is_time]
        return replace(dataset, time=times[0]) if len(times) == 1 else dataset

    def _judge_times(self, name: str, datasets: Mapping[str, Dataset], joins: tuple[Join, ...]) -> None:
        """Find datasets whose time is said to stand in another one, and does not."""
        model = Model(name, self.document.where(*self.root, "name"), datasets, joins, {}, Calendar())
        for part in self._parts("datasets"):
            if "." in str(part.said.get("time", "")):
                self._tried(lambda part=part: self._dated(model, part))  # type: ignore[misc]

    def _dated(self, model: Model, part: Part) -> None:
        try:
            time_of(model, part.name)
        except FreeholdError as error:
            problem = f"`{part.said['time']}` does not date the rows of `{part.name}`. {error.problem}"
            raise FreeholdError("FH-N402", problem, where=self._place(part, "time"), fix=error.fix) from error

    def _fields(self, part: Part) -> Iterator[Part]:
        said = part.said.get("fields") or {}
        entries = said.items() if isinstance(said, Mapping) else ((i, s) for i, s in enumerate(said))
        for step, entry in entries:
            one = opened("fields", entry)
            yield Part(str(one.get("name", step)), one, (*part.path, "fields", step))

    def _field(self, part: Part, known: Field | None) -> Field | None:
        where = self.document.where_key(*part.path)
        text = str(part.said.get("expression", part.name))
        tree = self._tried(lambda: condition(text, f"the field `{part.name}`", self._signs(part, "expression")))
        if tree is None:
            return None
        from sqlglot import exp

        is_column = isinstance(tree, exp.Column) and not tree.table
        kind = str(part.said.get("datatype") or (known.type if known and is_column else ""))
        is_time = part.said.get("is_time")
        return Field(
            name=part.name,
            where=where,
            expression=None if is_column else tree,
            column=(known.column if known and tree.name == part.name else tree.name) if is_column else "",
            type=kind,
            is_time=bool(kind in TIME_TYPES if is_time is None else is_time),
            description=part.said.get("description", known.description if known else ""),
            label=part.said.get("label", ""),
            synonyms=tuple(part.said.get("synonyms", ())),
        )

    # -- joins ---------------------------------------------------------------------------------------------------------

    def _join(self, part: Part, datasets: Mapping[str, Dataset]) -> Join | None:
        (source, columns), (target, target_columns) = ends_of(part.said)
        for end, dataset, names in (("from", source, columns), ("to", target, target_columns)):
            if dataset not in datasets:
                self._wrong(
                    "FH-N403",
                    f"The relationship `{part.name}` names the dataset `{dataset}`, which the model does not have.",
                    (*part.path, end), near(dataset, datasets) or f"It has {listed(datasets)}.",
                )  # fmt: skip
                return None
            fields = datasets[dataset].fields
            for name in names:
                if fields and name not in fields:
                    self._wrong(
                        "FH-N402", f"`{dataset}` has no field `{name}`.", (*part.path, end),
                        near(name, fields) or f"It has {listed(fields, most=8)}.",
                    )  # fmt: skip
                    return None
        if len(columns) != len(target_columns) or not columns:
            self._wrong(
                "FH-N403", f"The relationship `{part.name}` joins {len(columns)} fields to {len(target_columns)}.",
                (*part.path, "to"), "Name as many on each side.",
            )  # fmt: skip
            return None
        if not self._is_key(datasets[target], target_columns):
            self._wrong(
                "FH-N404", f"{listed(target_columns)} of `{target}` is declared no key: a row might join several.",
                (*part.path, "to"),
                f"Declare it: `primaryKey` or `unique` in the contract, or `primary_key` of `{target}`.",
            )  # fmt: skip
            return None
        where = self.document.where(*part.path)
        return Join(part.name, source, columns, target, target_columns, where)

    @staticmethod
    def _is_key(target: Dataset, columns: tuple[str, ...]) -> bool:
        """Whether at most one row has given values in these fields; of a dataset of versions, at a time."""
        changing = {target.validity.start, target.validity.end} if target.validity else set()
        return any(set(key) - changing <= set(columns) for key in target.keys)

    # -- metrics -------------------------------------------------------------------------------------------------------

    def _metric(self, part: Part, model: str) -> Metric | None:
        said = part.said
        what = f"the metric `{part.name}`"
        conversion = self._conversion(part) if "conversion" in said else None
        text = str(said.get("expression", "0" if conversion else ""))
        tree = self._tried(lambda: expression(text, what, self._signs(part, "expression")))
        narrowed = None
        if said.get("filter"):
            narrowed = self._tried(
                lambda: condition(str(said["filter"]), f"the filter of `{part.name}`", self._signs(part, "filter"))
            )
        if tree is None or ("conversion" in said and conversion is None):
            return None
        self._judge_metric(part)
        return Metric(
            name=part.name,
            model=model,
            where=self.document.where_key(*part.path),
            expression=tree,
            filter=narrowed,
            window=self._tried(lambda: period(said["window"], self._place(part, "window")))
            if "window" in said
            else None,
            to_date=grain_named(str(said["to_date"])) if "to_date" in said else None,
            is_cumulative=bool(said.get("cumulative", False)),
            fill=said.get("fill"),
            snapshot=_snapshot(said.get("non_additive")),
            conversion=conversion,
            status=said.get("status", "draft"),
            replaced_by=said.get("replaced_by"),
            sunset=date.fromisoformat(str(said["sunset"])) if said.get("sunset") else None,
            words={key: str(said[key]) for key in _WORDS if said.get(key)},
            synonyms=tuple(said.get("synonyms", ())),
            tests=tuple(said.get("tests", ())),
        )

    def _judge_metric(self, part: Part) -> None:
        said = part.said
        if sum(bool(said.get(key)) for key in ("window", "to_date", "cumulative")) > 1:
            self._wrong(
                "FH-N405", f"`{part.name}` has more than one of window, to_date and cumulative.", part.path, "Keep one."
            )
        if "to_date" in said and grain_named(str(said["to_date"])) in (None, "hour", "day"):
            self._wrong(
                "FH-N405", f"`{said['to_date']}` is no period to count up in.", (*part.path, "to_date"),
                f"Use one of: {', '.join(GRAINS[2:])}, fiscal_quarter, fiscal_year.",
            )  # fmt: skip
        if said.get("status") == "certified":
            missing = [word for word in ("description", "includes", "excludes") if not said.get(word)]
            if missing:
                self._wrong(
                    "FH-N406", f"`{part.name}` is certified and does not say its {listed(missing)}.",
                    (*part.path, "status"),
                    "A certified metric says in words what it is, what it includes and what it excludes.",
                )  # fmt: skip

    def _conversion(self, part: Part) -> Conversion | None:
        said = part.said["conversion"]
        trees = [
            self._tried(
                lambda key=key: expression(  # type: ignore[misc]
                    str(said[key]), f"the conversion `{part.name}`", self._signs(part, "conversion", key)
                )
            )
            for key in ("base", "converted")
        ]
        within = self._tried(lambda: period(said["within"], self._place(part, "conversion", "within")))
        if trees[0] is None or trees[1] is None or within is None:
            return None
        entity = said["entity"]
        return Conversion(
            trees[0], trees[1], (entity[0], entity[1]), within, said.get("count", "rate"), said.get("each", "base")
        )

    # -- rollups -------------------------------------------------------------------------------------------------------

    def _rollup(self, part: Part, model: str) -> Rollup | None:
        metrics, by = (part.said.get(key) for key in ("metrics", "by"))
        keys = self._tried(lambda: tuple(key_of(str(text)) for text in by or ()))
        if not (isinstance(metrics, list) and metrics and isinstance(by, list) and by):
            self._wrong(
                "FH-N601", f"The rollup `{part.name}` does not list its `metrics` and what they are `by`.", part.path,
                "Write `{metrics: [revenue], by: [day, channel]}`.",
            )  # fmt: skip
            return None
        if keys is None:
            return None
        if sum(key.is_time for key in keys) > 1:
            spoken = " and ".join(f"`{key.text}`" for key in keys if key.is_time)
            self._wrong(
                "FH-N601", f"{spoken} are both the time of the metrics of the rollup `{part.name}`.",
                (*part.path, "by"), "Keep the shorter one: longer periods are summed up from it.",
            )  # fmt: skip
            return None
        return Rollup(
            name=part.name,
            model=model,
            where=self.document.where_key(*part.path),
            metrics=tuple(dict.fromkeys(map(str, metrics))),
            by=tuple(dict.fromkeys(keys)),
            description=str(part.said.get("description", "")),
        )

    # -- calendar ------------------------------------------------------------------------------------------------------

    def _calendar(self, said: Mapping[str, Any]) -> Calendar:
        given = said.get("calendar") or {}
        month = given.get("fiscal_start", 1)
        if isinstance(month, str):
            month = next((i + 1 for i, m in enumerate(_MONTHS) if m.startswith(month.lower())), 0)
        day = str(given.get("week_start", "monday")).lower()
        weekday = next((i for i, d in enumerate(_WEEKDAYS) if len(day) > 1 and d.startswith(day)), None)
        if not 1 <= month <= 12 or weekday is None:
            self._wrong(
                "FH-N407", "The calendar names no month or no day of the week.", ("calendar",),
                "Write `fiscal_start: april` and `week_start: sunday`.",
            )  # fmt: skip
            return Calendar()
        zone = said.get("timezone")
        if zone is not None:
            self._judge_zone(str(zone))
        return Calendar(month, weekday, zone)

    def _judge_zone(self, zone: str) -> None:
        if zone not in time_zones():
            self._wrong(
                "FH-N407", f"There is no time zone `{zone}`.", ("timezone",),
                near(zone, time_zones()) or "Use an IANA name such as Europe/London.",
            )  # fmt: skip

    # -- errors --------------------------------------------------------------------------------------------------------

    def _tried(self, read: Callable[[], T]) -> T | None:
        try:
            return read()
        except FreeholdError as error:
            self.errors.append(error)
            return None

    def _wrong(self, code: str, problem: str, path: tuple[Step, ...], fix: str) -> None:
        full = path if path[: len(self.root)] == self.root else (*self.root, *path)
        self.errors.append(FreeholdError(code, problem, where=self.document.where(*full), fix=fix))

    def _place(self, part: Part, *path: Step) -> Where:
        return self.document.where(*part.path, *path)

    def _signs(self, part: Part, *path: Step) -> Callable[[int], Where]:
        """Return what tells the place of each sign of a text."""
        return self.document.place(*part.path, *path)


def _snapshot(said: Mapping[str, Any] | None) -> Snapshot | None:
    return Snapshot(said["over"], said.get("take", "last"), tuple(said.get("per", ()))) if said else None
