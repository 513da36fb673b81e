"""Taking away what nobody needs: tables that nothing can reach, and assets whose time is over."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, date
from typing import TYPE_CHECKING

from freehold.delivery.evidence import Evidence, packed
from freehold.delivery.garbage import Garbage, garbage
from freehold.delivery.graph import default_environment, relation_of
from freehold.delivery.release import Live
from freehold.engines import Relation, Session
from freehold.estate.model import EarlierVersion

if TYPE_CHECKING:
    from freehold.delivery.service import Delivery


def garbage_of(delivery: Delivery, session: Session, keep: int) -> Garbage:
    """Return what nothing can reach, when `keep` releases of every asset can be gone back to."""
    candidates, members = delivery.publication.everything(session)
    releases = delivery.publication.releases(session, everywhere=True)
    return garbage(candidates, members, releases, delivery.open_candidates(session), delivery.clock.now(), keep)


def collect(delivery: Delivery, session: Session, token: int, keep: int) -> Garbage:
    """Drop what nothing can reach any more; return what went."""
    gone = garbage_of(delivery, session, keep)
    if not gone.candidates and not gone.releases:
        return gone
    id_ = delivery.ids.new()
    told = Evidence(delivery.env, "", id_, delivery.clock.now()).collected(gone.tables, gone.batches, gone.rows)
    if not delivery.publication.drop(session, gone, token, id_, packed([told])):
        return Garbage()
    delivery.ledger.append(told)
    delivery.publication.sent(session)
    for table in gone.tables:
        delivery.columns.pop(table, None)
    return gone


def retired(delivery: Delivery, live: Mapping[str, Live]) -> dict[str, Relation]:
    """Return what consumers can still read though no file builds it any more and nobody promises it."""
    assets = delivery.graph.assets
    return {name: _relation(delivery, name) for name in sorted(live) if name not in assets and live[name].is_shown}


def earlier_versions(delivery: Delivery, live: Mapping[str, Live]) -> dict[str, EarlierVersion]:
    """Return the earlier versions of outputs that can be read beside the version of today."""
    return {name: one for name, one in delivery.estate.earlier.items() if name in live and live[name].is_shown}


def ended(versions: Mapping[str, EarlierVersion], today: date) -> dict[str, EarlierVersion]:
    """Return those of earlier versions whose last day is over."""
    return {name: one for name, one in versions.items() if one.until < today}


def retire(delivery: Delivery, versions: Collection[str], stays: Collection[str] = ()) -> dict[str, Relation]:
    """Take from consumers, for good, what no file builds any more, and earlier versions whose last day is over.

    Args:
        delivery: the environment.
        versions: the earlier versions that may go; one whose last day is to come stays all the same.
        stays: what is left where it is, though no file builds it.
    """
    with delivery.writing() as (session, token):
        live = delivery.publication.live(session)
        today = delivery.clock.now().astimezone(UTC).date()
        over = ended(earlier_versions(delivery, live), today)
        left = {n: relation for n, relation in retired(delivery, live).items() if n not in stays}
        gone = left | {n: _relation(delivery, n) for n in over if n in versions}
        if gone:
            id_ = delivery.ids.new()
            evidence = Evidence(delivery.env, "", id_, delivery.clock.now())
            told = evidence.collected([str(v) for v in gone.values()], {}, 0, assets=gone)
            delivery.publication.retire(session, gone, token, id_, packed([told]))
            delivery.ledger.append(told)
            delivery.publication.sent(session)
        return gone


def _relation(delivery: Delivery, asset: str) -> Relation:
    return relation_of(delivery.env, default_environment(delivery.estate), asset)
