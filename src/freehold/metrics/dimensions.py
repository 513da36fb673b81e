"""What metrics can be asked by: the fields that every fact of them has or leads to without counting a row twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from freehold.metrics.catalogue import Catalogue
from freehold.metrics.facts import facts_of
from freehold.metrics.model import Field, Metric
from freehold.metrics.paths import Path, reachable

_FEW = ("String", "Boolean", "")  # types whose values are likely few enough to be worth telling apart


@dataclass(frozen=True, slots=True)
class Dimension:
    """A field by which metrics can be asked, under the dotted name that a question has for it."""

    name: str
    label: str
    type: str
    description: str = ""
    is_of_few: bool = True  # whether it is a text or a truth that tells rows apart, and no key of them


def dimensions_of(catalogue: Catalogue, metrics: Sequence[Metric]) -> tuple[Dimension, ...]:
    """Return what all of some metrics can be asked by, fields of likely few values first; the times of rows last."""
    sides = [{one.name: one for one in _of(catalogue, metric)} for metric in metrics]
    common = [one for name, one in sides[0].items() if all(name in side for side in sides[1:])] if sides else []
    return tuple(sorted(common, key=lambda one: (not one.is_of_few, one.type.startswith(("Date", "Time")))))


def _of(catalogue: Catalogue, metric: Metric) -> Iterator[Dimension]:
    model = catalogue.models[metric.model]
    within = [reachable(model, fact) for fact in facts_of(catalogue, metric)]
    for target, paths in within[0].items() if within else ():
        keyed = {column for key in model.datasets[target].keys for column in key}
        for head in dict.fromkeys(path[-1].name if path else target for path in paths):
            if all(head in _heads(other, target) for other in within[1:]):
                for field in model.datasets[target].fields.values():
                    yield _dimension(f"{head}.{field.name}", field, is_key=field.name in keyed)


def _heads(within: Mapping[str, Sequence[Path]], target: str) -> set[str]:
    return {path[-1].name if path else target for path in within.get(target, ())}


def _dimension(name: str, field: Field, *, is_key: bool) -> Dimension:
    is_of_few = field.type in _FEW and not is_key and not field.is_time
    return Dimension(name, field.label or field.name.replace("_", " "), field.type, field.description, is_of_few)
