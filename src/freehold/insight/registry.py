"""The registry of KPIs: files of kind KPI, those that ship and those of an estate, read and judged.

A KPI is a semantic model (`spec.datasets`, `spec.relationships`, `spec.metrics`) whose datasets are evidence models
over the views of the ledger, with what makes it a figure somebody answers for. Its metrics have names that mean
something:

    value         the KPI itself
    numerator     what counts
    denominator   what it is measured against
    n             how many observations it stands for
    completeness  the share of its evidence that is whole (left out: all of it)

Any other is shown beside. Each dataset that is counted has the columns `item`, what a row is about, and `seqs`, the
numbers of the events behind it. A query may read `:as_of` (the moment of knowledge), `:env`, the table `period` (those
asked for: name, starts, ends, which is the moment of knowledge for one that is not over, and closes, which is not), and
`working_day` (opens, closes).
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from freehold.estate.reading import read_documents
from freehold.foundation import Exit, FreeholdError, Problems, Where, near
from freehold.insight.targets import UNITS, Target, target
from freehold.ledger import Vocabulary
from freehold.metrics import Catalogue, Scope, asked, compiled
from freehold.metrics.fingerprint import definition_hash
from freehold.metrics.model import Dataset, Metric, Model
from freehold.metrics.paths import listed
from freehold.metrics.reading import model_at

if TYPE_CHECKING:
    from sqlglot import exp

    from freehold.estate.document import Document
    from freehold.estate.model import Estate, Resource

BUILTIN = Path(__file__).parents[1] / "builtin" / "kpis"
ROLES = ("value", "numerator", "denominator", "n")
COMPLETENESS = "completeness"
WORDS = ("as_of", "env")
LENT = ("period", "working_day")
DRILLED = ("item", "seqs")
_SUMMED = ("s", "bd", "money")  # units of KPIs that are a sum in that unit over a count
LEAST = 5  # observations below which a KPI says nothing


@dataclass(frozen=True)
class Kpi:
    """A KPI as its file declares it.

    `needs` are event types without which there is no value, `wants` types whose absence lowers the completeness of the
    evidence. `minimum` is the least `n` at which it says anything; `hint` is what to do where there is less.
    """

    id: str
    name: str
    question: str
    unit: str
    needs: tuple[str, ...]
    model: Model
    wants: tuple[str, ...] = ()
    minimum: int = LEAST
    direction: str = "up"
    targets: tuple[Target, ...] = ()
    cadence: str = "monthly"
    hint: str = ""
    owner: str | None = None
    tags: tuple[str, ...] = ()
    units: Mapping[str, str] = field(default_factory=dict)
    where: Where = field(default_factory=lambda: Where(""))

    def unit_of(self, metric: str) -> str:
        """The unit a metric of it is in: as its file says, else its own; of what it is made of, only sums have that."""
        is_plain = metric == "denominator" or (metric == "numerator" and self.unit not in _SUMMED)
        return self.units.get(metric, "count" if is_plain else self.unit)

    @cached_property
    def catalogue(self) -> Catalogue:
        """Its model, as the metrics engine takes it."""
        return Catalogue({self.model.name: self.model})

    @cached_property
    def definition(self) -> str:
        """The hash of what is computed, to stand beside every number; words and targets do not count."""
        return definition_hash(self.catalogue, self.model.metrics["value"])

    @property
    def facts(self) -> tuple[Dataset, ...]:
        """The datasets whose rows are counted."""
        ends = {join.target for join in self.model.joins}
        return tuple(d for d in self.model.datasets.values() if d.name not in ends)

    @property
    def beside(self) -> tuple[str, ...]:
        """The metrics that are shown beside its value: all but those that only others of its file stand on."""
        metrics = self.model.metrics
        below = {c.name for metric in metrics.values() for c in _columns(metric) if not c.table}
        return tuple(name for name in metrics if name not in (*ROLES, COMPLETENESS) and name not in below)

    @property
    def slices(self) -> tuple[str, ...]:
        """The fields it can be taken apart by: those that all its facts have and no metric is made of."""
        fields = [set(dataset.fields) for dataset in self.facts]
        used = {c.name for m in self.model.metrics.values() for c in _columns(m)}
        dated = {dataset.time for dataset in self.facts}
        return tuple(sorted(set.intersection(*fields) - {*DRILLED} - used - dated))

    @property
    def reads(self) -> tuple[str, ...]:
        """The views of the ledger and the tables beside them that its evidence reads."""
        return tuple(dict.fromkeys(t.source for d in self.model.datasets.values() for t in d.tables))


class _Shipped(Mapping[str, Kpi]):
    """The KPIs that ship, by id, which is the name of the file: each is read when it is asked for."""

    def __getitem__(self, id: str) -> Kpi:
        if id not in _ids():
            raise KeyError(id)
        return _shipped(id)

    def __iter__(self) -> Iterator[str]:
        return iter(_ids())

    def __len__(self) -> int:
        return len(_ids())


def builtin_kpis() -> Mapping[str, Kpi]:
    """Return the KPIs that ship with Freehold, by id."""
    return _Shipped()


@lru_cache
def _ids() -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in BUILTIN.glob("*.yaml")))


@cache
def _shipped(id: str) -> Kpi:
    """Return a KPI that ships; tests judge those, so that readers need not."""
    return _declared(_document(BUILTIN / f"{id}.yaml"))


def load_kpi(path: Path) -> Kpi:
    """Read one KPI file.

    Raises:
        FreeholdError: FH-K001 it is not a KPI, or Problems with all that is wrong with it.
    """
    return kpi_from(_document(path))


def _document(path: Path) -> Document:
    documents = read_documents(path.read_bytes(), str(path))
    if len(documents) != 1 or not isinstance(documents[0].value, dict) or documents[0].value.get("kind") != "KPI":
        raise FreeholdError(
            "FH-K001", "This is not a file of kind KPI.", where=Where(str(path)), fix="Begin with `kind: KPI`."
        )
    return documents[0]


def kpis_of(estate: Estate | None) -> Mapping[str, Kpi]:
    """Return the KPIs that ship, and those of an estate: its own, and what it says otherwise of one that ships.

    Raises:
        Problems: what is wrong with the estate's own.
    """
    found, errors = read_kpis(estate)
    if errors:
        raise Problems(errors)
    return found


def kpi_named(kpis: Mapping[str, Kpi], name: str) -> Kpi:
    """Return the KPI of an id or of a tag such as K08.

    Raises:
        FreeholdError: FH-K002 there is none.
    """
    by_tag = (kpi for kpi in kpis.values() if name.upper() in kpi.tags)
    found = kpis.get(name) or next(by_tag, None)
    if found is None:
        fix = near(name, kpis) or f"There are: {', '.join(kpis)}."
        raise FreeholdError("FH-K002", f"There is no KPI `{name}`.", fix=fix, exit_code=Exit.USAGE)
    return found


def read_kpis(estate: Estate | None) -> tuple[Mapping[str, Kpi], list[FreeholdError]]:
    """Return the KPIs as `kpis_of` does, those that can be read, and what is wrong with the others."""
    shipped, own = builtin_kpis(), dict[str, Kpi]()
    errors: list[FreeholdError] = []
    for kind, id_ in estate.resources if estate is not None else ():
        if estate is not None and kind == "KPI":
            try:
                own[id_] = _of_estate(estate.resources[kind, id_], shipped.get(id_))
            except FreeholdError as error:
                errors += error.errors if isinstance(error, Problems) else (error,)
    return ChainMap(own, shipped), errors  # type: ignore[arg-type]  # the last map of a chain is only read


def _of_estate(resource: Resource, shipped: Kpi | None) -> Kpi:
    assert resource.document is not None
    if shipped is None or "metrics" in resource.spec or "datasets" in resource.spec:
        return kpi_from(resource.document)
    kpi = _adjusted(shipped, resource.document)
    if errors := list(_unknown_events(kpi, resource.document)):
        raise Problems(errors)
    return kpi


def kpi_from(document: Document) -> Kpi:
    """Return the KPI that a document of kind KPI declares.

    Raises:
        Problems: FH-K001 for a part that is missing or wrong, FH-K003 for a dataset, FH-N… for its metrics.
    """
    kpi = _declared(document)
    if errors := list(_findings(kpi, document)):
        raise Problems(errors)
    return kpi


def _declared(document: Document) -> Kpi:
    said, id_ = document.value["spec"], str(document.value["metadata"].get("id", "?"))
    missing = [name for name in ("question", "unit", "needs", "datasets", "metrics") if name not in said]
    if missing:
        raise FreeholdError(
            "FH-K001", f"The KPI `{id_}` does not say its {listed(missing)}.", where=document.where("spec"),
            fix="See docs/concepts/kpis.md for what a KPI is made of.",
        )  # fmt: skip
    model = model_at(document, ("spec",), id_.replace("-", "_"), WORDS)
    kpi = Kpi(
        id=id_, name=id_, question="", unit=str(said["unit"]), needs=(), model=_in_utc(model),
        where=document.where("metadata", "id"),
    )  # fmt: skip
    return _adjusted(kpi, document)


def _adjusted(kpi: Kpi, document: Document) -> Kpi:
    """Return a KPI with what a document says of it, beside what is computed."""
    said, metadata = document.value["spec"], document.value["metadata"]
    plain = ("question", "minimum", "direction", "cadence", "hint")
    changed: dict[str, Any] = {key: said[key] for key in plain if key in said}
    changed |= {key: tuple(said[key]) for key in ("needs", "wants") if key in said}
    changed |= {key: metadata[key] for key in ("name", "owner") if key in metadata}
    if "tags" in metadata:
        changed["tags"] = tuple(metadata["tags"])
    if "units" in said:
        changed["units"] = _units(kpi, document)
    if "targets" in said:
        changed["targets"] = tuple(_targets(kpi, document))
    return replace(kpi, where=document.where("metadata", "id"), **changed)


def _units(kpi: Kpi, document: Document) -> dict[str, str]:
    units = {str(metric): str(unit) for metric, unit in document.value["spec"]["units"].items()}
    metrics = kpi.model.metrics
    for metric in units:
        if metric not in metrics:
            where = ("spec", "units", metric)
            raise _wrong(kpi, document, f"it has no metric `{metric}`", where, near(metric, metrics), metrics)
    return units


def _targets(kpi: Kpi, document: Document) -> Iterator[Target]:
    if kpi.unit not in UNITS:
        raise _wrong(kpi, document, f"`{kpi.unit}` is no unit", ("spec", "unit"), near(kpi.unit, UNITS), UNITS)
    for whose, text in document.value["spec"]["targets"].items():
        try:
            yield target(whose, str(text), kpi.unit)
        except ValueError as error:
            raise _wrong(kpi, document, str(error), ("spec", "targets", whose)) from error


def _findings(kpi: Kpi, document: Document) -> Iterator[FreeholdError]:
    if kpi.unit not in UNITS:
        yield _wrong(kpi, document, f"`{kpi.unit}` is no unit", ("spec", "unit"), near(kpi.unit, UNITS), UNITS)
    yield from _unknown_events(kpi, document)
    for role in ROLES:
        if role not in kpi.model.metrics:
            hint = f"Say `{role}: …` below `metrics`: each KPI has {', '.join(ROLES)}."
            yield _wrong(kpi, document, f"it has no metric `{role}`", ("spec", "metrics"), hint)
    wrong = list(_of_datasets(kpi, (*Vocabulary().views, *LENT)))
    yield from wrong
    if not wrong and all(role in kpi.model.metrics for role in ROLES):
        yield from _uncomputable(kpi)


def _unknown_events(kpi: Kpi, document: Document) -> Iterator[FreeholdError]:
    known = Vocabulary()
    for key, names in (("needs", kpi.needs), ("wants", kpi.wants)):
        for index, name in enumerate(names):
            if name not in known:
                problem = f"there is no event type `{name}`"
                yield _wrong(kpi, document, problem, ("spec", key, index), near(name, known.names))


def _of_datasets(kpi: Kpi, views: tuple[str, ...]) -> Iterator[FreeholdError]:
    for dataset in kpi.model.datasets.values():
        missing = [name for name in DRILLED if name not in dataset.fields]
        if dataset.query is None or (missing and dataset in kpi.facts):
            what = f"columns {listed(missing)}" if dataset.query is not None else "query"
            yield FreeholdError(
                "FH-K003", f"The evidence `{dataset.name}` of `{kpi.id}` has no {what}.", where=dataset.where,
                fix="Select `item`, what a row is about, and `seqs`, the numbers of the events behind it.",
            )  # fmt: skip
        for table in dataset.tables if dataset.query is not None else ():
            if table.source not in views:
                yield FreeholdError(
                    "FH-K003", f"The evidence `{dataset.name}` of `{kpi.id}` reads `{table.source}`, which is no view "
                    "of the ledger.", where=table.where,
                    fix=near(table.source, views) or "See docs/reference/events.md.",
                )  # fmt: skip


def _uncomputable(kpi: Kpi) -> Iterator[FreeholdError]:
    """Yield why metrics cannot be computed, each at its own place; one that stands on such a metric is not told too."""
    metrics = kpi.model.metrics
    together = _refused(kpi, *metrics)
    if together is None:
        return
    refused = {name: error for name in metrics if (error := _refused(kpi, name)) is not None}
    for name, error in (first_to_blame(kpi, refused) or {ROLES[0]: together}).items():
        where = error.where or metrics[name].where
        yield FreeholdError(error.code, error.problem, where=where, fix=error.fix)


def first_to_blame(kpi: Kpi, refused: Mapping[str, FreeholdError]) -> Mapping[str, FreeholdError]:
    """Return those of the metrics that cannot be computed which stand on no other of them; one of a circle."""
    below = {name: {c.name for c in _columns(kpi.model.metrics[name]) if not c.table} for name in refused}
    first = {name: error for name, error in refused.items() if not below[name] & (refused.keys() - {name})}
    return first or dict(list(refused.items())[:1])


def _refused(kpi: Kpi, *metrics: str) -> FreeholdError | None:
    """Return why some metrics cannot be asked for together; None where they can."""
    try:
        compiled(Scope(kpi.catalogue, view_of), asked(list(metrics)))
    except FreeholdError as error:
        return error
    return None


def view_of(dataset: Dataset) -> exp.Table:
    """Return the view of the ledger, or the table beside it, that evidence reads."""
    from sqlglot import exp

    return exp.to_table(dataset.source)


def _in_utc(model: Model) -> Model:
    """Return a model whose rows are dated in UTC, as the ledger writes times."""
    return replace(model, datasets={n: replace(d, zone="UTC") for n, d in model.datasets.items()})


def _columns(metric: Metric) -> Iterator[exp.Column]:
    from sqlglot import exp

    for tree in (metric.expression, metric.filter):
        if tree is not None:
            yield from tree.find_all(exp.Column)


def _wrong(
    kpi: Kpi, document: Document, problem: str, path: tuple[str | int, ...], hint: str = "", known: Any = ()
) -> FreeholdError:
    fix = hint or (f"Use one of: {', '.join(known)}." if known else "See docs/concepts/kpis.md.")
    return FreeholdError("FH-K001", f"The KPI `{kpi.id}`: {problem}.", where=document.where(*path), fix=fix)
