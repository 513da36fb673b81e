"""Rollups as assets: a model that nobody wrote, built, checked, published and taken back like any other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from freehold.delivery.asset import NOT_BUILT, Asset, Kind
from freehold.delivery.template import REF, Compiled
from freehold.estate.model import Estate, Product
from freehold.foundation import FreeholdError, Problems

if TYPE_CHECKING:
    from sqlglot import exp

    from freehold.metrics.model import Dataset
    from freehold.metrics.rollups import Content


def declared_rollups(estate: Estate) -> dict[str, Content]:
    """Return what the rollups of an estate hold, by the asset each is built as.

    Raises:
        Problems: what is wrong with them, or with the models they stand in; FH-N606 a file lies in no product.
    """
    if not estate.semantic_models:
        return {}
    from freehold.metrics.rollups import rollups_of

    found = rollups_of(estate)
    homeless = [
        FreeholdError(
            "FH-N606", f"The rollup `{one.rollup.name}` stands in the folder of no product, so nothing would build it.",
            where=one.rollup.where, fix="Move the file into the `metrics` folder of a product.",
        )
        for one in found if not one.rollup.asset
    ]  # fmt: skip
    if homeless:
        raise Problems(homeless)
    return {one.rollup.asset: one for one in found}


def compiled_rollup(content: Content, product: Product, assets: Mapping[str, Asset], dialect: str) -> Compiled:
    """Return a rollup as a compiled model: the query of the metrics' own compiler over marks for what it reads.

    Raises:
        FreeholdError: FH-N605 it reads what no run of ours builds, so that nobody could tell when it is outdated;
            FH-N606 its name is taken; FH-N607 nothing of its product is built here.
    """
    from freehold.metrics import Catalogue, Scope
    from freehold.metrics.rollups import rollup_query

    _expect_own(content, product, assets)
    read = [table for name in content.datasets for table in content.model.datasets[name].tables]
    sources = tuple(dict.fromkeys(table.source for table in read))
    for source in sources:
        _expect_built(content, source, assets)
    text = rollup_query(Scope(Catalogue(), _marked, dialect), content).sql(dialect, comments=False)
    return Compiled(text, text, sources, _kept_by(content, assets))


def _marked(dataset: Dataset) -> exp.Table:
    from sqlglot import exp

    return exp.table_(exp.to_identifier(dataset.source, quoted=True), exp.to_identifier(REF, quoted=True))


def _kept_by(content: Content, assets: Mapping[str, Asset]) -> dict[str, str]:
    """Return how a rollup is kept: by the intervals of its fact, where nothing else it reads is cut by intervals.

    Its rows are then sums of one interval each, and are summed again when they are read. A dataset that is joined is
    read whole; were it cut as well, a row of the fact would find only what came on its own day. One of longer periods
    than the intervals, or of none, would have a row of each group for each interval: it is built whole.
    """
    from freehold.metrics.rollups import follows_from

    first, *joined = (content.model.datasets[name] for name in content.datasets)
    if any(dataset.query is not None for dataset in (first, *joined)):
        return {"materialized": "table"}  # a query may look at other days than its own
    fact, others = assets[first.source], [assets[dataset.source] for dataset in joined]
    is_fine = bool(content.grain) and follows_from(content.grain, fact.grain, content.model.calendar)
    if fact.by_interval and is_fine and not any(other.by_interval for other in others):
        return {"materialized": "incremental", "incremental_strategy": "microbatch", "batch_size": fact.grain}
    return {"materialized": "table"}


def _expect_own(content: Content, product: Product, assets: Mapping[str, Asset]) -> None:
    rollup = content.rollup
    if rollup.asset in assets:
        raise FreeholdError(
            "FH-N606", f"The rollup `{rollup.name}` would be built as `{rollup.asset}`, which is there already.",
            where=rollup.where, fix=f"Give it another name; the other stands at {assets[rollup.asset].where}.",
        )  # fmt: skip
    if product.mode != "publish":
        raise FreeholdError(
            "FH-N607", f"The rollup `{rollup.name}` belongs to `{product.id}`, of which nothing is built here.",
            where=rollup.where,
            fix=f"`{product.id}` is in mode {product.mode}: set it to publish, or take the rollup out.",
        )  # fmt: skip


def _expect_built(content: Content, source: str, assets: Mapping[str, Asset]) -> None:
    found = assets.get(source)
    if found is not None and found.kind not in NOT_BUILT:
        return
    why = "others build" if found is not None and found.kind is Kind.EXTERNAL else "no run builds"
    raise FreeholdError(
        "FH-N605",
        f"The rollup `{content.rollup.name}` would read `{source}`, which {why}: nobody could tell when it changes.",
        where=content.rollup.where, fix="Have a product build what it reads, or take the rollup out.",
    )  # fmt: skip
