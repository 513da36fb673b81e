"""Definitions that disagree: one name with two meanings, and one meaning with two names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlglot import exp

from freehold.foundation import FreeholdError
from freehold.metrics.catalogue import Catalogue
from freehold.metrics.explaining import dated_by
from freehold.metrics.expressions import parts_of
from freehold.metrics.fingerprint import definition_hash, parts_used
from freehold.metrics.model import Metric, Model
from freehold.metrics.paths import Place, place_of

_FILLING = {"total", "sum", "of", "the", "number", "num", "count", "cnt", "all"}


@dataclass(frozen=True, slots=True)
class Conflict:
    """Metrics that disagree, and how. `word` is the name they share, which may be a synonym of some."""

    kind: Literal["same name", "same word", "same meaning"]
    metrics: tuple[Metric, ...]
    word: str = ""


def conflicts(catalogue: Catalogue) -> Iterator[Conflict]:
    """Yield metrics that share a name and not a meaning, then those that share a word, then a meaning and not a name.

    All that share it are one conflict, however many there are.
    """
    found = list(catalogue.metrics())
    meant = _by_meaning(catalogue, found)
    told: set[frozenset[str]] = set()
    for word, sharing in _grouped((m.name, m) for m in found):
        if _disagree(sharing, meant):
            told.add(frozenset(m.id for m in sharing))
            yield Conflict("same name", sharing, word)
    spoken = _grouped((_plain(word), m) for m in found for word in (m.name, *m.synonyms))
    for word, sharing in spoken:
        ids = frozenset(m.id for m in sharing)
        if word and _disagree(sharing, meant) and ids not in told and len({m.name for m in sharing}) > 1:
            told.add(ids)
            yield Conflict("same word", sharing, _as_written(word, sharing[0]))
    for _, sharing in _grouped((str(meant[m.id]), m) for m in found):
        kept = tuple(m for m in sharing if not _is_replaced(m, sharing))
        if len({m.name for m in kept}) > 1:
            yield Conflict("same meaning", kept)


def _by_meaning(catalogue: Catalogue, found: Sequence[Metric]) -> dict[str, int]:
    """Return a number for each metric, the same for those that are known to compute the same."""
    numbers: dict[str, int] = {}
    meant = {}
    for metric in found:
        texts = (meaning(catalogue, metric), definition_hash(catalogue, metric))
        number = next((numbers[text] for text in texts if text in numbers), len(numbers))
        numbers |= dict.fromkeys(texts, number)
        meant[metric.id] = number
    return meant


def _grouped(said: Iterable[tuple[str, Metric]]) -> list[tuple[str, tuple[Metric, ...]]]:
    groups: dict[str, dict[str, Metric]] = {}
    for word, metric in said:
        groups.setdefault(word, {})[metric.id] = metric
    return [(word, tuple(group.values())) for word, group in groups.items() if len(group) > 1]


def _disagree(sharing: Iterable[Metric], meant: Mapping[str, int]) -> bool:
    return len({meant[m.id] for m in sharing}) > 1


def _is_replaced(metric: Metric, others: Iterable[Metric]) -> bool:
    """Whether a metric is on its way out in favour of another one: that is how a conflict ends."""
    names = {name for other in others if other is not metric for name in (other.name, other.id)}
    return metric.status == "deprecated" and metric.replaced_by in names


def _as_written(word: str, metric: Metric) -> str:
    """Return the name or synonym of a metric that is compared as a word."""
    return next(w for w in (metric.name, *metric.synonyms) if _plain(w) == word)


def _plain(name: str) -> str:
    """Return a name as it is compared: `total_revenue` and `Revenue` are one word, `net_revenue` is another."""
    words = [w for w in re.split(r"[^a-z0-9]+", name.lower()) if w]
    kept = [w for w in words if w not in _FILLING]
    return " ".join(kept or words)


def meaning(catalogue: Catalogue, metric: Metric, trail: tuple[str, ...] = ()) -> str:
    """Return what a metric computes without any of the names it gives: equal texts, equal numbers.

    Metrics that differ in text may still be equal; those that are equal in text are.
    """
    model = catalogue.models[metric.model]
    parts = [_meant(catalogue, model, metric.expression, (*trail, metric.id))]
    if metric.filter is not None:
        parts.append("where " + _meant(catalogue, model, metric.filter, (*trail, metric.id)))
    if metric.spans:
        parts.append(f"over {metric.window} {metric.to_date} {metric.is_cumulative} {model.calendar}")
    if metric.fill is not None:
        parts.append(f"fill {metric.fill}")
    if metric.snapshot is not None:
        parts.append(repr(metric.snapshot))
    if metric.conversion is not None:
        c = metric.conversion
        sides = (_meant(catalogue, model, side, trail) for side in (c.base, c.converted))
        parts.append(" followed by ".join(sides) + f" {c.entity} {c.within} {c.count}")
    if not trail:
        parts += sorted({f"dated by {t}" for t in _times(catalogue, metric)})
    return parts[0] if len(parts) == 1 else f"({' '.join(parts)})"


def _times(catalogue: Catalogue, metric: Metric) -> Iterator[str]:
    """Yield what dates the rows of a metric: by another clock it is another number in every period."""
    for model, dataset, _ in parts_used(catalogue, metric)[1]:
        dated = dated_by(catalogue.models[model], dataset)
        if dated:
            way = " ".join(".".join(one) for one in dated)
            yield f"{way} {catalogue.models[model].calendar.zone}"


def _meant(catalogue: Catalogue, model: Model, tree: exp.Expr, trail: tuple[str, ...]) -> str:
    copied = exp.Paren(this=tree.copy())
    for column in list(copied.find_all(exp.Column)):
        column.replace(_column_meant(catalogue, model, column, trail))
    for paren in list(copied.find_all(exp.Paren)):
        if isinstance(paren.parent, exp.AggFunc):
            paren.replace(paren.this)
    return str(copied.this.sql(normalize_functions="upper"))


def _column_meant(catalogue: Catalogue, model: Model, column: exp.Column, trail: tuple[str, ...]) -> exp.Expr:
    parts = parts_of(column)
    if isinstance(column.this, exp.Star):
        return _name(f"{model.datasets[parts[0]].source}.*" if parts[0] in model.datasets else "*")
    if len(parts) == 1 or parts[0] not in model.datasets:
        try:
            other = catalogue.metric(".".join(parts), within=model.name)
        except FreeholdError:
            pass  # a field by its bare name, or by a role
        else:
            return _name(other.id if other.id in trail else meaning(catalogue, other, trail))
    for fact in dict.fromkeys((parts[0], *model.datasets)):
        if fact in model.datasets:
            try:
                return _told(model, place_of(model, fact, parts))
            except FreeholdError:
                continue  # not seen from there
    return _name(".".join(parts))


def _told(model: Model, place: Place) -> exp.Expr:
    """Return a field as what it is computed from, by the names of the source, and the way that leads to it."""
    source = model.datasets[place.dataset].source
    over = "/".join(f"{','.join(j.columns)}={','.join(j.target_columns)}" for j in place.path)
    head = f"{over}:{source}" if over else source
    if place.field.expression is None:
        return _name(f"{head}.{place.field.column or place.field.name}")
    copied = exp.Paren(this=place.field.expression.copy())
    for column in list(copied.find_all(exp.Column)):
        column.replace(_name(f"{head}.{column.name}"))
    return copied


def _name(text: str) -> exp.Expr:
    return exp.to_identifier(text, quoted=True)
