"""The metrics of an estate: its models read with the contracts of their datasets, and all that is wrong with them."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from freehold.estate.model import Estate, SchemaObject
from freehold.foundation import FreeholdError, Problems, Where, near
from freehold.metrics.binding import somewhere, type_findings
from freehold.metrics.catalogue import Catalogue
from freehold.metrics.compiling import compiled
from freehold.metrics.evidence import moved_tables
from freehold.metrics.fingerprint import parts_used, sources_of
from freehold.metrics.model import Dataset, Metric, Model
from freehold.metrics.query import Key, Query
from freehold.metrics.reading import models_of
from freehold.metrics.rows import Scope


@dataclass(frozen=True, slots=True)
class _Looked:
    """What keeps metrics from being compiled, and the statements of those that nothing keeps, by their ids."""

    errors: tuple[FreeholdError, ...]
    statements: Mapping[str, str]


# Compiling every metric costs far more than telling whether models are the same, and one command asks for them often.
_LATELY: deque[tuple[Catalogue, _Looked]] = deque(maxlen=4)
_BY_PERIOD = ("FH-N208", "FH-N209")  # refused by one period, and perhaps not by another


def catalogue_of(estate: Estate) -> Catalogue:
    """Return all metrics of an estate.

    Raises:
        Problems: what is wrong in its files of metrics, FH-N1xx to FH-N4xx, each with its place.
    """
    from freehold.metrics.rollups.declared import contents

    catalogue, errors = read_models(estate)
    errors += _looked_at(catalogue).errors
    errors += [] if errors else contents(catalogue)[1]
    if errors:
        raise Problems(errors)
    return catalogue


def metric_findings(estate: Estate) -> tuple[FreeholdError, ...]:
    """Return all that is wrong with the metrics of an estate; without any, nothing is read."""
    if not estate.semantic_models:
        return ()
    try:
        catalogue = catalogue_of(estate)
    except Problems as problems:
        return problems.errors
    return tuple(type_findings(catalogue, _looked_at(catalogue).statements))


def read_models(estate: Estate, told: Collection[str] | None = None) -> tuple[Catalogue, list[FreeholdError]]:
    """Return the models of an estate, and what is wrong in their files; of those named `told`, where that is given."""
    models: dict[str, Model] = {}
    errors: list[FreeholdError] = []

    def contract(source: str) -> SchemaObject | None:
        found = estate.contract_of(estate.published(source))
        return found[1] if found else None

    for name, document in estate.semantic_models.items():
        is_told = told is None or name in told
        try:
            for read in models_of(document, contract):
                model = _with_assets(estate, _as_published(estate, read))
                if model.name in models and is_told:
                    errors.append(
                        FreeholdError(
                            "FH-N408",
                            f"The model `{model.name}` is declared twice; first at {models[model.name].where}.",
                            where=model.where,
                            fix="Give one of them another name.",
                        )
                    )
                models.setdefault(model.name, model)
                errors += _sources(estate, model) if is_told else ()
        except Problems as problems:
            errors += problems.errors if is_told else ()
    return Catalogue(models), errors


def _as_published(estate: Estate, model: Model) -> Model:
    """Return a model whose datasets read the version of each output that is published today."""

    def moved(dataset: Dataset) -> Dataset:
        if dataset.query is not None:
            return replace(dataset, query=moved_tables(dataset.query, moved))
        source = estate.published(dataset.source)
        return dataset if source == dataset.source else replace(dataset, source=source, declared=dataset.source)

    return replace(model, datasets={n: moved(d) for n, d in model.datasets.items()})


def _with_assets(estate: Estate, model: Model) -> Model:
    """Return a model whose rollups know the asset they are built as: one of the product in whose folder they stand."""
    if not model.rollups:
        return model
    named = {
        name: replace(rollup, asset=f"{product}.{name}" if (product := product_at(estate, rollup.where)) else "")
        for name, rollup in model.rollups.items()
    }
    return replace(model, rollups=named)


def product_at(estate: Estate, where: Where) -> str:
    """Return the product in whose folder a file lies, the innermost; empty where it lies in none."""
    inside = [p for p in estate.products.values() if p.folder == "." or where.path.startswith(f"{p.folder}/")]
    return max(inside, key=lambda p: len(p.folder)).id if inside else ""


def _sources(estate: Estate, model: Model) -> Iterator[FreeholdError]:
    """Find datasets that name a product of the estate, and an asset that it does not have."""
    for name, dataset in ((n, t) for n, d in model.datasets.items() for t in d.tables):
        product = dataset.source.rpartition(".")[0]
        known = [*estate.models, *(f"{c.id}" for c in estate.contracts.values())]
        if product in estate.products and dataset.source not in known and estate.contract_of(dataset.source) is None:
            yield FreeholdError(
                "FH-N409", f"The dataset `{name}` reads `{dataset.source}`, and no file declares that asset.",
                where=dataset.where, fix=near(dataset.source, known) or f"See what `{product}` has: `freehold status`.",
            )  # fmt: skip


def _looked_at(catalogue: Catalogue) -> _Looked:
    """Find what keeps any metric from being compiled; of models that were looked at lately, what was found then."""
    for known, looked in tuple(_LATELY):
        if known == catalogue:
            return looked
    told: dict[tuple[str, str], FreeholdError] = {}
    statements: dict[str, str] = {}
    for metric in catalogue.metrics():
        for error in _of_metric(catalogue, metric, statements):
            told.setdefault((error.code, error.problem), error)  # what stands on it has the same wrong with it
    looked = _Looked(tuple(told.values()), statements)
    _LATELY.append((catalogue, looked))
    return looked


def _of_metric(catalogue: Catalogue, metric: Metric, statements: dict[str, str]) -> Iterator[FreeholdError]:
    """Find what keeps a metric from being compiled: names that lead nowhere, circles, fan-outs; add its statement."""
    scope = Scope(catalogue, somewhere)
    wrong: FreeholdError | None = None
    for keys in _askings(catalogue, metric):
        try:
            statements[metric.id] = compiled(scope, Query((metric.id,), keys)).sql
            wrong = None
            break
        except FreeholdError as error:
            wrong = error if wrong is None or wrong.code in _BY_PERIOD else wrong
    if wrong is not None:
        yield FreeholdError(wrong.code, wrong.problem, where=wrong.where or metric.where, fix=wrong.fix)
    if metric.replaced_by is not None:
        yield from _replaced(catalogue, metric, metric.replaced_by)


def _askings(catalogue: Catalogue, metric: Metric) -> Iterator[tuple[Key, ...]]:
    """Yield ways in which a metric may be asked for, one of which must do: by any period, or without where undated."""
    _, fields = parts_used(catalogue, metric)
    dated = all(
        catalogue.models[m].datasets[d].time is not None or any(j.target == d for j in catalogue.models[m].joins)
        for m, d, _ in fields
    )
    if dated:
        yield from ((Key(grain, grain=grain),) for grain in ("day", "week", "month", "quarter", "year"))
    else:
        yield ()


def _replaced(catalogue: Catalogue, metric: Metric, other: str) -> Iterator[FreeholdError]:
    try:
        catalogue.metric(other, within=metric.model)
    except FreeholdError as error:
        problem = f"`{metric.name}` is replaced by `{other}`. {error.problem}"
        yield FreeholdError(error.code, problem, where=metric.where, fix=error.fix)


def owner_of(estate: Estate, catalogue: Catalogue, metric: Metric) -> str:
    """Return the team that answers for a metric: the one it names, else that of the product whose rows it is over."""
    if owner := metric.words.get("owner"):
        return owner
    products = (source.rpartition(".")[0] for source in sources_of(catalogue, metric))
    teams = (estate.products[p].team for p in products if p in estate.products)
    return next((team for team in teams if team), "")
