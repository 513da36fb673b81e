"""Judging what is live: when somebody asks, and when a contract now asks more than what let the live rows through.

Nothing is taken away from consumers by such a verdict: no earlier version was judged by today's checks either. It is
recorded, and `status` says so until a later judgement of what is live takes it back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from freehold.delivery.asset import Asset, Kind
from freehold.delivery.audit import by_contract
from freehold.delivery.evidence import Evidence
from freehold.delivery.overlay import Overlay, fingerprint
from freehold.delivery.release import Live
from freehold.delivery.samples import keep_sample
from freehold.engines import Session
from freehold.ledger import Recorded
from freehold.quality import Evaluation, Verdict

if TYPE_CHECKING:
    from freehold.delivery.service import Delivery
    from freehold.ledger import Ledger

_KEPT = "judged-live"
_LOOKED_BACK = 6  # how many judgements of an asset are read for the newest verdict on each of its checks
_BAD = (Verdict.FAIL, Verdict.ERROR)


def judge(
    delivery: Delivery, session: Session, overlay: Overlay, assets: Iterable[Asset], *, remember: bool = True
) -> dict[str, Evaluation]:
    """Judge everything that is live of assets; return an evaluation by asset that is there, and remember it."""
    now = delivery.clock.now()
    there = [a for a in assets if _is_there(session, a, overlay)]
    found = {a.id: delivery.auditor.standing(session, a, overlay, now) for a in there}
    if remember and found:
        _remember(delivery, session, overlay.live, {a.id: a for a in there}, found)
    return found


def judge_anew(
    delivery: Delivery, session: Session, live: Mapping[str, Live], selected: Collection[str]
) -> dict[str, Evaluation]:
    """Judge what is live again where today's checks never did, or where it failed and has changed since."""
    known_here = delivery.graph.assets
    assets = [known_here[name] for name in live if name in known_here and name in selected]
    assets = [asset for asset in assets if asset.kind is not Kind.FROZEN]  # nobody judges what no run can mend
    kept = _kept(delivery)
    again = []
    for asset in assets:
        entry, wanted = live[asset.id], by_contract(delivery.auditor.fingerprint(asset)) or ""
        known = kept.get(asset.id, {})
        otherwise = any(by_contract(m.audit) != wanted for m in entry.members) and known.get("by") != _by(entry, wanted)
        if otherwise or (known.get("bad") and known["of"] != _of(entry, wanted)):
            again.append(asset)
    if not again:
        return {}
    return judge(delivery, session, delivery.overlay(session), again)


def verdicts(delivery: Delivery, asset: Asset, entry: Live | None) -> tuple[dict[str, int], int]:
    """Count the verdicts that hold for what is live, and those among them that would block a publication."""
    newest = standing_verdicts(delivery.ledger, delivery.env, asset.id, delivery.auditor.judged(asset), entry)
    bad = sum(e.data["status"] in _BAD and bool(e.data["blocking"]) for e in newest.values())
    return dict(Counter(str(e.data["status"]) for e in newest.values())), bad


def standing_verdicts(
    ledger: Ledger, env: str, asset: str, known: Collection[str], entry: Live | None
) -> dict[str, Recorded]:
    """Return the verdict that holds for what is live of an asset, of each of the checks that are known, by check.

    Of each check the newest counts, and a bad one over all that is live until another such judgement takes it back.
    After a rollback that is what let the version through that is live again.
    """
    read = partial(ledger.read, types=("check.completed",), subject=asset, env=env, newest_first=True)
    most = _LOOKED_BACK * len(known) or 1
    told = list(read(limit=most))
    newest = _newest((e for e in told if _is_of(e, entry)), known)
    if entry and len(told) == most:  # there is more; what is live may have been judged before what was taken back
        for run in _runs_of(entry)[:_LOOKED_BACK]:
            if missing := set(known) - newest.keys():
                newest |= _newest((e for e in read(run_id=run) if _is_of(e, entry)), missing)
    of_all = _newest((e for e in told if e.data.get("target") == "live"), known)
    return newest | {check: event for check, event in of_all.items() if event.data["status"] in _BAD}


def _newest(told: Iterable[Recorded], wanted: Collection[str]) -> dict[str, Recorded]:
    """Return the first event of each check that is wanted, by check; no more is read once all are there."""
    found: dict[str, Recorded] = {}
    for event in told:
        check = str(event.data["check_id"])
        if check in wanted:
            found.setdefault(check, event)
        if len(found) == len(wanted):
            break
    return found


def _is_of(event: Recorded, entry: Live | None) -> bool:
    """Whether a verdict is one on what is live: on all of it, on a part of it, or on the deployment that made it."""
    if event.data.get("target") == "live":
        return True
    if entry is None:
        return False
    return event.correlation_id == entry.deployment or event.data.get("candidate") in {str(m.id) for m in entry.members}


def _runs_of(entry: Live) -> list[str]:
    """Return the runs that built what is live, the newest first."""
    return list(dict.fromkeys(m.run_id for m in sorted(entry.members, key=lambda m: -m.id)))


def _remember(
    delivery: Delivery,
    session: Session,
    live: Mapping[str, Live],
    assets: Mapping[str, Asset],
    found: Mapping[str, Evaluation],
) -> None:
    suite = delivery.ids.new()
    evidence = Evidence(delivery.env, suite, suite, delivery.clock.now())
    told = []
    for name, evaluation in found.items():
        for result in evaluation.results:
            sample = keep_sample(delivery.ledger, session, result)
            told.append(evidence.check(result, assets[name].product.id, None, sample, target="live"))
    delivery.ledger.append(*told)
    kept = _kept(delivery)
    for name, evaluation in found.items():
        entry = live.get(name)
        if entry is not None:
            bad = any(r.blocks for r in evaluation.results)
            wanted = by_contract(delivery.auditor.fingerprint(assets[name])) or ""
            kept[name] = {"by": _by(entry, wanted), "of": _of(entry, wanted), "bad": bad}
    delivery.ledger.state.put(_KEPT, delivery.env, kept)


def _kept(delivery: Delivery) -> dict[str, Any]:
    return dict(delivery.ledger.state.get(_KEPT, delivery.env) or {})


def _by(entry: Live, wanted: str) -> str:
    """Return what stands for a judgement by these checks of the rows that other checks had let through."""
    return fingerprint(wanted, *sorted(str(m.id) for m in entry.members if by_contract(m.audit) != wanted))


def _of(entry: Live, wanted: str) -> str:
    """Return what stands for a judgement by these checks of just these rows."""
    return fingerprint(wanted, *sorted(str(m.id) for m in entry.members))


def _is_there(session: Session, asset: Asset, overlay: Overlay) -> bool:
    if asset.kind is Kind.EXTERNAL:
        return bool(session.describe(asset.relation))
    if asset.kind is Kind.FROZEN:
        return False
    return bool(overlay.standing(asset.id))
