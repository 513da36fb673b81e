"""Mitigating: readers are kept from what is wrong before it is mended, in one step each, and the incident remembers it.

What was done already since the incident began is not done again: after a crash between the deed and its record, the
next attempt only records.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from freehold.foundation import Exit, FreeholdError, near
from freehold.ledger.event import Event
from freehold.metrics.paths import listed
from freehold.reliability.incidents.freezing import freezing, frozen, thawing
from freehold.reliability.incidents.gathering import alerts_of

if TYPE_CHECKING:
    from freehold.delivery import Delivery
    from freehold.ledger import Ledger, Recorded
    from freehold.reliability.incidents.incident import Incident

MITIGATED = "incident.mitigated"
_NOT_WRONG = ("expected", "false")  # of an alert: what it was of was right


@dataclass(frozen=True, slots=True)
class Done:
    """What a mitigation came to: its kind, the product or metric, the assets it touched, and words on it.

    `left` are assets of other products that hold what was built from what was taken back.
    """

    kind: str
    target: str
    assets: tuple[str, ...] = ()
    to: str = ""
    is_new: bool = True
    left: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {
            "kind": self.kind, "target": self.target, "assets": list(self.assets), "to": self.to or None,
            "is_new": self.is_new, "left": list(self.left),
        }  # fmt: skip


def roll_back(incident: Incident, delivery: Delivery, product: str = "", why: str = "") -> Done:
    """Take the product of an incident back to the deployment before it began, and remember that.

    Where nothing that was published since is live, it goes back by one deployment; see `Delivery.rollback`.

    Raises:
        FreeholdError: FH-E351 it is over; FH-E352 it is of no product, and none is named; FH-E366 it is of others;
            FH-D201, FH-D202.
    """
    product = _target(incident, product)
    taken = _taken_back_since(incident, delivery, product)
    if taken is None:
        back = delivery.rollback(product, why or f"Mitigates {incident.id}.", incident.began_at)
        touched = tuple(move.asset for move in back.moves)
        done = Done("rollback", product, touched, back.to_deployment, left=back.left)
        deploy = back.from_deployment
    else:
        said = taken.data
        done = Done("rollback", product, tuple(map(str, said.get("assets") or ())), str(said.get("to") or ""), False)
        deploy = str(said["deploy_id"])
    _record(delivery.ledger, incident, done, deploy)
    return done


def quarantine(incident: Incident, delivery: Delivery, product: str = "") -> Done:
    """Keep what is live of a product as it is: runs build and judge, and publish nothing until somebody lets them.

    Raises:
        FreeholdError: FH-E351 it is over; FH-E352 it is of no product, and none is named; FH-E366 it is of others;
            FH-D201.
    """
    product = _target(incident, product)
    kept = delivery.pin(product)
    done = Done("quarantine", product, kept, is_new=bool(kept))
    _record(delivery.ledger, incident, done)
    return done


def freeze(
    incident: Incident, ledger: Ledger, metric: str, known: tuple[str, ...], since: date | None = None, note: str = ""
) -> Done:
    """Say wherever a metric is read that it is not to be relied on, from the first day that is wrong on.

    Args:
        incident: of which it is part.
        ledger: where it is recorded; whoever opened it is who freezes.
        metric: its id, such as `sales.revenue`.
        known: the ids of all metrics.
        since: the first day that is wrong; default: the first day of the data that the evidence of its alerts judged,
            and where no evidence tells that, the day on which the incident began.
        note: what readers are told besides.

    Raises:
        FreeholdError: FH-E351 it is over; FH-E353 there is no such metric; FH-E401 the day is yet to come.

    Frozen again, what is said now counts: another day, other words.
    """
    _expect_open(incident)
    expect_metric(metric, known)
    today = ledger.clock.now().date()
    if since is not None and since > today + timedelta(days=1):  # it may be tomorrow already where the data is from
        raise FreeholdError(
            "FH-E401", f"Nothing is wrong yet on {since}, a day to come.", exit_code=Exit.USAGE,
            fix=f"Say the first day that is wrong; today is {today}.",
        )  # fmt: skip
    there = frozen(ledger).get(metric)
    mine = there if there is not None and there.incident == incident.id else None
    day = since or (mine.since if mine else _first_wrong(incident, ledger))
    words = note or (mine.note if mine else "")
    done = Done("freeze", metric, is_new=mine is None or (day, words) != (mine.since, mine.note))
    if done.is_new:
        ledger.append(freezing(ledger, metric, day, incident.id, words))
    _record(ledger, incident, done)
    return done


def _first_wrong(incident: Incident, ledger: Ledger) -> date:
    """Return the first day of data that is wrong: what an alert stands on says of which interval it is.

    An alert that was raised again stands on newer evidence: what it stood on before counts, too.
    """
    days = [
        date.fromisoformat(str(start)[: len("2011-03-07")])
        for alert in alerts_of(ledger, incident)
        if alert.verdict not in _NOT_WRONG
        for raised in ledger.read(types=("alert.raised",), subject=alert.asset)
        if raised.data["alert_id"] == alert.id
        if (evidence := ledger.get(str(raised.data.get("evidence") or ""))) is not None
        if (start := evidence.data.get("interval_start"))
    ]
    return min(days, default=incident.began_at.date())


def expect_metric(metric: str, known: Collection[str]) -> None:
    """Refuse a metric that there is not.

    Raises:
        FreeholdError: FH-E353 it is none of those that are known.
    """
    if metric not in known:
        fix = near(metric, known) or "`freehold metrics list` has those there are."
        raise FreeholdError("FH-E353", f"There is no metric `{metric}`.", fix=fix, exit_code=Exit.USAGE)


def unfreeze_of(incident: Incident, ledger: Ledger, metric: str) -> Done:
    """Take back that a metric is not to be relied on.

    Raises:
        FreeholdError: FH-E357 it is not frozen.
    """
    there = frozen(ledger)
    if metric not in there:
        fix = near(metric, there) or "No metric is frozen." if not there else f"Frozen are: {', '.join(there)}."
        raise FreeholdError("FH-E357", f"`{metric}` is not frozen.", fix=fix, exit_code=Exit.USAGE)
    ledger.append(thawing(metric, incident.id))
    return Done("unfreeze", metric)


def _target(incident: Incident, product: str) -> str:
    _expect_open(incident)
    if not (product or incident.product):
        problem = f"`{incident.id}` is of no product."
        raise FreeholdError("FH-E352", problem, fix="Name one: `--product PRODUCT`.", exit_code=Exit.USAGE)
    known = _concerned(incident)
    if product and known and product not in known:
        fix = near(product, known) or f"It is of {listed(known, 'and')}."
        raise FreeholdError("FH-E366", f"`{incident.id}` is not of `{product}`.", fix=fix, exit_code=Exit.USAGE)
    return product or incident.product


def _concerned(incident: Incident) -> tuple[str, ...]:
    """Return the products that an incident is of: of what is wrong, of what it reaches, of what may have done it."""
    suspected = (str(one["asset"]) for one in incident.suspects)
    assets = (incident.root, *incident.assets, *incident.reached, *suspected)
    return tuple(sorted({incident.product, *(name.rpartition(".")[0] for name in assets)} - {""}))


def _expect_open(incident: Incident) -> None:
    if not incident.is_open:
        problem = f"`{incident.id}` is {incident.state}: there is nothing to mitigate."
        raise FreeholdError("FH-E351", problem, fix="`freehold incidents list` has those that are open.",
                            exit_code=Exit.USAGE)  # fmt: skip


def _taken_back_since(incident: Incident, delivery: Delivery, product: str) -> Recorded | None:
    """Return a rollback of a product since an incident was detected that stands, and that no mitigation tells of yet.

    It stands as long as nothing of the product was published after it, and it went back to before the incident began.
    """
    recorded = {one.deploy for one in incident.mitigations}
    of: dict[str, Any] = {"env": delivery.env, "product": product}
    found = delivery.ledger.read(types=("deploy.rolled_back",), since=incident.detected_at, newest_first=True, **of)
    last = next((event for event in found if str(event.data.get("deploy_id")) not in recorded), None)
    if last is None or any(delivery.ledger.read(types=("asset.published",), after=last.seq, limit=1, **of)):
        return None
    came = delivery.ledger.read(types=("asset.published",), since=incident.began_at, **of)
    return None if any(event.data["deployment"] == last.data.get("to") for event in came) else last


def _record(ledger: Ledger, incident: Incident, done: Done, deploy: str = "") -> None:
    """Record a mitigation, once however often it is asked for."""
    known = {(one.kind, one.target, one.deploy) for one in incident.mitigations}
    if (done.kind, done.target, deploy) in known:
        return
    said = {"incident": incident.id, "kind": done.kind, "target": done.target, "deploy_id": deploy or None,
            "to": done.to or None}  # fmt: skip
    ledger.append(Event(MITIGATED, said, subject=incident.id, product=incident.product, correlation_id=incident.id))
