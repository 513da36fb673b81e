"""Taking a change back by itself, when what it made live fails its contract soon after: as its tier says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from freehold.delivery.arrival import duration
from freehold.foundation import FreeholdError
from freehold.quality import Evaluation

if TYPE_CHECKING:
    from freehold.delivery.rollback import Return
    from freehold.delivery.service import Delivery


def take_back(delivery: Delivery, judged: Mapping[str, Evaluation]) -> tuple[Return, ...]:
    """Roll back each product of which something live fails a check that would have kept it from being published.

    Only where its tier is watched (`defaults.tiers.<n>.watch`), and only while what is live came with a change of the
    estate that is younger than that: bad data alone is no reason to take a change back. New data of the same change
    renews nothing.

    Args:
        delivery: the environment.
        judged: what is live, by asset, as it was just judged.
    """
    failing = {name: [r.check.id for r in e.results if r.blocks] for name, e in judged.items()}
    assets = [delivery.graph.assets[name] for name, checks in failing.items() if checks]
    taken: list[Return] = []
    for product in dict.fromkeys(a.product.id for a in assets):
        mine = [a for a in assets if a.product.id == product]
        watch = delivery.estate.defaults.get("tiers", {}).get(mine[0].product.tier, {}).get("watch")
        if watch is None or not _is_of_a_young_change(delivery, [a.id for a in mine], str(watch)):
            continue
        checks = sorted(check for a in mine for check in failing[a.id])
        try:
            taken.append(delivery.rollback(product, f"Taken back by itself: {', '.join(checks)} failed."))
        except FreeholdError as error:
            if error.code != "FH-D202":  # a first deployment has nothing before it: it stays, and is told as bad
                raise
    return tuple(taken)


def _is_of_a_young_change(delivery: Delivery, assets: list[str], watch: str) -> bool:
    since = delivery.clock.now() - duration(watch)
    with delivery.reading() as session:
        live = delivery.publication.live(session)
    ids = {live[name].deployment for name in assets if name in live and not live[name].pinned}
    told = delivery.ledger.read(types=("deploy.completed",), env=delivery.env, since=since)
    return any(e.data["deploy_id"] in ids and e.data.get("change_ids") for e in told)
