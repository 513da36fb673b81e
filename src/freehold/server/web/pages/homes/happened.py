"""What happened since an instant, in five lines: promises, incidents, changes, what people asked, KPIs that crossed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from freehold.foundation.words import counted
from freehold.insight.telling import said
from freehold.server.web.figures import in_period, target_of
from freehold.server.web.model import Line, Mark, joined
from freehold.server.web.pages.homes.spans import Span
from freehold.server.web.showing import Asked

if TYPE_CHECKING:
    from freehold.delivery.deployments import Deployment
    from freehold.ledger import Recorded
    from freehold.server.reckoning import Figure

_BROKEN = ("quarantined", "failed", "held")
_KINDS = {"quarantined": "failed their checks and were held back", "held": "waited for those"}
_TYPES = (
    "run.completed", "incident.opened", "incident.resolved", "change.merged", "work.created", "question.asked",
)  # fmt: skip


def lines_since(asked: Asked, span: Span, products: Collection[str]) -> tuple[Line, ...]:
    """Return what happened to some products since an instant, a line for each kind of thing."""
    key = ("happened", span.key, tuple(sorted(products)))
    kept = asked.snapshot._details
    if key not in kept:
        ledger = asked.served.snapshots.ledger
        events = [e for e in ledger.read(types=_TYPES, since=span.start) if not e.product or e.product in products]
        kept[key] = events
    events = kept[key]
    by_type: dict[str, list[Recorded]] = {}
    for event in events:
        by_type.setdefault(event.type, []).append(event)
    return (
        _promises(asked, by_type.get("run.completed", ())),
        _incidents(asked, by_type),
        _changes(changes_since(asked, span.start, products)),
        _asked_for(by_type),
        _crossings(asked),
    )


def changes_since(asked: Asked, start: datetime, products: Collection[str]) -> tuple[Deployment, ...]:
    """Return the deployments of changes and the rollbacks since an instant that touched some products."""
    return tuple(
        d
        for d in asked.snapshot.deployments
        if d.at >= start and d.kind != "data" and any(a.rpartition(".")[0] in products for a in d.assets)
    )


def crossed(figures: Iterable[Figure]) -> list[Figure]:
    """Return the KPIs that crossed a target with their last value, those that miss it now first."""
    return sorted((f for f in figures if f.has_crossed), key=lambda f: (not f.is_red, f.kpi.name))


def crossing(found: Figure) -> str:
    """Say how a KPI crossed its target, or stands to it."""
    value, before, unit = found.value, found.before, found.kpi.unit
    to = said(value.value, unit)
    moved = f"{to} {in_period(value.period)}"
    if before is not None and before.value is not None and value.value is not None:
        was, verb = said(before.value, unit), "fell" if value.value < before.value else "rose"
        moved = f"{verb} from {was} to {to} {in_period(value.period)}" if was != to else moved
    where = {True: "off its target of", False: "on its target of"}.get(bool(found.is_red), "")
    return f"{found.kpi.name} {moved if ' to ' in moved else 'is ' + moved}, {where} {target_of(found)}."


def _promises(asked: Asked, runs: Iterable[Recorded]) -> Line:
    """Say how many builds passed, and which products had some that did not."""
    mine = [e for e in runs if e.env in ("", asked.snapshot.env) and not e.data.get("due_at")]
    built = sum(e.data["status"] == "success" for e in mine)
    broken = [e for e in mine if e.data["status"] in _BROKEN]
    if broken:
        of = sorted({str(e.data["asset"]).rpartition(".")[0] for e in broken})
        kinds = Counter(str(e.data["status"]) for e in broken)
        told = joined([f"{n} {_KINDS.get(kind, kind)}" for kind, n in kinds.items()])
        href = f"/products/{of[0]}" if len(of) == 1 else "/deployments?kind=all"
        named = joined([asked.snapshot.product_name(product) for product in of])
        text = f"{told}, of {counted(built + len(broken), 'builds')}: {named}."
        return Line("Promises", Mark("bad", "broken"), text, href)
    if built:
        return Line("Promises", Mark("ok", "kept"), f"All {counted(built, 'builds')} passed.", "/deployments?kind=all")
    return Line("Promises", Mark("idle", "nothing"), "Nothing was built.")


def _incidents(asked: Asked, by_type: dict[str, list[Recorded]]) -> Line:
    opened, resolved = by_type.get("incident.opened", []), by_type.get("incident.resolved", [])
    if opened or resolved:
        mark = Mark("bad", "opened") if opened else Mark("ok", "resolved")
        text = f"{counted(len(opened), 'incidents')} opened, {len(resolved)} resolved."
        return Line("Incidents", mark, text, f"/events/{(opened or resolved)[-1].seq}")
    known = next(asked.served.snapshots.ledger.read(types=("incident.*",), limit=1), None)
    if known is None:
        return Line("Incidents", Mark("idle", "not instrumented"), "None was ever recorded.", "/kpis/time-to-restore")
    return Line("Incidents", Mark("ok", "none"), "None was opened.")


def _changes(found: Collection[Deployment]) -> Line:
    back = [d for d in found if d.kind == "rollback"]
    failed = [d for d in found if d.status == "failed"]
    if not found:
        return Line("Changes", Mark("idle", "nothing"), "Nothing was changed or taken back.")
    deployed = len(found) - len(back) - len(failed)
    parts = [f"{counted(deployed, 'changes')} deployed"] if deployed else []
    parts += [f"{len(back)} taken back"] if back else []
    parts += [f"{len(failed)} failed"] if failed else []
    mark = Mark("bad", "failed") if failed else Mark("warn", "taken back") if back else Mark("ok", "deployed")
    return Line("Changes", mark, f"{joined(parts)}.", "/deployments")


def _asked_for(by_type: dict[str, list[Recorded]]) -> Line:
    begun = by_type.get("work.created", [])
    disputes = [e for e in begun if "dispute" in str(e.data["type"])]
    requests = [e for e in begun if "request" in str(e.data["type"])]
    questions = by_type.get("question.asked", [])
    counts = ((disputes, "disputes"), (requests, "requests"), (questions, "questions"))
    parts = [counted(len(events), word) for events, word in counts if events]
    if not parts:
        return Line("Asked", Mark("idle", "nothing"), "Nobody disputed or asked for anything.", "/requests")
    mark = Mark("warn", "disputed") if disputes else Mark("idle", "asked")
    return Line("Asked", mark, f"{joined(parts)}.", "/requests")


def _crossings(asked: Asked) -> Line:
    found = crossed(asked.served.reckoning.of(asked.snapshot).figures.values())
    if not found:
        return Line("KPIs", Mark("idle", "nothing"), "None crossed its target.", "/kpis?for=product")
    first = found[0]
    more = f" And {counted(len(found) - 1, 'others')}." if found[1:] else ""
    mark = Mark("bad", "off target") if first.is_red else Mark("ok", "on target")
    return Line("KPIs", mark, f"{crossing(first)}{more}", f"/kpis/{first.kpi.id}")
