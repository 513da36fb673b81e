"""What is scheduled in an estate: each schedule with the assets it runs, what it reads of others, and its calendar."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from freehold.delivery.asset import Asset, Kind
from freehold.delivery.graph import Graph
from freehold.estate.calendars import Days, days_of
from freehold.estate.model import Estate, Product, SchemaObject
from freehold.estate.schedules import Schedule, next_due, schedule_from
from freehold.foundation import FreeholdError, Where

PROPERTY = "freehold:schedule"
_BEGIN = datetime(2024, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A product, or one asset, that runs by itself.

    Attributes:
        subject: the id of the product or asset.
        product: the id of the product.
        schedule: when it runs.
        days: of its calendar, None without one.
        assets: what it runs, each after what it reads.
        reads: what those read of others, directly.
        sources: those of the assets that are files.
        above: the subjects that run first where both are due.
    """

    subject: str
    product: str
    schedule: Schedule
    days: Days | None = None
    assets: tuple[str, ...] = ()
    reads: frozenset[str] = frozenset()
    sources: tuple[str, ...] = ()
    above: frozenset[str] = frozenset()


def board_of(estate: Estate, graph: Graph) -> tuple[Scheduled, ...]:
    """Return everything that is scheduled, each after what it reads.

    The schedule of a product runs its assets that have none of their own; that of an asset runs the asset with what it
    reads of its product that has none of its own.
    """
    own = {a.id for a in graph.assets.values() if _said(a) is not None}
    return _in_order(list(_all(estate, graph, own)), graph)


def schedule_findings(estate: Estate, graph: Graph) -> tuple[FreeholdError, ...]:
    """Return what is wrong with schedules once it is known what reads what: FH-V116."""
    board = {one.subject: one for one in board_of(estate, graph)}
    said = [
        (p.id, p.custom_where.get(PROPERTY, p.where), p.mode) for p in estate.products.values() if PROPERTY in p.custom
    ]
    for asset in graph.assets.values():
        if asset.schema is not None and _said(asset) is not None:
            where = asset.schema.custom_where.get(PROPERTY, asset.schema.where)
            said.append((asset.id, where, asset.product.mode))
    found: list[FreeholdError] = []
    for subject, where, mode in said:
        one = board.get(subject)
        if mode != "publish":
            fix = "Set `freehold:mode` to publish, or take the schedule away."
            found.append(_never(subject, where, f"it is in mode {mode}, so others build it", fix))
        elif one is None:
            fix = "Take the schedule of the product away: its assets have schedules of their own, or it has none."
            found.append(_never(subject, where, "nothing is left for it to run", fix))
        else:
            found += _idle(one, where)
    return tuple(found)


def _place(part: Product | SchemaObject) -> Where:
    return part.custom_where.get(PROPERTY, part.where)


def _idle(one: Scheduled, where: Where) -> Iterator[FreeholdError]:
    schedule = one.schedule
    if schedule.after_upstream and not one.reads:
        yield _never(
            one.subject,
            where,
            "it says `after: upstream` and reads nothing of another product",
            "Use `cron` or `on: file`.",
        )
    if schedule.on_file and not one.sources:
        yield _never(
            one.subject,
            where,
            "it says `on: file`, and none of what it runs is a file",
            "Use `cron` or `after: upstream`.",
        )
    if schedule.cron and next_due(schedule, one.days, _BEGIN) is None:
        why = f"no time of `{schedule.cron}` is on a day worked in `{schedule.calendar}` within five years"
        yield _never(one.subject, where, why, "Choose other days, or another calendar.")


def _never(subject: str, where: Where, why: str, fix: str) -> FreeholdError:
    return FreeholdError("FH-V116", f"The schedule of `{subject}` waits in vain: {why}.", where=where, fix=fix)


def _said(asset: Asset) -> Mapping[str, Any] | None:
    said = asset.schema.custom.get(PROPERTY) if asset.schema else None
    return said if isinstance(said, Mapping) else None


def _all(estate: Estate, graph: Graph, own: set[str]) -> Iterator[Scheduled]:
    built = [a for a in graph.assets.values() if a.product.mode == "publish" and a.kind is not Kind.EXTERNAL]
    for product in estate.products.values():
        said = product.custom.get(PROPERTY)
        assets = [a for a in built if a.product.id == product.id and a.id not in own]
        if isinstance(said, Mapping) and assets:
            yield _scheduled(estate, graph, product.id, said, _place(product), assets)
    for asset in built:
        said = _said(asset)
        if said is not None and asset.schema is not None:
            above = graph.upstream([asset.id])
            beside = [a for a in built if a.id in above and a.product.id == asset.product.id and a.id not in own]
            ordered = [a for a in built if a in beside or a.id == asset.id]
            yield _scheduled(
                estate, graph, asset.id, said, asset.schema.custom_where.get(PROPERTY, asset.schema.where), ordered
            )


def _scheduled(
    estate: Estate, graph: Graph, subject: str, said: Mapping[str, Any], where: Where, assets: list[Asset]
) -> Scheduled:
    schedule = schedule_from(said, where, str(estate.defaults.get("timezone", "UTC")))
    calendar = estate.calendars.get(schedule.calendar)
    names = tuple(a.id for a in assets)
    product = assets[-1].product.id
    return Scheduled(
        subject=subject,
        product=product,
        schedule=schedule,
        days=days_of(calendar) if calendar else None,
        assets=names,
        reads=frozenset(n for a in assets for n in a.inputs if graph.assets[n].product.id != product),
        sources=tuple(a.id for a in assets if a.kind is Kind.SOURCE and a.files is not None),
    )


def _in_order(found: list[Scheduled], graph: Graph) -> tuple[Scheduled, ...]:
    """Return schedules so that each comes after those it reads, and knows them; of a circle one has to begin."""
    runs: dict[str, set[str]] = {}
    for one in found:
        for name in one.assets:
            runs.setdefault(name, set()).add(one.subject)
    reads = {
        one.subject: {s for name in graph.upstream(one.assets).difference(one.assets) for s in runs.get(name, ())}
        for one in found
    }
    place = {name: index for index, name in enumerate(graph.assets)}
    left = {one.subject: one for one in sorted(found, key=lambda one: (place[one.assets[0]], one.subject))}
    ordered: list[Scheduled] = []
    while left:
        free = (one for subject, one in left.items() if not (reads[subject] - {subject}) & left.keys())
        chosen = next(free, next(iter(left.values())))
        del left[chosen.subject]
        ordered.append(
            replace(chosen, above=frozenset(o.subject for o in ordered if o.subject in reads[chosen.subject]))
        )
    return tuple(ordered)
